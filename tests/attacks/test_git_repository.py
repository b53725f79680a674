# SPDX-License-Identifier: Apache-2.0
"""Repositories whose files around the objects lie (threats G1 to G5, G9, G13, G14)."""

from __future__ import annotations

import shutil
import subprocess
import zlib
from pathlib import Path

import pytest

from gaitops.git.objects import TAG
from tests.attacks import git_tools as tools
from tests.attacks.story import INVALID, REFUSED, VERIFIED, Commands
from tests.simulator import World, project_files


@pytest.mark.parametrize("packed", [False, True])
def test_replace_refs(commands: Commands, world: World, packed: bool) -> None:
    """G1: replace refs show other objects than the commits name."""
    commands.accepts(world)
    box = tools.git(world)
    box("replace", world.head(), box("rev-parse", "main~1"))
    if packed:
        box("pack-refs", "--all")
    tools.fatal(commands, world, "git.replace_refs")


def test_grafts(commands: Commands, world: World) -> None:
    """G2: a graft file gives the head no parents."""
    (world.path / ".git" / "info").mkdir(exist_ok=True)
    (world.path / ".git" / "info" / "grafts").write_text(world.head() + "\n")
    tools.fatal(commands, world, "git.grafts")


def test_shallow_clone(commands: Commands, world: World) -> None:
    """G3: a real shallow clone has no history."""
    tools.fatal(commands, tools.cloned(world, "--depth", "1"), "git.shallow")


def test_forged_shallow_file(commands: Commands, world: World) -> None:
    """G3: a forged shallow file cuts a complete history off."""
    (world.path / ".git" / "shallow").write_text(world.head() + "\n")
    tools.fatal(commands, world, "git.shallow")


@pytest.mark.parametrize("kind", ["blob:none", "tree:0"])
def test_partial_clone(commands: Commands, world: World, kind: str) -> None:
    """G3: a real partial clone leaves objects to be fetched later."""
    clone = tools.cloned(world, "--no-checkout", "--filter", kind)
    tools.fatal(commands, clone, "git.partial_clone")


def test_partial_clone_whose_configuration_hides_it(commands: Commands, world: World) -> None:
    """G3: without its settings a partial clone is still told by its packs."""
    clone = tools.cloned(world, "--no-checkout", "--filter", "blob:none")
    (clone.path / ".git" / "config").write_text("[core]\n\trepositoryformatversion = 0\n")
    tools.fatal(commands, clone, "git.partial_clone")


def test_alternates(commands: Commands, world: World) -> None:
    """G4: a clone that borrows its objects from another repository."""
    tools.git(world)("clone", "-q", "--shared", str(world.path), "../clone")
    tools.fatal(commands, tools.moved(world, world.path.parent / "clone"), "git.alternates")


def test_alternates_through_a_chain(commands: Commands, world: World) -> None:
    """G4: an alternate inside the repository names one outside."""
    inner = world.path / ".git" / "objects" / "inner"
    (inner / "info").mkdir(parents=True)
    (inner / "info" / "alternates").write_text(str(world.path.parent / "elsewhere") + "\n")
    (world.path / ".git" / "objects" / "info" / "alternates").write_text("inner\n")
    tools.fatal(commands, world, "git.alternates")


def test_tag_and_branch_of_one_name(commands: Commands, world: World) -> None:
    """G5: a tag called main points to an older commit than the branch."""
    head = commands.accepts(world)["head"]
    tools.git(world)("tag", "main", "main~1")
    tools.fatal(commands, world, "git.ambiguous_revision")
    full = commands.verify(world, rev="refs/heads/main")
    assert full.code == VERIFIED
    assert full.json["head"] == head


def test_abbreviated_id(commands: Commands, world: World) -> None:
    """G5: ten digits of an id mean whatever happens to be in the repository."""
    run = commands.verify(world, rev=world.head()[:10])
    assert (run.code, run.codes) == (REFUSED, ["git.ambiguous_revision"])
    assert commands.verify(world, rev=world.head()).code == VERIFIED


@pytest.mark.parametrize(
    "rev", ["main^{tree}", "main@{1}", ":/genesis", "--all", "main..main", "", "main^", "main~9999"]
)
def test_revision_expressions(commands: Commands, world: World, rev: str) -> None:
    """G5: expressions are refused as usage, whatever Git would make of them."""
    assert commands.verify(world, rev=rev).code == INVALID


