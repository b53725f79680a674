# SPDX-License-Identifier: Apache-2.0
"""A directory in the wrong hands, and people who try to be somebody else in it.

Each case ends with nothing prepared for those who are attacked, and with an error or a refusal that names them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from gaitops.directory.answer import Answer, Group
from gaitops.directory.http import Client
from gaitops.directory.plan import known_users, make_plan
from gaitops.directory.scim import Scim
from gaitops.documents.layout import classify
from gaitops.documents.load import load_document
from gaitops.errors import GaitopsError, InvalidInputError, UnsafeOperationError
from tests.directory.fleets import ISSUER, MAPPING, MemoryFleet, answer, codes, is_empty, names, user
from tests.scim_double import TOKEN, ScimDouble, scim_double
from tests.simulator import Actor, World, binding_document, document, principal_document

DANA = "trust/principals/dana.yaml"


@pytest.fixture
def scim() -> Iterator[ScimDouble]:
    """A SCIM service provider on loopback."""
    with scim_double() as double:
        yield double


def with_groups(said: Answer, *groups: Group) -> Answer:
    """The same answer with other groups."""
    return Answer("scim", said.users, groups, said.gone)


def everybody(count: int) -> list[Any]:
    """Users in security."""
    return [user(f"user{number}", groups=["g-sec"]) for number in range(count)]


# -- group claim injection ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    ["G-PAY", "g-pay,g-sec", "g-pay ", "g-p\u0430y", "g\u2010pay", "*", "g-*", "g-pay\u0000", "xg-pay"],
)
def test_a_group_that_only_looks_like_a_mapped_one_gives_nothing(value: str) -> None:
    """T46: case, separators, look-alikes and patterns: only the exact id is the group."""
    said = with_groups(
        answer(user("eve")), Group(value, "g-pay", frozenset({"id-eve"})), Group("g-sec", None, frozenset())
    )
    plan = MemoryFleet().plan(said)
    assert is_empty(plan)
    assert codes(plan) == ["identity.group"]


def test_a_group_named_like_the_id_of_a_mapped_one_gives_nothing() -> None:
    """T46: who may name groups must not be able to name one like another one's id."""
    said = answer(user("dana", groups=["g-pay"]), user("eve"))
    said = with_groups(said, *said.groups, Group("g-eve", "g-pay", frozenset({"id-eve"})))
    assert names(MemoryFleet().plan(said).joins) == ["dana"]


def test_a_second_group_of_the_same_name_settles_nothing() -> None:
    """T46: where the mapping trusts a name and two groups have it, whoever is in stays and nobody comes in."""
    mapping = {**MAPPING, "groups": [{"displayName": "Payments", "group": "payments"}]}
    fleet = MemoryFleet(mapping)
    fleet.sync(with_groups(answer(user("dana")), Group("g-1", "Payments", frozenset({"id-dana"}))))
    twice = (
        Group("g-1", "Payments", frozenset({"id-dana"})),
        Group("g-2", "Payments", frozenset({"id-eve"})),
    )
    plan = fleet.sync(with_groups(answer(user("dana"), user("eve")), *twice))
    assert (is_empty(plan), codes(plan)) == (True, ["identity.group"])
    assert fleet.person("dana").spec.groups == ("payments",)


def test_a_group_that_disappeared_takes_nothing() -> None:
    """T51: a list of groups that lacks one is no reason to take a role from everybody."""
    fleet = MemoryFleet()
    fleet.sync(answer(user("dana", groups=["g-pay"])))
    plan = fleet.sync(with_groups(answer(user("dana")), Group("g-sec", None, frozenset())))
    assert (is_empty(plan), codes(plan)) == (True, ["identity.group"])


@pytest.mark.parametrize("value", ["g-pay\u200b", "g-\u202epay", " g-pay", "g-pay\nx"])
def test_a_mapping_cannot_hide_what_it_compares_with(value: str) -> None:
    """T46: approvers see every character of an external id."""
    mapping = {**MAPPING, "groups": [{"id": value, "group": "payments"}]}
    with pytest.raises(InvalidInputError):
        MemoryFleet(mapping)


