# SPDX-License-Identifier: Apache-2.0
"""Traces: every golden vector, and what a trace says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gaitops.gait.artifacts.facts import TraceFacts
from gaitops.gait.artifacts.inspect import inspect
from gaitops.gait.artifacts.model import PROVEN, Verdict
from tests.gait.artifacts.vectors import Vector, codes, keyring, trace, traces


@pytest.mark.parametrize("vector", traces(), ids=lambda vector: vector.name)
def test_every_vector_gives_the_right_answer(vector: Vector) -> None:
    """The verdict is the expected one, with content that nobody signed told apart."""
    vector.judge(inspect(vector.data, keyring()))


@pytest.mark.parametrize("vector", traces(), ids=lambda vector: vector.name)
def test_gaits_verdict_is_what_gait_said(vector: Vector) -> None:
    """``gait_verdict`` is verified exactly where the program accepted the trace with a registered key."""
    inspection = inspect(vector.data, keyring())
    assert (inspection.gait_verdict in PROVEN) == (vector.line["gait_exit"] == 0)


def test_facts_of_a_trace() -> None:
    """A trace says who asked for what, when, and what the gate decided."""
    inspection = inspect(trace("extra-nested-relationship").data, keyring())
    facts = inspection.facts
    assert isinstance(facts, TraceFacts)
    assert (facts.tool_name, facts.decision, facts.repository, facts.environment) == (
        "ledger.export",
        "allow",
        "larkspur/edge",
        "prod",
    )
    assert facts.requester == "deploy-bot@larkspur.example"
    assert facts.observed_at == datetime(2026, 10, 1, 9, 6, 28, 590893, tzinfo=UTC)
    assert facts.observed_at_text == "2026-10-01T09:06:28.590893779Z"
    assert facts.latency_ms == 0.272026
    assert inspection.ids["event_id"] == "7e20b68c1b7601ab4edfe599"
    assert inspection.digests["policy_digest"].startswith("6e772d10ae40")


def test_rejected_traces_have_no_facts() -> None:
    """Nobody can take a fact from a trace that must not be believed."""
    for vector in traces():
        inspection = inspect(vector.data, keyring())
        if inspection.verdict is Verdict.REJECTED:
            assert inspection.facts is None


def test_the_kind_is_told_by_the_members_where_the_schema_id_lies() -> None:
    """A trace under the schema id of a token is judged as a trace, and rejected."""
    inspection = inspect(trace("forged-other-schema").data, keyring())
    assert (inspection.kind, inspection.verdict) == ("trace", Verdict.REJECTED)
    assert "artifact.schema" in codes(inspection)


def test_without_keys_a_signed_trace_is_unverifiable() -> None:
    """Nothing is proven by a signature whose key is not at hand."""
    inspection = inspect(trace("no-attribution").data, keyring("contractor-laptop"))
    assert inspection.verdict is Verdict.UNVERIFIABLE
    assert codes(inspection) == {"signature.unknown_key"}
