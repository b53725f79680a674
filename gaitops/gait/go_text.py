# SPDX-License-Identifier: Apache-2.0
"""Text, numbers, durations and paths as Go's standard library treats them, where Python differs.

Gait normalises policy texts with these functions before it computes a digest, so one character that Python
trims, lowers or prints otherwise would give another digest (Gait contract 1.3 and 1.4).
"""

from __future__ import annotations

import math
import posixpath
import re
import unicodedata

_GO_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""Unicode White_Space. Python's ``str.strip()`` would also take U+001C to U+001F, which Go keeps."""

_UNIT = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
"""Nanoseconds; microseconds may be written with U+00B5 or U+03BC."""
_DURATION_PART = re.compile(r"([0-9]*)(\.[0-9]*)?([^0-9.]+)")
_MAX_DURATION = 2**63 - 1
_MAX_WHOLE_DIGITS = 19
"""More nanoseconds than this do not fit 64 bit."""
_MAX_FRACTION_DIGITS = 18
"""Go keeps fewer digits than this exactly; longer fractions are not read."""


def trim(text: str) -> str:
    """``strings.TrimSpace``."""
    return text.strip(_GO_SPACE)


def lower(text: str) -> str:
    """``strings.ToLower``: each character by its simple mapping, without regard to its neighbours.

    ``str.lower()`` of a whole string knows a final sigma, and turns U+0130 into two characters. Lowered alone,
    every other character has the same one-character result in Go and Python.
    """
    if text.isascii():
        return text.lower()
    return "".join("i" if char == "\u0130" else char.lower() for char in text)


def has_unassigned(text: str) -> bool:
    """Whether Python's Unicode version lacks a character of ``text``.

    Go's version may be newer and know a lowercase form for it, so :func:`lower` is not certain then.
    """
    return not text.isascii() and any(unicodedata.category(char) == "Cn" for char in text)


def clean_path(path: str) -> str:
    """``path.Clean``: as POSIX normalisation, but two leading slashes become one."""
    cleaned = posixpath.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def format_float(number: float) -> str:
    """``fmt.Sprint`` of a float64: the shortest digits, with an exponent outside of 1e-4 <= x < 1e6.

    The limit is six digits before the point, however many are needed: ``1234567.5`` is ``1.2345675e+06``
    (contract 16.2).
    """
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "+Inf" if number > 0 else "-Inf"
    text = repr(number)
    sign = "-" if text.startswith("-") else ""
    mantissa, _, power = text.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    if not digits.strip("0"):
        return sign + "0"
    point = int(power or 0) + len(whole) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    exponent = point - 1
    if not -4 <= exponent < 6:
        tail = "." + digits[1:] if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{tail}e{exponent:+03d}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    whole, fraction = digits[:point].ljust(point, "0"), digits[point:]
    return f"{sign}{whole}.{fraction}" if fraction else sign + whole


def parse_duration(text: str) -> int | None:
    """``time.ParseDuration``: nanoseconds, or ``None`` where Go returns an error.

    Also ``None`` for fractions of more digits than Go is sure to keep.
    """
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if rest == "0":
        return 0
    total = position = 0
    while position < len(rest):
        part = _DURATION_PART.match(rest, position)
        if part is None:
            return None
        whole, fraction, unit = part.group(1), (part.group(2) or "")[1:], part.group(3)
        if not whole + fraction or unit not in _UNIT or len(fraction) > _MAX_FRACTION_DIGITS:
            return None
        if len(whole.lstrip("0")) > _MAX_WHOLE_DIGITS:
            return None
        total += int(whole or 0) * _UNIT[unit]
        if fraction:
            # Go multiplies in float64, in this order; the result can differ from exact arithmetic.
            total += int(float(int(fraction)) * (float(_UNIT[unit]) / 10.0 ** len(fraction)))
        position = part.end()
        if total > _MAX_DURATION:
            return None
    return sign * total if rest else None


def format_duration(nanoseconds: int) -> str:
    """``Duration.String`` of a positive duration: ``1h30m0s``, ``1.5ms``."""
    for unit in ("ns", "µs", "ms"):
        if nanoseconds < _UNIT[unit] * 1_000:
            return _decimal(nanoseconds, _UNIT[unit]) + unit
    hours, rest = divmod(nanoseconds, _UNIT["h"])
    minutes, rest = divmod(rest, _UNIT["m"])
    seconds = _decimal(rest, _UNIT["s"]) + "s"
    if hours:
        return f"{hours}h{minutes}m{seconds}"
    return f"{minutes}m{seconds}" if minutes else seconds


def _decimal(value: int, unit: int) -> str:
    """``value / unit`` in decimal without trailing zeros; ``unit`` is a power of ten."""
    whole, fraction = divmod(value, unit)
    if not fraction:
        return str(whole)
    return f"{whole}.{str(fraction).zfill(len(str(unit)) - 1).rstrip('0')}"
