# SPDX-License-Identifier: Apache-2.0
"""What the fold remembers: small facts by space and key, over an optional checkpoint below.

A cold run keeps everything in memory. A warm run reads single rows of the checkpoint as it needs them, so that
its cost does not depend on how long the history is, and hands over only what it added.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from gaitops.errors import Problem

Row = Any
"""A JSON value, or ``None`` for none; each space below has its own shape."""


class Rows(Protocol):
    """Rows of an earlier run."""

    def get(self, space: str, key: str) -> Row:
        """The row, or ``None``."""

    def items(self, space: str, first: str = "") -> Iterator[tuple[str, Row]]:
        """Rows of a space with keys from ``first`` on, in key order."""


class Ledger:
    """Rows added by this run, over those of a checkpoint."""

    def __init__(self, below: Rows | None = None) -> None:
        self._below = below
        self._added: dict[str, dict[str, Row]] = {}

    def get(self, space: str, key: str) -> Row:
        """The newest row for a key, or ``None``."""
        row = self._added.get(space, {}).get(key)
        if row is None and self._below is not None:
            return self._below.get(space, key)
        return row

    def put(self, space: str, key: str, row: Row) -> None:
        """Add or replace a row."""
        self._added.setdefault(space, {})[key] = row

    def items(self, space: str, first: str = "") -> Iterator[tuple[str, Row]]:
        """Rows of a space with keys from ``first`` on, in key order."""
        merged = dict(self._below.items(space, first)) if self._below is not None else {}
        merged.update({key: row for key, row in self._added.get(space, {}).items() if key >= first})
        yield from sorted(merged.items())

    def added(self) -> Iterator[tuple[str, str, Row]]:
        """What this run added or replaced, as (space, key, row)."""
        for space, rows in self._added.items():
            for key, row in rows.items():
                yield space, key, row


POSITION = "position"
"""commit id → position on the first-parent chain, counted from its oldest commit."""
SIDE = "side"
"""commit id → position at which a merge made it reachable."""
SEEN = "seen"
"""object id of an envelope or analysis → position at which these bytes first entered, whatever their file was called."""
EVIDENCE = "evidence"
"""digest of a delta → envelopes whose first delta it is: [object id, path]."""
WITHDRAWALS = "withdrawals"
"""payload digest → withdrawals that name it: [object id, path]."""
TAKEN_BACK = "taken_back"
"""payload digest → principals who were known to sign a withdrawal of it when the withdrawal entered."""
USED = "used"
"""payload digest → sequence number of the decision that it helped to carry."""
REVIEWS = "reviews"
"""provider/host/id of a review at a forge → [commit that was reviewed, partitions in which it carried decisions]."""
CHANGED = "changed"
"""path → [position, sequence number] of its newest change in verified state."""
PREVIOUS = "previous"
"""org/project/environment/repository → [version enforced before, time of the newest change of it]."""
ANALYSES = "analyses"
"""org/project/rollout → its analyses: [object id, path]."""
ENTERED = "entered"
"""org/project/rollout → time at which its current step was entered, or taken up again."""
CLAIMED = "claimed"
"""repository id, case folded → path of the document that lists it; empty when none does any more."""
REVOKED = "revoked"
"""fingerprint → [position, cause]."""
ADMITTED = "admitted"
"""fingerprint → path of the principal that a doubtful decision gave this key."""
WITHDRAWN = "withdrawn"
"""org/policy@version → [position, time]."""
LATE = "late"
"""partition/position, twelve digits → why nothing of the partition could be decided there, as a problem."""
IGNORED = "ignored"
"""position, twelve digits/path → why an envelope was ignored, as problems."""
EVENT = "event"
"""sequence number, twelve digits → audit event."""
META = "meta"
"""One row, key ``state``: where the fold stands."""


def problem_row(problem: Problem) -> Row:
    """A problem as a row; what it quotes of hostile bytes is made valid text."""
    members = problem.to_json()
    return {
        name: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
        for name, value in members.items()
    }


def sequence_key(number: int) -> str:
    """Key of a sequence number, so that keys sort as numbers do."""
    return f"{number:012d}"
