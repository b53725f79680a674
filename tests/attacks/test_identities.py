# SPDX-License-Identifier: Apache-2.0
"""Identities that change under their name: renamed to outlive a revocation, widened in silence, held twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from gaitops.documents.models.identities import WorkloadIdentity
from gaitops.fleet.credentials import workload_of
from tests.attacks.story import REFUSED, Commands, approvals_of, hire, project
from tests.attacks.story import revocation as stolen
from tests.attacks.test_trust_revocation import doubtful_paths
from tests.history.test_rollout_anchors import Release
from tests.keyless import RUN, TRUSTED_ROOT, KeylessWorld, alias, principal, workload
from tests.sigstore_double.double import SigstoreDouble
from tests.sigstore_double.fixtures import sigstore_double
from tests.simulator import Actor, binding_document, document

__all__ = ["sigstore_double"]

DANA = "trust/principals/dana.yaml"
ROOT = ["alice", "bob"]
BOT = "orgs/acme/principals/bot.yaml"
OLD = alias(file=".github/workflows/old.yml")


@pytest.fixture
def world(tmp_path: Path, sigstore_double: SigstoreDouble) -> KeylessWorld:
    """A fleet with keyless people and a pipeline."""
    return KeylessWorld(tmp_path / "fleet", sigstore_double)


def fingerprint_of(described: Mapping[str, object]) -> str:
    """Of a pipeline."""
    return workload_of(WorkloadIdentity.model_validate(described)).fingerprint


def revoked(described: Mapping[str, object], since: str | None = None) -> dict[str, str]:
    """A revocation of the pipeline."""
    identity = {"principal": "robot", "fingerprint": fingerprint_of(described)}
    spec: dict[str, object] = {
        "revokes": "identity",
        "cause": "compromised",
        "identity": identity,
        "reason": "x",
    }
    if since is not None:
        spec["since"] = since
    return {"trust/revocations/r1.yaml": document("Revocation", "r1", spec)}


def of_org(identity: Mapping[str, object]) -> dict[str, str]:
    """The pipeline as a principal of an organization."""
    spec = {"type": "service", "identities": [identity]}
    return {BOT: document("Principal", "bot", spec, org="acme")}


def proposed(world: KeylessWorld, by: str = "robot") -> None:
    """A change by the pipeline, approved with a key and merged: only the proposal is in question."""
    world.commit(project(), by=by, branch="pay", signed=False)
    world.sign("pay", by, "propose")
    world.approve("pay", "bob")
    world.merge("pay", by=by, signed=False)


def test_t16_a_revoked_pipeline_under_another_first_name(world: KeylessWorld, commands: Commands) -> None:
    """T16: a pipeline is revoked, and its document then lists another name of it first."""
    world.land(revoked(workload()), by="alice", approvers=["bob"])
    again = workload(names=[OLD, alias()])
    world.land(principal("robot", "service", again), by="alice", approvers=["alice", "bob"])
    proposed(world)
    commands.survives(world, "identity.revoked")


@pytest.mark.parametrize(
    "wider",
    [
        {"refs": ["refs/heads/main", "refs/heads/topic"]},
        {"runnerEnvironments": ["github-hosted", "self-hosted"]},
        {"names": [alias(), OLD]},
        {"validUntil": "2027-01-01T00:00:00Z"},
    ],
    ids=lambda more: next(iter(more)),
)
def test_t17_a_pipeline_that_a_stolen_key_widened(
    tmp_path: Path, sigstore_double: SigstoreDouble, commands: Commands, wider: dict[str, object]
) -> None:
    """T17: the stolen key lets a pipeline of an organization sign in more ways, or longer; what it then proposed is in doubt."""
    narrow: dict[str, object] = {"validUntil": "2026-12-01T00:00:00Z"}
    signer = {"id": "key", "type": "key", "publicKey": Actor("spare").pem}
    world = KeylessWorld(tmp_path / "fleet", sigstore_double, robot=[signer])
    world.actors["acme/bot"] = world.keyless("robot")
    hire(world, "dave")
    role = {"orgs/acme/roles/bots.yaml": binding_document("bots", "platform_admin", "org/acme", ["acme/bot"])}
    world.land({**of_org(workload(**narrow)), **role}, by="alice", approvers=["bob", "carol"])
    since = world.head()
    world.land(of_org(workload(**{**narrow, **wider})), by="alice", approvers=["dave", "bob"])
    proposed(world, by="acme/bot")
    commands.accepts(world)
    world.land(stolen("r1", "dave", world.actor("dave"), since=since), by="alice", approvers=["bob", "carol"])
    verdict = commands.survives(world, "decision.doubtful")
    assert doubtful_paths(verdict) == [BOT, "orgs/acme/projects/pay/project.yaml"]


def test_t18_one_pipeline_under_two_principals(world: KeylessWorld, commands: Commands) -> None:
    """T18: one principal lists a pipeline that signs itself, another the same one as a reusable workflow of its own."""
    signer = {"workflow": alias()["workflow"], "digests": [RUN.sha]}
    world.commit(principal("twin", "service", workload(signer=signer)), by="alice", branch="topic")
    assert commands.check(world, "topic").code == REFUSED
    world.merge("topic")
    commands.survives(world, "identity.reused")


def spare(world: KeylessWorld) -> Actor:
    """Dana gets a key besides her single sign-on."""
    key = Actor("dana's key")
    document_of = json.loads(world.read(DANA))
    document_of["spec"]["identities"].append({"id": "key", "type": "key", "publicKey": key.pem})
    world.land({DANA: json.dumps(document_of)}, by="alice", approvers=["alice", "bob"])
    return key


def taken_back(world: KeylessWorld, key: Actor | None = None) -> None:
    """Dana's approval is taken back on main, while it waits on its branch."""
    signables = world.signables("pay")
    digests = [digest for item in signables for digest in item.own_approvals("dana")]
    assert digests
    world.commit(world.envelopes(signables, "dana", "withdraw", key=key, withdraws=digests), by="alice")


