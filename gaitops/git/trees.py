# SPDX-License-Identifier: Apache-2.0
"""Folders as Git stores them, and what differs between two of them.

Paths are reported as they are: names that are not UTF-8 carry surrogate escapes, so that whoever checks paths
refuses them; symlinks and submodules appear with their modes. Nothing in a tree is fatal, since a later commit
can replace it. A tree that tools may read differently (two entries of one name, names out of order, a slash in a name)
is presented as a folder with the single entry :data:`MALFORMED`, which no path or mode rule accepts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final

from gaitops.content import TREE_MODE, Entry
from gaitops.errors import VerificationError

RawEntry = tuple[bytes, bytes, bytes]
"""Mode, name and binary object id, as stored."""
ReadTree = Callable[[str], tuple[RawEntry, ...]]
"""Gives the entries of the tree with this id."""

MALFORMED: Final = "\udcff"
"""Name of the only entry of a malformed tree: one byte that is no UTF-8. Its mode is ``malformed``."""
MAX_DEPTH: Final = 64
"""Folders nested deeper than this are reported as entries of mode ``40000`` and not entered."""
MAX_PATHS: Final = 1_000_000
"""Paths that one comparison or walk may yield: a few shared subtrees can stand for more files than there are atoms."""

TOO_LARGE: Final = "git.too_large"
"""Code of the error beyond :data:`MAX_PATHS`. A later commit can repair it, so histories do not end there."""

_TREE_MODE_BYTES: Final = TREE_MODE.encode()
_FORBIDDEN_NAMES: Final = frozenset({b".", b".."})
_ENTRY: Final = re.compile(rb"([0-7]+) ([^\0/]+)\0(.{20})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TreeChange:
    """One path whose file differs; a side is ``None`` where there is no file at that path."""

    path: str
    before: Entry | None
    after: Entry | None


def parse_tree(oid: str, raw: bytes) -> tuple[RawEntry, ...]:
    """The entries of a raw tree object in stored order; a malformed tree has one that stands for all."""
    entries: list[RawEntry] = _ENTRY.findall(raw)
    # An entry takes its three parts, a space and a NUL. Matches that fill the object leave no gap for junk.
    filled = len(b"".join(chain.from_iterable(entries))) + 2 * len(entries)
    if filled != len(raw) or not _is_regular(entries):
        return ((b"malformed", name_bytes(MALFORMED), bytes.fromhex(oid)),)
    return tuple(entries)


def name_bytes(name: str) -> bytes:
    """The stored bytes of a name or path that came from this module."""
    return name.encode("utf-8", "surrogateescape")


def name_text(name: bytes) -> str:
    """The reverse of :func:`name_bytes`."""
    return name.decode("utf-8", "surrogateescape")


def entry_of(raw: RawEntry) -> Entry:
    """The public form of a stored entry."""
    return Entry(raw[0].decode(), raw[2].hex())


def tree_changes(
    read_tree: ReadTree, old: str | None, new: str | None, folder: str = "", skip: Collection[str] = ()
) -> list[TreeChange]:
    """Files that differ between two trees, sorted by path bytes.

    Args:
        read_tree: Gives the entries of a tree.
        old: Tree id before, or ``None`` when the folder did not exist.
        new: Tree id after, or ``None``.
        folder: Where these trees are; reported paths start with it.
        skip: Full paths of folders (or files) that are left out, with all below them.

    Raises:
        VerificationError: ``git.corrupt_object``, or ``git.too_large`` beyond :data:`MAX_PATHS` paths.
    """
    if old == new:
        return []
    skipped = frozenset(name_bytes(path) for path in skip)
    before: dict[bytes, RawEntry] = {}
    after: dict[bytes, RawEntry] = {}
    # Pairs of trees that sit at the same place; a side that is no folder there is None.
    pending: list[tuple[bytes, str | None, str | None]] = [(_prefix(folder), old, new)]
    count = 0
    while pending:
        prefix, old_tree, new_tree = pending.pop()
        gone, come = _differing(read_tree, old_tree, new_tree)
        count += len(gone) + len(come)
        _check_limit(count)
        folders: dict[bytes, list[str | None]] = {}
        for side, entries, files in ((0, gone, before), (1, come, after)):
            for entry in entries:
                path = prefix + entry[1]
                if path in skipped:
                    continue
                if entry[0] == _TREE_MODE_BYTES and prefix.count(b"/") < MAX_DEPTH:
                    folders.setdefault(path, [None, None])[side] = entry[2].hex()
                else:
                    files[path] = entry
        pending.extend((path + b"/", sides[0], sides[1]) for path, sides in folders.items())
    return [
        TreeChange(name_text(path), _optional(before.get(path)), _optional(after.get(path)))
        for path in sorted(before.keys() | after.keys())
    ]


def walk_tree(read_tree: ReadTree, tree: str, folder: str = "") -> Iterator[tuple[str, Entry]]:
    """All files below ``tree``, which sits at ``folder``, as full paths sorted by path bytes; errors as above."""
    count = 0
    # One iterator per open folder: stored order is the order of whole paths, because Git sorts a folder as "name/".
    stack: list[tuple[bytes, Iterator[RawEntry]]] = [(_prefix(folder), iter(read_tree(tree)))]
    while stack:
        prefix, entries = stack[-1]
        entry = next(entries, None)
        if entry is None:
            stack.pop()
            continue
        count += 1
        _check_limit(count)
        if entry[0] == _TREE_MODE_BYTES and prefix.count(b"/") < MAX_DEPTH:
            stack.append((prefix + entry[1] + b"/", iter(read_tree(entry[2].hex()))))
        else:
            yield name_text(prefix + entry[1]), entry_of(entry)


def children_of(entries: Iterable[RawEntry]) -> Mapping[str, Entry]:
    """Entries of one tree by name, in stored order."""
    return {name_text(entry[1]): entry_of(entry) for entry in entries}


def sort_key(mode: bytes, name: bytes) -> bytes:
    """What Git sorts the entries of a tree by."""
    return name + b"/" if mode == _TREE_MODE_BYTES else name


def _check_limit(count: int) -> None:
    if count > MAX_PATHS:
        raise VerificationError.of(TOO_LARGE, f"the tree holds more than {MAX_PATHS:,} paths")


def _is_regular(entries: list[RawEntry]) -> bool:
    """Whether every tool reads these entries alike: names in Git's order, each once, none for another folder."""
    keys = [entry[1] + b"/" if entry[0] == _TREE_MODE_BYTES else entry[1] for entry in entries]
    names = {entry[1] for entry in entries}
    return keys == sorted(keys) and len(names) == len(keys) and names.isdisjoint(_FORBIDDEN_NAMES)


def _differing(
    read_tree: ReadTree, old: str | None, new: str | None
) -> tuple[Collection[RawEntry], Collection[RawEntry]]:
    """Entries of each tree that the other does not have identically."""
    old_entries = () if old is None else read_tree(old)
    new_entries = () if new is None else read_tree(new)
    if not old_entries or not new_entries:
        return old_entries, new_entries
    if len(old_entries) == len(new_entries):
        # Mostly some entries have new content and nothing else changes; this finds them twice as fast as sets.
        pairs = [pair for pair in zip(old_entries, new_entries, strict=True) if pair[0] != pair[1]]
        if all(before[1] == after[1] for before, after in pairs):
            return [before for before, _ in pairs], [after for _, after in pairs]
    old_set, new_set = set(old_entries), set(new_entries)
    return old_set - new_set, new_set - old_set


def _optional(raw: RawEntry | None) -> Entry | None:
    return None if raw is None else entry_of(raw)


def _prefix(folder: str) -> bytes:
    return name_bytes(folder.rstrip("/")) + b"/" if folder else b""
