# SPDX-License-Identifier: Apache-2.0
"""The plain formats: each is detected and read, what Gait derives is derived again, and contradictions are found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gaitops.gait.artifacts.broker import BrokerRequest
from gaitops.gait.artifacts.context import context_set_digest
from gaitops.gait.artifacts.digests import digest
from gaitops.gait.artifacts.facts import InventoryFacts
from gaitops.gait.artifacts.inspect import inspect
from gaitops.gait.artifacts.inventory import snapshot_id
from gaitops.gait.artifacts.model import Keyring, Verdict
from tests.gait.artifacts.documents import (
    activated,
    broken,
    context_envelope,
    documents,
    encrypted,
    fingerprint,
    judged,
    named,
    proposal,
    registry_verification,
    retention,
)
from tests.gait.artifacts.rebuilding import Rebuild
from tests.gait.artifacts.samples import Sample
from tests.gait.artifacts.vectors import VECTORS, codes, lines

Json = dict[str, Any]
DOCUMENTS = documents()
SIGNED = {
    "approval_token",
    "delegation_token",
    "script_registry",
    "registry_pack",
    "action_contract",
}
FLEET_FILES = sorted(
    (path, kind)
    for name, kind in (
        ("scout_snapshot.json", "inventory_snapshot"),
        ("scout_coverage.json", "coverage_report"),
        ("scout_signal.json", "signal_report"),
        ("report_top.json", "top_actions"),
    )
    for path in (VECTORS / "fleet").glob(f"*/{name}")
)


def sample(kind: str, **changes: Any) -> Json:
    """The sample of a kind, changed."""
    return {**json.loads(DOCUMENTS[kind]), **changes}


# -- all formats ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(DOCUMENTS))
def test_every_format_is_detected_and_read(kind: str) -> None:
    """Its kind comes from its content, and nothing is wrong with it."""
    inspection = judged(DOCUMENTS[kind])
    expected = Verdict.VERIFIED if kind in SIGNED else Verdict.UNSIGNED
    assert (inspection.kind, inspection.verdict, inspection.gait_verdict) == (kind, expected, expected)
    assert inspection.facts is not None
    assert broken(inspection) == set()


@pytest.mark.parametrize("kind", sorted(SIGNED))
def test_signatures_of_unknown_keys_prove_nothing(kind: str) -> None:
    """Without its key every signed format is unverifiable."""
    assert inspect(DOCUMENTS[kind], Keyring()).verdict is Verdict.UNVERIFIABLE


@pytest.mark.parametrize("kind", sorted(DOCUMENTS))
def test_an_unknown_member_changes_nothing_that_is_read(kind: str) -> None:
    """It is reported, and facts, ids and digests stay; what a signature covers is no longer everything."""
    whole = judged(DOCUMENTS[kind])
    texts = DOCUMENTS[kind].splitlines() if kind.endswith("_events") else [DOCUMENTS[kind]]
    extended = [json.dumps({**json.loads(text), "enterprise_extension": {"a": [1]}}) for text in texts]
    inspection = judged("\n".join(extended) + "\n")
    assert (inspection.kind, inspection.facts) == (kind, whole.facts)
    assert (inspection.ids, inspection.digests) == (whole.ids, whole.digests)
    assert codes(inspection) & {"artifact.unsigned_extras", "artifact.unknown_member"}
    assert inspection.verdict is not Verdict.VERIFIED


@pytest.mark.parametrize(
    "kind",
    sorted(set(DOCUMENTS) - {"coverage_report", "regress_cli_output", "decision_events", "script_registry"}),
)
@pytest.mark.parametrize("member", ["schema_id", "schema_version"])
def test_other_schemas_are_refused(kind: str, member: str) -> None:
    """An unknown id or version is never guessed at, whether or not something is signed."""
    lines_ = DOCUMENTS[kind].splitlines() if kind.endswith("_events") else [DOCUMENTS[kind]]
    changed = [json.dumps({**json.loads(line), member: "9.9.9"}) for line in lines_]
    inspection = judged("\n".join(changed) + "\n")
    assert inspection.kind == kind
    assert inspection.verdict in {Verdict.REJECTED, Verdict.FAILED}
    assert "artifact.schema" in codes(inspection)


@pytest.mark.parametrize(("path", "kind"), FLEET_FILES, ids=lambda value: str(value)[-40:])
def test_reports_of_the_fleet_are_intact(path: Path, kind: str) -> None:
    """What the program wrote for twelve repositories reads without any finding."""
    inspection = judged(path.read_bytes())
    assert (inspection.kind, inspection.verdict, inspection.findings) == (kind, Verdict.UNSIGNED, ())


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (sample("coverage_report", gated_tools=1), "coverage.inconsistent"),
        (sample("coverage_report", coverage_percent=100), "coverage.inconsistent"),
        (sample("coverage_report", policy_digests=["x"]), "artifact.digest_shape"),
        (sample("inventory_snapshot", workspace="elsewhere"), "inventory.snapshot_id_mismatch"),
        (sample("policy_test_result", verdict="maybe"), "artifact.word"),
        (sample("policy_test_result", policy_digest="x"), "artifact.digest_shape"),
        (sample("broker_record", request_digest="x"), "artifact.digest_shape"),
        (sample("signal_report", run_count=1), "scout.counts_mismatch"),
        (sample("top_actions", action_count=0), "scout.counts_mismatch"),
        (fingerprint(tool_classes=["read"]), "scout.fingerprint_mismatch"),
        (context_envelope(evidence_mode="none"), "artifact.word"),
        (context_envelope(records=[]), "context.digest_mismatch"),
        (retention(scanned_files=0), "retention.counts_mismatch"),
        (encrypted(algorithm="rot13"), "artifact.word"),
        (encrypted(nonce="AA=="), "encrypted.nonce"),
        (encrypted(plain_size=31), "encrypted.size_mismatch"),
        (encrypted(ciphertext="?"), "encrypted.size_mismatch"),
        (encrypted(plain_sha256="x"), "artifact.digest_shape"),
        (registry_verification(signature_verified=False), "registry.status_mismatch"),
        (registry_verification(pin_present=True), "registry.status_mismatch"),
        (registry_verification(publisher_allowed=False), "registry.status_mismatch"),
        (registry_verification(status="ok"), "artifact.word"),
        (proposal(report_only=False), "contract.report_only"),
        (proposal(canonical_content_digest="9" * 64), "artifact.digest_shape"),
    ],
)
def test_documents_that_contradict_themselves_fail(document: Json, code: str) -> None:
    """What follows from other members must follow; Gait itself does not look, so its verdict stays."""
    inspection = judged(document)
    assert broken(inspection) == {code}
    assert (inspection.verdict, inspection.gait_verdict) == (Verdict.FAILED, Verdict.UNSIGNED)


@pytest.mark.parametrize("make", [context_envelope, encrypted, proposal, activated])
def test_strict_readers_of_gait_refuse_unknown_members(make: Callable[..., Json]) -> None:
    """We ignore and report them; Gait's own verdict is failed."""
    inspection = judged(make(note="x"))
    assert "artifact.unknown_member" in codes(inspection)
    assert inspection.gait_verdict is Verdict.FAILED
    assert inspection.verdict in {Verdict.UNSIGNED, Verdict.VERIFIED}


