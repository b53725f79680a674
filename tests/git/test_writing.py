# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gaitops.errors import InternalError, InvalidInputError, VerificationError
from gaitops.git import libgit2
from gaitops.git.location import Location
from gaitops.git.refs import LostRaceError
from gaitops.git.repository import Repository
from gaitops.git.writing import Person, commit_files, init_repository, record_checkout, update_branch
from tests.git.box import NOON, GitBox

ADA = Person("Ada Lovelace", "ada@example.com")


def commit(repository: Repository, base: str | None, changes: dict[str, bytes | None]) -> str:
    return commit_files(repository, base, changes, message="change", author=ADA, when=NOON)


def files(repository: Repository, oid: str) -> dict[str, bytes]:
    snapshot = repository.snapshot(oid)
    return {path: snapshot.read(entry.oid) for path, entry in snapshot.walk("")}


def test_commit_on_a_base(box: GitBox) -> None:
    """Files are added, changed and removed; folders left empty disappear; git finds nothing to complain about."""
    base = box.commit({"a": "1", "d/x": "x", "d/y": "y", "gone/only": "z"})
    repository = Repository.open(box.path)
    new = commit(
        repository, base, {"a": b"2", "d/x": None, "gone/only": None, "new/deep/file": b"n", "d-": b"-"}
    )
    assert files(repository, new) == {"a": b"2", "d/y": b"y", "new/deep/file": b"n", "d-": b"-"}
    made = repository.commit(new)
    assert (made.parents, made.message, made.problem) == ((base,), "change\n", None)
    assert made.author == made.committer
    assert (made.author.name, made.author.email, made.author.time) == (
        "Ada Lovelace",
        "ada@example.com",
        NOON,
    )
    box("update-ref", "refs/heads/new", new)
    box("fsck", "--strict", "--no-dangling")
    assert (
        box("log", "-1", "--format=%an <%ae> %ct %s", new) == f"Ada Lovelace <ada@example.com> {NOON} change"
    )


def test_work_tree_and_index_stay_as_they_are(box: GitBox) -> None:
    """A commit is made from objects alone."""
    base = box.commit({"a": "1"})
    commit(Repository.open(box.path), base, {"a": b"2"})
    assert (box.path / "a").read_text() == "1"
    assert box("status", "--porcelain") == ""


def test_same_input_gives_the_same_commit(box: GitBox, tmp_path: Path) -> None:
    """A commit is a function of its arguments."""
    changes: dict[str, bytes | None] = {"b/c": b"1", "a": b"2"}
    first = commit(Repository.open(box.path), None, changes)
    second = commit(init_repository(tmp_path / "other"), None, dict(reversed(changes.items())))
    assert first == second


def test_modes(box: GitBox) -> None:
    """Executables stay executable; bytes for what was a symlink become a plain file."""
    (box.path / "run").write_text("#!")
    (box.path / "run").chmod(0o755)
    (box.path / "link").symlink_to("run")
    base = box.commit({"plain": "1"})
    repository = Repository.open(box.path)
    snapshot = repository.snapshot(
        commit(repository, base, {"run": b"2", "link": b"2", "plain": b"2", "n": b"2"})
    )
    modes = {path: entry.mode for path, entry in snapshot.walk("")}
    assert modes == {"run": "100755", "link": "100644", "plain": "100644", "n": "100644"}


def test_empty_commit(box: GitBox) -> None:
    """No change is a commit with the same tree, and a first commit may be empty."""
    repository = Repository.open(box.path)
    first = commit(repository, None, {})
    assert files(repository, first) == {}
    second = commit(repository, first, {"a": b"1"})
    assert repository.tree_of(commit(repository, second, {})) == repository.tree_of(second)
    assert files(repository, commit(repository, second, {"a": None})) == {}


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "./a",
        "a/../b",
        "..",
        ".git/config",
        "a/.GIT/x",
        "a\\b",
        "a\nb",
        "a\x00b",
        "\udc80",
        "/".join("d" * 65),
    ],
)
def test_unsafe_paths(box: GitBox, path: str) -> None:
    """Paths that would leave the work tree, or differ between systems, are not written."""
    with pytest.raises(InvalidInputError) as caught:
        commit(Repository.open(box.path), None, {path: b""})
    assert caught.value.code == "git.unsafe_path"


@pytest.mark.parametrize(
    "changes",
    [
        {"d": b""},
        {"d": None},
        {"f/x": b""},
        {"none": None},
        {"d/none": None},
        {"n": b"", "n/x": b""},
        {"n/x": b"", "n": b""},
    ],
)
def test_conflicting_paths(box: GitBox, changes: dict[str, bytes | None]) -> None:
    """Files and folders do not replace each other unasked, and what is not there is not removed."""
    base = box.commit({"f": "1", "d/x": "1"})
    with pytest.raises(InvalidInputError) as caught:
        commit(Repository.open(box.path), base, changes)
    assert caught.value.code == "git.path_conflict"


