# SPDX-License-Identifier: Apache-2.0
"""Installing exactly one gaitops: from an index, a wheel, a requirements file with hashes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.actions.conftest import VERSION, context, surroundings, wheel
from tests.actions.runner import Job, Outcome


def install(folder: Path, **inputs: str) -> Outcome:
    """The first step of an action whose second one ends at once, for want of its inputs."""
    for name in ("workspace", "temp"):
        (folder / name).mkdir(exist_ok=True)
    environ = {**surroundings(folder / "home"), "PIP_FIND_LINKS": str(folder / "wheels")}
    job = Job(folder / "workspace", folder / "temp", context(), environ)
    return job.run("verify", **{"token": "", **inputs})


def program(done: Outcome) -> Path:
    return Path(done.outputs["gaitops-path"])


def test_requirements_with_hashes(tmp_path: Path) -> None:
    """A file with hashes is installed as pip does, once per job; another content is another installation."""
    data = wheel(tmp_path / "wheels").read_bytes()
    file = tmp_path / "requirements.txt"
    file.write_text(f"gaitops=={VERSION} --hash=sha256:{hashlib.sha256(data).hexdigest()}\n")
    done = install(tmp_path, requirements=str(file))
    assert program(done).exists()
    (program(done).parents[1] / "kept").touch()
    again = install(tmp_path, requirements=str(file))
    assert (program(again).parents[1] / "kept").exists()
    file.write_text(f"gaitops=={VERSION} --hash=sha256:{'0' * 64}\n")
    wrong = install(tmp_path, requirements=str(file))
    assert wrong.code == 1
    assert wrong.outputs["gaitops-path"] == ""
    assert "hash" in wrong.log.lower()


def test_wheel_and_traps(tmp_path: Path) -> None:
    """A wheel by its path; modules in the working folder take no part."""
    path = wheel(tmp_path / "elsewhere")
    (tmp_path / "workspace").mkdir()
    for name in ("venv.py", "hashlib.py", "ensurepip.py", "pip.py"):
        (tmp_path / "workspace" / name).write_text("import os\nos.abort()\n")
    assert program(install(tmp_path, install=str(path))).exists()


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"version": "1.0", "install": "x"},
        {"version": "1.0 --index-url http://x"},
        {"version": "-r x"},
        {"install": "--index-url=http://x"},
        {"requirements": "nowhere.txt"},
    ],
)
def test_refused(tmp_path: Path, inputs: dict[str, str]) -> None:
    """Not one way, or not a plain value: nothing is installed."""
    done = install(tmp_path, **inputs)
    assert (done.code, [item.title for item in done.annotations]) == (6, ["gaitops is not installed"])
