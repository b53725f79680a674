# SPDX-License-Identifier: Apache-2.0
"""An export is read as strictly as a server, and one that was cut off is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gaitops.directory.answer import Answer
from gaitops.directory.export import COLUMNS, read_export
from gaitops.errors import GaitopsError
from tests.scim_double import GROUP, USER

HEAD = ",".join(COLUMNS)
ROWS = (
    "1,dana,,Dana,dana@example.com,true,g-pay",
    "1,dana,,Dana,dana@example.com,true,g-sec",
    '2,erin,e-2,"Erin, of pay",erin@example.com,false,',
)


def export(**changes: Any) -> bytes:
    """A JSON export of Dana in g-pay and Erin in a group inside it."""
    users = [
        {"schemas": [USER], "id": "1", "userName": "dana", "emails": [{"value": "dana@example.com"}]},
        {"schemas": [USER], "id": "2", "userName": "erin", "active": False},
    ]
    groups = [
        {
            "schemas": [GROUP],
            "id": "g-pay",
            "displayName": "Pay",
            "members": [{"value": "1"}, {"value": "g-in"}],
        },
        {"schemas": [GROUP], "id": "g-in", "members": [{"value": "2"}]},
    ]
    return json.dumps(
        {"users": users, "groups": groups, "totalUsers": 2, "totalGroups": 2, **changes}
    ).encode()


def table(*rows: str) -> bytes:
    """A CSV export."""
    return ("\n".join((HEAD, *rows)) + "\n").encode()


def read(data: bytes, *, known: tuple[str, ...] = (), expected: int | None = None) -> Answer:
    """What an export says."""
    return read_export(data, "export", known=frozenset(known), expected=expected)


def test_json_holds_resources() -> None:
    """Users, nested groups, and who is gone."""
    answer = read(export(), known=("1", "3"))
    assert [(user.id, user.active) for user in answer.users.values()] == [("1", True), ("2", False)]
    assert {group.id: group.members for group in answer.groups} == {"g-pay": {"1", "2"}, "g-in": {"2"}}
    assert (answer.gone, answer.complete, answer.all_groups) == (frozenset({"3"}), True, True)


def test_csv_has_a_row_for_each_group() -> None:
    """Quoted cells may hold commas; a user without a group has one row."""
    answer = read(table(*ROWS), known=("3",), expected=2)
    assert answer.users["2"].display_name == "Erin, of pay"
    assert answer.users["2"].external_id == "e-2"
    assert {group.id: group.members for group in answer.groups} == {"g-pay": {"1"}, "g-sec": {"1"}}
    assert (answer.gone, answer.all_groups) == (frozenset({"3"}), False)


def test_windows_line_ends_are_fine() -> None:
    """Spreadsheets write them."""
    assert len(read(table(*ROWS).replace(b"\n", b"\r\n"), expected=2).users) == 2


BAD: list[tuple[str, bytes, int | None, str]] = [
    ("fewer than promised", export(totalUsers=3), None, "directory.partial"),
    ("fewer groups than promised", export(totalGroups=3), None, "directory.partial"),
    ("fewer than expected", export(), 3, "directory.partial"),
    ("nobody", export(users=[], groups=[], totalUsers=0, totalGroups=0), None, "directory.partial"),
    ("unknown member", export(users=[], totalUsers=0), None, "directory.partial"),
    ("cut off", export()[:-5], None, "directory.malformed"),
    ("another member", export(more=1), None, "directory.malformed"),
    ("no list", export(users={}), None, "directory.malformed"),
    ("total as text", export(totalUsers="2"), None, "directory.malformed"),
    (
        "duplicate key",
        export().replace(b'"totalUsers"', b'"users": [], "totalUsers"'),
        None,
        "directory.malformed",
    ),
    ("no count", table(*ROWS), None, "directory.partial"),
    ("rows missing", table(ROWS[0]), 2, "directory.partial"),
    ("last line cut", table(*ROWS)[:-1], 2, "directory.partial"),
    ("only a head", table(), 1, "directory.partial"),
    ("another head", b"id,group\n1,g-pay\n", 1, "directory.malformed"),
    ("too few columns", table("1,dana"), 1, "directory.malformed"),
    ("active as yes", table(ROWS[0].replace("true", "yes")), 1, "directory.malformed"),
    ("rows disagree", table(ROWS[0], ROWS[1].replace("Dana", "Dora")), 1, "directory.malformed"),
    ("same row twice", table(ROWS[0], ROWS[0]), 1, "directory.malformed"),
    ("no id", table(ROWS[0][1:]), 1, "directory.malformed"),
    ("open quote", table('1,"dana'), 1, "directory.malformed"),
    ("not UTF-8", table(ROWS[0]).replace(b"Dana", b"D\xe4na"), 1, "directory.malformed"),
    ("hidden character in a group", table(ROWS[0].replace("g-pay", "g-p\u200bay")), 1, "directory.malformed"),
    ("byte-order mark", b"\xef\xbb\xbf" + table(ROWS[0]), 1, "directory.malformed"),
    ("separator in a group", table(ROWS[0].replace("g-pay", " g-pay")), 1, "directory.malformed"),
]


@pytest.mark.parametrize(
    ("data", "expected", "code"), [item[1:] for item in BAD], ids=[item[0] for item in BAD]
)
def test_a_bad_export_is_refused(data: bytes, expected: int | None, code: str) -> None:
    """With a code that says whether it is wrong or may lack people."""
    with pytest.raises(GaitopsError) as caught:
        read(data, known=("9",), expected=expected)
    assert caught.value.code == code


def test_an_odd_user_in_a_table_is_a_flaw() -> None:
    """As in JSON, and over SCIM."""
    for row in ("1,dana,,Dana,no address,false,g-pay", "1,dana,,Da\u200bna,dana@example.com,false,g-pay"):
        answer = read(table(row, ROWS[2]), expected=2)
        assert answer.users["1"].flaw is not None
        assert not answer.users["1"].active
        assert answer.users["2"].flaw is None
