# SPDX-License-Identifier: Apache-2.0
"""A working tree is read as Git would read it, without Git."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from gaitops.cli.files import create_files, read_bytes
from gaitops.cli.worktree import WorkingTree
from gaitops.content import TREE_MODE
from gaitops.errors import InvalidInputError, UnsafeOperationError


def test_entries(tmp_path: Path) -> None:
    """Modes are Git's, .git is left out, links are not followed, and paths are in byte order."""
    create_files(
        tmp_path, {".git/HEAD": b"x", "a/b": b"1", "a-b": b"2", "sub/.git": b"gitdir: x", "sub/f": b"3"}
    )
    (tmp_path / "a-b").chmod(0o755)
    (tmp_path / "link").symlink_to("/etc")
    tree = WorkingTree(tmp_path)
    assert [(path, entry.mode) for path, entry in tree.walk("")] == [
        ("a-b", "100755"),
        ("a/b", "100644"),
        ("link", "120000"),
        ("sub", "160000"),
    ]
    assert tree.read("a/b") == b"1"
    assert tree.read("link") == b"/etc"
    assert tree.sha256("a/b") == hashlib.sha256(b"1").hexdigest()
    found = tree.entry("a")
    assert found is not None
    assert found.mode == TREE_MODE
    assert tree.entry("nothing") is None
    assert tree.entry("nothing/below") is None
    assert tree.entry("link/passwd") is None
    assert tree.children("a-b") == {}
    assert tree.children("link") == {}
    assert tree.children("a/..") == {}
    assert tree.entry("a/../a-b") is None


def test_special_files_are_left_out(tmp_path: Path) -> None:
    """A named pipe is nothing that Git would store, and is never opened."""
    os.mkfifo(tmp_path / "pipe")
    assert dict(WorkingTree(tmp_path).children("")) == {}


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    """A name without a text form is a clear error."""
    try:
        os.close(os.open(os.fsencode(tmp_path) + b"/\xff", os.O_CREAT | os.O_WRONLY))
    except OSError:
        pytest.skip("this file system refuses such names")
    with pytest.raises(InvalidInputError, match=r"git\.unsafe_path"):
        WorkingTree(tmp_path).children("")


def test_create_files_never_overwrites(tmp_path: Path) -> None:
    """One existing file means that none is written."""
    (tmp_path / "b").write_bytes(b"old")
    with pytest.raises(UnsafeOperationError, match=r"b: already exists .*\[input\.exists\]"):
        create_files(tmp_path, {"a": b"new", "b": b"new"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b"]
    assert (tmp_path / "b").read_bytes() == b"old"


def test_create_files_removes_what_it_wrote(tmp_path: Path) -> None:
    """When a later file cannot be written, the earlier ones go again."""
    (tmp_path / "z").write_bytes(b"a file, not a folder")
    with pytest.raises(UnsafeOperationError):
        create_files(tmp_path, {"a": b"1", "z/b": b"2"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["z"]


def test_read_bytes_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing files and folders are the user's mistake; huge files are not read into memory."""
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(InvalidInputError, match=r"input\.unreadable"):
            read_bytes(path)
    monkeypatch.setattr("gaitops.cli.files.MAX_BYTES", 3)
    (tmp_path / "big").write_bytes(b"1234")
    with pytest.raises(InvalidInputError, match=r"document\.too_large"):
        read_bytes(tmp_path / "big")
