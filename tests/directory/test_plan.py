# SPDX-License-Identifier: Apache-2.0
"""What a directory says becomes a change that is minimal, deterministic and empty the second time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gaitops.directory.plan import known_users
from gaitops.directory.scim_resources import read_user
from gaitops.errors import UnsafeOperationError
from tests.directory.fleets import ISSUER, MAPPING, NOW, MemoryFleet, answer, codes, is_empty, names, user
from tests.scim_double import USER
from tests.simulator import Actor, binding_document, document, principal_document

DANA = "trust/principals/dana.yaml"
BINDING = "trust/roles/payments-approver-org-acme.yaml"
STAMP = "2026-11-20T12:00:00Z"


def test_somebody_new_becomes_a_principal_with_groups_and_roles() -> None:
    """Name, address, what they sign in as, groups and the link; the group's role is bound."""
    fleet = MemoryFleet()
    plan = fleet.sync(answer(user("Dana", groups=["g-pay", "g-sec"], emails=("dana@example.com",))))
    assert (names(plan.joins), plan.moves, plan.leavers, plan.refused) == (["dana"], (), (), ())
    assert fleet.files[DANA].decode() == (
        "apiVersion: gaitops.dev/v1\n"
        "kind: Principal\n"
        "metadata:\n"
        "  name: dana\n"
        "spec:\n"
        "  type: human\n"
        "  displayName: Dana\n"
        "  groups:\n"
        "    - payments\n"
        "    - security\n"
        "  emails:\n"
        "    - dana@example.com\n"
        "  identities:\n"
        "    - id: sso\n"
        "      type: sigstore\n"
        '      issuer: "https://accounts.example.com"\n'
        "      subject: dana@example.com\n"
        "  directory:\n"
        "    mapping: corp\n"
        "    id: id-Dana\n"
    )
    assert list(plan.bindings.added) == [BINDING]
    binding = plan.bindings.added[BINDING].spec
    assert (binding.role, binding.scope, binding.members.groups) == ("approver", "org/acme", ("payments",))


def test_who_is_in_no_mapped_group_does_not_join() -> None:
    """A directory has more people than a fleet; with no groups in the mapping all of them are meant."""
    said = answer(user("dana", groups=["g-other"]))
    assert is_empty(MemoryFleet().plan(said))
    assert names(MemoryFleet({**MAPPING, "groups": []}).plan(said).joins) == ["dana"]


def test_groups_follow_and_others_stay() -> None:
    """A group without a mapping was given by people, and is not the directory's to take."""
    fleet = MemoryFleet()
    fleet.sync(answer(user("dana", groups=["g-pay"])))
    fleet.edit(DANA, lambda spec: spec["groups"].append("oncall"))
    plan = fleet.sync(answer(user("dana", groups=["g-sec"])))
    assert plan.moves[0].what == ("+security", "-payments")
    assert fleet.person("dana").spec.groups == ("oncall", "security")


def test_an_old_address_still_bars() -> None:
    """A new address and a new subject: the old address stays, the old subject ends."""
    fleet = MemoryFleet()
    fleet.sync(answer(user("dana", groups=["g-pay"])))
    fleet.sync(answer(user("dana", groups=["g-pay"], emails=("d.miller@example.com",))))
    spec = fleet.person("dana").spec
    assert spec.emails == ("dana@example.com", "d.miller@example.com")
    old, new = (item.model_dump(exclude_none=True) for item in spec.identities)
    assert (old["subject"], old["valid_until"]) == ("dana@example.com", STAMP)
    assert (new["id"], new["subject"], new["valid_from"]) == ("sso-2", "d.miller@example.com", STAMP)


def _gone() -> tuple[MemoryFleet, Any]:
    fleet = MemoryFleet()
    fleet.sync(answer(user("dana", groups=["g-pay"]), user("erin", groups=["g-pay"])))
    key = Actor("dana")

    def more(spec: dict[str, Any]) -> None:
        spec["identities"] += [
            {"id": "token", "type": "key", "publicKey": key.pem},
            {
                "id": "old",
                "type": "key",
                "publicKey": Actor("older").pem,
                "validUntil": "2026-01-01T00:00:00Z",
            },
            {
                "id": "next",
                "type": "key",
                "publicKey": Actor("next").pem,
                "validFrom": "2027-01-01T00:00:00Z",
            },
        ]

    fleet.edit(DANA, more)
    return fleet, answer(user("erin", groups=["g-pay"]), gone=["dana"])


