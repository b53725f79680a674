# SPDX-License-Identifier: Apache-2.0
"""``evidence.verifiable``."""

from __future__ import annotations

import pytest

from gaitops.conformance.model import Outcome
from tests.conformance.conformance_builder import NOT_CONSUMER, Consumer, summary

ID = "evidence.verifiable"


def test_all_verify() -> None:
    """Artifacts that verify pass, unsigned extra members or not."""
    evidence = summary(artifacts={"verified": 2, "verifiedWithUnsignedExtras": 1})
    assert Consumer().control(ID, evidence=evidence).outcome is Outcome.PASS


@pytest.mark.parametrize("kind", ["unsigned", "unverifiable", "failed", "rejected"])
def test_one_does_not(kind: str) -> None:
    """A single artifact that proves nothing fails and is counted."""
    result = Consumer().control(ID, evidence=summary(artifacts={"verified": 9, kind: 1}))
    assert result.outcome is Outcome.FAIL
    assert result.reason.startswith("1 of 10 artifacts")


def test_unknown() -> None:
    """Without a summary, without a row and without an artifact it cannot tell."""
    for evidence in (None, summary(repository=NOT_CONSUMER), summary(artifacts={"verified": 0})):
        assert Consumer().control(ID, evidence=evidence).outcome is Outcome.INSUFFICIENT_DATA
