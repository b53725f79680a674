# SPDX-License-Identifier: Apache-2.0
"""Approvals and proposals by people and pipelines that have no keys, judged offline from verified state."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.history.stories import by_root, codes, events, project, rule
from tests.keyless import TRUSTED_ROOT, KeylessActor, KeylessWorld, alias, person, principal, workload
from tests.sigstore_double.double import SigstoreDouble
from tests.sigstore_double.fixtures import sigstore_double, sigstore_double_v1
from tests.sigstore_double.identities import Someone

__all__ = ["sigstore_double", "sigstore_double_v1"]


@pytest.fixture
def world(tmp_path: Path, sigstore_double: SigstoreDouble) -> KeylessWorld:
    """A fleet with keyless people."""
    return KeylessWorld(tmp_path / "fleet", sigstore_double)


def offered(world: KeylessWorld, branch: str = "topic") -> str:
    """A branch with a change that one approval carries."""
    world.commit(project(), by="alice", branch=branch)
    return branch


def test_an_approval_by_single_sign_on_counts(world: KeylessWorld) -> None:
    """The bundle is verified with the trusted root of verified state, and the log says who vouches for the time."""
    world.approve(offered(world), "dana")
    world.merge("topic")
    assert world.verify().verified
    (approval,) = events(world)[-1]["approvals"]
    assert (approval["principal"], approval["assurance"]) == ("dana", "sigstore")
    assert approval["identity"] == {
        "id": "sso",
        "type": "sigstore",
        "issuer": "https://accounts.example.com",
        "subject": "dana@example.com",
    }
    assert approval["timeSource"] == "rfc3161"
    assert approval["log"]["index"] >= 0


def test_the_log_is_the_source_of_time_of_older_instances(
    tmp_path: Path, sigstore_double_v1: SigstoreDouble
) -> None:
    """Rekor v1 vouches for the time by itself."""
    world = KeylessWorld(tmp_path / "fleet", sigstore_double_v1)
    world.approve(offered(world), "dana")
    world.merge("topic")
    assert world.verify().verified
    assert events(world)[-1]["approvals"][0]["timeSource"] == "rekor"


def test_quorum_counts_people_not_bundles(world: KeylessWorld) -> None:
    """Two bundles of one person are one approval; a second person makes two, with a key or without."""
    by_root(world, rule("two", ["project.*"], quorum=2))
    world.commit(project(), by="alice", branch="topic")
    world.approve("topic", "dana")
    world.tick()
    world.approve("topic", "dana")
    world.merge("topic")
    assert "approval.quorum" in codes(world.verify())
    files = world.envelopes(world.signables("main", include_pending=True), "erin", "approve")
    world.commit(files, by="erin")
    assert world.verify().verified


def test_a_pipeline_proposes(world: KeylessWorld) -> None:
    """A workload's proposal names it as proposer of what nobody known committed."""
    world.commit(project(), by="robot", branch="topic", signed=False)
    world.sign("topic", "robot", "propose")
    world.approve("topic", "dana")
    world.merge("topic", by="robot", signed=False)
    assert world.verify().verified
    last = events(world)[-1]
    assert last["proposers"] == ["robot"]
    assert last["proposedBy"][0]["identity"]["type"] == "workload"


def test_verdicts_are_the_same_from_a_checkpoint(world: KeylessWorld, tmp_path: Path) -> None:
    """What a warm run says of keyless decisions is what a cold run says."""
    checkpoint = tmp_path / "state" / "checkpoint"
    world.verify(checkpoint=checkpoint)
    world.approve(offered(world), "dana")
    world.merge("topic")
    warm, cold = world.verify(checkpoint=checkpoint), world.verify()
    assert warm.verified
    assert warm.audit_head == cold.audit_head


# -- time ---------------------------------------------------------------------------------------------------------


def test_the_ttl_counts_from_the_verified_time(world: KeylessWorld) -> None:
    """A statement that claims to be younger than its signature is refused; an older signature has expired."""
    by_root(world, rule("day", ["project.*"], ttl="24h"))
    world.commit(project(), by="alice", branch="topic")
    dana = world.keyless("dana")
    dana.at = world.now
    world.tick(timedelta(hours=25))
    world.approve("topic", "dana")
    world.merge("topic")
    assert {"approval.expired"} <= codes(world.verify())


def test_a_signature_from_before_the_end_of_validity_counts(
    tmp_path: Path, sigstore_double: SigstoreDouble
) -> None:
    """Validity is judged when the signature was made: leaving on the next day does not undo it, signing later fails."""
    ends = "2026-11-01T12:00:00Z"
    world = KeylessWorld(
        tmp_path / "fleet",
        sigstore_double,
        approvers={"dana": person("dana", validUntil=ends), "erin": person("erin")},
    )
    world.commit(project(), by="alice", branch="early")
    world.approve("early", "dana")
    world.tick(timedelta(hours=6))
    world.merge("early")
    assert world.verify().verified
    world.commit(project("late"), by="alice", branch="late")
    world.approve("late", "dana")
    world.merge("late")
    assert "identity.expired" in codes(world.verify())


