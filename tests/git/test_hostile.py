# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import stat
import zlib
from pathlib import Path

import pytest

from gaitops.errors import VerificationError
from gaitops.git.objects import ObjectStore
from gaitops.git.repository import Repository
from gaitops.git.writing import Person, commit_files, update_branch
from tests.git.box import NOON, GitBox

ADA = Person("Ada", "ada@example.com")


def overwrite(path: Path, data: bytes) -> None:
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    path.write_bytes(data)


@pytest.fixture
def trapped(box: GitBox, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose settings, hooks and attributes all try to run a program; it would leave the returned file."""
    box.commit({"a": "1", ".gitattributes": "* filter=evil diff=evil merge=evil text eol=crlf\n"})
    canary = box.root / "canary"
    script = box.root / "evil"
    script.write_text(f"#!/bin/sh\ntouch {canary}\ncat\n")
    script.chmod(0o755)
    programs = (
        "core.fsmonitor core.sshCommand core.gitProxy core.askPass core.editor core.pager core.alternateRefsCommand"
        " gpg.program gpg.ssh.program gpg.ssh.defaultKeyCommand filter.evil.clean filter.evil.smudge"
        " filter.evil.process diff.evil.command diff.evil.textconv diff.external merge.evil.driver credential.helper"
        " uploadpack.packObjectsHook sequence.editor"
    )
    for key in programs.split():
        box("config", key, str(script))
    box("config", "commit.gpgSign", "true")
    box("config", "core.autocrlf", "true")
    box("config", "core.attributesFile", str(box.root / "attributes"))
    (box.root / "included").write_text(
        f"[core]\n\tfsmonitor = {script}\n\thooksPath = {box.root}\n[extensions]\n\tx=1\n"
    )
    box("config", "include.path", str(box.root / "included"))
    for hook in (
        "reference-transaction",
        "pre-commit",
        "post-commit",
        "commit-msg",
        "post-index-change",
        "update",
    ):
        path = box.dot_git / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(script.read_bytes())
        path.chmod(0o755)
    monkeypatch.setenv("HOME", str(box.root))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(box.root))
    return canary


def test_nothing_of_a_hostile_repository_runs(box: GitBox, trapped: Path) -> None:
    """G9: reading, committing and moving a branch start no program that settings, hooks or attributes name."""
    repository = Repository.open(box.path)
    head = repository.resolve("main")
    snapshot = repository.snapshot(head)
    assert [snapshot.read(entry.oid) for _, entry in snapshot.walk("")][1] == b"1"
    assert repository.commit(head).signature is None
    new = commit_files(repository, head, {"a": b"2\n"}, message="m", author=ADA, when=NOON)
    update_branch(repository, "main", new, head)
    assert repository.first_parents(repository.resolve("main")) == [new, head]
    assert repository.read(repository.snapshot(new).children("")["a"].oid) == b"2\n"
    assert not trapped.exists()


def test_configuration_never_makes_a_commit_invalid_or_unreadable(box: GitBox, trapped: Path) -> None:
    """G9: bytes are those in the repository, whatever attributes say about line endings and filters."""
    with (box.dot_git / "config").open("a") as file:
        file.write("[core\nthis is not a configuration\n")
    snapshot = Repository.open(box.path).snapshot(Repository.open(box.path).resolve("main"))
    attributes = snapshot.entry(".gitattributes")
    assert attributes is not None
    assert snapshot.read(attributes.oid).endswith(b"eol=crlf\n")
    assert not trapped.exists()


def test_forged_commit_graph_has_no_effect(box: GitBox) -> None:
    """G13: Git believes a commit-graph file that hides a parent; the parents read here come from the commits."""
    commits = [box.commit({"a": str(n)}, when=NOON + n) for n in range(4)]
    box("commit-graph", "write", "--reachable")
    file = box.dot_git / "objects" / "info" / "commit-graph"
    data = bytearray(file.read_bytes())
    # Commit data: per commit, in order of ids, 20 bytes of tree, two parents by position, and the date.
    position = sorted(commits).index(commits[3])
    table = next(
        int.from_bytes(data[at + 4 : at + 12])
        for at in range(8, 8 + 12 * data[6], 12)
        if data[at : at + 4] == b"CDAT"
    )
    parent = table + 36 * position + 20
    data[parent : parent + 4] = sorted(commits).index(commits[0]).to_bytes(4)
    overwrite(file, bytes(data))
    assert box("rev-list", "--count", "HEAD") == "2", "Git itself is fooled, or this test would show nothing"
    repository = Repository.open(box.path)
    assert repository.first_parents(repository.resolve("HEAD")) == commits[::-1]
    assert set(repository.reachable(commits[3])) == set(commits)


def test_grafts_and_shallow_files_that_appear_later_have_no_effect(box: GitBox) -> None:
    """G2, G3: parents come from the commits even if a graft or shallow file is put there after opening."""
    commits = [box.commit({"a": str(n)}) for n in range(3)]
    repository = Repository.open(box.path)
    (box.dot_git / "info").mkdir(exist_ok=True)
    (box.dot_git / "info" / "grafts").write_text(f"{commits[2]} {commits[0]}\n")
    (box.dot_git / "shallow").write_text(f"{commits[1]}\n")
    assert repository.first_parents(commits[2]) == commits[::-1]


@pytest.mark.parametrize("kind", ["commit", "tree", "blob"])
@pytest.mark.parametrize("damage", ["other", "garbage", "missing", "empty"])
def test_wrong_bytes_under_an_id(box: GitBox, kind: str, damage: str) -> None:
    """G13: bytes that do not belong to their id, damaged and missing objects are never taken for content."""
    head = box.commit({"a": "1"})
    oid = {"commit": head, "tree": f"{head}^{{tree}}", "blob": f"{head}:a"}[kind]
    file = box.loose(box("rev-parse", oid))
    forged = box.raw("cat-file", kind, oid) + b" "
    if damage == "missing":
        file.unlink()
    else:
        object_bytes = zlib.compress(f"{kind} {len(forged)}\0".encode() + forged)
        overwrite(file, {"other": object_bytes, "garbage": b"garbage", "empty": b""}[damage])

    def read_file() -> bytes:
        repository = Repository.open(box.path)
        snapshot = repository.snapshot(repository.resolve("main"))
        return snapshot.read(snapshot.children("")["a"].oid)

    with pytest.raises(VerificationError) as caught:
        read_file()
    assert caught.value.code == "git.corrupt_object"
    assert ("missing" in str(caught.value)) == (damage == "missing")


def test_wrong_bytes_in_a_pack(box: GitBox) -> None:
    """G13: a pack index that gives one object's place to another does not pass the object off."""
    box.commit({"a": "honest" * 50, "b": "forged" * 50})
    ids = [box("rev-parse", "HEAD:a"), box("rev-parse", "HEAD:b")]
    box("repack", "-q", "-a", "-d")
    index = next((box.dot_git / "objects" / "pack").glob("*.idx"))
    data = bytearray(index.read_bytes())
    # Version 2: 8 bytes of header, 256 counts, then ids, checksums and offsets of all objects in order of ids.
    count = int.from_bytes(data[8 + 255 * 4 : 8 + 256 * 4])
    names = 8 + 256 * 4
    order = [bytes(data[names + 20 * n : names + 20 * n + 20]).hex() for n in range(count)]
    offsets = names + 24 * count
    a, b = (offsets + 4 * order.index(oid) for oid in ids)
    data[a : a + 4] = data[b : b + 4]
    overwrite(index, bytes(data))
    repository = Repository.open(box.path)
    with pytest.raises(VerificationError) as caught:
        repository.read(ids[0])
    assert caught.value.code == "git.corrupt_object"
    assert repository.read(ids[1]) == b"forged" * 50


def test_missing_history_is_fatal(box: GitBox) -> None:
    """G13: a parent that is not there ends every question about the history in an error."""
    first, second = box.commit({"a": "1"}), box.commit({"a": "2"})
    box.loose(first).unlink()
    repository = Repository.open(box.path)
    for call in (repository.first_parents, repository.reachable):
        with pytest.raises(VerificationError) as caught:
            call(second)
        assert caught.value.code == "git.corrupt_object"


def test_object_database_that_is_none(tmp_path: Path) -> None:
    """A folder that cannot be opened as an object database is an error of its own."""
    with pytest.raises(VerificationError) as caught:
        ObjectStore(tmp_path / "nothing")
    assert caught.value.code == "git.corrupt_object"
