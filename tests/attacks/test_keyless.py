# SPDX-License-Identifier: Apache-2.0
"""Keyless signatures that must not count: other artifacts, logs, times, authorities, look-alikes and pipelines."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.attacks.story import Commands, project
from tests.keyless import RUN, TRUSTED_ROOT, KeylessWorld, workload
from tests.sigstore_double.double import Faults, SigstoreDouble
from tests.sigstore_double.fixtures import sigstore_double
from tests.sigstore_double.identities import GITHUB, Someone
from tests.sigstore_double.trust import Window

__all__ = ["sigstore_double"]


@pytest.fixture
def world(tmp_path: Path, sigstore_double: SigstoreDouble) -> KeylessWorld:
    """A fleet with keyless people and a pipeline."""
    return KeylessWorld(tmp_path / "fleet", sigstore_double)


def approved(world: KeylessWorld, name: str = "dana") -> None:
    """A change that one approval would carry, approved by somebody and merged."""
    world.commit(project(), by="alice", branch="topic")
    world.approve("topic", name)
    world.merge("topic")


def proposed(world: KeylessWorld) -> None:
    """A change by the pipeline, approved with a key and merged: only the proposal is in question."""
    world.commit(project(), by="robot", branch="topic", signed=False)
    world.sign("topic", "robot", "propose")
    world.approve("topic", "bob")
    world.merge("topic", by="robot", signed=False)


# -- T33 to T36: what the bundle is made of -------------------------------------------------------------------------


def test_t33_a_bundle_for_another_artifact(world: KeylessWorld, commands: Commands) -> None:
    """T33: a genuine signature of an approver over something else is put around the statement."""
    world.commit(project(), by="alice", branch="topic")
    (path, genuine), *_ = world.envelopes(world.signables("topic"), "bob", "approve").items()
    payload = json.loads(genuine)["payload"]
    bundle = json.loads(
        world.double.sign_dsse(b'{"something": "else"}', Someone("dana@example.com"), at=world.now)
    )
    bundle["dsseEnvelope"]["payload"] = payload
    world.commit({path: json.dumps(bundle)}, by="alice", branch="topic")
    world.merge("topic")
    commands.survives(world, "approval.quorum")


def test_t33_a_statement_about_other_bytes(world: KeylessWorld, commands: Commands) -> None:
    """T33: a bundle that approves other bytes is moved into the folder of these."""
    world.commit(project("other"), by="alice", branch="other")
    ((_, bundle),) = world.envelopes(world.signables("other"), "dana", "approve").items()
    world.commit(project(), by="alice", branch="topic")
    ((path, _),) = world.envelopes(world.signables("topic"), "dana", "approve").items()
    world.commit({path: bundle}, by="alice", branch="topic")
    world.merge("topic")
    commands.survives(world, "approval.quorum")


def test_t34_a_log_entry_about_something_else(world: KeylessWorld, commands: Commands) -> None:
    """T34: the bundle brings a genuine log entry of another signature by the same certificate."""
    world.keyless("dana").faults = Faults(unrelated_entry=True)
    approved(world)
    commands.survives(world, "approval.quorum", "sigstore.untrusted")


def test_t34_a_log_that_nobody_trusts(world: KeylessWorld, commands: Commands) -> None:
    """T34: the checkpoint names the log and is signed by somebody else."""
    world.keyless("dana").faults = Faults(checkpoint_by_stranger=True)
    approved(world)
    commands.survives(world, "approval.quorum", "sigstore.untrusted")


@pytest.mark.parametrize("shift", [timedelta(hours=-1), timedelta(hours=1)], ids=["expired", "not-yet"])
def test_t35_a_certificate_that_was_not_valid_at_signing(
    world: KeylessWorld, commands: Commands, shift: timedelta
) -> None:
    """T35: the certificate lives for minutes, and the signature is from an hour after or before."""
    world.keyless("dana").faults = Faults(certificate_at=world.now + shift)
    approved(world)
    commands.survives(world, "approval.quorum", "sigstore.untrusted")


def test_t36_a_timestamp_from_outside_its_authoritys_time(
    tmp_path: Path, sigstore_double: SigstoreDouble, commands: Commands
) -> None:
    """T36: the authority that vouches for the time was no longer trusted then."""
    windows = sigstore_double.windows
    ended = replace(
        windows, timestamps=Window(windows.timestamps.start, windows.timestamps.start + timedelta(days=1))
    )
    world = KeylessWorld(
        tmp_path / "fleet", sigstore_double, trusted_root=sigstore_double.trusted_root(ended)
    )
    approved(world)
    commands.survives(world, "approval.quorum", "sigstore.untrusted")


@pytest.mark.parametrize(
    "faults", [Faults(timestamp_of_another=True), Faults(no_timestamp=True)], ids=["another", "none"]
)
def test_t36_no_time_that_anybody_vouches_for(
    world: KeylessWorld, commands: Commands, faults: Faults
) -> None:
    """T36: a timestamp of another signature, or none at all, is no time."""
    world.keyless("dana").faults = faults
    approved(world)
    commands.survives(world, "approval.quorum", "sigstore.untrusted")


# -- T37: the authorities -------------------------------------------------------------------------------------------


def test_t37_a_trusted_root_that_the_change_itself_brings(world: KeylessWorld, commands: Commands) -> None:
    """T37: the change swaps the trusted root for one whose authorities certify anybody, and is approved with them."""
    own = SigstoreDouble(lambda: world.now)
    world.commit({TRUSTED_ROOT: own.trusted_root_bytes, **project()}, by="alice", branch="topic")
    for name in ("dana", "erin"):
        world.keyless(name).double = own
        world.sign("topic", name)
    world.merge("topic")
    commands.survives(world, "approval.quorum", "sigstore.untrusted", forbidden=["payments"])


# -- T38, T39: somebody who looks like an approver ------------------------------------------------------------------


@pytest.mark.parametrize(
    "issuer",
    [
        "https://accounts.example.com/",
        "https://accounts.example.com:443",
        "https://accounts.example.com.evil.example",
        "https://Accounts.example.com",
        "http://accounts.example.com",
    ],
)
def test_t38_an_issuer_that_looks_like_the_right_one(
    world: KeylessWorld, commands: Commands, issuer: str
) -> None:
    """T38: another provider, whose name differs in one character, certifies the same address."""
    world.keyless("dana").identity = Someone("dana@example.com", issuer=issuer)
    approved(world)
    commands.survives(world, "approval.quorum")


@pytest.mark.parametrize(
    "email", ["Dana@example.com", "dana@example.com ", "dana@example.co", "dana+x@example.com"]
)
def test_t39_a_subject_that_looks_like_the_right_one(
    world: KeylessWorld, commands: Commands, email: str
) -> None:
    """T39: whole strings are compared, without folding case or trimming."""
    world.keyless("dana").identity = Someone(email)
    approved(world)
    commands.survives(world, "approval.quorum")


@pytest.mark.parametrize(
    ("right", "twin"),
    [
        ("dana@example.com", "d\u0430na@example.com"),
        ("https://accounts.example", "https://\u0430ccounts.example"),
    ],
    ids=["subject", "issuer"],
)
def test_t39_a_unicode_twin(world: KeylessWorld, commands: Commands, right: str, twin: str) -> None:
    """T39: reviewers are shown an approver's name with a letter of another script; the document is malformed."""
    text = world.read("trust/principals/dana.yaml").decode().replace(right, twin)
    world.commit({"trust/principals/dana.yaml": text}, by="alice", branch="topic")
    run = commands.check(world, "topic")
    assert run.code == 2
    assert "document.value" in run.codes


