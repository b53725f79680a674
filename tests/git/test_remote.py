# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gaitops.errors import InternalError, InvalidInputError, MissingDependencyError, VerificationError
from gaitops.git.refs import LostRaceError
from gaitops.git.remote import GitProgram
from gaitops.git.repository import Repository
from gaitops.git.writing import Person, commit_files
from tests.git.box import NOON, GitBox

ADA = Person("Ada", "ada@example.com")


@pytest.fixture
def shared(box: GitBox) -> str:
    """A bare repository as remote origin, with one commit on main, which is returned."""
    head = box.commit({"a": "1"})
    box("init", "-q", "--bare", "-b", "main", "../origin.git")
    box("remote", "add", "origin", str(box.root / "origin.git"))
    box("push", "-q", "origin", "main")
    return head


def program(box: GitBox, **more: str) -> GitProgram:
    return GitProgram(box.path, {**box.environ, **more})


def commit(box: GitBox, base: str, text: str) -> str:
    files = {"a": text.encode()}
    return commit_files(Repository.open(box.path), base, files, message=text, author=ADA, when=NOON)


def at_origin(box: GitBox, branch: str = "main") -> str:
    return box("--git-dir=../origin.git", "rev-parse", f"refs/heads/{branch}")


def test_push_and_fetch(box: GitBox, shared: str) -> None:
    """A commit pushed by one clone is what another fetches, without touching its work tree."""
    box("clone", "-q", str(box.root / "origin.git"), "../other")
    new = commit(box, shared, "2")
    program(box).push(new, "main", "origin", shared)
    assert at_origin(box) == new
    other = GitProgram(box.root / "other", box.environ)
    assert other.fetch("origin", "main") == new
    assert Repository.open(box.root / "other").resolve("origin/main") == new
    assert (box.root / "other" / "a").read_text() == "1"


def test_push_creates_a_branch(box: GitBox, shared: str) -> None:
    """With no expected commit the branch must be new."""
    program(box).push(shared, "topic/one", "origin", None)
    assert program(box).remote_branch("origin", "topic/one") == shared
    assert program(box).remote_branch("origin", "topic/two") is None
    with pytest.raises(LostRaceError) as caught:
        program(box).push(commit(box, shared, "2"), "topic/one", "origin", None)
    assert (caught.value.code, caught.value.retryable) == ("history.fork", True)


def test_lost_race(box: GitBox, shared: str) -> None:
    """A branch that somebody else moved is not overwritten, and the loser is told to try again."""
    theirs, ours = commit(box, shared, "theirs"), commit(box, shared, "ours")
    program(box).push(theirs, "main", "origin", shared)
    with pytest.raises(LostRaceError) as caught:
        program(box).push(ours, "main", "origin", shared)
    assert caught.value.code == "history.fork"
    assert at_origin(box) == theirs


def test_push_never_rewrites_history(box: GitBox, shared: str) -> None:
    """A commit that does not contain what the branch has is refused before anything is sent."""
    unrelated = commit_files(Repository.open(box.path), None, {}, message="m", author=ADA, when=NOON)
    with pytest.raises(VerificationError) as caught:
        program(box).push(unrelated, "main", "origin", shared)
    assert caught.value.code == "history.not_descendant"
    assert at_origin(box) == shared


def test_protected_branch(box: GitBox, shared: str) -> None:
    """A refusal that is no race says so, with the reason and without the remote's control characters."""
    hook = box.root / "origin.git" / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nprintf 'main is \\033[31mprotected\\n' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(VerificationError) as caught:
        program(box).push(commit(box, shared, "2"), "main", "origin", shared)
    assert caught.value.code == "git.push_rejected"
    assert not caught.value.retryable
    assert "\033" not in str(caught.value)


def test_local_hooks_do_not_run(box: GitBox, shared: str) -> None:
    """G9: no hook of the repository runs when gaitops pushes or fetches."""
    for name in ("pre-push", "reference-transaction", "post-checkout"):
        hook = box.dot_git / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {box.root}/canary\nexit 1\n")
        hook.chmod(0o755)
    program(box).push(commit(box, shared, "2"), "main", "origin", shared)
    program(box).fetch("origin", "main")
    assert not (box.root / "canary").exists()


