# SPDX-License-Identifier: Apache-2.0
"""Looking up files of a consumer repository as its tools would: through symbolic links, and never out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gaitops.content import FILE_MODES, SYMLINK_MODE, Snapshot

MAX_LINKS: Final = 8


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file at the end of all links."""

    path: str
    data: bytes


def find_file(snapshot: Snapshot, path: str) -> Found | None:
    """The regular file that ``path`` leads to; ``None`` when there is none, or when it lies outside the repository.

    ``path`` is relative to the top of the repository, as a tool that runs there reads it.
    """
    current = _joined("", path)
    for _ in range(MAX_LINKS):
        if current is None:
            return None
        entry = snapshot.entry(current)
        if entry is None:
            return None
        if entry.mode in FILE_MODES:
            return Found(current, snapshot.read(entry.oid))
        if entry.mode != SYMLINK_MODE:
            return None
        current = _joined(current.rpartition("/")[0], snapshot.read(entry.oid).decode("utf-8", "replace"))
    return None


def _joined(folder: str, path: str) -> str | None:
    """``path`` seen from ``folder``, without ``.`` and ``..``; ``None`` outside the repository."""
    if path.startswith(("/", "~")) or "\\" in path or "\0" in path:
        return None
    segments = folder.split("/") if folder else []
    for segment in path.split("/"):
        if segment in {"", "."}:
            continue
        if segment == "..":
            if not segments:
                return None
            segments.pop()
        else:
            segments.append(segment)
    return "/".join(segments) or None
