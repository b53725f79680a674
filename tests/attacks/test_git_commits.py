# SPDX-License-Identifier: Apache-2.0
"""Commits and histories that tell something else than what happened (threats G8, G10 to G12)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.attacks import git_tools as tools
from tests.attacks.story import REFUSED, VERIFIED, Commands
from tests.simulator import START, World, document, project_files

YEAR_2100 = 4_102_444_800


def _remember(commands: Commands, world: World) -> str:
    """Verify as of now, which leaves a checkpoint behind; the head is returned."""
    run = commands.run(world, "verify")
    assert run.code == VERIFIED, run.out
    return world.head()


@pytest.mark.parametrize("story", ["set back", "set back and forked", "unrelated"])
def test_rewritten_history(commands: Commands, world: World, story: str) -> None:
    """G8: the branch no longer contains what this machine verified before."""
    old = world.head()
    world.land(project_files(), by="alice", approvers=["bob"])
    seen = _remember(commands, world)
    tree = world.repository.tree_of(old)
    if story == "unrelated":
        world.move("main", tools.raw_commit(world, tree, [], branch=None))
    else:
        world.move("main", old)
    if story == "set back and forked":
        world.commit({"docs/x": "x"}, by="alice")
    for _attempt in range(2):  # What was seen is not forgotten because somebody asked.
        for run in (
            commands.run(world, "verify"),
            commands.run(world, "check", "--base", "main", "--head", "main"),
        ):
            assert (run.code, run.json["error_code"]) == (REFUSED, "history.not_descendant")
            assert seen in run.json["error"]
    world.move("main", seen)
    assert commands.run(world, "verify").code == VERIFIED


def test_rewritten_since_release(commands: Commands, world: World) -> None:
    """G8: the commit of the last release is not on the first-parent chain."""
    old = world.head()
    world.land(project_files(), by="alice", approvers=["bob"])
    released, out = commands.publish(world)
    assert released.code == VERIFIED, released.out
    world.move("main", old)
    world.commit({"docs/x": "x"}, by="alice")
    run = commands.verify(world, "--from-release", str(out))
    assert (run.code, run.codes) == (REFUSED, ["history.not_descendant"])


def _altered(raw: bytes) -> bytes:
    return raw.replace(b"\nraw\n", b"\nrow\n")


def _second_signature(world: World, by: str) -> Callable[[bytes], bytes]:
    def finish(raw: bytes) -> bytes:
        head, _, body = raw.partition(b"\n\n")
        return head + b"\n" + tools.signature_header(world.actor(by), b"anything") + b"\n" + body

    return finish


@pytest.mark.parametrize("forgery", ["altered", "twice", "other namespace", "hidden", "nul"])
def test_commit_signature_over_other_bytes(commands: Commands, world: World, forgery: str) -> None:
    """G10: a commit with a signature that is not one signature over exactly this commit."""
    good = world.head()
    oid = tools.blob(world, next(iter(project_files().values())).encode())
    tree = tools.planted(world, (b"orgs/acme/projects/pay/project.yaml", tools.FILE, oid))
    changes: dict[str, Callable[[bytes], bytes]] = {
        "altered": _altered,
        "twice": _second_signature(world, "bob"),
        "other namespace": lambda raw: raw.replace(b"gpgsig -----BEGIN SSH", b"gpgsig -----BEGIN SSh"),
        "hidden": lambda raw: raw.replace(b"\ngpgsig ", b"\ngpgsigx hidden\ngpgsig "),
        "nul": lambda raw: raw + b"\0what people do not see",
    }
    topic = tools.raw_commit(world, tree, [good], finish=changes[forgery], branch=None)
    code = "proposer.unknown" if forgery == "other namespace" else "signature.invalid"
    world.move("topic", topic)
    checked = commands.check(world, "topic")
    assert checked.code == REFUSED, checked.out
    assert code in checked.codes
    world.move("main", topic)
    tools.refused_until_restored(commands, world, good, code)


def test_signature_of_another_commit(commands: Commands, world: World) -> None:
    """G10: Alice's signature, lifted from a commit that she made."""
    good = world.head()
    hers = tools.raw_commit(world, world.repository.tree_of(good), [good], branch=None)
    signature = world.repository.commit(hers).signature
    assert signature is not None
    lifted = b"gpgsig " + signature.armored.strip(b"\n").replace(b"\n", b"\n ") + b"\n"
    tree = tools.planted(world, (b"trust/roles/evil.txt", tools.FILE, tools.blob(world, b"x")))
    tools.raw_commit(
        world, tree, [good], sign=False, finish=lambda raw: raw.replace(b"\n\nraw", b"\n" + lifted + b"\nraw")
    )
    tools.refused_until_restored(commands, world, good, "signature.invalid")


