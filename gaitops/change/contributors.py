# SPDX-License-Identifier: Apache-2.0
"""Who proposed a change and who contributed to it (design 5, proposer and contributors).

A proposer is known by a signature: of the commits in the range, or of a proposal envelope over the exact
bytes. A contributor is anybody whom a signature, a proposal or a mere e-mail address connects with the change;
contributors may not approve it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from gaitops.change.context import Change, Facts, Occasion, Proof, Touch
from gaitops.change.envelopes import Weighed, weigh_signature
from gaitops.change.operations import Operation
from gaitops.change.permissions import AUTHOR, OPERATOR, PERMISSIONS
from gaitops.errors import Problem
from gaitops.fleet.people import Directory, Identity


@dataclass(frozen=True)
class Vouched:
    """One piece of evidence for who proposed an operation: a signed commit, or a proposal envelope."""

    identity: Identity
    proof: Proof
    said_at: datetime | None
    """When it was made by its signer's own word."""
    commit: str | None = None
    kind: str | None = None
    """Kind of a commit's signature."""
    proposal: Weighed | None = None


@dataclass(frozen=True)
class Authorship:
    """Proposers and contributors of one operation."""

    proposers: frozenset[str]
    contributors: frozenset[str]
    fingerprints: frozenset[str]
    """Keys by which the proposers are known."""
    payloads: frozenset[str]
    """Payload digests of the proposals that were used."""
    problems: tuple[Problem, ...]
    vouched: tuple[Vouched, ...] = ()
    """What says so, commits first, each once."""


NOBODY = Authorship(frozenset(), frozenset(), frozenset(), frozenset(), ())
"""Nobody proposes genesis, root rotations and affirmations: other signatures are their authority."""


def authorship(
    operation: Operation, change: Change, proposals: Iterable[Weighed], facts: Facts, occasion: Occasion
) -> Authorship:
    """Find out who made an operation, and whether they may.

    Args:
        operation: the operation.
        change: the change that it is part of.
        proposals: proposal envelopes that count for this operation.
        facts: history.
        occasion: where and when.
    """
    usable = list(proposals)
    touches = [
        _timely(touch, facts, occasion) for path in operation.paths for touch in change.touches.get(path, ())
    ]
    named = _by_email(touches, change.directory)
    signers: set[str] = set()
    fingerprints: set[str] = set()
    problems: list[Problem] = []
    vouched: list[Vouched] = []
    for touch in touches:
        valid, problem = _vouching(touch, facts, occasion)
        vouched.extend(
            Vouched(identity, touch.proof, touch.made_at, touch.commit, touch.kind) for identity in valid
        )
        signers.update(identity.principal for identity in valid)
        fingerprints.update(identity.fingerprint for identity in valid)
        if not valid and not usable:
            problems.append(problem)
    uncovered = [path for path in operation.paths if not change.touches.get(path)]
    if uncovered and not usable:
        problems.append(_unknown(uncovered[0], "no commit of the range is known to have made this change"))
    # Whose key it is does not depend on whether the key still counts: it can bar, even where it cannot permit.
    named |= {identity.principal for touch in touches for identity in touch.identities}
    for proposal in usable:
        problems.extend(_incomplete(proposal, (signers | named), operation))
    proposers = frozenset(signers | {proposal.principal for proposal in usable})
    listed = frozenset(name for proposal in usable for name in proposal.contributors)
    if not problems:
        problems.extend(_permission(operation, proposers, change, facts))
    return Authorship(
        proposers=proposers,
        contributors=proposers | named | listed,
        fingerprints=frozenset(fingerprints | {proposal.fingerprint for proposal in usable}),
        payloads=frozenset(proposal.payload_digest for proposal in usable),
        problems=_unique(problems),
        vouched=(*dict.fromkeys(vouched), *map(_proposed, usable)),
    )


def _proposed(proposal: Weighed) -> Vouched:
    return Vouched(proposal.identity, proposal.proof, proposal.attestation.issued_at, proposal=proposal)


def _by_email(touches: Iterable[Touch], directory: Directory) -> frozenset[str]:
    addresses = {email for touch in touches for email in touch.emails}
    return frozenset(name for email in addresses for name in directory.addressed(email))


