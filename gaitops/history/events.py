# SPDX-License-Identifier: Apache-2.0
"""Audit events: one per decision, hash-chained, a function of the history (design 5).

An event says what was decided, on which evidence, under which root and rules, and carries the hash of the event
before it; changing, dropping or inserting one breaks every hash after it. Whoever proposed or approved is named with
the identity that signed, how it is held, when it was signed and who says so, and the digest of the exact envelope.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gaitops.change.approvals import Counted
from gaitops.change.context import Proof
from gaitops.change.contributors import Vouched
from gaitops.change.judge import Decision
from gaitops.documents.times import format_timestamp
from gaitops.fleet.credentials import described
from gaitops.fleet.people import Identity
from gaitops.signing.canonical import canonical_json

Event = dict[str, Any]

FIRST = "0" * 64
"""``previous`` of the first event."""


def event_hash(event: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical form of an event without its own hash."""
    return hashlib.sha256(
        canonical_json({key: value for key, value in event.items() if key != "hash"})
    ).hexdigest()


def decision_event(
    decision: Decision,
    *,
    sequence: int,
    previous: str,
    partition: str,
    commit: str,
    change_commit: str,
    position: int,
    at: datetime,
    root_version: int,
    rules: int,
    admits: tuple[str, ...],
) -> Event:
    """The audit event of an authorized decision.

    Args:
        decision: what was decided.
        sequence: number of the event, from 0.
        previous: hash of the event before.
        partition: partition that advanced.
        commit: commit at whose position the decision was made.
        change_commit: commit whose content became verified.
        position: position of ``commit``.
        at: time at which evidence was weighed.
        root_version: trusted root version that judged.
        rules: rules version that judged.
        admits: fingerprints of identities that the operation brought in.
    """
    event: Event = {
        "schema": "https://gaitops.dev/schemas/audit-event.schema.json",
        "sequence": sequence,
        "previous": previous,
        "partition": partition,
        "commit": commit,
        "changeCommit": change_commit,
        "position": position,
        "time": format_timestamp(at),
        "rootVersion": root_version,
        "rulesVersion": rules,
        "operation": decision.operation.to_json(),
        "decision": "authorized",
        "proposers": sorted(decision.authors.proposers),
        "contributors": sorted(decision.authors.contributors),
        "proposerKeys": sorted(decision.authors.fingerprints),
        "proposals": sorted(decision.authors.payloads),
        "proposedBy": [_proposer(item) for item in decision.authors.vouched],
        "requirement": decision.approvals.requirement.to_json(),
        "approvals": [_approval(item) for item in decision.approvals.counted],
        "admits": list(admits),
    }
    event["hash"] = event_hash(event)
    return event


def _approval(item: Counted) -> Event:
    event = {
        **_signer(item.identity, item.proof, item.signed_at),
        "payload": item.payload_digest,
        "envelope": item.path,
        "envelopeSha256": item.envelope_digest,
    }
    if item.attester is not None and item.review is not None:
        event["attestedBy"] = _identity(item.attester)
        event["review"] = item.review.to_json()
    return event


def _proposer(item: Vouched) -> Event:
    signer = _signer(item.identity, item.proof, item.said_at)
    if item.proposal is None:
        source = item.proof.source if item.proof.signed_at is not None else "commit"
        return {**signer, "timeSource": source, "commit": item.commit, "signature": item.kind}
    return {
        **signer,
        "payload": item.proposal.payload_digest,
        "envelope": item.proposal.path,
        "envelopeSha256": item.proposal.attestation.sha256,
    }


def _signer(identity: Identity, proof: Proof, said_at: datetime | None) -> Event:
    """Who signed, with what, when, and who says when."""
    at = proof.signed_at or said_at
    return {
        **_identity(identity),
        "signedAt": format_timestamp(at) if at is not None else None,
        "timeSource": proof.source,
        "log": {"id": proof.log.log_id, "index": proof.log.index} if proof.log is not None else None,
    }


def _identity(identity: Identity) -> Event:
    return {
        "principal": identity.principal,
        "fingerprint": identity.fingerprint,
        "assurance": identity.assurance,
        "identity": {"id": identity.label, **described(identity.credential)},
    }


def _rests_on(approval: Mapping[str, Any]) -> frozenset[str]:
    """Fingerprints without which an approval would not have counted."""
    attested = approval.get("attestedBy")
    return frozenset({approval["fingerprint"], *([attested["fingerprint"]] if attested else [])})


def needs(event: Mapping[str, Any], tainted: frozenset[str]) -> bool:
    """Whether a decision would not have been authorized without the tainted identities (design 4, doubt).

    Where an event does not tell (which groups an approver stood for, which of several proposers held the permission), the
    answer is the cautious one.
    """
    remaining = {item["principal"] for item in event["approvals"] if tainted.isdisjoint(_rests_on(item))}
    used = {name for item in event["approvals"] for name in _rests_on(item)}
    needed = event["requirement"]
    if used & tainted and (len(remaining) < needed["quorum"] or needed["groups"]):
        return True
    return not tainted.isdisjoint(event["proposerKeys"])
