# SPDX-License-Identifier: Apache-2.0
"""Packs: every golden vector, what packs say, and what a manifest must be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gaitops.gait.artifacts.facts import PackFacts, RunFacts
from gaitops.gait.artifacts.inspect import inspect
from gaitops.gait.artifacts.model import Keyring, Verdict
from tests.gait.artifacts.packs import (
    Files,
    changed,
    digest,
    edited,
    manifest_for,
    packed,
    producer,
    sha256,
    unzipped,
    zipped,
)
from tests.gait.artifacts.vectors import VECTORS, Vector, archives, codes, keyring, runpack

ALL = archives("packs.jsonl")
BAD = {Verdict.FAILED, Verdict.REJECTED}


@pytest.mark.parametrize("vector", ALL, ids=lambda vector: vector.name)
def test_every_vector_gives_the_right_answer(vector: Vector) -> None:
    """The verdict is the expected one, and the ids are the program's."""
    inspection = inspect(vector.data, keyring())
    vector.judge(inspection)
    assert inspection.sha256 == vector.line["sha256"]
    if inspection.kind == "pack" and "pack_id" in vector.line and inspection.verdict is not Verdict.REJECTED:
        assert inspection.ids["pack_id"] == vector.line["pack_id"]
        assert inspection.ids["source_ref"] == vector.line["source_ref"]


@pytest.mark.parametrize("vector", ALL, ids=lambda vector: vector.name)
def test_gaits_verdict_is_what_gait_said(vector: Vector) -> None:
    """``gait_verdict`` follows the exit codes of the program, whatever gaitops finds besides."""
    verdict = inspect(vector.data, keyring()).gait_verdict
    with_key, without_key = vector.line["gait_verify_exit"], vector.line["gait_verify_exit_without_key"]
    if without_key != 0:
        # Broken by itself: no key is needed to see it.
        assert verdict in BAD
    elif with_key != 0:
        # Whole, but not signed by the key that was given.
        assert verdict in {Verdict.UNVERIFIABLE, Verdict.FAILED}
    elif vector.line["gait_signature_status"] == "missing":
        assert verdict is Verdict.UNSIGNED
    else:
        assert verdict is Verdict.VERIFIED


@pytest.mark.parametrize("vector", ALL, ids=lambda vector: vector.name)
def test_own_checks_never_change_gaits_verdict(vector: Vector) -> None:
    """A pack fails for gaitops alone exactly when no finding is one of Gait's."""
    inspection = inspect(vector.data, keyring())
    only_ours = inspection.verdict in BAD and inspection.gait_verdict not in BAD
    if only_ours:
        assert not any(finding.gait and finding.effect != "notes" for finding in inspection.findings)


def golden(name: str) -> bytes:
    """The bytes of a golden pack."""
    return (VECTORS / "packs" / f"{name}.zip").read_bytes()


def facts_of(data: bytes) -> PackFacts:
    """The facts of a pack, which must have some."""
    facts = inspect(data, keyring()).facts
    assert isinstance(facts, PackFacts)
    return facts


def test_facts_of_a_run_pack() -> None:
    """A run pack says what its runpack says, and lists that and the context envelope as artifacts inside."""
    inspection = inspect(golden("run-signed-second-key"), keyring())
    facts = facts_of(golden("run-signed-second-key"))
    assert facts.pack_type == "run"
    assert facts.run is not None
    assert facts.run.run_id == facts.source_ref == "run_lark_2680207"
    assert [member.kind for member in inspection.members] == ["runpack", "context_envelope"]
    assert inspection.digests["manifest_digest"] == facts.run.manifest_digest
    assert inspection.members[0].verdict is Verdict.VERIFIED


def test_facts_of_a_job_pack() -> None:
    """A job pack says how the job ended and why, and under which policy it ran."""
    facts = facts_of(golden("job-stopped-unsigned"))
    assert (facts.pack_type, facts.job_status) == ("job", "emergency_stopped")
    assert facts.job_reason == "emergency_stop_preempted"
    assert codes(inspect(golden("job-stopped-unsigned"), keyring())) == {"pack.job_emergency_stop"}
    digests = inspect(golden("job-completed"), keyring()).digests
    assert digests == {"policy_digest": "5cbba01f5a4206c676a63fc8b4dbfe0cdcceef5a2a9abb71d49dd37f44c571fd"}