def test_a_leaver_loses_every_identity_and_group() -> None:
    """Also keys that people added by hand; what ended stays as it ended, what never began is taken out."""
    fleet, said = _gone()
    plan = fleet.sync(said)
    assert (names(plan.leavers), plan.joins, plan.moves) == (["dana"], (), ())
    spec = fleet.person("dana").spec
    ends = {item.id: item.valid_until for item in spec.identities}
    assert ends == {"sso": STAMP, "token": STAMP, "old": "2026-01-01T00:00:00Z"}
    assert (spec.groups, spec.emails) == ((), ("dana@example.com",))
    assert spec.directory is not None
    assert spec.directory.left == STAMP


def test_leaving_happens_once() -> None:
    """A later run, at a later time, changes nothing, unless somebody opened an identity again."""
    fleet, said = _gone()
    fleet.sync(said)
    fleet.now = NOW + timedelta(days=1)
    assert is_empty(fleet.plan(said))
    fleet.edit(DANA, lambda spec: spec["identities"][0].pop("validUntil"))
    assert "id-dana" in known_users(fleet.setting)
    assert names(fleet.plan(said).leavers) == ["dana"]


def test_only_who_may_still_sign_is_asked_for() -> None:
    """Whoever left long ago costs no request."""
    fleet, said = _gone()
    assert known_users(fleet.setting) == {"id-dana", "id-erin"}
    fleet.sync(said)
    assert known_users(fleet.setting) == {"id-erin"}


def test_an_inactive_user_leaves_and_may_come_back() -> None:
    """A new identity from then on: what was signed in between stays without effect."""
    fleet = MemoryFleet()
    fleet.sync(answer(user("dana", groups=["g-pay"])))
    fleet.sync(answer(user("dana", groups=["g-pay"], active=False)))
    fleet.now = NOW + timedelta(days=7)
    plan = fleet.sync(answer(user("dana", groups=["g-pay"])))
    assert plan.moves[0].what == ("is back", "signs in as dana@example.com", "+payments")
    spec = fleet.person("dana").spec
    periods = [(item.id, item.valid_from, item.valid_until) for item in spec.identities]
    assert periods == [("sso", None, STAMP), ("sso-2", "2026-11-27T12:00:00Z", None)]
    assert spec.directory is not None
    assert spec.directory.left is None
    assert is_empty(fleet.plan(answer(user("dana", groups=["g-pay"]))))


def test_what_people_ended_stays_ended() -> None:
    """The directory does not give back what somebody took by hand."""
    fleet = MemoryFleet()
    said = answer(user("dana", groups=["g-pay"]))
    fleet.sync(said)
    fleet.edit(DANA, lambda spec: spec["identities"][0].update(validUntil="2026-11-19T00:00:00Z"))
    assert is_empty(fleet.plan(said))


def test_unmanaged_principals_are_never_touched() -> None:
    """Neither those without a link nor those of another mapping."""
    fleet = MemoryFleet()
    fleet.put("trust/directories/other.yaml", document("DirectoryMapping", "other", MAPPING))
    fleet.sync(answer(user("dana", groups=["g-pay"])))
    fleet.edit(DANA, lambda spec: spec["directory"].update(mapping="other"))
    before = dict(fleet.files)
    plan = fleet.sync(answer(user("erin", groups=["g-sec"]), gone=["dana", "alice"]))
    assert names(plan.joins) == ["erin"]
    assert {path: fleet.files[path] for path in before} == before


def test_roles_go_with_the_last_member_and_come_back() -> None:
    """A binding for a group that nobody is in would name nothing."""
    fleet = MemoryFleet()
    fleet.sync(answer(user("dana", groups=["g-pay"])))
    plan = fleet.sync(answer(user("dana", groups=["g-sec"])))
    assert plan.bindings.removed == (BINDING,)
    assert BINDING not in fleet.files
    assert list(fleet.sync(answer(user("dana", groups=["g-pay"]))).bindings.added) == [BINDING]


def test_a_role_that_a_group_has_needs_no_binding() -> None:
    """Whatever the binding that gives it is called, and whoever else it names; such a one is never taken out."""
    fleet = MemoryFleet()
    fleet.put(
        "trust/roles/ours.yaml", binding_document("ours", "approver", "org/acme", ["alice"], ["payments"])
    )
    assert not fleet.sync(answer(user("dana", groups=["g-pay"]))).bindings.added
    assert not fleet.sync(answer(user("dana", groups=["g-sec"]))).bindings.removed


def test_a_binding_of_that_name_that_gives_something_else_stays() -> None:
    """It is reported, and not overwritten."""
    fleet = MemoryFleet()
    name = "payments-approver-org-acme"
    fleet.put(BINDING, binding_document(name, "auditor", "org/acme", ["alice"]))
    plan = fleet.plan(answer(user("dana", groups=["g-pay"])))
    assert (codes(plan), plan.bindings.added) == (["identity.collision"], {})


