# SPDX-License-Identifier: Apache-2.0
"""Approval and delegation audit records: what a gate made of tokens (Gait contract 5.5, 5.6).

Audit records are unsigned, and ``approved`` in them is only a comparison of two counts. What was decided stands in the
signed trace; :func:`audit_against_trace` compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gaitops.gait.artifacts.digests import bare
from gaitops.gait.artifacts.documents import HEAD, Format, expect_digest
from gaitops.gait.artifacts.facts import AuditEntryFacts, AuditFacts, TraceFacts
from gaitops.gait.artifacts.fields import RELATIONSHIP, Flag, Integer, Obj, Objs, Spec, Text, Texts, Time
from gaitops.gait.artifacts.inspect import inspect_source
from gaitops.gait.artifacts.model import PROVEN, Effect, Finding, Inspection
from gaitops.gait.artifacts.reading import Notes, Source, number, objects, text, texts
from gaitops.gait.artifacts.times import moment

_ENTRY: Final = {
    "token_id": Text(),
    "scope": Texts(),
    "expires_at": Time(),
    "valid": Flag(always=True),
    "error_code": Text(),
}
_JOINS: Final = {
    "trace_id": Text(always=True),
    "tool_name": Text(always=True),
    "intent_digest": Text(always=True),
    "policy_digest": Text(always=True),
}
APPROVAL_AUDIT: Final = Format(
    "approval_audit",
    "gait.gate.approval_audit_record",
    Spec(
        **HEAD,
        **_JOINS,
        required_approvals=Integer(always=True),
        valid_approvals=Integer(always=True),
        approved=Flag(always=True),
        approvers=Texts(),
        relationship=Obj(RELATIONSHIP),
        entries=Objs(Spec(**_ENTRY, approver_identity=Text(), reason_code=Text()), always=True),
    ),
)
DELEGATION_AUDIT: Final = Format(
    "delegation_audit",
    "gait.gate.delegation_audit_record",
    Spec(
        **HEAD,
        **_JOINS,
        delegation_required=Flag(always=True),
        valid_delegations=Integer(always=True),
        delegated=Flag(always=True),
        delegation_ref=Text(),
        relationship=Obj(RELATIONSHIP),
        entries=Objs(Spec(**_ENTRY, delegator_identity=Text(), delegate_identity=Text()), always=True),
    ),
)


def read_approval(source: Source) -> Inspection:
    """Judge an approval audit record."""
    value, notes = APPROVAL_AUDIT.opened(source)
    entries = tuple(_entry(item, "approver_identity") for item in objects(value, "entries"))
    required, valid = number(value, "required_approvals"), number(value, "valid_approvals")
    expected = tuple(sorted({entry.approver for entry in entries if entry.valid}))
    if texts(value, "approvers") != expected:
        notes.forged("audit.approvers_mismatch", "approvers are not those of the valid tokens")
    return _concluded(
        APPROVAL_AUDIT,
        source,
        value,
        notes,
        AuditFacts(
            form="approval",
            **_joins(value),
            created_at=moment(value.get("created_at")),
            required=required,
            valid=valid,
            approved=value.get("approved") is True,
            approvers=texts(value, "approvers"),
            entries=entries,
        ),
        follows=valid >= required,
    )


def read_delegation(source: Source) -> Inspection:
    """Judge a delegation audit record. ``approvers`` of its facts are the delegators of valid tokens."""
    value, notes = DELEGATION_AUDIT.opened(source)
    entries = tuple(_entry(item, "delegator_identity") for item in objects(value, "entries"))
    valid = number(value, "valid_delegations")
    return _concluded(
        DELEGATION_AUDIT,
        source,
        value,
        notes,
        AuditFacts(
            form="delegation",
            **_joins(value),
            created_at=moment(value.get("created_at")),
            required=int(value.get("delegation_required") is True),
            valid=valid,
            approved=value.get("delegated") is True,
            approvers=tuple(sorted({entry.approver for entry in entries if entry.valid})),
            entries=entries,
        ),
        follows=valid > 0,
    )


def audit_against_trace(audit: AuditFacts, trace: TraceFacts) -> Finding | None:
    """What an audit record and the trace of the same call say differently; ``None`` when they agree.

    Codes are ``audit.other_trace``, ``audit.digest_mismatch``, ``audit.approved_not_granted`` (enough tokens were valid,
    and the trace did not let the call through: distinct approvers were missing, say) and
    ``audit.allowed_without_approval``. The trace is what counts (contract 5.5, 15.7).
    """
    if audit.trace_id != trace.trace_id:
        message = f"the audit is of trace {audit.trace_id}, not of {trace.trace_id}"
        return Finding("audit.other_trace", message, Effect.FAILS)
    if (audit.intent_digest, audit.policy_digest) != (trace.intent_digest, trace.policy_digest):
        message = "the audit names another intent or policy than its trace"
        return Finding("audit.digest_mismatch", message, Effect.FAILS)
    # A call that needed no approval was not held back for one.
    if audit.approved and audit.required > 0 and _held_back(audit, trace):
        message = f"the audit says approved, and the trace {trace.decision}"
        return Finding("audit.approved_not_granted", message)
    if not audit.approved and audit.required > 0 and trace.decision == "allow":
        message = f"allowed with {audit.valid} of {audit.required} approvals"
        return Finding("audit.allowed_without_approval", message)
    return None


def _against_neighbour(audit: AuditFacts, source: Source) -> Finding | None:
    """The comparison with a proven trace that was collected together with the record, if there is one.

    Anybody can lay an unsigned trace beside a record, so such a trace says nothing about it.
    """
    data = source.neighbours.trace(audit.trace_id) if source.neighbours is not None else None
    if data is None:
        return None
    # As everything that lies beside an artifact, it may be hostile: it is judged, and never makes the record fail to be read.
    trace = inspect_source(source.inside(data))
    if trace.verdict not in PROVEN or not isinstance(trace.facts, TraceFacts):
        return None
    return audit_against_trace(audit, trace.facts)


def _held_back(audit: AuditFacts, trace: TraceFacts) -> bool:
    if audit.form == "approval":
        return trace.decision == "require_approval"
    return trace.decision != "allow" and "delegation_not_granted" in trace.violations


def _joins(value: Mapping[str, object]) -> dict[str, str]:
    return {name: text(value, name) for name in _JOINS}


def _entry(item: Mapping[str, object], who: str) -> AuditEntryFacts:
    return AuditEntryFacts(
        token_id=text(item, "token_id"),
        approver=text(item, who),
        reason_code=text(item, "reason_code"),
        scope=texts(item, "scope"),
        expires_at=moment(item.get("expires_at")),
        valid=item.get("valid") is True,
        error_code=text(item, "error_code"),
    )


def _concluded(
    form: Format,
    source: Source,
    value: Mapping[str, object],
    notes: Notes,
    audit: AuditFacts,
    *,
    follows: bool,
) -> Inspection:
    expect_digest(notes, value, "intent_digest", "policy_digest")
    good = [entry for entry in audit.entries if entry.valid]
    if audit.valid != len(good):
        message = f"{audit.valid} tokens are counted as valid, {len(good)} are listed"
        notes.forged("audit.count_mismatch", message)
    if audit.approved != follows:
        notes.forged("audit.approved_mismatch", "the outcome does not follow from the counts")
    if len({entry.token_id for entry in good}) < len(good):
        notes.notes("audit.token_twice", "one token is counted more than once")
    if audit.form == "approval" and len(audit.approvers) < min(audit.valid, audit.required):
        notes.notes("audit.same_approver", "valid tokens are by fewer people than approvals are required")
    finding = _against_neighbour(audit, source)
    if finding is not None:
        notes.add(finding)
    return notes.conclude(
        form.kind,
        source,
        ids={"trace_id": audit.trace_id},
        digests={"intent_digest": bare(audit.intent_digest), "policy_digest": bare(audit.policy_digest)},
        facts=audit,
    )
