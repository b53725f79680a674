# SPDX-License-Identifier: Apache-2.0
"""One document of every plain format: from the golden vectors where they have one, else written and signed here.

:data:`DOCUMENTS` are samples that a reader must take without a finding that changes the verdict. The formats without
vectors follow the shapes of contract 5, 7, 8 and 9, signed with a key of the vectors.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from gaitops.gait.artifacts.digests import digest
from gaitops.gait.artifacts.inspect import inspect
from gaitops.gait.artifacts.model import Effect, Inspection, Keyring
from gaitops.gait.gait_keys import read_private_key, read_public_key
from tests.gait.artifacts.vectors import VECTORS, lines

Json = dict[str, Any]

TEST_KEY = read_private_key((VECTORS / "keys" / "checkout-ci_private.key").read_bytes())
"""A registered key of the vectors, to sign what they have no sample of."""


@cache
def key_entries() -> tuple[Json, ...]:
    """What is known of the vectors' keys."""
    found: list[Json] = json.loads((VECTORS / "keys" / "keys.json").read_text(encoding="utf-8"))["keys"]
    return tuple(found)


def key_id(public_key_file: str) -> str:
    """The id of the key that a line of the vectors names by its file."""
    entry = next(entry for entry in key_entries() if entry["public_key_file"] == public_key_file)
    return str(entry["key_id"])


@cache
def registered() -> Keyring:
    """The registered keys of the vectors, whatever they may sign."""
    keys = [
        read_public_key(entry["public_key_base64"].encode()) for entry in key_entries() if entry["registered"]
    ]
    return Keyring([*keys, TEST_KEY.public])


def judged(document: Mapping[str, Any] | bytes | str) -> Inspection:
    """The inspection of a document with all registered keys."""
    if isinstance(document, Mapping):
        return inspect(json.dumps(document).encode(), registered())
    return inspect(document.encode() if isinstance(document, str) else document, registered())


def broken(inspection: Inspection) -> set[str]:
    """Codes of the findings that decide the verdict."""
    return {finding.code for finding in inspection.findings if finding.effect is not Effect.NOTES}


def signature_over(hex_digest: str) -> Json:
    """A signature object of the key that signs here."""
    return {
        "alg": "ed25519",
        "key_id": TEST_KEY.public.key_id,
        "sig": base64.b64encode(TEST_KEY.sign(bytes.fromhex(hex_digest))).decode(),
        "signed_digest": hex_digest,
    }


def signed(document: Json) -> Json:
    """The document with a signature over all of it."""
    return {**document, "signature": signature_over(digest(document))}


def head(schema_id: str) -> Json:
    """The first members of an artifact."""
    return {
        "schema_id": schema_id,
        "schema_version": "1.0.0",
        "created_at": "2026-04-02T08:00:00Z",
        "producer_version": "1.4.0",
    }


def named(name: str, file: str) -> Json:
    """The line of this name in a vector file."""
    return next(line for line in lines(file) if line.get("name") == name)


def activated(**changes: Any) -> Json:
    """An activated action contract, with its id and signature."""
    content: Json = {
        "schema_id": "https://gait.dev/schemas/v1/activated-action-contract-artifact.schema.json",
        "schema_version": "1",
        "artifact_id": "",
        "contract_id": "pac-1a2b3c4d",
        "contract_family_id": "pacf-1a2b3c4d",
        "revision": 2,
        "producer": {"name": "gait", "artifact_schema_version": "1", "contract_schema_version": "1"},
        "proposal": {"artifact_id": "paca-0011223344556677"},
        "policy_digest": f"sha256:{'5' * 64}",
        "activating_principal": "sec-lead",
        "authority_refs": ["CHG-77"],
        "target": "repo:acme/docs",
        "environment": "production",
        "activation_mode": "enforce_floor",
        "validity": {"not_before": "2026-04-02T00:00:00Z"},
        "explicit_exceptions": [],
        "report_only": False,
        "development_signing": False,
        "signature": {"alg": "", "key_id": "", "sig": ""},
        **changes,
    }
    signable = digest(content)
    return {**content, "artifact_id": f"gact-{signable[:16]}", "signature": signature_over(signable)}


