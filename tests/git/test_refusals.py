# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gaitops.errors import VerificationError
from gaitops.git.configuration import Setting, settings
from gaitops.git.repository import Repository
from tests.git.box import GitBox


@pytest.fixture
def pair(box: GitBox) -> tuple[str, str]:
    """Two commits on main."""
    return box.commit({"a": "1"}), box.commit({"a": "2"})


def codes(path: Path) -> set[str]:
    with pytest.raises(VerificationError) as caught:
        Repository.open(path)
    return {problem.code for problem in caught.value.problems}


def replace_loose(box: GitBox, pair: tuple[str, str]) -> None:
    box("replace", pair[1], pair[0])


def replace_packed(box: GitBox, pair: tuple[str, str]) -> None:
    box("replace", pair[1], pair[0])
    box("pack-refs", "--all")
    assert not list((box.dot_git / "refs" / "replace").glob("*"))


def replace_nested(box: GitBox, pair: tuple[str, str]) -> None:
    box("update-ref", f"refs/replace/deep/{pair[1]}", pair[0])


def grafts(box: GitBox, pair: tuple[str, str]) -> None:
    (box.dot_git / "info").mkdir(exist_ok=True)
    (box.dot_git / "info" / "grafts").write_text(f"{pair[1]}\n")


def dangling_grafts(box: GitBox, pair: tuple[str, str]) -> None:
    (box.dot_git / "info").mkdir(exist_ok=True)
    (box.dot_git / "info" / "grafts").symlink_to("/nowhere")


def shallow(box: GitBox, pair: tuple[str, str]) -> None:
    (box.dot_git / "shallow").write_text(f"{pair[1]}\n")


def promisor_remote(box: GitBox, pair: tuple[str, str]) -> None:
    box("config", "remote.evil.promisor", "true")


def promisor_filter(box: GitBox, pair: tuple[str, str]) -> None:
    box("config", "remote.evil.partialCloneFilter", "blob:none")


def partial_clone_extension(box: GitBox, pair: tuple[str, str]) -> None:
    box("config", "extensions.partialClone", "origin")


def promisor_pack(box: GitBox, pair: tuple[str, str]) -> None:
    box("gc", "-q")
    next((box.dot_git / "objects" / "pack").glob("*.pack")).with_suffix(".promisor").touch()


def alternates(box: GitBox, pair: tuple[str, str]) -> None:
    (box.dot_git / "objects" / "info").mkdir(exist_ok=True)
    (box.dot_git / "objects" / "info" / "alternates").write_text(f"{box.root / 'elsewhere'}\n")


def relative_alternates(box: GitBox, pair: tuple[str, str]) -> None:
    (box.dot_git / "objects" / "info").mkdir(exist_ok=True)
    (box.dot_git / "objects" / "info" / "alternates").write_text('# comment\n"../../../elsewhere"\n')


def nested_alternates(box: GitBox, pair: tuple[str, str]) -> None:
    inner = box.dot_git / "inner"
    (inner / "info").mkdir(parents=True)
    (box.dot_git / "objects" / "info").mkdir(exist_ok=True)
    (box.dot_git / "objects" / "info" / "alternates").write_text("../inner\n")
    (inner / "info" / "alternates").write_text("../../../elsewhere\n")


def linked_objects(box: GitBox, pair: tuple[str, str]) -> None:
    shutil.move(box.dot_git / "objects", box.root / "elsewhere")
    (box.dot_git / "objects").symlink_to(box.root / "elsewhere")


def unknown_extension(box: GitBox, pair: tuple[str, str]) -> None:
    box("config", "extensions.someDay", "true")


def reftable(box: GitBox, pair: tuple[str, str]) -> None:
    with (box.dot_git / "config").open("a") as file:
        file.write('[Extensions] RefStorage = "reftable" ; new\n')


def sha256_by_setting(box: GitBox, pair: tuple[str, str]) -> None:
    with (box.dot_git / "config").open("a") as file:
        file.write("[extensions]\n\tobjectFormat = \\\n sha256\n")


