# SPDX-License-Identifier: Apache-2.0
"""What is inside packs: each rule broken alone, in a pack that is rebuilt and signed so that nothing else is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from gaitops.gait.artifacts.inspect import inspect
from gaitops.gait.artifacts.model import Verdict
from tests.gait.artifacts.packs import Files, changed, digest, edited, relined, sha256, unzipped
from tests.gait.artifacts.vectors import VECTORS, codes, keyring, trace

FAILED, VERIFIED = Verdict.FAILED, Verdict.VERIFIED


@dataclass(frozen=True)
class Case:
    """A change of a golden pack and what must be said of it."""

    name: str
    pack: str
    change: Callable[[Files], object]
    code: str
    refused_by: Literal["gait", "ours"]
    """Whether Gait refuses the pack too, or only gaitops does."""


def member(file: str, **members: Any) -> Callable[[Files], None]:
    """Replaces members of one document."""
    return lambda files: edited(files, file, **members)


def line(file: str, index: int, **members: Any) -> Callable[[Files], None]:
    """Replaces members of one line of a log; ``None`` removes one."""

    def change(files: Files) -> None:
        def replace(items: list[dict[str, Any]]) -> None:
            value = items[index] | members
            items[index] = {name: item for name, item in value.items() if item is not None}

        relined(files, file, replace)

    return change


def dropped(file: str, index: int) -> Callable[[Files], None]:
    """Removes one line of a log."""
    return lambda files: relined(files, file, lambda items: items.pop(index))


def lost(file: str) -> Callable[[Files], object]:
    """Removes a file, from the manifest too."""
    return lambda files: files.pop(file)


def both(*changes: Callable[[Files], object]) -> Callable[[Files], None]:
    """One change after the other."""

    def change(files: Files) -> None:
        for one in changes:
            one(files)

    return change


def counted(**counts: int) -> Callable[[Files], None]:
    """The counts of a call, in both documents that have them."""
    return both(member("call_payload.json", **counts), member("callpack_manifest.json", **counts))


def relinked(**members: Any) -> Callable[[Files], None]:
    """Replaces members of the linked trace and reseals the bundle, as whoever exchanges evidence would."""

    def change(files: Files) -> None:
        value = json.loads(files["evidence/trace.json"]) | members
        files["evidence/trace.json"] = json.dumps(value).encode()
        edited(files, "authorization_bundle.json", trace_digest=digest(value))

    return change


def other_trace(files: Files) -> None:
    """Links a verified trace of another decision."""
    data = trace("policy-break-glass-1.0.0-00").data
    files["evidence/trace.json"] = data
    edited(files, "authorization_bundle.json", trace_digest=digest(json.loads(data)))


def audit_is_a_trace(files: Files) -> None:
    """Links the trace where the approval audit should be."""
    edited(files, "authorization_bundle.json", approval_audit_path="trace.json")
    bundle = json.loads(files["authorization_bundle.json"])
    edited(files, "authorization_bundle.json", approval_audit_digest=bundle["trace_digest"])


RUN = [
    Case("payload schema", "run-signed", member("run_payload.json", capture_mode="film"), "pack.payload_invalid", "gait"),
    Case("payload without time", "run-signed", member("run_payload.json", created_at=None), "pack.payload_invalid", "gait"),
    Case("digest no digest", "run-signed", member("run_payload.json", manifest_digest="ab"), "pack.payload_invalid", "gait"),
    Case("context no digest", "run-signed", member("run_payload.json", context_set_digest="ab"), "pack.payload_invalid", "gait"),
    Case("context mode", "run-signed", member("run_payload.json", context_evidence_mode="some"), "pack.payload_invalid", "gait"),
    Case("negative", "run-signed", member("run_payload.json", refs_count=-1), "pack.payload_invalid", "gait"),
    Case("other run", "run-signed", member("run_payload.json", run_id="run_other"), "pack.payload_invalid", "gait"),
    Case("no payload", "run-signed", lost("run_payload.json"), "pack.file_missing", "gait"),
    Case("no runpack", "run-signed", lost("source/runpack.zip"), "pack.file_missing", "gait"),
    Case("digest", "run-signed", member("run_payload.json", manifest_digest="0" * 64), "pack.runpack_mismatch", "ours"),
    Case("capture mode", "run-signed", member("run_payload.json", capture_mode="raw"), "pack.runpack_mismatch", "ours"),
    Case("intents", "run-signed", member("run_payload.json", intents_count=9), "pack.runpack_count_mismatch", "ours"),
    Case("results", "run-signed", member("run_payload.json", results_count=9), "pack.runpack_count_mismatch", "ours"),
    Case("refs", "run-signed", member("run_payload.json", refs_count=9), "pack.runpack_count_mismatch", "ours"),
    Case("mode differs", "run-signed", member("run_payload.json", context_evidence_mode="required"), "pack.context_mismatch", "ours"),
    Case("envelope differs", "run-signed-second-key", member("run_payload.json", context_set_digest="0" * 64), "pack.context_mismatch", "ours"),
    Case("envelope broken", "run-signed-second-key", member("context_envelope.json", context_set_digest="0" * 64), "pack.context_failed", "ours"),
    Case("no runpack at all", "run-signed", lambda files: files.update({"source/runpack.zip": b"none"}), "pack.runpack_failed", "ours"),
]  # fmt: skip

STATE, EVENTS, PAYLOAD = "job_state.json", "job_events.jsonl", "job_payload.json"
JOB = [
    Case("status", "job-completed", both(member(PAYLOAD, status="done"), member(STATE, status="done")), "pack.payload_invalid", "gait"),
    Case("no reason", "job-completed", both(member(PAYLOAD, stop_reason=" "), member(STATE, stop_reason=" ")), "pack.payload_invalid", "gait"),
    Case("no time", "job-completed", member(PAYLOAD, created_at=None), "pack.payload_invalid", "gait"),
    Case("invariant", "job-completed", both(member(PAYLOAD, safety_invariant_hash="x"), member(STATE, safety_invariant_hash="x")), "pack.payload_invalid", "gait"),
    Case("other job", "job-completed", member(PAYLOAD, job_id="job-z"), "pack.payload_invalid", "gait"),
    Case("state of another", "job-completed", member(STATE, job_id="job-z"), "pack.payload_invalid", "gait"),
    Case("event of another", "job-completed", line(EVENTS, 0, job_id="job-z"), "pack.payload_invalid", "gait"),
    Case("checkpoints", "job-completed", member(PAYLOAD, checkpoint_count=9), "pack.payload_invalid", "gait"),
    Case("approvals", "job-completed", member(PAYLOAD, approval_count=9), "pack.payload_invalid", "gait"),
    Case("events lost", "job-completed", lost(EVENTS), "pack.file_missing", "gait"),
    Case("event not JSON", "job-completed", lambda files: files.update({EVENTS: files[EVENTS] + b"{"}), "json.syntax", "gait"),
    Case("status differs", "job-completed", member(STATE, status="cancelled"), "pack.job_state_mismatch", "ours"),
    Case("reason differs", "job-completed", member(PAYLOAD, status_reason_code="other"), "pack.job_state_mismatch", "ours"),
    Case("machine differs", "job-completed", member(STATE, environment_fingerprint="env-z"), "pack.job_state_mismatch", "ours"),
    Case("time differs", "job-completed", member(PAYLOAD, created_at="2026-10-04T07:00:00Z"), "pack.job_state_mismatch", "ours"),
    Case("first event dropped", "job-completed", dropped(EVENTS, 0), "pack.job_revision_gap", "ours"),
    Case("middle event dropped", "job-completed", dropped(EVENTS, 2), "pack.job_revision_gap", "ours"),
    Case("last event dropped", "job-completed", dropped(EVENTS, -1), "pack.job_revision_gap", "ours"),
    Case("revision", "job-completed", member(STATE, revision=99), "pack.job_revision_gap", "ours"),
    Case("approver", "job-completed", line(EVENTS, 3, actor="mallory"), "pack.job_events_mismatch", "ours"),
    Case("checkpoint untold", "job-completed", line(EVENTS, 1, type="resumed"), "pack.job_events_mismatch", "ours"),
]  # fmt: skip

CALL = [
    Case("privacy", "call-signed", both(member("call_payload.json", privacy_mode="open"), member("callpack_manifest.json", privacy_mode="open")), "pack.payload_invalid", "gait"),
    Case("other call", "call-signed", member("call_payload.json", call_id="call_z"), "pack.payload_invalid", "gait"),
    Case("manifest differs", "call-signed", member("callpack_manifest.json", event_count=9), "pack.payload_invalid", "gait"),
    Case("manifest time differs", "call-signed", member("callpack_manifest.json", created_at="2026-10-04T07:00:00Z"), "pack.payload_invalid", "gait"),
    Case("manifest lost", "call-signed", lost("callpack_manifest.json"), "pack.file_missing", "gait"),
    Case("count", "call-signed", counted(event_count=9), "pack.payload_invalid", "gait"),
    Case("negative count", "call-signed", counted(decision_count=-1), "pack.payload_invalid", "gait"),
    Case("reference count", "call-signed", counted(reference_digest_count=2), "pack.payload_invalid", "gait"),
    Case("event of another", "call-signed", line("call_events.jsonl", 0, call_id="call_z"), "pack.payload_invalid", "gait"),
    Case("event order", "call-signed", lambda files: relined(files, "call_events.jsonl", lambda items: items.reverse()), "pack.payload_invalid", "gait"),
    Case("no type", "call-signed", line("call_events.jsonl", 7, event_type=" "), "pack.payload_invalid", "gait"),
    Case("no place", "call-signed", line("call_events.jsonl", 0, call_seq=0), "pack.payload_invalid", "gait"),
    Case("digest", "call-signed", line("call_events.jsonl", 0, payload_digest="zz"), "pack.payload_invalid", "gait"),
    Case("class", "call-signed", line("call_events.jsonl", 7, commitment_class="gift"), "pack.payload_invalid", "gait"),
    Case("step missing", "call-signed", line("call_events.jsonl", 5, event_type="tool.result"), "pack.payload_invalid", "gait"),
    Case("commitment without context", "call-signed", line("commitments.jsonl", 0, context={}), "pack.payload_invalid", "gait"),
    Case("commitment bounds", "call-signed", line("commitments.jsonl", 0, quote_max_cents=1), "pack.payload_invalid", "gait"),
    Case("commitment without class", "call-signed", line("commitments.jsonl", 0, commitment_class=None), "pack.payload_invalid", "gait"),
    Case("commitment without time", "call-signed", line("commitments.jsonl", 0, created_at=None), "pack.payload_invalid", "gait"),
    Case("verdict word", "call-signed", line("gate_decisions.jsonl", 0, verdict="maybe"), "pack.payload_invalid", "gait"),
    Case("not allowed", "call-signed", line("gate_decisions.jsonl", 0, verdict="block"), "pack.payload_invalid", "gait"),
    Case("decided too late", "call-signed", line("gate_decisions.jsonl", 0, call_seq=6), "pack.payload_invalid", "gait"),
    Case("spoken without token", "call-signed", line("call_events.jsonl", 4, say_token_id=""), "pack.payload_invalid", "gait"),
    Case("spoken without receipt", "call-signed", line("speak_receipts.jsonl", 0, call_seq=6), "pack.payload_invalid", "gait"),
    Case("other token", "call-signed", line("speak_receipts.jsonl", 0, say_token_id="say_9"), "pack.payload_invalid", "gait"),
    Case("receipt without digest", "call-signed", line("speak_receipts.jsonl", 0, spoken_digest=""), "pack.payload_invalid", "gait"),
    Case("receipt without time", "call-signed", line("speak_receipts.jsonl", 0, emitted_at=None), "pack.payload_invalid", "gait"),
    Case("intent differs", "call-signed", line("gate_decisions.jsonl", 0, intent_digest="0" * 64), "pack.call_decision_mismatch", "ours"),
    Case("policy differs", "call-signed", line("call_events.jsonl", 2, policy_digest="0" * 64), "pack.call_decision_mismatch", "ours"),
    Case("other run", "call-signed", member("call_payload.json", run_id="run_other"), "pack.runpack_mismatch", "ours"),
]  # fmt: skip

BUNDLE = "authorization_bundle.json"
AUTHORIZATION = [
    Case("no trace", "authorization-signed", member(BUNDLE, trace_path=None, trace_digest=None), "pack.payload_invalid", "gait"),
    Case("no time", "authorization-signed", member(BUNDLE, created_at=None), "pack.payload_invalid", "gait"),
    Case("outcome word", "authorization-signed", member(BUNDLE, outcome_status="maybe"), "pack.payload_invalid", "gait"),
    Case("outcome without evidence", "authorization-signed", member(BUNDLE, outcome_path=None), "pack.payload_invalid", "gait"),
    Case("policy no digest", "authorization-signed", member(BUNDLE, policy_digest="p"), "pack.payload_invalid", "gait"),
    Case("evidence lost", "authorization-signed", lost("evidence/approval_audit.json"), "authorization.evidence_missing", "gait"),
    Case("evidence changed", "authorization-signed", member("evidence/outcome.json", executed=False), "authorization.evidence_mismatch", "gait"),
    Case("path leaves", "authorization-signed", member(BUNDLE, trace_path="../authorization_bundle.json"), "authorization.path_unsafe", "ours"),
    Case("other trace id", "authorization-signed", member(BUNDLE, trace_id="0" * 24), "authorization.trace_id_mismatch", "ours"),
    Case("trace changed", "authorization-signed", relinked(repo="larkspur/other"), "authorization.trace_failed", "ours"),
    Case("another trace", "authorization-signed", other_trace, "authorization.trace_id_mismatch", "ours"),
    Case("another decision", "authorization-signed", other_trace, "authorization.trace_mismatch", "ours"),
    Case("other policy", "authorization-signed", member(BUNDLE, policy_digest="0" * 64), "authorization.trace_mismatch", "ours"),
    Case("other intent", "authorization-signed", member(BUNDLE, intent_digest="0" * 64), "authorization.trace_mismatch", "ours"),
    Case("other outcome", "authorization-signed", member(BUNDLE, outcome_status="block"), "authorization.outcome_mismatch", "ours"),
    Case("audit is a trace", "authorization-signed", audit_is_a_trace, "authorization.evidence_kind", "ours"),
]  # fmt: skip
CASES = [*RUN, *JOB, *CALL, *AUTHORIZATION]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.pack}: {case.name}")
def test_one_broken_rule_fails_the_pack(case: Case) -> None:
    """The finding names the rule, the pack fails, and Gait's verdict follows only from what Gait checks."""
    inspection = inspect(changed(case.pack, case.change), keyring())
    assert case.code in codes(inspection), inspection.findings
    assert inspection.verdict is FAILED, inspection.findings
    assert inspection.gait_verdict is (FAILED if case.refused_by == "gait" else VERIFIED), inspection.findings


