# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from gaitops.content import Entry
from gaitops.errors import InvalidInputError, VerificationError
from gaitops.git.repository import Repository
from tests.git.box import GitBox


@pytest.fixture
def history(box: GitBox) -> list[str]:
    """Three commits on main and a merged side branch, oldest first: base, side, merge, last."""
    base = box.commit({"a": "1", "d/x": "x"}, "base")
    box("checkout", "-q", "-b", "side")
    side = box.commit({"b": "1"}, "side")
    box("checkout", "-q", "main")
    box("merge", "-q", "--no-ff", "-m", "merge", "side")
    return [base, side, box("rev-parse", "HEAD"), box.commit({"d/e/y": "y"}, "last")]


def code_of(repository: Repository, revision: str) -> str:
    with pytest.raises((InvalidInputError, VerificationError)) as caught:
        repository.resolve(revision)
    return caught.value.code


def test_first_parents(box: GitBox, history: list[str]) -> None:
    """The chain runs from the newest commit down and leaves side branches out."""
    base, _, merge, last = history
    repository = Repository.open(box.path)
    assert repository.first_parents(last) == [last, merge, base]
    assert repository.first_parents(last, stop=base) == [last, merge]
    assert repository.first_parents(last, stop=last) == []


def test_stop_off_the_chain_is_not_a_descendant(box: GitBox, history: list[str]) -> None:
    """G8, G12: a commit that is only on a merged side branch is not where history comes from."""
    _, side, _, last = history
    repository = Repository.open(box.path)
    with pytest.raises(VerificationError) as caught:
        repository.first_parents(last, stop=side)
    assert caught.value.code == "history.not_descendant"
    assert side not in repository.iterate_first_parents(last)
    assert repository.reachable(last, excluding=[side]) == [last, history[2]]


def test_foxtrot_merge_changes_the_first_parent_chain(box: GitBox, history: list[str]) -> None:
    """G12: after a side branch merged main into itself, main's commits are off its first-parent chain."""
    box("checkout", "-q", "-b", "fox", history[1])
    box("merge", "-q", "--no-ff", "-m", "foxtrot", "main")
    repository = Repository.open(box.path)
    fox = repository.resolve("fox")
    assert history[3] in repository.reachable(fox)
    assert history[3] not in repository.iterate_first_parents(fox)
    assert fox in repository.iterate_first_parents(fox)


def test_resolve_names(box: GitBox, history: list[str]) -> None:
    """Branches, tags, remote-tracking branches, HEAD, full references, full ids and first-parent steps are understood."""
    base, side, merge, last = history
    box("tag", "light", side)
    box("tag", "-m", "annotated", "heavy", side)
    box("update-ref", "refs/remotes/origin/main", merge)
    repository = Repository.open(box.path)
    expected = {
        "main": last,
        "HEAD": last,
        "refs/heads/main": last,
        "light": side,
        "heavy": side,
        "refs/tags/heavy": side,
        "origin/main": merge,
        last: last,
        "main~1": merge,
        "main~": merge,
        "HEAD~2": base,
        box("rev-parse", "heavy"): side,
    }
    assert {name: repository.resolve(name) for name in expected} == expected
    box("pack-refs", "--all")
    assert {name: repository.resolve(name) for name in expected} == expected


def test_loose_reference_wins_over_packed(box: GitBox, history: list[str]) -> None:
    """A packed reference is only the fallback for a loose one."""
    box("pack-refs", "--all")
    newer = box.commit({"a": "2"})
    repository = Repository.open(box.path)
    assert repository.resolve("main") == newer
    assert repository.resolve("side") == history[1]


def test_tag_and_branch_of_one_name_are_ambiguous(box: GitBox, history: list[str]) -> None:
    """G5: a name that a tag and a branch share is refused, wherever the two are stored."""
    box("tag", "main", history[0])
    repository = Repository.open(box.path)
    assert code_of(repository, "main") == "git.ambiguous_revision"
    box("pack-refs", "--all")
    assert code_of(repository, "main") == "git.ambiguous_revision"
    assert repository.resolve("refs/heads/main") == history[3]
    assert repository.resolve("refs/tags/main") == history[0]


def test_local_branch_named_like_a_remote_one_is_ambiguous(box: GitBox, history: list[str]) -> None:
    """G5: also a local branch called origin/main next to the real one."""
    box("update-ref", "refs/remotes/origin/main", history[3])
    box("update-ref", "refs/heads/origin/main", history[0])
    assert code_of(Repository.open(box.path), "origin/main") == "git.ambiguous_revision"


@pytest.mark.parametrize("length", [4, 7, 39])
def test_abbreviated_ids_are_refused(box: GitBox, history: list[str], length: int) -> None:
    """G5: which commit an abbreviated id means depends on what else is there."""
    assert code_of(Repository.open(box.path), history[3][:length]) == "git.ambiguous_revision"


@pytest.mark.parametrize(
    "revision",
    [
        "",
        "none",
        "main^",
        "main^{tree}",
        "main:a",
        "@{1}",
        "@",
        "main@{1}",
        "../HEAD",
        "..",
        "a..b",
        "-n",
        "/etc/passwd",
        "main~9",
        "main~~",
        "main lock",
        "x.lock",
        "refs/heads/",
        "refs/../HEAD",
        "refs/heads/.x",
        "a\x00b",
        "\udc80",
        ":/base",
        "refs/heads",
        "heads",
        "١٢",
    ],
)
def test_everything_else_is_unknown(box: GitBox, history: list[str], revision: str) -> None:
    """Expressions, options, paths and impossible names are no revisions."""
    assert code_of(Repository.open(box.path), revision) == "git.unknown_revision"


