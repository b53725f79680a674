# SPDX-License-Identifier: Apache-2.0
"""Pipelines of GitLab, run by ``gitlab-ci-local`` in a clone as a runner makes it, without containers."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "tools/node_modules/gitlab-ci-local/src/index.js"
COMPONENTS = ROOT / "gaitops/templates/gitlab-ci"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
"""Of ``acme/gaitops-ci``, the project that holds the components, as docs/ci-gitlab.md says to make it."""
MISSING = "needs Node.js and gitlab-ci-local: npm ci --ignore-scripts --prefix tools"
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_RESULT = re.compile(
    r"^(?!pipeline )(?P<job>\S+) +finished in .*?(?:(?P<mark>WARN|FAIL) (?P<code>\d+) *)?$", re.MULTILINE
)


@dataclass(frozen=True)
class Pipeline:
    """What a pipeline did.

    Attributes:
        log: Everything that jobs and the program printed.
        jobs: The mark of each job that ran: ``PASS``, ``WARN`` (allowed to fail) or ``FAIL``, and its exit code.
            (The exit code of ``gitlab-ci-local`` itself does not tell them apart.)
    """

    log: str
    jobs: dict[str, tuple[str, int]]


def installed() -> bool:
    """Whether pipelines can be run here."""
    return shutil.which("node") is not None and PROGRAM.is_file()


def jobs(folder: Path) -> list[dict[str, Any]]:
    """All jobs of a pipeline that GitLab's schema accepts, whether they would run or not."""
    done = _gitlab_ci_local(folder, folder, "--list-json")
    assert done.returncode == 0, done.stderr
    listed: list[dict[str, Any]] = json.loads(done.stdout)
    return listed


def run(clone: Path, variables: Mapping[str, str], *names: str) -> Pipeline:
    """Run the pipeline of a clone with these CI/CD variables; its own state stays out of the clone."""
    given = [word for name, value in variables.items() for word in ("--variable", f"{name}={value}")]
    # The schema of GitLab's language takes long to compile; test_components.py validates every component by it.
    options = ("--force-shell-executor", "--no-json-schema-validation")
    known = ("--ignore-predefined-vars", ",".join(variables))
    done = _gitlab_ci_local(clone, clone.parent, *options, *known, *given, *names)
    log = _COLOUR.sub("", f"{done.stdout}\n{done.stderr}")
    assert "parsing and downloads finished" in log, log
    marks = {
        match["job"]: (match["mark"] or "PASS", int(match["code"] or 0)) for match in _RESULT.finditer(log)
    }
    return Pipeline(log, marks)


def _gitlab_ci_local(folder: Path, beside: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    home = beside / "runner"
    home.mkdir(exist_ok=True)
    # What GitLab would have fetched. gitlab-ci-local can do that too, but trips over itself now and then when a
    # pipeline includes two components of one project, and knows branches only.
    for group in ("acme", "platform"):
        fetched = folder / f".git/ci/includes/127.0.0.1/{group}/gaitops-ci/{COMMIT}/templates"
        shutil.copytree(COMPONENTS, fetched, dirs_exist_ok=True)
    node = shutil.which("node")
    assert node is not None
    settings = {
        "PATH": os.pathsep.join([str(_programs(home)), os.environ["PATH"]]),
        "HOME": str(home),
        "TMPDIR": str(home),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "NO_COLOR": "1",
        "FORCE_COLOR": "0",
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        [node, str(PROGRAM), "--state-dir", ".git/ci", "--home", str(home), *arguments],
        cwd=folder,
        env=settings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def _programs(home: Path) -> Path:
    """A folder with the ``gaitops`` that is under test.

    ``gitlab-ci-local`` also calls ``rsync``, always, to fill a folder that only containers use: not needed here.
    """
    folder = home / "bin"
    folder.mkdir(exist_ok=True)
    programs = {"gaitops": f"exec '{sys.executable}' -P -m gaitops \"$@\"", "rsync": "exit 0"}
    for name, line in programs.items():
        program = folder / name
        program.write_text(f"#!/bin/sh\n{line}\n")
        program.chmod(0o755)
    return folder
