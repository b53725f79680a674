# SPDX-License-Identifier: Apache-2.0
"""Keys that are expired, revoked, stolen or shared, and the decisions that they carried."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gaitops.history.signable import of_affirmation
from tests.attacks.story import (
    PENDING,
    REFUSED,
    Commands,
    approvals_of,
    hire,
    hire_in_org,
    project,
    revocation,
    rule,
    with_identity,
)
from tests.simulator import Actor, World, binding_document, principal_document

PAY = "orgs/acme/projects/pay/project.yaml"


@pytest.fixture
def staffed(world: World) -> World:
    """Dave and Erin have every role and keys that are no root keys, so that they can be revoked."""
    hire(world, "dave", "erin")
    return world


def affirm(world: World, path: str, *principals: str) -> None:
    """People stand by doubtful content."""
    for principal in principals:
        with world.history() as history:
            signables = of_affirmation(history, [path])
        world.commit(world.envelopes(signables, principal, "approve"), by=principal, message="affirm")


def doubtful_paths(verdict: dict[str, object]) -> list[str]:
    """Paths in doubt, of all partitions."""
    partitions = verdict["partitions"]
    assert isinstance(partitions, list)
    return [item["path"] for partition in partitions for item in partition["doubtful"]]


# -- T16: expired, revoked, retired -------------------------------------------------------------------------------


def test_t16_an_expired_identity(world: World, commands: Commands) -> None:
    """T16: Dave's key was valid until this morning."""
    until = world.now + timedelta(hours=1)
    text = principal_document(world.actor("dave"), validUntil=f"{until:%Y-%m-%dT%H:%M:%SZ}")
    files = {
        "trust/principals/dave.yaml": text,
        "trust/roles/dave.yaml": binding_document("dave", "platform_admin", "fleet", ["dave"]),
    }
    world.land(files, by="alice", approvers=["alice", "bob"])
    world.land(project(), by="alice", approvers=["dave"])
    commands.accepts(world)
    world.tick(timedelta(hours=1))
    world.commit(project("ledger"), by="alice", branch="topic")
    world.sign("topic", "dave")
    assert commands.check(world, "topic").code == PENDING
    world.merge("topic")
    commands.survives(world, "identity.expired", "approval.quorum")


@pytest.mark.parametrize("cause", ["retired", "compromised"])
def test_t16_a_revoked_key_signs(staffed: World, commands: Commands, cause: str) -> None:
    """T16: Dave's key is revoked, and signs commits and approvals afterwards, dated before."""
    early = staffed.now
    staffed.land(revocation("r1", "dave", staffed.actor("dave"), cause=cause), by="alice", approvers=["bob"])
    commands.accepts(staffed)
    staffed.commit(project(), by="alice", branch="topic")
    staffed.sign("topic", "dave", issued_at=early)
    assert commands.check(staffed, "topic").code == PENDING
    staffed.merge("topic")
    commands.survives(staffed, "identity.revoked", "approval.quorum")
    staffed.commit({PAY: None}, by="alice")
    staffed.commit(project("ledger"), by="dave", branch="next")
    staffed.approve("next", "bob")
    staffed.merge("next", by="dave")
    commands.survives(staffed, "identity.revoked")


def test_t16_an_envelope_from_before_the_retirement_counts(staffed: World, commands: Commands) -> None:
    """What entered the chain before a key was retired stays valid."""
    staffed.commit(project(), by="alice", branch="topic")
    early = approvals_of(staffed, "topic", "dave")
    staffed.commit(early, by="dave")
    staffed.land(
        revocation("r1", "dave", staffed.actor("dave"), cause="retired"), by="alice", approvers=["bob"]
    )
    staffed.merge("topic")
    commands.accepts(staffed)


def test_t16_a_second_revocation_does_not_rehabilitate(staffed: World, commands: Commands) -> None:
    """T16: what a revoked key signed in between does not become good by revoking the key once more."""
    staffed.land(revocation("r1", "dave", staffed.actor("dave")), by="alice", approvers=["bob"])
    staffed.commit(project(), by="alice", branch="topic")
    staffed.sign("topic", "dave")
    staffed.merge("topic")
    commands.survives(staffed, "identity.revoked", "approval.quorum")
    staffed.land(revocation("r2", "dave", staffed.actor("dave")), by="erin", approvers=["bob"])
    commands.survives(staffed, "identity.revoked", "approval.quorum")


def test_t16_ones_own_key_takes_ones_own_signature(world: World, commands: Commands) -> None:
    """Somebody without any role revokes their own key, alone."""
    hire(world, "dave", roles=("analyst",))
    world.commit(revocation("r1", "dave", world.actor("dave")), by="dave")
    commands.accepts(world)


def test_t16_somebody_elses_key_called_ones_own(staffed: World, commands: Commands) -> None:
    """T16: Frank, who has no role, revokes the key of Erin and says it is his."""
    hire(staffed, "frank", roles=("analyst",))
    staffed.commit(revocation("r1", "frank", staffed.actor("erin")), by="frank")
    commands.survives(staffed, "revocation.owner", "permission.denied")


