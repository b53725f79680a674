# SPDX-License-Identifier: Apache-2.0
"""Approval rules combine to the strictest, above floors that no rule lowers (design 4, 6)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaitops.change.operations import Operation
from gaitops.change.requirements import Requirement, requirement
from gaitops.documents.load import load_document
from gaitops.documents.models.trust import ApprovalRule
from gaitops.errors import Problem
from gaitops.fleet.root import TrustedRoot, verify_first_root
from gaitops.release.ceremony import new_root, sign_root
from tests.simulator import DAY, START, Actor

SCOPE = "org/acme/project/pay/environment/live"


def _root(threshold: int = 2) -> TrustedRoot:
    import hashlib

    actors = [Actor(name) for name in ("alice", "bob", "carol")]
    publisher = [("publisher", Actor("publisher").signer.public_key)]
    people = [(actor.name, actor.signer.public_key) for actor in actors]
    data = new_root(people, threshold, publisher, 1, START + 365 * DAY)
    for actor in actors[:threshold]:
        data = sign_root(data, actor.signer)
    return verify_first_root(data, hashlib.sha256(data).hexdigest())


ROOT = _root()


def rule(
    name: str, operations: list[str], *, match: dict[str, Any] | None = None, **require: Any
) -> tuple[str, ApprovalRule]:
    """A rule as verified state holds it."""
    spec = {"match": {"operations": operations, **(match or {})}, "require": require}
    body = {"apiVersion": "gaitops.dev/v1", "kind": "ApprovalRule", "metadata": {"name": name}, "spec": spec}
    document = load_document(json.dumps(body).encode(), f"trust/approvals/{name}.yaml")
    assert isinstance(document, ApprovalRule)
    return name, document


def needed(operation: Operation, *rules: tuple[str, ApprovalRule]) -> tuple[Requirement, tuple[Problem, ...]]:
    """The requirement under some rules."""
    return requirement(operation, rules, ROOT)


def assignment(**options: Any) -> Operation:
    """An assignment change."""
    return Operation("assignment.change", SCOPE, ("x",), **options)


def test_without_rules_one_approver_within_a_week() -> None:
    """Built in: quorum 1, seven days."""
    found, problems = needed(assignment(tiers=frozenset({"staging"})))
    assert (found.quorum, found.ttl, problems) == (1, timedelta(days=7), ())


@pytest.mark.parametrize(
    "options",
    [
        {"tiers": frozenset({"production"})},
        {"tiers": frozenset({"production", "development"})},
        {"risks": frozenset({"low", "high"})},
        {"risks": frozenset({"critical"})},
    ],
)
def test_production_and_risk_need_two(options: dict[str, Any]) -> None:
    """Before or after the change: the strictest side holds."""
    assert needed(assignment(**options))[0].quorum == 2
    assert needed(assignment(**options), rule("all", ["**"], quorum=1))[0].quorum == 2


def test_a_rule_that_names_operation_and_tier_replaces_the_built_in_two() -> None:
    """Only a rule for every tier that the operation has, before and after."""
    both = assignment(tiers=frozenset({"production", "development"}))
    named = rule("one", ["assignment.change"], match={"tiers": ["production"]}, quorum=1)
    assert needed(assignment(tiers=frozenset({"production"})), named)[0].quorum == 1
    assert needed(both, named)[0].quorum == 2
    other = rule("development", ["assignment.change"], match={"tiers": ["development"]}, quorum=1)
    assert needed(both, named, other)[0].quorum == 2


def test_rules_combine_to_the_strictest() -> None:
    """Highest quorum, shortest life, all groups, all freeze windows, common kinds of identity."""
    found, problems = needed(
        assignment(),
        rule("a", ["**"], quorum=3, ttl="2d", groups=["security"], assurance=["ssh", "ssh-sk"]),
        rule("b", ["assignment.*"], quorum=1, ttl="6h", groups=["audit"], assurance=["ssh-sk", "sigstore"]),
        rule("c", ["assignment.change"], freezeWindows=["holidays"]),
        rule("d", ["policy.*"], quorum=20),
    )
    assert problems == ()
    assert (found.quorum, found.ttl) == (3, timedelta(hours=6))
    assert found.groups == {"security", "audit"}
    assert found.assurance == frozenset({"ssh-sk"})
    assert found.freeze_windows == ("holidays",)
    assert found.rules == ("built-in", "a", "b", "c")


def test_no_common_kind_of_identity_is_an_error() -> None:
    """An empty intersection lets nothing through and says why."""
    found, problems = needed(
        assignment(), rule("a", ["**"], assurance=["ssh"]), rule("b", ["**"], assurance=["sigstore"])
    )
    assert found.assurance == frozenset()
    assert [problem.code for problem in problems] == ["approval_rule.empty_assurance"]
    assert "a, b" in problems[0].message


def test_matching_by_scope_tier_risk_and_mode() -> None:
    """All members of a match must hold; a narrower scope than the operation's does not reach it."""
    operation = assignment(
        tiers=frozenset({"staging"}), risks=frozenset({"low"}), modes=frozenset({"enforce"})
    )

    def quorum(**match: Any) -> int:
        return needed(operation, rule("r", ["**"], match=match, quorum=5))[0].quorum

    assert quorum(scope="org/acme") == 5
    assert quorum(scope=SCOPE) == 5
    assert quorum(scope="org/acm") == 1
    assert quorum(scope="org/beta") == 1
    assert quorum(tiers=["staging", "production"], risks=["low"], modes=["enforce"]) == 5
    assert quorum(tiers=["production"]) == 1
    assert quorum(risks=["medium"]) == 1
    assert quorum(modes=["dry_run"]) == 1


