# SPDX-License-Identifier: Apache-2.0
"""What a person is asked to sign: one statement per partition, about exact deltas and what they do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gaitops.change.attestation import MAX_ENVELOPE_BYTES, Intent, statement_payload
from gaitops.change.forge import ForgeReview
from gaitops.change.judge import Judgement
from gaitops.errors import InvalidInputError, VerificationError
from gaitops.history.proposal import Proposal, contributors, propose
from gaitops.history.session import History
from gaitops.history.trees import FLEET_PARTITION

_ENVELOPE_OVERHEAD = 1024
"""Bytes of an envelope beyond the base64 of its payload: type, key id and the longest signature."""


@dataclass(frozen=True)
class Signable:
    """One partition's part of a change, ready to be signed."""

    partition: str
    base: str | None
    """Head of the protected branch that the change is judged against; ``None`` for genesis."""
    judgement: Judgement
    contributors: tuple[str, ...]

    def payload(
        self,
        trust_root: str,
        intent: Intent,
        principal: str,
        *,
        issued_at: datetime,
        lifetime: timedelta,
        reason: str,
        withdraws: Sequence[str] = (),
        forge: ForgeReview | None = None,
    ) -> bytes:
        """The statement to sign, in canonical bytes.

        Raises:
            InvalidInputError: ``approval.too_large``: the change has more files than one envelope can hold.
        """
        listed = sorted({*self.contributors, *([principal] if intent == "propose" else [])})
        payload = statement_payload(
            trust_root=trust_root,
            intent=intent,
            principal=principal,
            base=self.base,
            deltas=self.judgement.change.deltas,
            operations=[decision.operation.to_json() for decision in self.judgement.decisions],
            contributors=listed,
            issued_at=issued_at,
            expires_at=issued_at + lifetime,
            reason=reason,
            withdraws=withdraws,
            forge=forge,
        )
        if len(payload) * 4 // 3 + _ENVELOPE_OVERHEAD > MAX_ENVELOPE_BYTES:
            raise InvalidInputError.of(
                "approval.too_large",
                f"the change to {self.partition} has {len(self.judgement.change.deltas)} files, "
                f"more than an envelope of {MAX_ENVELOPE_BYTES} bytes can name",
                remedy="split the change into several pull requests",
            )
        return payload

    def own_approvals(self, principal: str) -> tuple[str, ...]:
        """Payload digests of what a principal signed for this change, whether or not it counts.

        What a service attested is its own too: it takes it back when the review is dismissed.
        """
        counted = {
            item.payload_digest
            for decision in self.judgement.decisions
            for item in decision.approvals.counted
            if principal in {item.principal, item.attester.principal if item.attester is not None else None}
        }
        refused = {
            item.payload_digest
            for decision in self.judgement.decisions
            for item in decision.approvals.refused
            if principal in {item.principal, item.attested_by} and item.intent == "approve"
        }
        return tuple(sorted(counted | refused))


def of_genesis(history: History) -> list[Signable]:
    """The first tree, while it is not verified.

    Raises:
        VerificationError: there is no genesis to sign, or it breaks a rule that no signature can mend.
    """
    judgement = history.genesis_judgement()
    if judgement is None or judgement.violations:
        raise VerificationError(history.verdict().all_problems())
    return [Signable(FLEET_PARTITION, None, judgement, ())]


def of_proposal(history: History, proposal: Proposal) -> list[Signable]:
    """A pull request, partition by partition.

    Raises:
        VerificationError: something about it cannot be mended by signatures.
    """
    blocking = [*proposal.problems, *(item for one in proposal.judgements for item in one.violations)]
    if blocking:
        raise VerificationError(blocking)
    return [
        Signable(
            judgement.change.partition,
            proposal.base,
            judgement,
            contributors(history, proposal.commits, _orgs(judgement.change.partition)),
        )
        for judgement in proposal.judgements
        if judgement.decisions
    ]


def of_affirmation(history: History, paths: Sequence[str]) -> list[Signable]:
    """Doubtful content, path by path: each is affirmed on its own (design 4).

    Raises:
        InvalidInputError: ``affirm.not_doubtful``.
    """
    found = []
    for path in paths:
        if path not in history.standing.doubtful:
            raise InvalidInputError.of("affirm.not_doubtful", "there is no doubt about this path", path=path)
        judgement = history.fold.judge_affirmation(path, history.occasion())
        if judgement is None:
            raise InvalidInputError.of(
                "affirm.removed",
                "the doubtful change removed this file",
                path=path,
                remedy="restore or remove it again",
            )
        found.append(Signable(judgement.change.partition, history.standing.head, judgement, ()))
    return found


def proposal_or_genesis(
    history: History, head: str, *, include_pending: bool
) -> tuple[Proposal | None, list[Signable]]:
    """What there is to sign at ``head``: genesis while it is not verified, otherwise the pull request."""
    if not history.standing.born:
        return None, of_genesis(history)
    proposal = propose(history, head, include_pending=include_pending)
    return proposal, of_proposal(history, proposal)


def _orgs(partition: str) -> tuple[str, ...]:
    return () if partition == FLEET_PARTITION else (partition,)
