# SPDX-License-Identifier: Apache-2.0
"""A plain Git server: a bare repository with the hook installed, and people who push with the ``git`` program.

The hook is the console script beside this interpreter, started by Git itself with the real clock, so the world's story
takes place in the last hours.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gaitops.git.repository import Repository
from tests.simulator import World

GAITOPS = Path(sys.executable).with_name("gaitops")


@dataclass(frozen=True)
class Push:
    """How a push went."""

    code: int
    err: str

    @property
    def accepted(self) -> bool:
        """Whether Git moved every reference."""
        return self.code == 0


class Server:
    """A bare repository at ``path`` that accepts what its hook accepts.

    Attributes:
        home: Home folder of the server's user; checkpoints lie below it.
    """

    def __init__(self, folder: Path, trust_root: str, *, branch: str = "main") -> None:
        self.path = folder / "server.git"
        self.home = folder / "server-home"
        self.home.mkdir()
        self.trust_root = trust_root
        self.branch = branch
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }
        self.git("init", "--quiet", "--bare", "--initial-branch", branch, str(self.path), folder=folder)

    def git(self, *arguments: str, folder: Path | None = None) -> str:
        """Run ``git`` as the server's administrator, in the bare repository."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder or self.path,
            env=self.environ,
            check=True,
            capture_output=True,
            encoding="utf-8",
        )
        return done.stdout.strip()

    def install(self, *options: str) -> None:
        """Install the hook as docs/server-hook.md says."""
        words = [str(GAITOPS), "hook", "pre-receive", "--repo", ".", "--branch", self.branch, *options]
        if "--trust-root" not in options:
            words += ["--trust-root", f"sha256:{self.trust_root}"]
        hook = self.path / "hooks" / "pre-receive"
        hook.write_text(f"#!/bin/sh\nexec {shlex.join(words)}\n")
        hook.chmod(0o755)

    def push(
        self,
        world: World,
        *refspecs: str,
        options: tuple[str, ...] = (),
        environ: Mapping[str, str] | None = None,
    ) -> Push:
        """Push from a world's repository."""
        return self.push_from(world.path, *refspecs, options=options, environ=environ)

    def push_from(
        self,
        folder: Path,
        *refspecs: str,
        options: tuple[str, ...] = (),
        environ: Mapping[str, str] | None = None,
    ) -> Push:
        """Push from a repository."""
        done = subprocess.run(
            ["git", "push", *options, str(self.path), *refspecs],
            cwd=folder,
            env={**self.environ, **(environ or {})},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        return Push(done.returncode, done.stderr)

    def hook(
        self, stdin: str = "", *options: str, environ: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Run the hook by hand; exit code and JSON document."""
        words = [str(GAITOPS), "hook", "pre-receive", "--branch", self.branch, "--json", *options]
        done = subprocess.run(
            [*words, "--trust-root", f"sha256:{self.trust_root}"],
            cwd=self.path,
            env={**self.environ, **(environ or {})},
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        return done.returncode, json.loads(done.stdout)

    def head(self, reference: str | None = None) -> str | None:
        """Where a reference of the server points to."""
        target: str | None = Repository.open(self.path).references.target(
            reference or f"refs/heads/{self.branch}"
        )
        return target

    def checkpoints(self) -> dict[str, bytes]:
        """Checkpoint files of the server's user by name."""
        return {path.name: path.read_bytes() for path in self.home.rglob("*.db")}
