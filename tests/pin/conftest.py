# SPDX-License-Identifier: Apache-2.0
"""A fleet, a consumer, and a consumer that has pinned."""

from __future__ import annotations

from pathlib import Path

import pytest

from gaitops.pin.update import init_pin
from tests.pin.pin_builder import NOW, REQUEST
from tests.release.release_builder import Fleet


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    """A fleet with one release, made now."""
    fleet = Fleet(tmp_path / "out", time=NOW)
    fleet.publish(first=True)
    return fleet


@pytest.fixture
def consumer(tmp_path: Path) -> Path:
    """An empty consumer repository."""
    folder = tmp_path / "consumer"
    folder.mkdir()
    return folder


@pytest.fixture
def pinned(fleet: Fleet, consumer: Path) -> Path:
    """A consumer that has pinned release 1."""
    init_pin(consumer, fleet.source, fleet.trust_root, [REQUEST], NOW)
    return consumer
