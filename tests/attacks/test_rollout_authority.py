# SPDX-License-Identifier: Apache-2.0
"""Rollouts as a way around the approvals of production: by a channel, by a stolen key, by rules and tiers that change."""

from __future__ import annotations

from pathlib import Path

import pytest

from gaitops.documents.models.rollout import TriggerKind
from gaitops.history.signable import of_affirmation
from tests.attacks.rollout_tools import refused
from tests.attacks.story import Commands, revocation
from tests.history.rollouts import PATH, Fleet
from tests.history.stories import by_root, hire, rule
from tests.simulator import environment_document, policy_document, policy_files, version_digest_of

DEV = "orgs/acme/projects/pay/environments/dev.yaml"
POLICY = "orgs/acme/policies/agents/policy.yaml"
LAX = "default_verdict: allow\n"
ALL = {"name": "all", "mode": "enforce", "percent": 100, "environments": ["dev"]}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """Four repositories in production; one more approver, whose key is no root key."""
    fleet = Fleet(tmp_path_factory.mktemp("template") / "fleet", tier="production")
    hire(fleet.world, "dave", "approver")
    return fleet


@pytest.fixture
def fleet(template: Fleet, tmp_path: Path) -> Fleet:
    """Nothing is under way."""
    return template.copied(tmp_path / "fleet")


# -- a channel under a rollout ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def following(template: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """Production follows a channel, and every repository of it is held by a rollout; a lax version is published."""
    fleet = template.copied(tmp_path_factory.mktemp("following") / "fleet")
    first = policy_files("agents", "1.0.0")["orgs/acme/policies/agents/versions/1.0.0/version.yaml"]
    parents = [("1.0.0", version_digest_of(first, "agents", "1.0.0"))]
    lax = policy_files("agents", "1.2.0", text=LAX, parents=parents, risk=None)
    channel = {POLICY: policy_document("agents", channels={"stable": "1.0.0"})}
    fleet.world.land({**lax, **channel}, by="alice", approvers=["bob"])
    follows = environment_document("dev", "production", {"name": "agents", "channel": "stable"})
    fleet.world.land({DEV: follows}, by="alice", approvers=["bob", "carol"])
    fleet.start(steps=[ALL], gates=[], rollbackTriggers=[{"when": "soak_expired", "after": "1h"}])
    assert fleet.codes() == set()
    return fleet


@pytest.mark.parametrize("trigger", [None, "soak_expired"])
def test_o29_back_to_a_channel_that_moved(
    following: Fleet, commands: Commands, tmp_path: Path, trigger: TriggerKind | None
) -> None:
    """O29: the channel moves while nobody feels it, at the low bar of that; the rollback brings the lax version."""
    fleet = following.copied(tmp_path / "fleet")
    moved = {POLICY: policy_document("agents", channels={"stable": "1.2.0"})}
    fleet.world.land(moved, by="alice", approvers=["bob"])
    assert fleet.codes() == set()
    fleet.wait(1)
    files = fleet.files("rollback", trigger=trigger)
    if trigger is None:
        refused(fleet, commands, files, "approval.quorum", by="alice", signed=True, approvers=["bob"])
    else:
        refused(fleet, commands, files, "permission.denied", signed=True)
    assert set(fleet.placements().values()) == {"acme/agents@1.1.0"}


def test_a_channel_that_stands_still_is_gone_back_to(following: Fleet, tmp_path: Path) -> None:
    """Following a channel takes nothing from an operator whose trigger fired."""
    fleet = following.copied(tmp_path / "fleet")
    fleet.wait(1)
    fleet.take("rollback", trigger="soak_expired")
    assert fleet.codes() == set()
    assert set(fleet.placements().values()) == {"acme/agents@1.0.0"}


# -- a start that is in doubt -------------------------------------------------------------------------------------


def carried(fleet: Fleet) -> str:
    """Dave's key is stolen, and helps to start a rollout; the commit since when."""
    since = fleet.world.commit({"README.md": "hello\n"}, by="alice")
    fleet.write_plan()
    fleet.take("start", by="alice", approvers=["bob", "dave"])
    fleet.wait(1)
    assert fleet.codes() == set()
    return since


def noticed(fleet: Fleet, since: str) -> None:
    """The key is revoked since the theft."""
    files = revocation("dave", "dave", fleet.world.actor("dave"), since=since)
    fleet.world.land(files, by="alice", approvers=["bob", "carol"])


def affirm(fleet: Fleet, *principals: str) -> None:
    """People stand by the rollout as it is."""
    for principal in principals:
        with fleet.world.history() as history:
            signables = of_affirmation(history, [PATH])
        fleet.world.commit(fleet.world.envelopes(signables, principal, "approve"), by=principal)


def test_o30_steps_after_a_start_in_doubt(fleet: Fleet, commands: Commands) -> None:
    """O30: when the theft is noticed, the newest change of the rollout is the operator's, who is in good standing."""
    since = carried(fleet)
    fleet.take("advance")
    assert fleet.codes() == set()
    noticed(fleet, since)
    commands.survives(fleet.world, "decision.doubtful")


@pytest.mark.parametrize("edge", ["advance", "pause"])
def test_o30_an_operator_clears_no_doubt(fleet: Fleet, commands: Commands, edge: str) -> None:
    """O30: the plan has no approval any more, so neither a step nor a pause can rest on it."""
    noticed(fleet, carried(fleet))
    commands.survives(fleet.world, "decision.doubtful")
    refused(fleet, commands, fleet.files(edge), "decision.doubtful")  # type: ignore[arg-type]


def test_o30_one_approver_does_not_stand_for_two(fleet: Fleet, commands: Commands) -> None:
    """O30: affirming a rollout takes what its start took; then it goes on."""
    noticed(fleet, carried(fleet))
    affirm(fleet, "bob")
    commands.survives(fleet.world, "decision.doubtful")
    affirm(fleet, "carol")
    commands.accepts(fleet.world)
    fleet.take("advance")
    commands.accepts(fleet.world)


def test_doubt_ends_with_the_rollout(fleet: Fleet, commands: Commands) -> None:
    """Rolling back undoes what the stolen key helped to bring."""
    noticed(fleet, carried(fleet))
    fleet.take("rollback", by="alice", approvers=["bob"])
    commands.accepts(fleet.world)


# -- rules and tiers ----------------------------------------------------------------------------------------------


def test_o31_a_rule_about_steps(fleet: Fleet, commands: Commands) -> None:
    """O31: a rule asks three people for every step; the operator's steps need nobody, so the start needs the three."""
    by_root(fleet.world, rule("careful", ["rollout.advance"], quorum=3))
    fleet.write_plan()
    approvers = ["bob", "carol"]
    files = fleet.files("start")
    refused(fleet, commands, files, "approval.quorum", by="alice", signed=True, approvers=approvers)


@pytest.mark.parametrize("tier", ["development", "staging"])
def test_o32_another_tier_under_a_rollout(fleet: Fleet, commands: Commands, tier: str) -> None:
    """O32: the tier says how many approve and what the limits count, so it stays as long as the plan holds."""
    fleet.start()
    files = fleet.environment("dev", tier=tier)
    refused(fleet, commands, files, "rollout.overlap", by="alice")