def test_facts_of_a_call_pack() -> None:
    """A call pack names the call and the run, and holds that run's runpack."""
    inspection = inspect(golden("call-signed"), keyring())
    assert inspection.ids["call_id"] == "call_larkspur_1"
    assert inspection.ids["run_id"] == "run_lark_9668222"
    assert [member.kind for member in inspection.members] == ["runpack"]


def test_facts_of_an_authorization_pack() -> None:
    """An authorization pack says what its trace says, and lists trace and audit as artifacts inside."""
    inspection = inspect(golden("authorization-signed"), keyring())
    facts = facts_of(golden("authorization-signed"))
    assert facts.trace is not None
    assert facts.trace.trace_id == facts.source_ref == inspection.ids["trace_id"]
    assert facts.trace.decision == "allow"
    assert [member.kind for member in inspection.members] == ["trace", "approval_audit"]
    assert inspection.digests["policy_digest"] == facts.trace.policy_digest


def test_a_removed_signature_shows_in_the_proof_records() -> None:
    """A stripped pack stays unsigned, and says that it was signed once; one that was never signed does not."""
    stripped = inspect(golden("run-signature-stripped"), keyring())
    assert stripped.verdict is Verdict.UNSIGNED
    assert "pack.signature_removed" in codes(stripped)
    assert "pack.signature_removed" not in codes(inspect(golden("run-unsigned"), keyring()))


def test_the_same_keys_judge_what_is_inside() -> None:
    """Without keys the pack and its runpack are unverifiable, and neither hides the other."""
    inspection = inspect(golden("run-signed"), Keyring())
    assert inspection.verdict is Verdict.UNVERIFIABLE
    assert inspection.members[0].verdict is Verdict.UNVERIFIABLE
    assert {"signature.unknown_key", "pack.member_unverifiable"} <= codes(inspection)


def test_a_signed_pack_may_hold_what_nobody_registered_signed() -> None:
    """A runpack of a throw-away key inside a pack of a registered one is a note: the pack vouches for it."""
    data = runpack("throwaway-0").data
    run = inspect(data, keyring()).facts
    assert isinstance(run, RunFacts)

    def exchange(files: Files) -> None:
        files["source/runpack.zip"] = data
        counts = {"intents": run.steps, "results": run.results, "refs": run.receipts}
        edited(
            files,
            "run_payload.json",
            run_id=run.run_id,
            capture_mode=run.capture_mode,
            manifest_digest=run.manifest_digest,
            **{f"{name}_count": len(items) for name, items in counts.items()},
        )

    inspection = inspect(changed("run-signed", exchange, source_ref=run.run_id), keyring())
    assert inspection.verdict is Verdict.VERIFIED
    assert codes(inspection) == {"pack.member_unverifiable"}


def test_rebuilt_packs_verify() -> None:
    """The tests' own way to build packs gives packs that hold, so that what they change is all that is wrong."""
    for name in ("run-signed", "job-completed", "call-signed", "authorization-signed"):
        assert inspect(changed(name), keyring()).findings == ()
        assert inspect(changed(name), keyring()).verdict is Verdict.VERIFIED
        assert inspect(changed(name, signed=False), keyring()).verdict is Verdict.UNSIGNED


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"schema_id": "gait.pack.other"}, "artifact.schema"),
        ({"schema_version": "2.0.0"}, "artifact.schema"),
        ({"pack_type": "flight"}, "pack.manifest_invalid"),
        ({"source_ref": " "}, "pack.manifest_invalid"),
        ({"producer_version": ""}, "pack.manifest_invalid"),
        ({"created_at": "0001-01-01T00:00:00Z"}, "pack.manifest_invalid"),
        ({"contents": None}, "pack.manifest_invalid"),
        ({"pack_id": "abc"}, "pack.manifest_invalid"),
    ],
    ids=str,
)
def test_a_manifest_that_gait_would_not_write_is_rejected(members: dict[str, Any], code: str) -> None:
    """Also when a registered key signed it; Gait refuses it as well."""
    inspection = inspect(changed("run-signed", **members), keyring())
    assert inspection.verdict is Verdict.REJECTED
    assert inspection.gait_verdict in BAD
    assert code in codes(inspection)
    assert inspection.facts is None


