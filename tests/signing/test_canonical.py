# SPDX-License-Identifier: Apache-2.0
"""Canonical JSON: fast and careful implementation agree, and nothing that is not JSON gets through."""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
import math
import random
import struct
import uuid

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from gaitops.errors import InvalidInputError
from gaitops.signing.canonical import canonical_json, digest, number_text

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.text(alphabet='\x00\x08\x1f "\\/\x7f\x80\u2028é€\ue000\U00010000')
)
KEYS = st.text(alphabet='ab"\\\n\x7f') | st.text(alphabet="aé\uffff\ue000\U00010000") | st.text()
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner),
    max_leaves=25,
)


class Colour(enum.StrEnum):
    """A string that orjson and JSON libraries treat in their own ways."""

    RED = "red"


@given(DOCUMENTS)
@settings(deadline=None, derandomize=True, max_examples=400)
def test_equals_rfc8785(document: object) -> None:
    """Whichever path is taken, the bytes are those of the reference implementation."""
    assert canonical_json(document) == rfc8785.dumps(document)  # type: ignore[arg-type]


def _doubles() -> list[float]:
    """Doubles of every size: random bit patterns, their neighbours of short decimals, and the corners."""
    chance = random.Random(8785)  # noqa: S311 - numbers to try, not secrets
    patterns = [struct.unpack("<d", chance.randbytes(8))[0] for _ in range(4_000)]
    short = [float(f"{chance.randint(-(10**9), 10**9)}e{chance.randint(-30, 25)}") for _ in range(2_000)]
    corners = [
        0.0, -0.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1e21, 1e20, 999999999999999900000.0, 1e-6,
        1e-7, 9.999999999999999e-7, 1e-4, 0.00009999999999999999, 1e15, 1e16, 1e15 + 0.5, 123456789.125, 100.0, -1.5,
        2.0**53, 2.0**63, 1e22, 1e23, 4.35, 0.1 + 0.2,
    ]  # fmt: skip
    near = [math.nextafter(x, y) for x in corners for y in (-math.inf, math.inf)]
    return [x for x in (*patterns, *short, *corners, *near) if math.isfinite(x)]


def test_every_size_of_double_is_written_as_the_reference_writes_it() -> None:
    """Numbers are ECMAScript's, from the smallest subnormal to the largest double (RFC 8785 3.2.2.3)."""
    for number in _doubles():
        expected = rfc8785.dumps(number)
        assert number_text(number).encode() == expected
        assert canonical_json({"x": [number]}) == b'{"x":[' + expected + b"]}"


def test_rfc_8785_example() -> None:
    """The example of RFC 8785 3.2.4, keys by UTF-16 units and escapes included."""
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": '€$\u000f\nA\'B"\\\\"/',
        "literals": [None, True, False],
    }
    expected = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical_json(value).decode() == expected


def test_keys_sort_by_utf16() -> None:
    """An astral key comes before U+E000, although its code point is larger (RFC 8785 3.2.3)."""
    assert canonical_json({"\ue000": 1, "\U00010000": 2}) == '{"\U00010000":2,"\ue000":1}'.encode()


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(2**53, id="integer beyond 2^53 - 1"),
        pytest.param({"a": [-(2**53)]}, id="negative integer beyond, nested"),
        pytest.param(10**5000, id="integer of five thousand digits"),
        pytest.param(float("nan"), id="NaN"),
        pytest.param([float("inf")], id="infinity"),
        pytest.param("\ud800", id="lone surrogate"),
        pytest.param({"\ud800": 1}, id="lone surrogate in a key"),
        pytest.param({"a": {1: "x"}}, id="key that is a number"),
        pytest.param({"a": b"x"}, id="bytes"),
        pytest.param({"a": {1, 2}}, id="set"),
        pytest.param(dt.datetime(2026, 1, 1, tzinfo=dt.UTC), id="date"),
        pytest.param(uuid.UUID(int=0), id="uuid"),
        pytest.param(object(), id="object"),
    ],
)
def test_no_canonical_form(value: object) -> None:
    """Values that JSON cannot say exactly are refused with one code, never written approximately."""
    with pytest.raises(InvalidInputError) as caught:
        canonical_json(value)
    assert caught.value.code == "json.not_canonical"


def test_bottomless_nesting() -> None:
    """A list nested a hundred thousand times is refused, it does not crash."""
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(InvalidInputError, match="nested too deeply"):
        canonical_json(value)


def test_deep_but_readable() -> None:
    """Nesting beyond orjson's own limit is still written by the careful path."""
    value: list[object] = []
    for _ in range(300):
        value = [value]
    assert canonical_json(value) == b"[" * 301 + b"]" * 301


def test_subclasses_take_the_careful_path() -> None:
    """A string enumeration is written as its string."""
    assert canonical_json({"c": Colour.RED}) == b'{"c":"red"}'


def test_digest() -> None:
    """The digest is SHA-256 of the canonical bytes."""
    assert digest({"b": 1, "a": 2}) == hashlib.sha256(b'{"a":2,"b":1}').hexdigest()
