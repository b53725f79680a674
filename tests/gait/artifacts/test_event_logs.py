# SPDX-License-Identifier: Apache-2.0
"""Event logs: torn ends, broken middles, and lines that do not belong."""

from __future__ import annotations

from typing import Any

import pytest

from gaitops.gait.artifacts import event_logs
from gaitops.gait.artifacts.event_logs import decisions
from gaitops.gait.artifacts.facts import OtherFacts
from gaitops.gait.artifacts.model import Verdict
from gaitops.gait.artifacts.refusals import RejectedError
from tests.gait.artifacts.documents import (
    adoption_event,
    broken,
    decision_event,
    judged,
    log,
    operational_event,
)
from tests.gait.artifacts.vectors import codes

Json = dict[str, Any]


@pytest.mark.parametrize(
    "event",
    [adoption_event(), operational_event(), decision_event()],
    ids=["adoption", "operational", "decision"],
)
def test_a_torn_last_line_is_left_out(event: Json) -> None:
    """Logs are appended to: what stands before the torn line counts."""
    inspection = judged(log(event, event)[:-40])
    assert inspection.verdict is Verdict.UNSIGNED
    assert "events.torn_line" in codes(inspection)


@pytest.mark.parametrize("event", [adoption_event(), operational_event(), decision_event()])
def test_a_broken_line_in_the_middle_rejects_the_log(event: Json) -> None:
    """Only the end can be torn."""
    inspection = judged(log(event) + b'{"schema_id":\n' + log(event))
    assert inspection.verdict is Verdict.REJECTED
    assert "line 2" in inspection.findings[0].message


def test_logs_do_not_mix() -> None:
    """A line of another format is not read as if it were of this one."""
    inspection = judged(log(operational_event(), adoption_event(correlation_id="x", phase="end")))
    assert inspection.verdict is Verdict.REJECTED
    assert codes(inspection) >= {"artifact.schema"}


def test_a_log_of_one_event_is_a_log() -> None:
    """Also where there is no second line to tell."""
    for event, kind in (
        (adoption_event(), "adoption_events"),
        (operational_event(), "operational_events"),
        (decision_event(), "decision_events"),
    ):
        assert judged(log(event)).kind == kind


def test_exported_decisions() -> None:
    """Each line is one; a verdict that Gait does not know is not intact."""
    assert [
        event["tool_name"] for event in decisions(log(decision_event(), decision_event(tool_name="x")))
    ] == [
        "fs.write",
        "x",
    ]
    inspection = judged(log(decision_event(), decision_event(verdict="maybe")))
    assert broken(inspection) == {"artifact.word"}
    with pytest.raises(RejectedError):
        list(decisions(log(decision_event(verdict=1))))


def test_facts_of_a_log_are_those_of_its_first_event() -> None:
    """When it begins and who wrote it."""
    facts = judged(log(operational_event(), operational_event(producer_version="2"))).facts
    assert isinstance(facts, OtherFacts)
    assert facts.producer_version == "1.4.0"


def test_logs_of_endless_short_lines_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work is bounded by the number of events too, not only by bytes."""
    monkeypatch.setattr(event_logs, "_MAX_EVENTS", 2)
    assert judged(log(decision_event(), decision_event())).verdict is Verdict.UNSIGNED
    inspection = judged(log(decision_event()) + b"{}\n{}\n")
    assert (inspection.verdict, codes(inspection)) == (Verdict.REJECTED, {"events.too_many"})
