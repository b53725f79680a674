# SPDX-License-Identifier: Apache-2.0
"""What a review of the engine found: each of these once ended a verification, or let something through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gaitops.change.context import Change
from gaitops.errors import VerificationError
from gaitops.fleet.root import verify_first_root
from gaitops.git.objects import TREE
from gaitops.git.trees import RawEntry, parse_tree, sort_key
from gaitops.history import facts
from gaitops.history.anchor import Anchor
from gaitops.history.audit import read_events
from gaitops.history.session import open_history
from gaitops.history.signable import of_genesis
from gaitops.history.verdict import Verdict
from gaitops.report.content_diff import content_diff
from tests.history.stories import approve_main, codes, partition, project
from tests.simulator import (
    Actor,
    World,
    binding_document,
    environment_document,
    policy_document,
    policy_files,
    principal_document,
    project_files,
    version_digest_of,
)

ABSENT = "12" * 20
"""Id of an object that no repository has."""


# -- one push must not end all verification ------------------------------------------------------------------------


def with_entry(world: World, tree: str, parts: Sequence[str], entry: tuple[bytes, str]) -> str:
    """A tree with one entry more, whatever it points to."""
    entries = {raw[1]: raw for raw in parse_tree(tree, world.repository.objects.read(tree, TREE))}
    name = parts[0].encode()
    if len(parts) == 1:
        entries[name] = (entry[0], name, bytes.fromhex(entry[1]))
    else:
        below = with_entry(world, entries[name][2].hex(), parts[1:], entry)
        entries[name] = (b"40000", name, bytes.fromhex(below))
    return world.repository.objects.write(
        TREE, b"".join(_stored(raw) for raw in sorted(entries.values(), key=_order))
    )


def _stored(raw: RawEntry) -> bytes:
    return raw[0] + b" " + raw[1] + b"\0" + raw[2]


def _order(raw: RawEntry) -> bytes:
    return sort_key(raw[0], raw[1])


def test_a_submodule_in_place_of_a_revocation_can_be_removed_again(world: World) -> None:
    """Who is concerned by a revocation is asked before any rule has looked at what lies there."""
    world.commit({"trust/revocations/kept.yaml": "junk"}, by="mallory")
    tree = world.repository.tree_of(world.head())
    path = ["trust", "revocations", "gone.yaml"]
    world.commit_tree(with_entry(world, tree, path, (b"160000", ABSENT)), [world.head()], by="mallory")
    assert "git.unsupported_entry" in codes(world.verify())
    world.commit({"trust/revocations/kept.yaml": None, "/".join(path): None}, by="alice")
    assert world.verify().verified


def test_an_approval_of_the_year_one_is_expired(world: World) -> None:
    """Dates at the end of the calendar leave no room for a tolerance before them."""
    world.commit(project(), by="alice", branch="topic")
    files = world.envelopes(
        world.signables("topic"), "bob", "approve", issued_at=datetime(1, 1, 1, tzinfo=UTC)
    )
    world.commit(files, by="bob", branch="topic")
    world.merge("topic")
    assert "approval.expired" in codes(world.verify())


def test_a_first_tree_that_was_signed_at_no_believable_time_is_an_answer(tmp_path: Path) -> None:
    """Everything is signed, and only the dates of the commits kept it from being decided: that is the reason."""
    world = World(tmp_path / "fleet", genesis=False)
    with world.history() as history:
        signables = of_genesis(history)
    for name in ("alice", "bob"):
        files = world.envelopes(signables, name, "approve")
        world.commit(files, by=name, when=world.now + timedelta(hours=6))
    with world.history() as history, pytest.raises(VerificationError) as refused:
        history.state()
    assert refused.value.code == "history.time"
    assert codes(world.verify()) == {"history.time"}


# -- the safe direction --------------------------------------------------------------------------------------------


def channel(policy: str, version: str) -> dict[str, str]:
    """A high-risk policy whose channel ``stable`` is at a version."""
    text = policy_document(policy, risk="high", channels={"stable": version})
    return {f"orgs/acme/policies/{policy}/policy.yaml": text}


def two_versions(policy: str, *, org: str = "acme") -> dict[str, str]:
    """Versions 1.0.0 and 2.0.0 of a policy, without its document."""
    first = policy_files(policy, "1.0.0", org=org, risk=None)
    descriptor = first[f"orgs/{org}/policies/{policy}/versions/1.0.0/version.yaml"]
    parent = ("1.0.0", version_digest_of(descriptor, policy, "1.0.0", org=org))
    return {**first, **policy_files(policy, "2.0.0", org=org, parents=[parent], risk=None)}


def test_a_channel_that_nothing_follows_does_not_ride_on_another_policys_rollback(world: World) -> None:
    """One approver may roll ``guard`` back; that says nothing about ``gate``, which nobody follows yet."""
    follower = project_files(environments={"live": ("production", {"name": "guard", "channel": "stable"})})
    versions = {**two_versions("guard"), **two_versions("gate")}
    world.land(
        {**versions, **channel("guard", "1.0.0"), **channel("gate", "1.0.0"), **follower},
        by="alice",
        approvers=["bob", "carol"],
    )
    world.land(channel("guard", "2.0.0"), by="alice", approvers=["bob", "carol"])
    assert world.verify().verified
    world.land({**channel("guard", "1.0.0"), **channel("gate", "2.0.0")}, by="alice", approvers=["bob"])
    verdict = world.verify()
    assert codes(verdict) == {"approval.quorum"}
    assert [problem.path for problem in verdict.all_problems()] == ["orgs/acme/policies/gate/policy.yaml"]


# -- what is signed on a branch is what counts once it is merged -------------------------------------------------------


@pytest.mark.parametrize(("owner", "follower"), [("acme", "beta"), ("beta", "acme")])
def test_a_branch_over_two_organizations_never_locks_itself_up(
    neighbours: World, owner: str, follower: str
) -> None:
    """Partitions advance one by one: each is signed against verified state of the other, not against the branch."""
    world = neighbours
    policy = f"orgs/{owner}/policies/guard/policy.yaml"

    def at(version: str) -> dict[str, str]:
        text = policy_document("guard", org=owner, channels={"stable": version}, shared=[follower])
        return {policy: text}

    world.land(
        {**two_versions("guard", org=owner), **at("1.0.0"), **project_files(org=follower)},
        by="alice",
        approvers=["bob"],
    )
    reference = {"org": owner, "name": "guard", "channel": "stable"}
    environment = environment_document("dev", "development", reference, org=follower)
    path = f"orgs/{follower}/projects/pay/environments/dev.yaml"
    world.land({**at("2.0.0"), path: environment}, by="alice", approvers=["bob"])
    # The first by name advances as signed. What the other does has changed by that, so it is signed once more.
    assert partition(world.verify(), "acme").verified
    approve_main(world, "bob")
    assert world.verify().verified


# -- starting from a release -----------------------------------------------------------------------------------------


def anchored(world: World, commit: str, **older: str) -> Verdict:
    """The verdict on main from a release at ``commit``; ``older`` names partitions verified before it."""
    root = verify_first_root(world.root, world.trust_root)
    partitions = {"fleet": commit, "acme": commit, **older}
    anchor = Anchor(
        "release 1", root, commit, {name: oid for name, oid in partitions.items() if oid}, world.now
    )
    world.tick()
    with open_history(
        world.repository, world.head(), world.trust_root, at=world.now, anchor=anchor
    ) as history:
        return history.verdict()


def test_an_approval_that_was_used_before_the_release_does_not_count_again(world: World) -> None:
    """The fleet waits since an older commit than the release, and that commit is no base for anybody."""
    verified = world.head()
    world.commit({"trust/notes.txt": "nobody approved this"}, by="alice")
    world.land(project(summary="one"), by="alice", approvers=["bob"])
    world.commit(project(summary="two"), by="alice", branch="topic")
    used = world.envelopes(world.signables("topic"), "bob", "approve")
    world.commit(used, by="bob", branch="topic")
    world.merge("topic")
    world.land(project(summary="one"), by="alice", approvers=["bob"])
    release = world.head()
    ((path, data),) = used.items()
    renamed = path.rsplit(".", 2)[0] + ".0123456789ab.json"
    world.commit({**project(summary="two"), renamed: data}, by="alice")
    assert not partition(world.verify(), "acme").verified
    verdict = anchored(world, release, fleet=verified)
    assert not partition(verdict, "acme").verified
    assert "approval.base" in codes(verdict)


def test_a_file_beside_the_organizations_is_no_partition_at_a_release(world: World) -> None:
    """It belongs to the fleet, and the history goes on from the release as it would from genesis."""
    world.land({"orgs/notes.txt": "hello"}, by="alice", approvers=["bob"])
    release = world.head()
    world.land(project(), by="alice", approvers=["bob"])
    verdict = anchored(world, release)
    assert verdict.verified
    assert [item.name for item in verdict.partitions] == ["fleet", "acme"]


def test_what_a_merge_brought_before_the_release_proposes_nothing_after_it(world: World) -> None:
    """Alice's old commit on a branch that lives on does not lend her permission to whoever commits there next."""
    world.commit(project(summary="one"), by="alice", branch="develop")
    world.approve("develop", "bob")
    world.join("develop", by="alice")
    release = world.commit({"README.md": "hello"}, by="alice")
    world.commit(project(summary="two"), by="mallory", branch="topic")
    world.sign("topic", "carol", "propose")
    world.approve("topic", "bob")
    joined, main = world.commit(project(summary="two"), by="mallory", branch="develop"), world.head()
    world.merge("topic", by="mallory", signed=False)
    tree = world.repository.tree_of(world.head())
    world.commit_tree(tree, [main, joined], by="mallory", branch="other")
    world.move("main", world.head("other"))
    cold = codes(world.verify())
    assert codes(anchored(world, release)) == cold


