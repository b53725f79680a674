# SPDX-License-Identifier: Apache-2.0
"""Which reviews at a forge a service may attest for a change: those that the engine could count, and no others.

The one thing that the engine cannot see is checked here, against the repository: that the commit that was reviewed does
exactly what the envelope will say. Its tree is that of the head, but for envelopes and analyses that came since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gaitops.change.forge import ForgeReview
from gaitops.change.forge_answers import Answer, LeftOut
from gaitops.errors import GaitopsError, InvalidInputError
from gaitops.fleet.credentials import FORGE
from gaitops.git.repository import Repository
from gaitops.history.session import History
from gaitops.history.signable import Signable
from gaitops.history.trees import is_new_evidence


@dataclass(frozen=True)
class Attestable:
    """A review that can be attested for one partition's part of the change."""

    signable: Signable
    principal: str
    """Whose review it is."""
    review: ForgeReview


def attestable(
    history: History, signables: Sequence[Signable], head: str, answer: Answer, service: str
) -> tuple[list[Attestable], list[LeftOut]]:
    """Sort what a forge answered into what the service can attest, and why it cannot attest the rest.

    Args:
        history: folded history of the base.
        signables: the parts of the change.
        head: newest commit of the change.
        answer: what the forge told about it.
        service: principal that will sign.

    Raises:
        InvalidInputError: ``attest.head``: the forge speaks of another commit; ``attest.service``: the principal is no
            service; ``attest.no_rule``: no rule counts reviews that it attests.
    """
    if answer.head != head:
        raise InvalidInputError.of(
            "attest.head",
            f"the forge tells of {answer.head[:12]}, and the head is {head[:12]}",
            remedy="fetch the branch and ask the forge again",
        )
    believing = [item for item in signables if _is_believed(item, service)]
    if not believing:
        raise InvalidInputError.of(
            "attest.no_rule",
            f"no rule for this change counts reviews that {service} attests",
            remedy="approve with a signature, or have an approval rule list assurance forge and the service",
        )
    left_out = list(answer.left_out)
    found: list[Attestable] = []
    for review in answer.approvals:
        reason = _moved(history.repository, review, head)
        if reason is not None:
            left_out.append(LeftOut(review.login, reason))
            continue
        outcomes = [_for_partition(history, item, review) for item in believing]
        usable = [item for item in outcomes if isinstance(item, Attestable)]
        found.extend(usable)
        if not usable:
            left_out.append(LeftOut(review.login, next(item for item in outcomes if isinstance(item, str))))
    return found, left_out


def _is_believed(signable: Signable, service: str) -> bool:
    directory = signable.judgement.change.directory
    person = directory.people.get(service)
    if person is None or person.kind != "service":
        raise InvalidInputError.of(
            "attest.service",
            f"{service} is no principal of type service in verified state",
            remedy="attest with a service principal of its own",
        )
    return any(
        needed.accepts(FORGE) and service in needed.forge_attesters
        for needed in (decision.approvals.requirement for decision in signable.judgement.decisions)
    )


def _moved(repository: Repository, review: ForgeReview, head: str) -> str | None:
    """Why the commit that was reviewed is not what would be merged."""
    if review.commit == head:
        return None
    try:
        changes = repository.tree_changes(repository.tree_of(review.commit), repository.tree_of(head))
    except GaitopsError:
        return f"reviewed commit {review.commit[:12]}, which is not in this repository"
    if all(is_new_evidence(item) for item in changes):
        return None
    return f"reviewed commit {review.commit[:12]}, and the branch has changed since"


def _for_partition(history: History, signable: Signable, review: ForgeReview) -> Attestable | str:
    change, facts = signable.judgement.change, history.fold.facts
    account = review.account.fingerprint
    owner = next(iter(change.directory.by_fingerprint.get(account, ())), None)
    if owner is None:
        return f"account {review.account_id} is no identity of anybody"
    if facts.revoked(account) is not None:
        return f"the account is revoked for {owner.principal}"
    if not owner.valid_at(history.at) or not owner.valid_at(review.submitted_at):
        return f"the account is not a valid identity of {owner.principal} at this time"
    if all(owner.principal in item.authors.contributors for item in signable.judgement.decisions):
        return f"{owner.principal} contributed to the change"
    if facts.is_spent(review, change.partition):
        return f"review {review.review} already carried a decision"
    for evidence in facts.candidates(change.deltas):
        known = evidence.attestation
        if known.forge == review and known.deltas == change.deltas and history.at < known.expires_at:
            return f"review {review.review} is attested already"
    return Attestable(signable, owner.principal, review)