@pytest.mark.parametrize(
    ("pack", "file"),
    [
        ("run-signed", "run_payload.json"),
        ("job-completed", "job_payload.json"),
        ("call-signed", "call_payload.json"),
        ("call-signed", "callpack_manifest.json"),
        ("authorization-signed", "authorization_bundle.json"),
    ],
)
def test_documents_of_an_unknown_schema_are_rejected(pack: str, file: str) -> None:
    """A new major version of a document is not read as the old one, by Gait neither."""
    for members in ({"schema_id": "gait.pack.other"}, {"schema_version": "2.0.0"}):
        inspection = inspect(changed(pack, member(file, **members)), keyring())
        assert (inspection.verdict, inspection.gait_verdict) == (Verdict.REJECTED, Verdict.REJECTED)
        assert "pack.schema_unknown" in codes(inspection)


def test_members_of_other_types_are_rejected() -> None:
    """A count that is a text cannot be read; Gait cannot read it either."""
    inspection = inspect(changed("run-signed", member("run_payload.json", refs_count="0")), keyring())
    assert (inspection.verdict, inspection.gait_verdict) == (Verdict.REJECTED, Verdict.REJECTED)
    assert codes(inspection) == {"json.type"}
    listed = inspect(
        changed("call-signed", lambda files: files.update({"reference_digests.json": b"{}"})), keyring()
    )
    assert listed.verdict is Verdict.REJECTED


