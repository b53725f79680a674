# SPDX-License-Identifier: Apache-2.0
"""Quorum arithmetic over random people, keys, groups and duplicates: principals count, never keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st
from securesystemslib.signer import Key

from gaitops.change.approvals import ApprovalResult, count
from gaitops.change.attestation import Attestation
from gaitops.change.context import UNTIMED, Change, Facts, Proof
from gaitops.change.contributors import NOBODY
from gaitops.change.deltas import Delta
from gaitops.change.envelopes import Weighed
from gaitops.change.operations import Operation
from gaitops.change.requirements import Requirement
from gaitops.fleet.composite import EMPTY
from gaitops.fleet.people import Directory, Grant, Identity, Person
from gaitops.fleet.state import DocumentCache, FleetState
from gaitops.signing.dsse import Envelope, Signature
from tests.simulator import START

FEW = settings(max_examples=60, deadline=None)
SCOPE = "org/acme/project/pay"
PEOPLE = tuple(f"p{number}" for number in range(6))
GROUPS = ("security", "audit")
DELTA = Delta(f"orgs/acme/projects/{'pay'}/project.yaml", "100644", None, "0" * 64)
OTHER = Delta("orgs/acme/projects/ledger/project.yaml", "100644", None, "1" * 64)
OPERATION = Operation("project.change", SCOPE, (DELTA.path,))
KEY = Key.from_dict("k" * 64, {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": "00" * 32}})


@dataclass
class Withdrawals:
    """The part of history that counting asks for."""

    taken_back: dict[str, str] = field(default_factory=dict)
    """payload digest → principal that signed the withdrawal."""

    def revoked(self, _fingerprint: str) -> None:
        """Nothing is revoked in these cases."""

    def withdrawn_by(self, _payload_digest: str) -> frozenset[str]:
        """Nothing was known before."""
        return frozenset()

    def withdrawals(self, payload_digest: str) -> Iterable[Attestation]:
        """One withdrawal, signed with the key id of its signer."""
        if payload_digest in self.taken_back:
            yield statement(self.taken_back[payload_digest], payload_digest)

    def proof(self, _signed: Attestation, _identity: Identity, _people: Directory) -> Proof:
        """Signatures are somebody else's subject."""
        return UNTIMED


def statement(principal: str, digest: str) -> Attestation:
    """An attestation with a signature under the principal's key id."""
    envelope = Envelope(b"", "t", (Signature(f"{principal}-0", "sig"),))
    return Attestation(
        envelope,
        "f" * 64,
        digest,
        "s",
        "approve",
        principal,
        None,
        (DELTA,),
        (),
        frozenset(),
        START,
        START,
        "",
        frozenset(),
    )


@dataclass(frozen=True)
class Given:
    """A random situation."""

    approvers: frozenset[str]
    members: dict[str, frozenset[str]]
    contributors: frozenset[str]
    requirement: Requirement
    envelopes: tuple[Weighed, ...]
    taken_back: dict[str, str]


@st.composite
def situations(draw: st.DrawFn) -> Given:
    """People with one to three keys, some approvers, some contributors, envelopes of everybody for everything."""
    people = st.frozensets(st.sampled_from(PEOPLE))
    envelopes = draw(
        st.lists(
            st.builds(
                weighed,
                st.sampled_from(PEOPLE),
                st.integers(0, 2),
                st.sampled_from(["approve", "approve", "propose", "withdraw"]),
                st.sampled_from([(DELTA,), (DELTA, OTHER), (OTHER,)]),
                st.integers(0, 99),
                st.integers(0, 48),
            ),
            max_size=12,
        )
    )
    digests = [item.payload_digest for item in envelopes]
    taken_back = draw(st.dictionaries(st.sampled_from(digests), st.sampled_from(PEOPLE))) if digests else {}
    return Given(
        approvers=draw(people),
        members={name: draw(st.frozensets(st.sampled_from(GROUPS))) for name in PEOPLE},
        contributors=draw(people),
        requirement=Requirement(
            draw(st.integers(1, 4)),
            timedelta(hours=24),
            groups=draw(st.frozensets(st.sampled_from(GROUPS))),
            assurance=draw(st.none() | st.just(frozenset({"ssh"}))),
        ),
        envelopes=tuple(envelopes),
        taken_back=taken_back,
    )


