# SPDX-License-Identifier: Apache-2.0
"""Event logs, one JSON object per line: adoption, operations, and decisions exported by the MCP proxy (contract 7.2, 11).

All are unsigned and say neither repository nor identity. Gait appends to them, so the last line may be torn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from gaitops.gait.artifacts.documents import (
    HEAD,
    VERDICTS,
    Format,
    expect_digest,
    other_facts,
)
from gaitops.gait.artifacts.facts import OtherFacts
from gaitops.gait.artifacts.fields import Flag, Integer, Number, Obj, Spec, Text, Texts, Time, checked, extras
from gaitops.gait.artifacts.hygiene import lines, read_object
from gaitops.gait.artifacts.limits import MAX_LINE_BYTES
from gaitops.gait.artifacts.model import Buffer, Inspection
from gaitops.gait.artifacts.reading import Notes, Source, text
from gaitops.gait.artifacts.refusals import RejectedError
from gaitops.gait.artifacts.strict import shown

_MACHINE: Final = Spec(os=Text(always=True), arch=Text(always=True))
ADOPTION_EVENT: Final = Format(
    "adoption_events",
    "gait.scout.adoption_event",
    Spec(
        **HEAD,
        command=Text(always=True),
        workflow_id=Text(),
        success=Flag(always=True),
        exit_code=Integer(always=True),
        elapsed_ms=Integer(always=True),
        milestones=Texts(),
        environment=Obj(_MACHINE, always=True),
    ),
)
OPERATIONAL_EVENT: Final = Format(
    "operational_events",
    "gait.scout.operational_event",
    Spec(
        **HEAD,
        correlation_id=Text(always=True),
        command=Text(always=True),
        phase=Text(always=True),
        exit_code=Integer(always=True),
        error_category=Text(always=True),
        retryable=Flag(always=True),
        elapsed_ms=Integer(always=True),
        environment=Obj(_MACHINE, always=True),
    ),
)
DECISION_EVENT: Final = Spec(
    created_at=Time(),
    producer_version=Text(always=True),
    run_id=Text(always=True),
    session_id=Text(),
    trace_id=Text(always=True),
    trace_path=Text(),
    tool_name=Text(always=True),
    verdict=Text(always=True),
    reason_codes=Texts(),
    policy_digest=Text(always=True),
    intent_digest=Text(always=True),
    decision_latency_ms=Number(),
    delegation_ref=Text(),
    delegation_depth=Integer(),
)
"""No schema id; the only stream of single calls that has reason codes (contract 11)."""
_MAX_NAMES: Final = 20
"""Unknown members that are remembered for a message."""
_MAX_EVENTS: Final = 500_000
"""Of one log: shorter lines than Gait writes would keep a reader busy for minutes, within the limit of bytes."""


def read_adoption(source: Source) -> Inspection:
    """Judge a log of adoption events."""
    return _read_log(source, ADOPTION_EVENT)


def read_operational(source: Source) -> Inspection:
    """Judge a log of operational events."""
    return _read_log(source, OPERATIONAL_EVENT)


def read_decisions(source: Source) -> Inspection:
    """Judge a log of exported decisions. They are claims: only signed traces say what a gate decided."""
    notes = Notes()
    facts: OtherFacts | None = None
    unknown: set[str] = set()
    for number, event in _events(source.data, DECISION_EVENT, notes):
        facts = facts or other_facts(event)
        # One bad line fails the log: what else is wrong with it need not be listed.
        if notes.findings:
            continue
        unknown.update(extras(DECISION_EVENT, event) if len(unknown) < _MAX_NAMES else ())
        if text(event, "verdict") not in VERDICTS:
            notes.forged("artifact.word", f"line {number} has a verdict that Gait does not write")
        expect_digest(notes, event, "policy_digest", "intent_digest")
    notes.extras(unknown)
    return notes.conclude("decision_events", source, facts=facts)


def decisions(data: Buffer) -> Iterator[dict[str, object]]:
    """The events of a log of exported decisions, with checked types.

    Raises:
        RejectedError: a line is not one; a torn last line is left out.
    """
    for _, event in _events(data, DECISION_EVENT, Notes()):
        yield event


def _read_log(source: Source, form: Format) -> Inspection:
    notes = Notes()
    first: Mapping[str, object] | None = None
    unknown: set[str] = set()
    for number, event in _events(source.data, form.spec, notes):
        first = first or event
        unknown.update(extras(form.spec, event) if len(unknown) < _MAX_NAMES else ())
        if (event.get("schema_id"), event.get("schema_version")) != (form.schema_id, form.version):
            found = shown((f"{event.get('schema_id')} {event.get('schema_version')}",))
            message = f"line {number} is {found}, not {form.schema_id} {form.version}"
            raise RejectedError("artifact.schema", message, gait=False)
    notes.extras(unknown)
    return notes.conclude(form.kind, source, facts=other_facts(first or {}))


def _events(data: Buffer, spec: Spec, notes: Notes) -> Iterator[tuple[int, dict[str, object]]]:
    """Number and event of every line; a last line without its end that is no JSON is noted and left out."""
    torn = len(data) > 0 and bytes(data[-1:]) != b"\n"
    held: tuple[int, bytes] | None = None
    for count, numbered in enumerate(lines(data)):
        if count == _MAX_EVENTS:
            raise RejectedError("events.too_many", f"more than {_MAX_EVENTS} events", gait=False)
        if held is not None:
            yield held[0], _event(held, spec)
        held = numbered
    if held is None:
        return
    try:
        yield held[0], _event(held, spec)
    except RejectedError as error:
        if not torn or error.code != "json.syntax":
            raise
        notes.notes("events.torn_line", f"line {held[0]} ends in the middle and is left out")


def _event(line: tuple[int, bytes], spec: Spec) -> dict[str, object]:
    number, data = line
    try:
        return checked(spec, read_object(data, limit=MAX_LINE_BYTES))
    except RejectedError as error:
        raise RejectedError(error.code, f"line {number}: {error.message}", gait=error.gait) from error