def test_unknown_members_of_strict_documents_fail() -> None:
    """Gait's strict readers refuse them in manifest, payload, state and events (contract 4.3)."""

    def payload(files: Files) -> None:
        edited(files, "job_payload.json", surprise=1)

    def nested(files: Files) -> None:
        state = json.loads(files["job_state.json"])
        state["checkpoints"][0]["surprise"] = 1
        edited(files, "job_state.json", checkpoints=state["checkpoints"])

    for data in (
        changed("job-completed", payload),
        changed("job-completed", nested),
        changed("job-completed", unknown=True),
    ):
        inspection = inspect(data, keyring())
        assert (inspection.verdict, inspection.gait_verdict) == (Verdict.FAILED, Verdict.FAILED)
        assert "pack.unknown_member" in codes(inspection)


def test_a_file_that_is_named_twice_is_rejected() -> None:
    """Gait lets the last entry of one path win: two digests for one file are two readings."""
    files = {
        name: data
        for name, data in unzipped(golden("run-signed")).items()
        if name in {"run_payload.json", "source/runpack.zip"}
    }
    manifest = manifest_for(files, "run", "run_lark_9668222")
    twice = [manifest["contents"][0], *manifest["contents"]]
    inspection = inspect(
        packed(files, manifest_for(files, "run", "run_lark_9668222", contents=twice)), keyring()
    )
    assert inspection.verdict is Verdict.REJECTED
    assert inspection.gait_verdict is Verdict.VERIFIED
    assert "pack.duplicate_entry" in codes(inspection)


def test_digests_in_upper_case_are_not_gaits() -> None:
    """Gait compares without case and writes in lower case: signed by its key, they come from another program."""
    files = {
        name: data
        for name, data in unzipped(golden("run-signed")).items()
        if name in {"run_payload.json", "source/runpack.zip"}
    }
    contents = manifest_for(files, "run", "x")["contents"]
    contents[0]["sha256"] = contents[0]["sha256"].upper()
    inspection = inspect(
        packed(files, manifest_for(files, "run", "run_lark_9668222", contents=contents)), keyring()
    )
    assert inspection.verdict is Verdict.REJECTED
    assert inspection.gait_verdict is Verdict.VERIFIED
    assert codes(inspection) == {"pack.digest_shape"}


def test_an_empty_signature_list_is_no_signature() -> None:
    """An explicit empty list is what Gait leaves out; it makes nothing signed and nothing wrong."""
    files = {"run_payload.json": unzipped(golden("run-signed"))["run_payload.json"]}
    manifest = manifest_for(files, "run", "run_lark_9668222") | {"signatures": []}
    inspection = inspect(packed(files, manifest, signed=False), keyring())
    assert "signature.missing" not in codes(inspection)
    assert inspection.key_id is None


def test_a_pack_in_a_pack_leads_nowhere() -> None:
    """Where a runpack must be, another pack is not looked into, however often it is wrapped."""
    data = golden("run-signed")
    for _ in range(20):
        payload = unzipped(golden("run-signed"))["run_payload.json"]
        files = {"run_payload.json": payload, "source/runpack.zip": data}
        data = packed(files, manifest_for(files, "run", "run_lark_9668222"))
    inspection = inspect(data, keyring())
    assert (inspection.verdict, inspection.gait_verdict) == (Verdict.FAILED, Verdict.VERIFIED)
    assert codes(inspection) == {"pack.runpack_failed"}
    assert codes(inspection.members[0]) == {"artifact.not_a_runpack"}
    assert inspection.members[0].members == ()


def test_huge_documents_are_not_read() -> None:
    """Documents of a pack share one budget: more is refused without being parsed, and files are still hashed."""

    def bloat(files: Files) -> None:
        files["job_events.jsonl"] = b'{"a":1}\n' * 300_000
        files["job_state.json"] = b" " * 7_000_000 + files["job_state.json"]

    inspection = inspect(changed("job-completed", bloat), keyring())
    assert inspection.verdict is Verdict.REJECTED
    assert codes(inspection) <= {"pack.too_large", "zip.member_too_large"}
    many = inspect(
        changed("job-completed", lambda files: files.update({"job_events.jsonl": b'{"a":1}\n' * 500_000})),
        keyring(),
    )
    assert codes(many) == {"pack.too_large"}