def _hostile_configuration(world: World, canary: Path) -> None:
    script = world.path.parent / "program.sh"
    script.write_text(f"#!/bin/sh\ntouch '{canary}'\ncat\n")
    script.chmod(0o755)
    included = world.path.parent / "included"
    included.write_text(
        f"[core]\n\tfsmonitor = {script}\n\tpager = {script}\n[alias]\n\trev-list = !{script}\n"
    )
    with (world.path / ".git" / "config").open("a") as config:
        config.write(
            f"[include]\n\tpath = {included}\n[core]\n\tfsmonitor = {script}\n\thooksPath = {world.path.parent}/hooks\n"
            f"\tsshCommand = {script}\n\tattributesFile = {included}\n\tworktree = /\n"
            f'[gpg]\n\tprogram = {script}\n\tformat = ssh\n[gpg "ssh"]\n\tprogram = {script}\n'
            f"\tallowedSignersFile = /dev/null\n[diff]\n\texternal = {script}\n"
            f'[filter "evil"]\n\tclean = {script}\n\tsmudge = {script}\n\trequired = true\n'
            f"[uploadpack]\n\tpackObjectsHook = {script}\n[credential]\n\thelper = {script}\n"
        )
    for folder in (world.path / ".git" / "hooks", world.path.parent / "hooks"):
        folder.mkdir(exist_ok=True)
        for hook in (
            "reference-transaction",
            "post-checkout",
            "pre-commit",
            "fsmonitor-watchman",
            "post-index-change",
        ):
            shutil.copy(script, folder / hook)
    (world.path / ".git" / "info").mkdir(exist_ok=True)
    (world.path / ".git" / "info" / "attributes").write_text("* filter=evil diff=evil text eol=crlf ident\n")


def test_hostile_configuration(commands: Commands, world: World, tmp_path: Path) -> None:
    """G9: programs in the configuration, hooks, includes and filters neither run nor change the verdict."""
    world.land(project_files(), by="alice", approvers=["bob"])
    world.commit(project_files("web", repositories=["web"]), by="alice", branch="topic")
    verdict, judged = commands.accepts(world), commands.check(world, "topic").json
    canary = tmp_path / "canary"
    _hostile_configuration(world, canary)
    assert commands.accepts(world) == verdict
    assert commands.check(world, "topic").json == judged
    assert not canary.exists()


