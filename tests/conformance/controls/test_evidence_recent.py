# SPDX-License-Identifier: Apache-2.0
"""``evidence.recent``."""

from __future__ import annotations

import pytest

from gaitops.conformance.model import Outcome
from tests.conformance.conformance_builder import DAY, HOUR, NOT_CONSUMER, NOW, Consumer, decided, summary

ID = "evidence.recent"


def test_recent() -> None:
    """A recent decision under the required policy passes, whatever else was decided."""
    evidence = summary(decided("9.9.9"), decided("1.0.0"))
    assert Consumer().control(ID, evidence=evidence).outcome is Outcome.PASS


def test_old() -> None:
    """A decision of more than a week ago does not show that the policy still decides."""
    evidence = summary(decided("1.0.0", NOW - 8 * DAY))
    assert Consumer().control(ID, evidence=evidence).outcome is Outcome.FAIL


def test_other_policy() -> None:
    """Decisions under another policy alone fail and say so; they warn while the pin may lag behind."""
    evidence = summary(decided("9.9.9"))
    result = Consumer().control(ID, evidence=evidence)
    assert (result.outcome, "made under the policy with Gait digest" in result.reason) == (Outcome.FAIL, True)
    lagging = Consumer().control(ID, release=2, at=NOW + HOUR, evidence=summary(decided("1.0.0")))
    assert lagging.outcome is Outcome.WARN


def test_silent_candidate() -> None:
    """A required candidate that never decided anything warns."""
    evidence = summary(decided("1.1.0"))
    result = Consumer().control(ID, release=2, at=NOW + HOUR, evidence=evidence)
    assert (result.outcome, "candidate acme/guard@1.2.0" in result.reason) == (Outcome.WARN, True)


@pytest.mark.parametrize("missing", ["summary", "row", "recent summary", "own summary", "decision", "count"])
def test_unknown(missing: str) -> None:
    """What would tell is missing: never a pass."""
    evidence = {
        "summary": None,
        "row": summary(decided("1.0.0"), repository=NOT_CONSUMER),
        "recent summary": summary(decided("1.0.0"), end=NOW - 8 * DAY),
        "own summary": summary(decided("1.0.0"), trust_root="00" * 32),
        "decision": summary(),
        "count": summary(decided("1.0.0", allow=0)),
    }[missing]
    assert Consumer().control(ID, evidence=evidence).outcome is Outcome.INSUFFICIENT_DATA