# -- SCIM deletion of the last admin ------------------------------------------------------------------------------


def last_admins() -> MemoryFleet:
    """Admins of the fleet are the members of a mapped group; Dana and Erin. Root people hold no role."""
    roles = [{"role": "platform_admin", "scope": "fleet"}, {"role": "approver", "scope": "fleet"}]
    fleet = MemoryFleet({**MAPPING, "groups": [{"id": "g-pay", "group": "admins", "roles": roles}]})
    fleet.sync(answer(user("dana", groups=["g-pay"]), user("erin", groups=["g-pay"])))
    del fleet.files["trust/roles/approver.yaml"]
    del fleet.files["trust/roles/platform-admin.yaml"]
    return fleet


def test_the_last_admin_does_not_leave() -> None:
    """T47: one of two goes; the last is refused by name, and others are prepared all the same."""
    fleet = last_admins()
    fleet.sync(answer(user("erin", groups=["g-pay"]), gone=["dana"]))
    assert fleet.person("dana").spec.groups == ()
    before = fleet.files["trust/principals/erin.yaml"]
    plan = fleet.sync(answer(user("frank", groups=["g-pay"]), gone=["erin"]))
    assert (codes(plan), plan.leavers, names(plan.joins)) == (["identity.last_holder"], (), ["frank"])
    assert fleet.files["trust/principals/erin.yaml"] == before
    plan = fleet.sync(answer(user("frank", groups=["g-pay"]), gone=["erin"]))
    assert (names(plan.leavers), plan.refused) == (["erin"], ())


def test_all_admins_at_once_do_not_leave() -> None:
    """T47: two deletions in one go are refused together: nothing decides which of them stays."""
    plan = last_admins().plan(answer(user("frank", groups=["g-pay"]), gone=["dana", "erin"]))
    assert codes(plan) == ["identity.last_holder", "identity.last_holder"]
    assert plan.leavers == ()


@pytest.mark.parametrize("how", ["deactivated", "taken out of the group"])
def test_the_last_admin_does_not_lose_the_role_otherwise(how: str) -> None:
    """T47: deactivation and an emptied group are deletions under another name."""
    fleet = last_admins()
    groups = ["g-pay"] if how == "deactivated" else []
    said = answer(*(user(name, groups=groups, active=how != "deactivated") for name in ("dana", "erin")))
    plan = fleet.plan(said)
    assert codes(plan) == ["identity.last_holder", "identity.last_holder"]
    assert is_empty(plan)


def test_a_holder_who_cannot_sign_is_none() -> None:
    """T47: an expired or revoked key of somebody else does not make the last admin dispensable."""
    fleet = last_admins()
    ghost = Actor("ghost")
    fleet.put(
        "trust/principals/ghost.yaml",
        principal_document(ghost, groups=["admins"], validUntil="2026-11-01T00:00:00Z"),
    )
    assert codes(fleet.plan(answer(gone=["dana", "erin"]))) == ["identity.last_holder"] * 2
    fleet.put("trust/principals/ghost.yaml", principal_document(ghost, groups=["admins"]))
    assert codes(fleet.plan(answer(gone=["dana", "erin"]))) == []
    fingerprint = next(item.fingerprint for item in _identities(fleet, "ghost"))
    revoked = {"principal": "ghost", "fingerprint": fingerprint}
    spec = {"revokes": "identity", "cause": "compromised", "identity": revoked, "reason": "stolen"}
    fleet.put("trust/revocations/ghost.yaml", document("Revocation", "ghost", spec))
    assert codes(fleet.plan(answer(gone=["dana", "erin"]))) == ["identity.last_holder"] * 2


def _identities(fleet: MemoryFleet, name: str) -> Any:
    from gaitops.fleet.people import identities_of

    return identities_of(name, fleet.person(name))