def test_t16_the_key_that_somebody_is_about_to_get(staffed: World, commands: Commands) -> None:
    """T16: Frank revokes a key that is nobody's yet; it is not his own, so his signature is not enough."""
    hire(staffed, "frank", roles=("analyst",))
    staffed.commit(revocation("r1", "frank", Actor("grace")), by="frank")
    commands.survives(staffed, "permission.denied", "approval.quorum")


def test_t16_an_org_revokes_what_is_its_own(world: World, commands: Commands) -> None:
    """The admins of acme revoke a key of one of their people; a key that acme does not have is none of their business."""
    hire_in_org(world, "acme", {"platform_admin": ["root1", "root2"], "approver": ["one"]})
    files = revocation("r1", "acme/one", world.actor("acme/one"), cause="retired")
    world.land(files, by="acme/root1", approvers=["acme/root2"])
    commands.accepts(world)
    world.commit(revocation("r2", "acme/one", Actor("grace")), by="acme/root1", branch="topic")
    world.approve("topic", "acme/root2")
    world.merge("topic", by="acme/root1")
    commands.survives(world, "permission.denied", "approval.quorum")


# -- T17: compromised since ---------------------------------------------------------------------------------------


def stolen(world: World) -> str:
    """Dave's key is stolen: the commit from which on it is not to be trusted. It then carries two decisions."""
    since = world.commit({"README.md": "hello\n"}, by="alice")
    world.land(project("pay", summary="carried by dave"), by="alice", approvers=["dave"])
    world.land(project("ledger", summary="carried by erin"), by="alice", approvers=["erin"])
    return since


def revoke_since(world: World, since: str) -> None:
    """The theft is noticed."""
    world.land(
        revocation("r1", "dave", world.actor("dave"), since=since), by="alice", approvers=["bob", "carol"]
    )


def test_t17_decisions_of_a_stolen_key(staffed: World, commands: Commands) -> None:
    """T17: what needed the key since the theft is listed, nothing else is, and nothing of it is published."""
    since = stolen(staffed)
    revoke_since(staffed, since)
    verdict = commands.survives(staffed, "decision.doubtful", forbidden=["carried by"])
    assert doubtful_paths(verdict) == [PAY]


def test_t17_through_identities_that_it_admitted(staffed: World, commands: Commands) -> None:
    """T17: the key helped to admit Mallory to acme, and Mallory helped to carry another decision."""
    since = staffed.commit({"README.md": "hello\n"}, by="alice")
    mallory = staffed.actor("acme/mallory")
    person = "orgs/acme/principals/mallory.yaml"
    role = "orgs/acme/roles/approvers.yaml"
    files = {
        person: principal_document(mallory),
        role: binding_document("approvers", "platform_admin", "org/acme", ["acme/mallory"]),
    }
    staffed.land(files, by="alice", approvers=["dave", "bob"])
    staffed.land(project(), by="alice", approvers=["acme/mallory"])
    staffed.land(project("ledger"), by="alice", approvers=["carol"])
    commands.accepts(staffed)
    revoke_since(staffed, since)
    verdict = commands.survives(staffed, "decision.doubtful")
    assert doubtful_paths(verdict) == [person, PAY, role]


def test_t17_what_it_signed_and_nobody_used_yet(staffed: World, commands: Commands) -> None:
    """T17: an approval from between the theft and its discovery still waits for a second one."""
    staffed.land(rule("two", ["project.*"], quorum=2), by="alice", approvers=["alice", "bob"])
    since = staffed.head()
    staffed.commit(project(), by="alice", branch="topic")
    staffed.sign("topic", "dave")
    staffed.merge("topic")
    revoke_since(staffed, since)
    files = staffed.envelopes(staffed.signables("main", include_pending=True), "bob", "approve")
    staffed.commit(files, by="bob")
    commands.survives(staffed, "identity.revoked", "approval.quorum")


def test_t17_the_only_member_of_a_group(world: World, commands: Commands) -> None:
    """T17: enough others approved, but only the stolen key stood for the group that a rule asks for."""
    hire(world, "dave", groups=["security"])
    world.land(rule("grouped", ["project.*"], groups=["security"]), by="alice", approvers=["alice", "bob"])
    since = world.head()
    world.land(project(), by="alice", approvers=["bob", "dave"])
    commands.accepts(world)
    revoke_since(world, since)
    commands.survives(world, "decision.doubtful")


def test_t17_the_only_proposer_with_the_permission(world: World, commands: Commands) -> None:
    """T17: two people made the change, and only the one whose key was stolen was allowed to."""
    hire(world, "dave", roles=("platform_admin",))
    hire(world, "bot", roles=("analyst",))
    since = world.head()
    world.commit(project(summary="one"), by="dave", branch="topic")
    world.commit(project(summary="two"), by="bot", branch="topic")
    world.approve("topic", "bob")
    tree = world.repository.tree_of(world.head("topic"))
    world.commit_tree(tree, [world.head(), world.head("topic")], by="alice")
    commands.accepts(world)
    revoke_since(world, since)
    commands.survives(world, "decision.doubtful")