def test_a_call_may_have_no_references() -> None:
    """Gait writes ``null`` for an empty list of reference digests."""

    def none(files: Files) -> None:
        files["reference_digests.json"] = b"null"
        counted(reference_digest_count=0)(files)

    assert inspect(changed("call-signed", none), keyring()).verdict is VERIFIED


def test_a_receipt_without_an_event_is_worth_a_note() -> None:
    """Gait asks for receipts of what was spoken, not for events of what has a receipt."""

    def unheard(files: Files) -> None:
        relined(files, "speak_receipts.jsonl", lambda items: items.append(items[0] | {"call_seq": 6}))
        counted(speak_receipt_count=2)(files)

    inspection = inspect(changed("call-signed", unheard), keyring())
    assert inspection.verdict is VERIFIED
    assert codes(inspection) == {"pack.call_receipt_unheard"}


def test_evidence_of_another_format_is_hashed_as_it_is() -> None:
    """Digests of evidence that is no JSON are over the bytes (contract 5.8); one changed byte shows."""

    def outcome(text: bytes) -> Callable[[Files], None]:
        def change(files: Files) -> None:
            del files["evidence/outcome.json"]
            files["evidence/logs/outcome.txt"] = text
            named = {"outcome_path": "./logs/outcome.txt", "outcome_digest": sha256(b"it went well")}
            edited(files, BUNDLE, **named)

        return change

    assert inspect(changed("authorization-signed", outcome(b"it went well")), keyring()).verdict is VERIFIED
    worse = inspect(changed("authorization-signed", outcome(b"it went awry")), keyring())
    assert codes(worse) == {"authorization.evidence_mismatch"}


