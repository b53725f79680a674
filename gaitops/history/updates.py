# SPDX-License-Identifier: Apache-2.0
"""The references that a push wants to change, judged by their names alone.

Most pushes leave the protected branch alone, so this needs neither the history nor the documents of the fleet, and a
hook that stops here costs the pusher next to nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gaitops.errors import InvalidInputError, Problem, VerificationError
from gaitops.git.refs import NAMESPACES, References, check_ref_name

MAX_INPUT_BYTES: Final = 16 * 1024 * 1024
"""Update lines that are read: more than a hundred thousand references."""
_LINE: Final = re.compile(rb"([0-9a-f]{40}|[0-9a-f]{64}) ([0-9a-f]{40}|[0-9a-f]{64}) ([^\0\n]+)")
_SHA1_LENGTH: Final = 40
_REPLACE: Final = "refs/replace/"


@dataclass(frozen=True, slots=True)
class Update:
    """One reference that a push wants to change."""

    old: str | None
    """Object that the pusher believes it points to; ``None`` to create it."""
    new: str | None
    """Object that it is to point to; ``None`` to delete it."""
    reference: str


@dataclass(frozen=True)
class Reception:
    """The answer to a push."""

    problems: tuple[Problem, ...] = ()
    pending: bool = False
    """Whether only approvals are missing."""
    judged: tuple[str, ...] = ()
    """Partitions that count: those in which the push changes something protected, or all; ``fleet`` first."""
    decisions: int = 0
    """Decisions that the push carried out, as they will stand in the audit log."""

    @property
    def accepted(self) -> bool:
        """Whether the push may enter."""
        return not self.problems


def read_updates(data: bytes) -> tuple[Update, ...]:
    """The lines that Git hands to a ``pre-receive`` hook: old id, new id, full reference name (githooks(5)).

    Raises:
        InvalidInputError: ``hook.input``.
        VerificationError: ``git.object_format`` for ids in SHA-256.
    """
    if len(data) > MAX_INPUT_BYTES:
        raise _not_lines(f"expected at most {MAX_INPUT_BYTES} bytes of update lines")
    updates = []
    for number, line in enumerate(data.splitlines(), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise _not_lines(f"line {number} is not `<old id> <new id> <reference>`")
        old, new = (match[side].decode() for side in (1, 2))
        if len(old) != _SHA1_LENGTH or len(new) != _SHA1_LENGTH:
            raise VerificationError.of("git.object_format", "only repositories in SHA-1 format can be judged")
        updates.append(Update(_existing(old), _existing(new), match[3].decode("utf-8", "surrogateescape")))
    names = [update.reference for update in updates]
    if len(set(names)) != len(names):
        raise _not_lines("a reference is named twice")
    return tuple(updates)


def branch_update(updates: Iterable[Update], branch: str) -> Update | None:
    """The update of the protected branch, if the push has one."""
    return next((item for item in updates if item.reference == _reference(branch)), None)


def name_problems(updates: Iterable[Update], branch: str, references: References) -> tuple[Problem, ...]:
    """What is wrong with the names of references alone, whatever they point to (threats G1, G5).

    Raises:
        VerificationError: ``git.corrupt_ref`` when a reference of the server cannot be read.
    """
    found = (_name_problem(item, branch, references) for item in updates)
    return tuple(problem for problem in found if problem is not None)


def check_current(update: Update, branch: str, references: References) -> None:
    """Refuse an update that starts elsewhere than the branch is: the pusher names the old id, and may be late or lie.

    Git compares again when it moves the branch, under its own lock; this only makes sure that what is judged starts at
    what is on the branch.

    Raises:
        VerificationError: ``history.fork``.
    """
    if references.target(_reference(branch)) != update.old:
        raise VerificationError.of(
            "history.fork",
            f"{branch} has moved in the meantime",
            remedy=f"fetch, put your commits on top of {branch} again, and push",
        )


def _name_problem(update: Update, branch: str, references: References) -> Problem | None:
    name, protected = update.reference, _reference(branch)
    if name == protected:
        return None if update.new is not None else deletion(branch)
    if update.new is not None and _folded(name).startswith(_REPLACE):
        return Problem(
            "git.replace_refs",
            f"{name} would show other objects in place of the real ones",
            remedy="do not push refs/replace/; rewrite the commits on a branch instead",
        )
    if update.new is not None and name in {space + branch for space in NAMESPACES}:
        return Problem(
            "git.ambiguous_revision",
            f"{name} would make {branch!r} mean two things",
            remedy="choose another name",
        )
    if _folded(name) == _folded(protected) or _is_alias(name, protected, references):
        return Problem(
            "git.ambiguous_revision",
            f"{name} is another name of the protected branch {branch}",
            remedy=f"push to {protected} by its own name",
        )
    return None


def _is_alias(name: str, protected: str, references: References) -> bool:
    """Whether writing to ``name`` would move the branch, because it is a symbolic reference."""
    try:
        return references.final_name(name) == protected
    except InvalidInputError:
        # Git accepts no such name either; what it does not write cannot move anything.
        return False


def _folded(name: str) -> str:
    """What file systems that ignore case, or the form of accents, take for the same name."""
    return unicodedata.normalize("NFC", name).casefold()


def _reference(branch: str) -> str:
    return "refs/heads/" + check_ref_name(branch)


def deletion(branch: str) -> Problem:
    """The refusal of a push that deletes the protected branch."""
    return Problem(
        "hook.deletion",
        f"the push deletes the protected branch {branch}",
        remedy="leave it; an administrator of the server can remove the hook first",
    )


def _existing(oid: str) -> str | None:
    return None if not oid.strip("0") else oid


def _not_lines(message: str) -> InvalidInputError:
    return InvalidInputError.of(
        "hook.input",
        message,
        remedy="let Git run the hook; for a test of the set-up, give it no input at all",
    )
