# SPDX-License-Identifier: Apache-2.0
"""What a user is called in the fleet and in certificates: deterministic, and an error wherever there is doubt."""

from __future__ import annotations

import re
from typing import Final

from gaitops.directory.answer import User
from gaitops.documents.models.base import NAME_PATTERN
from gaitops.documents.models.directory import UserMapping
from gaitops.errors import UnsafeOperationError

_NAME = re.compile(NAME_PATTERN)
_SUBJECT: Final = re.compile(r"[!-~]{1,256}")
"""What a document may hold as a subject."""
_SEPARATORS: Final = str.maketrans(dict.fromkeys("._+ @", "-"))


def principal_name(user: User, mapping: UserMapping) -> str:
    """The name of the principal that a user becomes.

    An ASCII value in lowercase, with a hyphen for each dot, underscore, plus, space and @; of an address in one of the
    mapping's domains only what stands before the @. Nothing is dropped or transliterated, so that no two values become one
    name unless they differ in case or in such separators.

    Raises:
        UnsafeOperationError: ``identity.unusable``.
    """
    named = next((item.name for item in mapping.named if item.id == user.id), None)
    if named is not None:
        return named
    value = {"userName": user.user_name, "email": _first(user), "externalId": user.external_id}[mapping.name]
    if value is None:
        raise unusable(f"user {user.id!r} has no {mapping.name}")
    local, at, domain = value.rpartition("@")
    if at and mapping.domains:
        if domain.lower() not in mapping.domains:
            raise unusable(f"{value!r} is in none of the domains of the mapping")
        value = local
    name = value.lower().translate(_SEPARATORS)
    if not value.isascii() or not _NAME.fullmatch(name):
        raise unusable(
            f"{value!r} cannot be written as a name of lowercase letters, digits and inner hyphens"
        )
    return name


def subject(user: User, mapping: UserMapping) -> str:
    """What stands in the user's certificates, exactly as the directory writes it.

    Raises:
        UnsafeOperationError: ``identity.unusable``: the user has no such value, one in a foreign domain, or one that no document holds.
    """
    values = {
        "email": _first(user),
        "id": user.id,
        "externalId": user.external_id,
        "userName": user.user_name,
    }
    value = values[mapping.subject]
    if value is None:
        raise unusable(f"user {user.id!r} has no {mapping.subject} that the directory vouches for")
    if mapping.subject == "email" and mapping.domains:
        domain = value.rpartition("@")[2]
        if domain.lower() not in mapping.domains:
            raise unusable(f"{value!r} is in none of the domains of the mapping")
    if not _SUBJECT.fullmatch(value):
        raise unusable(f"{value!r} is no subject: a space, or letters that can be mistaken for others")
    return value


def _first(user: User) -> str | None:
    return user.emails[0] if user.emails else None


def unusable(message: str) -> UnsafeOperationError:
    """``identity.unusable``: a user who cannot become a principal as they are."""
    return UnsafeOperationError.of(
        "identity.unusable",
        message,
        remedy="correct it in the directory, or name the user in users.named of the mapping",
    )
