# SPDX-License-Identifier: Apache-2.0
"""Fixtures for tests of the Git layer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.git.box import GitBox


@pytest.fixture
def box(tmp_path: Path) -> GitBox:
    """An empty repository with the unborn branch main."""
    return GitBox(tmp_path)