def test_t17_doubt_is_cleared_by_affirmation(staffed: World, commands: Commands) -> None:
    """Enough people in good standing affirm the content, with the quorum of changing it; contributors may not alone."""
    since = stolen(staffed)
    revoke_since(staffed, since)
    affirm(staffed, PAY, "dave")
    commands.survives(staffed, "decision.doubtful")
    affirm(staffed, PAY, "erin")
    commands.accepts(staffed)


def test_t17_doubt_is_cleared_by_a_later_change(staffed: World, commands: Commands) -> None:
    """A later, authorized change of the path does not need the doubtful decision."""
    since = stolen(staffed)
    revoke_since(staffed, since)
    staffed.land(project(summary="anew"), by="alice", approvers=["bob"])
    commands.accepts(staffed)


def test_t17_doubt_is_cleared_by_restoration(staffed: World, commands: Commands) -> None:
    """So does removing what the doubtful decision brought."""
    since = stolen(staffed)
    revoke_since(staffed, since)
    staffed.land({PAY: None}, by="alice", approvers=["bob"])
    commands.accepts(staffed)


def test_t17_doubt_stops_its_own_partition_only(staffed: World, commands: Commands) -> None:
    """The fleet partition stays verified while acme is in doubt."""
    since = stolen(staffed)
    revoke_since(staffed, since)
    verdict = commands.survives(staffed, "decision.doubtful")
    assert {item["name"]: item["verified"] for item in verdict["partitions"]} == {
        "fleet": True,
        "acme": False,
    }


# -- T18, T30 -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["fleet", "org", "root key"])
def test_t18_one_key_under_two_principals(staffed: World, commands: Commands, where: str) -> None:
    """T18: one identity under two principals, whatever it is called there, and in another notation."""
    key = staffed.actor("carol" if where == "root key" else "dave")
    twin = Actor("twin")
    twin.key, twin.signer = key.key, key.signer
    path = "orgs/acme/principals/twin.yaml" if where == "org" else "trust/principals/twin.yaml"
    text = principal_document(twin)
    if where == "fleet":
        from cryptography.hazmat.primitives import serialization

        line = key.key.public_key().public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        )
        text = text.replace(twin.pem.replace("\n", "\\n"), line.decode())
    staffed.commit({path: text}, by="alice", branch="topic")
    assert commands.check(staffed, "topic").code == REFUSED
    staffed.merge("topic")
    commands.survives(staffed, "identity.reused")


def test_t18_two_keys_of_one_principal_are_fine(staffed: World, commands: Commands) -> None:
    """One principal may own several keys."""
    text = with_identity(principal_document(staffed.actor("dave")), Actor("spare"), "spare")
    staffed.land({"trust/principals/dave.yaml": text}, by="alice", approvers=["alice", "bob"])
    commands.accepts(staffed)


def test_t30_a_backdated_revocation_by_one_approver(staffed: World, commands: Commands) -> None:
    """T30: one approver backdates the revocation of Erin's key to make everything doubtful."""
    since = staffed.head()
    staffed.land(rule("three", ["project.*"], quorum=3), by="alice", approvers=["alice", "bob"])
    staffed.land(project(), by="alice", approvers=["bob", "carol", "erin"])
    commands.accepts(staffed)
    files = revocation("r1", "erin", staffed.actor("erin"), since=since)
    staffed.commit(files, by="dave", branch="topic")
    staffed.approve("topic", "alice", "bob")
    assert commands.check(staffed, "topic").code == PENDING
    staffed.merge("topic", by="dave")
    verdict = commands.survives(staffed, "approval.quorum")
    assert doubtful_paths(verdict) == []
    files_more = staffed.envelopes(staffed.signables("main", include_pending=True), "carol", "approve")
    staffed.commit(files_more, by="carol")
    assert doubtful_paths(commands.survives(staffed, "decision.doubtful")) == [PAY]


def test_t30_ones_own_key_backdated_alone(staffed: World, commands: Commands) -> None:
    """T30: Erin backdates the revocation of her own key by her own signature."""
    since = staffed.head()
    staffed.land(project(), by="alice", approvers=["erin"])
    staffed.commit(revocation("r1", "erin", staffed.actor("erin"), since=since), by="erin")
    commands.survives(staffed, "approval.quorum")


def test_t30_a_root_key_goes_through_the_root_only(staffed: World, commands: Commands) -> None:
    """T30: the key of a root person is not revoked by a document."""
    staffed.commit(revocation("r1", "carol", staffed.actor("carol")), by="alice")
    commands.survives(staffed, "revocation.root_key")


def test_t30_a_revocation_never_changes(staffed: World, commands: Commands) -> None:
    """T30: a revocation is edited or removed, so that the key lives again."""
    files = revocation("r1", "dave", staffed.actor("dave"))
    staffed.land(files, by="alice", approvers=["bob"])
    staffed.commit(dict.fromkeys(files), by="alice")
    commands.survives(staffed, "revocation.immutable")