def test_root_operations_need_the_root_threshold() -> None:
    """Rules neither lower nor replace the floor; they may shorten the time."""
    found, _problems = needed(
        Operation("role.change", "fleet", ("x",)), rule("a", ["**"], quorum=1, ttl="1h")
    )
    assert (found.quorum, found.root, found.ttl) == (2, True, timedelta(hours=1))


def test_people_of_an_org_need_the_highest_quorum_in_which_they_could_count() -> None:
    """Also of rules for a single environment in it; rules of another org do not matter."""
    operation = Operation("org_principal.change", "org/acme", ("x",))
    assert needed(operation)[0].quorum == 2
    inside = rule("inside", ["waiver.*"], match={"scope": SCOPE}, quorum=4)
    beside = rule("beside", ["**"], match={"scope": "org/beta"}, quorum=9)
    assert needed(operation, inside, beside)[0].quorum == 4


def test_the_safe_direction_takes_one() -> None:
    """Whatever rules say about the operation, but not for longer than they say."""
    found, _problems = needed(
        assignment(tiers=frozenset({"production"}), safe=True), rule("a", ["**"], quorum=9, ttl="1h")
    )
    assert (found.quorum, found.ttl) == (1, timedelta(hours=1))


def test_a_minimum_of_the_operation_itself() -> None:
    """A backdated revocation needs what the decisions needed that it taints."""
    operation = Operation("revocation.identity", "fleet", ("x",), minimum_quorum=3)
    assert needed(operation)[0].quorum == 3
    assert needed(operation, rule("a", ["**"], quorum=5))[0].quorum == 5


_quorums = st.lists(st.integers(1, 20), max_size=5)


@given(_quorums, _quorums, st.sampled_from(["development", "production"]))
@settings(max_examples=50, deadline=None)
def test_another_rule_never_makes_it_easier(some: list[int], more: list[int], tier: str) -> None:
    """Rules that name no tier only raise."""
    operation = assignment(tiers=frozenset({tier}))
    first = [rule(f"a{index}", ["**"], quorum=number) for index, number in enumerate(some)]
    second = [rule(f"b{index}", ["**"], quorum=number) for index, number in enumerate(more)]
    fewer, full = needed(operation, *first)[0], needed(operation, *first, *second)[0]
    assert full.quorum >= fewer.quorum >= 1
    assert full.quorum == max([2 if tier == "production" else 1, *some, *more])
