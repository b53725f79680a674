# SPDX-License-Identifier: Apache-2.0
"""Throw-away keys of a twin: one for every key of the real fleet, in files that are gone with the twin."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gaitops.signing.keyfiles import generate_private_key
from gaitops.signing.keys import fingerprint, parse_public_key

Kind = Literal["pem", "ssh"]
MakeSSH = Callable[[Path], None]
"""Makes an OpenSSH key pair in this file and the one beside it, as ``ssh-keygen`` does."""
_UNSAFE = re.compile(r"[^a-z0-9-]+")


@dataclass(frozen=True, slots=True)
class ThrowAway:
    """A key that only a twin knows."""

    file: str
    """Private half, relative to the folder of the keys; the public half lies beside it with ``.pub``."""
    public: str
    """As documents hold it."""
    fingerprint: str
    kind: Kind


@dataclass
class Keyring:
    """Makes keys in one folder, which exists, and remembers whose they are."""

    folder: Path
    make_ssh: MakeSSH
    by_owner: dict[str, list[ThrowAway]] = field(default_factory=dict)
    """Keys by principal or publisher, the newest last; a retired one is taken out."""
    root: dict[str, ThrowAway] = field(default_factory=dict)
    """Root key by principal."""
    publishers: dict[str, ThrowAway] = field(default_factory=dict)
    """Key by name of a publisher."""
    _made: dict[str, int] = field(default_factory=dict)

    def new(self, owner: str, label: str, kind: Kind = "pem") -> ThrowAway:
        """One more key of somebody; nothing says yet that it counts for anything.

        Raises:
            GaitopsError: ``key.*``, when the file cannot be written.
        """
        name = _UNSAFE.sub(".", f"{owner}.{label}")
        number = self._made[name] = self._made.get(name, 0) + 1
        suffix = f"-{number}" if number > 1 else ""
        file = f"{name}{suffix}.{'pem' if kind == 'pem' else 'ssh'}"
        path = self.folder / file
        if kind == "pem":
            generate_private_key(path)
        else:
            self.make_ssh(path)
        public = path.with_name(f"{file}.pub").read_text(encoding="utf-8")
        return ThrowAway(
            file, public.strip() if kind == "ssh" else public, fingerprint(parse_public_key(public)), kind
        )

    def give(self, owner: str, key: ThrowAway) -> None:
        """Let ``key`` be one with which ``owner`` signs."""
        self.by_owner.setdefault(owner, []).append(key)

    def take(self, owner: str, key: ThrowAway) -> None:
        """Let ``owner`` no longer sign with ``key``."""
        self.by_owner[owner] = [item for item in self.by_owner.get(owner, ()) if item is not key]

    def forget(self, owners: Iterable[str]) -> None:
        """Let people sign with nothing any more."""
        for owner in owners:
            self.by_owner.pop(owner, None)

    def daily(self, owner: str, kinds: frozenset[str] | None = None) -> ThrowAway | None:
        """The newest key of somebody, of one of these kinds (``key``, ``ssh``) if given; ``None`` without any."""
        for key in reversed(self.by_owner.get(owner, ())):
            if kinds is None or ("key" if key.kind == "pem" else "ssh") in kinds:
                return key
        return None