def test_the_last_member_of_a_required_group_stays() -> None:
    """T47: an approval rule that nobody can satisfy locks what it guards."""
    fleet = MemoryFleet()
    rule = {"match": {"operations": ["assignment.*"]}, "require": {"groups": ["security"]}}
    fleet.put("trust/approvals/security.yaml", document("ApprovalRule", "security", rule))
    fleet.sync(answer(user("dana", groups=["g-sec"])))
    for said in (answer(gone=["dana"]), answer(user("dana"))):
        plan = fleet.plan(said)
        assert (codes(plan), is_empty(plan)) == (["identity.last_holder"], True)


def test_a_root_person_does_not_leave_by_directory() -> None:
    """T47: a root key is replaced by the root people alone."""
    fleet = MemoryFleet()
    link = {"mapping": "corp", "id": "id-alice"}
    fleet.edit("trust/principals/alice.yaml", lambda spec: spec.update(directory=link))
    plan = fleet.plan(answer(*everybody(3), gone=["alice"]))
    assert codes(plan) == ["identity.last_holder"]
    assert "root key" in plan.refused[0].problem.message


# -- mass deletion ------------------------------------------------------------------------------------------------


def test_a_directory_that_deletes_everybody_changes_nothing() -> None:
    """T51: more than a fifth at once needs somebody who says so."""
    fleet = MemoryFleet()
    fleet.sync(answer(*everybody(20)))
    with pytest.raises(UnsafeOperationError) as caught:
        fleet.plan(answer(user("new"), gone=[f"user{number}" for number in range(20)]))
    assert caught.value.code == "directory.too_many_leavers"


@pytest.mark.parametrize("fault", ["empty", "half", "error", "cut"])
def test_a_broken_answer_deactivates_nobody(scim: ScimDouble, fault: str) -> None:
    """T51: whatever is missing from a list, a whole run is refused before anybody is a leaver."""
    fleet = MemoryFleet()
    for number in range(4):
        scim.add(f"user{number}", groups=("g-sec",))
    scim.groups["g-pay"] = {"displayName": "Pay", "members": []}
    fleet.sync(_read(scim, fleet))
    assert len(known_users(fleet.setting)) == 4

    def break_it(sent: Any) -> None:
        if not sent.path.endswith("/Users"):
            return
        if fault == "error":
            sent.status = 503
        elif fault == "cut":
            sent.raw = json.dumps(sent.body).encode()[:-30]
        else:
            keep = sent.body["Resources"][: 2 if fault == "half" else 0]
            sent.body.update(Resources=keep, totalResults=len(keep), itemsPerPage=len(keep))

    scim.fault = break_it
    with pytest.raises(GaitopsError):
        make_plan(fleet.setting, _read(scim, fleet))


def _read(scim: ScimDouble, fleet: MemoryFleet) -> Answer:
    return Scim(Client(scim.url, TOKEN), scim.url).read(user_filter=None, known=known_users(fleet.setting))


# -- being somebody else ------------------------------------------------------------------------------------------


def test_a_reused_user_name_is_another_person() -> None:
    """T52: whoever gets a leaver's user name does not get the leaver's principal."""
    fleet = MemoryFleet()
    fleet.sync(answer(user("dana", groups=["g-pay"])))
    again = user("dana", groups=["g-pay"])
    newcomer = (
        type(again[0])("id-another", "dana", None, "Dana", ("dana@example.com",)),
        frozenset({"g-pay"}),
    )
    plan = fleet.sync(answer(newcomer, gone=["dana"]))
    assert (names(plan.leavers), plan.joins, codes(plan)) == (["dana"], (), ["identity.collision"])
    assert fleet.person("dana").spec.groups == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [("dana.miller", "dana-miller"), ("Dana", "dana"), ("dana", "dana@example.com"), ("d ana", "d_ana")],
)
def test_names_that_become_one_are_refused(one: str, other: str) -> None:
    """T52: neither of the two gets it, in whatever order they come."""
    first = user(one, groups=["g-pay"], emails=("a@example.com",))
    second = user(other, groups=["g-pay"], emails=("b@example.com",))
    for said in (answer(first, second), answer(second, first)):
        plan = MemoryFleet().plan(said)
        assert (plan.joins, codes(plan)) == ((), ["identity.collision"] * 2)


