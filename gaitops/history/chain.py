# SPDX-License-Identifier: Apache-2.0
"""The first-parent chain with positions, and the commits that merges bring in (design 5, ancestry).

"X descends from Y" always means: Y lies on the first-parent chain of X. Commits of side branches join at the
position of the merge that made them reachable; that is where their signatures enter.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gaitops.git.repository import Repository
from gaitops.history import ledger as spaces
from gaitops.history.ledger import Ledger


class Chain:
    """Positions of commits. Position 0 is the oldest commit of the chain."""

    def __init__(self, repository: Repository, ledger: Ledger) -> None:
        self._repository = repository
        self._ledger = ledger
        self._ids: dict[int, str] = {}
        self._joined: dict[int, list[str]] = {}

    def extend(self, commit: str, position: int, *, is_base: bool = True) -> None:
        """Append the next commit of the chain; without a position that others may name unless ``is_base``."""
        self._ids[position] = commit
        self._ledger.put(spaces.POSITION if is_base else spaces.SIDE, commit, position)
        joined = [commit]
        pending = list(self._repository.parents_of(commit)[1:])
        while pending:
            side = pending.pop()
            if self._known(side):
                continue
            self._ledger.put(spaces.SIDE, side, position)
            joined.append(side)
            pending.extend(self._repository.parents_of(side))
        self._joined[position] = joined

    def pass_over(self, commits: Iterable[str]) -> None:
        """Know commits that lie before an anchor as reachable: no merge brings them in again, and none counts as base."""
        for commit in commits:
            self._ledger.put(spaces.SIDE, commit, -1)

    def remember(self, commit: str, position: int, joined: list[str]) -> None:
        """Restore a position that a checkpoint kept."""
        self._ids[position] = commit
        self._joined[position] = joined

    def at(self, position: int) -> str:
        """Commit at a position that this run has seen."""
        return self._ids[position]

    def joined(self, position: int) -> list[str]:
        """Commits that joined at a position: its own, and those that a merge brought in."""
        return self._joined.get(position, [])

    def to_json(self, after: int) -> dict[str, Any]:
        """Positions from ``after`` on: what a later run needs to judge what is still pending."""
        return {
            str(position): [self._ids[position], self._joined[position]]
            for position in self._ids
            if position >= after
        }

    def _known(self, commit: str) -> bool:
        return (
            self._ledger.get(spaces.POSITION, commit) is not None
            or self._ledger.get(spaces.SIDE, commit) is not None
        )
