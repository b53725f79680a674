# SPDX-License-Identifier: Apache-2.0
"""What a change does to the text of files, for people who are about to sign it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from gaitops.change.context import Change
from gaitops.content import Entry
from gaitops.report.text import Style, safe, styled

MAX_LINES = 400
"""Lines shown per file; a longer difference says how much is left out."""


def content_diff(change: Change) -> str:
    """Unified differences of every protected file, verified state against the proposed one."""
    return "\n".join(line for item in change.deltas for line in _file(change, item.path))


def _file(change: Change, path: str) -> Iterator[str]:
    before, after = change.entries[path]
    old = change.before.snapshot.read(before.oid) if before is not None else b""
    new = change.after.snapshot.read(after.oid) if after is not None else b""
    if b"\0" in old or b"\0" in new:
        yield f"{safe(path)}: binary, {len(old)} → {len(new)} bytes"
        return
    lines = list(
        difflib.unified_diff(
            _lines(old),
            _lines(new),
            f"verified/{path}" if before is not None else "nothing",
            f"proposed/{path}" if after is not None else "nothing",
            lineterm="",
        )
    )
    if not lines:
        yield f"{safe(path)}: {_unseen(before, after)}, {len(old)} → {len(new)} bytes"
    for line in lines[:MAX_LINES]:
        yield _coloured(safe(line))
    if len(lines) > MAX_LINES:
        yield styled(f"… {len(lines) - MAX_LINES} more lines of {path}; see git diff", Style.YELLOW)
    if before is not None and after is not None and before.mode != after.mode:
        yield f"mode of {safe(path)}: {before.mode} → {after.mode}"


def _lines(data: bytes) -> list[str]:
    """Lines with everything that tells them apart: a carriage return, bytes that are no text."""
    return data.decode("utf-8", "backslashreplace").split("\n") if data else []


def _unseen(before: Entry | None, after: Entry | None) -> str:
    """What happened to a file whose text shows no difference."""
    if before is None:
        return "a new, empty file"
    if after is None:
        return "an empty file is removed"
    return "the same text" if before.oid == after.oid else "other bytes that are written alike"


def _coloured(line: str) -> str:
    if line.startswith("+"):
        return styled(line, Style.GREEN)
    return styled(line, Style.RED) if line.startswith("-") else line
