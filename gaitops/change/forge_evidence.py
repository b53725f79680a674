# SPDX-License-Identifier: Apache-2.0
"""What the engine can see of an attested review: who may attest, whose account it is, and that it is used once.

It cannot see that the review was given, nor that its commit does what the envelope says: for that there is the word of
the service alone, which is why reviews count only where a rule names the service (design 6).
"""

from __future__ import annotations

from gaitops.change.context import Change, Evidence, Facts
from gaitops.change.forge import ForgeReview
from gaitops.errors import Problem
from gaitops.fleet.people import Directory, Identity


def check_review(evidence: Evidence, review: ForgeReview, change: Change, facts: Facts) -> Problem | None:
    """Why a review cannot approve a change, whatever the rules accept."""
    statement = evidence.attestation
    service = change.directory.people.get(review.attested_by)
    if service is None or service.kind != "service":
        return _because(
            evidence,
            "approval.attester",
            f"the review is attested by {review.attested_by}, which is no service of the verified state",
            "have a principal of type service attest it",
        )
    if facts.is_spent(review, change.partition):
        return _because(
            evidence,
            "approval.replayed",
            f"review {review.review} at {review.host} already carried a decision and counts once",
            "ask for a new review",
        )
    if any(item.before == item.after for item in statement.deltas):
        return _because(
            evidence,
            "approval.assurance",
            "a review is of a change, and cannot stand by content that stays as it is",
            "affirm it with a signature of your own",
        )
    if review.submitted_at > statement.issued_at + facts.skew:
        return _because(evidence, "approval.expired", "is said to be reviewed after it was attested")
    return None


def account_of(evidence: Evidence, review: ForgeReview, directory: Directory) -> Identity | Problem:
    """The identity of the reviewer that is this account, if verified state lists it for that person."""
    statement = evidence.attestation
    person = directory.people.get(statement.principal)
    found = directory.by_fingerprint.get(review.account.fingerprint, ())
    owned = next((item for item in found if item.principal == statement.principal), None)
    if person is not None and person.kind == "human" and owned is not None:
        if owned.valid_at(review.submitted_at):
            return owned
        return _because(
            evidence,
            "identity.expired",
            f"{owned.label} was not valid when the review was submitted, at {review.submitted_at:%Y-%m-%dT%H:%M:%SZ}",
        )
    return _because(
        evidence,
        "approval.account",
        f"the review is by account {review.account_id} ({review.login}) of {review.host}, "
        "which the verified state does not list for that person",
        "add the account to the principal as an identity of type forge",
    )


def _because(evidence: Evidence, code: str, message: str, remedy: str = "ask for a new review") -> Problem:
    return Problem(code, f"{evidence.attestation.principal}: {message}", path=evidence.path, remedy=remedy)
