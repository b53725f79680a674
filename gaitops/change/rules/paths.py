# SPDX-License-Identifier: Apache-2.0
"""What may lie under protected paths at all (design 5; threats G6, G7, D2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gaitops.change.context import Change
from gaitops.content import Snapshot
from gaitops.documents.validate import entry_problems
from gaitops.errors import Problem


def check_paths(change: Change) -> Iterator[Problem]:
    """Regular files with portable names only; nothing that another platform would read as another path."""
    folders: dict[str, Mapping[str, list[str]]] = {}
    for item in change.deltas:
        entry = change.entries[item.path][1]
        if entry is None:
            continue
        problems = tuple(entry_problems(item.path, entry, change.after.snapshot))
        yield from problems
        if not problems and item.before is None:
            yield from _collisions(item.path, change.after.snapshot, folders)


def _collisions(
    path: str, snapshot: Snapshot, folders: dict[str, Mapping[str, list[str]]]
) -> Iterator[Problem]:
    """Names in one folder that a case-insensitive file system takes for one (threat G7).

    ``folders`` keeps what was found of each folder, so that large ones are read once.
    """
    folder = ""
    for part in path.split("/"):
        if folder not in folders:
            folders[folder] = _by_case(snapshot, folder)
        twins = [name for name in folders[folder].get(part.casefold(), ()) if name != part]
        if twins:
            yield Problem(
                "git.unsafe_path",
                f"{part!r} and {twins[0]!r} in {folder or 'the root folder'} differ only in case",
                path=path,
                remedy="rename one of them",
            )
            return
        folder = f"{folder}/{part}" if folder else part


def _by_case(snapshot: Snapshot, folder: str) -> Mapping[str, list[str]]:
    """Names in a folder by what is left of them when case does not count."""
    found: dict[str, list[str]] = {}
    for name in snapshot.children(folder):
        found.setdefault(name.casefold(), []).append(name)
    return found
