# SPDX-License-Identifier: Apache-2.0
"""Deltas: exactly which bytes a change replaces (design 1 and 6)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gaitops.content import FILE_MODES, SYMLINK_MODE, Entry, Snapshot
from gaitops.signing.canonical import canonical_json


@dataclass(frozen=True, slots=True)
class Delta:
    """One path with its mode and the SHA-256 of its bytes before and after; either side may be absent.

    ``mode`` is the mode after the change, or the mode before it when the file is removed, so that a change
    of mode alone is a delta with equal digests. Equal digests *and* mode make an affirmation, not a change.
    """

    path: str
    mode: str
    before: str | None
    after: str | None

    def to_json(self) -> dict[str, str | None]:
        """The form that is signed (design 6)."""
        return {"path": self.path, "mode": self.mode, "before": self.before, "after": self.after}


def delta(path: str, before: Entry | None, after: Entry | None, source: Snapshot) -> Delta:
    """The delta of one path; ``source`` finds the bytes of both sides."""
    kept = after if after is not None else before
    if kept is None:
        raise ValueError(f"{path} exists on neither side")
    return Delta(path, kept.mode, _content_digest(before, source), _content_digest(after, source))


def _content_digest(entry: Entry | None, source: Snapshot) -> str | None:
    if entry is None:
        return None
    if entry.mode in FILE_MODES or entry.mode == SYMLINK_MODE:
        return source.sha256(entry.oid)
    # A submodule and the like has no bytes of its own; rules.paths refuses it wherever it is protected.
    return hashlib.sha256(f"{entry.mode} {entry.oid}".encode()).hexdigest()


def ordered(deltas: Iterable[Delta]) -> tuple[Delta, ...]:
    """Deltas in the order in which they are signed: by path bytes."""
    return tuple(sorted(deltas, key=lambda item: item.path.encode()))


def deltas_digest(trust_root: str, deltas: Iterable[Delta]) -> str:
    """The subject of an approval: SHA-256 of the JCS form of fleet and deltas (design 6).

    Args:
        trust_root: SHA-256 of root version 1, which names the fleet, so that an approval of one fleet means
            nothing in another.
        deltas: in any order.
    """
    body = {"fleet": trust_root, "deltas": [item.to_json() for item in ordered(deltas)]}
    return hashlib.sha256(canonical_json(body)).hexdigest()


def delta_from_json(value: Mapping[str, object]) -> Delta | None:
    """A delta as it stands in an envelope; ``None`` when its shape is wrong."""
    path, mode = value.get("path"), value.get("mode")
    before, after = value.get("before"), value.get("after")
    if set(value) != {"path", "mode", "before", "after"}:
        return None
    if not isinstance(path, str) or not isinstance(mode, str):
        return None
    if not (before is None or isinstance(before, str)) or not (after is None or isinstance(after, str)):
        return None
    return Delta(path, mode, before, after)
