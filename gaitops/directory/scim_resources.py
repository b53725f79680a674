# SPDX-License-Identifier: Apache-2.0
"""SCIM users and groups (RFC 7643) as values. Attribute names are matched without regard to case (2.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from gaitops.directory.answer import Group, User, malformed, optional_text, text_of
from gaitops.documents.models.base import EMAIL_PATTERN
from gaitops.errors import InvalidInputError

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
_EMAIL = re.compile(EMAIL_PATTERN)
_MAX_EMAILS = 16


@dataclass(frozen=True, slots=True)
class Resource:
    """A user with the version of its resource."""

    user: User
    version: str | None
    """``meta.version``, an entity tag (RFC 7644 3.14)."""


@dataclass(frozen=True, slots=True)
class RawGroup:
    """A group with its direct members."""

    id: str
    display_name: str | None
    members: frozenset[str]
    """Ids of users and of groups."""


def attributes(value: object, schema: str, where: str) -> Mapping[str, object]:
    """The attributes of a resource by lowercase name.

    Raises:
        InvalidInputError: ``directory.malformed``: not an object, of another schema, or an attribute stands twice.
    """
    found = _folded(value, where)
    schemas = found.get("schemas")
    if not isinstance(schemas, list) or schema not in schemas:
        raise malformed(f"a resource without the schema {schema}", where)
    return found


def _folded(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise malformed(f"expected an object, found {type(value).__name__}", where)
    found = {str(name).lower(): item for name, item in value.items()}
    if len(found) != len(value):
        raise malformed("an attribute stands twice, in different case", where)
    return found


def read_user(value: object, where: str) -> Resource:
    """A User resource (RFC 7643 4.1).

    Raises:
        InvalidInputError: ``directory.malformed`` for an ``id`` or ``active`` that cannot be understood. What else is
            wrong becomes the user's flaw.
    """
    found = attributes(value, USER, where)
    identifier = text_of(found.get("id"), "a user's id", where)
    active = found.get("active", True)
    if not isinstance(active, bool):
        raise malformed(f"active of {identifier!r} is {type(active).__name__}, expected true or false", where)
    meta = found.get("meta")
    version = _folded(meta, where).get("version") if meta is not None else None
    tag = version if isinstance(version, str) and version.isascii() and version.isprintable() else None
    try:
        user = User(
            identifier,
            optional_text(found.get("username"), "userName", where),
            optional_text(found.get("externalid"), "externalId", where),
            optional_text(found.get("displayname"), "displayName", where),
            _emails(found.get("emails"), where),
            active,
        )
    except InvalidInputError as error:
        user = User(identifier, active=active, flaw=error.problems[0].message)
    return Resource(user, tag)


def _emails(value: object, where: str) -> tuple[str, ...]:
    """Addresses, the primary one first; otherwise in the order of the resource."""
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > _MAX_EMAILS:
        raise malformed(f"emails is no list of at most {_MAX_EMAILS} addresses", where)
    found: list[tuple[bool, str]] = []
    for item in value:
        entry = _folded(item, where)
        primary = entry.get("primary", False)
        if not isinstance(primary, bool):
            raise malformed("primary of an address is neither true nor false", where)
        found.append((not primary, address(entry.get("value"), where)))
    if sum(not rest for rest, _ in found) > 1:
        raise malformed("there are two primary addresses", where)
    return tuple(dict.fromkeys(text for _, text in sorted(found, key=lambda item: item[0])))


def address(value: object, where: str) -> str:
    """An e-mail address.

    Raises:
        InvalidInputError: ``directory.malformed``: no address, or one with letters that can be mistaken for others.
    """
    text = text_of(value, "an e-mail address", where)
    if not _EMAIL.match(text) or not text.isascii():
        raise malformed(f"{text!r} is no e-mail address in ASCII", where)
    return text


def read_group(value: object, where: str) -> RawGroup:
    """A Group resource (RFC 7643 4.2). A display name that cannot be read plainly names no group.

    Raises:
        InvalidInputError: ``directory.malformed``.
    """
    found = attributes(value, GROUP, where)
    identifier = text_of(found.get("id"), "a group's id", where)
    try:
        name = optional_text(found.get("displayname"), "displayName", where)
    except InvalidInputError:
        name = None
    members = found.get("members")
    if members is not None and not isinstance(members, list):
        raise malformed(f"members of {identifier!r} is no list", where)
    values = [text_of(_folded(item, where).get("value"), "a member's value", where) for item in members or ()]
    if len(set(values)) != len(values):
        raise malformed(f"a member of {identifier!r} stands twice", where)
    return RawGroup(identifier, name, frozenset(values))


def resolve(
    raw: Iterable[RawGroup], users: Mapping[str, User], where: str
) -> tuple[list[Group], frozenset[str]]:
    """Groups with everybody in them, members of nested groups included, and members who are neither user nor group.

    A group that contains itself, directly or not, holds what any of the circle holds.

    Raises:
        InvalidInputError: ``directory.malformed``: an id stands twice, or is one of a user as well.
    """
    groups: dict[str, RawGroup] = {}
    for item in raw:
        if item.id in groups or item.id in users:
            raise malformed(f"the id {item.id!r} of a group stands twice", where)
        groups[item.id] = item
    everybody = frozenset[str]().union(*(item.members for item in groups.values()))
    found = [
        Group(item.id, item.display_name, _within(item, groups) & users.keys()) for item in groups.values()
    ]
    return found, everybody - users.keys() - groups.keys()


def _within(group: RawGroup, groups: Mapping[str, RawGroup]) -> frozenset[str]:
    members: set[str] = set()
    seen, waiting = {group.id}, [group]
    while waiting:
        current = waiting.pop()
        members |= current.members
        inner = current.members & groups.keys() - seen
        seen |= inner
        waiting.extend(groups[name] for name in inner)
    return frozenset(members)
