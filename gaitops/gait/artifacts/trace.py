# SPDX-License-Identifier: Apache-2.0
"""Traces: one decision of the gate, signed (contract 2).

Gait's own verification looks at the signature alone. Ids that do not follow from the content, a verdict that does not exist
or another schema inside a valid signature mean that something other than Gait holds a producer's key.
"""

from __future__ import annotations

from typing import Any, Final

from gaitops.gait.artifacts.digests import HEX_DIGEST, short_id
from gaitops.gait.artifacts.facts import TraceFacts
from gaitops.gait.artifacts.fields import (
    RELATIONSHIP,
    SIGNATURE,
    Flag,
    Integer,
    Number,
    Obj,
    Objs,
    Spec,
    Text,
    Texts,
    Time,
    checked,
    extras,
)
from gaitops.gait.artifacts.model import Inspection, Verdict
from gaitops.gait.artifacts.reading import Notes, Source, member, number, objects, text, texts
from gaitops.gait.artifacts.signatures import judge
from gaitops.gait.artifacts.times import UNSET, moment, written
from gaitops.gait.quoting import quote

SCHEMA_ID: Final = "gait.gate.trace"
VERDICTS: Final = frozenset({"allow", "block", "dry_run", "require_approval"})
"""What the gate can decide (contract 1.2)."""

_AGENT_IDENTITY: Final = Spec(
    lifecycle_states=Texts(),
    owner=Text(),
    manifest_digest=Text(),
    publisher=Text(),
    source=Text(),
    issued_at=Time(),
    approved_at=Time(),
    expires_at=Time(),
    revoked=Flag(),
)
_STEP_VERDICT: Final = Spec(
    index=Integer(always=True),
    tool_name=Text(always=True),
    verdict=Text(always=True),
    reason_codes=Texts(),
    violations=Texts(),
    matched_rule=Text(),
)
_DELEGATION: Final = Spec(
    delegation_token_ref=Text(),
    requester_identity=Text(),
    delegation_depth=Integer(),
    scope_class=Text(),
    chain_digest=Text(),
    reason_codes=Texts(),
)
FREEZE_WINDOW: Final = Spec(
    status=Text(),
    effect=Text(),
    timezone=Text(),
    evaluated_at=Time(),
    window_name=Text(),
    window_start=Time(),
    window_end=Time(),
    reason=Text(),
    reason_code=Text(),
)
SANDBOX: Final = Spec(
    status=Text(),
    network_mode=Text(),
    env_exposure_mode=Text(),
    timeout_seconds=Integer(),
    filesystem_isolation=Text(),
    user_mode=Text(),
    evidence_ref=Text(),
    evidence_digest=Text(),
    reason_codes=Texts(),
)
KILL_SWITCH: Final = Spec(
    status=Text(), reason_code=Text(), reason_codes=Texts(), matched_entry_ids=Texts(), evaluated_at=Time()
)
_MCP_TRUST: Final = Spec(
    server_id=Text(),
    server_name=Text(),
    publisher=Text(),
    source=Text(),
    status=Text(),
    decision_source=Text(),
    score=Number(),
    threshold=Number(),
    updated_at=Time(),
    max_age_seconds=Integer(),
    required=Flag(),
    enforced=Flag(),
    registry_verified=Flag(),
    publisher_allowed=Flag(),
    reason_codes=Texts(),
)
_SKILL: Final = Spec(
    skill_name=Text(),
    skill_version=Text(),
    source=Text(),
    publisher=Text(),
    digest=Text(),
    signature_key_id=Text(),
)
_ALWAYS_TEXTS: Final = (
    "schema_id", "schema_version", "producer_version", "trace_id", "tool_name", "args_digest", "intent_digest",
    "policy_digest", "verdict",
)  # fmt: skip
_OPTIONAL_TEXTS: Final = (
    "event_id", "correlation_id", "agent_id", "run_id", "workflow_id", "repo", "environment", "credential_ref",
    "credential_source", "credential_access_type", "credential_issuer", "credential_subject", "credential_owner",
    "credential_target_binding", "credential_run_binding", "credential_job_binding", "broker_credential_ref",
    "broker_credential_source", "broker_credential_access_type", "broker_credential_issuer", "broker_request_digest",
    "broker_target_binding", "broker_run_binding", "broker_job_binding", "approval_ref", "wrkr_inventory_ref",
    "agent_action_bom_ref", "policy_id", "policy_version", "context_set_digest", "context_evidence_mode", "context_source",
    "script_hash", "composite_risk_class", "pattern_id", "registry_reason", "approval_token_ref",
)  # fmt: skip
TRACE: Final = Spec(
    **{name: Text(always=True) for name in _ALWAYS_TEXTS},
    **{name: Text() for name in _OPTIONAL_TEXTS},
    created_at=Time(),
    observed_at=Time(),
    agent_identity=Obj(_AGENT_IDENTITY),
    credential_ttl_seconds=Integer(),
    matched_rule_ids=Texts(),
    context_ref_count=Integer(),
    script=Flag(),
    step_count=Integer(),
    step_verdicts=Objs(_STEP_VERDICT),
    pre_approved=Flag(),
    violations=Texts(),
    latency_ms=Number(),
    delegation_ref=Obj(_DELEGATION),
    freeze_window=Obj(FREEZE_WINDOW),
    sandbox=Obj(SANDBOX),
    kill_switch=Obj(KILL_SWITCH),
    mcp_trust=Obj(_MCP_TRUST),
    relationship=Obj(RELATIONSHIP),
    skill_provenance=Obj(_SKILL),
    signature=Obj(SIGNATURE),
)
"""Contract 2.1."""


