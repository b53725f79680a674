# SPDX-License-Identifier: Apache-2.0
"""Where the files of a change to a rollout go: onto a new branch, or into the working tree, never over other work."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gaitops.cli.clock import now
from gaitops.cli.files import read_bytes
from gaitops.errors import InvalidInputError, UnsafeOperationError

if TYPE_CHECKING:
    from gaitops.history.session import History

_UNFINISHED = ".gaitops-unfinished"


@dataclass(frozen=True)
class Written:
    """One file of a change."""

    data: bytes
    before: bytes | None
    """What it is made from, and replaces; ``None`` for a new file."""


def commit_on_head(history: History, repo: Path, files: Mapping[str, bytes], message: str) -> str:
    """A commit with these files on top of the verified branch; no branch shows it yet.

    Raises:
        InvalidInputError: ``git.identity``: Git does not know who commits.
    """
    from gaitops.cli.delivery import Delivery
    from gaitops.git.writing import commit_files

    return commit_files(
        history.repository,
        history.standing.head,
        dict(files),
        message=message,
        author=Delivery(repo, "origin", None).author(),
        when=int(now().timestamp()),
    )


def show_on_branch(history: History, branch: str, commit: str) -> None:
    """Let a new branch begin at a commit.

    Raises:
        UnsafeOperationError: ``git.branch_exists``.
        InvalidInputError: ``git.unknown_revision``: no branch can have this name.
    """
    from gaitops.git.writing import update_branch

    if history.repository.references.target(f"refs/heads/{branch}") is not None:
        raise UnsafeOperationError.of(
            "git.branch_exists", f"branch {branch} exists already", remedy="choose another name for --branch"
        )
    update_branch(history.repository, branch, commit, None)


def write_to_worktree(repo: Path, files: Mapping[str, Written]) -> None:
    """Write files into a working tree; all are looked at before the first is written.

    Each is replaced in one moment, and in the line ends that it has there.

    Raises:
        InvalidInputError: ``approval.no_worktree``: the repository is bare.
        UnsafeOperationError: ``input.modified``: a file has changes of its own, or leads out of the working tree.
    """
    if not (repo / ".git").exists():
        raise InvalidInputError.of(
            "approval.no_worktree", f"{repo} has no working tree to write documents to", remedy="use --branch"
        )
    ready = {path: _for_worktree(repo, path, file) for path, file in files.items()}
    for path, data in ready.items():
        _replace(repo / path, data)


def _for_worktree(repo: Path, path: str, file: Written) -> bytes:
    """The bytes to write, once nothing that people did is in the way."""
    target = repo
    for part in path.split("/"):
        target = target / part
        if target.is_symlink():
            raise _in_the_way(path, "leads through a symbolic link")
    if not os.path.lexists(target):
        return file.data
    found = read_bytes(target)
    known = {item.replace(b"\r\n", b"\n") for item in (file.before, file.data) if item is not None}
    if found.replace(b"\r\n", b"\n") not in known:
        raise _in_the_way(path, "differs from verified state and would be overwritten")
    # Git may have been told to check out text with other line ends than it has in the history.
    translated = b"\r\n" in found and b"\r\n" not in file.data
    return file.data.replace(b"\n", b"\r\n") if translated else file.data


def _replace(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = target.with_name(f".{target.name}{_UNFINISHED}")
    try:
        staged.write_bytes(data)
        staged.replace(target)
    finally:
        staged.unlink(missing_ok=True)


def _in_the_way(path: str, message: str) -> UnsafeOperationError:
    return UnsafeOperationError.of(
        "input.modified",
        message,
        path=path,
        remedy="switch to the protected branch, or use --branch, which leaves the working tree alone",
    )