BAD_TIMES = {
    "junk": b"1700000000junk +0000",
    "empty": b"",
    "missing": b"+0000",
    "negative": b"-1 +0000",
    "hex": b"0x65 +0000",
    "zero-padded": b"01793523600 +0000",
    "overflow": b"99999999999999999999 +0000",
    "no-zone": b"1793523600",
    "bad-zone": b"1793523600 +99999999",
    "1970": b"0 +0000",
    "backwards": str(int(START.timestamp()) - 86_400).encode() + b" +0000",
    "future": str(YEAR_2100).encode() + b" +0000",
    "year 9999": b"253402300799 +0000",
    "year 10000": b"253402300800 +0000",
}


@pytest.mark.parametrize("time", BAD_TIMES.values(), ids=BAD_TIMES.keys())
@pytest.mark.parametrize("remembered", [False, True])
def test_commit_time(commands: Commands, world: World, time: bytes, remembered: bool) -> None:
    """G11: an approved change merged at a time that cannot be; a later commit at a good time decides it."""
    world.commit(project_files(), by="alice", branch="topic")
    world.approve("topic", "bob")
    tree = world.repository.tree_of(world.head("topic"))
    email = world.actor("alice").email.encode()
    tools.raw_commit(world, tree, [world.head()], committer=b"alice <" + email + b"> " + time)
    if remembered:
        assert commands.run(world, "verify").code == REFUSED
    commands.survives(world, "history.time")
    tools.raw_commit(world, tree, [world.head()])
    if remembered:  # The checkpoint must not have forgotten that the decision is still to be made.
        assert commands.run(world, "verify").code == VERIFIED
    commands.accepts(world)


@pytest.mark.parametrize(
    "line",
    [b"", b"alice", b"<>", b"a <b> c> 1793523600 +0000", b"alice\0 <a@b> 1793523600 +0000", b"\xff\xfe"],
)
def test_malformed_committer(commands: Commands, world: World, line: bytes) -> None:
    """G11: a committer line that is none."""
    good = world.head()
    tree = tools.planted(world, (b"trust/x.txt", tools.FILE, tools.blob(world, b"x")))
    tools.raw_commit(world, tree, [good], committer=line)
    tools.refused_until_restored(commands, world, good, "history.time")


def test_foxtrot(commands: Commands, world: World) -> None:
    """G12: a side branch, made with a key that main has revoked since, becomes the first parent of main."""
    dave = world.actor("dave")
    principal = {
        "type": "human",
        "emails": [dave.email],
        "identities": [{"id": "a", "type": "key", "publicKey": dave.pem}],
    }
    binding = {"role": "policy_author", "scope": "fleet", "members": {"principals": ["dave"]}}
    world.commit(
        {
            "trust/principals/dave.yaml": document("Principal", "dave", principal),
            "trust/roles/dave.yaml": document("RoleBinding", "dave", binding),
        },
        by="alice",
        branch="dave",
    )
    world.approve("dave", "alice", "bob")
    world.merge("dave")
    commands.accepts(world)
    fork = world.head()
    world.land({"docs/revoked": "dave is gone"}, by="alice")
    seen = _remember(commands, world)
    world.move("side", fork)
    world.commit({"orgs/acme/policies/evil/notes.txt": "x"}, by="dave", branch="side")
    merged = tools.planted(world, (b"orgs/acme/policies/evil/notes.txt", tools.FILE, tools.blob(world, b"x")))
    foxtrot = tools.raw_commit(world, merged, [world.head("side"), seen], by="dave", branch=None)
    world.move("main", foxtrot)
    assert seen not in world.repository.first_parents(foxtrot)
    run = commands.run(world, "verify")
    assert (run.code, run.json["error_code"]) == (REFUSED, "history.not_descendant")
    repaired = tools.raw_commit(world, world.repository.tree_of(seen), [seen, foxtrot], branch=None)
    world.move("main", repaired)
    assert commands.run(world, "verify").code == VERIFIED


def test_many_parents(commands: Commands, world: World) -> None:
    """A merge of twenty branches, and one whose parents are all the same."""
    good = world.head()
    sides = [
        tools.raw_commit(world, world.repository.tree_of(good), [good], branch=None) for _number in range(19)
    ]
    tools.raw_commit(world, world.repository.tree_of(good), [good, *sides])
    tools.raw_commit(world, world.repository.tree_of(good), [world.head()] * 3)
    commands.accepts(world)
    assert commands.check(world, "main").code == VERIFIED


