# SPDX-License-Identifier: Apache-2.0
"""What an unquoted YAML text is, and what a typed field makes of it, by the rules of Gait's YAML library.

Gait decodes into Go structs with goccy/go-yaml, whose idea of numbers, booleans and null is neither YAML 1.1 nor
1.2 (contract 1.3). A conversion has three ends: a value, :class:`MismatchError` where Gait refuses the file, or
:class:`UncertainError` where the outcome would depend on behaviour that is not pinned down here.
"""

from __future__ import annotations

import math
import re

from gaitops.gait.go_text import format_float
from gaitops.gait.quoting import quote

Scalar = str | int | float | bool | None
"""A resolved scalar. ``bool`` is never an ``int`` here: test for it first."""

_KEYWORDS: dict[str, Scalar] = {
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_NUMBER_START = frozenset("0123456789+-.")
_BASES = {
    "0x": (16, re.compile(r"[0-9a-fA-F]+")),
    "0o": (8, re.compile(r"[0-7]+")),
    "0b": (2, re.compile(r"[01]+")),
}
_OCTAL = re.compile(r"[0-7]+")
_DECIMAL = re.compile(r"[0-9]+")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_GO_ONLY_FLOAT = re.compile(r"[+-]?(?:0x.*|inf(?:inity)?|nan|(?=[^_]*_)[0-9._e+-]+)", re.IGNORECASE)
"""Forms that Go's ``ParseFloat`` may take beyond plain decimals."""

_MAX_DIGITS = 64
"""A 64-bit integer has no more digits than this in any base."""
_MAX_FLOAT_TEXT = 1_000
_MIN_INT64, _MAX_INT64, _MAX_UINT64 = -(2**63), 2**63 - 1, 2**64 - 1


class MismatchError(Exception):
    """Gait refuses this value for a field of this type; the text says why."""


class UncertainError(Exception):
    """Gait's outcome cannot be derived with certainty; the text says what stands in the way."""


def resolve(text: str) -> Scalar:
    """The value of an unquoted ``text``.

    Raises:
        UncertainError: for numbers too long to be meant.
    """
    if text in _KEYWORDS:
        return _KEYWORDS[text]
    return _number(text) if text[0] in _NUMBER_START else text


def _number(text: str) -> str | int | float:
    """The number that ``text`` spells, else ``text`` itself.

    Underscores may stand anywhere but in front, a leading zero means octal, and an exponent needs a point.
    """
    points = text.count(".")
    if points > 1:
        return text
    negative = text.startswith("-")
    digits = text.removeprefix("+").removeprefix("-").replace("_", "")
    if points == 0 or digits[:2] in _BASES:
        return _integer(text, digits, negative=negative)
    # A sign left over after the first two is one that Go's ParseFloat takes, unless it adds a minus itself.
    if not _FLOAT.fullmatch(digits) or (negative and digits[0] in "+-"):
        return text
    if len(digits) > _MAX_FLOAT_TEXT:
        raise UncertainError(f"a number of {len(digits)} characters")
    number = float(digits)
    if math.isinf(number):
        return text
    return -number if negative else number


def _integer(text: str, digits: str, *, negative: bool) -> str | int:
    base, pattern = 10, _DECIMAL
    if digits[:2] in _BASES:
        base, pattern = _BASES[digits[:2]]
        digits = digits[2:]
    elif digits.startswith("0") and len(digits) > 1:
        base, pattern = 8, _OCTAL
    if not pattern.fullmatch(digits) or len(digits.lstrip("0")) > _MAX_DIGITS:
        return text
    number = -int(digits, base) if negative else int(digits, base)
    # Negative numbers are parsed as int64, others as uint64; what fits neither stays text.
    return number if _MIN_INT64 <= number <= (0 if negative else _MAX_UINT64) else text


def to_text(value: Scalar) -> str:
    """A string field: numbers and booleans are printed again, null is empty."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return format_float(value) if isinstance(value, float) else str(value)


def to_bool(value: Scalar) -> bool:
    """A boolean field takes booleans and null only.

    Raises:
        MismatchError: for every other value; ``yes`` and ``"true"`` are texts.
    """
    if value is None:
        return False
    if isinstance(value, bool):
        return value
    raise MismatchError("expected true or false")


def to_int(value: Scalar) -> int:
    """An integer field takes integers, floats (cut off towards zero), and texts that spell a number >= 0.

    Raises:
        MismatchError: for other values and for integers beyond 64 bit.
        UncertainError: where Go's conversion of a float depends on the processor, or rounding decides.
    """
    if value is None:
        return 0
    if isinstance(value, bool):
        raise MismatchError("expected an integer, found a boolean")
    if isinstance(value, int):
        if value > _MAX_INT64:
            raise MismatchError("the integer does not fit 64 bit")
        return value
    if isinstance(value, str):
        value = _spelled_number(value, "an integer")
        if value < 0:
            raise MismatchError("a quoted integer must not be negative")
    elif math.isnan(value):
        raise MismatchError("expected an integer, found NaN")
    if not _MIN_INT64 < value < _MAX_INT64:
        raise UncertainError("a float far beyond the range of integers")
    return int(value)


def to_float(value: Scalar) -> float:
    """A float field takes numbers, and texts that spell one.

    Raises:
        MismatchError: for other values.
        UncertainError: for spellings that only Go's own parser can judge.
    """
    if value is None:
        return 0.0
    if isinstance(value, bool):
        raise MismatchError("expected a number, found a boolean")
    return _spelled_number(value, "a number") if isinstance(value, str) else float(value)


def _spelled_number(text: str, expected: str) -> float:
    if _FLOAT.fullmatch(text):
        if len(text) > _MAX_FLOAT_TEXT:
            raise UncertainError(f"a number of {len(text)} characters")
        number = float(text)
        if math.isinf(number):
            raise MismatchError(f"expected {expected}, found one that is too large")
        return number
    if _GO_ONLY_FLOAT.fullmatch(text):
        raise UncertainError(f"the text {quote(text)} where {expected} is expected")
    raise MismatchError(f"expected {expected}, found text")
