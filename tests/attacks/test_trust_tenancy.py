# SPDX-License-Identifier: Apache-2.0
"""Rollbacks that are none, repositories of others, and organizations that do not harm each other."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.attacks.story import (
    LAX,
    PENDING,
    REFUSED,
    VERIFIED,
    Commands,
    assign,
    guard,
    in_production,
    production,
    project,
)
from tests.simulator import World, policy_files, project_files, repository_document, version_digest_of

# -- T27: rollback ------------------------------------------------------------------------------------------------


def third_version(world: World) -> None:
    """Version 3.0.0, strict again, descends from the lax 2.0.0."""
    parent = guard("2.0.0", text=LAX, parent="1.0.0", risk=None)
    digest = version_digest_of(
        parent["orgs/acme/policies/guard/versions/2.0.0/version.yaml"], "guard", "2.0.0"
    )
    files = policy_files(
        "guard",
        "3.0.0",
        text=LAX.replace("allow", "block") + "# three\n",
        parents=[("2.0.0", digest)],
        risk=None,
    )
    world.land(files, by="alice", approvers=["bob"])


def test_t27_an_older_version_that_was_not_the_one_before(world: World, commands: Commands) -> None:
    """T27: from 3 to 1, where 2 was enforced immediately before."""
    in_production(world)
    third_version(world)
    assign(world, "2.0.0")
    assign(world, "3.0.0")
    world.commit(production("1.0.0"), by="alice", branch="topic")
    world.approve("topic", "bob")
    assert commands.check(world, "topic").code == PENDING
    world.merge("topic")
    commands.survives(world, "approval.quorum")
    assert set(commands.assigned(world).values()) == {"3.0.0"}


def test_t27_outside_the_window(world: World, commands: Commands) -> None:
    """T27: the version before, but eight days later."""
    in_production(world)
    assign(world, "2.0.0")
    world.tick(timedelta(days=8))
    world.commit(production("1.0.0"), by="alice", branch="topic")
    world.approve("topic", "bob")
    world.merge("topic")
    commands.survives(world, "approval.quorum")


def test_t27_a_withdrawn_version_is_no_safe_place(world: World, commands: Commands) -> None:
    """T27: the version before was withdrawn in the meantime."""
    from tests.simulator import document

    in_production(world)
    assign(world, "2.0.0")
    spec = {
        "revokes": "policy_version",
        "cause": "error",
        "policyVersion": {"org": "acme", "policy": "guard", "version": "1.0.0"},
        "reason": "story",
    }
    world.land(
        {"trust/revocations/one.yaml": document("Revocation", "one", spec)}, by="alice", approvers=["bob"]
    )
    commands.accepts(world)
    world.commit(production("1.0.0"), by="alice", branch="topic")
    assert commands.check(world, "topic").code == REFUSED
    world.merge("topic")
    commands.survives(world, "assignment.withdrawn", "approval.quorum")


def test_t27_the_real_rollback_takes_one_approver(world: World, commands: Commands) -> None:
    """Going back to what was enforced immediately before, in time, needs one approver, and never none."""
    in_production(world)
    assign(world, "2.0.0")
    world.commit(production("1.0.0"), by="alice", branch="topic")
    assert commands.check(world, "topic").code == PENDING
    world.approve("topic", "bob")
    world.merge("topic")
    commands.accepts(world)
    assert set(commands.assigned(world).values()) == {"1.0.0"}


# -- T28: claims --------------------------------------------------------------------------------------------------


@pytest.fixture
def neighbours(tmp_path: Path) -> World:
    """Two organizations under the same people."""
    return World(tmp_path / "two", orgs=("acme", "beta"))


def test_t28_a_repository_of_another_org(neighbours: World, commands: Commands) -> None:
    """T28: beta lists a repository that acme owns, in a spelling of its own."""
    neighbours.land(project_files(), by="alice", approvers=["bob"])
    for url in (
        "https://github.com/acme/checkout",
        "git@GitHub.com:acme/checkout.git",
        "https://github.com/ACME/x",
    ):
        files = project_files("raid", org="beta", repositories=[])
        path = "orgs/beta/projects/raid/repositories/checkout.yaml"
        files[path] = repository_document("checkout", org="beta", project="raid", url=url)
        name = f"topic-{len(url)}"
        neighbours.commit(files, by="alice", branch=name)
        assert "org.repository_claim" in commands.check(neighbours, name).codes
    neighbours.merge(name)
    commands.survives(neighbours, "org.repository_claim", forbidden=["checkout.yaml"])


def test_t28_globs_that_overlap(neighbours: World, commands: Commands) -> None:
    """T28: beta claims the globs of acme, which no approval can allow."""
    text = neighbours.read("orgs/beta/org.yaml").decode()
    wide = text.replace('"github.com/beta/*"', '"github.com/*/*"')
    assert wide != text
    neighbours.land({"orgs/beta/org.yaml": wide}, by="alice", approvers=[])
    commands.survives(neighbours, "org.repository_claim")


@pytest.mark.parametrize("gone", ["the glob", "the organization"])
def test_t28_a_claim_that_its_owner_left_behind(neighbours: World, commands: Commands, gone: str) -> None:
    """T28: acme gives up the glob but keeps the repository, so that beta's claim would make it belong to two."""
    neighbours.land(project_files(), by="alice", approvers=["bob"])
    text = (
        neighbours.read("orgs/acme/org.yaml").decode().replace("github.com/acme/*", "github.com/elsewhere/*")
    )
    left = {"orgs/acme/org.yaml": text if gone == "the glob" else None}
    neighbours.commit(left, by="alice")
    commands.survives(neighbours, "org.repository_claim")


