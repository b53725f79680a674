# SPDX-License-Identifier: Apache-2.0
"""What an authorization pack holds: a bundle of digests, and the evidence that it names (Gait contract 4.2, 5.8).

Gait compares the digests and no more. Whether bundle, pack and trace are about the same decision, and whether the trace's own
signature holds, is for the consumer to find out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gaitops.gait.artifacts.authorization_bundle import (
    BUNDLE,
    SCHEMA_ID,
    Link,
    contract_problems,
    digests,
    links,
)
from gaitops.gait.artifacts.digests import digest
from gaitops.gait.artifacts.facts import TraceFacts
from gaitops.gait.artifacts.fields import Object
from gaitops.gait.artifacts.hygiene import read_value
from gaitops.gait.artifacts.model import Effect, Finding, Inspection
from gaitops.gait.artifacts.pack_contents import Contents, Payload
from gaitops.gait.artifacts.pack_rules import schema_problems
from gaitops.gait.artifacts.reading import text
from gaitops.gait.go_text import trim
from gaitops.gait.quoting import quote

KINDS: Final = {
    "trace": "trace",
    "approval_audit": "approval_audit",
    "credential_evidence": "broker_record",
    "delegation_audit": "delegation_audit",
    "context_evidence": "context_envelope",
}
"""What each link must lead to. An outcome is whatever its author wrote."""
_BUNDLE: Final = "authorization_bundle.json"


def read(contents: Contents) -> Payload:
    """Judge the bundle against its evidence.

    Raises:
        ArtifactError: the bundle, or evidence that it names, is damaged or not readable.
    """
    bundle = contents.document(_BUNDLE, BUNDLE)
    contents.take(schema_problems(bundle, SCHEMA_ID, _BUNDLE, gait=True))
    for message in contract_problems(bundle):
        contents.notes.fails("pack.payload_invalid", message, gait=True)
    trace_id = text(bundle, "trace_id")
    if trace_id != contents.source_ref:
        message = (
            f"the bundle is about the trace {quote(trace_id)}, the pack about {quote(contents.source_ref)}"
        )
        contents.notes.fails("authorization.trace_id_mismatch", message)
    found = {link.name: _evidence(contents, link) for link in links(bundle) if _holds(contents, link)}
    members = {inspection.sha256: inspection for inspection in found.values() if inspection is not None}
    trace = found.get("trace")
    facts = trace.facts if trace is not None and isinstance(trace.facts, TraceFacts) else None
    if facts is not None:
        contents.take(_trace_findings(bundle, facts))
    return Payload(
        ids={"trace_id": trace_id}, digests=digests(bundle), members=tuple(members.values()), trace=facts
    )


def _holds(contents: Contents, link: Link) -> bool:
    """Whether the evidence is there and has the digest that the bundle names; else there is a finding."""
    notes = contents.notes
    if not link.member:
        notes.fails("authorization.path_unsafe", f"{link.name}_path leaves the folder of the evidence")
        return False
    if link.member not in contents.archive.members:
        notes.fails("authorization.evidence_missing", f"the pack has no {quote(link.member)}", gait=True)
        return False
    if link.is_json:
        actual = digest(read_value(contents.read(link.member)))
    else:
        actual = contents.archive.digest(link.member)
    if actual != link.digest:
        message = f"{quote(link.member)} has the digest {actual}, the bundle names {quote(link.digest)}"
        notes.fails("authorization.evidence_mismatch", message, gait=True)
        return False
    return True


def _evidence(contents: Contents, link: Link) -> Inspection | None:
    """The evidence as an artifact; ``None`` for an outcome, which is none."""
    if link.name == "outcome":
        _judge_outcome(contents, link)
        return None
    found = contents.artifact(link.member)
    what = f"the {link.name.replace('_', ' ')}"
    if found.kind != KINDS[link.name]:
        message = f"{what} is of the kind {found.kind}"
        contents.notes.fails("authorization.evidence_kind", message)
        return None
    failed = "authorization.trace_failed" if link.name == "trace" else "authorization.evidence_failed"
    contents.judge(found, failed, what)
    trace_id = found.ids.get("trace_id", contents.source_ref)
    if trace_id != contents.source_ref:
        message = f"{what} belongs to the trace {quote(trace_id)}, the pack to {quote(contents.source_ref)}"
        contents.notes.fails("authorization.trace_id_mismatch", message)
    return found


def _judge_outcome(contents: Contents, link: Link) -> None:
    """An outcome is free-form; where it names a trace, it must be this one."""
    if not link.is_json:
        return
    outcome = read_value(contents.read(link.member))
    named = text(outcome, "trace_id") if isinstance(outcome, dict) else ""
    if named and named != contents.source_ref:
        message = f"the outcome belongs to the trace {quote(named)}, the pack to {quote(contents.source_ref)}"
        contents.notes.fails("authorization.trace_id_mismatch", message)


def _trace_findings(bundle: Object, trace: TraceFacts) -> Iterator[Finding]:
    """The trace is about the same policy and intent, and the outcome is what it decided."""
    for name, said in digests(bundle).items():
        actual = getattr(trace, name)
        if said != actual:
            message = f"{name}: the bundle says {quote(said)}, the trace {quote(actual)}"
            yield Finding("authorization.trace_mismatch", message, Effect.FAILS)
    outcome = trim(text(bundle, "outcome_status"))
    if outcome and outcome != trace.decision:
        message = f"the bundle says that the outcome was {quote(outcome)}, the trace {quote(trace.decision)}"
        yield Finding("authorization.outcome_mismatch", message, Effect.FAILS)
