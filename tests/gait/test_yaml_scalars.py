# SPDX-License-Identifier: Apache-2.0
"""The types of unquoted texts, and what fields make of values."""

from __future__ import annotations

import math

import pytest

from gaitops.gait.yaml_scalars import (
    MismatchError,
    UncertainError,
    resolve,
    to_bool,
    to_float,
    to_int,
    to_text,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.0", "1"),
        ("0x1F", "31"),
        ("-0x10", "-16"),
        ("017", "15"),
        ("0o17", "15"),
        ("0_17", "15"),
        ("0b11", "3"),
        ("1_000", "1000"),
        ("+1", "1"),
        ("+-5", "5"),
        ("-0", "0"),
        ("-0.0", "-0"),
        ("1.5e+3", "1500"),
        ("1.0e21", "1e+21"),
        (".inf", "+Inf"),
        ("18446744073709551615", "18446744073709551615"),
    ],
)
def test_numbers_in_text_positions_are_printed_again(text: str, expected: str) -> None:
    """Gait decodes first and prints then."""
    assert to_text(resolve(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        *[
            "1e3",
            "1E5",
            "08",
            "0o8",
            "0b12",
            "0X1F",
            "0x",
            "1:30",
            "1,000",
            "2026-12-17",
            "1.2.3",
            "_1",
            "-",
            "+",
            ".",
            "-+5",
            "+.inf",
            "inf",
            "yes",
            "no",
            "on",
            "tRUE",
            "1.0e400",
        ],
        "18446744073709551616",
        "-9223372036854775809",
        "9" * 5000,
        "0b" + "1" * 65,
    ],
)
def test_what_is_no_number_stays_as_it_is(text: str) -> None:
    """Exponents need a point, digits must fit their base, and integers must fit 64 bit."""
    assert resolve(text) == text


def test_keywords_come_in_three_spellings_only() -> None:
    """null, true and false, in lower, title and upper case."""
    assert [resolve(text) for text in ("", "~", "null", "Null", "NULL")] == [None] * 5
    assert resolve("True") is True
    assert resolve("FALSE") is False
    assert to_text(resolve("TRUE")) == "true"
    assert to_text(None) == ""


@pytest.mark.parametrize(
    ("value", "expected"), [(5, 5), (5.9, 5), (-2.9, -2), ("7.9", 7), ("1e2", 100), (None, 0)]
)
def test_integer_fields_cut_floats_and_take_spelled_numbers(value: str | float | None, expected: int) -> None:
    """Floats lose their fraction towards zero."""
    assert to_int(value) == expected


@pytest.mark.parametrize("value", [True, "-5", "", "abc", "5 5", 2**63, math.nan, "1e999"])
def test_integer_fields_refuse_the_rest(value: str | float) -> None:
    """Booleans, negative texts and what does not fit."""
    with pytest.raises(MismatchError):
        to_int(value)


@pytest.mark.parametrize("value", ["0x10", "1_000", "inf", 1e30, "1" * 30, "1" * 2000])
def test_integer_fields_do_not_guess(value: str | float) -> None:
    """Where Go's own parser or the processor decides, nothing is claimed."""
    with pytest.raises(UncertainError):
        to_int(value)


def test_number_fields_take_numbers_and_spelled_numbers() -> None:
    """A quoted score is a score; a boolean is not."""
    assert to_float("0.6") == 0.6
    assert to_float(1) == 1.0
    assert to_float(None) == 0.0
    for value in (True, "high"):
        with pytest.raises(MismatchError):
            to_float(value)


def test_flag_fields_take_booleans_only() -> None:
    """Not 1, not yes, not a quoted true."""
    assert to_bool(None) is False
    for value in (1, "yes", "true"):
        with pytest.raises(MismatchError):
            to_bool(value)


def test_overlong_numbers_are_not_computed() -> None:
    """Work stays bounded."""
    with pytest.raises(UncertainError):
        resolve("1." + "1" * 5000)
