# SPDX-License-Identifier: Apache-2.0
"""Who made a change: nobody approves their own, and nobody unknown proposes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.attacks.story import PENDING, REFUSED, VERIFIED, Commands, hire, project, with_identity
from tests.simulator import Actor, World, binding_document, principal_document


def add_second_key(world: World, name: str, **validity: str) -> Actor:
    """A person of the fleet with two keys and every role; the second key."""
    second = Actor(f"{name}-second")
    second.email = "unrelated@example.net"
    files = {
        f"trust/principals/{name}.yaml": with_identity(
            principal_document(world.actor(name)), second, "second", **validity
        ),
        "trust/roles/more.yaml": binding_document("more", "platform_admin", "fleet", [name]),
    }
    world.land(files, by="alice", approvers=["alice", "bob"])
    world.actors[second.name] = second
    return second


def test_t06_the_author_approves(world: World, commands: Commands) -> None:
    """T6: the author of the commits approves them."""
    world.commit(project(), by="alice", branch="topic")
    world.sign("topic", "alice")
    check = commands.check(world, "topic")
    assert check.code == PENDING
    world.merge("topic")
    commands.survives(world, "approval.separation_of_duties", "approval.quorum")


def test_t06_through_a_second_identity(world: World, commands: Commands) -> None:
    """T6: Dave commits with one key, under an address that nobody knows, and approves with another."""
    add_second_key(world, "dave")
    world.commit(project(), by="dave-second", branch="topic")
    world.sign("topic", "dave")
    assert commands.check(world, "topic").code == PENDING
    world.merge("topic", by="dave-second")
    commands.survives(world, "approval.separation_of_duties", "approval.quorum")


def test_t06_through_an_identity_that_has_expired(world: World, commands: Commands) -> None:
    """T6: a signature that no longer permits anything still tells whose work it is."""
    until = world.now + timedelta(minutes=30)
    add_second_key(world, "dave", validUntil=f"{until:%Y-%m-%dT%H:%M:%SZ}")
    world.tick(timedelta(hours=1))
    world.commit(project(), by="dave-second", branch="topic")
    signables = world.signables("topic")
    silent = [type(item)(item.partition, item.base, item.judgement, ()) for item in signables]
    world.commit(world.envelopes(silent, "alice", "propose"), by="alice", branch="topic")
    world.sign("topic", "dave")
    assert commands.check(world, "topic").code == REFUSED
    world.merge("topic", by="dave-second")
    commands.survives(world, "proposer.incomplete", "approval.separation_of_duties", "approval.quorum")


@pytest.mark.parametrize("trailer", ["Co-authored-by", "co-authored-by"])
def test_t06_as_co_author_of_one_commit(world: World, commands: Commands, trailer: str) -> None:
    """T6: Bob is named as co-author of one commit of the range."""
    message = f"change\n\n{trailer}: Bob <BOB@example.com>"
    world.commit(project(summary="one"), by="alice", branch="topic", message=message)
    world.commit(project(summary="two"), by="alice", branch="topic")
    world.sign("topic", "bob")
    assert commands.check(world, "topic").code == PENDING
    tree = world.repository.tree_of(world.head("topic"))
    world.commit_tree(tree, [world.head(), world.head("topic")], by="alice", message="merge topic")
    commands.survives(world, "approval.separation_of_duties", "approval.quorum")


def test_t06_after_a_squash_that_hid_the_commit(world: World, commands: Commands) -> None:
    """T6: the squash hides that Bob wrote a part; the proposal made before it still names him."""
    world.commit(project(summary="one"), by="bob", branch="topic")
    world.commit(project(summary="two"), by="alice", branch="topic")
    world.sign("topic", "alice", "propose")
    world.sign("topic", "bob")
    world.merge("topic", by="mallory", signed=False)
    commands.survives(world, "approval.separation_of_duties", "approval.quorum")
    world.commit(
        world.envelopes(world.signables("main", include_pending=True), "carol", "approve"), by="carol"
    )
    commands.accepts(world)


def test_t06_somebody_who_did_not_contribute_may_approve(world: World, commands: Commands) -> None:
    """A real merge commit by the approver brings in somebody else's work and changes nothing itself."""
    world.commit(project(), by="alice", branch="topic")
    world.approve("topic", "bob")
    world.land({"tools/other": "x"}, by="carol", approvers=["bob"])
    world.join("topic", by="bob")
    commands.accepts(world)


def test_t06_a_merge_that_writes_something_itself(world: World, commands: Commands) -> None:
    """T6: the approver hides a change of their own in the merge commit."""
    world.commit(project(), by="alice", branch="topic")
    world.approve("topic", "bob")
    world.join("topic", by="bob", files=project(summary="not what was reviewed"))
    commands.survives(world, "approval.quorum")


def test_t19_an_unsigned_commit_without_a_proposal(world: World, commands: Commands) -> None:
    """T19: an unsigned commit, or one by a key that belongs to nobody, approved by Bob."""
    world.commit(project(), by="alice", branch="topic", signed=False)
    world.approve("topic", "bob")
    assert commands.check(world, "topic").code == REFUSED
    world.merge("topic", signed=False)
    commands.survives(world, "proposer.unknown")
    files = world.envelopes(world.signables("main", include_pending=True), "alice", "propose")
    world.commit(files, by="alice")
    commands.accepts(world)


def test_t19_a_key_that_belongs_to_nobody(world: World, commands: Commands) -> None:
    """T19: signed, but by a stranger."""
    world.commit(project(), by="mallory", branch="topic")
    world.approve("topic", "bob")
    world.merge("topic", by="mallory")
    commands.survives(world, "proposer.unknown")


def test_t19_a_proposal_with_an_incomplete_contributor_list(world: World, commands: Commands) -> None:
    """T19: Alice proposes and keeps silent about Bob, whose commit is part of the range."""
    world.commit(project(summary="one"), by="bob", branch="topic")
    world.commit(project(summary="two"), by="alice", branch="topic")
    silent = [type(item)(item.partition, item.base, item.judgement, ()) for item in world.signables("topic")]
    world.commit(world.envelopes(silent, "alice", "propose"), by="alice", branch="topic")
    world.sign("topic", "carol")
    check = commands.check(world, "topic")
    assert check.code == REFUSED
    assert "proposer.incomplete" in check.codes
    tree = world.repository.tree_of(world.head("topic"))
    world.commit_tree(tree, [world.head(), world.head("topic")], by="alice")
    commands.survives(world, "proposer.incomplete")


def test_t19_a_complete_proposal_carries_a_web_merge(world: World, commands: Commands) -> None:
    """What a forge merges without any key is carried by the proposal that names everybody."""
    world.commit(project(summary="one"), by="bob", branch="topic", signed=False)
    world.sign("topic", "alice", "propose")
    world.sign("topic", "carol")
    assert commands.check(world, "topic").code == VERIFIED
    world.merge("topic", by="forge", signed=False)
    commands.accepts(world)


def test_t06_a_service_of_the_author_is_not_the_author(world: World, commands: Commands) -> None:
    """A bot that proposes in its own name is a contributor of its own; its owner may approve."""
    hire(world, "bot", roles=("platform_admin",))
    world.commit(project(), by="bot", branch="topic")
    world.sign("topic", "alice")
    world.merge("topic", by="bot")
    commands.accepts(world)
