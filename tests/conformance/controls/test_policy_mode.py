# SPDX-License-Identifier: Apache-2.0
"""``policy.mode``."""

from __future__ import annotations

from gaitops.conformance.model import Outcome
from tests.conformance.conformance_builder import DAY, HOUR, NOW, Consumer

ID = "policy.mode"


def test_assigned() -> None:
    """The assigned mode passes."""
    assert Consumer().control(ID).outcome is Outcome.PASS


def test_other() -> None:
    """Another mode warns while the pin may lag behind, then fails."""
    soon = Consumer().control(ID, release=2, at=NOW + HOUR)
    late = Consumer().control(ID, release=2, at=NOW + HOUR + 7 * DAY)
    assert (soon.outcome, late.outcome) == (Outcome.WARN, Outcome.FAIL)
    assert late.reason.startswith("the mode is enforce, required is dry_run")
