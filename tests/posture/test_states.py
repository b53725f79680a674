# SPDX-License-Identifier: Apache-2.0
"""States of places: one for each, the first that holds, and never a good one by silence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaitops.fleet.assignments import Assigned
from gaitops.fleet.evidence import Expected
from gaitops.posture.expectation import Judgement
from gaitops.posture.inputs import DecisionCount
from gaitops.posture.states import Judged, State, state_of
from gaitops.posture.tally import Tally

UNTIL = datetime(2026, 10, 19, tzinfo=UTC)
STALE = timedelta(days=5)
OLD, NEW, OTHER = "a" * 64, "b" * 64, "c" * 64
PLAIN = Expected(Assigned("acme", "guard", "1.0.0"), OLD)
SHADOWED = Expected(
    Assigned("acme", "guard", "1.0.0"), OLD, Assigned("acme", "guard", "2.0.0"), NEW, "dry_run"
)


def seen(
    digest: str = OLD,
    judgement: Judgement = Judgement.EXPECTED,
    *,
    days: float = 1,
    decision: str = "allow",
) -> Judged:
    """Decisions that were made some days before the end."""
    at = UNTIL - timedelta(days=days)
    return Judged(DecisionCount("r", "prod", digest, decision, at.date(), at, 1, 0, at, at), judgement)


CASES = [
    (None, [seen(judgement=Judgement.UNJUDGED)], State.UNKNOWN, "not_assigned"),
    (Expected(Assigned("acme", "guard", ""), None), [seen()], State.UNKNOWN, "no_such_version"),
    (PLAIN, [], State.UNKNOWN, "no_proven_decision"),
    (PLAIN, [seen(days=6)], State.SILENT, "stale"),
    (PLAIN, [seen(OTHER, Judgement.UNEXPECTED, days=6)], State.SILENT, "stale"),
    (PLAIN, [seen(), seen(OTHER, Judgement.UNEXPECTED, days=2)], State.DRIFTED, "unexpected_version"),
    (PLAIN, [seen(), seen(OTHER, Judgement.UNEXPECTED, days=6)], State.ENFORCED, "enforced_version"),
    (PLAIN, [seen(judgement=Judgement.UNJUDGED)], State.UNKNOWN, "not_judged"),
    (SHADOWED, [seen(NEW)], State.SHADOW, "candidate_only"),
    (SHADOWED, [seen(NEW), seen(OLD)], State.ENFORCED, "enforced_version"),
    (PLAIN, [seen(decision="dry_run")], State.SHADOW, "dry_runs_only"),
    (PLAIN, [seen(NEW)], State.ENFORCED, "within_grace"),
]


@pytest.mark.parametrize(("expected", "decisions", "state", "code"), CASES)
def test_precedence(expected: Expected | None, decisions: list[Judged], state: State, code: str) -> None:
    """Each state for its own reason."""
    found, reasons = state_of(expected, decisions, Tally(), UNTIL, STALE)
    assert (found, reasons[0].code) == (state, code)


def test_what_proves_nothing_is_said_beside_the_state() -> None:
    """Unproven artifacts change no state and are never left unsaid."""
    tally = Tally()
    tally.counts.update({"evidence.failed": 2, "evidence.unverifiable": 1, "evidence.verified": 5})
    state, reasons = state_of(PLAIN, [seen()], tally, UNTIL, STALE)
    assert state is State.ENFORCED
    assert reasons[1].message == "artifacts that prove nothing: 1 unverifiable, 2 failed"
    assert state_of(PLAIN, [], tally, UNTIL, STALE)[0] is State.UNKNOWN


_ROWS = st.lists(
    st.builds(
        seen,
        st.sampled_from((OLD, NEW, OTHER)),
        st.sampled_from(Judgement),
        days=st.floats(0, 14),
        decision=st.sampled_from(("allow", "block", "dry_run")),
    ),
    max_size=6,
)


@given(_ROWS, st.sampled_from((None, PLAIN, SHADOWED)))
def test_a_good_state_needs_recent_proof(rows: list[Judged], expected: Expected | None) -> None:
    """Enforced and shadow only with a recent expected decision and without a recent unexpected one."""
    state, _reasons = state_of(expected, rows, Tally(), UNTIL, STALE)
    recent = {item.judgement for item in rows if item.row.last >= UNTIL - STALE}
    if state in {State.ENFORCED, State.SHADOW}:
        assert Judgement.EXPECTED in recent
        assert Judgement.UNEXPECTED not in recent
    if state is State.DRIFTED:
        assert Judgement.UNEXPECTED in recent
    if Judgement.UNEXPECTED in recent and expected is not None:
        assert state is State.DRIFTED