# -- cost ------------------------------------------------------------------------------------------------------------


def test_envelopes_of_strangers_crowd_out_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a number only those of known people are remembered, so that strangers cannot make each judgement dearer."""
    monkeypatch.setattr(facts, "MAX_UNKNOWN", 3)
    world.commit(project(), by="alice", branch="topic")
    signables = world.signables("topic")
    stranger = Actor("stranger")
    for number in range(5):
        moment = world.now + timedelta(seconds=number)
        world.commit(
            world.envelopes(signables, "bob", "approve", key=stranger, issued_at=moment), by="stranger"
        )
    crowded = [item for item in world.verify().ignored if item.code == "approval.crowded"]
    assert len(crowded) == 2
    world.merge("topic")
    world.commit(world.envelopes(signables, "bob", "approve"), by="bob")
    assert world.verify().verified


# -- reports -----------------------------------------------------------------------------------------------------------


def shown(world: World, path: str, content: bytes) -> str:
    """What somebody is shown who is about to sign a change of one file."""
    world.commit({path: content}, by="alice", branch="topic")
    change: Change = world.signables("topic")[0].judgement.change
    return content_diff(change)


@pytest.mark.parametrize("content", [b"one\r\ntwo\r\n", b"one\ntwo", b"one\ntw\xff\n", b""])
def test_no_difference_of_bytes_goes_unseen(world: World, content: bytes) -> None:
    """Line ends, a missing last one, bytes that are no text, nothing at all."""
    world.land({"notes.txt": b"one\ntwo\n"}, by="alice", approvers=["bob"])
    assert "notes.txt" in shown(world, "notes.txt", content)


def test_an_empty_new_file_is_shown(world: World) -> None:
    """It has no lines that could differ."""
    assert shown(world, "notes.txt", b"") == "notes.txt: a new, empty file, 0 → 0 bytes"


def test_an_event_may_name_more_paths_than_a_document_has_room_for() -> None:
    """Genesis of a large fleet is one event, far beyond the megabyte that a document may have."""
    line = b'{"paths": ["' + b"x" * (2 << 20) + b'"]}'
    assert len(read_events(line, "audit.jsonl")) == 1


def test_a_published_version_gains_no_file_of_any_kind(tmp_path: Path) -> None:
    """CODEOWNERS is CI configuration elsewhere; inside a published version it would change what was published."""
    world = World(tmp_path / "fleet")
    world.land({**policy_files("guard", "1.0.0")}, by="alice", approvers=["bob"])
    path = "orgs/acme/policies/guard/versions/1.0.0/CODEOWNERS"
    world.commit({path: "* @mallory\n"}, by="alice")
    assert "policy.immutable" in {problem.code for problem in world.verify().all_problems()}


def test_a_proposal_of_somebody_who_may_not_spoils_nothing(tmp_path: Path) -> None:
    """An auditor who proposes the same bytes, naming every approver as contributor, cannot keep them from approving."""
    world = World(tmp_path / "fleet")
    files = {
        "trust/principals/eve.yaml": principal_document(world.actor("eve")),
        "trust/roles/auditors.yaml": binding_document("auditors", "auditor", "fleet", ["eve"]),
    }
    world.commit(files, by="alice", branch="hire")
    world.approve("hire", "alice", "bob")
    world.merge("hire")
    assert world.verify().verified
    world.commit(project_files(), by="alice", branch="topic", signed=False)
    world.sign("topic", "alice", "propose")
    spoiled = [replace(item, contributors=("alice", "bob", "carol")) for item in world.signables("topic")]
    world.commit(world.envelopes(spoiled, "eve", "propose"), by="eve", branch="topic")
    world.approve("topic", "bob")
    world.merge("topic", signed=False)
    assert world.verify().verified
