# SPDX-License-Identifier: Apache-2.0
"""Which envelopes count, before anybody asks for which role (design 6).

Weighing goes from the cheap to the costly and stops at the first reason. A refusal is a value: reports show
every envelope with the reason why it does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from gaitops.change.attestation import Attestation, envelope_subject, operations_equal
from gaitops.change.context import (
    DOUBTFUL,
    UNTIMED,
    Change,
    Evidence,
    Facts,
    Occasion,
    Proof,
    revocation_of,
)
from gaitops.change.deltas import Delta, deltas_digest
from gaitops.change.forge import ForgeReview
from gaitops.change.forge_evidence import account_of, check_review
from gaitops.errors import Problem
from gaitops.fleet.people import Directory, Identity

Derive = Callable[[tuple[Delta, ...]], Sequence[Mapping[str, object]]]
"""Structured operations that the engine derives for a subset of a change."""


@dataclass(frozen=True)
class Weighed:
    """An envelope that holds in itself: signed by a valid identity, over parts of this change, in time."""

    principal: str
    identity: Identity
    """What it was signed with; of an attested review, the account that gave it."""
    proof: Proof
    is_root: bool
    intent: str
    payload_digest: str
    path: str
    deltas: frozenset[Delta]
    contributors: frozenset[str]
    age: timedelta
    """Evaluation time minus the time of signing; compared with a rule's TTL."""
    attestation: Attestation
    attester: Identity | None = None
    """What a service signed an attested review with."""

    @property
    def signed_at(self) -> datetime:
        """When it was signed: what authorities say where they do, else the statement's own ``issuedAt``."""
        return self.proof.signed_at or self.attestation.issued_at

    @property
    def fingerprint(self) -> str:
        """Of the identity that signed."""
        return self.identity.fingerprint

    @property
    def assurance(self) -> str:
        """How that identity is held, as approval rules name it."""
        return self.identity.assurance


@dataclass(frozen=True)
class Refused:
    """An envelope that does not count, and why."""

    principal: str
    intent: str
    path: str
    payload_digest: str
    deltas: frozenset[Delta]
    problem: Problem
    attested_by: str | None = None
    """The service that attests it, of a review at a forge."""


def weigh_signature(
    identity: Identity, position: int, facts: Facts, occasion: Occasion, proof: Proof
) -> Problem | None:
    """Whether a valid signature of this identity may be believed here and now (threat T16).

    Revocation works by position: evidence that entered the chain after it does not count, older evidence does. The
    validity of an identity is judged at the time of signing where authorities vouch for it, else at evaluation time.
    """
    at = proof.signed_at or occasion.at
    revoked = revocation_of(identity, facts)
    if revoked is not None and revoked.cause == DOUBTFUL:
        return Problem(
            "decision.doubtful",
            f"{identity.principal}/{identity.label} was admitted by a decision that is in doubt",
            remedy="clear the doubt about that principal first, with identities in good standing",
        )
    if revoked is not None and position > revoked.position:
        return Problem(
            "identity.revoked",
            f"{identity.principal}/{identity.label} was revoked ({revoked.cause}) before this signature arrived",
            remedy="sign with an identity that is not revoked",
        )
    if not identity.valid_at(at):
        return Problem(
            "identity.expired",
            f"{identity.principal}/{identity.label} is not valid at {at:%Y-%m-%dT%H:%M:%SZ}",
            remedy="sign with a valid identity, or extend its validity",
        )
    return None


def weigh(
    evidence: Evidence, change: Change, facts: Facts, occasion: Occasion, derive: Derive
) -> Weighed | Refused:
    """Judge one proposal or approval for one change."""
    statement = evidence.attestation
    problem = _subject(evidence, facts) or _coverage(statement, change)
    if problem is None and facts.is_used(statement.payload_digest):
        problem = _because(
            evidence, "approval.replayed", "this approval already carried a decision and counts once"
        )
    if problem is None and statement.forge is not None:
        problem = check_review(evidence, statement.forge, change, facts)
    if problem is not None:
        return _refused(evidence, problem)
    signer = _signer(evidence, change, facts, occasion)
    if isinstance(signer, Problem):
        return _refused(evidence, signer)
    identity, proof = signer
    attester = None
    if statement.forge is not None:
        account = _account(evidence, statement.forge, change.directory, facts, occasion)
        if isinstance(account, Problem):
            return _refused(evidence, account)
        attester, identity = identity, account
    problem = _base(evidence, facts) or _time(evidence, facts, occasion, proof)
    if problem is None and not operations_equal(statement.operations, derive(statement.deltas)):
        problem = _because(
            evidence,
            "approval.misleading",
            "its operations are not what its deltas and their effects do now",
            "look at the change again and sign it again",
        )
    if problem is not None:
        return _refused(evidence, problem)
    return Weighed(
        principal=identity.principal,
        identity=identity,
        proof=proof,
        is_root=identity.is_root or identity.fingerprint in {item.fingerprint for item in facts.root.keys},
        intent=statement.intent,
        payload_digest=statement.payload_digest,
        path=evidence.path,
        deltas=frozenset(statement.deltas),
        contributors=statement.contributors,
        age=occasion.at - _begun(statement, proof),
        attestation=statement,
        attester=attester,
    )


