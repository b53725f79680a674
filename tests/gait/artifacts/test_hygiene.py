# SPDX-License-Identifier: Apache-2.0
"""JSON with one reading: what is refused, and that the fast and the careful way agree."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaitops.gait.artifacts import hygiene
from gaitops.gait.artifacts.gait_reading import read_as_gait
from gaitops.gait.artifacts.hygiene import fold, read_lines, read_object
from gaitops.gait.artifacts.limits import MAX_DEPTH, MAX_VALUES
from gaitops.gait.artifacts.refusals import RejectedError

NAMES = st.text(alphabet="abcdefghij_0", min_size=1) | st.text(alphabet='é\u2028"\\\U0001f4a3', min_size=1)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=15,
)


@given(st.dictionaries(NAMES, VALUES, max_size=4), st.sampled_from([None, 2]), st.booleans())
@settings(deadline=None, derandomize=True, max_examples=100)
def test_both_ways_read_what_the_standard_library_reads(
    value: dict[str, object], indent: int | None, ascii_only: bool
) -> None:
    """However an object is written, it is read as it is, and the fast way never reads something else."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    assert read_object(text) == value
    fast = hygiene._fast(text)
    assert fast is None or fast == value


@pytest.mark.parametrize(
    ("text", "code", "gait"),
    [
        (b"", "json.syntax", True),
        (b"\xef\xbb\xbf{}", "json.byte_order_mark", True),
        (b'{"a":"\xff"}', "json.encoding", False),
        (b'{"a":"\\ud800"}', "json.lone_surrogate", False),
        (b'{"\\udc00":[]}', "json.lone_surrogate", False),
        (b"[]", "json.not_an_object", True),
        (b'"text"', "json.not_an_object", True),
        (b"1", "json.not_an_object", True),
        (b"null", "json.not_an_object", True),
        (b"{} {}", "json.trailing_text", True),
        (b'{"a":NaN}', "json.syntax", True),
        (b'{"a":-Infinity}', "json.syntax", True),
        (b'{"a":01}', "json.syntax", True),
        (b'{"a":1,}', "json.syntax", True),
        (b'{"a":"\n"}', "json.syntax", True),
        (b'{"a":1,"a":1}', "json.duplicate_member", False),
        (b'{"a":{"b":1,"\\u0062":1}}', "json.duplicate_member", False),
        (b'{"a":1,"A":1}', "json.case_collision", False),
        (b'{"x":[{"kind":1,"\xe2\x84\xaaind":1}]}', "json.case_collision", False),
        ('{"s":1,"\u017f":1}'.encode(), "json.case_collision", False),
        ('{"\u00e9":1,"\u00c9":1}'.encode(), "json.case_collision", False),
        (b'{"a":' + b"[" * 10_001 + b"]" * 10_001 + b"}", "json.too_deep", True),
        (b'{"a":' + b"[" * 300 + b"]" * 300 + b"}", "json.too_deep", False),
        (b'{"a":[' + b"0," * MAX_VALUES + b"0]}", "json.too_large", False),
    ],
)
def test_what_has_no_certain_reading_is_refused(text: bytes, code: str, gait: bool) -> None:
    """Each with its code, and with what Gait does: it stops at the one, and takes one reading of the other."""
    with pytest.raises(RejectedError) as caught:
        read_object(text)
    assert (caught.value.code, caught.value.gait) == (code, gait)


def test_the_limit_of_depth_is_the_same_on_both_ways() -> None:
    """As deep as allowed is read, one deeper is refused, written compactly or not."""
    for separator in (b"", b" "):
        for depth, fits in ((MAX_DEPTH, True), (MAX_DEPTH + 1, False)):
            inner = b"[" * (depth - 1) + separator + b"]" * (depth - 1)
            text = b'{"a":' + inner + b"}"
            if fits:
                assert read_object(text)
            else:
                with pytest.raises(RejectedError, match="nested deeper"):
                    read_object(text)


def test_numbers_beyond_64_bit_are_doubles() -> None:
    """Unknown members may hold any number; none stops the reading, and none needs unbounded work."""
    text = (
        b'{"big":' + b"9" * 5_000 + b',"over":1e999,"wide":123456789012345678901,"fits":18446744073709551615}'
    )
    value = read_object(text)
    assert value["big"] == value["over"] == float("inf")
    assert value["wide"] == 123456789012345678901.0
    assert value["fits"] == 18446744073709551615


def test_names_that_are_no_ascii_fold_simply() -> None:
    """Simple folding keeps one character one character: ß is not ss, and only ſ and the Kelvin sign become ASCII."""
    assert [fold(name) for name in ("VERDICT", "\u017fCRIPT", "\u212aIND", "ß", "ẞ", "İ")] == [
        "verdict", "script", "kind", "ß", "ß", "İ",
    ]  # fmt: skip


def test_lines_are_numbered_and_blank_ones_skipped() -> None:
    """The number of a line is that of an editor."""
    assert list(read_lines(b'{"a":1}\n\n \n{"a":2}')) == [(1, {"a": 1}), (4, {"a": 2})]
    assert list(read_lines(memoryview(b'{"a":1}\r\n'))) == [(1, {"a": 1})]
    with pytest.raises(RejectedError, match="line 2: "):
        list(read_lines(b'{"a":1}\n{"a":1,"a":2}\n'))


def test_gaits_own_reading() -> None:
    """Gait takes the last of equal names, ignores case, and mends broken text."""
    assert read_as_gait(b'{"verdict":"block","VERDICT":"allow"}') == {"verdict": "allow"}
    assert read_as_gait(b'{"VERDICT":"allow","verdict":"block"}') == {"verdict": "block"}
    assert read_as_gait(b'{"a":"\xff","b":["\\ud800"]}') == {"a": "\ufffd", "b": ["\ufffd"]}
    assert [read_as_gait(text) for text in (b"[]", b"{", b'{"a":NaN}', b"[" * 1000)] == [None] * 4