def test_environment_does_not_redirect(box: GitBox, shared: str, tmp_path: Path) -> None:
    """Variables that name another repository, other objects or a namespace are not passed on."""
    hostile = {
        name: str(tmp_path / "nowhere") for name in ("GIT_DIR", "GIT_OBJECT_DIRECTORY", "GIT_INDEX_FILE")
    }
    hostile |= {"GIT_NAMESPACE": "evil", "GIT_TRACE": str(tmp_path / "trace"), "LANGUAGE": "de"}
    assert program(box, **hostile).fetch("origin", "main") == shared
    assert not (tmp_path / "trace").exists()


def test_configuration_by_environment_is_kept(box: GitBox, shared: str) -> None:
    """Credentials and proxies that a CI system passes as settings in the environment keep working."""
    given = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "remote.ci.url",
        "GIT_CONFIG_VALUE_0": f"{box.root}/origin.git",
    }
    assert program(box, **given).remote_branch("ci", "main") == shared


def test_branch_that_the_remote_does_not_have(box: GitBox, shared: str) -> None:
    """A missing branch is told apart from a failing remote."""
    with pytest.raises(InvalidInputError) as caught:
        program(box).fetch("origin", "none")
    assert caught.value.code == "git.unknown_revision"


def test_unreachable_remote(box: GitBox, shared: str) -> None:
    """A failing remote is worth another try; passwords in its address are not shown."""
    box("remote", "add", "down", "http://ada:secret@127.0.0.1:1/x.git")
    calls: list[Callable[[GitProgram], object]] = [
        lambda git: git.fetch("down", "main"),
        lambda git: git.push(shared, "main", "down", shared),
        lambda git: git.remote_branch("down", "main"),
    ]
    for call in calls:
        with pytest.raises(InternalError) as caught:
            call(program(box))
        assert caught.value.code == "git.remote_failed"
        assert caught.value.retryable
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "remote",
    ["", "--upload-pack=touch x", "ext::sh -c x", "../origin.git", "https://example.com/x", "upstream"],
)
def test_only_configured_remotes(box: GitBox, remote: str) -> None:
    """Addresses, options, and names that nobody has configured are no names of remotes."""
    with pytest.raises(InvalidInputError) as caught:
        program(box).fetch(remote, "main")
    assert caught.value.code == "git.unknown_remote"


@pytest.mark.parametrize("branch", ["", "-x", "a:b", "a b", "../x", "+a"])
def test_branch_names_hold_no_refspec(box: GitBox, shared: str, branch: str) -> None:
    """Names that would change the meaning of a command are refused."""
    with pytest.raises(InvalidInputError) as caught:
        program(box).fetch("origin", branch)
    assert caught.value.code == "git.unknown_revision"


def test_push_takes_full_ids_only(box: GitBox, shared: str) -> None:
    """What is pushed and expected is named by full ids."""
    for oid, expected in (("main", shared), (shared[:8], shared), (shared, "main")):
        with pytest.raises(InvalidInputError):
            program(box).push(oid, "main", "origin", expected)


def test_user_identity(box: GitBox) -> None:
    """Name and email come from the user's settings, and their absence is explained."""
    box("config", "user.name", "Ada Lovelace")
    assert program(box).user_identity() == Person("Ada Lovelace", "ada@example.com")
    box("config", "--unset", "user.email")
    with pytest.raises(InvalidInputError) as caught:
        program(box).user_identity()
    assert caught.value.code == "git.identity"
    assert caught.value.problems[0].remedy is not None


def test_git_is_not_installed(box: GitBox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without git is told what is missing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependencyError) as caught:
        GitProgram(box.path, {"PATH": str(tmp_path)}).user_identity()
    assert caught.value.code == "git.not_installed"
