# SPDX-License-Identifier: Apache-2.0
"""Worlds for stories about a history."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulator import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Alice, Bob and Carol hold root keys and every human role; one organization, ``acme``."""
    return World(tmp_path / "fleet")


@pytest.fixture
def neighbours(tmp_path: Path) -> World:
    """The same with a second organization, ``beta``."""
    return World(tmp_path / "fleet", orgs=("acme", "beta"))
