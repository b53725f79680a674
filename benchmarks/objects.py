# SPDX-License-Identifier: Apache-2.0
"""Raw Git objects into one pack file, and a tree of files that hashes only what changed.

Ten thousand commits through ``git commit`` take minutes; written as one pack they take seconds.
"""

from __future__ import annotations

import hashlib
import subprocess
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Self

from gaitops.content import TREE_MODE, Entry, walk_children

_TYPES: Final = {"commit": 1, "tree": 2, "blob": 3}
_LEVEL: Final = 1
"""Compression while writing; ``git gc`` compresses the repository properly afterwards."""


class PackWriter:
    """Objects of a repository, each stored once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")
        self._file.write(_header(0))
        self._known: set[str] = set()

    def add(self, kind: str, data: bytes) -> str:
        """Store an object and return its id."""
        oid = hashlib.sha1(b"%s %d\0" % (kind.encode(), len(data)) + data, usedforsecurity=False).hexdigest()
        if oid not in self._known:
            self._known.add(oid)
            self._file.write(_object_header(_TYPES[kind], len(data)) + zlib.compress(data, _LEVEL))
        return oid

    def finish(self, repository: Path) -> None:
        """Close the pack and hand it to a repository's object database."""
        self._file.seek(0)
        self._file.write(_header(len(self._known)))
        self._file.close()
        with self._path.open("rb") as written:
            trailer = hashlib.file_digest(written, lambda: hashlib.sha1(usedforsecurity=False)).digest()
        with self._path.open("ab") as written:
            written.write(trailer)
        with self._path.open("rb") as written:
            command = ["git", "-C", str(repository), "index-pack", "--stdin"]
            subprocess.run(command, stdin=written, check=True, capture_output=True)
        self._path.unlink()


def _header(count: int) -> bytes:
    return b"PACK" + (2).to_bytes(4, "big") + count.to_bytes(4, "big")


def _object_header(kind: int, size: int) -> bytes:
    """Type and size as in gitformat-pack: three bits of type, then the size in groups of seven bits."""
    out = bytearray()
    byte, size = (kind << 4) | (size & 15), size >> 4
    while size:
        out.append(byte | 0x80)
        byte, size = size & 0x7F, size >> 7
    out.append(byte)
    return bytes(out)


class _Folder:
    __slots__ = ("entries", "oid")

    def __init__(self) -> None:
        self.entries: dict[str, Entry | _Folder] = {}
        self.oid: str | None = None
        """Object id once written; forgotten when anything below changes."""

    def copy(self) -> _Folder:
        twin = _Folder()
        twin.oid = self.oid
        twin.entries = {
            name: item.copy() if isinstance(item, _Folder) else item for name, item in self.entries.items()
        }
        return twin


class Files:
    """The files of the newest commit; a :class:`gaitops.content.Snapshot`, so that the engine can read it."""

    def __init__(
        self, pack: PackWriter, root: _Folder | None = None, blobs: dict[str, bytes] | None = None
    ) -> None:
        self._pack = pack
        self._root = root if root is not None else _Folder()
        self._blobs = blobs if blobs is not None else {}

    def fork(self) -> Self:
        """The same files, to be changed on another branch."""
        return type(self)(self._pack, self._root.copy(), self._blobs)

    def store(self, data: bytes) -> Entry:
        """Store a file's bytes without placing them anywhere yet."""
        oid = self._pack.add("blob", data)
        self._blobs[oid] = data
        return Entry("100644", oid)

    def place(self, changes: Mapping[str, Entry | None]) -> None:
        """Put files at their paths, or remove them."""
        for path, entry in changes.items():
            *folders, name = path.split("/")
            folder = self._root
            folder.oid = None
            for part in folders:
                below = folder.entries.setdefault(part, _Folder())
                assert isinstance(below, _Folder), path
                folder = below
                folder.oid = None
            if entry is None:
                del folder.entries[name]
            else:
                folder.entries[name] = entry

    def tree(self) -> str:
        """Id of the root tree, written with all trees below it."""
        return self._write(self._root)

    def _write(self, folder: _Folder) -> str:
        if folder.oid is None:
            rows = []
            for name, item in folder.entries.items():
                mode, oid = (
                    (TREE_MODE, self._write(item)) if isinstance(item, _Folder) else (item.mode, item.oid)
                )
                rows.append((name + "/" if mode == TREE_MODE else name, f"{mode} {name}\0", oid))
            rows.sort()
            data = b"".join(head.encode() + bytes.fromhex(oid) for _order, head, oid in rows)
            folder.oid = self._pack.add("tree", data)
        return folder.oid

    def _find(self, path: str) -> Entry | _Folder | None:
        found: Entry | _Folder | None = self._root
        for part in path.split("/") if path else ():
            found = found.entries.get(part) if isinstance(found, _Folder) else None
        return found

    def _entry(self, item: Entry | _Folder) -> Entry:
        return Entry(TREE_MODE, self._write(item)) if isinstance(item, _Folder) else item

    def entry(self, path: str) -> Entry | None:
        """See :meth:`gaitops.content.Snapshot.entry`."""
        found = self._find(path)
        return self._entry(found) if found is not None else None

    def children(self, folder: str) -> Mapping[str, Entry]:
        """See :meth:`gaitops.content.Snapshot.children`."""
        found = self._find(folder)
        return (
            {n: self._entry(item) for n, item in found.entries.items()} if isinstance(found, _Folder) else {}
        )

    def walk(self, folder: str) -> Iterator[tuple[str, Entry]]:
        """See :meth:`gaitops.content.Snapshot.walk`."""
        return walk_children(self, folder)

    def read(self, oid: str) -> bytes:
        """See :meth:`gaitops.content.Snapshot.read`."""
        return self._blobs[oid]

    def sha256(self, oid: str) -> str:
        """See :meth:`gaitops.content.Snapshot.sha256`."""
        return hashlib.sha256(self._blobs[oid]).hexdigest()
