# SPDX-License-Identifier: Apache-2.0
"""The decision on one change: operations, rules, authors, approvals, in this order.

Numbers are those of ``docs/verification.md``, which tells the whole procedure once:

(4) what the change is: operations and effects of its protected deltas;
(5) what no approval can allow: the domain rules;
(6) who made it: proposers and contributors;
(7) who approved it: requirement and counted approvals;
(8) the decision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gaitops.change.approvals import ApprovalResult, count, is_withdrawn
from gaitops.change.context import Change, Facts, Occasion
from gaitops.change.contributors import (
    NOBODY,
    Authorship,
    authorship,
    may_propose,
    revokes_own_key,
)
from gaitops.change.deltas import Delta
from gaitops.change.effects import Effect, effects
from gaitops.change.envelopes import Refused, Weighed, weigh
from gaitops.change.interpret import interpret
from gaitops.change.operations import Operation
from gaitops.change.permissions import OPERATOR
from gaitops.change.requirements import Requirement, requirement
from gaitops.change.rules.assignments import check_assignments
from gaitops.change.rules.documents import check_documents
from gaitops.change.rules.freeze import check_freeze
from gaitops.change.rules.paths import check_paths
from gaitops.change.rules.policies import check_policies
from gaitops.change.rules.prune import check_envelopes
from gaitops.change.rules.rollouts import check_rollouts
from gaitops.change.rules.tenancy import check_tenancy
from gaitops.change.rules.trust import check_trust, roots_after
from gaitops.change.rules.waivers import check_waivers
from gaitops.change.safe_direction import with_safe_direction
from gaitops.content import Entry
from gaitops.errors import Problem
from gaitops.fleet.composite import OverlaySnapshot
from gaitops.fleet.root import TrustedRoot
from gaitops.fleet.state import FleetState


@dataclass(frozen=True)
class Decision:
    """The engine's verdict on one operation, with its reasons and the evidence it used."""

    operation: Operation
    authors: Authorship
    approvals: ApprovalResult
    problems: tuple[Problem, ...]
    """Reasons against it; empty when authorized."""

    @property
    def authorized(self) -> bool:
        """Whether the operation may happen."""
        return not self.problems

    @property
    def pending(self) -> bool:
        """Whether nothing but approvals is missing."""
        return bool(self.problems) and not self.authors.problems and not self.approvals.verified

    def fingerprints(self) -> frozenset[str]:
        """Keys that helped to carry the decision."""
        return self.authors.fingerprints.union(*(item.fingerprints for item in self.approvals.counted))

    def payloads(self) -> frozenset[str]:
        """Payload digests of the envelopes that were used."""
        return self.authors.payloads | {item.payload_digest for item in self.approvals.counted}


@dataclass(frozen=True)
class Judgement:
    """The verdict on one partition's change."""

    change: Change
    decisions: tuple[Decision, ...]
    violations: tuple[Problem, ...]
    """Problems of the change as a whole: documents, rules, paths. No approval can mend them."""
    effects: tuple[Effect, ...]
    root_after: TrustedRoot
    ignored: tuple[Refused, ...] = ()
    """Envelopes that were found for this change and do not count for anything in it."""

    @property
    def authorized(self) -> bool:
        """Whether the whole change may become verified state."""
        return not self.violations and all(decision.authorized for decision in self.decisions)

    @property
    def pending(self) -> bool:
        """Whether only approvals are missing."""
        refused = [decision for decision in self.decisions if not decision.authorized]
        return not self.violations and bool(refused) and all(decision.pending for decision in refused)

    def problems(self) -> tuple[Problem, ...]:
        """Every reason against the change, without repetition."""
        found = [*self.violations, *(problem for decision in self.decisions for problem in decision.problems)]
        return tuple(dict.fromkeys(found))


def judge(change: Change, facts: Facts, occasion: Occasion) -> Judgement:
    """Decide whether a change may become verified state.

    Args:
        change: difference between a partition's verified state and a commit.
        facts: what the history says up to now.
        occasion: position and time at which evidence is weighed.
    """
    # (5) The cheap and structural rules first: nothing below may read a document that does not load.
    structural = (*check_paths(change), *check_documents(change), *check_envelopes(change))
    if structural:
        return Judgement(change, (), tuple(structural), (), facts.root)
    root, _problems = roots_after(change, facts.root)
    # (4) What it means, before and after.
    moves = effects(change.deltas, change.before, change.after)
    rules = (
        *check_trust(change, facts),
        *check_policies(change),
        *check_assignments(change, facts, moves),
        *check_tenancy(change, facts),
        *check_waivers(change),
        *check_rollouts(change, facts, occasion, moves),
    )
    meaning = interpret(change.deltas, change.before, change.after, moves)
    weighed, refused = _weigh_all(change, meaning, facts, occasion)
    safe = with_safe_direction(meaning, moves, facts, change.before, occasion.at)
    operations = [_with_taint(operation, facts) for operation in safe]
    decisions = tuple(
        _decide(operation, change, weighed, refused, facts, occasion) for operation in operations
    )
    return Judgement(change, decisions, tuple(dict.fromkeys(rules)), moves, root, tuple(refused))


def _with_taint(operation: Operation, facts: Facts) -> Operation:
    """Backdating a revocation needs the quorum of the decisions that it taints (design 4; threat T30)."""
    since = operation.details.get("since")
    if operation.kind != "revocation.identity" or not isinstance(since, str):
        return operation
    tainted = facts.tainted_quorum(str(operation.details["fingerprint"]), since)
    return replace(operation, minimum_quorum=max(2, tainted or 0))


