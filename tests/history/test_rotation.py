# SPDX-License-Identifier: Apache-2.0
"""Root rotation by the real ceremony, and what follows for people, floors and evidence."""

from __future__ import annotations

from collections.abc import Sequence

from gaitops.release.ceremony import next_root, sign_root
from tests.history.stories import approve_main, codes, project, rule
from tests.simulator import DAY, START, Actor, World


def rotated(
    world: World, previous: bytes, people: Sequence[str], signers: Sequence[str], threshold: int = 2
) -> bytes:
    """The next root with these people, signed."""
    keys = [(name, world.actor(name).signer.public_key) for name in people]
    data = next_root(previous, people=keys, threshold=threshold, expires=START + 500 * DAY)
    for name in signers:
        data = sign_root(data, world.actor(name).signer)
    return data


def test_two_rotations(world: World) -> None:
    """From root 1 to 2 to 3: each carried by the people before it and its own, without any approval envelope."""
    two = rotated(world, world.root, ["alice", "bob", "dave"], ["alice", "bob"])
    world.commit({"trust/root/2.root.json": two}, by="forge", signed=False)
    assert world.verify().root_version == 2
    three = rotated(world, two, ["alice", "dave", "erin"], ["alice", "dave"], threshold=2)
    world.commit({"trust/root/3.root.json": three}, by="forge", signed=False)
    verdict = world.verify()
    assert verdict.verified
    assert verdict.root_version == 3


def test_two_rotations_in_one_commit(world: World) -> None:
    """Both files may arrive together; the chain is followed in order."""
    two = rotated(world, world.root, ["alice", "bob", "dave"], ["alice", "bob"])
    three = rotated(world, two, ["alice", "dave", "erin"], ["alice", "dave", "erin"])
    world.commit({"trust/root/2.root.json": two, "trust/root/3.root.json": three}, by="forge", signed=False)
    assert world.verify().root_version == 3


def test_the_people_of_root_1_alone_cannot_make_root_3(world: World) -> None:
    """Whoever left with root 2 has no say in root 3."""
    two = rotated(world, world.root, ["alice", "dave", "erin"], ["alice", "bob", "dave"])
    three = rotated(world, two, ["alice", "bob", "carol"], ["alice", "bob", "carol"])
    world.commit({"trust/root/2.root.json": two}, by="forge", signed=False)
    assert world.verify().root_version == 2
    world.commit({"trust/root/3.root.json": three}, by="forge", signed=False)
    verdict = world.verify()
    assert verdict.root_version == 2
    assert "trust.root_rotation" in codes(verdict)


def test_the_new_people_hold_the_floors(world: World) -> None:
    """After the rotation Dave's root key counts and Carol's does not, although both may hold roles."""
    two = rotated(world, world.root, ["alice", "bob", "dave"], ["alice", "bob"])
    world.commit({"trust/root/2.root.json": two}, by="forge", signed=False)
    world.commit(rule("r", ["project.*"], quorum=2), by="alice")
    approve_main(world, "alice", "carol")
    assert "approval.quorum" in codes(world.verify())
    approve_main(world, "dave")
    assert world.verify().verified


def test_a_rotation_together_with_other_changes(world: World) -> None:
    """The other changes of the same commit are judged by the root before it."""
    two = rotated(world, world.root, ["alice", "bob", "dave"], ["alice", "bob"])
    files = {"trust/root/2.root.json": two.decode(), **rule("r", ["waiver.*"], quorum=2), **project()}
    world.commit(files, by="alice", branch="topic")
    world.sign("topic", "alice")
    world.sign("topic", "dave")
    world.merge("topic")
    assert not world.verify().verified
    approve_main(world, "bob")
    verdict = world.verify()
    assert verdict.verified
    assert verdict.root_version == 2


def test_the_checkpoint_remembers_the_root(world: World) -> None:
    """A warm run continues with the root that the cold one arrived at."""
    checkpoint = world.path.parent / "state" / "checkpoint.db"
    two = rotated(world, world.root, ["alice", "bob", "dave"], ["alice", "bob"])
    world.commit({"trust/root/2.root.json": two}, by="forge", signed=False)
    assert world.verify(checkpoint=checkpoint).root_version == 2
    world.commit({"README.md": "x"}, by="forge", signed=False)
    verdict = world.verify(checkpoint=checkpoint)
    assert (verdict.folded, verdict.root_version, verdict.verified) == (1, 2, True)


def test_a_key_of_the_root_under_another_name(world: World) -> None:
    """A rotation may not give somebody's key to somebody else."""
    twin = Actor("twin")
    twin.key, twin.signer = world.actor("carol").key, world.actor("carol").signer
    world.actors["twin"] = twin
    two = rotated(world, world.root, ["alice", "bob", "twin"], ["alice", "bob"])
    world.commit({"trust/root/2.root.json": two}, by="forge", signed=False)
    assert "identity.reused" in codes(world.verify())
