# SPDX-License-Identifier: Apache-2.0
"""What reviewers are shown: verified state, never whatever lies on the branch."""

from __future__ import annotations

from tests.attacks.story import (
    PENDING,
    REFUSED,
    VERIFIED,
    Commands,
    in_production,
    production,
    project,
)
from tests.simulator import World


def key_file(commands: Commands, world: World, name: str) -> str:
    """A private key on disk."""
    path = commands.scratch / f"{name}.key"
    path.write_bytes(world.actor(name).private_pem)
    path.chmod(0o600)
    return str(path)


def test_t31_a_forged_base(world: World, commands: Commands) -> None:
    """T31: main was pushed with production labelled development; the approver is asked to sign on top of it."""
    in_production(world)
    world.commit(production("1.0.0", tier="development"), by="mallory", signed=False)
    world.commit(production("2.0.0", tier="development"), by="alice", branch="topic")
    check = commands.check(world, "topic")
    assert (check.code, check.codes) == (REFUSED, ["history.base_unverified"])
    key = key_file(commands, world, "bob")
    arguments = (
        "approve",
        "--base",
        "main",
        "--head",
        "topic",
        "--as",
        "bob",
        "--key",
        key,
        "--print",
        "--yes",
    )
    run = commands.run(world, *arguments)
    assert (run.code, run.codes) == (REFUSED, ["history.base_unverified"])
    commands.survives(world, "approval.quorum")


def test_t31_a_base_of_the_attackers_own(world: World, commands: Commands) -> None:
    """T31: the base itself is another branch, where the forged label was committed."""
    in_production(world)
    world.commit(production("1.0.0", tier="development"), by="mallory", branch="forged", signed=False)
    world.move("forged-topic", world.head("forged"))
    world.commit(production("2.0.0", tier="development"), by="alice", branch="forged-topic")
    run = commands.run(world, "check", "--base", "forged", "--head", "forged-topic", "--no-cache")
    assert (run.code, run.codes) == (REFUSED, ["history.base_unverified"])


def test_t31_what_is_signed_is_judged_against_verified_state(world: World, commands: Commands) -> None:
    """With the pending content included, the approver sees production on both sides and the full quorum."""
    in_production(world)
    world.commit(production("1.0.0", tier="development"), by="mallory", signed=False)
    world.commit(production("2.0.0", tier="development"), by="alice", branch="topic")
    run = commands.check(world, "topic", "--include-pending")
    assert run.code == REFUSED
    assert "proposer.unknown" in run.codes
    operations = [item["operation"] for part in run.json["partitions"] for item in part["decisions"]]
    assert all("production" in item["tiers"] for item in operations)


def test_t32_a_pending_change_swept_along(world: World, commands: Commands) -> None:
    """T32: Mallory's pending change lies on main; Alice's proposal must not take it along."""
    world.land(project("pay"), by="alice", approvers=["bob"])
    world.commit(project("ledger", summary="swept"), by="mallory", signed=False)
    world.commit(project("pay", summary="good"), by="alice", branch="topic")
    assert commands.check(world, "topic").codes == ["history.base_unverified"]
    key = key_file(commands, world, "alice")
    for command in ("propose", "approve"):
        arguments = (command, "--head", "topic", "--as", "alice", "--key", key, "--print", "--yes")
        assert commands.run(world, *arguments).codes == ["history.base_unverified"]
    commands.survives(world, "approval.quorum", forbidden=["swept"])


def test_t32_included_on_purpose(world: World, commands: Commands) -> None:
    """With --include-pending both are judged, signed and merged together."""
    world.land(project("pay"), by="alice", approvers=["bob"])
    world.commit(project("ledger"), by="alice")
    world.commit(project("pay", summary="good"), by="alice", branch="topic")
    assert commands.check(world, "topic", "--include-pending").code == PENDING
    world.sign("topic", "bob", include_pending=True)
    assert commands.check(world, "topic", "--include-pending").code == VERIFIED
    world.merge("topic")
    commands.accepts(world)


def test_t32_another_org_is_not_held_up(world: World, commands: Commands) -> None:
    """What waits in the fleet partition does not stop a proposal for acme."""
    world.commit({"tools/x": "pending"}, by="mallory", signed=False)
    world.commit(project(), by="alice", branch="topic")
    world.approve("topic", "bob")
    assert commands.check(world, "topic").code == VERIFIED
