# SPDX-License-Identifier: Apache-2.0
"""Reviews that a pipeline attests without a key: counted by verified time, and only of the pipeline that is meant."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.attacks.forge_tools import attested, person, review_of
from tests.attacks.story import PENDING, VERIFIED, Commands, project, rule
from tests.keyless import KeylessWorld
from tests.sigstore_double.double import SigstoreDouble
from tests.sigstore_double.fixtures import sigstore_double
from tests.simulator import binding_document

__all__ = ["sigstore_double"]


@pytest.fixture
def world(tmp_path: Path, sigstore_double: SigstoreDouble) -> KeylessWorld:
    """A pipeline, robot, attests reviews by Frank, and Alice has proposed a project."""
    made = KeylessWorld(tmp_path / "fleet", sigstore_double)
    made.land(
        {
            "trust/principals/frank.yaml": person("frank", "583231"),
            "trust/roles/frank.yaml": binding_document("frank", "platform_admin", "fleet", ["frank"]),
            **rule("reviews", ["project.*"], assurance=["sigstore", "forge"], forgeAttesters=["robot"]),
        },
        by="alice",
        approvers=["alice", "bob"],
    )
    made.commit(project(), by="alice", branch="topic")
    return made


def attest(world: KeylessWorld, **changes: object) -> None:
    """The pipeline attests a review by Frank, as a bundle."""
    review = review_of(world, "topic", "frank", attested_by="robot", account_id="583231", **changes)
    files = attested(world, "topic", "frank", review=review, by=world.actor("robot"))
    world.commit(files, by="courier", branch="topic", signed=False)


def test_a_pipeline_attests_without_a_key(world: KeylessWorld, commands: Commands) -> None:
    """The bundle counts; the audit log names account, pipeline, who says when, and the place in the log."""
    attest(world)
    assert commands.check(world, "topic").code == VERIFIED
    world.merge("topic")
    commands.accepts(world)
    (approval,) = commands.run(world, "audit", "export").json["events"][-1]["approvals"]
    assert (approval["assurance"], approval["attestedBy"]["assurance"]) == ("forge", "sigstore")
    assert approval["attestedBy"]["identity"]["type"] == "workload"
    assert approval["timeSource"] in ("rekor", "rfc3161")
    assert approval["review"]["attestedBy"] == "robot"


def test_a_run_that_a_pull_request_started(world: KeylessWorld, commands: Commands) -> None:
    """T49: a run of the same workflow that somebody without write access can cause attests nothing."""
    world.run_as(event_name="pull_request_target")
    attest(world)
    (refused,) = commands.check(world, "topic").json["partitions"][0]["decisions"][0]["refused"]
    assert refused["code"] in ("sigstore.identity", "signature.invalid")


def test_signed_after_it_was_said_to_be_reviewed_long_ago(world: KeylessWorld, commands: Commands) -> None:
    """A verified time of attesting does not make the review younger."""
    attest(world, submitted_at=world.now - timedelta(days=8))
    check = commands.check(world, "topic")
    assert check.code == PENDING
    (refused,) = check.json["partitions"][0]["decisions"][0]["refused"]
    assert refused["code"] == "approval.expired"