# -- broker --------------------------------------------------------------------------------------------------------


BROKERED = [line for line in lines("broker.jsonl") if line["record"]]


@pytest.mark.parametrize("line", BROKERED, ids=lambda line: line["name"])
def test_request_digests_of_broker_records(line: Json) -> None:
    """From the record and the context of the intent, the digest in record and trace follows (contract 16.1)."""
    inspection = judged(line["record"])
    record, context = json.loads(line["record"]), line["intent"]["context"]
    request = BrokerRequest(
        tool_name=record["tool_name"],
        identity=record["identity"],
        scope=record["scope"],
        reference=record["reference"],
        target_binding=record["target_binding"],
        **{
            name: context[name]
            for name in ("workspace", "session_id", "request_id", "run_id", "job_id")
            if name in context
        },
    )
    assert (inspection.verdict, inspection.findings) == (Verdict.UNSIGNED, ())
    assert request.digest == inspection.digests["request_digest"]
    assert request.digest == json.loads(line["trace"])["broker_request_digest"]


def test_what_is_noted_of_broker_records() -> None:
    """A credential that lasts, and a lifetime that is not the one stated."""
    lasting = judged(sample("broker_record", credential_access_type="standing", ttl_seconds=60))
    assert codes(lasting) == {"broker.lasting_credential", "broker.ttl_mismatch"}
    assert lasting.verdict is Verdict.UNSIGNED


