# SPDX-License-Identifier: Apache-2.0
"""Which kinds of identity count: what rules combine to, and who counts under it, over random rules and people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaitops.change.approvals import ApprovalResult, count
from gaitops.change.attestation import Attestation
from gaitops.change.context import UNTIMED, Change, Facts
from gaitops.change.contributors import NOBODY
from gaitops.change.envelopes import Weighed
from gaitops.change.forge import ForgeReview
from gaitops.change.operations import Operation
from gaitops.change.permissions import PERMISSIONS
from gaitops.change.requirements import Requirement, requirement
from gaitops.documents.models.trust import ApprovalRule
from gaitops.fleet.composite import EMPTY
from gaitops.fleet.credentials import ForgeAccount
from gaitops.fleet.people import Directory, Grant, Identity, Person
from gaitops.fleet.root import TrustedRoot
from gaitops.fleet.state import DocumentCache, FleetState
from tests.change.test_quorum import DELTA, FEW, SCOPE, Withdrawals, replaced, statement
from tests.simulator import START

KINDS = ("key", "ssh", "ssh-sk", "sigstore", "forge")
EVERY_KIND = (*KINDS, "openpgp")
SERVICES = ("bot-a", "bot-b", "bot-c")
PEOPLE = tuple(f"p{number}" for number in range(6))
OPERATION = Operation("project.change", SCOPE, (DELTA.path,))
ROOT = TrustedRoot(1, "0" * 64, "0" * 64, (), 2, (), 1, START, solo=False)


def rule(name: str, assurance: Iterable[str], attesters: Iterable[str] = ()) -> tuple[str, ApprovalRule]:
    """A rule for everything."""
    require: dict[str, Any] = {"quorum": 1, "assurance": list(assurance)}
    if attesters:
        require["forgeAttesters"] = list(attesters)
    body = {
        "apiVersion": "gaitops.dev/v1",
        "kind": "ApprovalRule",
        "metadata": {"name": name},
        "spec": {"match": {"operations": ["**"]}, "require": require},
    }
    return name, ApprovalRule.model_validate(body)


@st.composite
def rules(draw: st.DrawFn) -> list[tuple[str, ApprovalRule]]:
    """Up to three rules; those that list forge name services."""
    found = []
    for number in range(draw(st.integers(0, 3))):
        kinds = draw(st.lists(st.sampled_from(KINDS), unique=True))
        services = (
            draw(st.lists(st.sampled_from(SERVICES), unique=True, min_size=1)) if "forge" in kinds else []
        )
        found.append(rule(f"r{number}", kinds, services))
    return found


@given(rules(), st.sampled_from(sorted(set(PERMISSIONS) - {"root.rotate"})), st.booleans())
@settings(max_examples=200, deadline=None)
def test_what_rules_combine_to(given_rules: list[tuple[str, ApprovalRule]], kind: str, safe: bool) -> None:
    """A kind counts only if every rule that asks lists it; forge only if all name one service, and never at a floor."""
    floor = PERMISSIONS[kind].floor
    operation = replace(OPERATION, kind=kind, safe=safe and floor is None)
    needed, problems = requirement(operation, given_rules, ROOT)
    asking = [item.spec.require for _name, item in given_rules if item.spec.require.assurance]
    for one in EVERY_KIND:
        accepted = needed.accepts(one) and not problems
        if one == "openpgp" or (one == "forge" and (floor is not None or operation.safe or not asking)):
            assert not accepted
        elif floor == "root" or operation.safe or not asking:
            assert accepted
        elif one == "forge":
            shared = set.intersection(*(set(item.forge_attesters) for item in asking))
            assert accepted is bool(shared)
            assert needed.forge_attesters == (shared if accepted else set())
        else:
            assert accepted is all(one in item.assurance for item in asking)
    assert bool(problems) is (not any(needed.accepts(one) for one in EVERY_KIND))
    assert {item.code for item in problems} <= {"approval_rule.empty_assurance"}


@given(rules(), rules())
@settings(max_examples=60, deadline=None)
def test_more_rules_never_accept_more(
    some: list[tuple[str, ApprovalRule]], others: list[tuple[str, ApprovalRule]]
) -> None:
    """Adding a rule takes kinds and services away; the one exception is forge, which needs a first rule to be there."""
    before, before_problems = requirement(OPERATION, some, ROOT)
    after, after_problems = requirement(OPERATION, [*some, *others], ROOT)
    if before_problems:
        assert after_problems
    for one in set(EVERY_KIND) - {"forge"}:
        assert before.accepts(one) or not after.accepts(one) or before_problems
    if before.assurance is not None:
        assert after.forge_attesters <= before.forge_attesters


def identity(principal: str, kind: str) -> Identity:
    """An identity of a kind; its fingerprint is its name."""
    name = f"{principal}-{kind}"
    credential = ForgeAccount("github", "github.com", name) if kind == "forge" else replaced(name)
    return Identity(principal, kind, name, credential, kind)


def weighed(principal: str, kind: str, service: str, number: int) -> Weighed:
    """An approval that holds in itself."""
    said: Attestation = statement(principal, f"{principal}-{number}")
    attester = None
    if kind == "forge":
        attester = identity(service, "key")
        review = ForgeReview(
            service, "github", "github.com", "a/b", 1, str(number + 1), "1", principal, "a" * 40, START
        )
        said = replace(said, forge=review)
    return Weighed(
        principal=principal,
        identity=identity(principal, kind),
        proof=UNTIMED,
        is_root=False,
        intent="approve",
        payload_digest=said.payload_digest,
        path=f"approvals/{number}",
        deltas=frozenset({DELTA}),
        contributors=frozenset(),
        age=timedelta(hours=1),
        attestation=said,
        attester=attester,
    )


ENVELOPES = st.lists(
    st.builds(
        weighed,
        st.sampled_from(PEOPLE),
        st.sampled_from(EVERY_KIND),
        st.sampled_from(SERVICES),
        st.integers(0, 99),
    ),
    max_size=12,
)


def counted(
    needed: Requirement, envelopes: Sequence[Weighed], contributors: Iterable[str] = ()
) -> ApprovalResult:
    """Count among people who have one identity of every kind."""
    people = [Person(name, "human", frozenset(), frozenset()) for name in PEOPLE]
    people += [Person(name, "service", frozenset(), frozenset()) for name in SERVICES]
    identities = [identity(name, kind) for name in PEOPLE for kind in EVERY_KIND]
    grants = [Grant("platform_admin", SCOPE, frozenset(PEOPLE), frozenset())]
    empty = FleetState(EMPTY, DocumentCache())
    change = Change("acme", (DELTA,), {}, empty, empty, {}, Directory.of(people, identities, grants))
    authors = replace(NOBODY, contributors=frozenset(contributors))
    return count(OPERATION, needed, authors, envelopes, (), change, cast("Facts", Withdrawals()))


@given(rules(), ENVELOPES, st.frozensets(st.sampled_from((*PEOPLE, *SERVICES))))
@FEW
def test_who_counts(
    given_rules: list[tuple[str, ApprovalRule]], envelopes: list[Weighed], contributors: frozenset[str]
) -> None:
    """Counted is who did not contribute and has an envelope of an accepted kind, by a service that is believed."""
    needed, _problems = requirement(OPERATION, given_rules, ROOT)

    def good(item: Weighed) -> bool:
        if item.principal in contributors or not needed.accepts(item.identity.assurance):
            return False
        service = item.attester.principal if item.attester is not None else None
        return service is None or (service in needed.forge_attesters and service not in contributors)

    result = counted(needed, envelopes, contributors)
    assert {item.principal for item in result.counted} == {item.principal for item in envelopes if good(item)}
    for item in result.counted:
        assert (item.review is not None) is (item.assurance == "forge") is (item.attester is not None)
        assert len(item.fingerprints) == (2 if item.attester is not None else 1)


@given(ENVELOPES)
@FEW
def test_without_a_rule_no_review_and_no_openpgp(envelopes: list[Weighed]) -> None:
    """By default every signature of one's own counts, and nothing else."""
    needed, _problems = requirement(OPERATION, [], ROOT)
    result = counted(needed, envelopes)
    expected = {item.principal for item in envelopes if item.identity.assurance not in ("forge", "openpgp")}
    assert {item.principal for item in result.counted} == expected


