# SPDX-License-Identifier: Apache-2.0
"""Genesis: the first tree, authorized by a threshold of root-1 keys (design 5).

There is no earlier state whose people could propose or approve, so there is no proposer and no separation of
duties: the people whom root metadata names vouch for the whole tree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gaitops.change.approvals import count
from gaitops.change.context import Change, Facts, Occasion
from gaitops.change.contributors import NOBODY
from gaitops.change.deltas import Delta
from gaitops.change.effects import effects
from gaitops.change.envelopes import Refused, Weighed, weigh
from gaitops.change.judge import Decision, Judgement
from gaitops.change.operations import Operation
from gaitops.change.requirements import BUILT_IN_TTL, Requirement
from gaitops.change.rules.assignments import check_assignments
from gaitops.change.rules.documents import check_documents
from gaitops.change.rules.paths import check_paths
from gaitops.change.rules.policies import check_policies
from gaitops.change.rules.tenancy import check_tenancy
from gaitops.change.rules.trust import check_genesis_trust
from gaitops.fleet.scopes import FLEET


def genesis_operation(deltas: Sequence[Delta], trust_root: str) -> Operation:
    """The one operation of genesis: everything, from nothing."""
    title = f"{len(deltas)} files under root {trust_root[:12]}"
    paths = tuple(item.path for item in deltas)
    return Operation("fleet.genesis", FLEET, paths, {"title": title, "trustRoot": trust_root})


def judge_genesis(change: Change, facts: Facts, occasion: Occasion) -> Judgement:
    """Decide whether the first tree becomes verified state. ``change.before`` is the empty state."""
    structural = (*check_paths(change), *check_documents(change))
    if structural:
        return Judgement(change, (), tuple(structural), (), facts.root)
    rules = (
        *check_genesis_trust(change, facts),
        *check_policies(change),
        *check_assignments(change, facts, effects(change.deltas, change.before, change.after)),
        *check_tenancy(change, facts),
    )
    operation = genesis_operation(change.deltas, facts.trust_root)

    def derive(_deltas: tuple[Delta, ...]) -> Sequence[Mapping[str, object]]:
        return [operation.to_json()]

    outcomes = [weigh(item, change, facts, occasion, derive) for item in facts.candidates(change.deltas)]
    weighed = [item for item in outcomes if isinstance(item, Weighed)]
    refused = [item for item in outcomes if isinstance(item, Refused)]
    needed = Requirement(facts.root.threshold, BUILT_IN_TTL, rules=("genesis",), root=True)
    approvals = count(operation, needed, NOBODY, weighed, refused, change, facts)
    decision = Decision(operation, NOBODY, approvals, approvals.problems(operation))
    return Judgement(change, (decision,), rules, (), facts.root, tuple(refused))
