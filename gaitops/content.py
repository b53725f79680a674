# SPDX-License-Identifier: Apache-2.0
"""Content of a tree of files, independent of where it comes from.

:class:`Snapshot` is the seam between the pure packages and Git: ``fleet`` and ``change`` read a
fleet repository only through it, so they can be run and tested without a repository.
Paths are POSIX, relative, without a leading slash; the root folder is the empty string.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

TREE_MODE = "40000"
"""Git's mode of a folder, as written in raw tree objects."""
FILE_MODES = frozenset({"100644", "100755"})
"""The only modes that protected paths may have (design 5)."""

SYMLINK_MODE = "120000"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder at some path: its Git mode and an opaque object id that locates its bytes.

    Object ids only locate and compare content within one source; authority rests on SHA-256 of the bytes.
    """

    mode: str
    oid: str


class Snapshot(Protocol):
    """Read-only content of one state of a fleet repository."""

    def entry(self, path: str) -> Entry | None:
        """The entry at exactly ``path``, file or folder; ``None`` when there is none."""

    def children(self, folder: str) -> Mapping[str, Entry]:
        """Direct children of ``folder`` by name; empty when the folder does not exist."""

    def walk(self, folder: str) -> Iterator[tuple[str, Entry]]:
        """All entries below ``folder`` that are not folders, as full paths, sorted by path bytes."""

    def read(self, oid: str) -> bytes:
        """The bytes of the file with this object id."""

    def sha256(self, oid: str) -> str:
        """Lowercase hex SHA-256 of those bytes."""


class MemorySnapshot:
    """A snapshot of files held in memory: for documents that are not committed yet, and for tests."""

    def __init__(self, files: Mapping[str, bytes], *, executable: frozenset[str] = frozenset()) -> None:
        self._blobs: dict[str, bytes] = {}
        self._folders: dict[str, dict[str, Entry]] = {"": {}}
        for path in sorted(files, key=str.encode):
            data = files[path]
            oid = hashlib.sha256(data).hexdigest()
            self._blobs[oid] = data
            self._place(path, Entry("100755" if path in executable else "100644", oid))

    def _place(self, path: str, entry: Entry) -> None:
        folder, _, name = path.rpartition("/")
        if folder not in self._folders:
            self._folders[folder] = {}
            self._place(folder, Entry(TREE_MODE, "memory:" + folder))
        self._folders[folder][name] = entry

    def entry(self, path: str) -> Entry | None:
        """See :meth:`Snapshot.entry`."""
        folder, _, name = path.rpartition("/")
        return self._folders.get(folder, {}).get(name)

    def children(self, folder: str) -> Mapping[str, Entry]:
        """See :meth:`Snapshot.children`."""
        return self._folders.get(folder, {})

    def walk(self, folder: str) -> Iterator[tuple[str, Entry]]:
        """See :meth:`Snapshot.walk`."""
        return walk_children(self, folder)

    def read(self, oid: str) -> bytes:
        """See :meth:`Snapshot.read`."""
        return self._blobs[oid]

    def sha256(self, oid: str) -> str:
        """See :meth:`Snapshot.sha256`; object ids of this class are the digests themselves."""
        return oid


def walk_children(snapshot: Snapshot, folder: str) -> Iterator[tuple[str, Entry]]:
    """Walk below ``folder`` using only :meth:`Snapshot.children`, in the order of full path bytes."""
    prefix = folder + "/" if folder else ""

    def order(item: tuple[str, Entry]) -> bytes:
        # A folder sorts as if its name ended in "/", which makes the walk's order that of whole paths.
        name, entry = item
        return (name + "/" if entry.mode == TREE_MODE else name).encode("utf-8", "surrogateescape")

    for name, entry in sorted(snapshot.children(folder).items(), key=order):
        if entry.mode == TREE_MODE:
            yield from walk_children(snapshot, prefix + name)
        else:
            yield prefix + name, entry
