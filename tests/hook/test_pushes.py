# SPDX-License-Identifier: Apache-2.0
"""Real pushes to a real bare repository: what the hook lets in, and what it refuses (design 5, issue 3 item 16)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.history.stories import project
from tests.hook.server import Server
from tests.simulator import World, document, project_files


def test_an_approved_change_enters(server: Server, world: World) -> None:
    """A change with its approval, merged on main, is accepted, and the pusher is told what was decided."""
    head = world.land(project(), by="alice", approvers=["bob"])
    push = server.push(world, "main")
    assert push.accepted, push.err
    assert "accepted, 1 decision" in push.err
    assert server.head() == head


def test_an_unapproved_change_is_refused(server: Server, world: World) -> None:
    """Without an approval the branch stays where it was, and the pusher reads what is missing and who may give it."""
    before = server.head()
    world.commit(project(), by="alice")
    push = server.push(world, "main")
    assert not push.accepted
    assert server.head() == before
    assert "refused: approvals are missing" in push.err
    assert "[approval.quorum]" in push.err
    assert "fix:" in push.err


def test_approvals_may_come_with_the_next_push(server: Server, world: World) -> None:
    """A refused change is accepted as soon as its approval is pushed along with it."""
    world.commit(project(), by="alice", branch="topic")
    world.merge("topic")
    assert not server.push(world, "main").accepted
    files = world.envelopes(world.signables("main", include_pending=True), "bob", "approve")
    world.commit(files, by="bob")
    push = server.push(world, "main")
    assert push.accepted, push.err


def test_nothing_may_hide_behind_an_approved_change(server: Server, world: World) -> None:
    """One unapproved commit on top of approved ones refuses the push as a whole."""
    world.land(project(), by="alice", approvers=["bob"])
    world.commit(project("ledger"), by="alice")
    before = server.head()
    assert not server.push(world, "main").accepted
    assert server.head() == before


def test_an_unapproved_change_that_is_taken_back_enters(server: Server, world: World) -> None:
    """What counts is the content at the new head: a mistake and its revert may be pushed together."""
    world.commit(project(), by="alice")
    world.commit(dict.fromkeys(project()), by="alice")
    push = server.push(world, "main")
    assert push.accepted, push.err


def test_unprotected_files_need_nobody(server: Server, world: World) -> None:
    """Documentation is pushed without approvals and without a word from the hook."""
    world.commit({"docs/handbook.md": "# Handbook\n"}, by="alice", signed=False)
    push = server.push(world, "main")
    assert push.accepted, push.err
    assert "gaitops" not in push.err


def test_a_forced_push_is_refused(server: Server, world: World) -> None:
    """Setting the branch back, or to another history, is refused however it is asked for."""
    world.land(project(), by="alice", approvers=["bob"])
    assert server.push(world, "main").accepted
    before = server.head()
    back = server.push(world, "main~1:main", options=("--force",))
    assert "[history.not_descendant]" in back.err
    world.commit_tree(world.repository.tree_of(world.head()), [], by="alice", branch="alone")
    unrelated = server.push(world, "alone:main", options=("--force",))
    assert "[history.not_descendant]" in unrelated.err
    assert server.head() == before


def test_a_foxtrot_is_refused(server: Server, world: World) -> None:
    """Git calls it a fast-forward when a side branch merges main into itself; the first-parent history says no (G12)."""
    base = world.head()
    side = world.commit({"docs/side.md": "x"}, by="alice", branch="side")
    world.commit({"docs/main.md": "x"}, by="alice")
    assert server.push(world, "main").accepted
    tree = world.repository.tree_of(world.head())
    world.commit_tree(tree, [side, world.head()], by="alice", branch="side")
    push = server.push(world, "side:main")
    assert "[history.not_descendant]" in push.err
    assert base != server.head() == world.head()


def test_a_merge_commit_enters(server: Server, world: World) -> None:
    """A pull request merged with a real merge commit is judged like any other."""
    world.commit(project(), by="alice", branch="topic")
    world.approve("topic", "bob")
    world.join("topic", by="alice")
    push = server.push(world, "main")
    assert push.accepted, push.err


def test_deleting_the_branch_is_refused(server: Server, world: World) -> None:
    """The protected branch cannot be deleted, alone or among other deletions."""
    server.push(world, "main:refs/heads/topic")
    assert "[hook.deletion]" in server.push(world, ":main").err
    assert "[hook.deletion]" in server.push(world, ":topic", ":main").err
    assert server.head() == world.head()
    assert server.head("refs/heads/topic") is not None


def test_other_references_are_free(server: Server, world: World) -> None:
    """Topic branches and tags are pushed, moved and deleted at will: nothing on them is in force."""
    world.commit(project(), by="alice", branch="topic")
    assert server.push(world, "topic", "topic:refs/tags/v1").accepted
    assert server.push(world, "main:topic", options=("--force",)).accepted
    assert server.push(world, ":topic", ":refs/tags/v1").accepted


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("refs/replace/{head}", "git.replace_refs"),
        ("refs/replace/deep/{head}", "git.replace_refs"),
        ("refs/tags/main", "git.ambiguous_revision"),
        ("refs/remotes/main", "git.ambiguous_revision"),
        ("refs/heads/Main", "git.ambiguous_revision"),
    ],
)
def test_references_that_would_mislead_are_refused(
    server: Server, world: World, reference: str, code: str
) -> None:
    """No reference may make the branch's name or its objects mean something else (G1, G5), not even beside a good push."""
    world.land(project(), by="alice", approvers=["bob"])
    before, name = server.head(), reference.format(head=world.head())
    push = server.push(world, "main", f"main~1:{name}")
    assert f"[{code}]" in push.err
    assert server.head() == before
    assert server.head(name) is None