def test_an_org_has_its_own_people() -> None:
    """Names, groups and bindings are the org's; a role outside it is refused."""
    roles = [{"role": "approver", "scope": "org/acme"}, {"role": "approver", "scope": "fleet"}]
    mapping = {**MAPPING, "groups": [{"id": "g-pay", "group": "payments", "roles": roles}]}
    fleet = MemoryFleet(mapping, org="acme")
    plan = fleet.sync(answer(user("dana", groups=["g-pay"])))
    assert fleet.person("dana").metadata.org == "acme"
    path = "orgs/acme/roles/payments-approver-org-acme.yaml"
    assert list(plan.bindings.added) == [path]
    assert plan.bindings.added[path].spec.members.groups == ("acme/payments",)
    assert codes(plan) == ["identity.group"]


def test_a_long_binding_name_is_cut_and_stays_unique() -> None:
    """Two scopes that begin alike get two names of at most 63 characters."""
    scopes = [f"org/acme/project/{'p' * 60}{letter}" for letter in "ab"]
    mapping = {**MAPPING, "groups": [{"id": "g-pay", "group": "payments", "roles": [{"role": "approver", "scope": item} for item in scopes]}]}  # fmt: skip
    added = MemoryFleet(mapping).plan(answer(user("dana", groups=["g-pay"]))).bindings.added
    assert len(added) == 2
    assert all(len(item.metadata.name) <= 63 for item in added.values())


@pytest.mark.parametrize(
    ("managed", "leaving", "allowed"), [(10, 5, True), (10, 6, False), (40, 8, True), (40, 9, False)]
)
def test_too_many_leavers_stop_everything(managed: int, leaving: int, allowed: bool) -> None:
    """At most a fifth, and always five; with a number, as many as somebody says."""
    fleet = MemoryFleet()
    people = [user(f"user{number}", groups=["g-sec"]) for number in range(managed)]
    fleet.sync(answer(*people))
    said = answer(*people[leaving:], gone=[f"user{number}" for number in range(leaving)])
    if allowed:
        assert len(fleet.plan(said).leavers) == leaving
        return
    with pytest.raises(UnsafeOperationError) as caught:
        fleet.plan(said)
    assert caught.value.code == "directory.too_many_leavers"
    assert len(fleet.plan(said, max_leavers=leaving).leavers) == leaving


def test_groups_without_members_empty_nothing() -> None:
    """A directory that lists groups without their members takes no group from anybody, and leavers do not wait."""
    fleet = MemoryFleet()
    people = [user(f"user{number}", groups=["g-sec"]) for number in range(10)]
    fleet.sync(answer(*people))
    said = answer(*(user(f"user{number}") for number in range(1, 10)), gone=["user0"])
    plan = fleet.plan(said)
    assert (names(plan.leavers), plan.moves, codes(plan)) == (["user0"], (), ["identity.group"] * 9)
    assert len(fleet.plan(said, max_leavers=9).moves) == 9


NAMES = st.sampled_from(
    ["dana", "Dana", "d.ana", "erin", "frank", "grace", "d\u00e4na", "heidi@example.com", "ivan@evil.test"]
)
USERS = st.lists(
    st.tuples(
        NAMES,
        st.sets(st.sampled_from(["g-pay", "g-sec", "g-other"])),
        st.booleans(),
        st.sampled_from([("shared@example.com",), None, ()]),
    ),
    unique_by=lambda item: item[0],
    max_size=6,
)


def _said(people: list[tuple[str, set[str], bool, tuple[str, ...] | None]]) -> Any:
    found = []
    for name, groups, active, emails in people:
        own = (f"{name.partition('@')[0]}@example.com",) if name.isascii() else ()
        found.append(user(name, groups=groups, active=active, emails=own if emails is None else emails))
    return answer(
        *found, gone=[name for name in ("dana", "erin", "frank") if name not in {item[0] for item in people}]
    )


@settings(max_examples=60, deadline=None)
@given(first=USERS, second=USERS, data=st.data())
def test_a_plan_is_deterministic_and_idempotent(
    first: list[Any], second: list[Any], data: st.DataObject
) -> None:
    """In whatever order users come: the same bytes; and after it was applied, nothing is left to do."""
    one, other = MemoryFleet(), MemoryFleet()
    one.sync(_said(first))
    other.sync(_said(data.draw(st.permutations(first))))
    assert one.files == other.files
    said = _said(second)
    one.sync(said)
    other.sync(_said(data.draw(st.permutations(second))))
    assert one.files == other.files
    one.now += timedelta(hours=5)
    assert is_empty(one.plan(said))