def test_octopus_that_smuggles(commands: Commands, world: World) -> None:
    """A merge of many branches whose tree holds what none of them has."""
    good = world.head()
    sides = [
        tools.raw_commit(world, world.repository.tree_of(good), [good], by="bob", branch=None)
        for _ in range(3)
    ]
    tree = tools.planted(world, (b"trust/smuggled.txt", tools.FILE, tools.blob(world, b"x")))
    tools.raw_commit(world, tree, [good, *sides], by="mallory")
    tools.refused_until_restored(commands, world, good, "proposer.unknown", "approval.quorum")


def test_unrelated_history_merged(commands: Commands, world: World) -> None:
    """A merge of a history that shares no commit, and a pull request that is one."""
    good = world.head()
    stranger = tools.raw_commit(
        world, tools.planted(world, (b"x", tools.FILE, tools.blob(world, b"x"))), [], branch=None
    )
    world.move("stranger", stranger)
    assert commands.check(world, "stranger").codes == ["change.unrelated"]
    tools.raw_commit(world, world.repository.tree_of(good), [good, stranger])
    commands.accepts(world)


def test_empty_commits(commands: Commands, world: World) -> None:
    """Commits that change nothing, signed or not, need nobody's approval."""
    for sign in (True, False):
        tools.raw_commit(
            world, world.repository.tree_of(world.head()), [world.head()], by="mallory", sign=sign
        )
    commands.accepts(world)


def test_history_of_one_commit(commands: Commands, world: World) -> None:
    """Genesis alone lacks its signatures, whatever else is there."""
    first = world.repository.first_parents(world.head())[-1]
    world.move("main", first)
    commands.survives(world, "approval.quorum")
    world.move("main", tools.raw_commit(world, tools.raw_tree(world, []), [], by="mallory", branch=None))
    tools.fatal(commands, world, "trust.root_mismatch")


@pytest.mark.parametrize("encoding", [b"ISO-8859-1", b"latin-1", b"iso-8859-15"])
def test_commit_in_another_encoding(commands: Commands, world: World, encoding: bytes) -> None:
    """A commit in Latin-1, as old tools write it, is its author's like any other."""
    tree = tools.planted(
        world,
        *(
            (path.encode(), tools.FILE, tools.blob(world, text.encode()))
            for path, text in project_files().items()
        ),
    )
    topic = tools.raw_commit(
        world, tree, [world.head()], headers=[b"encoding " + encoding], message=b"Gr\xfc\xdfe\n", branch=None
    )
    world.move("topic", topic)
    world.approve("topic", "bob")
    world.move("main", world.head("topic"))
    commands.accepts(world)


@pytest.mark.parametrize("encoding", [b"utf-7", b"cp037", b"rot13", b"undefined", b"\xff"])
def test_commit_in_an_encoding_that_hides(commands: Commands, world: World, encoding: bytes) -> None:
    """G10: an encoding in which co-authors could be hidden vouches for nobody."""
    good = world.head()
    tree = tools.planted(world, (b"trust/x.txt", tools.FILE, tools.blob(world, b"x")))
    tools.raw_commit(world, tree, [good], headers=[b"encoding " + encoding])
    tools.refused_until_restored(commands, world, good, "signature.invalid")


def test_old_and_late_histories(commands: Commands, world: World) -> None:
    """Empty and unprotected commits of 1970 and 2100 neither crash nor decide anything."""
    email = world.actor("alice").email.encode()
    for seconds in (0, YEAR_2100, 253_402_300_799):
        committer = b"alice <" + email + b"> " + str(seconds).encode() + b" +0000"
        tools.raw_commit(world, world.repository.tree_of(world.head()), [world.head()], committer=committer)
        tree = tools.planted(world, (b"docs/x", tools.FILE, tools.blob(world, str(seconds).encode())))
        tools.raw_commit(world, tree, [world.head()], committer=committer)
    assert commands.verify(world).code == VERIFIED
    tools.raw_commit(world, world.repository.tree_of(world.head()), [world.head()])
    commands.accepts(world)


def test_authorized_too_late_is_said(commands: Commands, world: World) -> None:
    """A change whose approval became valid only after its commit is refused with a reason, and can be decided later."""
    world.commit(project_files(), by="alice", branch="topic")
    later = world.now + timedelta(hours=2)
    approval = world.envelopes(world.signables("topic"), "bob", "approve", issued_at=later)
    world.commit(approval, by="bob", branch="topic")
    world.merge("topic")
    world.now = later
    commands.survives(world, "history.undecided")
    path = "orgs/acme/projects/pay/project.yaml"
    for text in (project_files()[path] + " ", project_files()[path]):
        world.commit({path: text}, by="alice")
    commands.accepts(world)
