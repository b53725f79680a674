# SPDX-License-Identifier: Apache-2.0
"""Founding a fleet by push, the checkpoint, where the trust root comes from, and what the hook survives."""

from __future__ import annotations

import itertools
from pathlib import Path

import jsonschema
import pytest

from gaitops.cli import output_schemas
from gaitops.cli.deadline import deadline
from gaitops.errors import InternalError
from tests.history.stories import project
from tests.hook.server import Server
from tests.simulator import World

ZERO = "0" * 40


def test_the_branch_is_created_by_a_verified_history_only(tmp_path: Path, world: World) -> None:
    """An empty repository accepts main when genesis is signed and everything after it is authorized, and not before."""
    server = Server(tmp_path, world.trust_root)
    server.install()
    founded = world.head()
    world.commit(project(), by="alice")
    assert "[approval.quorum]" in server.push(world, "main").err
    unsigned = world.repository.first_parents(founded)[-1]
    assert not server.push(world, f"{unsigned}:refs/heads/main").accepted
    assert server.head() is None
    assert server.push(world, f"{founded}:refs/heads/main").accepted


def test_a_history_of_another_root_is_refused(tmp_path: Path, world: World) -> None:
    """A fleet that is perfectly signed by others is not this server's fleet."""
    server = Server(tmp_path, "0" * 64)
    server.install()
    assert "[trust.root_mismatch]" in server.push(world, "main").err


def test_signatures_of_genesis_may_complete_a_branch(tmp_path: Path, world: World) -> None:
    """A branch without a verified genesis, from before the hook, is accepted once the push completes it."""
    server = Server(tmp_path, world.trust_root)
    unsigned = world.repository.first_parents(world.head())[-1]
    server.push(world, f"{unsigned}:refs/heads/main")
    server.install()
    code, document = server.hook()
    assert (code, document["accepted"]) == (2, False)
    push = server.push(world, "main")
    assert push.accepted, push.err


def test_the_root_may_come_from_the_servers_environment(tmp_path: Path, world: World) -> None:
    """GAITOPS_TRUST_ROOT of the server counts; without any trust root every push to the branch is refused (T21)."""
    server = Server(tmp_path, world.trust_root)
    server.push(world, "main")
    server.install()
    hook = server.path / "hooks" / "pre-receive"
    hook.write_text(hook.read_text().partition(" --trust-root")[0] + "\n")
    world.commit({"docs/a.md": "x"}, by="alice")
    assert "[trust.root_missing]" in server.push(world, "main").err
    push = server.push(world, "main", environ={"GAITOPS_TRUST_ROOT": f"sha256:{world.trust_root}"})
    assert push.accepted, push.err


def test_a_refused_push_leaves_no_trace(server: Server, world: World) -> None:
    """Neither checkpoint nor objects of a refused push stay on the server."""
    checkpoints, objects = server.checkpoints(), server.git("count-objects", "-v")
    world.commit(project(), by="alice")
    assert not server.push(world, "main").accepted
    assert server.checkpoints() == checkpoints
    assert server.git("count-objects", "-v") == objects


def test_the_checkpoint_follows_the_branch(server: Server, world: World) -> None:
    """A push is judged from where the branch was; an accepted one is in the checkpoint from the next push on."""
    before = server.checkpoints()
    for name in ("pay", "ledger"):
        world.land(project(name), by="alice", approvers=["bob"])
        assert server.push(world, "main").accepted
    after = server.checkpoints()
    assert len(before) == 1
    assert before.keys() == after.keys()
    assert before != after


def test_a_branch_that_was_set_back_on_the_server_is_noticed(server: Server, world: World) -> None:
    """Whoever moves the branch behind the hook's back meets the checkpoint at the next push (G8)."""
    world.land(project(), by="alice", approvers=["bob"])
    server.push(world, "main")
    server.hook()
    server.git("update-ref", "refs/heads/main", world.repository.resolve("main~1"))
    push = server.push(world, "main")
    assert "[history.not_descendant]" in push.err