def test_the_refusal_says_what_counts_and_what_the_approver_has() -> None:
    """Kinds that the rules accept, the kind that was used, and the identities that would have done."""
    needed, _problems = requirement(OPERATION, [rule("hard", ["ssh-sk", "sigstore"])], ROOT)
    (refused,) = counted(needed, [weighed("p0", "ssh", "bot-a", 1)]).refused
    assert refused.problem.code == "approval.assurance"
    assert refused.problem.message == "p0: signed with ssh; the rules accept sigstore, ssh-sk"
    assert refused.problem.remedy == "approve with ssh-sk (ssh-sk), sigstore (sigstore)"
    by_default, _problems = requirement(OPERATION, [], ROOT)
    (refused,) = counted(by_default, [weighed("p0", "forge", "bot-a", 1)]).refused
    assert "every kind but forge, which needs a rule that lists it" in refused.problem.message


def test_only_people_with_an_accepted_identity_may_sign() -> None:
    """Who may still sign are those who hold an identity of a kind that counts."""
    people = [Person(name, "human", frozenset(), frozenset()) for name in ("soft", "hard")]
    identities = [identity("soft", "key"), identity("hard", "ssh-sk")]
    grants = [Grant("platform_admin", SCOPE, frozenset({"soft", "hard"}), frozenset())]
    empty = FleetState(EMPTY, DocumentCache())
    change = Change("acme", (DELTA,), {}, empty, empty, {}, Directory.of(people, identities, grants))
    needed, _problems = requirement(OPERATION, [rule("hard", ["ssh-sk"])], ROOT)
    result = count(OPERATION, needed, NOBODY, (), (), change, cast("Facts", Withdrawals()))
    assert result.may_sign == ("hard",)


@pytest.mark.parametrize(
    ("given_rules", "words"),
    [
        ([rule("a", ["key"]), rule("b", ["ssh"])], "project.change: a, b"),
        ([rule("a", ["forge"], ["bot-a"]), rule("b", ["forge"], ["bot-b"])], "name no service in common"),
    ],
)
def test_rules_that_nothing_satisfies(given_rules: list[tuple[str, ApprovalRule]], words: str) -> None:
    """An empty intersection is an error that names the rules."""
    needed, problems = requirement(OPERATION, given_rules, ROOT)
    assert [item.code for item in problems] == ["approval_rule.empty_assurance"]
    assert words in problems[0].message
    assert not any(needed.accepts(kind) for kind in EVERY_KIND)


def test_forge_alone_at_a_floor() -> None:
    """A rule that accepts nothing but reviews leaves nobody who may change people of an organization."""
    operation = replace(OPERATION, kind="org_principal.change", scope="org/acme")
    _needed, problems = requirement(operation, [rule("a", ["forge"], ["bot-a"])], ROOT)
    assert [item.code for item in problems] == ["approval_rule.empty_assurance"]
    assert "reviews of a forge never count for it" in problems[0].message