def test_an_outcome_of_another_trace_fails() -> None:
    """An outcome is free-form, but where it names a trace that must be this one."""

    def other(files: Files) -> None:
        edited(files, "evidence/outcome.json", trace_id="0" * 24)
        edited(files, BUNDLE, outcome_digest=digest(json.loads(files["evidence/outcome.json"])))

    inspection = inspect(changed("authorization-signed", other), keyring())
    assert (inspection.verdict, inspection.gait_verdict) == (FAILED, VERIFIED)
    assert codes(inspection) == {"authorization.trace_id_mismatch"}


def test_trace_and_outcome_may_be_one_file() -> None:
    """The example of the contract links the trace as the outcome too; it is one artifact inside."""

    def shared(files: Files) -> None:
        del files["evidence/outcome.json"]
        bundle = json.loads(files[BUNDLE])
        edited(files, BUNDLE, outcome_path="trace.json", outcome_digest=bundle["trace_digest"])

    inspection = inspect(changed("authorization-signed", shared), keyring())
    assert inspection.verdict is VERIFIED
    assert [found.kind for found in inspection.members] == ["trace", "approval_audit"]


def test_the_golden_files_are_as_the_cases_expect() -> None:
    """The packs that the cases change have the files and lines that they name."""
    files = unzipped((VECTORS / "packs" / "job-completed.zip").read_bytes())
    events = [json.loads(text) for text in files[EVENTS].splitlines()]
    assert [event["type"] for event in events][:4] == [
        "submitted",
        "checkpoint_added",
        "checkpoint_added",
        "approved",
    ]
