# SPDX-License-Identifier: Apache-2.0
"""Text, numbers, durations and paths as Go treats them."""

from __future__ import annotations

import pytest

from gaitops.gait.go_text import (
    clean_path,
    format_duration,
    format_float,
    has_unassigned,
    lower,
    parse_duration,
    trim,
)


def test_trim_takes_gos_white_space_and_no_more() -> None:
    """Information separators and zero-width spaces stay; NBSP, NEL and the ideographic space go."""
    assert trim("\u00a0\u0085 a\u3000\u2028") == "a"
    assert trim("\x1ca\u200b") == "\x1ca\u200b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("AbC", "abc"), ("İ", "i"), ("\u0391\u03a3", "\u03b1\u03c3"), ("ẞ", "ß"), ("Ǆ", "ǆ"), ("ﬁX", "ﬁx")],
)
def test_lower_maps_each_character_alone(text: str, expected: str) -> None:
    """No final sigma, and no character becomes two."""
    assert lower(text) == expected


def test_unassigned_characters_are_seen() -> None:
    """A character that Python does not know may have a lowercase form in Go."""
    assert has_unassigned("a\U0003ffff")
    assert not has_unassigned("žluťoučký")


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1.0, "1"),
        (-0.0, "-0"),
        (999999.0, "999999"),
        (1000000.0, "1e+06"),
        (1234567.5, "1.2345675e+06"),
        (100000.25, "100000.25"),
        (0.0001, "0.0001"),
        (0.00009, "9e-05"),
        (1.5e-7, "1.5e-07"),
        (6.02e23, "6.02e+23"),
        (1e100, "1e+100"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
        (float("nan"), "NaN"),
    ],
)
def test_floats_are_printed_as_go_prints_them(number: float, expected: str) -> None:
    """Shortest digits, an exponent of at least two digits from 1e6 on."""
    assert format_float(number) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("24h", "24h0m0s"),
        ("1h6m0.25s", "1h6m0.25s"),
        ("1500us", "1.5ms"),
        ("1.5h", "1h30m0s"),
        ("2h1µs", "2h0m0.000001s"),
        ("100h59m59.999s", "100h59m59.999s"),
        ("90m", "1h30m0s"),
        ("45s", "45s"),
        ("3m", "3m0s"),
        ("17ns", "17ns"),
        (".5s", "500ms"),
    ],
)
def test_durations_are_read_and_printed_as_in_go(text: str, expected: str) -> None:
    """Units add up, and the printed form is Go's."""
    nanoseconds = parse_duration(text)
    assert nanoseconds is not None
    assert format_duration(nanoseconds) == expected


@pytest.mark.parametrize(
    "text",
    ["", "6", "h", "1d", "1H", "1.5.5s", "1 h", "-", "10000000h", "1" * 5000 + "h", "0." + "1" * 19 + "s"],
)
def test_what_go_refuses_is_no_duration(text: str) -> None:
    """A number needs a unit, units are lower case, and the sum must fit 64 bit."""
    assert parse_duration(text) is None


def test_negative_and_zero_durations_are_durations() -> None:
    """The caller decides whether they are allowed."""
    assert parse_duration("-1h") == -3_600_000_000_000
    assert parse_duration("0") == 0


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/srv/./x/", "/srv/x"),
        ("//srv", "/srv"),
        ("///", "/"),
        ("a/../b", "b"),
        ("/../a", "/a"),
        ("./", "."),
        ("../a", "../a"),
    ],
)
def test_paths_are_cleaned_as_go_cleans_them(path: str, expected: str) -> None:
    """Two leading slashes are one."""
    assert clean_path(path) == expected
