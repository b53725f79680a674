# SPDX-License-Identifier: Apache-2.0
"""Times as Go reads and writes them: RFC 3339 with up to nine digits, and the two that mean *no time* (contract 0.5)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

UNSET: Final = "0001-01-01T00:00:00Z"
"""What Gait writes for a time that was never set."""
PLACEHOLDER: Final = "1980-01-01T00:00:00Z"
"""What Gait writes where no time was supplied, to be deterministic."""

_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT[0-2]\d:[0-5]\d:[0-5]\d)(?:\.(\d+))?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
_LONGEST_WRITTEN: Final = 35
"""Characters of a time that Go writes, with nine digits and an offset."""
_NANOSECOND_DIGITS: Final = 9
_ZERO_OFFSETS: Final = frozenset({"Z", "+00:00", "-00:00"})


def is_time(text: str) -> bool:
    """Whether Gait reads ``text`` as a time: upper-case T and Z, a zone, and a date that exists."""
    # Lines of one run mostly carry the same time. Longer texts must not be kept.
    return _is_known_time(text) if len(text) <= _LONGEST_WRITTEN else _is_time(text)


def _is_time(text: str) -> bool:
    match = _TIME.fullmatch(text)
    if match is None:
        return False
    try:
        datetime.fromisoformat(match[1])
    except ValueError:
        return False
    return True


_is_known_time = lru_cache(maxsize=4096)(_is_time)


def written(text: str) -> str:
    """``text`` as Gait writes it again: nine digits at most, no trailing zeros, ``Z`` for an offset of zero.

    What is not a time is returned as it is.
    """
    # Almost all times are in this form already.
    if text.endswith("Z") and "." not in text:
        return text
    match = _TIME.fullmatch(text)
    if match is None:
        return text
    fraction = (match[2] or "")[:_NANOSECOND_DIGITS].rstrip("0")
    zone = "Z" if match[3] in _ZERO_OFFSETS else match[3]
    return match[1] + (f".{fraction}" if fraction else "") + zone


def moment(text: object) -> datetime | None:
    """The instant in UTC, cut to microseconds; ``None`` for placeholders and for what is not a time.

    Year 1 in any zone counts as unset; 1980 counts as a placeholder only at its very first second (contract 0.5).
    """
    if type(text) is not str or text in {UNSET, PLACEHOLDER}:
        return None
    if _TIME.fullmatch(text) is None:
        return None
    try:
        # Cuts what is beyond microseconds.
        found = datetime.fromisoformat(text)
        if found.year == 1:
            return None
        return found if text.endswith("Z") else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