def read(source: Source) -> Inspection:
    """Judge a trace: signature, schema, verdict word, digests' shape, derived ids (contract 2.2, 2.3, 15.3)."""
    value = checked(TRACE, source.document)
    judgement = judge(value, TRACE, source.keys)
    notes = Notes(judgement)
    if judgement.verdict is Verdict.UNSIGNED:
        notes.extras(extras(TRACE, value))
    notes.expect_schema(value, SCHEMA_ID)
    _check_content(value, notes)
    return notes.conclude(
        "trace",
        source,
        ids={name: value.get(name) for name in ("trace_id", "event_id", "run_id", "correlation_id")},
        digests={
            name: value.get(name)
            for name in ("policy_digest", "intent_digest", "args_digest", "context_set_digest", "script_hash")
        },
        facts=trace_facts(value),
    )


def _check_content(value: dict[str, object], notes: Notes) -> None:
    verdict, policy, intent = (text(value, name) for name in ("verdict", "policy_digest", "intent_digest"))
    if verdict not in VERDICTS:
        notes.forged("trace.verdict", f"the gate has no verdict {quote(verdict)}")
    for name in ("policy_digest", "intent_digest", "args_digest"):
        if HEX_DIGEST.fullmatch(text(value, name)) is None:
            notes.forged("trace.digest_shape", f"{name} is not a digest: {quote(text(value, name))}")
    trace_id, event_id = text(value, "trace_id"), text(value, "event_id")
    derived = short_id(policy, intent, verdict)
    if trace_id != derived:
        notes.forged("trace.trace_id_mismatch", f"trace_id is {quote(trace_id)}, its content gives {derived}")
    derived = short_id(trace_id, written(text(value, "observed_at") or UNSET))
    if event_id and event_id != derived:
        notes.forged("trace.event_id_mismatch", f"event_id is {quote(event_id)}, its content gives {derived}")


def trace_facts(value: dict[str, Any]) -> TraceFacts:
    """The facts of a trace whose members are checked."""
    # The types are checked and null means absent: get() is enough, and a good part of the time per trace.
    get = value.get
    delegation = member(value, "delegation_ref")
    return TraceFacts(
        trace_id=get("trace_id") or "",
        event_id=get("event_id") or "",
        tool_name=get("tool_name") or "",
        decision=get("verdict") or "",
        policy_digest=get("policy_digest") or "",
        intent_digest=get("intent_digest") or "",
        args_digest=get("args_digest") or "",
        created_at=moment(get("created_at")),
        observed_at=moment(get("observed_at")),
        observed_at_text=get("observed_at") or "",
        producer_version=get("producer_version") or "",
        repository=get("repo") or "",
        environment=get("environment") or "",
        run_id=get("run_id") or "",
        workflow_id=get("workflow_id") or "",
        agent_id=get("agent_id") or "",
        requester=_requester(member(value, "relationship")),
        correlation_id=get("correlation_id") or "",
        violations=texts(value, "violations"),
        latency_ms=_latency(get("latency_ms")),
        approval_ref=get("approval_ref") or "",
        approval_token_ref=get("approval_token_ref") or "",
        pre_approved=get("pre_approved") is True,
        kill_switch=text(member(value, "kill_switch"), "status"),
        freeze_window=text(member(value, "freeze_window"), "status"),
        sandbox=text(member(value, "sandbox"), "status"),
        mcp_trust=text(member(value, "mcp_trust"), "status"),
        delegation_depth=number(delegation, "delegation_depth") if delegation else None,
        context_set_digest=get("context_set_digest") or "",
        step_count=get("step_count") or 0,
        risk_class=get("composite_risk_class") or "",
        credential_source=get("credential_source") or "",
        credential_access_type=get("credential_access_type") or "",
    )


def _requester(relationship: dict[str, object]) -> str:
    """Who asked; the only place where a trace says it (contract 2.1)."""
    for link in objects(relationship, "agent_chain"):
        if link.get("role") == "requester":
            return text(link, "identity")
    return ""


def _latency(value: object) -> float | None:
    return float(value) if type(value) is float or type(value) is int else None