def test_a_user_called_like_a_principal_does_not_become_it() -> None:
    """T52: Alice of the directory is not Alice of the root."""
    fleet = MemoryFleet()
    before = dict(fleet.files)
    plan = fleet.sync(answer(user("alice", groups=["g-pay"])))
    assert codes(plan) == ["identity.collision"]
    assert fleet.files == before


@pytest.mark.parametrize(
    "name", ["d\u0430na", "\uff44ana", "dan\u0131", "dana@evil.example", "../dana", "-", "", "d" * 64]
)
def test_a_name_that_can_be_mistaken_is_refused(name: str) -> None:
    """T52: look-alikes, foreign domains, paths: nothing is transliterated or cut."""
    person = user("x", groups=["g-pay"], user_name=name or None, emails=("x@example.com",))
    assert codes(MemoryFleet().plan(answer(person))) == ["identity.unusable"]


def test_a_guest_with_a_foreign_address_is_refused() -> None:
    """T52: an address that a guest brought is not one of the company's, and signs in as nobody."""
    plan = MemoryFleet().plan(answer(user("guest", groups=["g-pay"], emails=("guest@evil.example",))))
    assert codes(plan) == ["identity.unusable"]


@pytest.mark.parametrize("address", ["dana@example.com", "DANA@example.com"])
def test_two_users_with_one_address_are_refused(address: str) -> None:
    """T52: otherwise whoever may edit their own addresses would sign in as somebody else."""
    fleet = MemoryFleet()
    fleet.sync(answer(user("dana", groups=["g-pay"])))
    eve = user("eve", groups=["g-pay"], emails=(address,))
    plan = fleet.plan(answer(user("dana", groups=["g-pay"]), eve))
    assert (is_empty(plan), codes(plan)) == (True, ["identity.collision"] * 2)


def test_somebody_elses_subject_is_refused() -> None:
    """T52: also of a principal in an organization, whom the directory does not manage."""
    fleet = MemoryFleet()
    spec = {
        "type": "human",
        "identities": [{"id": "web", "type": "sigstore", "issuer": ISSUER, "subject": "dana@example.com"}],
    }
    fleet.put("orgs/acme/principals/carol.yaml", document("Principal", "carol", spec, org="acme"))
    plan = fleet.plan(answer(user("eve", groups=["g-pay"], emails=("dana@example.com",))))
    assert codes(plan) == ["identity.collision"]
    assert "acme/carol" in plan.refused[0].problem.message


def test_somebody_whose_sign_in_was_revoked_does_not_join() -> None:
    """T52: under another account with the same address: what was taken back is not given again."""
    fleet = MemoryFleet()
    fleet.sync(answer(user("dana", groups=["g-pay"])))
    subject = {"principal": "dana", "fingerprint": _identities(fleet, "dana")[0].fingerprint}
    spec = {"revokes": "identity", "cause": "compromised", "identity": subject, "reason": "INC-7"}
    fleet.put("trust/revocations/dana.yaml", document("Revocation", "dana", spec))
    del fleet.files[DANA]
    plan = fleet.plan(answer(user("d2", groups=["g-pay"], emails=("dana@example.com",))))
    assert (plan.joins, codes(plan)) == ((), ["identity.unusable"])


def test_two_principals_cannot_share_a_user() -> None:
    """T52: a leaver who links their principal to an active colleague is reported, and leaves nothing usable behind."""
    fleet = MemoryFleet()
    fleet.sync(answer(user("dana", groups=["g-pay"]), user("erin", groups=["g-pay"])))
    fleet.edit(DANA, lambda spec: spec["directory"].update(id="id-erin"))
    plan = fleet.plan(answer(user("erin", groups=["g-pay"]), gone=["dana"]))
    assert "identity.collision" in codes(plan)
    assert is_empty(plan)


