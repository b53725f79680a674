# SPDX-License-Identifier: Apache-2.0
"""Doubt: decisions that a compromised key helped to carry since a commit (design 4; threat T17).

A backdated revocation makes every decision doubtful that would not have been authorized without the key, and, through
the identities that such a decision admitted, the decisions that needed *them*. What is doubtful is the content of
paths; it is cleared by a later change, by restoration (which is one), or by affirmation. Until then the identities in them
count for nothing, least of all for clearing doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gaitops.history import ledger as spaces
from gaitops.history.events import Event, needs
from gaitops.history.ledger import Ledger, sequence_key
from gaitops.history.standing import Standing
from gaitops.rollout.transitions import FORWARD

_ANEW = frozenset({"change", "start", "rollback", "abort"})
"""Operations on a rollout that rest on nothing that was decided about it before."""
_FOUNDING = FORWARD | {"change"}
"""Operations that what comes after rests on; a change of a rollout that is named is its affirmation."""


class Doubt:
    """Keeps ``standing.doubtful`` up to date."""

    def __init__(self, ledger: Ledger, standing: Standing) -> None:
        self._ledger = ledger
        self._standing = standing

    def after(self, events: Iterable[Event]) -> None:
        """Follow up on decisions that were just recorded: old doubt they clear, new doubt they raise."""
        recorded = list(events)
        for event in recorded:
            for path in event["operation"]["paths"]:
                self._standing.doubtful.pop(path, None)
        for event in recorded:
            since = event["operation"].get("since")
            if event["operation"]["kind"] == "revocation.identity" and since is not None:
                self._taint(str(event["operation"]["fingerprint"]), since)

    def _taint(self, fingerprint: str, since: str) -> None:
        position = self._ledger.get(spaces.POSITION, since)
        if position is None:  # Cannot happen: the rules refuse a revocation since an unknown commit.
            return
        tainted, plans = frozenset({fingerprint}), set[str]()
        for _key, event in self._ledger.items(spaces.EVENT, sequence_key(0)):
            doubtful = event["position"] >= position and needs(event, tainted)
            if _rests(event["operation"], plans, doubtful=doubtful):
                doubtful = True
            if doubtful:
                tainted |= frozenset(event["admits"])
                self._doubt(event)

    def _doubt(self, event: Event) -> None:
        for path in event["operation"]["paths"]:
            row = self._ledger.get(spaces.CHANGED, path)
            if row is not None and row[1] == event["sequence"]:
                self._standing.doubtful[path] = event["sequence"]
                for key in event["admits"]:
                    self._ledger.put(spaces.ADMITTED, key, path)


def _rests(operation: Mapping[str, Any], plans: set[str], *, doubtful: bool) -> bool:
    """Whether an edge of a rollout rests on an earlier one that is in doubt; ``plans`` remembers which rollouts do.

    What follows a doubtful start needs no approver of its own, because the start has them. A new start, an affirmation,
    and what undoes the rollout end that.
    """
    rollout, edge = operation.get("rollout"), str(operation["kind"]).removeprefix("rollout.")
    if rollout is None:
        return False
    if edge in _ANEW:
        plans.discard(rollout)
    if doubtful and edge in _FOUNDING:
        plans.add(rollout)
    return rollout in plans