def test_t20_a_withdrawal_outlives_the_trusted_root(world: KeylessWorld, commands: Commands) -> None:
    """T20: an approval is taken back without a key, and then the fleet gives up the trusted root that shows it."""
    key = spare(world)
    world.commit(project(), by="alice", branch="pay")
    world.commit(approvals_of(world, "pay", "dana", key=key), by="alice", branch="pay")
    taken_back(world)
    world.land({TRUSTED_ROOT: None}, by="alice", approvers=["alice", "bob"])
    world.merge("pay")
    commands.survives(world, "approval.withdrawn")


def test_t20_a_withdrawal_outlives_its_key(world: KeylessWorld, commands: Commands) -> None:
    """T20: an approval is taken back with a key that is then taken out of its owner's document."""
    without = world.read(DANA)
    key = spare(world)
    world.commit(project(), by="alice", branch="pay")
    world.sign("pay", "dana")
    taken_back(world, key)
    world.land({DANA: without}, by="alice", approvers=["alice", "bob"])
    world.merge("pay")
    commands.survives(world, "approval.withdrawn")


@pytest.mark.parametrize("renamed", ["before", "after"])
def test_t16_judged_from_a_release_on(world: KeylessWorld, renamed: str) -> None:
    """T16: verification that starts from a release knows the revoked pipeline under its other names as well."""
    again = principal("robot", "service", workload(names=[OLD, alias()]))
    if renamed == "after":  # Then it has both names when the release is made.
        world.land(principal("robot", "service", workload(names=[alias(), OLD])), by="alice", approvers=ROOT)
    world.land(revoked(workload()), by="alice", approvers=["bob"])
    if renamed == "before":
        world.land(again, by="alice", approvers=ROOT)
    release = Release(world)
    if renamed == "after":
        only = workload(names=[OLD])
        world.land(principal("robot", "service", only), by="alice", approvers=ROOT)
        world.run_as(workflow_path=".github/workflows/old.yml")
    assert release.codes() == set()
    proposed(world)
    assert "identity.revoked" in release.codes()
