# SPDX-License-Identifier: Apache-2.0
"""The hooks that ``.pre-commit-hooks.yaml`` offers: which files start them, and what their entries find."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.attacks.release_tools import Scene, scene, story

__all__ = ["scene", "story"]
MANIFEST = Path(__file__).parents[1] / ".pre-commit-hooks.yaml"
POLICY = ".gaitops/production/enforced/gait.policy.yaml"


def _hooks() -> dict[str, dict[str, Any]]:
    return {hook["id"]: hook for hook in yaml.safe_load(MANIFEST.read_bytes())}


def _run(hook: str, folder: Path, scene: Scene) -> tuple[int, str]:
    """Exit code and output of a hook's entry at the top of a repository, as pre-commit starts it."""
    program, *arguments = shlex.split(_hooks()[hook]["entry"])
    assert program == "gaitops"
    settings = {name: value for name, value in scene.environment().items() if value is not None}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "gaitops", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(MANIFEST.parent), **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def _work_tree(scene: Scene) -> Path:
    """The fleet of the story as somebody checks it out."""
    work = scene / "work"
    subprocess.run(["git", "clone", "--quiet", "--branch", "main", scene / "fleet", work], check=True)
    return work


def test_manifest_is_complete() -> None:
    """Both hooks say what pre-commit asks for, and get no file names: each looks at the whole."""
    assert list(_hooks()) == ["gaitops-validate", "gaitops-pin-verify"]
    for hook in _hooks().values():
        assert {"id", "name", "description", "entry", "language", "files"} <= hook.keys()
        assert hook["language"] == "python"
        assert hook["pass_filenames"] is False


@pytest.mark.parametrize(
    ("hook", "path", "starts"),
    [
        ("gaitops-validate", "fleet.yaml", True),
        ("gaitops-validate", "orgs/acme/policies/guard/versions/1.0.0/gait.policy.yaml", True),
        ("gaitops-validate", "trust/roles/approvers.yaml", True),
        ("gaitops-validate", "README.md", False),
        ("gaitops-validate", "docs/fleet.yaml", False),
        ("gaitops-pin-verify", POLICY, True),
        ("gaitops-pin-verify", "src/.gaitops/x", False),
    ],
)
def test_files_that_start_a_hook(hook: str, path: str, *, starts: bool) -> None:
    """A hook starts for the files that it looks at, and for no others."""
    assert bool(re.search(_hooks()[hook]["files"], path)) is starts


def test_validate_accepts_a_fleet_and_names_what_is_broken(scene: Scene) -> None:
    """A sound fleet repository passes; a mistake is reported with its line."""
    work = _work_tree(scene)
    assert _run("gaitops-validate", work, scene)[0] == 0
    with (work / "fleet.yaml").open("a") as file:
        file.write("surprise: 1\n")
    code, said = _run("gaitops-validate", work, scene)
    assert code == 6
    assert re.search(r"fleet\.yaml:\d+:\d+: .*surprise", said)


def test_pin_verify_notices_one_byte(scene: Scene) -> None:
    """A pin as it was written passes; an edited policy does not."""
    assert _run("gaitops-pin-verify", scene / "pinned", scene)[0] == 0
    with (scene / "pinned" / POLICY).open("a") as file:
        file.write("\n")
    code, said = _run("gaitops-pin-verify", scene / "pinned", scene)
    assert code == 2
    assert "pin.mismatch" in said
