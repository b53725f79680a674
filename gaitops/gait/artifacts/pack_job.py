# SPDX-License-Identifier: Apache-2.0
"""What a job pack holds: a summary, the state that the job ended in, and the events that led there (Gait contract 4.2, 5.3).

Gait compares ids and two counts. It does not compare what summary and state say, and it does not notice an event that
is missing (contract 16.8).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from gaitops.gait.artifacts.digests import bare
from gaitops.gait.artifacts.fields import Free, Integer, Object, Objs, Spec, Text, Texts, Time
from gaitops.gait.artifacts.model import Effect, Finding
from gaitops.gait.artifacts.pack_contents import Contents, Payload
from gaitops.gait.artifacts.pack_rules import empties, not_a_digest, schema_problems, unset
from gaitops.gait.artifacts.reading import member, number, objects, text
from gaitops.gait.artifacts.times import moment
from gaitops.gait.go_text import trim
from gaitops.gait.quoting import quote

_TEXT: Final = Text(always=True)
_COUNT: Final = Integer(always=True)

PAYLOAD: Final = Spec(
    schema_id=_TEXT,
    schema_version=_TEXT,
    created_at=Time(),
    job_id=_TEXT,
    status=_TEXT,
    stop_reason=_TEXT,
    status_reason_code=_TEXT,
    environment_fingerprint=_TEXT,
    safety_invariant_version=Text(),
    safety_invariant_hash=Text(),
    checkpoint_count=_COUNT,
    approval_count=_COUNT,
)
"""``job_payload.json``, ``gait.pack.job``."""

STATE: Final = Spec(
    schema_id=_TEXT,
    schema_version=_TEXT,
    created_at=Time(),
    updated_at=Time(),
    producer_version=_TEXT,
    job_id=_TEXT,
    status=_TEXT,
    stop_reason=_TEXT,
    status_reason_code=_TEXT,
    environment_fingerprint=_TEXT,
    safety_invariant_version=Text(),
    safety_invariant_hash=Text(),
    safety_invariants=Texts(),
    policy_digest=Text(),
    policy_ref=Text(),
    identity=Text(),
    revision=_COUNT,
    checkpoints=Objs(
        always=True,
        spec=Spec(
            checkpoint_id=_TEXT,
            created_at=Time(),
            type=_TEXT,
            summary=_TEXT,
            required_action=Text(),
            reason_code=_TEXT,
            actor=Text(),
        ),
    ),
    approvals=Objs(Spec(created_at=Time(), actor=_TEXT, reason=_TEXT)),
)
"""``job_state.json``, ``gait.job.runtime``."""

EVENT: Final = Spec(
    schema_id=_TEXT,
    schema_version=_TEXT,
    created_at=Time(),
    job_id=_TEXT,
    revision=_COUNT,
    type=_TEXT,
    actor=Text(),
    reason_code=Text(),
    payload=Free(),
)
"""One line of ``job_events.jsonl``, ``gait.job.event``."""

STATUSES: Final = frozenset(
    {"running", "paused", "decision_needed", "blocked", "completed", "cancelled", "emergency_stopped"}
)
"""What a job can be (contract 5.3)."""

EMERGENCY_STOP: Final = "emergency_stop_preempted"
"""The one reason code that somebody should hear of (contract 5.3)."""

_REQUIRED: Final = ("job_id", "stop_reason", "status_reason_code", "environment_fingerprint")
_AGREEING: Final = (
    "status",
    "stop_reason",
    "status_reason_code",
    "environment_fingerprint",
    "safety_invariant_version",
    "safety_invariant_hash",
)


def read(contents: Contents) -> Payload:
    """Judge the documents of a job pack against each other.

    Raises:
        ArtifactError: one of them is missing, damaged or not readable.
    """
    payload = contents.document("job_payload.json", PAYLOAD)
    state = contents.document("job_state.json", STATE)
    events = contents.lines("job_events.jsonl", EVENT)
    contents.take(_findings(payload, state, events, contents.source_ref))
    return Payload(
        ids={"job_id": text(payload, "job_id")},
        digests={"policy_digest": bare(text(state, "policy_digest"))},
        job_status=text(payload, "status"),
        job_reason=text(payload, "status_reason_code"),
    )


def _findings(payload: Object, state: Object, events: Sequence[Object], source_ref: str) -> Iterator[Finding]:
    yield from schema_problems(payload, "gait.pack.job", "job_payload.json", gait=True)
    yield from schema_problems(state, "gait.job.runtime", "job_state.json", gait=False)
    for event in events:
        yield from schema_problems(event, "gait.job.event", "an event of the job", gait=False)
    for message in _contract(payload, state, events, source_ref):
        yield Finding("pack.payload_invalid", message, Effect.FAILS, gait=True)
    yield from _disagreements(payload, state)
    yield from _revisions(state, events)
    yield from _untold(state, events)
    if EMERGENCY_STOP in {text(document, "reason_code") for document in events} | {
        text(payload, "status_reason_code")
    }:
        yield Finding("pack.job_emergency_stop", "an emergency stop preempted the job")


def _contract(payload: Object, state: Object, events: Sequence[Object], source_ref: str) -> Iterator[str]:
    """What Gait checks itself (contract 4.3)."""
    job_id = text(payload, "job_id")
    if unset(payload, "created_at"):
        yield "job_payload.json has no created_at"
    for document, name in ((payload, "job_payload.json"), (state, "job_state.json")):
        yield from empties(document, _REQUIRED, name)
        if text(document, "status") not in STATUSES:
            yield f"{name} has the status {quote(text(document, 'status'))}, which Gait does not know"
        if trim(text(document, "safety_invariant_version")):
            yield from not_a_digest(document, "safety_invariant_hash", name)
    if job_id != trim(source_ref):
        yield f"job_payload.json is about {quote(job_id)}, the pack about {quote(source_ref)}"
    if text(state, "job_id") != job_id:
        yield f"job_state.json is about {quote(text(state, 'job_id'))}, job_payload.json about {quote(job_id)}"
    if any(trim(text(event, "job_id")) != job_id for event in events):
        yield "an event belongs to another job"
    for count, name in (("checkpoint_count", "checkpoints"), ("approval_count", "approvals")):
        found = len(objects(state, name))
        if number(payload, count) != found:
            yield f"job_payload.json counts {number(payload, count)} {name}, job_state.json has {found}"


def _disagreements(payload: Object, state: Object) -> Iterator[Finding]:
    """Summary and state tell the same story."""
    for name in _AGREEING:
        if text(payload, name) != text(state, name):
            message = f"{name}: job_payload.json says {quote(text(payload, name))}, job_state.json {quote(text(state, name))}"
            yield Finding("pack.job_state_mismatch", message, Effect.FAILS)
    submitted, recorded = moment(payload.get("created_at")), moment(state.get("created_at"))
    if submitted and recorded and submitted != recorded:
        message = "created_at of job_payload.json is not that of job_state.json"
        yield Finding("pack.job_state_mismatch", message, Effect.FAILS)


def _revisions(state: Object, events: Sequence[Object]) -> Iterator[Finding]:
    """Every change of a job is one event and one revision, counted from 1 up to the state's."""
    found = [number(event, "revision") for event in events]
    for expected, revision in enumerate(found, start=1):
        if revision != expected:
            message = f"expected the event of revision {expected}, found {revision}"
            yield Finding("pack.job_revision_gap", message, Effect.FAILS)
            return
    if number(state, "revision") != len(found):
        message = f"the events reach revision {len(found)}, the state is at {number(state, 'revision')}"
        yield Finding("pack.job_revision_gap", message, Effect.FAILS)


def _untold(state: Object, events: Sequence[Object]) -> Iterator[Finding]:
    """Checkpoints and approvals of the state are those that the events tell of."""
    told = [
        text(member(event, "payload"), "checkpoint_id") for event in events if _is(event, "checkpoint_added")
    ]
    if told != [text(checkpoint, "checkpoint_id") for checkpoint in objects(state, "checkpoints")]:
        message = "the checkpoints of the state are not those of the events"
        yield Finding("pack.job_events_mismatch", message, Effect.FAILS)
    approvers = [text(event, "actor") for event in events if _is(event, "approved")]
    if approvers != [text(approval, "actor") for approval in objects(state, "approvals")]:
        message = "the approvals of the state are not those of the events"
        yield Finding("pack.job_events_mismatch", message, Effect.FAILS)


def _is(event: Object, kind: str) -> bool:
    return text(event, "type") == kind
