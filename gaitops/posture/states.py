# SPDX-License-Identifier: Apache-2.0
"""In which state one repository is in one environment, and why (design 11).

Judged in this order; the first that holds is the state:

(1) *unknown*: nothing is assigned there, the assignment names no version that exists, or the window holds no decision
    that is proven. Evidence that proves nothing makes no place known.
(2) *silent*: the newest proven decision is older than the stale limit.
(3) *drifted*: a recent decision was made under a version that was not expected.
(4) *unknown*: no recent decision can be judged.
(5) *shadow*: the recent decisions are expected, but none of them took effect under the enforced version: only a candidate
    was seen, or everything was a dry run.
(6) *enforced*: everything else: decisions under the enforced version, or one within its grace, took effect.

*Recent* means within the stale limit before the end of the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gaitops.fleet.evidence import Expected
from gaitops.posture.expectation import Judgement
from gaitops.posture.inputs import DecisionCount
from gaitops.posture.metrics import VERDICTS
from gaitops.posture.tally import Tally


class State(StrEnum):
    """State of a place."""

    ENFORCED = "enforced"
    SHADOW = "shadow"
    DRIFTED = "drifted"
    SILENT = "silent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a place is in its state, or what to know beside it."""

    code: str
    message: str

    def to_json(self) -> dict[str, str]:
        """As the report shows it."""
        return {"code": self.code, "message": self.message}


@dataclass(frozen=True, slots=True)
class Judged:
    """Counted decisions and what the fleet says of them."""

    row: DecisionCount
    judgement: Judgement


def state_of(
    expected: Expected | None,
    decisions: Sequence[Judged],
    evidence: Tally,
    until: datetime,
    stale_after: timedelta,
) -> tuple[State, tuple[Reason, ...]]:
    """State of a place.

    Args:
        expected: what is assigned now; ``None`` when nothing is.
        decisions: what was decided there in the window.
        evidence: artifacts of the place, for what is unproven beside it.
        until: end of the window.
        stale_after: the stale limit.
    """
    state, reason = _state(expected, decisions, until, stale_after)
    return state, (reason, *_beside(evidence))


def _state(
    expected: Expected | None, decisions: Sequence[Judged], until: datetime, stale_after: timedelta
) -> tuple[State, Reason]:
    if expected is None:
        return State.UNKNOWN, Reason(
            "not_assigned", "decisions were made here, but the fleet assigns nothing"
        )
    if expected.enforced_digest is None:
        message = f"the assignment names {expected.enforced}, which does not exist"
        return State.UNKNOWN, Reason("no_such_version", message)
    if not decisions:
        return State.UNKNOWN, Reason("no_proven_decision", "the window holds no decision in a verified trace")
    last = max(item.row.last for item in decisions)
    if last < until - stale_after:
        return State.SILENT, Reason("stale", f"last proven decision {last:%Y-%m-%d %H:%M} UTC")
    recent = [item for item in decisions if item.row.last >= until - stale_after]
    strange = sorted({item.row.digest for item in recent if item.judgement is Judgement.UNEXPECTED})
    if strange:
        names = ", ".join(digest[:12] for digest in strange[:3]) + (", …" if len(strange) > 3 else "")
        return State.DRIFTED, Reason("unexpected_version", f"recent decisions under {names}")
    good = [item.row for item in recent if item.judgement is Judgement.EXPECTED]
    if not good:
        return State.UNKNOWN, Reason("not_judged", "nothing was assigned when the recent decisions were made")
    return _effect(expected, good)


def _effect(expected: Expected, rows: Sequence[DecisionCount]) -> tuple[State, Reason]:
    candidate = expected.candidate_digest if expected.candidate_digest != expected.enforced_digest else None
    own = [row for row in rows if row.digest != candidate]
    if not own:
        message = f"only the candidate {expected.candidate} was seen, in mode {expected.mode}"
        return State.SHADOW, Reason("candidate_only", message)
    if all(row.decision == "dry_run" for row in own):
        return State.SHADOW, Reason("dry_runs_only", "every recent decision was a dry run")
    if any(row.digest == expected.enforced_digest for row in own):
        return State.ENFORCED, Reason("enforced_version", f"recent decisions under {expected.enforced}")
    return State.ENFORCED, Reason("within_grace", "recent decisions under a version that is in its grace")


def _beside(evidence: Tally) -> tuple[Reason, ...]:
    unproven = {name: evidence.count(f"evidence.{name}") for name in VERDICTS[2:]}
    found = ", ".join(f"{number} {name}" for name, number in unproven.items() if number)
    return (Reason("unproven_evidence", f"artifacts that prove nothing: {found}"),) if found else ()
