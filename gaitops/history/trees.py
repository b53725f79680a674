# SPDX-License-Identifier: Apache-2.0
"""Which partitions a step of the history touches, and how they differ between two commits (design 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from gaitops.content import FILE_MODES, TREE_MODE, Entry, Snapshot
from gaitops.documents.layout import classify, is_org_name
from gaitops.errors import VerificationError
from gaitops.fleet.composite import EMPTY
from gaitops.git.repository import Repository
from gaitops.git.trees import TOO_LARGE, TreeChange, name_bytes, name_text

K = TypeVar("K")
V = TypeVar("V")

REMEMBERED = 512
"""Comparisons kept; the fold looks ahead and comes back to them."""
FLEET_PARTITION = "fleet"
"""Everything outside the folders of organizations, and evidence that is new: also a file directly in ``orgs/``, a folder
there that cannot be an organization's, and whatever stands in place of one of these. Nothing belongs to nobody."""
_ORGS = "orgs"
_FOLDER = TREE_MODE.encode()
_APPROVALS = "approvals"
_EVIDENCE = "evidence"
_ANALYSES = "evidence/analyses"
EVIDENCE_KINDS = frozenset({"envelope", "analysis"})
"""Kinds of files that are signed by themselves: adding one is never a change that needs an approval."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one commit of the first-parent chain changed against the one before it."""

    touched: tuple[str, ...]
    """Partitions, ``fleet`` first, then organizations by name."""
    evidence: tuple[TreeChange, ...]
    """Envelopes and analyses that are new."""