def _weigh_all(
    change: Change, meaning: Sequence[Operation], facts: Facts, occasion: Occasion
) -> tuple[list[Weighed], list[Refused]]:
    """Every envelope over parts of this change, weighed once for all operations; ``meaning`` is that of the whole."""
    whole = [operation.to_json() for operation in meaning]
    derived: dict[tuple[Delta, ...], Sequence[Mapping[str, object]]] = {change.deltas: whole}

    def derive(deltas: tuple[Delta, ...]) -> Sequence[Mapping[str, object]]:
        if deltas not in derived:
            part = after_part(change, deltas)
            moves = effects(deltas, change.before, part)
            derived[deltas] = [item.to_json() for item in interpret(deltas, change.before, part, moves)]
        return derived[deltas]

    weighed: list[Weighed] = []
    refused: list[Refused] = []
    for evidence in facts.candidates(change.deltas):
        if evidence.attestation.intent == "withdraw":
            continue
        outcome = weigh(evidence, change, facts, occasion, derive)
        if isinstance(outcome, Weighed):
            weighed.append(outcome)
        else:
            refused.append(outcome)
    return weighed, refused


def after_part(change: Change, deltas: Sequence[Delta]) -> FleetState:
    """The state in which only a part of a change is applied: what an approval of that part does."""
    entries: dict[str, Entry | None] = {item.path: change.entries[item.path][1] for item in deltas}
    snapshot = OverlaySnapshot(change.before.snapshot, entries, source=change.after.snapshot)
    return FleetState(snapshot, change.after.cache)


def _decide(
    operation: Operation,
    change: Change,
    weighed: Sequence[Weighed],
    refused: Sequence[Refused],
    facts: Facts,
    occasion: Occasion,
) -> Decision:
    covered = change.covered_by(operation.paths)
    # (6) A proposal names its proposer for every operation that it covers.
    proposals = [item for item in weighed if item.intent == "propose" and covered <= item.deltas]
    proposals = [item for item in proposals if not is_withdrawn(item, change.directory, facts)]
    # Somebody who may not propose it cannot spoil the proposal of somebody who may.
    entitled = [
        item
        for item in proposals
        if may_propose(operation, frozenset({item.principal}), change.directory, facts)
    ]
    authors = authorship(operation, change, entitled or proposals, facts, occasion)
    # (7) Rules are read from the state before the change: authority comes from the past.
    needed, problems = requirement(operation, change.before.rules(), facts.root)
    if operation.kind == "root.rotate":
        # The TUF signatures inside the file are the authority (rule module trust); nothing else can add to it.
        empty = Authorship(authors.proposers, authors.contributors, frozenset(), frozenset(), ())
        return Decision(operation, empty, _nothing_needed(needed), ())
    if operation.safe and revokes_own_key(operation, authors.proposers, change.directory):
        needed = replace(needed, quorum=0, rules=("built-in:own-key",))
    if operation.agreed and _is_operated(operation, entitled, change):
        # The approval of the plan covers the edge; the operator's own envelope says that it was taken (design 9).
        needed = replace(
            needed,
            quorum=0,
            groups=frozenset(),
            assurance=None,
            forge_attesters=frozenset(),
            rules=("built-in:plan",),
        )
    approvals = count(operation, needed, authors, weighed, refused, change, facts)
    problems = (*authors.problems, *problems, *check_freeze(operation, needed, change.before, occasion.at))
    if authors.problems:
        # Where nobody is known to have proposed it, the reason is often a proposal that does not count.
        problems = (*problems, *_refused_proposals(refused, covered))
    if not approvals.verified:
        problems = (*problems, *_crossed(operation))
    # (8) All reasons together, the shortage of approvals last.
    return Decision(operation, authors, approvals, (*problems, *approvals.problems(operation)))


def _refused_proposals(refused: Sequence[Refused], covered: frozenset[Delta]) -> tuple[Problem, ...]:
    found = (item for item in refused if item.intent == "propose" and not covered.isdisjoint(item.deltas))
    return tuple(item.problem for item in found)


def _is_operated(operation: Operation, proposals: Sequence[Weighed], change: Change) -> bool:
    """Whether an operator signed this very edge; a signature of the commit does not say what was looked at."""
    return any(
        OPERATOR in change.directory.roles(item.principal, operation.scope)
        for item in proposals
        if item.intent == "propose"
    )


def _crossed(operation: Operation) -> tuple[Problem, ...]:
    """Why an edge across a gate waits: only approvals of exactly this crossing can allow it (design 9)."""
    crossed = operation.details.get("crosses")
    if not isinstance(crossed, list):
        return ()
    return (
        Problem(
            "rollout.gate",
            f"{operation.details['rollout']} leaves its step across {', '.join(crossed)}",
            path=operation.paths[0],
            remedy="wait for a successful analysis, roll back, or have approvers sign this crossing",
        ),
    )


def _nothing_needed(needed: Requirement) -> ApprovalResult:
    return ApprovalResult(replace(needed, quorum=0, rules=("tuf",)), (), (), (), ())


def judge_affirmation(change: Change, facts: Facts, occasion: Occasion) -> Judgement:
    """Decide whether enough people stand by content that is already there (design 4, doubt).

    ``change`` has deltas with equal before and after. The same rules and quorum hold as for changing it; there
    is no proposer, because nothing is proposed.
    """
    meaning = interpret(change.deltas, change.before, change.after, ())
    operations = [item for item in meaning if item.kind != "root.rotate"]
    weighed, refused = _weigh_all(change, meaning, facts, occasion)
    decisions = []
    for operation in operations:
        plain = replace(operation, safe=False)
        needed, problems = requirement(plain, change.before.rules(), facts.root)
        approvals = count(plain, needed, NOBODY, weighed, refused, change, facts)
        decisions.append(Decision(plain, NOBODY, approvals, (*problems, *approvals.problems(plain))))
    return Judgement(change, tuple(decisions), (), (), facts.root, tuple(refused))
