# SPDX-License-Identifier: Apache-2.0
"""What artifacts say, as plain typed values under Gait's own names (contract 2 to 9).

Reading is a projection: unknown members never show here, absent and empty are the same, and a time that Gait writes as
a placeholder (year 1, 1980) is ``None`` (contract 0.5). Times are aware, in UTC, cut to microseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """Base of what the readers of single formats return."""


@dataclass(frozen=True, slots=True)
class TraceFacts(Facts):
    """One decision of the gate (contract 2)."""

    trace_id: str
    event_id: str
    tool_name: str
    decision: str
    """``allow``, ``block``, ``dry_run`` or ``require_approval``; Gait calls it verdict."""
    policy_digest: str
    intent_digest: str
    args_digest: str
    created_at: datetime | None
    observed_at: datetime | None
    observed_at_text: str
    """With all nine digits, as written: ``event_id`` depends on it."""
    producer_version: str
    repository: str
    """``repo`` as written; empty when the trace claims none."""
    environment: str
    run_id: str
    workflow_id: str
    agent_id: str
    requester: str
    """Identity with the role ``requester`` in the relationship."""
    correlation_id: str
    violations: tuple[str, ...]
    latency_ms: float | None
    approval_ref: str
    approval_token_ref: str
    pre_approved: bool
    kill_switch: str
    """Status of the kill switch, ``active`` when it stopped the call; empty when it was not looked at."""
    freeze_window: str
    sandbox: str
    mcp_trust: str
    delegation_depth: int | None
    context_set_digest: str
    step_count: int
    """Steps of a script; 0 for a single call."""
    risk_class: str
    """``composite_risk_class`` of a script."""
    credential_source: str
    credential_access_type: str


@dataclass(frozen=True, slots=True)
class StepFacts:
    """One tool call of a run and its result (contract 3.1)."""

    index: int
    """From 0, in the order of the intents."""
    intent_id: str
    tool_name: str
    args_digest: str
    status: str
    """Status of the result; empty when there is none."""
    result_digest: str


@dataclass(frozen=True, slots=True)
class ReceiptFacts:
    """One piece of content that a run referred to."""

    ref_id: str
    source_type: str
    source_locator: str
    query_digest: str
    content_digest: str


@dataclass(frozen=True, slots=True)
class RunFacts(Facts):
    """One recorded run (contract 3)."""

    run_id: str
    manifest_digest: str
    capture_mode: str
    created_at: datetime | None
    producer_version: str
    os: str
    arch: str
    runtime: str
    steps: tuple[StepFacts, ...]
    results: tuple[tuple[str, str], ...]
    """(intent id, status) of every result, in order; a run may hold results without an intent."""
    receipts: tuple[ReceiptFacts, ...]
    context_set_digest: str
    context_evidence_mode: str


@dataclass(frozen=True, slots=True)
class PackFacts(Facts):
    """A pack around a run, a job, a call or an authorization (contract 4)."""

    pack_id: str
    pack_type: str
    source_ref: str
    producer_version: str
    run: RunFacts | None = None
    trace: TraceFacts | None = None
    job_status: str = ""
    job_reason: str = ""
    """``status_reason_code`` of a job; ``emergency_stop_preempted`` is worth an alert."""


@dataclass(frozen=True, slots=True)
class GraderFacts:
    """One grader of one fixture (contract 6)."""

    name: str
    fixture: str
    grader: str
    status: str
    reason_codes: tuple[str, ...]
    run_id: str
    context_conformance: str
    candidate: bool | None
    """Whether the fixture was compared with a candidate; ``None`` where the grader cannot tell."""


@dataclass(frozen=True, slots=True)
class RegressFacts(Facts):
    """One regress result (contract 6)."""

    fixture_set: str
    status: str
    created_at: datetime | None
    """Time of the first fixture's run: not when regress ran."""
    producer_version: str
    graders: tuple[GraderFacts, ...]
    drift_class: str
    """``none``, ``behavioural``, ``data_semantic``, ``data_runtime_only``, ``evidence_missing``, ``configuration`` or ``integrity``."""
    vacuous: bool
    """Passed with nothing to compare against."""


@dataclass(frozen=True, slots=True)
class TokenFacts(Facts):
    """An approval or delegation token (contract 5.4, 5.6)."""

    form: str
    """``approval`` or ``delegation``."""
    token_id: str
    approver: str
    """Approver, or the delegator of a delegation."""
    delegate: str
    reason_code: str
    intent_digest: str
    policy_digest: str
    scope: tuple[str, ...]
    created_at: datetime | None
    expires_at: datetime | None
    max_targets: int
    max_ops: int


@dataclass(frozen=True, slots=True)
class AuditEntryFacts:
    """One token as a gate saw it."""

    token_id: str
    approver: str
    reason_code: str
    scope: tuple[str, ...]
    expires_at: datetime | None
    valid: bool
    error_code: str


@dataclass(frozen=True, slots=True)
class AuditFacts(Facts):
    """An approval or delegation audit record (contract 5.5, 5.6)."""

    form: str
    trace_id: str
    tool_name: str
    intent_digest: str
    policy_digest: str
    created_at: datetime | None
    """Follows the intent, not the clock."""
    required: int
    valid: int
    approved: bool
    """As Gait writes it: valid >= required, also when distinct approvers were missing. Trust the trace instead."""
    approvers: tuple[str, ...]
    entries: tuple[AuditEntryFacts, ...]


@dataclass(frozen=True, slots=True)
class InventoryItemFacts:
    """One tool or MCP server that the scanner found (contract 7.1)."""

    item_id: str
    item_kind: str
    name: str
    locator: str
    risk_level: str
    tags: tuple[str, ...]
    last_seen_run: str


@dataclass(frozen=True, slots=True)
class InventoryFacts(Facts):
    """One inventory snapshot (contract 7.1)."""

    snapshot_id: str
    workspace: str
    created_at: datetime | None
    producer_version: str
    items: tuple[InventoryItemFacts, ...]


@dataclass(frozen=True, slots=True)
class OtherFacts(Facts):
    """Formats of which only identifiers and digests are indexed."""

    schema_id: str
    created_at: datetime | None
    producer_version: str
