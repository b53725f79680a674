# SPDX-License-Identifier: Apache-2.0
"""``regress.fixtures``."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gaitops.conformance.model import Outcome
from tests.conformance.conformance_builder import Consumer

ID = "regress.fixtures"
FIXTURE = "fixtures/pay/fixture.json"


def with_fixture(**members: Any) -> Consumer:
    """A consumer whose one fixture says this."""
    consumer = Consumer()
    consumer.files[FIXTURE] = json.dumps(members).encode()
    return consumer


def test_effective() -> None:
    """A listed fixture with a candidate passes; what is not listed is mentioned."""
    consumer = Consumer()
    consumer.files["fixtures/other/fixture.json"] = b"{}"
    result = consumer.control(ID)
    assert (result.outcome, "other" in result.reason) == (Outcome.PASS, True)


@pytest.mark.parametrize(
    "members",
    [
        {"runpack": "a.zip"},
        {"runpack": "a.zip", "candidate_runpack": None},
        {"runpack": "a.zip", "candidate_runpack": " "},
        {"runpack": "a.zip", "candidate_runpack": "a.zip"},
    ],
)
def test_vacuous(members: dict[str, Any]) -> None:
    """A fixture that is compared with itself passes whatever happens, so the control fails and names it."""
    result = with_fixture(**members).control(ID)
    assert result.outcome is Outcome.FAIL
    assert result.reason.endswith(": pay")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("gait.yaml", None),
        ("gait.yaml", b'{"schema_id": "gait.regress.config", "fixtures": []}'),
        ("gait.yaml", b'{"schema_id": "gait.regress.config"}'),
        ("gait.yaml", b'{"schema_id": "something.else", "fixtures": [{"name": "pay"}]}'),
        ("gait.yaml", b"default_verdict: block\n"),
        ("gait.yaml", b'{"schema_id": "gait.regress.config", "Fixtures": [{"name": "pay"}]}'),
        ("gait.yaml", b'{"schema_id": "gait.regress.config", "fixtures": 3}'),
        (FIXTURE, None),
        (FIXTURE, b"[]"),
        (FIXTURE, b'{"runpack": "a", "candidate_runpack": "b", "candidate_runpack": ""}'),
        (FIXTURE, b'{"runpack": "a", "candidate_runpack": "b", "CANDIDATE_RUNPACK": ""}'),
        (FIXTURE, b'{"runpack": "a", "candidate_runpack": 1}'),
    ],
)
def test_missing_or_ambiguous(path: str, text: bytes | None) -> None:
    """What is missing, or what Gait could read in another way, fails."""
    consumer = Consumer()
    del consumer.files[path]
    if text is not None:
        consumer.files[path] = text
    assert consumer.control(ID).outcome is Outcome.FAIL


def test_names_stay_inside() -> None:
    """A fixture name cannot lead out of the repository."""
    consumer = Consumer()
    config = {"schema_id": "gait.regress.config", "fixtures": [{"name": "../../../etc"}]}
    consumer.files["gait.yaml"] = json.dumps(config).encode()
    assert consumer.control(ID).outcome is Outcome.FAIL
