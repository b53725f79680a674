# SPDX-License-Identifier: Apache-2.0
"""Counting approvals: quorum over principals, groups, assurance, separation of duties (design 4, 6).

The result is data before it is an error: the same value decides, fills the pull-request comment and says who
may still sign.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from gaitops.change.context import Change, Facts, Proof, revocation_of
from gaitops.change.contributors import Authorship
from gaitops.change.envelopes import Refused, Weighed
from gaitops.change.forge import ForgeReview
from gaitops.change.operations import Operation
from gaitops.change.permissions import PERMISSIONS
from gaitops.change.requirements import Requirement
from gaitops.errors import Problem
from gaitops.fleet.credentials import FORGE
from gaitops.fleet.people import Directory, Identity


@dataclass(frozen=True)
class Counted:
    """An approval that counts."""

    principal: str
    identity: Identity
    """What it was signed with; of an attested review, the account that gave it."""
    proof: Proof
    payload_digest: str
    envelope_digest: str
    """SHA-256 of the envelope file."""
    path: str
    signed_at: datetime
    attester: Identity | None = None
    """What a service signed an attested review with."""
    review: ForgeReview | None = None
    """The review, where a service attested one."""

    @property
    def fingerprint(self) -> str:
        """Of the identity that signed."""
        return self.identity.fingerprint

    @property
    def fingerprints(self) -> frozenset[str]:
        """Of every identity without which it would not count."""
        found = {self.identity.fingerprint}
        return frozenset(found if self.attester is None else found | {self.attester.fingerprint})

    @property
    def assurance(self) -> str:
        """How that identity is held."""
        return self.identity.assurance


@dataclass(frozen=True)
class ApprovalResult:
    """Who has approved one operation, who tried to, and what is missing."""

    requirement: Requirement
    counted: tuple[Counted, ...]
    """One per principal, sorted by name."""
    refused: tuple[Refused, ...]
    may_sign: tuple[str, ...]
    """Principals whose approval would count and who have not given it."""
    missing_groups: tuple[str, ...]

    @property
    def missing(self) -> int:
        """How many approvals are missing; 0 when only a group is."""
        return max(0, self.requirement.quorum - len(self.counted))

    @property
    def verified(self) -> bool:
        """Whether the requirement is met."""
        return self.missing == 0 and not self.missing_groups

    def problems(self, operation: Operation) -> tuple[Problem, ...]:
        """Nothing when verified; otherwise the shortage, then why other envelopes did not count."""
        if self.verified:
            return ()
        have = ", ".join(item.principal for item in self.counted) or "nobody"
        what = "root key" if self.requirement.root else "approval"
        what += "" if self.requirement.quorum == 1 else "s"
        shortage = f"{operation.kind} in {operation.scope} needs {self.requirement.quorum} {what}, has {len(self.counted)} ({have})"
        if self.missing_groups:
            shortage += f"; somebody of {', '.join(self.missing_groups)} must approve"
        able = (
            f"may still sign: {', '.join(self.may_sign)}"
            if self.may_sign
            else "nobody else may sign; see the rules"
        )
        first = Problem(
            "approval.quorum", shortage, path=operation.paths[0] if operation.paths else None, remedy=able
        )
        return (first, *dict.fromkeys(item.problem for item in self.refused))


def is_withdrawn(item: Weighed, directory: Directory, facts: Facts) -> bool:
    """Whether the signer of an approval took it back (threat T20); of an attested review, the reviewer or the service.

    A withdrawal names the approval and nothing else about it matters: it does not expire, it survives the revocation
    of the key that made it, and it holds although the change has lost or gained files since. Nor does it matter whether
    the key is still listed, or the trusted root still there, by which it was known when it entered.
    """
    signers = {item.principal} | ({item.attester.principal} if item.attester is not None else set())
    if not signers.isdisjoint(facts.withdrawn_by(item.payload_digest)):
        return True
    return any(
        identity.principal in signers and isinstance(facts.proof(statement, identity, directory), Proof)
        for statement in facts.withdrawals(item.payload_digest)
        for identity in directory.candidates(statement.envelope)
    )


def count(
    operation: Operation,
    requirement: Requirement,
    authors: Authorship,
    weighed: Sequence[Weighed],
    refused: Sequence[Refused],
    change: Change,
    facts: Facts,
) -> ApprovalResult:
    """Count the approvals of one operation."""
    covered = change.covered_by(operation.paths)
    counted: dict[str, Counted] = {}
    rejected = [item for item in refused if not covered.isdisjoint(item.deltas)]
    for item in sorted(weighed, key=lambda one: (one.principal, one.path)):
        if item.intent == "withdraw" or not covered <= item.deltas:
            continue
        if item.intent == "propose" and not requirement.root:
            continue
        problem = _refusal(item, operation, requirement, authors, change.directory, facts)
        if problem is None:
            counted.setdefault(
                item.principal,
                Counted(
                    item.principal,
                    item.identity,
                    item.proof,
                    item.payload_digest,
                    item.attestation.sha256,
                    item.path,
                    item.signed_at,
                    item.attester,
                    item.attestation.forge,
                ),
            )
        elif item.intent == "approve":
            service = item.attester.principal if item.attester is not None else None
            rejected.append(
                Refused(
                    item.principal, item.intent, item.path, item.payload_digest, item.deltas, problem, service
                )
            )
    return ApprovalResult(
        requirement,
        tuple(counted[name] for name in sorted(counted)),
        tuple(rejected),
        _may_sign(operation, requirement, authors, change.directory, facts, frozenset(counted)),
        _missing_groups(requirement, counted, change.directory),
    )


def _refusal(
    item: Weighed,
    operation: Operation,
    requirement: Requirement,
    authors: Authorship,
    directory: Directory,
    facts: Facts,
) -> Problem | None:
    """Why a valid envelope still does not count for this operation."""

    def because(code: str, message: str, remedy: str) -> Problem:
        return Problem(code, f"{item.principal}: {message}", path=item.path, remedy=remedy)

    if is_withdrawn(item, directory, facts):
        return because("approval.withdrawn", "withdrew this approval", "ask them to approve again")
    if item.age >= requirement.ttl:
        hours = int(requirement.ttl.total_seconds() // 3600)
        return because(
            "approval.expired", f"older than the {hours} h that the rules allow", "ask for a new approval"
        )
    if requirement.root:
        if item.is_root:
            return None
        return because("permission.denied", f"{operation.kind} needs root keys", "sign with a root-role key")
    if item.principal in authors.contributors:
        return because(
            "approval.separation_of_duties",
            f"contributed to this change and cannot approve {operation.kind}",
            "ask somebody who did not contribute",
        )
    if directory.roles(item.principal, operation.scope).isdisjoint(PERMISSIONS[operation.kind].approvers):
        wanted = " or ".join(sorted(PERMISSIONS[operation.kind].approvers))
        return because(
            "permission.denied", f"is not {wanted} in {operation.scope}", f"ask a {wanted} of that scope"
        )
    if not requirement.accepts(item.assurance):
        return because("approval.assurance", *_unaccepted(item, requirement, directory))
    return _unattested(item, requirement, authors, because)


def _unattested(
    item: Weighed,
    requirement: Requirement,
    authors: Authorship,
    because: Callable[[str, str, str], Problem],
) -> Problem | None:
    """Why the word of the service that attests a review does not count for this operation."""
    if item.attester is None:
        return None
    service = item.attester.principal
    if service not in requirement.forge_attesters:
        known = ", ".join(sorted(requirement.forge_attesters))
        message = f"the review is attested by {service}; the rules believe {known}"
        return because("approval.attester", message, "have one of these services attest it")
    if service in authors.contributors:
        return because(
            "approval.separation_of_duties",
            f"{service} contributed to this change and cannot attest a review of it",
            "have a service attest it that did not contribute",
        )
    return None


def _unaccepted(item: Weighed, requirement: Requirement, directory: Directory) -> tuple[str, str]:
    """Which kinds count, what was used, and what the approver has instead: message and remedy."""
    used = "a review of a forge, which a service attests" if item.assurance == FORGE else item.assurance
    accepted = (
        ", ".join(sorted(requirement.assurance))
        if requirement.assurance is not None
        else f"every kind but {FORGE}, which needs a rule that lists it"
    )
    owned = directory.identities_of(item.principal)
    suitable = [identity for identity in owned if requirement.accepts(identity.assurance)]
    named = ", ".join(f"{identity.label} ({identity.assurance})" for identity in suitable)
    remedy = (
        f"approve with {named}" if suitable else "have an identity of an accepted kind added to the principal"
    )
    return f"signed with {used}; the rules accept {accepted}", remedy


def _may_sign(
    operation: Operation,
    requirement: Requirement,
    authors: Authorship,
    directory: Directory,
    facts: Facts,
    counted: frozenset[str],
) -> tuple[str, ...]:
    if requirement.root:
        return tuple(sorted({item.principal for item in facts.root.keys} - counted))
    able = directory.holders(PERMISSIONS[operation.kind].approvers, operation.scope)
    able -= counted | authors.contributors
    keyed = {
        identity.principal
        for identity in directory.identities
        if identity.principal in able
        and requirement.accepts(identity.assurance)
        and revocation_of(identity, facts) is None
    }
    return tuple(sorted(keyed))


def _missing_groups(
    requirement: Requirement, counted: Iterable[str], directory: Directory
) -> tuple[str, ...]:
    """Groups that nobody who counted belongs to; one approver may satisfy several groups (design 6)."""
    present: set[str] = set()
    for name in counted:
        person = directory.people.get(name)
        present |= person.groups if person is not None else set()
    return tuple(sorted(requirement.groups - present))
