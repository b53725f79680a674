# SPDX-License-Identifier: Apache-2.0
"""Repositories that are refused outright, because their history or objects may not be what they seem (design 5).

Each of these files makes Git or libgit2 show another history than the commit objects tell, or depend on objects that
are elsewhere. gaitops reads raw objects and would mostly not be fooled, but a person who looks with Git
would be, so no verdict is given at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gaitops.errors import Problem, VerificationError
from gaitops.git.configuration import Setting, settings
from gaitops.git.location import Location

_HARMLESS_EXTENSIONS: Final = frozenset(
    {"noop", "noop-v1", "preciousobjects", "worktreeconfig", "relativeworktrees"}
)
_PLAIN: Final = frozenset({("objectformat", "sha1"), ("refstorage", "files")})
_SMALL_FILE: Final = 1 << 20
"""Configuration and alternates files beyond this many bytes are refused: nobody writes them by hand."""


def refuse_untrustworthy(location: Location) -> None:
    """Check a repository before anything is read from it.

    Raises:
        VerificationError: with one problem for each of ``git.object_format``, ``git.unsupported_repository``,
            ``git.replace_refs``, ``git.grafts``, ``git.shallow``, ``git.partial_clone`` and ``git.alternates`` found.
    """
    try:
        problems = [
            *_format_problems(location),
            *_rewriting_problems(location),
            *_shallow_problems(location),
            *_alternates_problems(location),
        ]
    except OSError as error:
        raise VerificationError.of(
            "git.unsupported_repository", f"the repository cannot be read: {error}"
        ) from error
    if problems:
        raise VerificationError({(problem.code, problem.message): problem for problem in problems}.values())


def _format_problems(location: Location) -> Iterator[Problem]:
    for folder, name in ((location.common_dir, "config"), (location.git_dir, "config.worktree")):
        path = folder / name
        if not path.is_file():
            continue
        for setting in settings(_read_small(path)):
            problem = _setting_problem(setting)
            if problem is not None:
                yield problem


def _setting_problem(setting: Setting) -> Problem | None:
    value = (setting.value or "").lower()
    if setting.section == "remote" and (
        setting.key == "partialclonefilter" or (setting.key == "promisor" and setting.is_true())
    ):
        return _partial_clone(f"remote {setting.subsection!r} is a promisor remote")
    if (
        setting.section != "extensions"
        or (setting.key, value) in _PLAIN
        or setting.key in _HARMLESS_EXTENSIONS
    ):
        return None
    if setting.key == "partialclone":
        return _partial_clone("the repository is a partial clone")
    if setting.key == "objectformat":
        return Problem(
            "git.object_format",
            f"the repository uses the object format {value!r}; only sha1 can be read",
            remedy="verify a clone in SHA-1 object format",
        )
    return Problem(
        "git.unsupported_repository",
        f"the repository uses the extension {setting.key} = {value!r}, which gaitops cannot read",
        remedy="verify a plain clone of it",
    )


def _rewriting_problems(location: Location) -> Iterator[Problem]:
    for folder in {location.git_dir, location.common_dir}:
        if _has_files(folder / "refs" / "replace"):
            yield _replaced()
        if _is_in_use(folder / "info" / "grafts"):
            yield Problem(
                "git.grafts",
                "info/grafts rewrites the parents of commits",
                remedy="remove the file info/grafts from the Git folder",
            )
    packed = location.common_dir / "packed-refs"
    if packed.is_file() and b" refs/replace/" in packed.read_bytes():
        yield _replaced()


def _shallow_problems(location: Location) -> Iterator[Problem]:
    if any(_is_in_use(folder / "shallow") for folder in (location.git_dir, location.common_dir)):
        yield Problem(
            "git.shallow",
            "the clone is shallow: its history is cut off",
            remedy="git fetch --unshallow; in CI, check out with fetch-depth: 0",
        )
    if next((location.objects / "pack").glob("*.promisor"), None) is not None:
        yield _partial_clone("a pack comes from a promisor remote")


def _alternates_problems(location: Location) -> Iterator[Problem]:
    inside = location.common_dir.resolve()
    pending = [location.objects]
    seen: set[Path] = set()
    while pending:
        folder = pending.pop()
        resolved = folder.resolve()
        if resolved in seen:
            continue
        seen.add(resolved)
        if not resolved.is_relative_to(inside):
            yield Problem(
                "git.alternates",
                f"objects are borrowed from outside the repository: {folder}",
                remedy="git repack -a -d, then remove objects/info/alternates",
            )
            continue
        alternates = resolved / "info" / "alternates"
        if alternates.is_file():
            pending.extend(_alternates(resolved, _read_small(alternates)))


def _alternates(objects: Path, data: bytes) -> Iterator[Path]:
    """Folders named by an alternates file, relative ones taken from the ``objects`` folder (gitrepository-layout(5))."""
    for raw_line in data.decode("utf-8", "surrogateescape").replace("\0", "\n").split("\n"):
        line = raw_line.strip().strip('"')
        if line and not line.startswith("#"):
            yield objects / line


def _replaced() -> Problem:
    return Problem(
        "git.replace_refs",
        "refs/replace/ shows other objects in place of the real ones",
        remedy="git for-each-ref --format='delete %(refname)' refs/replace | git update-ref --stdin",
    )


def _partial_clone(message: str) -> Problem:
    return Problem("git.partial_clone", message, remedy="clone again without --filter")


def _is_in_use(path: Path) -> bool:
    """Whether anything but an empty file is there; a dangling or odd entry counts."""
    return path.is_symlink() or (path.exists() and (not path.is_file() or path.stat().st_size > 0))


def _has_files(folder: Path) -> bool:
    return folder.is_symlink() or any(not path.is_dir() or path.is_symlink() for path in folder.rglob("*"))


def _read_small(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(_SMALL_FILE + 1)
    if len(data) > _SMALL_FILE:
        raise VerificationError.of(
            "git.unsupported_repository", f"{path.name} is larger than {_SMALL_FILE} bytes"
        )
    return data