# -- T40 to T43: pipelines ------------------------------------------------------------------------------------------

REUSABLE = "acme/ci/.github/workflows/sign.yml@refs/heads/main"


def test_t40_a_reusable_workflow_in_the_callers_name(world: KeylessWorld, commands: Commands) -> None:
    """T40: the pipeline calls a workflow of somebody else, whose steps then sign as the caller."""
    world.run_as(job_workflow_ref=REUSABLE, job_workflow_sha="c" * 40)
    proposed(world)
    commands.survives(world, "sigstore.identity")


def test_t40_a_caller_in_the_name_of_a_reusable_workflow(
    tmp_path: Path, sigstore_double: SigstoreDouble, commands: Commands
) -> None:
    """T40: where a reusable workflow at a pinned commit signs, neither its caller nor another commit of it may."""
    signer = {"workflow": "https://github.com/" + REUSABLE.partition("@")[0], "digests": ["c" * 40]}
    world = KeylessWorld(tmp_path / "fleet", sigstore_double, robot=[workload(signer=signer)])
    world.run_as(job_workflow_ref=REUSABLE, job_workflow_sha="c" * 40)
    proposed(world)
    assert commands.verify(world).code == 0
    for claims in ({}, {"job_workflow_ref": REUSABLE, "job_workflow_sha": "d" * 40}):
        world.run_as(**claims)
        world.commit(project(f"p{len(claims)}"), by="robot", branch=f"b{len(claims)}", signed=False)
        world.sign(f"b{len(claims)}", "robot", "propose")
    world.approve("b2", "bob")
    world.merge("b2", by="robot", signed=False)
    commands.survives(world, "sigstore.identity")


