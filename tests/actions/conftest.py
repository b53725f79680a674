# SPDX-License-Identifier: Apache-2.0
"""A runner with gaitops installed by the actions' own script, a fleet on a remote, and a forge beside it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.actions.runner import ACTIONS, Job
from tests.actions.server import Server, serve
from tests.cli.conftest import gaitops
from tests.cli.harness import Invoke
from tests.cli.test_approvals import Desk

__all__ = ["gaitops"]
VERSION = "0.0.1"
_PROGRAM = """import os, sys
def main():
    os.execv({real!r}, [{real!r}, *sys.argv[1:]])
"""


def wheel(folder: Path, version: str = VERSION) -> Path:
    """A wheel ``gaitops`` whose program is the gaitops of this checkout."""
    name = f"gaitops-{version}"
    info = f"{name}.dist-info"
    real = str(Path(sys.executable).parent / "gaitops")
    files = {
        "gaitops_program.py": _PROGRAM.format(real=real),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: gaitops\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\ngaitops = gaitops_program:main\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in files.items():
            archive.writestr(member, text)
    return path


def surroundings(home: Path) -> dict[str, str]:
    """The environment of every step: nothing of whoever runs the tests, and no package index."""
    home.mkdir(exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_CONFIG_FILE": os.devnull,
        "GITHUB_SERVER_URL": "https://github.test",
        "GITHUB_REPOSITORY": "acme/fleet",
        "GITHUB_RUN_ID": "77",
    }


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of temporary files of a job in which the actions' script has installed gaitops."""
    temp = tmp_path_factory.mktemp("runner")
    environ = {
        **surroundings(temp / "home"),
        "RUNNER_TEMP": str(temp),
        "GITHUB_OUTPUT": str(temp / "output"),
        "INSTALL_VERSION": VERSION,
        "INSTALL_REQUIREMENT": "",
        "INSTALL_FILE": "",
        "PIP_FIND_LINKS": str(wheel(temp / "wheels").parent),
    }
    subprocess.run(["bash", ACTIONS / "lib/install.sh"], env=environ, check=True, stdout=subprocess.DEVNULL)
    return temp


@pytest.fixture
def forge() -> Iterator[Server]:
    """GitHub."""
    with serve() as server:
        yield server


def context(**event: Any) -> dict[str, Any]:
    """The context ``github`` of a run."""
    return {
        "event": {"repository": {"default_branch": "main"}, **event},
        "token": "job-token",
        "ref": "refs/heads/main",
        "sha": "",
        "server_url": "https://github.test",
        "repository": "acme/fleet",
    }


class Site:
    """A fleet with a pull request, its clone on a runner, and the forge."""

    def __init__(self, desk: Desk, installed: Path, folder: Path, forge: Server) -> None:
        self.desk, self.forge = desk, forge
        self.workspace, self.temp = folder / "workspace", folder / "temp"
        self.temp.mkdir()
        for item in installed.glob("gaitops-*"):
            (self.temp / item.name).symlink_to(item)
        self.environ = {**surroundings(folder / "runner"), "GITHUB_API_URL": forge.address}
        self._git(
            "clone", "--quiet", "--single-branch", "--branch", "main", str(desk.remote), str(self.workspace)
        )

    def _git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], check=True, capture_output=True, env=self.environ)

    @property
    def head(self) -> str:
        """Newest commit of the pull request."""
        return self.desk.git("rev-parse", "topic")

    def push(self, reference: str = "refs/heads/topic") -> None:
        """Send the topic branch to the forge, as a branch or as ``refs/pull/7/head`` of a fork's pull request."""
        self.desk.git("push", "--quiet", "--force", "origin", f"topic:{reference}")

    def job(self, github: Mapping[str, Any] | None = None, **environ: str) -> Job:
        """A job that the pull request starts."""
        event = {"pull_request": {"number": 7, "base": {"ref": "main"}, "head": {"sha": self.head}}}
        return Job(self.workspace, self.temp, github or context(**event), {**self.environ, **environ})

    @property
    def trust_root(self) -> str:
        """What the settings of the repository hold."""
        return f"sha256:{self.desk.fleet.trust_root}"


@pytest.fixture
def site(gaitops: Invoke, installed: Path, tmp_path: Path, forge: Server) -> Site:
    """A change that nobody has proposed or approved yet."""
    (tmp_path / "desk").mkdir()
    site = Site(Desk(gaitops, tmp_path / "desk"), installed, tmp_path, forge)
    site.push()
    return site
