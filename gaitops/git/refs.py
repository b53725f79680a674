# SPDX-License-Identifier: Apache-2.0
"""Branches, tags and ``HEAD``, read from their files, and revision names that can mean only one thing.

Git's own lookup takes the first of six places, completes abbreviated ids and evaluates expressions. A verdict must not
depend on which of two names won, so here a name that exists twice is an error (threat G5).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from gaitops.errors import InvalidInputError, VerificationError
from gaitops.git.location import Location
from gaitops.git.objects import COMMIT, OBJECT_ID, TAG, ObjectStore

NAMESPACES: Final = ("refs/", "refs/tags/", "refs/heads/", "refs/remotes/")
"""Where a short name may stand."""
_SYMBOLIC_DEPTH: Final = 5
"""Git's own limit on references that point to references."""
_TAG_DEPTH: Final = 16
_REF_FILE_LIMIT: Final = 4096
_REVISION: Final = re.compile(r"([^~^]+)(?:~([0-9]{0,6}))?", re.ASCII)
_SHORT_ID: Final = re.compile(r"[0-9a-fA-F]{4,}", re.ASCII)
_BAD_NAME: Final = re.compile(
    r"[\x00-\x20\x7f~^:?*\[\\\ud800-\udfff]|\.\.|@\{|//|^[/-]|[/.]$|(?:^|/)\.|\.lock(?:/|$)"
)
_TARGET: Final = re.compile(rb"([0-9a-f]{40})(?:\s|\Z)")


class LostRaceError(VerificationError):
    """Somebody else moved the branch in the meantime (code ``history.fork``); start again from its new state."""

    retryable = True


def check_ref_name(name: str) -> str:
    """``name`` if Git would accept it as a reference (git-check-ref-format(1)) and no option could hide in it.

    Raises:
        InvalidInputError: ``git.unknown_revision``.
    """
    if not name or len(name) > 1024 or _BAD_NAME.search(name):
        raise InvalidInputError.of(
            "git.unknown_revision",
            f"{name!r} is not a valid name of a branch or tag",
            remedy="git check-ref-format --branch NAME tells which names are valid",
        )
    return name


class References:
    """The references of one repository, read afresh at every call."""

    def __init__(self, location: Location) -> None:
        self._location = location

    def target(self, name: str) -> str | None:
        """Object id that the full reference ``name`` (or ``HEAD``) points to; ``None`` when it does not exist.

        Raises:
            InvalidInputError: ``git.unknown_revision`` for an impossible name.
            VerificationError: ``git.corrupt_ref`` when its file makes no sense.
        """
        final, content = self._follow(name)
        if content is None:
            return self._packed(final)
        match = _TARGET.match(content)
        if match is None:
            raise VerificationError.of("git.corrupt_ref", f"the reference {final} holds no object id")
        return match[1].decode()

    def final_name(self, name: str) -> str:
        """The reference that moves when ``name`` is written to: the last of a chain of symbolic ones, or ``name`` itself.

        Raises as :meth:`target`.
        """
        return self._follow(name)[0]

    def _follow(self, name: str) -> tuple[str, bytes | None]:
        """Name and file of the reference at the end of a chain; no bytes where there is no file of that name."""
        current = check_ref_name(name)
        for _ in range(_SYMBOLIC_DEPTH):
            content = self._loose(current)
            if content is None or not content.startswith(b"ref:"):
                return current, content
            current = check_ref_name(content[4:].strip().decode("utf-8", "replace"))
        raise VerificationError.of("git.corrupt_ref", f"the reference {name} points to too many others")

    def is_symbolic(self, name: str) -> bool:
        """Whether ``name`` points to another reference."""
        return (self._loose(check_ref_name(name)) or b"").startswith(b"ref:")

    def _loose(self, name: str) -> bytes | None:
        # HEAD and its like belong to the work tree, everything below refs/ is shared.
        folder = self._location.common_dir if name.startswith("refs/") else self._location.git_dir
        return _read_ref_file(folder / name)

    def _packed(self, name: str) -> str | None:
        try:
            data = b"\n" + (self._location.common_dir / "packed-refs").read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise VerificationError.of("git.corrupt_ref", f"packed-refs cannot be read: {error}") from error
        match = re.search(rb"\n([0-9a-f]{40}) " + re.escape(name.encode()) + rb"\r?\n", data)
        return None if match is None else match[1].decode()


def resolve(
    references: References, objects: ObjectStore, revision: str, ancestor: Callable[[str, int], str]
) -> str:
    """Full commit id of ``revision``.

    Understood are full commit ids, ``HEAD``, full references (``refs/heads/main``), names of branches, tags and
    remote-tracking branches (``origin/main``), each optionally followed by ``~N`` for the N-th first parent, for which
    ``ancestor`` is asked. Annotated tags stand for their commit.

    Raises:
        InvalidInputError: ``git.unknown_revision``.
        VerificationError: ``git.ambiguous_revision`` for abbreviated ids and names that exist twice.
    """
    match = _REVISION.fullmatch(revision)
    if match is None:
        raise InvalidInputError.of(
            "git.unknown_revision",
            f"{revision!r} is not a name, a full commit id, or one of these with ~N",
            remedy="name a branch, a tag or a full commit id",
        )
    name, steps = match.groups()
    if OBJECT_ID.fullmatch(name):
        oid = name
    elif name == "HEAD" or name.startswith("refs/"):
        oid = _existing(name, references.target(name))
    else:
        oid = _short_name(references, name)
    commit = _peel(objects, oid, name)
    return commit if steps is None else ancestor(commit, int(steps or "1"))


def _short_name(references: References, name: str) -> str:
    check_ref_name(name)
    found = {}
    for namespace in NAMESPACES:
        target = references.target(namespace + name)
        if target is not None:
            found[namespace + name] = target
    if len(found) > 1:
        raise VerificationError.of(
            "git.ambiguous_revision",
            f"{name!r} could mean {' or '.join(found)}",
            remedy="write the full name, for example " + next(reversed(found)),
        )
    if not found and _SHORT_ID.fullmatch(name):
        raise VerificationError.of(
            "git.ambiguous_revision", f"{name!r} is an abbreviated commit id", remedy="write all 40 digits"
        )
    return _existing(name, next(iter(found.values()), None))


def _existing(name: str, target: str | None) -> str:
    if target is None:
        raise InvalidInputError.of(
            "git.unknown_revision",
            f"there is no branch, tag or commit {name!r}",
            remedy="check the name; what only the remote has must be fetched: git fetch",
        )
    return target


def _peel(objects: ObjectStore, oid: str, name: str) -> str:
    """The commit that ``oid`` is, or that the annotated tag ``oid`` names."""
    for _ in range(_TAG_DEPTH):
        kind, data = objects.typed(oid)
        if kind == COMMIT:
            return oid
        match = re.match(rb"object ([0-9a-f]{40})\n", data) if kind == TAG else None
        if match is None:
            break
        oid = match[1].decode()
    raise InvalidInputError.of(
        "git.unknown_revision", f"{name!r} does not name a commit", remedy="name a commit, or a tag of one"
    )


def _read_ref_file(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(_REF_FILE_LIMIT)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise VerificationError.of(
            "git.corrupt_ref", f"the reference {path.name} cannot be read: {error}"
        ) from error