def test_malformed_folder_is_not_rewritten(box: GitBox) -> None:
    """A folder that cannot be read for certain is not changed, as that would decide how to read it."""
    blob = bytes.fromhex(box.store("blob", b""))
    bad = box.store("tree", b"100644 b\0" + blob + b"100644 a\0" + blob)
    root = box.store("tree", b"40000 d\0" + bytes.fromhex(bad))
    base = box("commit-tree", "-m", "bad", root)
    with pytest.raises(InvalidInputError) as caught:
        commit(Repository.open(box.path), base, {"d/c": b""})
    assert caught.value.code == "git.path_conflict"


@pytest.mark.parametrize(
    ("name", "email"),
    [("", "a@x"), ("A", ""), ("A <x>", "a@x"), ("A", "a@x\n"), (" A", "a@x"), ("A\0", "a@x")],
)
def test_persons_that_git_cannot_store(name: str, email: str) -> None:
    """Names and emails with the characters of the ident syntax are refused, never cleaned up."""
    with pytest.raises(InvalidInputError) as caught:
        Person(name, email)
    assert caught.value.code == "git.identity"


@pytest.mark.parametrize(
    ("message", "when", "code"),
    [
        (" \n", 0, "git.message"),
        ("a\x00b", 0, "git.message"),
        ("m", -1, "history.time"),
        ("m", 2**40, "history.time"),
    ],
)
def test_messages_and_times_are_checked(box: GitBox, message: str, when: int, code: str) -> None:
    """What could not be read back strictly is not written."""
    with pytest.raises(InvalidInputError) as caught:
        commit_files(Repository.open(box.path), None, {}, message=message, author=ADA, when=when)
    assert caught.value.code == code


def ssh_signer(key: Path) -> Callable[[bytes], bytes]:
    def sign(payload: bytes) -> bytes:
        command = ["ssh-keygen", "-Y", "sign", "-n", "git", "-f", str(key)]
        return subprocess.run(command, input=payload, capture_output=True, check=True).stdout

    return sign


def test_signed_commit_is_accepted_by_git(box: GitBox) -> None:
    """git verify-commit finds a good signature on a commit signed here, and the payload is read back."""
    key = box.root / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (box.root / "allowed").write_text("ada@example.com " + key.with_suffix(".pub").read_text())
    box("config", "gpg.format", "ssh")
    box("config", "gpg.ssh.allowedSignersFile", str(box.root / "allowed"))
    repository = Repository.open(box.path)
    message = "subject\n\ngpgsig no header\n body\n"
    oid = commit_files(
        repository, None, {"a": b"1"}, message=message, author=ADA, when=NOON, signer=ssh_signer(key)
    )
    box("verify-commit", oid)
    signature = repository.commit(oid).signature
    assert signature is not None
    assert signature.kind == "ssh"
    unsigned = commit_files(repository, None, {"a": b"1"}, message=message, author=ADA, when=NOON)
    assert signature.payload == box.raw("cat-file", "commit", unsigned)


def test_signer_that_returns_no_header_value(box: GitBox) -> None:
    """A signature that would break the commit's headers is not written."""
    with pytest.raises(InternalError) as caught:
        commit_files(
            Repository.open(box.path), None, {}, message="m", author=ADA, when=NOON, signer=lambda _: b"a\0b"
        )
    assert caught.value.code == "git.write_failed"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["a", "b/c", "b/d", "b-/e", "b.", "b0/f/g"]),
            st.none() | st.binary(max_size=3),
            max_size=4,
        ),
        max_size=4,
    )
)
def test_commits_hold_what_a_dictionary_would(box: GitBox, steps: list[dict[str, bytes | None]]) -> None:
    """A sequence of commits leaves the same files as the same updates of a dictionary, in trees that git accepts."""
    repository = Repository.open(box.path)
    expected: dict[str, bytes] = {}
    head = None
    for step in steps:
        usable = {path: data for path, data in step.items() if data is not None or path in expected}
        head = commit(repository, head, usable)
        for path, data in usable.items():
            if data is None:
                del expected[path]
            else:
                expected[path] = data
        assert files(repository, head) == dict(sorted(expected.items()))
    if head is not None:
        box("fsck", "--strict", "--no-dangling", head)


