# SPDX-License-Identifier: Apache-2.0
"""``policy.withdrawn``."""

from __future__ import annotations

from dataclasses import replace

from gaitops.conformance.evaluate import evaluate
from gaitops.conformance.inputs import Context
from gaitops.conformance.model import Outcome
from tests.conformance.conformance_builder import CONFORMING, DAY, HOUR, NOW, Consumer

ID = "policy.withdrawn"


def test_in_force() -> None:
    """A version that the newest release has not withdrawn passes."""
    assert Consumer().control(ID).outcome is Outcome.PASS


def test_withdrawn() -> None:
    """A withdrawn version warns for ``withdrawnGrace``, then fails, although the pin was made before."""
    soon = Consumer().control(ID, release=2, at=NOW + HOUR)
    late = Consumer().control(ID, release=2, at=NOW + HOUR + 14 * DAY)
    assert (soon.outcome, late.outcome) == (Outcome.WARN, Outcome.FAIL)


def test_nobody_knows_when() -> None:
    """A withdrawal without a date fails at once."""
    consumer = Consumer()
    required = consumer.required(2)
    assert required is not None
    known = {digest: replace(item, withdrawn_at=None) for digest, item in required.known.items()}
    context = Context(consumer.trust_root, NOW + HOUR)
    result = evaluate(consumer.subject(), replace(required, known=known), context)
    assert next(item for item in result.controls if item.control == ID).outcome is Outcome.FAIL


def test_alone() -> None:
    """A pin alone never shows that nothing was withdrawn since."""
    assert Consumer().control(ID, release=None).outcome is Outcome.INSUFFICIENT_DATA


def test_no_pin() -> None:
    """Without a pin it cannot tell."""
    assert Consumer(dict(CONFORMING)).control(ID).outcome is Outcome.INSUFFICIENT_DATA