# -- kill switch ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", lines("kill_switch.jsonl"), ids=lambda line: line["name"])
def test_kill_switch_states(line: Json) -> None:
    """Every state that the program wrote is intact; one that it could not read is rejected."""
    for state in filter(None, (line.get("state"), line.get("state_after"))):
        inspection = judged(state)
        assert inspection.kind == "kill_switch_state"
        if line["name"].startswith("unreadable"):
            assert inspection.verdict is Verdict.REJECTED
            continue
        assert inspection.verdict is Verdict.UNSIGNED
        enabled = [entry for entry in json.loads(state)["entries"] if entry["enabled"]]
        everything = any(entry["entry_id"] == "e-all" for entry in enabled)
        assert ("kill_switch.enabled" in codes(inspection)) is bool(enabled)
        assert ("kill_switch.stops_everything" in codes(inspection)) is everything


def test_entries_with_one_id_fail() -> None:
    """Gait keeps one entry per id."""
    state = json.loads(named("tool-hit", "kill_switch.jsonl")["state"])
    state["entries"] *= 2
    assert broken(judged(state)) == {"kill_switch.duplicate_entry"}


# -- policy tests --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [line for line in lines("policytest.jsonl") if line["result"]["ok"]],
    ids=lambda line: line["name"],
)
def test_policy_test_results(line: Json) -> None:
    """As the command printed them; the digests are there to join on."""
    inspection = judged(line["result"])
    assert (inspection.kind, inspection.findings) == ("policy_test_result", ())
    assert inspection.digests["policy_digest"] == line["result"]["policy_digest"]
    assert inspection.digests["intent_digest"] == line["result"]["intent_digest"]


# -- inventory -----------------------------------------------------------------------------------------------------


def test_facts_of_an_inventory() -> None:
    """Items keep their names, kinds and risks; the id follows from them."""
    facts = judged(DOCUMENTS["inventory_snapshot"]).facts
    assert isinstance(facts, InventoryFacts)
    assert len(facts.items) == 11
    assert facts.items[0].item_id == "mcp_server:mailer"
    assert {item.risk_level for item in facts.items} == {"low", "high"}
    assert facts.snapshot_id == snapshot_id(facts.workspace, facts.items) == "snap_3cb1346a2e1b"


def test_items_with_one_id_fail() -> None:
    """Gait never writes an id twice."""
    snapshot = sample("inventory_snapshot")
    snapshot["items"].append(snapshot["items"][0])
    assert "inventory.duplicate_item" in broken(judged(snapshot))


# -- context -------------------------------------------------------------------------------------------------------


def test_digest_of_a_context_set() -> None:
    """The vector of contract 1.8; order, empty members and the case of digests do not matter."""
    record = context_envelope()["records"][0]
    assert context_set_digest([]) == digest([])
    other = {**record, "ref_id": "r0"}
    assert context_set_digest([record, other]) == context_set_digest([other, record])
    loose = {**record, "query_digest": "A" * 64, "sensitivity_label": "", "freshness_sla_seconds": 0}
    assert context_set_digest([loose]) == context_envelope()["context_set_digest"]
    unset = {name: value for name, value in record.items() if name not in {"retrieved_at", "immutability"}}
    written = {**unset, "retrieved_at": "1980-01-01T00:00:00Z", "immutability": "unknown"}
    assert context_set_digest([unset]) == context_set_digest([written])


def test_the_context_of_a_run_must_follow_from_its_receipts() -> None:
    """A runpack that states another digest than its receipts give is noted; Gait does not look."""
    data = (VECTORS / "regress/fail-context-digest/fixtures/grounded/runpack.zip").read_bytes()

    def other_receipt(document: bytes, _number: int) -> bytes:
        return document.replace(b'"ref_id":"', b'"ref_id":"other-')

    rebuilt = Rebuild(Sample("runpack", "grounded", data)).mapped(other_receipt)
    assert "context_set_digest" in judged(data).digests
    assert "runpack.context_digest_mismatch" not in codes(judged(data))
    assert judged(rebuilt).verdict is Verdict.UNSIGNED
    assert "runpack.context_digest_mismatch" in codes(judged(rebuilt))


def test_large_envelopes_are_refused_as_gait_refuses_them() -> None:
    """Gait reads at most one MiB."""
    inspection = judged(json.dumps(context_envelope()).encode() + b" " * 1_048_576)
    assert (inspection.kind, inspection.verdict) == ("context_envelope", Verdict.REJECTED)
    assert codes(inspection) == {"context.too_large"}


# -- retention -----------------------------------------------------------------------------------------------------


def test_a_dry_run_is_told_from_a_deletion() -> None:
    """Both say *deleted* of every file; only one flag tells."""
    assert codes(judged(retention())) == {"retention.dry_run"}
    assert codes(judged(retention(dry_run=False))) == {"retention.deleted"}
    assert codes(judged(retention(deleted_files=[]))) == set()
