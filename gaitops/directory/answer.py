# SPDX-License-Identifier: Apache-2.0
"""What a directory said, as values: the same whatever it was read from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from gaitops.documents.text import forbidden_character
from gaitops.errors import InvalidInputError, UnsafeOperationError

MAX_USERS = 100_000
"""Most users, and most groups, that are read; a directory with more is read in parts, with a filter."""
MAX_TEXT = 256
"""Characters of one value."""


@dataclass(frozen=True, slots=True)
class User:
    """One account."""

    id: str
    """Given once by the directory and to nobody else; OpenID's ``sub``."""
    user_name: str | None = None
    external_id: str | None = None
    display_name: str | None = None
    emails: tuple[str, ...] = ()
    """Addresses that the directory vouches for, the primary one first."""
    active: bool = True
    flaw: str | None = None
    """Why nothing but ``id`` and ``active`` is believed: one person's odd name must not keep others from leaving."""


@dataclass(frozen=True, slots=True)
class Group:
    """One group with the users in it, those of groups inside it included."""

    id: str
    display_name: str | None
    members: frozenset[str]
    """Ids of users."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything that was read in one go and found to belong together."""

    source: Literal["scim", "oidc", "file"]
    users: Mapping[str, User] = field(default_factory=dict)
    """By id."""
    groups: tuple[Group, ...] = ()
    gone: frozenset[str] = frozenset()
    """Ids that the caller asked about and that the directory no longer has."""
    unseen: frozenset[str] = frozenset()
    """Ids that the caller asked about, which exist and which what was read says nothing about."""
    complete: bool = True
    """Whether whoever is not among ``users`` is not in the directory."""
    all_groups: bool = True
    """Whether a group that is not listed does not exist, or only has nobody of ``users`` in it."""


def text_of(value: object, what: str, where: str) -> str:
    """A text that means to everybody what it looks like.

    Raises:
        InvalidInputError: ``directory.malformed``: another type, empty, too long, or with characters that are invisible or
            reorder text.
    """
    if not isinstance(value, str):
        raise malformed(f"{what} is {type(value).__name__}, expected text", where)
    if not value or len(value) > MAX_TEXT or value != value.strip() or "\n" in value or "\t" in value:
        raise malformed(f"{what} is empty, longer than {MAX_TEXT} characters, or not one trimmed line", where)
    character = forbidden_character(value)
    if character is not None:
        raise malformed(f"{what} holds the character {character}", where)
    return value


def optional_text(value: object, what: str, where: str) -> str | None:
    """As :func:`text_of`; ``None`` for what is absent, null or empty."""
    return None if value is None or value == "" else text_of(value, what, where)


def users_by_id(users: Iterable[User], where: str) -> dict[str, User]:
    """Users by id.

    Raises:
        InvalidInputError: ``directory.malformed``: an id stands twice.
        UnsafeOperationError: ``directory.partial``: there is nobody at all.
    """
    found: dict[str, User] = {}
    for user in users:
        if user.id in found:
            raise malformed(f"the user id {user.id!r} stands twice", where)
        found[user.id] = user
    if not found:
        raise partial("there is not a single user", where)
    return found


def malformed(message: str, where: str) -> InvalidInputError:
    """``directory.malformed``: an answer that is not what its standard says."""
    return InvalidInputError.of(
        "directory.malformed",
        message,
        path=where,
        remedy="correct it in the directory; nothing was prepared",
    )


def partial(message: str, where: str) -> UnsafeOperationError:
    """``directory.partial``: an answer that may lack people, by which nobody must lose anything."""
    return UnsafeOperationError.of(
        "directory.partial",
        message,
        path=where,
        remedy="nothing was prepared; find out why the directory does not answer in full, then start again",
    )
