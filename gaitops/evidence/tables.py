# SPDX-License-Identifier: Apache-2.0
"""The columns of every table: one list for writers, queries, documentation and tests (design 11).

Every row carries where it comes from: the digest of the artifact, its verdict, the key, and to whom it was attributed and by
what. Rows are facts and never change; what they mean is computed when somebody asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

ColumnType = Literal["string", "strings", "int64", "float64", "bool", "timestamp"]
"""``strings`` is a list of strings; ``timestamp`` is in UTC with microseconds."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: name, type, meaning. Every column may be null except those named in :data:`REQUIRED`."""

    name: str
    type: ColumnType
    meaning: str


REQUIRED: Final = frozenset({"artifact", "batch", "kind", "verdict", "collected_at", "attribution"})
"""Columns that no row lacks."""

PROVENANCE: Final = (
    Column("artifact", "string", "SHA-256 of the artifact's bytes"),
    Column("batch", "string", "ingestion batch that wrote the row"),
    Column("kind", "string", "kind of artifact"),
    Column("verdict", "string", "verdict on the artifact"),
    Column("key_id", "string", "Gait key id whose signature holds, or that the artifact names"),
    Column("producer", "string", "id of the registered producer of that key"),
    Column("org", "string", "organization"),
    Column("project", "string", "project"),
    Column("environment", "string", "environment"),
    Column("repository", "string", "normalised repository id"),
    Column("team", "string", "label `team` of the repository, else its project"),
    Column("attribution", "string", "what named the repository: signed_field, key_binding, upload_envelope, joined, unknown"),
    Column("made_at", "timestamp", "when the fact was made, by the artifact; null where it only has a placeholder"),
    Column("collected_at", "timestamp", "when the artifact was ingested"),
)  # fmt: skip

