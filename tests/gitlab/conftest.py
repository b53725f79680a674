# SPDX-License-Identifier: Apache-2.0
"""A forge and the fleet of the release stories, for tests that need Node.js."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.release_tools import scene, story
from tests.gitlab.forge import Forge, serving
from tests.gitlab.pipelines import MISSING, installed

__all__ = ["scene", "story"]


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    """A running forge with no projects yet."""
    if not installed():
        pytest.skip(MISSING)
    folder = tmp_path / "forge"
    folder.mkdir()
    with serving(folder) as server:
        yield server
