# SPDX-License-Identifier: Apache-2.0
"""What a story is made of: commands, edits and settings, told as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Command:
    """One command line, which is both shown and carried out."""

    line: str
    """As a user types it: ``gaitops …``, ``git …`` or ``cd …``. A backslash ends a line that goes on in the next."""
    exit_code: int = 0
    """What it must end with."""
    names: str | None = None
    """Error code that its output must name."""
    shows: tuple[str, ...] = ()
    """Beginnings of the lines of its output that matter; the rest is not shown."""
    keyless: str | None = None
    """The line in its place where people sign without keys; ``None`` when it is the same."""


@dataclass(frozen=True, slots=True)
class Export:
    """``export VARIABLE=…`` with what the command before has printed after ``label``."""

    variable: str
    label: str


@dataclass(frozen=True, slots=True)
class Setting:
    """``export VARIABLE=value`` with a value that is known beforehand."""

    variable: str
    value: str


@dataclass(frozen=True, slots=True)
class Write:
    """A new file, as from an editor."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Changed text in a file: each pair is text that must occur exactly once, and what takes its place."""

    path: str
    changes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Made:
    """Something that a person would have beside the story: many files, the evidence of a day."""

    sentence: str
    """What is shown in its place."""
    make: Callable[[], None]
    """Does it, in the current folder."""


@dataclass(frozen=True, slots=True)
class Each:
    """Command lines in every clone, one after the other; ``{name}`` is the clone's."""

    sentence: str
    """What is shown in its place."""
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Travel:
    """Another day: what follows happens at this time, for gaitops and for Git."""

    moment: datetime
    """In UTC."""


Action = Command | Export | Setting | Write | Edit | Made | Each | Travel


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens, done by one person."""

    actor: str
    """Whose Git identity is in force."""
    sentence: str
    actions: tuple[Action, ...]
