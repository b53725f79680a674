# SPDX-License-Identifier: Apache-2.0
"""Gait's decoder in declarations: types, the projection that is signed, and what it leaves out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from gaitops.gait.artifacts.fields import (
    Anything,
    Flag,
    Free,
    Integer,
    Number,
    Obj,
    Objs,
    OptionalFlag,
    OptionalTime,
    Spec,
    Text,
    TextMap,
    Texts,
    Time,
    checked,
    extras,
    project,
)
from gaitops.gait.artifacts.refusals import RejectedError
from gaitops.gait.artifacts.times import moment, written

INNER = Spec(name=Text(always=True), note=Text(), at=Time())
SPEC = Spec(
    id=Text(always=True),
    note=Text(),
    count=Integer(),
    always_count=Integer(always=True),
    score=Number(),
    flag=Flag(),
    hint=OptionalFlag(),
    at=Time(),
    seen=OptionalTime(),
    tags=Texts(),
    scope=Texts(always=True),
    labels=TextMap(),
    args=Free(),
    any=Anything(),
    from_=Obj(INNER),
    always_from=Obj(INNER, always=True),
    items=Objs(INNER),
)
UNSET = "0001-01-01T00:00:00Z"
EMPTY_INNER = {"name": "", "at": UNSET}


def test_nothing_set_is_written_as_go_writes_it() -> None:
    """What is always written appears with its zero: a text, a number, a list that is null, a time in year 1, an object."""
    assert project(SPEC, {}) == {
        "id": "",
        "always_count": 0,
        "at": UNSET,
        "scope": None,
        "always_from": EMPTY_INNER,
    }


def test_empty_optional_members_disappear() -> None:
    """False, zero, empty texts and lists and null are the same as nothing; an empty object is not."""
    value = {
        "id": "x", "note": "", "count": 0, "score": 0.0, "flag": False, "hint": None, "seen": None, "tags": [], "scope": [],
        "labels": {}, "args": {}, "any": None, "from": None, "items": [],
    }  # fmt: skip
    assert project(SPEC, checked(SPEC, value)) == {
        "id": "x", "always_count": 0, "at": UNSET, "scope": [], "always_from": EMPTY_INNER,
    }  # fmt: skip
    assert project(SPEC, {"from": {}})["from"] == EMPTY_INNER
    assert project(SPEC, {"hint": False})["hint"] is False


def test_null_elements_become_zero_values() -> None:
    """Go decodes null into an element as nothing at all."""
    value = checked(SPEC, {"tags": [None, "a"], "items": [None], "labels": {"a": None}})
    projected = project(SPEC, value)
    assert (projected["tags"], projected["items"], projected["labels"]) == (
        ["", "a"],
        [EMPTY_INNER],
        {"a": ""},
    )


def test_unknown_members_disappear_at_every_depth() -> None:
    """The projection holds known members only, except where the content is the user's."""
    value = {"id": "x", "new": 1, "from": {"name": "n", "new": 1}, "items": [{"new": 1}], "args": {"mine": 1}}
    assert project(SPEC, checked(SPEC, value)) == project(
        SPEC, {"id": "x", "from": {"name": "n"}, "items": [{}], "args": {"mine": 1}}
    )


def test_extras_name_everything_that_the_projection_changes() -> None:
    """Unknown members, empty optional ones, and times in another spelling, by their paths."""
    value = {
        "id": "x", "new": 1, "note": "", "flag": False, "at": "2026-04-02T08:00:00.500Z", "scope": [],
        "from": {"name": "n", "new": 1, "at": UNSET}, "items": [{"name": "n", "note": "", "at": UNSET}],
    }  # fmt: skip
    assert set(extras(SPEC, checked(SPEC, value))) == {
        "new",
        "note",
        "flag",
        "at",
        "from.new",
        "items[0].note",
    }
    assert extras(SPEC, {"id": "x", "scope": ["a"]}) == ()
    assert len(extras(SPEC, {f"new{number}": 0 for number in range(100)})) == 20


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"id": 1}, "json.type"),
        ({"count": 1.0}, "json.type"),
        ({"count": True}, "json.type"),
        ({"count": 2**63}, "json.type"),
        ({"score": "1"}, "json.type"),
        ({"score": float("inf")}, "json.type"),
        ({"flag": 0}, "json.type"),
        ({"tags": "a"}, "json.type"),
        ({"tags": [1]}, "json.type"),
        ({"labels": {"a": 1}}, "json.type"),
        ({"labels": []}, "json.type"),
        ({"args": []}, "json.type"),
        ({"from": []}, "json.type"),
        ({"items": {}}, "json.type"),
        ({"items": ["a"]}, "json.type"),
        ({"at": 1}, "json.time"),
        ({"at": ""}, "json.time"),
        ({"seen": "2026-02-30T00:00:00Z"}, "json.time"),
        ({"ID": "x"}, "json.case_collision"),
        ({"from": {"NAME": "x"}}, "json.case_collision"),
    ],
)
def test_what_gait_does_not_decode_is_refused(value: dict[str, object], code: str) -> None:
    """A wrong type, a time that is none, or a known name in another case."""
    with pytest.raises(RejectedError) as caught:
        checked(SPEC, value)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("2026-04-02T08:00:00Z", "2026-04-02T08:00:00Z"),
        ("2026-04-02T08:00:00.120000000Z", "2026-04-02T08:00:00.12Z"),
        ("2026-04-02T08:00:00.000Z", "2026-04-02T08:00:00Z"),
        ("2026-04-02T08:00:00.1234567899Z", "2026-04-02T08:00:00.123456789Z"),
        ("2026-04-02T08:00:00+00:00", "2026-04-02T08:00:00Z"),
        ("2026-04-02T08:00:00.5+02:00", "2026-04-02T08:00:00.5+02:00"),
    ],
)
def test_times_are_written_again_as_go_writes_them(text: str, again: str) -> None:
    """Nine digits at most, no trailing zeros, Z for an offset of zero, other offsets as they are."""
    assert checked(SPEC, {"at": text})
    assert written(text) == again


@pytest.mark.parametrize(
    "text",
    [
        "2026-04-02t08:00:00Z", "2026-04-02T08:00:00z", "2026-04-02 08:00:00Z", "2026-04-02T08:00:00", "2026-04-02T8:00:00Z",
        "2026-04-02T08:00:60Z", "2026-04-02T24:00:00Z", "2026-13-02T08:00:00Z", "2026-04-02T08:00:00,5Z", "2026-04-02T08:00:00.Z",
        "2026-04-02T08:00:00+2:00", "2026-04-02T08:00:00+24:00", "2026-04-02T08:00:00Z ", "٢٠٢٦-04-02T08:00:00Z",
    ],
)  # fmt: skip
def test_times_that_go_refuses(text: str) -> None:
    """Only upper-case T and Z, real dates and real clocks."""
    with pytest.raises(RejectedError):
        checked(SPEC, {"at": text})
    assert moment(text) is None


def test_placeholders_are_no_moments() -> None:
    """Year 1 and the first second of 1980 mean that nobody said a time; a second later somebody did (contract 0.5)."""
    assert moment(UNSET) is None
    assert moment("0001-01-01T00:00:00+05:00") is None
    assert moment("1980-01-01T00:00:00Z") is None
    assert moment(None) is None
    assert moment("1980-01-01T00:00:01Z") == datetime(1980, 1, 1, 0, 0, 1, tzinfo=UTC)
    east = datetime(2026, 4, 2, 8, tzinfo=timezone(timedelta(hours=2)))
    assert moment("2026-04-02T08:00:00.0000009+02:00") == east
