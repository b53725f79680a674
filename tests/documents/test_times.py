# SPDX-License-Identifier: Apache-2.0
"""Timestamps and durations: one spelling each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaitops.documents.times import format_timestamp, parse_duration, parse_local_time, parse_timestamp
from gaitops.errors import InvalidInputError


@given(st.datetimes(timezones=st.just(UTC)))
def test_timestamps_round_trip(moment: datetime) -> None:
    """To whole seconds, never later than the moment."""
    text = format_timestamp(moment)
    assert parse_timestamp(text) == moment.replace(microsecond=0)
    assert format_timestamp(parse_timestamp(text)) == text


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_their_text_sorts_as_their_time(one: datetime, other: datetime) -> None:
    """Which lets models compare them without parsing."""
    first, second = one.replace(microsecond=0), other.replace(microsecond=0)
    assert (format_timestamp(first) < format_timestamp(second)) is (first < second)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22",
        "2026-11-22T21:00:00",
        "2026-11-22T21:00:00z",
        "2026-11-22t21:00:00Z",
        "2026-11-22 21:00:00Z",
        "2026-11-22T21:00Z",
        "2026-11-22T21:00:00.5Z",
        "2026-11-22T21:00:00+00:00",
        "2026-02-30T21:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T21:00:60Z",
        "0000-01-01T00:00:00Z",
        "2026-11-22T21:00:00Z\n",
        " 2026-11-22T21:00:00Z",
        "\uff12026-11-22T21:00:00Z",
        "",
    ],
)
def test_other_spellings_are_refused(text: str) -> None:
    """Offsets, fractions, leap seconds, dates that do not exist."""
    with pytest.raises(InvalidInputError) as caught:
        parse_timestamp(text)
    assert caught.value.code == "document.value"


def test_times_are_written_in_utc() -> None:
    """Whatever zone they come in; without any they are refused."""
    moment = datetime(2026, 11, 22, 22, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=1)))
    assert format_timestamp(moment) == "2026-11-22T21:00:00Z"
    with pytest.raises(InvalidInputError):
        format_timestamp(datetime(2026, 11, 22, 22, 0, 0))  # noqa: DTZ001 - naive on purpose


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("1m", timedelta(minutes=1)),
        ("90m", timedelta(minutes=90)),
        ("72h", timedelta(hours=72)),
        ("7d", timedelta(days=7)),
        ("36500d", timedelta(days=36_500)),
    ],
)
def test_durations(text: str, length: timedelta) -> None:
    """Minutes, hours and days."""
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    "text",
    ["0m", "-1d", "01d", "1.5h", "1s", "1w", "1 d", "1D", "d", "", "7d\n", "36501d", "99999999d", "٣d"],
)
def test_other_durations_are_refused(text: str) -> None:
    """Zero, fractions, other units, more than a century."""
    with pytest.raises(InvalidInputError):
        parse_duration(text)


def test_local_times() -> None:
    """Wall-clock times have no zone."""
    assert parse_local_time("2026-12-20T00:00:00") == datetime(2026, 12, 20)  # noqa: DTZ001
    for text in ("2026-12-20T00:00:00Z", "2026-12-20", "2026-02-30T00:00:00"):
        with pytest.raises(InvalidInputError):
            parse_local_time(text)
