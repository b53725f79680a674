# SPDX-License-Identifier: Apache-2.0
"""Which commits of a range touched which paths, and who vouches for them (design 5, proposer and contributors)."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from gaitops.change.context import Touch
from gaitops.errors import VerificationError
from gaitops.fleet.people import Directory
from gaitops.git.commits import Commit, coauthors
from gaitops.git.repository import Repository
from gaitops.git.trees import TOO_LARGE
from gaitops.history.chain import Chain
from gaitops.history.signatures import SignatureChecks

_LAST = "~"
"""Sorts behind every object id."""


class RangeAuthors:
    """Reads authorship from commits; what each commit changed is computed once, and found by path."""

    def __init__(self, repository: Repository, checks: SignatureChecks, chain: Chain) -> None:
        self._repository = repository
        self._checks = checks
        self._chain = chain
        self._changed: dict[str, frozenset[str] | None] = {}
        self._indexed: set[int] = set()
        self._by_path: dict[str, list[tuple[int, str]]] = {}
        self._vast: list[tuple[str, int]] = []
        """Commits that changed too many paths to list, with their positions."""

    def touches(
        self,
        after: int,
        until: int,
        paths: Collection[str],
        directory: Directory,
        unmerged: Collection[str] = (),
    ) -> Mapping[str, tuple[Touch, ...]]:
        """For each path, the commits of a range that touched it.

        Args:
            after: position before the range.
            until: last position of the range.
            paths: paths of the change's deltas.
            directory: the people who are believed.
            unmerged: commits of a pull request, which would join at the position after ``until``.
        """
        for position in range(after + 1, until + 1):
            self._index(position)
        found: dict[str, list[Touch]] = {}
        for path in paths:
            known = self._by_path.get(path, [])
            first, last = bisect_right(known, (after, _LAST)), bisect_right(known, (until, _LAST))
            hits = [(oid, at) for at, oid in known[first:last]]
            hits += [
                (oid, at) for oid, at in self._vast if after < at <= until and self._has_changed(oid, path)
            ]
            hits += [(oid, until + 1) for oid in unmerged if self._has_changed(oid, path)]
            found[path] = [self._touch(self._repository.commit(oid), at, directory) for oid, at in hits]
        return {path: tuple(touches) for path, touches in found.items()}

    def _index(self, position: int) -> None:
        if position in self._indexed:
            return
        self._indexed.add(position)
        for oid in self._chain.joined(position):
            paths = self.changed(oid)
            if paths is None:
                self._vast.append((oid, position))
            for path in paths or ():
                insort(self._by_path.setdefault(path, []), (position, oid))

    def _has_changed(self, oid: str, path: str) -> bool:
        paths = self.changed(oid)
        if paths is not None:
            return path in paths
        entry = self._repository.snapshot(oid).entry(path)
        parents = self._repository.parents_of(oid)
        others = [self._repository.snapshot(parent).entry(path) for parent in parents] or [None]
        return all(entry != other for other in others)

    def changed(self, oid: str) -> frozenset[str] | None:
        """Paths that a commit itself changed, ``None`` when there are too many; for a merge, those that equal no parent.

        A merge that only brings a side branch in is not its author: the branch's own commits are in the range too.
        """
        if oid not in self._changed:
            self._changed[oid] = self._compare(oid)
        return self._changed[oid]

    def _compare(self, oid: str) -> frozenset[str] | None:
        tree = self._repository.tree_of(oid)
        parents = self._repository.parents_of(oid)
        trees: list[str | None] = [self._repository.tree_of(parent) for parent in parents] or [None]
        try:
            sides = [{item.path for item in self._repository.tree_changes(old, tree)} for old in trees]
        except VerificationError as error:
            if error.code != TOO_LARGE:
                raise
            return None
        return frozenset(set.intersection(*sides))

    def _touch(self, commit: Commit, position: int, directory: Directory) -> Touch:
        signer = self._checks.commit(commit, directory)
        seconds = commit.committer.time
        return Touch(
            commit=commit.id,
            position=position,
            identities=signer.identities,
            problem=signer.problem,
            emails=emails_of(commit),
            made_at=signer.made_at or (datetime.fromtimestamp(seconds, UTC) if seconds is not None else None),
            kind=commit.signature.kind if commit.signature is not None else None,
            proof=signer.proof,
        )


def emails_of(commit: Commit) -> frozenset[str]:
    """Addresses of everybody whom a commit names: author, committer, co-authors; case folded."""
    named = (commit.author.email, commit.committer.email, *coauthors(commit.message))
    return frozenset(email.casefold() for email in named if email)
