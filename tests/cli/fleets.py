# SPDX-License-Identifier: Apache-2.0
"""Fleets made by the command line itself, with real key files and the user's own ``git``."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from gaitops.signing.keyfiles import generate_private_key
from tests.cli.harness import Invoke, Run

PEOPLE = ("alice", "bob", "carol")


class Fleet:
    """A folder ``fleet`` made by ``gaitops init`` and a folder ``keys`` beside it.

    Attributes:
        path: working tree of the fleet repository.
        made: the run of ``gaitops init --json``.
    """

    def __init__(
        self,
        gaitops: Invoke,
        folder: Path,
        *options: str | Path,
        private: Sequence[str] = PEOPLE,
        public: Sequence[str] = (),
    ) -> None:
        self.gaitops = gaitops
        self.path = folder / "fleet"
        self._keys = folder / "keys"
        self._keys.mkdir()
        people = [f"{name}={self.key(name)}" for name in private]
        people += [f"{name}={self.key(name)}.pub" for name in public]
        self.made = gaitops(
            "init",
            self.path,
            "--fleet",
            "larkspur",
            *[word for person in people for word in ("--root-key", person)],
            "--publisher-key",
            f"{self.key('publisher')}.pub",
            *options,
            "--json",
        )

    @property
    def trust_root(self) -> str:
        """What ``gaitops init`` printed."""
        digest: str = self.made.json["trustRoot"]
        return digest

    def key(self, name: str) -> Path:
        """The private key file of this name, made when it is first asked for."""
        path = self._keys / f"{name}.pem"
        if not path.exists():
            generate_private_key(path)
        return path

    def git(self, *arguments: str) -> str:
        """Run ``git`` in the working tree and return what it prints."""
        identity = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com")
        command = ["git", "-C", str(self.path), *identity, *arguments]
        done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
        return done.stdout

    def commit(self, message: str = "change") -> None:
        """Commit everything in the working tree to the branch that is checked out."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def approve(
        self, name: str, head: str = "main", *, verb: str = "approve", root: str | None = None
    ) -> Run:
        """``gaitops approve`` (or another verb) by ``name``, and a commit of the envelope."""
        key = ("--as", name, "--key", self.key(name), "--yes", "--json")
        trust = ("--trust-root", root or self.trust_root)
        run = self.gaitops(verb, "--repo", self.path, "--base", "main", "--head", head, *trust, *key)
        if run.code == 0:
            self.commit(f"{verb} by {name}")
        return run

    def trust(self, verb: str, *arguments: str | Path) -> Run:
        """``gaitops trust VERB --json`` on the working tree."""
        return self.gaitops("trust", verb, "--repo", self.path, *arguments, "--json")

    def sign(self, name: str, *arguments: str | Path) -> Run:
        """``gaitops trust sign`` with the key file of ``name``."""
        return self.trust("sign", "--key", self.key(name), "--yes", *arguments)

    def verify(self, root: str | None = None) -> Run:
        """``gaitops verify --json`` on main."""
        return self.gaitops("verify", "--repo", self.path, "--trust-root", root or self.trust_root, "--json")