def test_t28_a_repository_changes_hands(neighbours: World, commands: Commands) -> None:
    """Acme gives a repository up with its glob; then beta may claim both."""
    neighbours.land(project_files(repositories=["checkout"]), by="alice", approvers=["bob"])
    acme = (
        neighbours.read("orgs/acme/org.yaml").decode().replace("github.com/acme/*", "github.com/acme/kept-*")
    )
    neighbours.land(
        {"orgs/acme/org.yaml": acme, "orgs/acme/projects/pay/repositories/checkout.yaml": None},
        by="alice",
        approvers=["bob"],
    )
    beta = neighbours.read("orgs/beta/org.yaml").decode()
    beta = beta.replace('- "github.com/beta/*"', '- "github.com/beta/*"\n    - "github.com/acme/checkout"')
    files = project_files("pay", org="beta", repositories=[])
    files["orgs/beta/projects/pay/repositories/checkout.yaml"] = repository_document(
        "checkout", org="beta", url="https://github.com/acme/checkout"
    )
    neighbours.land({"orgs/beta/org.yaml": beta, **files}, by="alice", approvers=["bob"])
    commands.accepts(neighbours)


# -- T29: one tenant's disorder -----------------------------------------------------------------------------------


@pytest.mark.parametrize("disorder", ["unauthorized", "malformed", "deleted", "at no time", "backdated"])
def test_t29_one_unauthorized_commit_in_another_org(
    neighbours: World, commands: Commands, disorder: str
) -> None:
    """T29: whatever is pushed into beta, acme's later changes still verify, resolve and publish."""
    in_production(neighbours)
    neighbours.land(project("loot", org="beta"), by="alice", approvers=["bob"])
    path = "orgs/beta/projects/loot/project.yaml"
    files: dict[str, str | None] = {
        "malformed": {"orgs/beta/org.yaml": "}{"},
        "deleted": {"orgs/beta/org.yaml": None, path: None},
    }.get(disorder, dict(project("loot", org="beta", summary="stolen")))  # type: ignore[assignment]
    when = neighbours.now - timedelta(days=400) if disorder == "backdated" else None
    if disorder == "at no time":
        timeless_commit(neighbours, files)
    else:
        neighbours.commit(files, by="mallory", signed=False, when=when)
    assign(neighbours, "2.0.0")
    assert commands.verify(neighbours).code == REFUSED
    run = commands.verify(neighbours, "--org", "acme")
    assert run.code == VERIFIED, run.out
    assert commands.verify(neighbours, "--org", "beta").code == REFUSED
    assert set(commands.assigned(neighbours).values()) == {"2.0.0"}
    released, out = commands.publish(neighbours)
    assert released.code == VERIFIED
    assert released.json["unverifiedPartitions"] == ["beta"]
    assert not any(b"stolen" in item.read_bytes() for item in out.rglob("*") if item.is_file())


def timeless_commit(world: World, files: dict[str, str | None]) -> None:
    """A commit whose committer line states no time that anybody can read."""
    from gaitops.git.objects import COMMIT

    world.commit(files, by="mallory", signed=False)
    raw = world.repository.objects.read(world.head(), COMMIT)
    lines = [
        line.rsplit(b" ", 2)[0] + b" 17junk +0000" if line.startswith(b"committer ") else line
        for line in raw.split(b"\n")
    ]
    world.move("main", world.repository.objects.write(COMMIT, b"\n".join(lines)))


def test_t29_a_mistyped_org_is_no_success(neighbours: World, commands: Commands) -> None:
    """Judging an organization that does not exist must not look like success."""
    assert commands.verify(neighbours, "--org", "gamma").codes == ["org.unknown"]
