# SPDX-License-Identifier: Apache-2.0
"""``policy.candidate``."""

from __future__ import annotations

from gaitops.conformance.model import Outcome
from tests.conformance.conformance_builder import CONFORMING, DAY, HOUR, NOW, Consumer

ID = "policy.candidate"


def test_none() -> None:
    """Outside rollouts there is nothing to judge."""
    assert Consumer().control(ID).outcome is Outcome.NOT_APPLICABLE


def test_missing() -> None:
    """A candidate that is required and not pinned warns while the pin may lag behind, then fails."""
    soon = Consumer().control(ID, release=2, at=NOW + HOUR)
    late = Consumer().control(ID, release=2, at=NOW + HOUR + 7 * DAY)
    assert (soon.outcome, late.outcome) == (Outcome.WARN, Outcome.FAIL)
    assert late.reason.startswith("the candidate is none, required is acme/guard@1.2.0")


def test_no_pin() -> None:
    """Without a pin it cannot tell."""
    assert Consumer(dict(CONFORMING)).control(ID, release=2).outcome is Outcome.INSUFFICIENT_DATA
