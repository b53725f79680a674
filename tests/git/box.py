# SPDX-License-Identifier: Apache-2.0
"""A real repository driven by the git program, apart from the settings of whoever runs the tests."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

NOON = 1_700_000_000


class GitBox:
    """One repository below ``root``; every command runs in a clean environment."""

    def __init__(self, root: Path, name: str = "repo", *, init: bool = True) -> None:
        self.root = root
        self.path = root / name
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(root),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }
        if init:
            self.path.mkdir(parents=True)
            self("init", "-q", "-b", "main")
            self("config", "user.name", "Ada")
            self("config", "user.email", "ada@example.com")

    @property
    def dot_git(self) -> Path:
        return self.path / ".git"

    def __call__(
        self, *arguments: str, data: bytes | None = None, env: Mapping[str, str] | None = None
    ) -> str:
        return self.raw(*arguments, data=data, env=env).decode().strip()

    def raw(self, *arguments: str, data: bytes | None = None, env: Mapping[str, str] | None = None) -> bytes:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            input=data,
            capture_output=True,
            env={**self.environ, **(env or {})},
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def commit(
        self, files: Mapping[str, str | None], message: str = "change", *options: str, when: int = NOON
    ) -> str:
        """Write or remove files, commit all, and return the commit id."""
        for path, text in files.items():
            file = self.path / path
            if text is None:
                file.unlink()
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(text.encode())
        self("add", "-A")
        dates = {"GIT_AUTHOR_DATE": f"{when} +0000", "GIT_COMMITTER_DATE": f"{when} +0000"}
        self("commit", "-q", "--allow-empty", "-m", message, *options, env=dates)
        return self("rev-parse", "HEAD")

    def store(self, kind: str, data: bytes) -> str:
        """Store an object as it is, however malformed, and return its id."""
        return self("hash-object", "-w", "-t", kind, "--stdin", "--literally", data=data)

    def loose(self, oid: str) -> Path:
        """File of a loose object."""
        return self.dot_git / "objects" / oid[:2] / oid[2:]