@pytest.mark.parametrize(
    ("attack", "code"),
    [
        (replace_loose, "git.replace_refs"),
        (replace_packed, "git.replace_refs"),
        (replace_nested, "git.replace_refs"),
        (grafts, "git.grafts"),
        (dangling_grafts, "git.grafts"),
        (shallow, "git.shallow"),
        (promisor_remote, "git.partial_clone"),
        (promisor_filter, "git.partial_clone"),
        (partial_clone_extension, "git.partial_clone"),
        (promisor_pack, "git.partial_clone"),
        (alternates, "git.alternates"),
        (relative_alternates, "git.alternates"),
        (nested_alternates, "git.alternates"),
        (linked_objects, "git.alternates"),
        (unknown_extension, "git.unsupported_repository"),
        (reftable, "git.unsupported_repository"),
        (sha256_by_setting, "git.object_format"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_refused(
    box: GitBox, pair: tuple[str, str], attack: Callable[[GitBox, tuple[str, str]], None], code: str
) -> None:
    """G1 to G4, G14: repositories that show another history than their objects, or lack some, are refused."""
    attack(box, pair)
    assert codes(box.path) == {code}


def test_shared_folder_of_a_linked_work_tree_is_checked(box: GitBox, pair: tuple[str, str]) -> None:
    """G1, G2, G3: a linked work tree is judged by the repository it belongs to, and by its own folder."""
    box("worktree", "add", "-q", "--detach", "../linked")
    own = box.dot_git / "worktrees" / "linked"
    (own / "shallow").write_text(pair[1])
    assert codes(box.root / "linked") == {"git.shallow"}
    (own / "shallow").unlink()
    grafts(box, pair)
    replace_packed(box, pair)
    assert codes(box.root / "linked") == {"git.grafts", "git.replace_refs"}


def test_real_shallow_clone(box: GitBox, pair: tuple[str, str]) -> None:
    """G3: what `git clone --depth 1` makes is refused."""
    box("clone", "-q", "--depth", "1", f"file://{box.path}", "../clone")
    assert codes(box.root / "clone") == {"git.shallow"}


def test_real_partial_clone(box: GitBox, pair: tuple[str, str]) -> None:
    """G3: what `git clone --filter` makes is refused."""
    box("config", "uploadpack.allowFilter", "true")
    box("clone", "-q", "--bare", "--filter=blob:none", f"file://{box.path}", "../clone")
    assert codes(box.root / "clone") == {"git.partial_clone"}


def test_real_borrowed_objects(box: GitBox, pair: tuple[str, str]) -> None:
    """G4: what `git clone --shared` makes is refused."""
    box("clone", "-q", "--bare", "--shared", ".", "../clone")
    assert codes(box.root / "clone") == {"git.alternates"}


def test_real_sha256_repository(box: GitBox) -> None:
    """G14: a repository in SHA-256 object format is named as such."""
    box("init", "-q", "--object-format=sha256", "../other")
    assert codes(box.root / "other") == {"git.object_format"}


def test_all_reasons_are_given(box: GitBox, pair: tuple[str, str]) -> None:
    """Everything that must be repaired is said at once."""
    for attack in (replace_loose, grafts, shallow, promisor_remote, alternates):
        attack(box, pair)
    assert codes(box.path) == {
        "git.replace_refs",
        "git.grafts",
        "git.shallow",
        "git.partial_clone",
        "git.alternates",
    }


def test_harmless_traces_are_accepted(box: GitBox, pair: tuple[str, str]) -> None:
    """Empty files and folders of features not in use, and alternates inside the repository, do not matter."""
    (box.dot_git / "refs" / "replace").mkdir()
    (box.dot_git / "info").mkdir(exist_ok=True)
    (box.dot_git / "info" / "grafts").touch()
    (box.dot_git / "shallow").touch()
    (box.dot_git / "inner").mkdir()
    (box.dot_git / "objects" / "info").mkdir(exist_ok=True)
    (box.dot_git / "objects" / "info" / "alternates").write_text("../inner\n../objects\n")
    box("config", "remote.origin.promisor", "false")
    box("config", "extensions.worktreeConfig", "true")
    box("config", "extensions.objectFormat", "sha1")
    assert Repository.open(box.path).resolve("main") == pair[1]


def test_git_environment_does_not_matter(
    box: GitBox, pair: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables that redirect Git elsewhere have no effect."""
    other = GitBox(tmp_path, "other")
    foreign = other.commit({"a": "foreign"})
    monkeypatch.setenv("GIT_DIR", str(other.dot_git))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.path))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(other.dot_git / "objects"))
    monkeypatch.setenv("GIT_ALTERNATE_OBJECT_DIRECTORIES", str(other.dot_git / "objects"))
    monkeypatch.setenv("GIT_COMMON_DIR", str(other.dot_git))
    monkeypatch.setenv("GIT_NAMESPACE", "evil")
    monkeypatch.setenv("GIT_REPLACE_REF_BASE", "refs/heads/")
    repository = Repository.open(box.path)
    assert repository.resolve("HEAD") == pair[1]
    with pytest.raises(VerificationError) as caught:
        repository.commit(foreign)
    assert caught.value.code == "git.corrupt_object"


def test_configuration_syntax() -> None:
    """Settings are found in every way that git-config(1) allows to write them."""
    text = (
        '\ufeff; comment\n[core]\n\tbare = false # no\n[remote "a.B \\"c\\""] promisor\r\n'
        '[EXTENSIONS]objectFormat="sha256"\n[extensions] [core]\nx-y = 1\\\n2\n[a.b] k = "#" ; c\nnot a setting!\n[bad\n'
    )
    assert list(settings(text.encode())) == [
        Setting("core", "", "bare", "false"),
        Setting("remote", 'a.B \\"c\\"', "promisor", None),
        Setting("extensions", "", "objectformat", "sha256"),
        Setting("core", "", "x-y", "12"),
        Setting("a", "b", "k", "#"),
    ]
