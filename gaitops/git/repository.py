# SPDX-License-Identifier: Apache-2.0
"""A repository opened so that nothing but its objects and references counts."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from gaitops.errors import InvalidInputError, VerificationError
from gaitops.git import graph, refs
from gaitops.git.cache import BoundedCache
from gaitops.git.commits import Commit, Links, parse_commit, parse_links
from gaitops.git.location import Location, locate
from gaitops.git.objects import COMMIT, ObjectStore
from gaitops.git.quarantine import quarantine_folder
from gaitops.git.refusals import refuse_untrustworthy
from gaitops.git.snapshot import ContentStore, GitSnapshot
from gaitops.git.trees import RawEntry, TreeChange, tree_changes

_LINKS: Final = 250_000
"""Trees and parents of commits kept in memory, about 400 bytes each."""
_COMMITS: Final = 20_000
"""Whole commits kept in memory, about 2 KB each."""


class Repository:
    """Commits, trees and files of one repository; made by :meth:`open`.

    Every method that reads objects raises VerificationError ``git.corrupt_object`` when one is missing or is not what
    its id says. Not safe for use by several threads at once, apart from the values that it returns.
    """

    def __init__(self, location: Location, quarantine: Path | None = None) -> None:
        self.location: Final = location
        self.references: Final = refs.References(location)
        self.objects: Final = ObjectStore(location.objects, quarantine)
        self.contents: Final = ContentStore(self.objects)
        self._links: BoundedCache[str, Links] = BoundedCache(_LINKS)
        self._commits: BoundedCache[str, Commit] = BoundedCache(_COMMITS)

    @classmethod
    def open(cls, path: Path, quarantine: Path | None = None) -> Repository:
        """Open the repository that contains ``path``.

        ``quarantine`` is for server-side hooks: the folder in which the server keeps the objects of a push until it is
        accepted; see :mod:`gaitops.git.quarantine`.

        Raises:
            InvalidInputError: ``git.not_a_repository``.
            VerificationError: for repositories that are refused, see :func:`refuse_untrustworthy`; ``git.alternates`` and
                ``git.partial_clone`` for a quarantine that is none.
        """
        location = locate(path)
        refuse_untrustworthy(location)
        return cls(location, None if quarantine is None else quarantine_folder(location, quarantine))

    # -- revisions and history

    def resolve(self, revision: str) -> str:
        """Full commit id of a revision; names, errors and codes as in :func:`gaitops.git.refs.resolve`."""
        return refs.resolve(self.references, self.objects, revision, self._ancestor)

    def commit(self, oid: str) -> Commit:
        """The commit with this full id."""
        found = self._commits.get(oid)
        if found is None:
            found = self._commits.put(oid, parse_commit(oid, self.objects.read(oid, COMMIT)))
            self._links.put(oid, Links(found.tree, found.parents))
        return found

    def tree_of(self, commit: str) -> str:
        """Id of the root tree of a commit."""
        return self._linked(commit).tree

    def parents_of(self, commit: str) -> tuple[str, ...]:
        """Parents that the commit object states."""
        return self._linked(commit).parents

    def first_parents(self, head: str, *, stop: str | None = None) -> list[str]:
        """First-parent history from ``head`` on, newest first, up to but without ``stop``.

        Raises:
            VerificationError: ``history.not_descendant`` when ``stop`` is not on the chain.
        """
        chain: list[str] = []
        for commit in graph.first_parent_chain(self.parents_of, head):
            if commit == stop:
                return chain
            chain.append(commit)
        if stop is not None:
            raise VerificationError.of(
                "history.not_descendant", f"{stop} is not on the first-parent history of {head}"
            )
        return chain

    def iterate_first_parents(self, head: str) -> Iterator[str]:
        """As :meth:`first_parents`, lazily: for searches that end early."""
        return graph.first_parent_chain(self.parents_of, head)

    def reachable(self, head: str, *, excluding: Collection[str] = ()) -> list[str]:
        """All commits that ``head`` has and none of ``excluding`` has, children before parents."""
        return graph.reachable(self.parents_of, head, excluding)

    # -- content

    def snapshot(self, commit: str) -> GitSnapshot:
        """The content of a commit."""
        return self.snapshot_of_tree(self.tree_of(commit))

    def snapshot_of_tree(self, tree: str) -> GitSnapshot:
        """The content of a tree."""
        return GitSnapshot(self.contents, tree)

    def tree_entries(self, tree: str) -> tuple[RawEntry, ...]:
        """Entries of one tree as they are stored: for comparisons that need no more."""
        return self.contents.tree(tree)

    def subtree(self, tree: str, folder: str) -> str | None:
        """Id of the tree at ``folder`` below ``tree``; ``None`` when there is no folder."""
        return self.contents.subtree(tree, folder)

    def tree_changes(
        self, old_tree: str | None, new_tree: str | None, prefix: str = "", *, skip: Collection[str] = ()
    ) -> list[TreeChange]:
        """Files that differ between two trees that sit at folder ``prefix``, sorted by path bytes.

        Paths are reported in full; those in ``skip``, and all below them, are left out without being read.
        Raises also VerificationError ``git.too_large``.
        """
        return tree_changes(self.contents.tree, old_tree, new_tree, prefix, skip)

    def read(self, oid: str) -> bytes:
        """The bytes of a file, whatever their number."""
        return self.contents.read(oid)

    def size(self, oid: str) -> int:
        """Size of a file in bytes by its header, so that large ones can be refused before they are read."""
        return self.objects.size(oid)

    def sha256(self, oid: str) -> str:
        """Lowercase hex SHA-256 of the bytes of a file."""
        return self.contents.sha256(oid)

    def _linked(self, commit: str) -> Links:
        found = self._links.get(commit)
        if found is None:
            found = self._links.put(commit, parse_links(commit, self.objects.read(commit, COMMIT)))
        return found

    def _ancestor(self, commit: str, steps: int) -> str:
        for index, ancestor in enumerate(self.iterate_first_parents(commit)):
            if index == steps:
                return ancestor
        raise InvalidInputError.of(
            "git.unknown_revision",
            f"{commit} has fewer than {steps} ancestors",
            remedy="go back fewer steps",
        )