def _begun(statement: Attestation, proof: Proof) -> datetime:
    """From when the life of an approval counts: attesting a review later does not make it younger."""
    signed = proof.signed_at or statement.issued_at
    return min(signed, statement.forge.submitted_at) if statement.forge is not None else signed


def _refused(evidence: Evidence, problem: Problem) -> Refused:
    statement = evidence.attestation
    deltas = frozenset(statement.deltas)
    service = statement.forge.attested_by if statement.forge is not None else None
    return Refused(
        statement.principal,
        statement.intent,
        evidence.path,
        statement.payload_digest,
        deltas,
        problem,
        service,
    )


def _because(evidence: Evidence, code: str, message: str, remedy: str | None = None) -> Problem:
    return Problem(
        code,
        f"{evidence.attestation.principal}: {message}",
        path=evidence.path,
        remedy=remedy or "sign the change again",
    )


def _subject(evidence: Evidence, facts: Facts) -> Problem | None:
    """The subject is the digest of the envelope's own deltas in this fleet, and names its folder."""
    statement = evidence.attestation
    expected = _own_subject(facts.trust_root, statement.deltas)
    if statement.subject == expected == envelope_subject(evidence.path):
        return None
    if statement.subject != expected and statement.subject == envelope_subject(evidence.path):
        return _because(
            evidence,
            "approval.wrong_fleet",
            "the subject is not the digest of these deltas in this fleet",
            "sign the change in this fleet",
        )
    return _because(evidence, "approval.tampered", "the envelope lies in a folder that is not its subject's")


@lru_cache(maxsize=4096)
def _own_subject(trust_root: str, deltas: tuple[Delta, ...]) -> str:
    """Envelopes are weighed again whenever something changes; what they are about does not."""
    return deltas_digest(trust_root, deltas)


def _coverage(statement: Attestation, change: Change) -> Problem | None:
    """deltas(envelope) ⊆ deltas(change), so that nobody can merge half of what was approved (T7, T23)."""
    foreign = [item.path for item in statement.deltas if item not in change.delta_set]
    if not foreign:
        return None
    return Problem(
        "approval.coverage",
        f"{statement.principal} approved other bytes than this change has, at {foreign[0]}",
        path=foreign[0],
        remedy="ask for an approval of exactly what is merged",
    )


def _signer(
    evidence: Evidence, change: Change, facts: Facts, occasion: Occasion
) -> tuple[Identity, Proof] | Problem:
    """An identity of the principal who must sign and did; key ids and certificates are only hints until verified (T12)."""
    statement = evidence.attestation
    problem: Problem | None = None
    for identity in change.directory.candidates(statement.envelope):
        if identity.principal != statement.signed_by:
            problem = _because(
                evidence, "signature.invalid", f"signed with an identity of {identity.principal}"
            )
            continue
        proof = facts.proof(statement, identity, change.directory)
        refusal = (
            proof
            if isinstance(proof, Problem)
            else weigh_signature(identity, evidence.position, facts, occasion, proof)
        )
        if refusal is None and isinstance(proof, Proof):
            return identity, proof
        if refusal is not None:
            problem = _because(evidence, refusal.code, refusal.message, refusal.remedy)
    whom = "that principal" if statement.forge is None else statement.signed_by
    return problem or _because(
        evidence,
        "signature.invalid",
        f"not signed with an identity of {whom}",
        "sign with an identity that the verified state lists for the principal",
    )


def _account(
    evidence: Evidence, review: ForgeReview, directory: Directory, facts: Facts, occasion: Occasion
) -> Identity | Problem:
    """The account that gave an attested review; it must be good now too, as only the service says when it was used."""
    account = account_of(evidence, review, directory)
    if isinstance(account, Problem):
        return account
    refusal = weigh_signature(account, evidence.position, facts, occasion, UNTIMED)
    return account if refusal is None else _because(evidence, refusal.code, refusal.message, refusal.remedy)


def _base(evidence: Evidence, facts: Facts) -> Problem | None:
    """The base lies on the chain, and verified state did not change a covered path since (T9)."""
    statement = evidence.attestation
    position = facts.position_of(statement.base) if statement.base is not None else -1
    if position is None:
        return _because(evidence, "approval.base", "its base commit is not on the first-parent chain")
    for item in statement.deltas:
        if facts.last_change(item.path) > position:
            return _because(
                evidence, "approval.replayed", f"{item.path} changed in verified state since its base"
            )
    return None


def _time(evidence: Evidence, facts: Facts, occasion: Occasion, proof: Proof) -> Problem | None:
    statement = evidence.attestation
    newest = max(statement.issued_at, proof.signed_at or statement.issued_at)
    if newest > occasion.at + facts.skew:
        return _because(evidence, "approval.expired", f"not valid before {newest:%Y-%m-%dT%H:%M:%SZ}")
    if proof.signed_at is not None and statement.issued_at > proof.signed_at + facts.skew:
        return _because(
            evidence,
            "approval.expired",
            f"says that it was issued at {statement.issued_at:%Y-%m-%dT%H:%M:%SZ}, and was signed before",
        )
    if occasion.at >= statement.expires_at:
        return _because(evidence, "approval.expired", f"expired at {statement.expires_at:%Y-%m-%dT%H:%M:%SZ}")
    return None
