# SPDX-License-Identifier: Apache-2.0
"""JSON that others write: read only where all parsers agree."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaitops.documents.strict_json import loads, nested_deeper_than
from gaitops.errors import InvalidInputError


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"a": 1, "a": 2}', "document.duplicate_key"),
        (b'[{"x": {"\\u0061": 1, "a": 2}}]', "document.duplicate_key"),
        (b"[NaN]", "document.forbidden_syntax"),
        (b"[Infinity, -Infinity]", "document.forbidden_syntax"),
        (b"9007199254740993", "document.type"),
        (b"-9007199254740993", "document.type"),
        (b"1" * 10_000, "document.type"),
        (b"[1e400]", "document.type"),
        (b"\xef\xbb\xbf{}", "document.encoding"),
        (b'{"a": "\xff"}', "document.encoding"),
        (b'"\xed\xa0\x80"', "document.encoding"),
        (b'{"a": "\\ud800"}', "document.encoding"),
        (b'{"\\udc00": 1}', "document.encoding"),
        (b'["\\u0000"]', "document.encoding"),
        (b'["\x00"]', "document.syntax"),
        (b"", "document.syntax"),
        (b"{} {}", "document.syntax"),
        (b"{'a': 1}", "document.syntax"),
        (b"[1,]", "document.syntax"),
        (b"[" * 65 + b"]" * 65, "document.too_large"),
        (b"[" * 100_000, "document.too_large"),
        (b'{"a":' * 100_000, "document.too_large"),
        (b" " * (1024 * 1024 + 1), "document.too_large"),
    ],
)
def test_refused(data: bytes, code: str) -> None:
    """Each with its own code and the path of the file."""
    with pytest.raises(InvalidInputError) as caught:
        loads(data, "x.json")
    assert caught.value.code == code
    assert caught.value.problems[0].path == "x.json"


def test_syntax_errors_have_a_place() -> None:
    """Line and column of the first character that is wrong."""
    with pytest.raises(InvalidInputError) as caught:
        loads(b'{\n  "a": nope}', "x.json")
    assert (caught.value.problems[0].line, caught.value.problems[0].column) == (2, 8)


def test_limits_are_inclusive() -> None:
    """64 levels, 2^53, and exactly the largest size are read; brackets inside strings are text."""
    assert loads(b"[" * 64 + b"]" * 64, "x") is not None
    assert loads(b"[9007199254740992, -9007199254740992]", "x") == [2**53, -(2**53)]
    assert loads(b"[" + b"[]," * 200 + b'"' + b"[{" * 5000 + b'\\""]', "x") is not None
    assert loads(b"[]  ", "x", max_bytes=4) == []
    with pytest.raises(InvalidInputError):
        loads(b"[]   ", "x", max_bytes=4)


def test_surrogate_pairs_and_null_are_json() -> None:
    """What JSON allows and documents do not is still read here."""
    assert loads(b'{"a": "\\ud83d\\ude00", "b": null, "c": 1.5e3}', "x") == {
        "a": "😀",
        "b": None,
        "c": 1500.0,
    }


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), inner, max_size=5
        )
    ),
    max_leaves=20,
)


@given(json_values, st.booleans())
def test_every_other_json_value_is_read_as_it_is(value: Any, ascii_only: bool) -> None:
    """Nothing is lost or changed on the way."""
    assert repr(loads(json.dumps(value, ensure_ascii=ascii_only).encode(), "x")) == repr(value)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_crash(data: bytes) -> None:
    """Whatever the bytes, a value or an InvalidInputError."""
    try:
        loads(data, "x")
    except InvalidInputError as error:
        assert len(error.problems) == 1  # noqa: PT017 - the point is which error, if any


@given(json_values, st.integers(1, 4))
def test_depth_is_counted_exactly(value: Any, limit: int) -> None:
    """As a recursive count over the value finds it."""

    def depth(inner: Any) -> int:
        members = inner.values() if isinstance(inner, dict) else inner if isinstance(inner, list) else None
        return 0 if members is None else 1 + max(map(depth, members), default=0)

    assert nested_deeper_than(json.dumps(value).encode(), limit) is (depth(value) > limit)
