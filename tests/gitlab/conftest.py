# SPDX-License-Identifier: Apache-2.0
"""A forge with the components and the fleet of the release stories, for tests that need Node.js."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.release_tools import scene, story
from tests.gitlab.forge import Forge, serving
from tests.gitlab.pipelines import MISSING, component_project, installed

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


@pytest.fixture(scope="session")
def component_repository(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The project of the components, made once a process."""
    return component_project(tmp_path_factory.mktemp("components"))


@pytest.fixture
def components(forge: Forge, component_repository: tuple[Path, str]) -> str:
    """The commit of ``acme/gaitops-ci`` to which pipelines pin their components."""
    bare, commit = component_repository
    shutil.copytree(bare, forge.folder / "acme/gaitops-ci.git")
    return commit