def script_entry(**changes: Any) -> Json:
    """A signed entry of a script registry."""
    return signed(
        {
            **head("gait.gate.approved_script_entry"),
            "pattern_id": "nightly-sync",
            "policy_digest": "5" * 64,
            "script_hash": "6" * 64,
            "tool_sequence": ["fs.read", "fs.write"],
            "scope": ["risk:low"],
            "approver_identity": "dana",
            "expires_at": "2026-05-02T08:00:00Z",
            **changes,
        }
    )


def context_envelope(**changes: Any) -> Json:
    """The vector of contract 1.8 in its envelope."""
    return {
        **head("gait.context.envelope"),
        "context_set_id": "cs1",
        "context_set_digest": "8af7b39f28de8aa2aefcc05ff767f8cfe4ff4985c3a18917ea15f0469f809f58",
        "evidence_mode": "required",
        "records": [
            {
                "ref_id": "r1",
                "source_type": "doc",
                "source_locator": "kb://a",
                "query_digest": "a" * 64,
                "content_digest": "b" * 64,
                "retrieved_at": "2026-03-01T00:00:00Z",
                "redaction_mode": "reference",
                "immutability": "immutable",
            }
        ],
        **changes,
    }


def registry_pack(**changes: Any) -> Json:
    """A signed registry pack."""
    content = {
        **head("gait.registry.pack"),
        "pack_name": "base-guardrails",
        "pack_version": "2.1.0",
        "pack_type": "policy",
        "publisher": "acme-sec",
        "artifacts": [{"path": "policy.yaml", "sha256": "7" * 64}],
        **changes,
    }
    return {**content, "signatures": [signature_over(digest(content))]}


def registry_verification(**changes: Any) -> Json:
    """Gait's report on a registry pack."""
    return {
        **head("gait.registry.verification_report"),
        "pack_name": "base-guardrails",
        "pack_version": "2.1.0",
        "digest": "8" * 64,
        "metadata_path": "registry_pack.json",
        "pin_present": False,
        "pin_verified": False,
        "signature_verified": True,
        "publisher_allowed": True,
        "status": "pass",
        **changes,
    }


def encrypted(**changes: Any) -> Json:
    """An encrypted artifact of 32 bytes."""
    return {
        **head("gait.guard.encrypted_artifact"),
        "algorithm": "aes-256-gcm",
        "key_source": {"mode": "env", "ref": "GUARD_KEY"},
        "nonce": base64.b64encode(bytes(12)).decode(),
        "ciphertext": base64.b64encode(bytes(48)).decode(),
        "plain_sha256": hashlib.sha256(bytes(32)).hexdigest(),
        "plain_size": 32,
        **changes,
    }


def retention(**changes: Any) -> Json:
    """A retention report of a dry run."""
    file = {"kind": "trace", "modified_at": "2026-03-01T00:00:00Z", "age_seconds": 2_793_600}
    return {
        **head("gait.guard.retention_report"),
        "root_path": "gait-out",
        "dry_run": True,
        "trace_ttl_seconds": 604_800,
        "pack_ttl_seconds": 0,
        "scanned_files": 2,
        "deleted_files": [{**file, "path": "gait-out/trace_a.json", "action": "deleted"}],
        "kept_files": [],
        **changes,
    }


def proposal(**changes: Any) -> Json:
    """A proposed action contract."""
    return {
        "schema_id": "https://wrkr.dev/schemas/v1/proposed-action-contract-artifact.schema.json",
        "schema_version": "1",
        "artifact_id": "paca-0011223344556677",
        "contract_id": "pac-1a2b3c4d",
        "contract_family_id": "pacf-1a2b3c4d",
        "revision": 2,
        "producer": {"name": "wrkr"},
        "source_scan_refs": ["scan-1"],
        "composition_refs": [],
        "creation_evidence": {"kind": "scan"},
        "canonical_content_digest": f"sha256:{'9' * 64}",
        "variant": {"share_profile": "internal", "redacted": False},
        "report_only": True,
        "contract": {"version": "3"},
        **changes,
    }


