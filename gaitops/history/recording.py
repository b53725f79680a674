# SPDX-License-Identifier: Apache-2.0
"""What an authorized change leaves behind: audit events and the facts that later judgements ask for."""

from __future__ import annotations

from collections.abc import Mapping

from gaitops.change.context import Occasion
from gaitops.change.effects import Effect, move_of
from gaitops.change.judge import Decision, Judgement
from gaitops.change.operations import Operation
from gaitops.documents.layout import classify
from gaitops.documents.models.tenancy import Repository, repository_id
from gaitops.documents.models.trust import Principal
from gaitops.documents.times import format_timestamp
from gaitops.fleet.people import Directory, Identity, identities_of
from gaitops.fleet.state import FleetState
from gaitops.history import ledger as spaces
from gaitops.history.events import Event, decision_event
from gaitops.history.facts import LedgerFacts
from gaitops.history.ledger import Ledger, sequence_key
from gaitops.history.standing import Standing
from gaitops.rollout.transitions import ENTERING


class Recorder:
    """Writes to the ledger; the only place that does so for decisions."""

    def __init__(self, ledger: Ledger, standing: Standing, facts: LedgerFacts) -> None:
        self._ledger = ledger
        self._standing = standing
        self._facts = facts

    def record(
        self, judgement: Judgement, partition: str, change_commit: str, commit: str, occasion: Occasion
    ) -> list[Event]:
        """Record every decision of an authorized change, at the position and time of ``occasion``."""
        events = [
            self.record_decision(decision, judgement, partition, change_commit, commit, occasion)
            for decision in judgement.decisions
        ]
        for effect in judgement.effects:
            self._effect(effect, occasion, is_rollback=_is_rollback(effect, judgement))
        self._claims(judgement)
        self._bound(judgement, partition, occasion)
        return events

    def record_decision(
        self,
        decision: Decision,
        judgement: Judgement,
        partition: str,
        change_commit: str,
        commit: str,
        occasion: Occasion,
    ) -> Event:
        """One decision: its event, the payloads it used, the paths it changed, what it revoked."""
        standing = self._standing
        state = judgement.change.before
        fleet = state.fleet() or judgement.change.after.fleet()
        event = decision_event(
            decision,
            sequence=standing.sequence,
            previous=standing.audit_head,
            partition=partition,
            commit=commit,
            change_commit=change_commit,
            position=occasion.position,
            at=occasion.at,
            root_version=standing.root.version,
            rules=fleet.spec.rules if fleet is not None else 1,
            admits=admitted(decision.operation, judgement.change.before, judgement.change.after),
        )
        self._ledger.put(spaces.EVENT, sequence_key(standing.sequence), event)
        for payload in decision.payloads():
            self._ledger.put(spaces.USED, payload, standing.sequence)
        self._reviews(decision, partition)
        for path in decision.operation.paths:
            self._ledger.put(spaces.CHANGED, path, [occasion.position, standing.sequence])
        self._revocation(decision.operation, occasion, judgement.change.directory)
        self._entry(decision.operation, occasion)
        standing.sequence += 1
        standing.audit_head = event["hash"]
        return event

    def _reviews(self, decision: Decision, partition: str) -> None:
        """A review at a forge carries what its one commit does, in each partition once."""
        for review in (item.review for item in decision.approvals.counted if item.review is not None):
            _commit, partitions = self._ledger.get(spaces.REVIEWS, review.key) or (None, [])
            self._ledger.put(spaces.REVIEWS, review.key, [review.commit, sorted({*partitions, partition})])

    def _entry(self, operation: Operation, occasion: Occasion) -> None:
        """From when the soak of a rollout's step counts; a pause begins it anew."""
        if operation.kind in {f"rollout.{edge}" for edge in ENTERING}:
            self._ledger.put(spaces.ENTERED, str(operation.details["rollout"]), format_timestamp(occasion.at))

    def _revocation(self, operation: Operation, occasion: Occasion, people: Directory) -> None:
        details = operation.details
        if operation.kind == "revocation.identity":
            named = str(details["fingerprint"])
            known = (identity.marks for identity in people.by_fingerprint.get(named, ()))
            # Root keys are replaced by the root only, in whatever other form somebody lists them as well.
            roots = {key.fingerprint for key in self._standing.root.keys}
            for mark in sorted({named}.union(*known) - roots):
                self._revoke(mark, details, occasion.position)
        elif operation.kind == "revocation.policy_version":
            key = f"{details['policy']}@{details['version']}"
            self._ledger.put(spaces.WITHDRAWN, key, [occasion.position, format_timestamp(occasion.at)])

    def _revoke(self, fingerprint: str, details: Mapping[str, object], position: int) -> None:
        """From where on a key is not believed; a later revocation of the same key never makes it believed for longer."""
        since = details.get("since")
        if since is not None:
            # The named commit is the first at which the key is not believed, whatever entered there and is still unused.
            position = min(position, int(self._ledger.get(spaces.POSITION, str(since))) - 1)
        earlier = self._ledger.get(spaces.REVOKED, fingerprint)
        if earlier is None or position < earlier[0]:
            self._ledger.put(spaces.REVOKED, fingerprint, [position, details["cause"]])

    def _bound(self, judgement: Judgement, partition: str, occasion: Occasion) -> None:
        """Move the bound below which no later commit may be dated, by when approvers say that they signed.

        Never by the date of a commit: whoever can push chooses it, and a date that lies ahead would one day undo what
        was decided after it.
        """
        standing = self._standing
        for decision in judgement.decisions:
            standing.latest = max(occasion.at, standing.latest or occasion.at)
            for item in decision.approvals.counted:
                standing.bounds[partition] = max(
                    item.signed_at, standing.bounds.get(partition, item.signed_at)
                )

    def _claims(self, judgement: Judgement) -> None:
        """Which document lists which repository, so that a second one is noticed without reading them all."""
        change = judgement.change
        paths = [item.path for item in change.deltas if classify(item.path).kind == "Repository"]
        for state, mark in ((change.before, False), (change.after, True)):
            for path in paths:
                document = state.document(path, Repository)
                if document is not None:
                    name = repository_id(document.spec.url).casefold()
                    self._ledger.put(spaces.CLAIMED, name, path if mark else "")

    def _effect(self, effect: Effect, occasion: Occasion, *, is_rollback: bool) -> None:
        """Remember what was enforced before, which is where a rollback may return to (design 4).

        A rollback leaves nothing to return to: going forth again to what was just left is no safe direction.
        """
        if effect.before is None:
            return
        if effect.after is not None and effect.before.enforced == effect.after.enforced:
            return  # Only a candidate came or went.
        row = ["" if is_rollback else str(effect.before.enforced), format_timestamp(occasion.at)]
        for repository in effect.repositories:
            self._ledger.put(spaces.PREVIOUS, "/".join((*effect.place, repository)), row)


def _is_rollback(effect: Effect, judgement: Judgement) -> bool:
    """Whether an effect went back, by the safe direction or with a rollout."""
    for decision in judgement.decisions:
        operation = decision.operation
        if operation.kind == "assignment.change" and operation.safe and move_of(operation) == effect.move:
            return True
        if operation.kind == "rollout.rollback" and set(effect.causes) <= set(operation.paths):
            return True
    return False


def admitted(operation: Operation, before: FleetState, after: FleetState) -> tuple[str, ...]:
    """Fingerprints of identities that an operation on a principal brings in, sorted.

    That is what is new, and that as which more may sign than before, or for longer.
    """
    if operation.kind not in ("principal.change", "org_principal.change"):
        return ()
    found: set[str] = set()
    for path in operation.paths:
        # Never empty, because such operations are about principals only.
        qualified = classify(path).principal_ref or ""
        old, new = before.document(path, Principal), after.document(path, Principal)
        was: tuple[Identity, ...] = identities_of(qualified, old) if old is not None else ()
        now: tuple[Identity, ...] = identities_of(qualified, new) if new is not None else ()
        found |= {item.fingerprint for item in now if not any(one.admits(item) for one in was)}
    return tuple(sorted(found))
