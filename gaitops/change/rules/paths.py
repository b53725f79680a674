# SPDX-License-Identifier: Apache-2.0
"""What may lie under protected paths at all (design 5; threats G6, G7, D2)."""

from __future__ import annotations

from collections.abc import Iterator

from gaitops.change.context import Change
from gaitops.content import FILE_MODES, Entry, Snapshot
from gaitops.documents.layout import path_problem
from gaitops.errors import Problem

_LFS_MARK = b"version https://git-lfs.github.com/spec/"


def check_paths(change: Change) -> Iterator[Problem]:
    """Regular files with portable names only; nothing that another platform would read as another path."""
    for item in change.deltas:
        entry = change.entries[item.path][1]
        if entry is None:
            continue
        problem = path_problem(item.path)
        if problem is not None:
            yield problem
        elif entry.mode not in FILE_MODES:
            yield Problem(
                "git.unsupported_entry",
                f"mode {entry.mode} is not a regular file; symbolic links and submodules are not allowed here",
                path=item.path,
                remedy="commit a regular file",
            )
        elif change.after.snapshot.read(entry.oid).startswith(_LFS_MARK):
            yield Problem(
                "git.unsupported_entry",
                "a Git LFS pointer stands where the content should be",
                path=item.path,
                remedy="commit the content itself",
            )
        elif item.before is None:
            yield from _collisions(item.path, change.after.snapshot)


def _collisions(path: str, snapshot: Snapshot) -> Iterator[Problem]:
    """Names in one folder that a case-insensitive file system takes for one (threat G7)."""
    folder, parts = "", path.split("/")
    for part in parts:
        names: dict[str, Entry] = dict(snapshot.children(folder))
        twins = [name for name in names if name != part and name.casefold() == part.casefold()]
        if twins:
            yield Problem(
                "git.unsafe_path",
                f"{part!r} and {twins[0]!r} in {folder or 'the root folder'} differ only in case",
                path=path,
                remedy="rename one of them",
            )
            return
        folder = f"{folder}/{part}" if folder else part
