# SPDX-License-Identifier: Apache-2.0
"""Sizes that are meant to exhaust whoever verifies: refused in time, and repaired by one commit."""

from __future__ import annotations

import pytest

from tests.attacks import git_tools as tools
from tests.attacks.git_tools import FILE, FOLDER
from tests.attacks.story import REFUSED, VERIFIED, Commands
from tests.simulator import World, project_files

MIB = 1024 * 1024


def _bomb(world: World) -> str:
    """Ten folders of ten folders, eight deep: a hundred million files in ten objects."""
    leaf = tools.blob(world, b"x")
    tree = tools.raw_tree(world, [(FILE, b"f%d" % number, leaf) for number in range(10)])
    for _level in range(7):
        tree = tools.raw_tree(world, [(FOLDER, b"d%d" % number, tree) for number in range(10)])
    return tree


@pytest.mark.parametrize("place", [b"docs", b"orgs/acme/bomb", b"approvals/00"])
def test_tree_bomb(commands: Commands, world: World, place: bytes) -> None:
    """D2: a few objects that stand for a hundred million files hold up one partition until they are gone."""
    good = world.head()
    tools.plant(world, (place, FOLDER, _bomb(world)), by="mallory", sign=False)
    checked = commands.verify(world)
    assert (checked.code, "git.too_large" in checked.codes) == (REFUSED, True)
    tools.restore(world, good)
    assert commands.verify(world).code == VERIFIED


def test_tree_bomb_in_a_pull_request(commands: Commands, world: World) -> None:
    """D2: a pull request with such a tree is refused, and does no harm after it was cleaned up and merged."""
    good = world.head()
    world.move(
        "topic",
        tools.raw_commit(
            world, tools.planted(world, (b"trust/bomb", FOLDER, _bomb(world))), [good], branch=None
        ),
    )
    run = commands.check(world, "topic")
    assert (run.code, run.codes) == (REFUSED, ["git.too_large"])
    clean = tools.raw_commit(world, world.repository.tree_of(good), [world.head("topic")], branch=None)
    tools.raw_commit(world, world.repository.tree_of(good), [good, clean])
    assert commands.verify(world).code == VERIFIED
    world.land(project_files(), by="alice", approvers=["bob"])
    assert commands.verify(world).code == VERIFIED


def test_huge_files(commands: Commands, world: World) -> None:
    """D2: 50 MiB where documents and any other protected file belong."""
    good, huge = world.head(), tools.blob(world, b"a: b\n" * (10 * MIB))
    tools.plant(
        world,
        *(
            (path, FILE, huge)
            for path in (b"trust/roles/huge.yaml", b"orgs/acme/org.yaml", b"trust/huge.bin")
        ),
    )
    run = commands.verify(world)
    assert (run.code, run.codes.count("document.too_large")) == (REFUSED, 2)
    tools.restore(world, good)
    assert commands.verify(world).code == VERIFIED


@pytest.mark.parametrize("place", [b"docs/many", b"evidence/analyses"])
def test_large_folder(commands: Commands, world: World, place: bytes) -> None:
    """A folder of 100,000 files where nobody protects them, of 5,000 where somebody does."""
    good, leaf = world.head(), tools.blob(world, b"{}")
    number = 100_000 if place.startswith(b"docs") else 5_000
    tools.plant(
        world,
        (
            place,
            FOLDER,
            tools.raw_tree(world, [(FILE, b"f%06d.json" % index, leaf) for index in range(number)]),
        ),
    )
    if number == 100_000:
        assert commands.verify(world).code == VERIFIED
    else:
        assert "approval.quorum" in commands.verify(world).codes
        tools.restore(world, good)
        assert commands.verify(world).code == VERIFIED


def test_many_organizations(commands: Commands, world: World) -> None:
    """Two hundred organizations that nobody asked for are refused one by one and leave acme alone."""
    good, leaf = world.head(), tools.blob(world, b"x")
    folder = tools.raw_tree(world, [(FILE, b"x.txt", leaf)])
    tools.plant(world, *((b"orgs/o%04d" % number, FOLDER, folder) for number in range(200)), by="mallory")
    run = commands.verify(world)
    assert run.code == REFUSED
    assert sum(item["verified"] for item in run.json["partitions"]) == 2
    assert commands.verify(world, "--org", "acme").code == VERIFIED
    tools.restore(world, good)
    assert commands.verify(world).code == VERIFIED


def test_ten_thousand_junk_envelopes(commands: Commands, world: World) -> None:
    """Junk among the envelopes is reported and harms nothing, however much there is."""
    leaf = tools.blob(world, b'{"payload": ')
    junk = tools.raw_tree(world, [(FILE, b"mallory.%012x.json" % number, leaf) for number in range(10_000)])
    tools.plant(world, (b"approvals/ab/" + b"c" * 62, FOLDER, junk), by="mallory", sign=False)
    run = commands.verify(world)
    assert run.code == VERIFIED, run.out[:1000]
    assert len(run.json["ignored"]) == 10_000
    world.land(project_files(), by="alice", approvers=["bob"])
    assert commands.verify(world).code == VERIFIED


@pytest.mark.parametrize("size", [64 * 1024 + 1, MIB])
def test_large_envelope(commands: Commands, world: World, size: int) -> None:
    """An envelope beyond 64 KiB is not read, whoever signed it."""
    path = b"approvals/ab/" + b"c" * 62 + b"/bob." + b"0" * 12 + b".json"
    tools.plant(world, (path, FILE, tools.blob(world, b" " * size)), by="mallory", sign=False)
    run = commands.verify(world)
    assert (run.code, [item["code"] for item in run.json["ignored"]]) == (VERIFIED, ["approval.malformed"])


@pytest.mark.parametrize("depth", [65, 1_500])
def test_deep_folders(commands: Commands, world: World, depth: int) -> None:
    """Folders in folders, protected or not, in the branch and in a pull request."""
    good = world.head()
    tree = tools.raw_tree(world, [(FILE, b"x", tools.blob(world, b"x"))])
    for _level in range(depth):
        tree = tools.raw_tree(world, [(FOLDER, b"d", tree)])
    for place, code in ((b"docs/deep", VERIFIED), (b"trust/deep", REFUSED)):
        planted = tools.planted(world, (place, FOLDER, tree))
        world.move("topic", tools.raw_commit(world, planted, [world.head()], branch=None))
        checked = commands.check(world, "topic")
        assert checked.code == code, checked.out
        world.move("main", world.head("topic"))
        assert commands.verify(world).code == code
    tools.restore(world, good)
    assert commands.verify(world).code == VERIFIED


def test_long_chain_of_unauthorized_commits(commands: Commands, world: World) -> None:
    """Twenty commits that nobody authorized are one waiting change, and one commit ends it."""
    good = world.head()
    for number in range(20):
        world.commit({f"trust/junk{number}.txt": "x"}, by="mallory", signed=False)
    run = commands.verify(world)
    assert (run.code, len(run.json["partitions"][0]["waiting"])) == (REFUSED, 20)
    tools.restore(world, good)
    assert commands.verify(world).code == VERIFIED