def weighed(
    principal: str, key: int, intent: str, deltas: Sequence[Delta], number: int, age: int = 1
) -> Weighed:
    """An envelope that holds in itself."""
    return Weighed(
        principal=principal,
        identity=Identity(
            principal, str(key), f"{principal}-{key}", replaced(f"{principal}-{key}"), "ssh" if key else "key"
        ),
        proof=UNTIMED,
        is_root=False,
        intent=intent,
        payload_digest=f"{principal}-{number}",
        path=f"approvals/{number}",
        deltas=frozenset(deltas),
        contributors=frozenset(),
        age=timedelta(hours=age),
        attestation=statement(principal, f"{principal}-{number}"),
    )


def directory(case: Given) -> Directory:
    """Everybody with three keys; approvers hold the role that project changes need."""
    people = [Person(name, "human", case.members[name], frozenset()) for name in PEOPLE]
    identities = [
        Identity(name, str(index), f"{name}-{index}", replaced(f"{name}-{index}"), "ssh" if index else "key")
        for name in PEOPLE
        for index in range(3)
    ]
    return Directory.of(people, identities, [Grant("platform_admin", SCOPE, case.approvers, frozenset())])


def replaced(keyid: str) -> Key:
    """A key with an id of its own."""
    return Key.from_dict(keyid, KEY.to_dict())


def counted(
    case: Given, envelopes: Sequence[Weighed] | None = None, taken_back: dict[str, str] | None = None
) -> ApprovalResult:
    """Count in this situation."""
    empty = FleetState(EMPTY, DocumentCache())
    people = directory(case)
    change = Change("acme", (DELTA, OTHER), {}, empty, empty, {}, people)
    authors = replace(NOBODY, contributors=case.contributors)
    facts = Withdrawals(case.taken_back if taken_back is None else taken_back)
    used = case.envelopes if envelopes is None else envelopes
    return count(OPERATION, case.requirement, authors, used, (), change, cast("Facts", facts))


@given(situations())
@FEW
def test_exactly_the_right_people_count(case: Given) -> None:
    """Counted are the approvers with a good envelope over this operation who neither contributed nor withdrew it."""

    def good(item: Weighed) -> bool:
        return (
            item.intent == "approve"
            and DELTA in item.deltas
            and item.age < case.requirement.ttl
            and (case.requirement.assurance is None or item.assurance in case.requirement.assurance)
            and case.taken_back.get(item.payload_digest) != item.principal
        )

    expected = {item.principal for item in case.envelopes if good(item)} & case.approvers - case.contributors
    result = counted(case)
    names = [item.principal for item in result.counted]
    assert names == sorted(expected)
    present = frozenset().union(*(case.members[name] for name in expected))
    enough = len(expected) >= case.requirement.quorum and case.requirement.groups <= present
    assert result.verified is enough
    assert set(result.may_sign) == case.approvers - case.contributors - expected


@given(situations(), st.sampled_from(PEOPLE), st.integers(0, 2), st.integers(0, 48))
@FEW
def test_another_approval_never_takes_anything_away(case: Given, who: str, key: int, age: int) -> None:
    """Adding an approval keeps whoever counted, and what was verified stays verified."""
    more = (*case.envelopes, weighed(who, key, "approve", (DELTA,), 1000, age))
    before, after = counted(case), counted(case, more)
    assert {item.principal for item in before.counted} <= {item.principal for item in after.counted}
    assert after.verified or not before.verified


@given(situations())
@FEW
def test_a_withdrawal_never_adds_anything(case: Given) -> None:
    """Taking approvals back can only make fewer people count."""
    before, after = counted(case, taken_back={}), counted(case)
    assert {item.principal for item in after.counted} <= {item.principal for item in before.counted}


@given(situations(), st.permutations(range(12)))
@FEW
def test_order_and_repetition_do_not_matter(case: Given, order: Sequence[int]) -> None:
    """The result is a function of the set of envelopes."""
    shuffled = [case.envelopes[index] for index in order if index < len(case.envelopes)]
    first, second = counted(case), counted(case, (*shuffled, *shuffled))
    assert [item.principal for item in first.counted] == [item.principal for item in second.counted]


@given(situations())
@FEW
def test_contributors_never_count(case: Given) -> None:
    """However many keys and envelopes somebody has."""
    everybody: Any = replace(case, contributors=frozenset(PEOPLE))
    assert counted(everybody).counted == ()
