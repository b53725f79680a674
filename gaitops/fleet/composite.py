# SPDX-License-Identifier: Apache-2.0
"""Snapshots made of other snapshots.

Partitions advance on their own (design 5), so the fleet at one state is put together from several commits;
and what an approval covers may be a part of a change, so a state with only that part applied is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gaitops.content import TREE_MODE, Entry, MemorySnapshot, Snapshot, walk_children
from gaitops.documents.layout import is_org_name

EMPTY: Snapshot = MemorySnapshot({})
"""The state before genesis."""

_ORGS = "orgs"


class CompositeSnapshot:
    """The ``fleet`` partition from one snapshot and each org's folder from its own.

    What lies in ``orgs/`` without being an organization's folder belongs to the fleet.
    """

    def __init__(self, fleet: Snapshot, orgs: Mapping[str, Snapshot]) -> None:
        self._fleet = fleet
        self._orgs = {name: orgs[name] for name in sorted(orgs)}
        self._found: dict[str, Entry] | None = None

    def _owner(self, path: str) -> Snapshot | None:
        parts = path.split("/", 2)
        if parts[0] != _ORGS or len(parts) == 1:
            return self._fleet
        return self._orgs.get(parts[1]) or (self._fleet if parts[1] in self._strays() else None)

    def _strays(self) -> Mapping[str, Entry]:
        """Entries of ``orgs/`` in the fleet's snapshot that are no organizations."""
        if self._found is None:
            entries = self._fleet.children(_ORGS).items()
            self._found = {
                name: entry for name, entry in entries if entry.mode != TREE_MODE or not is_org_name(name)
            }
        return self._found

    def entry(self, path: str) -> Entry | None:
        """See :meth:`gaitops.content.Snapshot.entry`."""
        if path == _ORGS:
            if self._orgs or self._strays():
                return Entry(TREE_MODE, "composite:orgs")
            found = self._fleet.entry(_ORGS)
            return found if found is not None and found.mode != TREE_MODE else None
        owner = self._owner(path)
        found = owner.entry(path) if owner is not None else None
        folder, _, name = path.rpartition("/")
        return self._strays().get(name) if found is None and folder == _ORGS else found

    def children(self, folder: str) -> Mapping[str, Entry]:
        """See :meth:`gaitops.content.Snapshot.children`."""
        if folder == "":
            root = {name: entry for name, entry in self._fleet.children("").items() if name != _ORGS}
            orgs = self.entry(_ORGS)
            return root if orgs is None else {**root, _ORGS: orgs}
        if folder == _ORGS:
            entries = ((name, owner.entry(f"{_ORGS}/{name}")) for name, owner in self._orgs.items())
            return {**self._strays(), **{name: entry for name, entry in entries if entry is not None}}
        owner = self._owner(folder)
        return owner.children(folder) if owner is not None else {}

    def walk(self, folder: str) -> Iterator[tuple[str, Entry]]:
        """See :meth:`gaitops.content.Snapshot.walk`."""
        return walk_children(self, folder)

    def read(self, oid: str) -> bytes:
        """See :meth:`gaitops.content.Snapshot.read`."""
        return self._fleet.read(oid)

    def sha256(self, oid: str) -> str:
        """See :meth:`gaitops.content.Snapshot.sha256`."""
        return self._fleet.sha256(oid)


class OverlaySnapshot:
    """A snapshot with some files added, replaced or removed.

    ``source`` holds the objects of the changed files; where they come from the same store as the base
    (two commits of one repository), it can be the base itself.
    """

    def __init__(
        self, base: Snapshot, changes: Mapping[str, Entry | None], source: Snapshot | None = None
    ) -> None:
        self._base = base
        self._changes = changes
        self._source = source if source is not None else base
        self._changed_oids = {entry.oid for entry in changes.values() if entry is not None}
        self._by_folder: dict[str, dict[str, Entry | None]] = {}
        for path, entry in changes.items():
            folder, _, name = path.rpartition("/")
            self._by_folder.setdefault(folder, {})[name] = entry
        for folder in sorted(self._by_folder, key=lambda item: (-item.count("/"), item)):
            self._register(folder)

    def _register(self, folder: str) -> None:
        """Make every ancestor of a changed folder show it, if anything is left in it."""
        while folder:
            parent, _, name = folder.rpartition("/")
            kept = self.children(folder)
            entry = Entry(TREE_MODE, "overlay:" + folder) if kept else None
            if self._changes.get(folder) is None:  # A file that takes the place of the folder stays.
                self._by_folder.setdefault(parent, {})[name] = entry
            folder = parent

    def entry(self, path: str) -> Entry | None:
        """See :meth:`gaitops.content.Snapshot.entry`."""
        folder, _, name = path.rpartition("/")
        if name in self._by_folder.get(folder, {}):
            return self._by_folder[folder][name]
        return self._base.entry(path)

    def children(self, folder: str) -> Mapping[str, Entry]:
        """See :meth:`gaitops.content.Snapshot.children`."""
        changed = self._by_folder.get(folder)
        base = self._base.children(folder)
        if changed is None:
            return base
        merged = {**base, **changed}
        return {name: entry for name, entry in merged.items() if entry is not None}

    def walk(self, folder: str) -> Iterator[tuple[str, Entry]]:
        """See :meth:`gaitops.content.Snapshot.walk`."""
        return walk_children(self, folder)

    def read(self, oid: str) -> bytes:
        """See :meth:`gaitops.content.Snapshot.read`."""
        return (self._source if oid in self._changed_oids else self._base).read(oid)

    def sha256(self, oid: str) -> str:
        """See :meth:`gaitops.content.Snapshot.sha256`."""
        return (self._source if oid in self._changed_oids else self._base).sha256(oid)