@pytest.mark.parametrize("edit", ["removed", "to a mapping that does not exist"])
def test_a_leaver_who_lost_the_link_is_reported(edit: str) -> None:
    """T52: whoever takes the link away does not stay valid in silence."""
    fleet = MemoryFleet()
    fleet.sync(answer(user("dana", groups=["g-pay"]), user("erin", groups=["g-pay"])))
    if edit == "removed":
        fleet.edit(DANA, lambda spec: spec.pop("directory"))
    else:
        fleet.edit(DANA, lambda spec: spec["directory"].update(mapping="nowhere"))
    plan = fleet.plan(answer(user("erin", groups=["g-pay"])))
    assert (codes(plan), plan.refused[0].principal) == (["identity.unmanaged"], "dana")


def test_one_odd_user_keeps_nobody_else_valid() -> None:
    """A name that cannot be read is refused for its owner alone; leavers leave."""
    fleet = MemoryFleet()
    fleet.sync(answer(user("dana", groups=["g-pay"]), user("eve", groups=["g-pay"])))
    plan = fleet.plan(answer(user("eve", groups=["g-pay"], flaw="the character U+202E"), gone=["dana"]))
    assert (names(plan.leavers), codes(plan)) == (["dana"], ["identity.unusable"])


# -- authority ----------------------------------------------------------------------------------------------------


def test_a_mapping_needs_the_floor_of_what_it_can_give(world: World) -> None:
    """T53: one approver cannot make a directory of their own the source of people: root people of the fleet must."""
    path = "trust/directories/corp.yaml"
    world.commit({path: document("DirectoryMapping", "corp", MAPPING)}, by="alice", branch="topic")
    world.approve("topic", "bob")
    world.merge("topic")
    verdict = world.verify()
    assert not verdict.verified
    with world.history() as history:
        assert history.state().snapshot.entry(path) is None
    world.land({path: None}, by="alice")
    world.land(
        {path: document("DirectoryMapping", "corp", MAPPING)},
        by="alice",
        approvers=["alice", "bob"],
        branch="again",
    )
    assert world.verify().verified


def test_an_orgs_mapping_gives_nothing_outside_of_it() -> None:
    """T53: neither principals of the fleet nor roles beyond the org."""
    roles = [{"role": "platform_admin", "scope": "fleet"}, {"role": "approver", "scope": "org/other"}]
    fleet = MemoryFleet(
        {**MAPPING, "groups": [{"id": "g-pay", "group": "payments", "roles": roles}]}, org="acme"
    )
    plan = fleet.sync(answer(user("dana", groups=["g-pay"])))
    assert codes(plan) == ["identity.group"] * 2
    assert plan.bindings.added == {}
    made = [path for path in fleet.files if "dana" in path]
    assert made == ["orgs/acme/principals/dana.yaml"]
    assert classify(made[0]).partition == "acme"
    assert load_document(fleet.files[made[0]], made[0]).metadata.name == "dana"


def test_a_service_is_never_managed() -> None:
    """T53: a directory manages people: a publisher's or an operator's document cannot be linked to it."""
    spec = {"type": "service", "directory": {"mapping": "corp", "id": "id-bot"}}
    with pytest.raises(InvalidInputError, match="directories manage people"):
        load_document(document("Principal", "bot", spec).encode(), "trust/principals/bot.yaml")


def test_a_binding_of_people_is_not_taken_out() -> None:
    """Only the very binding that a sync would add goes with the last member of a group."""
    fleet = MemoryFleet()
    fleet.sync(answer(user("dana", groups=["g-pay"])))
    name = "payments-approver-org-acme"
    path = f"trust/roles/{name}.yaml"
    fleet.put(path, binding_document(name, "approver", "org/acme", ["alice"], ["payments"]))
    plan = fleet.plan(answer(user("dana", groups=["g-sec"])))
    assert plan.bindings.removed == ()
