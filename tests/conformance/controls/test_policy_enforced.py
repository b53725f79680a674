# SPDX-License-Identifier: Apache-2.0
"""``policy.enforced``."""

from __future__ import annotations

from gaitops.conformance.model import Outcome
from tests.conformance.conformance_builder import DAY, HOUR, NOW, Consumer

ID = "policy.enforced"


def test_required() -> None:
    """The required version passes, by a release or by the pin's own statement; the result says by which."""
    assert Consumer().control(ID).reason == "the enforced policy is acme/guard@1.0.0, as required"
    alone = Consumer().control(ID, release=None)
    assert (alone.outcome, "the pin's own statement" in alone.reason) == (Outcome.PASS, True)


def test_other() -> None:
    """Another version warns while the pin may lag behind, then fails."""
    soon = Consumer().control(ID, release=2, at=NOW + HOUR)
    late = Consumer().control(ID, release=2, at=NOW + HOUR + 7 * DAY)
    assert (soon.outcome, late.outcome) == (Outcome.WARN, Outcome.FAIL)
    assert late.reason.startswith("the enforced policy is acme/guard@1.0.0, required is acme/guard@1.1.0")


def test_nothing_assigned() -> None:
    """A repository that pins an environment in which nothing is assigned to it does not conform."""
    from dataclasses import replace

    from gaitops.conformance.evaluate import evaluate
    from gaitops.conformance.inputs import Context

    consumer = Consumer()
    required = consumer.required()
    assert required is not None
    nothing = replace(required, enforced=None, mode=None)
    result = evaluate(consumer.subject(), nothing, Context(consumer.trust_root, NOW))
    outcomes = {item.control: item.outcome for item in result.controls}
    assert (outcomes[ID], outcomes["policy.mode"]) == (Outcome.FAIL, Outcome.NOT_APPLICABLE)


def test_unverified_pin() -> None:
    """What a pin says that does not verify is not known."""
    consumer = Consumer()
    consumer.files[".gaitops/z"] = b""
    assert consumer.control(ID).outcome is Outcome.INSUFFICIENT_DATA
    assert consumer.control(ID, release=None).outcome is Outcome.INSUFFICIENT_DATA