class PartitionTrees:
    """Compares partitions by the ids of their subtrees; files are never read here."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._steps: dict[tuple[str | None, str], Step] = {}
        self._roots: dict[str, dict[str, str]] = {}
        self._changes: dict[tuple[str, str | None, str], list[TreeChange] | VerificationError] = {}
        self._orgs: dict[str, tuple[str, ...]] = {}

    def step(self, previous: str | None, commit: str) -> Step:
        """Partitions and envelopes that differ between two neighbours on the chain."""
        step = self._steps.get((previous, commit))
        if step is None:
            step = kept(self._steps, (previous, commit), self._step(previous, commit))
        return step

    def _step(self, previous: str | None, commit: str) -> Step:
        old = self._root(previous)
        new = self._root(commit)
        touched: set[str] = set()
        added: tuple[TreeChange, ...] = ()
        differing = {name for name in {*old, *new} if old.get(name) != new.get(name)}
        if any(name not in (_ORGS, _APPROVALS) or _no_folder(name, old, new) for name in differing):
            touched.add(FLEET_PARTITION)
        if _APPROVALS in differing:
            changes = self._added(_APPROVALS, previous, commit)
            added = tuple(change for change in changes or () if is_new_evidence(change))
            if changes is None or len(added) != len(changes):
                touched.add(FLEET_PARTITION)
        if _EVIDENCE in differing:
            changes = self._added(_ANALYSES, previous, commit)
            added += tuple(change for change in changes or () if is_new_evidence(change))
        if _ORGS in differing:
            was, now = (self._entries(self._subtree(self._tree(oid), _ORGS)) for oid in (previous, commit))
            for name in {*was, *now}:
                if was.get(name) != now.get(name):
                    touched |= {_owner(name, side[name]) for side in (was, now) if name in side}
        return Step(tuple(sorted(touched, key=lambda name: (name != FLEET_PARTITION, name))), added)

    def changes(self, partition: str, verified: str | None, commit: str) -> list[TreeChange]:
        """Files of a partition that differ between its verified commit and another one.

        Envelopes and analyses are no part of a change, except those that verified state has and the commit does not
        have unchanged: removing or editing them is judged like anything else (threat T22), and so is what lies among
        them under a name that none has.
        """
        key = (partition, verified, commit)
        found = self._changes.get(key)
        if found is None:
            try:
                found = self._compare(partition, verified, commit)
            except VerificationError as error:
                if error.code != TOO_LARGE:
                    raise
                found = error
            kept(self._changes, key, found)
        if isinstance(found, VerificationError):
            raise found
        return found

    def _compare(self, partition: str, verified: str | None, commit: str) -> list[TreeChange]:
        old, new = self._tree(verified), self._tree(commit)
        if partition != FLEET_PARTITION:
            folder = f"{_ORGS}/{partition}"
            return self._repository.tree_changes(
                self._subtree(old, folder), self._subtree(new, folder), folder
            )
        separate = [_APPROVALS, *self._org_folders(old, new)]
        found = self._repository.tree_changes(old, new, skip=separate)
        found += [
            TreeChange(path, was, now)
            for path in separate
            if (was := self._file(old, path)) != (now := self._file(new, path))
        ]
        found += self._files(_APPROVALS, verified, commit)
        found = [change for change in found if not is_new_evidence(change)]
        return sorted(found, key=lambda change: name_bytes(change.path))

    def _org_folders(self, *trees: str | None) -> list[str]:
        """Paths that are an organization's folder in one of these trees; just ``orgs`` when it is the same in all."""
        folders = {self._subtree(tree, _ORGS) for tree in trees}
        if len(folders) == 1 and None not in folders:
            return [_ORGS]
        return sorted({f"{_ORGS}/{name}" for folder in folders for name in self._org_names(folder)})

    def _file(self, tree: str | None, path: str) -> Entry | None:
        """What stands at ``path`` unless it is a folder."""
        entry = self._repository.snapshot_of_tree(tree).entry(path) if tree is not None else None
        return entry if entry is not None and entry.mode != TREE_MODE else None

    def _files(self, folder: str, old: str | None, new: str) -> list[TreeChange]:
        """Files under a folder that differ; what stands there without being a folder holds none."""
        was, now = (self._subtree(self._tree(commit), folder) for commit in (old, new))
        return self._repository.tree_changes(was, now, folder)

    def _added(self, folder: str, old: str | None, new: str) -> list[TreeChange] | None:
        """As :meth:`_files`; where there are too many, everything present, and ``None`` where that is."""
        for before in (old, None):
            try:
                return self._files(folder, before, new)
            except VerificationError as error:
                if error.code != TOO_LARGE:
                    raise
        return None

    def snapshot(self, commit: str | None) -> Snapshot:
        """Content of a commit; nothing for ``None``."""
        return self._repository.snapshot(commit) if commit is not None else EMPTY

    def orgs(self, commit: str) -> list[str]:
        """Organizations that have a folder at a commit."""
        return list(self._org_names(self._subtree(self._tree(commit), _ORGS)))

    def _org_names(self, tree: str | None) -> tuple[str, ...]:
        if tree is None:
            return ()
        names = self._orgs.get(tree)
        if names is None:
            entries = self._entries(tree)
            found = sorted(name for name, entry in entries.items() if _owner(name, entry) != FLEET_PARTITION)
            names = kept(self._orgs, tree, tuple(found))
        return names

    def _tree(self, commit: str | None) -> str | None:
        return self._repository.tree_of(commit) if commit is not None else None

    def _subtree(self, tree: str | None, folder: str) -> str | None:
        return self._repository.subtree(tree, folder) if tree is not None else None

    def _root(self, commit: str | None) -> dict[str, str]:
        """Top-level entries; the mode joins the id where it is not a folder's, so that a mode change counts."""
        if commit is None:
            return {}
        root = self._roots.get(commit)
        return root if root is not None else kept(self._roots, commit, self._read_root(commit))

    def _read_root(self, commit: str) -> dict[str, str]:
        entries = self._repository.tree_entries(self._repository.tree_of(commit))
        return {
            name_text(name): oid.hex() if mode == _FOLDER else f"{mode.decode()} {oid.hex()}"
            for mode, name, oid in entries
        }

    def _entries(self, tree: str | None) -> Mapping[str, Entry]:
        return self._repository.snapshot_of_tree(tree).children("") if tree is not None else {}


def is_new_evidence(change: TreeChange) -> bool:
    """Whether a change adds an envelope or an analysis, which is no part of what evidence is asked for."""
    if change.before is not None or change.after is None or change.after.mode not in FILE_MODES:
        return False
    return classify(change.path).kind in EVIDENCE_KINDS


def _owner(name: str, entry: Entry) -> str:
    """Partition of what stands at ``orgs/<name>``."""
    return name if entry.mode == TREE_MODE and is_org_name(name) else FLEET_PARTITION


def _no_folder(name: str, *roots: Mapping[str, str]) -> bool:
    """Whether something that is no folder stands at the top level under ``name`` in one of these states."""
    return any(" " in root.get(name, "") for root in roots)


def kept(memory: dict[K, V], key: K, value: V) -> V:
    """Remember a value for the moment: the same comparison is asked for a few times in a row."""
    if len(memory) >= REMEMBERED:
        memory.clear()
    memory[key] = value
    return value