def operational_event(**changes: Any) -> Json:
    """One operational event."""
    return {
        **head("gait.scout.operational_event"),
        "correlation_id": "f2885b936d967bf52cd67f83",
        "command": "gate eval",
        "phase": "end",
        "exit_code": 3,
        "error_category": "policy_blocked",
        "retryable": False,
        "elapsed_ms": 7,
        "environment": {"os": "linux", "arch": "amd64"},
        **changes,
    }


def adoption_event(**changes: Any) -> Json:
    """One adoption event."""
    return {
        **head("gait.scout.adoption_event"),
        "command": "regress run",
        "success": True,
        "exit_code": 0,
        "elapsed_ms": 412,
        "milestones": ["A4"],
        "environment": {"os": "linux", "arch": "amd64"},
        **changes,
    }


def decision_event(**changes: Any) -> Json:
    """One decision exported by the MCP proxy."""
    return {
        "created_at": "2026-04-02T08:00:00Z",
        "producer_version": "1.4.0",
        "run_id": "run_docs_7",
        "session_id": "s-1",
        "trace_id": "1" * 24,
        "tool_name": "fs.write",
        "verdict": "block",
        "reason_codes": ["endpoint_path_denied"],
        "policy_digest": "5" * 64,
        "intent_digest": "6" * 64,
        "decision_latency_ms": 3,
        **changes,
    }


def fingerprint(**changes: Any) -> Json:
    """The true fingerprint of the contract's appendix."""
    return {
        **head("gait.scout.run_fingerprint"),
        "run_id": "run_t1",
        "fingerprint": "bca637d6b786af5774fda46d4658d0d75082ca3537a9cf596e2e8a82df9b514c",
        "action_sequence": ["résumé", "get_user"],
        "tool_classes": ["execute", "read"],
        "target_systems": [],
        "reason_code_vector": ["unexpected_diff"],
        "ref_receipt_digests": [],
        "source_runpack": "./runpack_run_t1.zip",
        "regress_evidence_seen": True,
        **changes,
    }


def log(*events: Json) -> bytes:
    """A log of events, one per line."""
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def fleet(file: str) -> bytes:
    """A file of the fleet's first repository."""
    return (VECTORS / "fleet" / "cart-api" / file).read_bytes()


def documents() -> dict[str, bytes]:
    """Kind → bytes of one artifact of it."""
    granted, one_hop = named("granted", "approvals.jsonl"), named("one-hop", "delegations.jsonl")
    result = json.loads((VECTORS / "regress" / "fail-diff" / "regress_result.json").read_text())
    texts = {
        "approval_token": granted["tokens"][0],
        "approval_audit": granted["approval_audit"],
        "delegation_token": one_hop["tokens"][0],
        "delegation_audit": one_hop["delegation_audit"],
        "broker_record": named("stub", "broker.jsonl")["record"],
        "kill_switch_state": named("tool-hit", "kill_switch.jsonl")["state"],
    }
    objects: dict[str, Json] = {
        "script_registry": {"entries": [script_entry(), script_entry(pattern_id="other")]},
        "context_envelope": context_envelope(),
        "regress_result": result,
        "regress_cli_output": lines("regress.jsonl")[0]["cli"],
        "policy_test_result": lines("policytest.jsonl")[0]["result"],
        "run_fingerprint": fingerprint(),
        "retention_report": retention(),
        "encrypted_artifact": encrypted(),
        "registry_pack": registry_pack(),
        "registry_verification": registry_verification(),
        "action_contract": activated(),
        "action_contract_proposal": proposal(),
    }
    return {
        **{kind: text.encode() for kind, text in texts.items()},
        **{kind: json.dumps(document).encode() for kind, document in objects.items()},
        "inventory_snapshot": fleet("scout_snapshot.json"),
        "coverage_report": fleet("scout_coverage.json"),
        "signal_report": fleet("scout_signal.json"),
        "top_actions": fleet("report_top.json"),
        "adoption_events": log(adoption_event(), adoption_event()),
        "operational_events": log(operational_event(phase="start"), operational_event()),
        "decision_events": log(decision_event(), decision_event()),
    }