def test_hostile_settings_of_the_repository_change_nothing(
    server: Server, world: World, tmp_path: Path
) -> None:
    """No program, include or object trick of the server's configuration takes part in the verdict (G9)."""
    marker = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {marker}\nexit 0\n")
    program.chmod(0o755)
    (tmp_path / "more").write_text(f"[gpg]\n\tprogram = {program}\n[core]\n\tuseReplaceRefs = true\n")
    for name, value in {
        "gpg.ssh.program": str(program),
        "gpg.format": "ssh",
        "core.fsmonitor": str(program),
        "include.path": str(tmp_path / "more"),
        "core.attributesFile": str(tmp_path / "more"),
        "core.commitGraph": "true",
        "diff.external": str(program),
    }.items():
        server.git("config", name, value)
    world.commit(project(), by="alice")
    assert not server.push(world, "main").accepted
    files = world.envelopes(world.signables("main", include_pending=True), "bob", "approve")
    world.commit(files, by="bob")
    push = server.push(world, "main")
    assert push.accepted, push.err
    assert not marker.exists()


@pytest.mark.parametrize(
    ("setup", "code"),
    [
        (["update-ref", "refs/replace/{other}", "{head}"], "git.replace_refs"),
        (["config", "remote.origin.promisor", "true"], "git.partial_clone"),
    ],
)
def test_a_server_that_may_not_show_what_is_there_accepts_nothing(
    server: Server, world: World, setup: list[str], code: str
) -> None:
    """What makes ``verify`` refuse a repository makes the hook refuse every push to the branch, and no other."""
    names = {"head": world.head(), "other": world.repository.resolve("main~1")}
    server.git(*(word.format(**names) for word in setup))
    world.commit({"docs/a.md": "x"}, by="alice")
    assert f"[{code}]" in server.push(world, "main").err
    assert server.push(world, "main:topic").accepted


def test_objects_elsewhere_are_not_read(server: Server, world: World, tmp_path: Path) -> None:
    """The pushed objects must lie in a folder of their own inside the repository, whatever the environment claims."""
    head = world.land(project(), by="alice", approvers=["bob"])
    line = f"{server.head()} {head} refs/heads/main\n"
    planted = server.path / "objects" / "tmp_objdir-incoming-planted"
    planted.symlink_to(world.repository.location.objects)
    for folder in (
        world.repository.location.objects,
        planted,
        server.path / "objects" / "pack",
        server.path / "objects",
        server.path / "objects" / "absent",
    ):
        code, document = server.hook(line, environ={"GIT_QUARANTINE_PATH": str(folder)})
        assert (code, document["error_code"]) == (2, "git.alternates")
    code, document = server.hook(line)
    assert (code, document["error_code"]) == (2, "git.corrupt_object")


def test_a_late_push_is_told_so(server: Server, world: World) -> None:
    """Who starts from an older commit than the branch holds is told that it moved, not that it is forbidden."""
    before = server.head()
    world.land(project(), by="alice", approvers=["bob"])
    assert server.push(world, "main").accepted
    code, document = server.hook(f"{before} {world.head()} refs/heads/main\n")
    assert (code, document["error_code"]) == (2, "history.fork")
    code, document = server.hook(f"{ZERO} {world.head()} refs/heads/main\n")
    assert (code, document["error_code"]) == (2, "history.fork")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("nonsense\n", "hook.input"),
        (f"{ZERO} {ZERO}\n", "hook.input"),
        (f"{'1' * 40} {'2' * 40} refs/heads/a\n" * 2, "hook.input"),
        (f"{'1' * 64} {'2' * 64} refs/heads/main\n", "git.object_format"),
    ],
)
def test_input_that_git_does_not_write(server: Server, line: str, code: str) -> None:
    """Lines that are no update lines are refused as a whole."""
    assert server.hook(line)[1]["error_code"] == code


def test_the_time_is_bounded() -> None:
    """Work that does not end is interrupted, with the code and the remedy that were promised."""
    with pytest.raises(InternalError) as caught, deadline(0.05, "hook.timeout", "late", "again"):
        for _ in itertools.count():
            pass
    assert (caught.value.code, caught.value.problems[0].remedy) == ("hook.timeout", "again")


def test_the_document_fits_its_schema(server: Server, world: World) -> None:
    """``--json`` prints one document that its schema describes, for acceptance and refusal alike."""
    head = world.commit(project(), by="alice")
    server.push(world, "main:refs/heads/topic")
    code, document = server.hook(f"{server.head()} {head} refs/heads/main\n")
    validator = jsonschema.Draft202012Validator(output_schemas.load("hook"))
    validator.validate(document)
    assert (code, document["pending"], document["judged"]) == (4, True, ["acme"])
    code, document = server.hook()
    validator.validate(document)
    assert (code, document["judged"]) == (0, ["fleet", "acme"])
