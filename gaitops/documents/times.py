# SPDX-License-Identifier: Apache-2.0
"""Timestamps and durations as fleet documents and statements write them.

A timestamp is RFC 3339 in UTC with whole seconds and the letter Z (``2026-11-22T21:00:00Z``): one way to
write each instant, so that signed bytes and comparisons as text agree. A duration is a whole positive
number of minutes, hours or days (``90m``, ``72h``, ``7d``).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from gaitops.errors import InvalidInputError

TIMESTAMP_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"
LOCAL_TIME_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}$"
DURATION_PATTERN = r"^[1-9][0-9]{0,7}(m|h|d)$"
MAX_DURATION = timedelta(days=36_500)
"""A century: far beyond any use, and small enough that adding it to a real date cannot overflow."""

_TIMESTAMP = re.compile(TIMESTAMP_PATTERN[:-1] + r"\Z", re.ASCII)
_LOCAL_TIME = re.compile(LOCAL_TIME_PATTERN[:-1] + r"\Z", re.ASCII)
_DURATION = re.compile(DURATION_PATTERN[:-1] + r"\Z", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def parse_timestamp(text: str) -> datetime:
    """The instant that ``text`` names, aware and in UTC.

    Raises:
        InvalidInputError: ``document.value`` when the text is not of the one accepted form, or names no
            real date. Leap seconds (``:60``) are not accepted: datetime cannot hold them.
    """
    if _TIMESTAMP.match(text) is None:
        raise InvalidInputError.of("document.value", f"{text!r} is not a UTC time like 2026-11-22T21:00:00Z")
    try:
        return datetime.fromisoformat(text[:-1]).replace(tzinfo=UTC)
    except ValueError as error:
        raise InvalidInputError.of("document.value", f"{text!r} is not a real date and time") from error


def format_timestamp(moment: datetime) -> str:
    """``moment`` in UTC with whole seconds; fractions are cut off, never rounded up into the future.

    Raises:
        InvalidInputError: ``document.value`` for a naive datetime, whose instant is unknown.
    """
    if moment.tzinfo is None:
        raise InvalidInputError.of("document.value", "a time without a time zone names no instant")
    utc = moment.astimezone(UTC)
    # Not strftime: its %Y does not pad years below 1000 on every platform.
    return utc.replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def parse_local_time(text: str) -> datetime:
    """A wall-clock time without a zone (``2026-12-20T00:00:00``), for freeze windows that name their zone.

    Raises:
        InvalidInputError: ``document.value`` when it has another form or names no real date.
    """
    if _LOCAL_TIME.match(text) is None:
        raise InvalidInputError.of("document.value", f"{text!r} is not a local time like 2026-12-20T00:00:00")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInputError.of("document.value", f"{text!r} is not a real date and time") from error


def parse_duration(text: str) -> timedelta:
    """The length that ``text`` names: whole minutes (``m``), hours (``h``) or days (``d``) of 24 hours.

    Raises:
        InvalidInputError: ``document.value`` for another form, zero, or more than a century.
    """
    match = _DURATION.match(text)
    if match is None:
        raise InvalidInputError.of("document.value", f"{text!r} is not a duration like 90m, 72h or 7d")
    length = int(text[:-1]) * _UNITS[match[1]]
    if length > MAX_DURATION:
        raise InvalidInputError.of("document.value", f"{text!r} is longer than {MAX_DURATION.days}d")
    return length
