# SPDX-License-Identifier: Apache-2.0
"""Which partitions a step of the history touches, and how they differ between two commits (design 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from gaitops.content import TREE_MODE, Snapshot
from gaitops.fleet.composite import EMPTY
from gaitops.git.repository import Repository
from gaitops.git.trees import TreeChange

K = TypeVar("K")
V = TypeVar("V")

REMEMBERED = 512
"""Comparisons kept; the fold looks ahead and comes back to them."""
FLEET_PARTITION = "fleet"
_ORGS = "orgs"
_APPROVALS = "approvals"


@dataclass(frozen=True, slots=True)
class Step:
    """What one commit of the first-parent chain changed against the one before it."""

    touched: tuple[str, ...]
    """Partitions, ``fleet`` first, then organizations by name."""
    envelopes: tuple[TreeChange, ...]
    """Files under ``approvals/`` that are new."""


class PartitionTrees:
    """Compares partitions by the ids of their subtrees; files are never read here."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._steps: dict[tuple[str | None, str], Step] = {}
        self._roots: dict[str, dict[str, str]] = {}
        self._changes: dict[tuple[str, str | None, str], list[TreeChange]] = {}

    def step(self, previous: str | None, commit: str) -> Step:
        """Partitions and envelopes that differ between two neighbours on the chain."""
        step = self._steps.get((previous, commit))
        if step is None:
            step = _kept(self._steps, (previous, commit), self._step(previous, commit))
        return step

    def _step(self, previous: str | None, commit: str) -> Step:
        old = self._root(previous)
        new = self._root(commit)
        touched: list[str] = []
        added: tuple[TreeChange, ...] = ()
        if any(old.get(name) != new.get(name) for name in {*old, *new} if name not in (_ORGS, _APPROVALS)):
            touched.append(FLEET_PARTITION)
        if old.get(_APPROVALS) != new.get(_APPROVALS):
            changes = self._envelope_changes(previous, commit)
            added = tuple(change for change in changes if change.before is None)
            if len(added) != len(changes) and not touched:
                touched.append(FLEET_PARTITION)
        if old.get(_ORGS) != new.get(_ORGS):
            was, now = (self._folders(self._subtree(self._tree(oid), _ORGS)) for oid in (previous, commit))
            touched.extend(sorted(name for name in {*was, *now} if was.get(name) != now.get(name)))
        return Step(tuple(touched), added)

    def changes(self, partition: str, verified: str | None, commit: str) -> list[TreeChange]:
        """Files of a partition that differ between its verified commit and another one.

        Envelopes are no part of a change, except those that verified state has and the commit does not have
        unchanged: removing or editing them is judged like anything else (threat T22).
        """
        found = self._changes.get((partition, verified, commit))
        if found is None:
            found = _kept(
                self._changes, (partition, verified, commit), self._compare(partition, verified, commit)
            )
        return found

    def _compare(self, partition: str, verified: str | None, commit: str) -> list[TreeChange]:
        old, new = self._tree(verified), self._tree(commit)
        if partition != FLEET_PARTITION:
            folder = f"{_ORGS}/{partition}"
            return self._repository.tree_changes(
                self._subtree(old, folder), self._subtree(new, folder), folder
            )
        found = self._repository.tree_changes(old, new, skip=(_ORGS, _APPROVALS))
        gone = (change for change in self._envelope_changes(verified, commit) if change.before is not None)
        return [*gone, *found]

    def _envelope_changes(self, old: str | None, new: str) -> list[TreeChange]:
        """Files under ``approvals/``; an ``approvals`` that is no folder holds no envelopes."""
        was, now = (self._subtree(self._tree(commit), _APPROVALS) for commit in (old, new))
        return self._repository.tree_changes(was, now, _APPROVALS)

    def snapshot(self, commit: str | None) -> Snapshot:
        """Content of a commit; nothing for ``None``."""
        return self._repository.snapshot(commit) if commit is not None else EMPTY

    def orgs(self, commit: str) -> list[str]:
        """Organizations that have a folder at a commit."""
        return sorted(self._folders(self._subtree(self._tree(commit), _ORGS)))

    def _tree(self, commit: str | None) -> str | None:
        return self._repository.tree_of(commit) if commit is not None else None

    def _subtree(self, tree: str | None, folder: str) -> str | None:
        return self._repository.subtree(tree, folder) if tree is not None else None

    def _root(self, commit: str | None) -> dict[str, str]:
        """Top-level entries; the mode joins the id where it is not a folder's, so that a mode change counts."""
        if commit is None:
            return {}
        root = self._roots.get(commit)
        return root if root is not None else _kept(self._roots, commit, self._read_root(commit))

    def _read_root(self, commit: str) -> dict[str, str]:
        entries = self._repository.snapshot(commit).children("")
        return {
            name: entry.oid if entry.mode == TREE_MODE else f"{entry.mode} {entry.oid}"
            for name, entry in entries.items()
        }

    def _folders(self, tree: str | None) -> dict[str, str]:
        if tree is None:
            return {}
        entries = self._repository.snapshot_of_tree(tree).children("")
        return {name: f"{entry.mode} {entry.oid}" for name, entry in entries.items()}


def _kept(memory: dict[K, V], key: K, value: V) -> V:
    """Remember a value for the moment: the same comparison is asked for a few times in a row."""
    if len(memory) >= REMEMBERED:
        memory.clear()
    memory[key] = value
    return value
