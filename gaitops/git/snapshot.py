# SPDX-License-Identifier: Apache-2.0
"""One commit's content as a :class:`gaitops.content.Snapshot`, and the caches that its snapshots share."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from gaitops.content import TREE_MODE, Entry
from gaitops.git.cache import BoundedCache
from gaitops.git.objects import BLOB, TREE, ObjectStore
from gaitops.git.trees import RawEntry, children_of, parse_tree, walk_tree

_NOTHING: Final[Mapping[str, Entry]] = MappingProxyType({})
_TREE_ENTRIES: Final = 200_000
"""Tree entries kept in memory, about 250 bytes each."""
_DIGESTS: Final = 400_000
"""SHA-256 digests kept in memory, about 250 bytes each."""


class ContentStore:
    """Trees and files by object id, cached for one repository.

    Object ids name content within one object database, so nothing here depends on a commit.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._trees: BoundedCache[str, tuple[RawEntry, ...]] = BoundedCache(_TREE_ENTRIES)
        self._children: BoundedCache[str, Mapping[str, Entry]] = BoundedCache(_TREE_ENTRIES)
        self._digests: BoundedCache[str, str] = BoundedCache(_DIGESTS)

    def tree(self, oid: str) -> tuple[RawEntry, ...]:
        """Stored entries of a tree; raises VerificationError ``git.corrupt_object``."""
        found = self._trees.get(oid)
        if found is None:
            entries = parse_tree(oid, self._objects.read(oid, TREE))
            found = self._trees.put(oid, entries, len(entries) + 1)
        return found

    def children(self, oid: str) -> Mapping[str, Entry]:
        """Entries of a tree by name; raises VerificationError ``git.corrupt_object``."""
        found = self._children.get(oid)
        if found is None:
            entries = children_of(self.tree(oid))
            found = self._children.put(oid, MappingProxyType(dict(entries)), len(entries) + 1)
        return found

    def read(self, oid: str) -> bytes:
        """Bytes of a file; raises VerificationError ``git.corrupt_object``."""
        return self._objects.read(oid, BLOB)

    def sha256(self, oid: str) -> str:
        """Lowercase hex SHA-256 of those bytes."""
        found = self._digests.get(oid)
        if found is None:
            found = self._digests.put(oid, hashlib.sha256(self.read(oid)).hexdigest())
        return found

    def find(self, root: str, path: str) -> Entry | None:
        """The entry at ``path`` below the tree ``root``; the root itself for the empty path."""
        current = Entry(TREE_MODE, root)
        for name in path.split("/") if path else ():
            if current.mode != TREE_MODE:
                return None
            found = self.children(current.oid).get(name)
            if found is None:
                return None
            current = found
        return current

    def subtree(self, root: str, folder: str) -> str | None:
        """Id of the tree at ``folder`` below ``root``; ``None`` when there is no folder."""
        found = self.find(root, folder)
        return found.oid if found is not None and found.mode == TREE_MODE else None


class GitSnapshot:
    """The content of one tree, read as :class:`gaitops.content.Snapshot` describes.

    Every method may raise VerificationError ``git.corrupt_object`` when an object is missing or damaged.
    """

    def __init__(self, contents: ContentStore, tree: str) -> None:
        self._contents = contents
        self._folders: dict[str, Mapping[str, Entry]] = {}
        self.tree: Final = tree
        """Object id of the root tree."""

    def entry(self, path: str) -> Entry | None:
        """The entry at exactly ``path``, file or folder; ``None`` when there is none."""
        if not path:
            return Entry(TREE_MODE, self.tree)
        folder, slash, name = path.rpartition("/")
        # A leading slash names nothing: paths are relative.
        return self.children(folder).get(name) if folder or not slash else None

    def children(self, folder: str) -> Mapping[str, Entry]:
        """Direct children of ``folder`` by name; empty when the folder does not exist."""
        found = self._folders.get(folder)
        if found is None:
            entry = self.entry(folder)
            is_folder = entry is not None and entry.mode == TREE_MODE
            found = self._contents.children(entry.oid) if entry is not None and is_folder else _NOTHING
            self._folders[folder] = found
        return found

    def walk(self, folder: str) -> Iterator[tuple[str, Entry]]:
        """All entries below ``folder`` that are not folders, as full paths, sorted by path bytes."""
        tree = self._contents.subtree(self.tree, folder)
        return iter(()) if tree is None else walk_tree(self._contents.tree, tree, folder)

    def read(self, oid: str) -> bytes:
        """The bytes of the file with this object id, of any size (see ``Repository.size``)."""
        return self._contents.read(oid)

    def sha256(self, oid: str) -> str:
        """Lowercase hex SHA-256 of those bytes."""
        return self._contents.sha256(oid)