def test_update_branch(box: GitBox) -> None:
    """A branch is created and moved, with an entry in its reflog, if it is where the caller thinks."""
    first, second = box.commit({"a": "1"}), box.commit({"a": "2"})
    repository = Repository.open(box.path)
    update_branch(repository, "topic/x", first, None)
    update_branch(repository, "topic/x", second, first)
    assert box("rev-parse", "topic/x") == second
    box("pack-refs", "--all")
    update_branch(repository, "topic/x", first, second)
    assert repository.resolve("topic/x") == first
    assert len(box("reflog", "topic/x").splitlines()) >= 1


@pytest.mark.parametrize("expected", ["other", "none", "absent"])
def test_lost_race(box: GitBox, expected: str) -> None:
    """A branch that is elsewhere, or exists already, or is gone, stays as it is; the error invites another try."""
    first, second = box.commit({"a": "1"}), box.commit({"a": "2"})
    repository = Repository.open(box.path)
    branch, old = {"other": ("main", first), "none": ("main", None), "absent": ("topic", first)}[expected]
    with pytest.raises(LostRaceError) as caught:
        update_branch(repository, branch, first, old)
    assert caught.value.code == "history.fork"
    assert caught.value.retryable
    assert box("rev-parse", "main") == second


def test_race_lost_at_the_last_moment(box: GitBox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A branch that moves or appears after it was looked at is not overwritten either."""
    first, second = box.commit({"a": "1"}), box.commit({"a": "2"})
    repository = Repository.open(box.path)
    mine = commit(repository, second, {"a": b"3"})
    honest = libgit2.open_for_references

    def slow(location: Location) -> object:
        box("update-ref", "refs/heads/main", first)
        box("update-ref", "refs/heads/new", first)
        return honest(location)

    monkeypatch.setattr(libgit2, "open_for_references", slow)
    for branch, old in (("main", second), ("new", None)):
        with pytest.raises(LostRaceError):
            update_branch(repository, branch, mine, old)
        assert box("rev-parse", branch) == first


def test_lock_of_another_process(box: GitBox) -> None:
    """A branch that another process has locked is not moved."""
    first = box.commit({"a": "1"})
    repository = Repository.open(box.path)
    second = commit(repository, first, {"a": b"2"})
    (box.dot_git / "refs" / "heads" / "main.lock").touch()
    with pytest.raises(InternalError) as caught:
        update_branch(repository, "main", second, first)
    assert caught.value.code == "git.write_failed"
    assert repository.resolve("main") == first


def test_only_commits_and_plain_branches(box: GitBox) -> None:
    """A branch is not moved to what is no commit, nor through another name for it."""
    head = box.commit({"a": "1"})
    repository = Repository.open(box.path)
    with pytest.raises(VerificationError) as missing:
        update_branch(repository, "main", "0" * 40, head)
    assert missing.value.code == "git.corrupt_object"
    box("symbolic-ref", "refs/heads/alias", "refs/heads/main")
    for name in ("alias", "../x", "-x", ""):
        with pytest.raises(InvalidInputError) as caught:
            update_branch(repository, name, head, head)
        assert caught.value.code == "git.unknown_revision"


def test_init(tmp_path: Path) -> None:
    """A new repository has the branch asked for, no hooks, and is not made twice."""
    repository = init_repository(tmp_path / "new" / "repo", "trunk")
    first = commit(repository, None, {"a": b"1"})
    update_branch(repository, "trunk", first, None)
    assert repository.resolve("HEAD") == first
    assert {hook.suffix for hook in (tmp_path / "new/repo/.git/hooks").glob("*")} <= {".sample"}
    assert (
        init_repository(tmp_path / "bare.git", bare=True).location.git_dir
        == (tmp_path / "bare.git").resolve()
    )
    for path in ("new/repo", "bare.git"):
        with pytest.raises(InvalidInputError) as caught:
            init_repository(tmp_path / path)
        assert caught.value.code == "git.exists"
    (tmp_path / "file").touch()
    with pytest.raises(InternalError):
        init_repository(tmp_path / "file" / "below")


def test_recorded_checkout_is_clean(tmp_path: Path) -> None:
    """After the files of a commit were written beside it, Git finds nothing to add, change or remove."""
    path = tmp_path / "new"
    content: dict[str, bytes | None] = {"a.txt": b"one\n", "folder/b.txt": b"two\n"}
    repository = init_repository(path)
    first = commit(repository, None, content)
    update_branch(repository, "main", first, None)
    (path / "folder").mkdir()
    for name, data in content.items():
        (path / name).write_bytes(data or b"")
    command = ["git", "-C", str(path), "status", "--porcelain"]
    assert subprocess.run(command, check=True, capture_output=True).stdout
    record_checkout(repository, first)
    assert subprocess.run(command, check=True, capture_output=True).stdout == b""