def _timely(touch: Touch, facts: Facts, occasion: Occasion) -> Touch:
    """A touch as it counts now: an OpenPGP signature from a time that has not come is not looked at.

    Libraries refuse such a signature until the clock of the machine has got there; a verdict must not wait for that.
    """
    if touch.kind != "openpgp" or touch.made_at is None or touch.made_at <= occasion.at + facts.skew:
        return touch
    problem = Problem(
        "signature.invalid",
        f"commit {touch.commit[:12]} is signed at {touch.made_at:%Y-%m-%dT%H:%M:%SZ}, a time that has not come yet",
        remedy="correct the clock, and sign the commit again",
    )
    return replace(touch, identities=(), problem=problem)


def _vouching(touch: Touch, facts: Facts, occasion: Occasion) -> tuple[list[Identity], Problem]:
    """Identities whose commit signature counts, or why none does."""
    problem = touch.problem
    valid: list[Identity] = []
    for identity in touch.identities:
        refusal = weigh_signature(identity, touch.position, facts, occasion, touch.proof)
        if refusal is None:
            valid.append(identity)
        else:
            problem = Problem(
                refusal.code, f"commit {touch.commit[:12]}: {refusal.message}", remedy=refusal.remedy
            )
    return valid, problem or _unknown(None, f"commit {touch.commit[:12]} is not signed by anybody known")


def _unknown(path: str | None, message: str) -> Problem:
    return Problem(
        "proposer.unknown",
        message,
        path=path,
        remedy="sign commits with an identity of a principal, or run gaitops propose for this change",
    )


def _incomplete(proposal: Weighed, visible: frozenset[str] | set[str], operation: Operation) -> list[Problem]:
    missing = sorted(set(visible) - proposal.contributors - {proposal.principal})
    if not missing:
        return []
    return [
        Problem(
            "proposer.incomplete",
            f"the proposal of {proposal.principal} does not name {', '.join(missing)} as contributor"
            f"{'s' if len(missing) > 1 else ''} to {operation.kind}",
            path=proposal.path,
            remedy="propose again: gaitops propose lists authors, committers, signers and co-authors of the range",
        )
    ]


def _permission(
    operation: Operation, proposers: frozenset[str], change: Change, facts: Facts
) -> list[Problem]:
    """One proposer must hold the permission (design 4)."""
    if may_propose(operation, proposers, change.directory, facts):
        return []
    wanted = " or ".join(sorted(proposing_roles(operation)))
    return [
        Problem(
            "permission.denied",
            f"{operation.kind} in {operation.scope} must be proposed by a {wanted}; "
            f"proposed by {', '.join(sorted(proposers))}",
            path=operation.paths[0] if operation.paths else None,
            remedy="have somebody with that role propose it, or change the role bindings first",
        )
    ]


def proposing_roles(operation: Operation) -> frozenset[str]:
    """Roles of which a proposer of an operation holds one; administrators propose an assignment only as an effect."""
    if operation.kind == "assignment.change" and not operation.indirect:
        return frozenset({AUTHOR})
    if not operation.planned:
        return PERMISSIONS[operation.kind].proposers - {OPERATOR}
    return PERMISSIONS[operation.kind].proposers


def may_propose(operation: Operation, names: frozenset[str], directory: Directory, facts: Facts) -> bool:
    """Whether one of these principals holds the permission to propose an operation."""
    if revokes_own_key(operation, names, directory):
        return True
    if PERMISSIONS[operation.kind].floor == "root" and any(key.principal in names for key in facts.root.keys):
        return True
    allowed = proposing_roles(operation)
    return any(not directory.roles(name, operation.scope).isdisjoint(allowed) for name in names)


def revokes_own_key(operation: Operation, proposers: frozenset[str], directory: Directory) -> bool:
    """Whether somebody revokes a key of their own; saying whose key it is does not make it theirs."""
    owner = operation.details.get("principal")
    if operation.kind != "revocation.identity" or owner not in proposers:
        return False
    return any(
        identity.fingerprint == operation.details["fingerprint"]
        for identity in directory.identities_of(str(owner))
    )


def _unique(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(dict.fromkeys(problems))