@settings(max_examples=40, deadline=None)
@given(first=USERS, second=USERS)
def test_nobody_stays_valid_whom_the_directory_lacks(first: list[Any], second: list[Any]) -> None:
    """After any sync whoever is linked and inactive or gone can sign nothing, or was refused by name."""
    fleet = MemoryFleet()
    fleet.sync(_said(first))
    said = _said(second)
    plan = fleet.sync(said)
    refused = {item.principal for item in plan.refused}
    for _ref, path, person in fleet.setting.state.principals(None):
        link = person.spec.directory
        if link is None or person.metadata.name in refused:
            continue
        found = said.users.get(link.id)
        if link.id in said.gone or (found is not None and not found.active):
            assert all(
                item.valid_until is not None and item.valid_until <= STAMP for item in person.spec.identities
            ), path
            assert person.spec.groups == ()


def test_an_existing_person_can_be_linked_by_hand() -> None:
    """Then the directory manages it from there on, keeping its keys."""
    fleet = MemoryFleet()
    fleet.put(DANA, principal_document(Actor("dana")))
    said = answer(user("dana", groups=["g-pay"]))
    assert codes(fleet.plan(said)) == ["identity.collision"]
    fleet.edit(DANA, lambda spec: spec.update(directory={"mapping": "corp", "id": "id-dana"}))
    plan = fleet.sync(said)
    assert (names(plan.moves), plan.refused) == (["dana"], ())
    spec = fleet.person("dana").spec
    assert [item.id for item in spec.identities] == ["laptop", "sso"]
    assert spec.identities[1].model_dump()["issuer"] == ISSUER


@pytest.mark.parametrize(
    "odd",
    [
        {"flaw": "displayName holds the character U+200B"},
        {"emails": ()},
        {"emails": ("dana@elsewhere.example",)},
        {"emails": ("erin@example.com",)},
    ],
    ids=["unreadable", "no address", "foreign address", "somebody else's address"],
)
def test_nobody_keeps_a_group_by_an_entry_that_cannot_be_used(odd: dict[str, Any]) -> None:
    """People may change parts of their entry themselves: it is refused, and what the directory takes is taken all the same."""
    fleet = MemoryFleet()
    erin = user("erin", groups=["g-pay"])
    fleet.sync(answer(user("dana", groups=["g-pay", "g-sec"]), erin))
    plan = fleet.sync(answer(user("dana", groups=["g-sec"], **odd), erin))
    assert [(item.principal, item.what) for item in plan.moves] == [("dana", ("-payments",))]
    assert "dana" in {item.principal for item in plan.refused}
    spec = fleet.person("dana").spec
    assert (spec.groups, spec.identities[0].valid_until) == (("security",), None)
    again = fleet.plan(answer(user("dana", groups=["g-sec", "g-pay"], **odd), erin))
    assert again.moves == ()


ANY_TEXT = st.one_of(
    st.text(max_size=12), st.sampled_from(["Dana@example.com", "dana@EXAMPLE.com", "x y@example.com", "a@b"])
)
ANY_VALUE = st.one_of(ANY_TEXT, st.none(), st.integers(), st.lists(st.integers(), max_size=2))


@settings(max_examples=80, deadline=None)
@given(
    given_users=st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "userName": ANY_VALUE,
                "displayName": ANY_VALUE,
                "externalId": ANY_VALUE,
                "emails": st.lists(st.fixed_dictionaries({"value": ANY_VALUE}), max_size=3),
            },
        ),
        max_size=4,
    ),
    subject=st.sampled_from(["email", "id", "externalId", "userName"]),
    name=st.sampled_from(["userName", "email", "externalId"]),
)
@example(
    given_users=[{"userName": "eve", "emails": [{"value": "Eve@example.com"}, {"value": "eve@EXAMPLE.com"}]}],
    subject="email",
    name="userName",
)
def test_whatever_people_write_stops_nobody(given_users: list[Any], subject: str, name: str) -> None:
    """Any text in any attribute: a sync ends with documents that are valid, and Dana leaves all the same."""
    users = {**MAPPING["users"], "subject": subject, "name": name, "domains": []}
    fleet = MemoryFleet({**MAPPING, "users": users})
    fleet.sync(answer(user("dana", groups=["g-pay"], external_id="dana")))
    read = [
        (read_user({"schemas": [USER], "id": f"u{index}", **value}, "x").user, frozenset({"g-pay"}))
        for index, value in enumerate(given_users)
    ]
    plan = fleet.sync(answer(*read, gone=["dana"]))
    assert [item.user for item in plan.leavers] == ["id-dana"]
    assert len(plan.joins) + len(plan.refused) >= len(read)
    assert is_empty(fleet.plan(answer(*read, gone=["dana"])))