TABLES: Final[dict[str, tuple[Column, ...]]] = {
    "artifacts": (
        *PROVENANCE,
        Column("position", "int64", "place in the evidence log, from 0; null for a repeated delivery"),
        Column("duplicate", "bool", "another delivery of bytes that were known"),
        Column("source", "string", "where it was collected"),
        Column("size", "int64", "bytes"),
        Column("gait_verdict", "string", "verdict without the checks that Gait does not make"),
        Column("event_key", "string", "hex digest of key id and event id, for traces: one per decision"),
        Column("claimed_repository", "string", "repository that the artifact names, as written"),
        Column("claimed_environment", "string", "environment that the artifact names"),
        Column("envelope_repository", "string", "repository it was collected from"),
        Column("envelope_environment", "string", "environment it was collected from"),
        Column("key_repositories", "strings", "repositories that its key is registered for"),
        Column("producer_version", "string", "version of the program that wrote it"),
        Column("ids", "string", "identifiers, as a JSON object"),
        Column("digests", "string", "digests, as a JSON object"),
        Column("codes", "strings", "codes of all findings"),
    ),
    "decisions": (
        *PROVENANCE,
        Column("trace_id", "string", "decision, the same for every repetition"),
        Column("event_id", "string", "one emission"),
        Column("event_key", "string", "hex digest of key id and event id"),
        Column("repeat", "bool", "the same emission was known from other bytes; not counted"),
        Column("policy_digest", "string", "Gait policy digest"),
        Column("intent_digest", "string", "what was asked for"),
        Column("args_digest", "string", "arguments"),
        Column("tool_name", "string", "tool"),
        Column("decision", "string", "allow, block, dry_run or require_approval"),
        Column("run_id", "string", "run"),
        Column("workflow_id", "string", "workflow"),
        Column("agent_id", "string", "agent"),
        Column("requester", "string", "who asked"),
        Column("violations", "strings", "violations"),
        Column("latency_ms", "float64", "milliseconds that the decision took"),
        Column("approval_ref", "string", "approval that the call referred to"),
        Column("approval_token_ref", "string", "token that was presented"),
        Column("pre_approved", "bool", "approved script"),
        Column("kill_switch", "string", "status of the kill switch"),
        Column("delegation_depth", "int64", "length of the delegation"),
        Column("context_set_digest", "string", "content that was referred to"),
    ),
    "runs": (
        *PROVENANCE,
        Column("run_id", "string", "run; unique only inside a repository"),
        Column("manifest_digest", "string", "digest of the runpack's manifest"),
        Column("embedded", "bool", "read from inside a pack"),
        Column("capture_mode", "string", "reference or raw"),
        Column("steps", "int64", "tool calls"),
        Column("fingerprint", "string", "Gait's run fingerprint, from the runpack alone"),
        Column("family_id", "string", "Gait's id of the family of that fingerprint"),
        Column("max_privilege", "int64", "1 read to 4 destructive"),
        Column("action_sequence", "strings", "tools in order"),
        Column("tool_classes", "strings", "classes of tools"),
        Column("target_systems", "strings", "systems that were referred to"),
        Column("reason_codes", "strings", "reasons, from the runpack alone"),
        Column("receipt_digests", "strings", "content that was referred to"),
        Column("context_set_digest", "string", "digest of the references"),
        Column("runtime", "string", "os, architecture and runtime of the machine"),
    ),
    "run_steps": (
        *PROVENANCE,
        Column("run_id", "string", "run"),
        Column("manifest_digest", "string", "digest of the runpack's manifest"),
        Column("index", "int64", "from 0"),
        Column("intent_id", "string", "intent"),
        Column("tool_name", "string", "tool"),
        Column("args_digest", "string", "arguments"),
        Column("status", "string", "status of the result"),
        Column("result_digest", "string", "result"),
    ),
    "regress_results": (
        *PROVENANCE,
        Column("fixture_set", "string", "set of fixtures"),
        Column("status", "string", "pass or fail"),
        Column("fixtures", "int64", "fixtures in it"),
        Column("failed", "int64", "fixtures with a failing grader"),
        Column("vacuous", "bool", "passed with nothing to compare against"),
        Column("drift_class", "string", "kind of drift"),
        Column("fixture_names", "strings", "fixtures, sorted"),
    ),
    "regress_graders": (
        *PROVENANCE,
        Column("fixture_set", "string", "set of fixtures"),
        Column("fixture", "string", "fixture"),
        Column("grader", "string", "grader"),
        Column("status", "string", "pass or fail"),
        Column("reason_codes", "strings", "reasons"),
        Column("run_id", "string", "run"),
        Column("context_conformance", "string", "none, runtime_only, semantic or missing"),
        Column("candidate", "bool", "compared with a candidate; null where the grader cannot tell"),
    ),
    "approvals": (
        *PROVENANCE,
        Column("form", "string", "token, audit or entry (a token as the gate saw it); delegation_token, delegation_audit, delegation_entry"),
        Column("token_id", "string", "token"),
        Column("trace_id", "string", "decision that it belongs to"),
        Column("tool_name", "string", "tool"),
        Column("approver", "string", "who approved or delegated: an assertion, not bound to a key"),
        Column("reason_code", "string", "reason given"),
        Column("scope", "strings", "scope of the token"),
        Column("intent_digest", "string", "what was asked for"),
        Column("policy_digest", "string", "Gait policy digest"),
        Column("expires_at", "timestamp", "first moment at which it no longer counts"),
        Column("valid", "bool", "whether the gate took it"),
        Column("error_code", "string", "why not"),
        Column("required", "int64", "approvals that were required"),
        Column("valid_approvals", "int64", "approvals that were valid"),
        Column("approved", "bool", "as the audit says; the trace decides"),
    ),
    "inventory_items": (
        *PROVENANCE,
        Column("snapshot_id", "string", "snapshot"),
        Column("item_id", "string", "unique only inside a repository"),
        Column("item_kind", "string", "tool or mcp_server"),
        Column("name", "string", "name"),
        Column("locator", "string", "file"),
        Column("risk_level", "string", "critical, high or low"),
        Column("tags", "strings", "tags"),
    ),
    "findings": (
        *PROVENANCE,
        Column("code", "string", "code"),
        Column("message", "string", "sentence"),
        Column("effect", "string", "rejects, fails or notes"),
    ),
}  # fmt: skip
"""Table → its columns, in order."""