def test_misleading_references_may_be_deleted(server: Server, world: World) -> None:
    """What an administrator's mistake left behind can be cleaned up by a push."""
    names = ("refs/tags/main", f"refs/replace/{world.repository.resolve('main~1')}")
    for name in names:
        server.git("update-ref", name, world.head())
    push = server.push(world, *(f":{name}" for name in names))
    assert push.accepted, push.err


def test_an_alias_is_no_way_around(server: Server, world: World) -> None:
    """A symbolic reference of the server that leads to the branch cannot be used to move or to delete it."""
    server.git("symbolic-ref", "refs/heads/trunk", "refs/heads/main")
    before = server.head()
    world.commit(project(), by="alice")
    assert "[git.ambiguous_revision]" in server.push(world, "main:trunk").err
    assert "[git.ambiguous_revision]" in server.push(world, ":trunk").err
    assert server.head() == before


def test_what_waited_before_stops_only_its_own_partition(server: Server, world: World) -> None:
    """Content that slipped in before the hook was installed stops pushes to its partition, not to others, until repaired."""
    hook = server.path / "hooks" / "pre-receive"
    hook.rename(hook.with_name("away"))
    world.commit(project(), by="alice")
    assert server.push(world, "main").accepted
    hook.with_name("away").rename(hook)
    world.land({"trust/freeze-windows/winter.yaml": _freeze()}, by="alice", approvers=["alice", "bob"])
    other = server.push(world, "main")
    assert other.accepted, other.err
    world.commit(project_files("pay", repositories=("till",)), by="alice")
    assert not server.push(world, "main").accepted
    files = world.envelopes(world.signables("main", include_pending=True), "bob", "approve")
    world.commit(files, by="bob")
    repaired = server.push(world, "main")
    assert repaired.accepted, repaired.err


def _freeze() -> str:
    windows = [{"start": "2031-12-20T00:00:00", "end": "2031-12-27T00:00:00"}]
    return document("FreezeWindow", "winter", {"timezone": "UTC", "windows": windows, "reason": "holidays"})


def test_a_checked_out_branch_is_refused_by_git(tmp_path: Path, world: World) -> None:
    """In a repository with a work tree the hook agrees, and Git's own receive.denyCurrentBranch still decides."""
    server = Server(tmp_path, world.trust_root)
    server.git("init", "--quiet", "--initial-branch", "main", str(tmp_path / "worktree"), folder=tmp_path)
    server.path = tmp_path / "worktree" / ".git"
    server.git("fetch", "--quiet", str(world.path), "main:refs/heads/main", "--update-head-ok")
    server.install()
    world.land(project(), by="alice", approvers=["bob"])
    push = server.push(world, "main")
    assert "branch is currently checked out" in push.err
    server.git("config", "receive.denyCurrentBranch", "ignore")
    push = server.push(world, "main")
    assert push.accepted, push.err
    assert "accepted, 1 decision" in push.err
