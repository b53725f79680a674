# SPDX-License-Identifier: Apache-2.0
"""``policy.bytes``."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gaitops.conformance.evaluate import evaluate
from gaitops.conformance.inputs import Context
from gaitops.conformance.model import Outcome
from tests.conformance.conformance_builder import CONFORMING, NOW, Consumer

ID = "policy.bytes"
FOLDER = ".gaitops/production/enforced/"


def test_published() -> None:
    """The published bytes pass, judged by the release or by the pin itself."""
    for release in (1, 2, None):
        assert Consumer().control(ID, release=release).outcome is Outcome.PASS


@pytest.mark.parametrize("name", ["gait.policy.yaml", "mcp/trust.json"])
def test_edited(name: str) -> None:
    """An edited policy or companion file fails, and is named, although the pin as a whole does not verify either."""
    consumer = Consumer()
    consumer.files[FOLDER + name] += b" "
    result = consumer.control(ID)
    assert (result.outcome, result.path) == (Outcome.FAIL, FOLDER + name)


def test_missing_and_added() -> None:
    """A missing and an added file fail."""
    consumer = Consumer()
    text = consumer.files.pop(FOLDER + "mcp/trust.json")
    assert "missing" in consumer.control(ID).reason
    consumer.files |= {FOLDER + "mcp/trust.json": text, FOLDER + "a": b""}
    assert consumer.control(ID).path == FOLDER + "a"


def test_gait_digest() -> None:
    """A version whose statement claims another Gait digest than the file has fails: Gait would run something else."""
    consumer = Consumer()
    required = consumer.required()
    assert required is not None
    known = {digest: replace(item, gait_digest="00" * 32) for digest, item in required.known.items()}
    result = evaluate(consumer.subject(), replace(required, known=known), Context(consumer.trust_root, NOW))
    found = next(item for item in result.controls if item.control == ID)
    assert found.outcome is Outcome.FAIL
    assert "Gait reads a policy with digest" in found.reason


def test_unknown_version() -> None:
    """Files of a version that nothing verified describes cannot be judged."""
    consumer = Consumer()
    text = consumer.files[".gaitops/pin.yaml"].decode()
    old = next(line for line in text.splitlines() if line.strip().startswith("digest: "))
    consumer.files[".gaitops/pin.yaml"] = text.replace(old, f"{old[: old.index(':')]}: {'ab' * 32}").encode()
    assert consumer.control(ID).outcome is Outcome.INSUFFICIENT_DATA


def test_no_pin() -> None:
    """Without a pin it cannot tell."""
    assert Consumer(dict(CONFORMING)).control(ID).outcome is Outcome.INSUFFICIENT_DATA