def test_revisions_that_are_no_commits(box: GitBox, history: list[str]) -> None:
    """Trees, blobs and tags of them are not commits; absent ids are missing objects."""
    repository = Repository.open(box.path)
    tree = repository.tree_of(history[0])
    box("tag", "-m", "of a tree", "treetag", tree)
    assert code_of(repository, tree) == "git.unknown_revision"
    assert code_of(repository, "treetag") == "git.unknown_revision"
    assert code_of(repository, "0" * 40) == "git.corrupt_object"


@pytest.mark.parametrize(
    "content", ["junk\n", "", "0123\n", "ref: refs/heads/loop\n", "ref: ../../HEAD\n", "a" * 64 + "\n"]
)
def test_damaged_references_are_errors(box: GitBox, history: list[str], content: str) -> None:
    """A reference file that makes no sense is an error, never another commit."""
    (box.dot_git / "refs" / "heads" / "loop").write_text(content)
    assert code_of(Repository.open(box.path), "loop") in {"git.corrupt_ref", "git.unknown_revision"}


def test_unborn_branch_is_unknown(box: GitBox) -> None:
    """An empty repository opens, and has no HEAD yet."""
    assert code_of(Repository.open(box.path), "HEAD") == "git.unknown_revision"


def test_repository_is_found(box: GitBox, history: list[str], tmp_path: Path) -> None:
    """Work trees, folders inside them, .git itself, bare clones, linked work trees and submodule-like pointers open."""
    box("worktree", "add", "-q", "../linked", "side")
    box("clone", "-q", "--bare", ".", "../bare.git")
    pointer = tmp_path / "pointer"
    pointer.mkdir()
    (pointer / ".git").write_text("gitdir: ../repo/.git\n")
    for path in (box.path, box.path / "d" / "e", box.dot_git, tmp_path / "bare.git", pointer):
        assert Repository.open(path).resolve("HEAD") == history[3]
    linked = Repository.open(tmp_path / "linked")
    assert linked.resolve("HEAD") == history[1]
    assert linked.resolve("main") == history[3]


def test_no_repository(tmp_path: Path) -> None:
    """A folder without a repository, and a broken pointer, are the caller's mistake."""
    for name, content in {"empty": None, "broken": "gitdir: /nowhere\n", "junk": "junk"}.items():
        folder = tmp_path / name
        folder.mkdir()
        if content is not None:
            (folder / ".git").write_text(content)
        with pytest.raises(InvalidInputError) as caught:
            Repository.open(folder)
        assert caught.value.code == "git.not_a_repository"


def test_committed_bare_repository_is_not_taken_from_below(box: GitBox, history: list[str]) -> None:
    """Somebody who stands inside a bare repository that was committed gets the outer repository."""
    fake = box.path / "fixture"
    for name in ("objects", "refs", "deep"):
        (fake / name).mkdir(parents=True)
    (fake / "HEAD").write_text("ref: refs/heads/evil\n")
    assert Repository.open(fake / "deep").resolve("HEAD") == history[3]


def test_snapshot(box: GitBox, history: list[str]) -> None:
    """A snapshot finds, lists, walks, reads and digests the files of one commit."""
    repository = Repository.open(box.path)
    snapshot = repository.snapshot(history[3])
    y = snapshot.entry("d/e/y")
    assert y is not None
    assert (y.mode, snapshot.read(y.oid), repository.size(y.oid)) == ("100644", b"y", 1)
    assert snapshot.sha256(y.oid) == snapshot.sha256(y.oid) == hashlib.sha256(b"y").hexdigest()
    assert list(snapshot.children("d")) == ["e", "x"]
    assert [path for path, _ in snapshot.walk("")] == ["a", "b", "d/e/y", "d/x"]
    assert [path for path, _ in snapshot.walk("d/e")] == ["d/e/y"]
    assert snapshot.entry("") == Entry("40000", snapshot.tree)
    assert repository.subtree(snapshot.tree, "d/e") is not None


@pytest.mark.parametrize("path", ["none", "a/b", "d/none", "/a", "d/", "d//x", "./a", "d/../a"])
def test_snapshot_has_nothing_at_other_paths(box: GitBox, history: list[str], path: str) -> None:
    """Paths are compared as they are written, without any normalisation."""
    snapshot = Repository.open(box.path).snapshot(history[3])
    assert snapshot.entry(path) is None
    assert dict(snapshot.children(path)) == {}
    assert list(snapshot.walk(path)) == []


def test_objects_are_checked_for_their_type(box: GitBox, history: list[str]) -> None:
    """A commit is not read as a file, nor a file as a commit; abbreviated ids are not completed."""
    repository = Repository.open(box.path)
    blob = repository.snapshot(history[3]).children("")["a"].oid
    for read in (
        repository.read,
        repository.sha256,
        lambda oid: repository.snapshot_of_tree(oid).children(""),
    ):
        with pytest.raises(VerificationError) as caught:
            read(history[3])
        assert caught.value.code == "git.corrupt_object"
    for call in (repository.commit, repository.tree_of):
        with pytest.raises(VerificationError) as caught:
            call(blob)
        assert caught.value.code == "git.corrupt_object"
    with pytest.raises(VerificationError):
        repository.read(blob[:10])
    with pytest.raises(VerificationError):
        repository.size(blob[:10])