def test_hostile_environment(
    commands: Commands, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G9: variables that redirect Git change nothing."""
    verdict = commands.accepts(world)
    for variable in ("GIT_DIR", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_NAMESPACE", "other")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'extensions.objectformat'='sha256'")
    monkeypatch.setenv("GIT_REPLACE_REF_BASE", "refs/heads/")
    assert commands.accepts(world) == verdict


def test_forged_commit_graph(commands: Commands, world: World) -> None:
    """G13: a commit-graph file with other parents has no effect."""
    world.land(project_files(), by="alice", approvers=["bob"])
    verdict = commands.accepts(world)
    tools.git(world)("commit-graph", "write", "--reachable")
    graph = world.path / ".git" / "objects" / "info" / "commit-graph"
    graph.chmod(0o644)
    data = bytearray(graph.read_bytes())
    # The chunk "CDAT" holds a tree id and two parent positions per commit; all first parents become "none".
    at = data.index(b"CDAT")
    start, commits = (
        int.from_bytes(data[at + 4 : at + 12], "big"),
        int(tools.git(world)("rev-list", "--count", "main")),
    )
    for number in range(commits):
        row = start + number * 36
        data[row + 20 : row + 24] = (0x70000000).to_bytes(4, "big")
    graph.write_bytes(bytes(data))
    seen = subprocess.run(
        ["git", "-c", "core.commitGraph=true", "rev-list", "--count", "main"],
        cwd=world.path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert seen.stdout.strip() != str(commits), "the forgery should fool Git itself"
    assert commands.accepts(world) == verdict


@pytest.mark.parametrize("kind", ["commit", "tree", "blob"])
def test_wrong_bytes_under_an_id(commands: Commands, world: World, kind: str) -> None:
    """G13: an object's file holds other bytes than its id promises."""
    world.land(project_files(), by="alice", approvers=["bob"])
    commands.accepts(world)
    tree = world.repository.tree_of(world.head())
    oid = {
        "commit": world.head(),
        "tree": tree,
        "blob": tools.files_of(world, tree)["orgs/acme/projects/pay/project.yaml"],
    }[kind]
    path = tools.loose(world, oid)
    content = zlib.decompress(path.read_bytes())
    path.write_bytes(zlib.compress(content[:-1] + bytes([content[-1] ^ 1])))
    tools.fatal(commands, world, "git.corrupt_object")


def test_missing_object_that_matters(commands: Commands, world: World) -> None:
    """G13: a document that is judged is missing."""
    world.land(project_files(), by="alice", approvers=["bob"])
    tree = world.repository.tree_of(world.head())
    tools.loose(world, tools.files_of(world, tree)["orgs/acme/projects/pay/project.yaml"]).unlink()
    tools.fatal(commands, world, "git.corrupt_object")


def test_missing_parent(commands: Commands, world: World) -> None:
    """G13: history that ends in the middle is no history."""
    tools.loose(world, tools.git(world)("rev-parse", "main~1")).unlink()
    tools.fatal(commands, world, "git.corrupt_object")


def test_missing_envelope(commands: Commands, world: World) -> None:
    """G13: evidence that is missing is not junk: it could be a withdrawal, and the verdict would be another."""
    world.commit(project_files(), by="alice", branch="topic")
    world.approve("topic", "bob")
    withdrawal = world.envelopes(
        world.signables("topic"),
        "bob",
        "withdraw",
        withdraws=[item for one in world.signables("topic") for item in one.own_approvals("bob")],
    )
    world.commit(withdrawal, by="bob", branch="topic")
    world.merge("topic")
    commands.survives(world, "approval.withdrawn")
    tree = world.repository.tree_of(world.head())
    tools.loose(world, tools.files_of(world, tree)[next(iter(withdrawal))]).unlink()
    tools.fatal(commands, world, "git.corrupt_object")


def test_missing_object_that_does_not_matter(commands: Commands, world: World) -> None:
    """G13: an unprotected file that nobody judges may be missing."""
    world.commit({"docs/picture.txt": "nothing to see"}, by="alice")
    tree = world.repository.tree_of(world.head())
    verdict = commands.accepts(world)
    tools.loose(world, tools.files_of(world, tree)["docs/picture.txt"]).unlink()
    assert commands.accepts(world) == verdict


def test_object_format(commands: Commands, world: World, tmp_path: Path) -> None:
    """G14: a repository in SHA-256 object format is refused in so many words."""
    box = tools.git(world)
    box("init", "-q", "-b", "main", "--object-format=sha256", str(tmp_path / "other"))
    tools.fatal(commands, tools.moved(world, tmp_path / "other"), "git.object_format")


def test_bare_repository(commands: Commands, world: World) -> None:
    """A bare clone is judged like the repository itself."""
    verdict = commands.accepts(world)
    assert commands.accepts(tools.cloned(world, bare=True)) == verdict


def test_packed_repository(commands: Commands, world: World) -> None:
    """Packs, packed references and a work tree in a linked folder change nothing."""
    verdict = commands.accepts(world)
    box = tools.git(world)
    box("gc", "-q", "--aggressive", "--prune=now")
    box("worktree", "add", "-q", "--detach", "../linked", "main~1")
    assert commands.accepts(tools.moved(world, world.path.parent / "linked")) == verdict


def test_detached_head(commands: Commands, world: World) -> None:
    """What is checked out is not what is judged."""
    verdict = commands.accepts(world)
    (world.path / ".git" / "HEAD").write_text(tools.git(world)("rev-parse", "main~2") + "\n")
    assert commands.accepts(world) == verdict
    older = commands.verify(world, rev="HEAD")
    assert older.code == REFUSED  # Genesis has not its two signatures there.
    assert "approval.quorum" in older.codes


def test_repository_without_main(commands: Commands, world: World, tmp_path: Path) -> None:
    """A branch that does not exist is a mistake of the caller."""
    tools.git(world)("branch", "-q", "-m", "main", "trunk")
    assert commands.verify(world).codes == ["git.unknown_revision"]
    assert commands.verify(world).code == INVALID
    assert commands.verify(world, rev="trunk").code == VERIFIED
    (tmp_path / "empty").mkdir()
    assert commands.verify(tools.moved(world, tmp_path / "empty")).codes == ["git.not_a_repository"]


def test_tags_as_revision(commands: Commands, world: World) -> None:
    """An annotated tag of a tag stands for its commit, a tag of a tree for nothing."""
    box = tools.git(world)
    person = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    box(*person, "tag", "-m", "one", "one", "main")
    box(*person, "tag", "-m", "two", "two", "one")
    box(*person, "tag", "-m", "tree", "leaf", "main^{tree}")
    run = commands.verify(world, rev="two")
    assert (run.code, run.json["head"]) == (VERIFIED, world.head())
    assert commands.verify(world, rev="leaf").code == INVALID
    broken = world.repository.objects.write(TAG, b"object " + b"1" * 40 + b"\ntype commit\ntag x\n\n")
    (world.path / ".git" / "refs" / "tags" / "broken").write_text(broken + "\n")
    assert commands.verify(world, rev="broken").codes == ["git.corrupt_object"]


def test_reference_that_makes_no_sense(commands: Commands, world: World) -> None:
    """A damaged branch is no branch."""
    (world.path / ".git" / "refs" / "heads" / "main").write_bytes(b"\xff\xfe\x00")
    run = commands.verify(world)
    assert (run.code, run.codes) == (REFUSED, ["git.corrupt_ref"])