def test_a_huge_runpack_is_not_inflated() -> None:
    """A runpack inside a pack has a limit of its own: 40 MB of zeros are refused, not unpacked."""

    def bloat(files: Files) -> None:
        files["source/runpack.zip"] = bytes(40_000_000)

    inspection = inspect(changed("run-signed", bloat), keyring())
    assert inspection.verdict is Verdict.REJECTED
    assert codes(inspection) == {"zip.member_too_large"}


def test_documents_with_two_readings_are_rejected_and_broken_ones_fail() -> None:
    """A duplicate member in a payload is ambiguous; a payload that is no JSON is merely broken."""

    def twice(files: Files) -> None:
        files["run_payload.json"] = files["run_payload.json"].replace(
            b'"run_id"', b'"run_id":"run_x","run_id"'
        )

    ambiguous = inspect(changed("run-signed", twice), keyring())
    assert (ambiguous.verdict, ambiguous.gait_verdict) == (Verdict.REJECTED, Verdict.VERIFIED)
    assert codes(ambiguous) == {"json.duplicate_member"}
    broken = inspect(changed("run-signed", lambda files: files.update({"run_payload.json": b"{"})), keyring())
    assert (broken.verdict, broken.gait_verdict) == (Verdict.FAILED, Verdict.FAILED)
    assert codes(broken) == {"json.syntax"}


def test_the_key_is_named() -> None:
    """The key whose signature holds is part of the inspection."""
    assert inspect(golden("run-signed"), keyring()).key_id == producer().public.key_id
    assert inspect(golden("run-unsigned"), keyring()).key_id is None


def test_directory_entries_are_undeclared_members() -> None:
    """Gait refuses them in packs, unlike in runpacks (contract 4.3)."""
    files = unzipped(changed("run-signed"))
    inspection = inspect(zipped({**files, "source/": b""}), keyring())
    assert (inspection.verdict, inspection.gait_verdict) == (Verdict.FAILED, Verdict.FAILED)
    assert codes(inspection) == {"pack.file_undeclared"}
    assert sha256(files["run_payload.json"]) in files["pack_manifest.json"].decode()


def test_members_that_nobody_signed_inside_stay_unused() -> None:
    """A runpack or trace with content beyond its own signature is read without it; the pack around it holds."""
    run = inspect(runpack("extra-undeclared-jsonl").data, keyring())
    assert isinstance(run.facts, RunFacts)

    def exchange(files: Files) -> None:
        facts = run.facts
        assert isinstance(facts, RunFacts)
        files["source/runpack.zip"] = runpack("extra-undeclared-jsonl").data
        said = {name: getattr(facts, name) for name in ("run_id", "capture_mode", "manifest_digest")}
        counts = {"intents_count": len(facts.steps), "results_count": len(facts.results)}
        edited(files, "run_payload.json", **said, **counts, refs_count=len(facts.receipts))

    pack = inspect(changed("run-signed", exchange, source_ref=run.facts.run_id), keyring())
    assert pack.verdict is Verdict.VERIFIED
    assert pack.members[0].verdict is Verdict.VERIFIED_WITH_UNSIGNED_EXTRAS
    assert facts_of(changed("run-signed", exchange, source_ref=run.facts.run_id)).run == run.facts

    def extend(files: Files) -> None:
        trace = json.loads(files["evidence/trace.json"]) | {"surprise": "allow"}
        files["evidence/trace.json"] = json.dumps(trace).encode()
        edited(files, "authorization_bundle.json", trace_digest=digest(trace))

    authorization = inspect(changed("authorization-signed", extend), keyring())
    assert authorization.verdict is Verdict.VERIFIED
    assert authorization.members[0].verdict is Verdict.VERIFIED_WITH_UNSIGNED_EXTRAS
    plain = facts_of(changed("authorization-signed"))
    assert facts_of(changed("authorization-signed", extend)).trace == plain.trace
