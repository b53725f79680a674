# SPDX-License-Identifier: Apache-2.0
"""Where a repository keeps its files: work trees, linked work trees, submodules and bare repositories.

The environment (``GIT_DIR`` and its relatives) is not consulted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gaitops.errors import InvalidInputError

_POINTER_LIMIT: Final = 8192
"""Longest ``.git`` or ``commondir`` file that is read, in bytes: one path."""


@dataclass(frozen=True, slots=True)
class Location:
    """The folders of one repository."""

    git_dir: Path
    """Holds ``HEAD``; of a linked work tree its own folder below ``.git/worktrees``."""
    common_dir: Path
    """Holds objects, branches and tags; the same as ``git_dir`` except in a linked work tree."""

    @property
    def objects(self) -> Path:
        """The object database."""
        return self.common_dir / "objects"


def locate(path: Path) -> Location:
    """Find the repository at ``path``: a work tree or a folder inside one, or exactly a Git or bare repository folder.

    A bare repository above ``path`` is not taken: it could be content that somebody committed.

    Raises:
        InvalidInputError: ``git.not_a_repository``.
    """
    start = path.absolute()
    try:
        if _is_git_dir(start):
            return _with_common_dir(start)
        for folder in (start, *start.parents):
            dot_git = folder / ".git"
            if _is_git_dir(dot_git):
                return _with_common_dir(dot_git)
            if dot_git.is_file():
                return _with_common_dir(_follow(dot_git, "gitdir: "))
    except OSError as error:
        raise InvalidInputError.of(
            "git.not_a_repository", f"cannot look for a repository: {error}"
        ) from error
    raise InvalidInputError.of(
        "git.not_a_repository",
        f"{path} is not inside a Git repository",
        remedy="name the repository with --repo",
    )


def _is_git_dir(folder: Path) -> bool:
    head = folder / "HEAD"
    has_content = (folder / "commondir").is_file() or (
        (folder / "objects").is_dir() and (folder / "refs").is_dir()
    )
    return has_content and (head.is_file() or head.is_symlink())


def _with_common_dir(git_dir: Path) -> Location:
    resolved = git_dir.resolve()
    pointer = resolved / "commondir"
    common = _follow(pointer, "").resolve() if pointer.is_file() else resolved
    if not (common / "objects").is_dir():
        raise InvalidInputError.of("git.not_a_repository", f"{common} has no object database")
    return Location(resolved, common)


def _follow(pointer: Path, prefix: str) -> Path:
    """The folder that a pointer file names, relative to the file."""
    with pointer.open("rb") as file:
        text = file.read(_POINTER_LIMIT).decode("utf-8", "surrogateescape")
    target = text.removeprefix(prefix).rstrip("\r\n")
    if not text.startswith(prefix) or not target or "\0" in target:
        raise InvalidInputError.of("git.not_a_repository", f"{pointer} does not name a Git folder")
    return pointer.parent / target
