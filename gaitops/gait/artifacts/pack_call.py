# SPDX-License-Identifier: Apache-2.0
"""What a call pack holds: what happened in a voice call, what was gated, and what was said (Gait contract 4.2).

Whoever speaks a commitment needs a decision that allows it and a token for it. Gait checks that much; here the events and
the decisions must also name the same intents and policies.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from gaitops.gait.artifacts.documents import VERDICTS
from gaitops.gait.artifacts.facts import RunFacts
from gaitops.gait.artifacts.fields import Flag, Free, Integer, Obj, Object, Spec, Text, Texts, Time
from gaitops.gait.artifacts.model import Effect, Finding
from gaitops.gait.artifacts.pack_contents import Contents, Payload
from gaitops.gait.artifacts.pack_rules import empties, is_digest, schema_problems, unset
from gaitops.gait.artifacts.reading import member, number, text
from gaitops.gait.artifacts.times import moment
from gaitops.gait.go_text import lower, trim
from gaitops.gait.quoting import quote

_TEXT: Final = Text(always=True)
_COUNT: Final = Integer(always=True)
_PLACE: Final = {"call_id": _TEXT, "call_seq": _COUNT, "turn_index": _COUNT}

PAYLOAD: Final = Spec(
    schema_id=_TEXT,
    schema_version=_TEXT,
    created_at=Time(),
    call_id=_TEXT,
    run_id=Text(),
    privacy_mode=_TEXT,
    event_count=_COUNT,
    commitment_count=_COUNT,
    decision_count=_COUNT,
    speak_receipt_count=_COUNT,
    reference_digest_count=_COUNT,
    environment_fingerprint=Text(),
)
"""``call_payload.json``, ``gait.pack.call``."""

MANIFEST: Final = Spec(
    producer_version=_TEXT, **{name: field for name, field in PAYLOAD.fields.items() if name != "run_id"}
)
"""``callpack_manifest.json``, ``gait.voice.callpack_manifest``."""

EVENT: Final = Spec(
    schema_id=_TEXT,
    schema_version=_TEXT,
    created_at=Time(),
    event_type=_TEXT,
    commitment_class=Text(),
    intent_digest=Text(),
    policy_digest=Text(),
    say_token_id=Text(),
    payload_digest=Text(),
    attributes=Free(),
    **_PLACE,
)
"""One line of ``call_events.jsonl``, ``gait.voice.call_event``."""

COMMITMENT: Final = Spec(
    schema_id=_TEXT,
    schema_version=_TEXT,
    created_at=Time(),
    producer_version=_TEXT,
    commitment_class=_TEXT,
    utterance_digest=Text(),
    context=Obj(
        always=True,
        spec=Spec(
            identity=_TEXT,
            workspace=_TEXT,
            risk_class=_TEXT,
            session_id=Text(),
            request_id=Text(),
            environment_fingerprint=Text(),
        ),
    ),
    currency=Text(),
    quote_min_cents=Integer(),
    quote_max_cents=Integer(),
    refund_ceiling_cents=Integer(),
    approval_required=Flag(),
    approval_artifact_refs=Texts(),
    evidence_reference_digests=Texts(),
    **_PLACE,
)
"""One line of ``commitments.jsonl``, ``gait.voice.commitment_intent``."""

DECISION: Final = Spec(
    commitment_class=_TEXT,
    verdict=_TEXT,
    reason_codes=Texts(),
    intent_digest=Text(),
    policy_digest=Text(),
    approval_ref=Text(),
    **_PLACE,
)
"""One line of ``gate_decisions.jsonl``."""

RECEIPT: Final = Spec(
    commitment_class=_TEXT, say_token_id=_TEXT, spoken_digest=_TEXT, emitted_at=Time(), **_PLACE
)
"""One line of ``speak_receipts.jsonl``."""

REFERENCE: Final = Spec(ref_id=_TEXT, sha256=_TEXT)
"""One element of ``reference_digests.json``."""

COMMITMENT_CLASSES: Final = frozenset(
    {"refund", "quote", "eligibility", "schedule", "cancel", "account_change"}
)
"""What can be committed to in a call."""
_PRIVACY_MODES: Final = frozenset({"hash_only", "dispute_encrypted"})
_STEPS: Final = frozenset(
    {
        "asr.final",
        "commitment.declared",
        "gate.decision",
        "tts.request",
        "tts.emitted",
        "tool.intent",
        "tool.result",
    }
)
"""Types of events of which every call has one at least."""
_COUNTS: Final = (
    "event_count",
    "commitment_count",
    "decision_count",
    "speak_receipt_count",
    "reference_digest_count",
)


@dataclass(frozen=True, slots=True)
class Call:
    """The documents of a call pack, checked against the declarations above."""

    payload: Object
    manifest: Object
    events: Sequence[Object]
    commitments: Sequence[Object]
    decisions: Sequence[Object]
    receipts: Sequence[Object]
    references: Sequence[Object]


def read(contents: Contents) -> Payload:
    """Judge the documents of a call pack against each other.

    Raises:
        ArtifactError: one of them is missing, damaged or not readable.
    """
    call = Call(
        payload=contents.document("call_payload.json", PAYLOAD),
        manifest=contents.document("callpack_manifest.json", MANIFEST),
        events=contents.lines("call_events.jsonl", EVENT),
        commitments=contents.lines("commitments.jsonl", COMMITMENT),
        decisions=contents.lines("gate_decisions.jsonl", DECISION),
        receipts=contents.lines("speak_receipts.jsonl", RECEIPT),
        references=contents.elements("reference_digests.json", REFERENCE),
    )
    contents.take(_findings(call, contents.source_ref))
    runpack = contents.runpack()
    run = runpack.facts if isinstance(runpack.facts, RunFacts) else None
    run_id = text(call.payload, "run_id")
    if run is not None and run_id != run.run_id:
        message = f"call_payload.json names the run {quote(run_id)}, the runpack is of {quote(run.run_id)}"
        contents.notes.fails("pack.runpack_mismatch", message)
    return Payload(
        ids={"call_id": text(call.payload, "call_id"), "run_id": run_id}, members=(runpack,), run=run
    )


def _findings(call: Call, source_ref: str) -> Iterator[Finding]:
    yield from schema_problems(call.payload, "gait.pack.call", "call_payload.json", gait=True)
    yield from schema_problems(
        call.manifest, "gait.voice.callpack_manifest", "callpack_manifest.json", gait=True
    )
    for event in call.events:
        yield from schema_problems(event, "gait.voice.call_event", "an event of the call", gait=True)
    for commitment in call.commitments:
        yield from schema_problems(commitment, "gait.voice.commitment_intent", "a commitment", gait=True)
    for rules in (_summaries(call, source_ref), _events(call), _lines(call), _spoken(call), _counts(call)):
        for message in rules:
            yield Finding("pack.payload_invalid", message, Effect.FAILS, gait=True)
    yield from _disagreements(call)
    yield from _unheard(call)


def _summaries(call: Call, source_ref: str) -> Iterator[str]:
    """Payload and manifest of the call agree with each other and with the pack."""
    payload, manifest = call.payload, call.manifest
    for document, name in ((payload, "call_payload.json"), (manifest, "callpack_manifest.json")):
        if unset(document, "created_at"):
            yield f"{name} has no created_at"
        yield from empties(document, ("call_id",), name)
        if text(document, "privacy_mode") not in _PRIVACY_MODES:
            yield f"{name} has the privacy mode {quote(text(document, 'privacy_mode'))}, which Gait does not know"
        if any(number(document, count) < 0 for count in _COUNTS):
            yield f"{name} has a negative count"
    yield from empties(manifest, ("producer_version",), "callpack_manifest.json")
    if text(payload, "call_id") != trim(source_ref):
        yield f"call_payload.json is about {quote(text(payload, 'call_id'))}, the pack about {quote(source_ref)}"
    for name in ("call_id", "privacy_mode", "environment_fingerprint", *_COUNTS):
        if payload.get(name) != manifest.get(name) and (payload.get(name) or manifest.get(name)):
            yield f"{name} of call_payload.json and callpack_manifest.json differ"
    if moment(payload.get("created_at")) != moment(manifest.get("created_at")):
        yield "created_at of call_payload.json and callpack_manifest.json differ"


def _events(call: Call) -> Iterator[str]:
    """Events stand in order, and no kind of step is missing."""
    for event in call.events:
        yield from _place(event, "an event", text(call.payload, "call_id"))
        yield from empties(event, ("event_type",), "an event")
        if unset(event, "created_at"):
            yield "an event has no created_at"
    order = [number(event, "call_seq") for event in call.events]
    if order != sorted(order):
        yield "the events are not in the order of call_seq"
    for step in sorted(_STEPS - {trim(text(event, "event_type")) for event in call.events}):
        yield f"the call has no event of type {step}"


def _lines(call: Call) -> Iterator[str]:
    """Each line is complete and belongs to this call."""
    for what, lines in (
        ("a commitment", call.commitments),
        ("a decision", call.decisions),
        ("a receipt", call.receipts),
    ):
        for line in lines:
            yield from _place(line, what, text(call.payload, "call_id"))
            yield from empties(line, ("commitment_class",), what)
    for commitment in call.commitments:
        yield from _commitment(commitment)
    for decision in call.decisions:
        if _word(decision, "verdict") not in VERDICTS:
            yield f"a decision has the verdict {quote(text(decision, 'verdict'))}, which Gait does not know"
    for receipt in call.receipts:
        yield from empties(receipt, ("say_token_id", "spoken_digest"), "a receipt")
        if unset(receipt, "emitted_at"):
            yield "a receipt has no emitted_at"


def _place(line: Object, what: str, call_id: str) -> Iterator[str]:
    if trim(text(line, "call_id")) != call_id:
        yield f"{what} belongs to the call {quote(text(line, 'call_id'))}"
    if number(line, "call_seq") < 1 or number(line, "turn_index") < 0:
        yield f"{what} has no place in the call"
    commitment_class = _word(line, "commitment_class")
    if commitment_class and commitment_class not in COMMITMENT_CLASSES:
        yield f"{what} has the commitment class {quote(commitment_class)}, which Gait does not know"
    for name in ("intent_digest", "policy_digest", "payload_digest", "utterance_digest", "spoken_digest"):
        if trim(text(line, name)) and not is_digest(text(line, name)):
            yield f"{name} of {what} is not a SHA-256"


def _commitment(commitment: Object) -> Iterator[str]:
    if unset(commitment, "created_at"):
        yield "a commitment has no created_at"
    context = member(commitment, "context")
    yield from empties(context, ("identity", "workspace", "risk_class"), "the context of a commitment")
    least, most = number(commitment, "quote_min_cents"), number(commitment, "quote_max_cents")
    if min(least, most, number(commitment, "refund_ceiling_cents")) < 0 or 0 < most < least:
        yield "a commitment has bounds that nothing can lie between"


def _spoken(call: Call) -> Iterator[str]:
    """What was spoken had a token, and the last decision before it was to allow it."""
    receipts = {_key(receipt): receipt for receipt in call.receipts}
    for event in call.events:
        if not _speaks(event):
            continue
        place = f"at {number(event, 'call_seq')}"
        receipt = receipts.get(_key(event))
        if not trim(text(event, "say_token_id")):
            yield f"something was spoken {place} without a token"
        elif receipt is None:
            yield f"something was spoken {place} without a receipt"
        elif trim(text(receipt, "say_token_id")) != trim(text(event, "say_token_id")):
            yield f"event and receipt {place} name different tokens"
    decisions = _Decisions(call.decisions)
    for receipt in call.receipts:
        verdict = decisions.before(receipt)
        if verdict != "allow":
            found = f"says {verdict}" if verdict else "is missing"
            yield f"the decision before the receipt at {number(receipt, 'call_seq')} {found}"


class _Decisions:
    """Verdicts by what they are about, so that the newest before a moment is found at once."""

    def __init__(self, decisions: Sequence[Object]) -> None:
        verdicts: dict[tuple[int, str], dict[int, str]] = {}
        for decision in decisions:
            # Of several at one place the first counts.
            at = verdicts.setdefault(_subject(decision), {})
            at.setdefault(number(decision, "call_seq"), _word(decision, "verdict"))
        self._verdicts = {subject: sorted(at.items()) for subject, at in verdicts.items()}

    def before(self, receipt: Object) -> str:
        """Verdict of the newest decision on the same turn and class that is not later; empty if there is none."""
        found = self._verdicts.get(_subject(receipt), [])
        index = bisect_right(found, number(receipt, "call_seq"), key=itemgetter(0))
        return found[index - 1][1] if index else ""


def _counts(call: Call) -> Iterator[str]:
    references = {
        (trim(text(item, "ref_id")), _word(item, "sha256"))
        for item in call.references
        if trim(text(item, "ref_id")) and is_digest(text(item, "sha256"))
    }
    found = (
        len(call.events),
        len(call.commitments),
        len(call.decisions),
        len(call.receipts),
        len(references),
    )
    for name, count in zip(_COUNTS, found, strict=True):
        if number(call.payload, name) != count:
            yield f"call_payload.json has {name} {number(call.payload, name)}, there are {count}"


def _disagreements(call: Call) -> Iterator[Finding]:
    """A decision and the event that announces it name the same intent and policy."""
    announced = {_key(event): event for event in call.events if text(event, "event_type") == "gate.decision"}
    for decision in call.decisions:
        event = announced.get(_key(decision))
        for name in ("intent_digest", "policy_digest"):
            told, decided = _word(event or {}, name), _word(decision, name)
            if told and decided and told != decided:
                message = (
                    f"{name} at {number(decision, 'call_seq')}: the event says {told}, the decision {decided}"
                )
                yield Finding("pack.call_decision_mismatch", message, Effect.FAILS)


def _unheard(call: Call) -> Iterator[Finding]:
    spoken = {_key(event) for event in call.events if _speaks(event)}
    for receipt in call.receipts:
        if _key(receipt) not in spoken:
            message = f"the receipt at {number(receipt, 'call_seq')} has no event that something was spoken"
            yield Finding("pack.call_receipt_unheard", message, Effect.NOTES)


def _speaks(event: Object) -> bool:
    """Whether an event is about speech that had to be gated."""
    return trim(text(event, "event_type")) == "tts.emitted" and bool(_word(event, "commitment_class"))


def _subject(line: Object) -> tuple[int, str]:
    return number(line, "turn_index"), _word(line, "commitment_class")


def _key(line: Object) -> tuple[int, int, str]:
    return number(line, "call_seq"), number(line, "turn_index"), _word(line, "commitment_class")


def _word(line: Object, name: str) -> str:
    """A word or digest as Gait compares it: trimmed and in lower case."""
    return lower(trim(text(line, name)))
