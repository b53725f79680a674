# SPDX-License-Identifier: Apache-2.0
"""Exports of a directory as files: SCIM resources as JSON, or CSV with one row for each user and group.

An export says how many users it holds, or the caller does: a file that was cut off is refused.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Final

from gaitops.directory.answer import (
    MAX_USERS,
    Answer,
    Group,
    User,
    malformed,
    optional_text,
    partial,
    text_of,
    users_by_id,
)
from gaitops.directory.scim_resources import address, read_group, read_user, resolve
from gaitops.documents import strict_json
from gaitops.errors import InvalidInputError

MAX_EXPORT: Final = 16 * 1024 * 1024
"""Bytes of an export."""
COLUMNS: Final = ("id", "userName", "externalId", "displayName", "email", "active", "group")
"""First line of a CSV export, exactly."""
_ACTIVE: Final = {"true": True, "false": False}


def read_export(data: bytes, path: str, *, known: frozenset[str], expected: int | None) -> Answer:
    """What an export says; JSON when it begins with a brace, CSV otherwise.

    Args:
        data: the file.
        path: its name, for messages.
        known: ids of users whom the fleet has.
        expected: how many users it must hold, where the caller knows; needed for CSV.

    Raises:
        InvalidInputError: ``directory.malformed``.
        UnsafeOperationError: ``directory.partial``.
    """
    try:
        answer = _json(data, path) if data.lstrip().startswith(b"{") else _csv(data, path, expected)
    except InvalidInputError as error:
        if error.code.startswith("document."):
            problem = error.problems[0]
            raise InvalidInputError.of(
                "directory.malformed", problem.message, path=path, line=problem.line
            ) from error
        raise
    _counted("users", expected, len(answer.users), path)
    gone = known - answer.users.keys()
    return Answer("file", answer.users, answer.groups, gone, all_groups=answer.all_groups)


def _json(data: bytes, path: str) -> Answer:
    value = strict_json.loads(data, path, max_bytes=MAX_EXPORT)
    members = {"users", "groups", "totalUsers", "totalGroups"}
    if not isinstance(value, dict) or value.keys() != members:
        raise malformed(f"expected an object with {', '.join(sorted(members))}", path)
    lists = {name: _listed(value, name, f"total{name.capitalize()}", path) for name in ("users", "groups")}
    users = users_by_id((read_user(item, path).user for item in lists["users"]), path)
    groups, strangers = resolve((read_group(item, path) for item in lists["groups"]), users, path)
    if strangers:
        raise partial(f"groups have members who are not in the file, such as {min(strangers)!r}", path)
    return Answer("file", users, tuple(groups))


def _listed(value: Mapping[str, object], name: str, total: str, path: str) -> Sequence[object]:
    found, promised = value[name], value[total]
    if not isinstance(found, list) or not isinstance(promised, int) or isinstance(promised, bool):
        raise malformed(f"expected {name} to be a list and {total} its length", path)
    if len(found) > MAX_USERS:
        raise malformed(f"more than {MAX_USERS} {name}", path)
    _counted(name, promised, len(found), path)
    return found


def _counted(what: str, promised: int | None, found: int, path: str) -> None:
    if promised is not None and promised != found:
        raise partial(f"the file holds {found} {what}, {promised} were promised", path)


def _csv(data: bytes, path: str, expected: int | None) -> Answer:
    if expected is None:
        raise partial("a CSV export does not say how many users it holds; give --expect-users", path)
    # The final line end is the only sign that the last line is whole.
    if not data.endswith(b"\n"):
        raise partial("the last line has no end", path)
    text = _text(data, path)
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    users: dict[str, User] = {}
    members: dict[str, set[str]] = {}
    try:
        for number, row in enumerate(rows):
            where = f"{path}:{number + 1}"
            if number == 0:
                if tuple(row) != COLUMNS:
                    raise malformed(f"expected the first line {','.join(COLUMNS)}", where)
                continue
            user, group = _row(row, where)
            if users.setdefault(user.id, user) != user:
                raise malformed(f"the rows of {user.id!r} disagree with each other", where)
            people = members.setdefault(group, set()) if group is not None else set()
            if user.id in people:
                raise malformed(f"{user.id!r} is in {group!r} twice", where)
            people.add(user.id)
    except csv.Error as error:
        raise malformed(f"not CSV: {error}", path) from error
    groups = tuple(Group(name, None, frozenset(found)) for name, found in members.items())
    return Answer("file", users_by_id(users.values(), path), groups, all_groups=False)


def _text(data: bytes, path: str) -> str:
    """UTF-8. What must not stand in a cell is found cell by cell, so that one person's name stops nobody else."""
    if len(data) > MAX_EXPORT:
        raise malformed(f"{len(data)} bytes; at most {MAX_EXPORT} are read", path)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise malformed(f"byte 0x{data[error.start]:02x} is not valid UTF-8", path) from error


def _row(row: Sequence[str], where: str) -> tuple[User, str | None]:
    if len(row) != len(COLUMNS):
        raise malformed(f"expected {len(COLUMNS)} columns, found {len(row)}", where)
    cells = dict(zip(COLUMNS, row, strict=True))
    identifier = text_of(cells["id"], "id", where)
    active = _ACTIVE.get(cells["active"])
    if active is None:
        raise malformed(f"active is {cells['active']!r}, expected true or false", where)
    group = optional_text(cells["group"], "group", where)
    try:
        emails = (address(cells["email"], where),) if cells["email"] else ()
        user_name, external_id, display_name = (
            optional_text(cells[name], name, where) for name in ("userName", "externalId", "displayName")
        )
    except InvalidInputError as error:
        return User(identifier, active=active, flaw=error.problems[0].message), group
    return User(identifier, user_name, external_id, display_name, emails, active), group
