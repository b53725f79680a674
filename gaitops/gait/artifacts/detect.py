# SPDX-License-Identifier: Apache-2.0
"""Which kind of artifact bytes are, by content and never by name (contract 15.1).

The schema id says it, unless the members plainly belong to another format: then they do, so that a trace under the schema id
of a token is judged, and refused, as the trace that it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from gaitops.gait.artifacts.model import Buffer

SCHEMAS: Final[dict[str, str]] = {
    "gait.gate.trace": "trace",
    "gait.runpack.manifest": "runpack",
    "gait.pack.manifest": "pack",
    "gait.guard.pack_manifest": "guard_pack",
    "gait.runpack.session_journal": "session_journal",
    "gait.runpack.session_event": "session_journal",
    "gait.runpack.session_chain": "session_chain",
    "gait.gate.approval_token": "approval_token",
    "gait.gate.approval_audit_record": "approval_audit",
    "gait.gate.delegation_token": "delegation_token",
    "gait.gate.delegation_audit_record": "delegation_audit",
    "gait.gate.broker_credential_record": "broker_record",
    "gait.gate.authorization_bundle": "authorization_bundle",
    "gait.gate.approved_script_entry": "script_registry",
    "gait.context.envelope": "context_envelope",
    "gait.regress.result": "regress_result",
    "gait.policytest.result": "policy_test_result",
    "gait.scout.inventory_snapshot": "inventory_snapshot",
    "gait.scout.adoption_event": "adoption_events",
    "gait.scout.operational_event": "operational_events",
    "gait.scout.run_fingerprint": "run_fingerprint",
    "gait.scout.signal_report": "signal_report",
    "gait.report.top_actions": "top_actions",
    "gait.guard.retention_report": "retention_report",
    "gait.guard.encrypted_artifact": "encrypted_artifact",
    "gait.registry.pack": "registry_pack",
    "gait.registry.verification_report": "registry_verification",
    "gait.gate.kill_switch_state": "kill_switch_state",
    "https://gait.dev/schemas/v1/activated-action-contract-artifact.schema.json": "action_contract",
    "https://wrkr.dev/schemas/v1/proposed-action-contract-artifact.schema.json": "action_contract_proposal",
}
"""Schema id → kind."""

SHAPES: Final[tuple[tuple[str, frozenset[str]], ...]] = tuple(
    (kind, frozenset(names.split()))
    for kind, names in (
        ("trace", "trace_id verdict observed_at"),
        ("trace", "trace_id verdict args_digest signature"),
        ("approval_token", "token_id approver_identity expires_at"),
        ("delegation_token", "token_id delegator_identity delegate_identity expires_at"),
        ("approval_audit", "trace_id required_approvals valid_approvals approved entries"),
        ("delegation_audit", "trace_id delegation_required valid_delegations entries"),
        ("broker_record", "trace_id broker credential_ref"),
        ("authorization_bundle", "trace_id trace_path trace_digest"),
        ("session_journal", "record_type header"),
        ("session_journal", "record_type event"),
        ("session_journal", "record_type checkpoint"),
        ("session_chain", "session_id run_id checkpoints"),
        ("script_registry", "pattern_id script_hash approver_identity"),
        ("context_envelope", "context_set_id context_set_digest records"),
        ("regress_result", "fixture_set status graders created_at"),
        ("regress_cli_output", "ok status fixture_set graders"),
        ("decision_events", "created_at trace_id tool_name verdict policy_digest intent_digest"),
        ("policy_test_result", "policy_digest intent_digest verdict reason_codes"),
        ("inventory_snapshot", "snapshot_id workspace items"),
        ("coverage_report", "snapshot_id discovered_tools gated_tools coverage_percent"),
        ("operational_events", "correlation_id command phase error_category"),
        ("adoption_events", "command success exit_code elapsed_ms environment"),
        ("run_fingerprint", "fingerprint action_sequence tool_classes target_systems"),
        ("signal_report", "run_count family_count fingerprints families"),
        ("top_actions", "action_count top_actions"),
        ("retention_report", "root_path dry_run deleted_files kept_files"),
        ("encrypted_artifact", "algorithm nonce ciphertext plain_sha256"),
        ("registry_pack", "pack_name pack_version artifacts"),
        ("registry_verification", "pack_name pack_version signature_verified pin_verified"),
        ("kill_switch_state", "updated_at entries"),
        ("action_contract", "contract_id activation_mode validity proposal"),
        ("action_contract_proposal", "contract_id canonical_content_digest contract variant"),
        ("pack", "pack_id pack_type source_ref contents"),
        ("guard_pack", "pack_id run_id contents generated_at"),
        ("runpack", "run_id capture_mode files manifest_digest"),
    )
)
"""Kind → members that only it has together, most telling first."""
_SHAPES_OF: Final[dict[str, tuple[frozenset[str], ...]]] = {
    kind: tuple(names for other, names in SHAPES if other == kind) for kind, _ in SHAPES
}
_BY_LINE: Final = frozenset({"session_journal", "adoption_events", "operational_events", "decision_events"})
"""Kinds that are written line by line."""
_SCRIPT_ENTRY: Final = "gait.gate.approved_script_entry"
_SCHEMA_TEXT: Final = re.compile(rb'"schema_id"\s*:\s*"([a-z0-9_.:/-]{1,120})"', re.IGNORECASE)
_GUESSED_FROM: Final = 65_536


def kind_of_document(document: Mapping[str, object]) -> str:
    """The kind of one JSON object; ``unknown`` when neither its schema id nor its members tell."""
    schema = document.get("schema_id")
    named = SCHEMAS.get(schema) if type(schema) is str else None
    if named is not None and any(shape <= document.keys() for shape in _SHAPES_OF[named]):
        return named
    if _is_script_registry(document):
        return "script_registry"
    for kind, shape in SHAPES:
        if shape <= document.keys():
            return kind
    return named or "unknown"


def kind_of_lines(first: Mapping[str, object]) -> str:
    """The kind of a log, from its first line; ``unknown`` when that is of a kind which is not written line by line."""
    kind = kind_of_document(first)
    return kind if kind in _BY_LINE else "unknown"


def kind_of_members(names: Collection[str], manifest: Mapping[str, object] | None) -> str:
    """The kind of an archive, from the names in it and its ``pack_manifest.json``, if that is readable."""
    if "pack_manifest.json" in names:
        kind = kind_of_document(manifest or {})
        return kind if kind in {"pack", "guard_pack"} else "pack"
    return "runpack" if names else "unknown"


def guess(data: Buffer) -> str:
    """The kind of bytes that cannot be read, from the first schema id that appears in them; for people to go on."""
    head = bytes(data[:_GUESSED_FROM])
    ends = head + bytes(data[-_GUESSED_FROM:])
    if b"PK\x01\x02" in ends or head.startswith(b"PK"):
        if b"pack_manifest.json" in ends:
            return "pack"
        return "runpack" if b"manifest.json" in ends else "unknown"
    match = _SCHEMA_TEXT.search(head)
    return SCHEMAS.get(match[1].decode(), "unknown") if match else "unknown"


def _is_script_registry(document: Mapping[str, object]) -> bool:
    entries = document.get("entries")
    if type(entries) is not list or "schema_id" in document:
        return False
    return all(type(entry) is dict and entry.get("schema_id") == _SCRIPT_ENTRY for entry in entries)