def test_a_revoked_identity_signs_no_more(world: KeylessWorld) -> None:
    """A keyless identity is revoked by its fingerprint, like a key; what it carried before stays."""
    world.approve(offered(world), "dana")
    world.merge("topic")
    with world.history() as history:
        (identity,) = history.fold.people(()).identities_of("dana")
    document = {
        "apiVersion": "gaitops.dev/v1",
        "kind": "Revocation",
        "metadata": {"name": "dana-left"},
        "spec": {
            "revokes": "identity",
            "cause": "retired",
            "identity": {"principal": "dana", "fingerprint": identity.fingerprint},
            "reason": "left",
        },
    }
    world.land({"trust/revocations/dana-left.yaml": json.dumps(document)}, by="alice", approvers=["bob"])
    assert world.verify().verified
    world.commit(project("next"), by="alice", branch="next")
    world.approve("next", "dana")
    world.merge("next")
    assert "identity.revoked" in codes(world.verify())


# -- names of pipelines -------------------------------------------------------------------------------------------


def test_a_renamed_repository_keeps_its_history_and_goes_on(world: KeylessWorld) -> None:
    """An alias admits the new name; signatures under the old one stay what they were."""

    def proposed(name: str) -> None:
        world.commit(project(name), by="robot", branch=name, signed=False)
        world.sign(name, "robot", "propose")
        world.approve(name, "dana")
        world.merge(name, by="robot", signed=False)

    proposed("before")
    renamed = workload(
        names=[
            alias(validUntil="2026-11-02T00:00:00Z"),
            alias("acme/releases", validFrom="2026-11-02T00:00:00Z"),
        ]
    )
    by_root(world, principal("robot", "service", renamed))
    world.tick(timedelta(days=2))
    world.run_as(repository="acme/releases")
    proposed("after")
    assert world.verify().verified
    world.run_as()
    world.commit(project("old-name"), by="robot", branch="old-name", signed=False)
    world.sign("old-name", "robot", "propose")
    world.approve("old-name", "dana")
    world.merge("old-name", by="robot", signed=False)
    assert "sigstore.identity" in codes(world.verify())


# -- the trusted root ---------------------------------------------------------------------------------------------


def test_a_new_instance_takes_over(world: KeylessWorld) -> None:
    """Once the root people pin another trusted root, old decisions stay and the new instance signs."""
    world.approve(offered(world), "dana")
    world.merge("topic")
    other = SigstoreDouble(lambda: world.now)
    by_root(world, {TRUSTED_ROOT: other.trusted_root_bytes.decode()})
    assert world.verify().verified
    world.commit(project("next"), by="alice", branch="next")
    world.approve("next", "dana")
    world.merge("next")
    assert "sigstore.untrusted" in codes(world.verify())
    world.keyless("erin").double = other
    files = world.envelopes(world.signables("main", include_pending=True), "erin", "approve")
    world.commit(files, by="erin")
    assert world.verify().verified


def test_without_a_trusted_root_nothing_keyless_counts(world: KeylessWorld) -> None:
    """Absence is failure, and the message names the file to add."""
    world.land({TRUSTED_ROOT: None}, by="alice", approvers=["alice", "bob"])
    world.approve(offered(world), "dana")
    world.merge("topic")
    verdict = world.verify()
    assert not verdict.verified
    problem = next(item for item in verdict.all_problems() if item.code == "sigstore.trust_root")
    assert TRUSTED_ROOT in problem.message


def test_only_the_root_people_pin_a_trusted_root(world: KeylessWorld) -> None:
    """Whoever may approve everything in an organization still cannot change the authorities."""
    other = SigstoreDouble(lambda: world.now)
    world.land({TRUSTED_ROOT: other.trusted_root_bytes}, by="alice", approvers=["dana", "erin"])
    assert "approval.quorum" in codes(world.verify())


def test_keyless_people_are_never_root_people(world: KeylessWorld) -> None:
    """A bundle counts for no root key, whatever role its principal has."""
    by_root(world, principal("bob-sso", "human", person("bob")))
    world.commit(rule("any", ["project.*"], quorum=1), by="alice", branch="topic")
    world.sign("topic", "alice")
    world.actors["bob-sso"] = KeylessActor("bob-sso", world.double, Someone("bob@example.com"))
    world.sign("topic", "bob-sso")
    world.merge("topic")
    assert "approval.quorum" in codes(world.verify())
