# SPDX-License-Identifier: Apache-2.0
"""``pin.trust_root``."""

from __future__ import annotations

from gaitops.conformance.model import Outcome
from tests.conformance.conformance_builder import CONFORMING, DAY, NOW, Consumer

ID = "pin.trust_root"


def test_same() -> None:
    """The pin starts where the caller's trust does."""
    assert Consumer().control(ID).outcome is Outcome.PASS


def test_other() -> None:
    """A trust root of somebody else fails; what the pin says of itself proves nothing."""
    result = Consumer(trust_root="0" * 64).control(ID, release=None)
    assert result.outcome is Outcome.FAIL
    assert "0" * 64 in result.reason


def test_pin_yaml_alone_is_not_enough() -> None:
    """A pin whose first root is another file than its ``pin.yaml`` claims fails."""
    consumer = Consumer()
    consumer.files[".gaitops/1.root.json"] += b"\n"
    result = consumer.control(ID)
    assert (result.outcome, result.path) == (Outcome.FAIL, ".gaitops/1.root.json")


def test_no_root() -> None:
    """A pin without its first root fails."""
    consumer = Consumer()
    del consumer.files[".gaitops/1.root.json"]
    assert consumer.control(ID).outcome is Outcome.FAIL


def test_expired() -> None:
    """An expired root warns: it is time to renew."""
    result = Consumer().control(ID, release=None, at=NOW + 20 * 365 * DAY)
    assert result.outcome is Outcome.WARN


def test_no_pin() -> None:
    """Without a pin it cannot tell."""
    assert Consumer(dict(CONFORMING)).control(ID).outcome is Outcome.INSUFFICIENT_DATA