def test_t41_a_self_hosted_runner(world: KeylessWorld, commands: Commands) -> None:
    """T41: somebody attached a machine of their own to the repository and ran the pipeline there."""
    world.run_as(runner_environment="self-hosted")
    proposed(world)
    commands.survives(world, "sigstore.identity")


@pytest.mark.parametrize(
    "claims",
    [
        {"event_name": "pull_request"},
        {"event_name": "pull_request_target"},
        {"event_name": "workflow_run"},
        {"event_name": "pull_request", "ref": "refs/pull/7/merge"},
        {"ref": "refs/heads/topic"},
    ],
    ids=lambda claims: "-".join(claims.values()).replace("/", "."),
)
def test_t42_a_run_that_a_fork_caused(
    world: KeylessWorld, commands: Commands, claims: dict[str, object]
) -> None:
    """T42: a run for a pull request, or on another branch, carries code that nobody with rights has seen."""
    world.run_as(**claims)
    proposed(world)
    commands.survives(world, "sigstore.identity")


@pytest.mark.parametrize(
    "trigger", ["pull_request", "pull_request_target", "workflow_run", "merge_request_event"]
)
def test_t42_no_document_admits_such_runs(world: KeylessWorld, commands: Commands, trigger: str) -> None:
    """T42: a principal that lists such a trigger is malformed."""
    text = world.read("trust/principals/robot.yaml").decode().replace('"push"', f'"{trigger}"')
    world.commit({"trust/principals/robot.yaml": text}, by="alice", branch="topic")
    run = commands.check(world, "topic")
    assert run.code == 2
    assert "document.value" in run.codes


@pytest.mark.parametrize(
    "claims",
    [
        {"repository_owner_id": "77"},
        {"repository_id": "88"},
        {"repository_owner_id": "77", "repository_id": "88"},
    ],
    ids="-".join,
)
def test_t43_a_name_that_somebody_registered_again(
    world: KeylessWorld, commands: Commands, claims: dict[str, object]
) -> None:
    """T43: organization or repository were deleted, and somebody else made new ones of the same name."""
    world.run_as(**claims)
    proposed(world)
    commands.survives(world, "proposer.unknown")


def test_t43_somebody_with_the_workflows_name(world: KeylessWorld, commands: Commands) -> None:
    """T43: a person's certificate whose subject is spelled like a pipeline is a person's."""
    url = f"https://github.com/{RUN.repository}/{RUN.workflow_path}@refs/heads/main"
    world.keyless("robot").identity = Someone(url, issuer=GITHUB)
    proposed(world)
    commands.survives(world, "proposer.unknown")
