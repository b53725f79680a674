# SPDX-License-Identifier: Apache-2.0
"""Canonical JSON (RFC 8785, "JCS"): the one byte form of a JSON value, so that it can be hashed and signed.

Three ways give identical bytes. orjson with sorted keys is ten times faster than ``rfc8785``, but it is JCS only for
values without surprises: it sorts keys by code point where RFC 8785 (3.2.3) sorts by UTF-16 unit, and writes some
floats differently (3.2.2.3). So a walk decides first. Where only keys and floats stand in the way, they are brought into
order and orjson writes the rest. Whatever is still not certain goes to ``rfc8785``, which also gives the verdict on
everything that is not JSON at all. A property test compares the ways.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from types import NoneType
from typing import Final

import orjson
import rfc8785

from gaitops.errors import InvalidInputError

_MAX_INT = 2**53 - 1
"""Largest integer that every JSON reader keeps exactly (RFC 8785 3.2.2.3, RFC 7493 2.2)."""
_ATOMS: Final = frozenset({str, bool, NoneType})
"""Both write these alike."""
_DECIMAL_DIGITS = 21
_SMALLEST_POINT = -6
"""Between these a number is written without an exponent (ECMA-262 ``Number::toString``, steps 6 to 8)."""


def canonical_json(value: object) -> bytes:
    """The RFC 8785 form of a JSON value (``dict``, ``list``, ``tuple``, ``str``, ``int``, ``float``, ``bool``, ``None``).

    Raises:
        InvalidInputError: ``json.not_canonical`` for a value that has no canonical form: other types, keys that
            are not strings, integers beyond ±(2^53 - 1), NaN, infinities, lone surrogates, bottomless nesting.
    """
    try:
        if _is_plain(value):
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        return orjson.dumps(_ordered(value))
    except (TypeError, RecursionError):
        # A lone surrogate or nesting deeper than orjson's limit: the careful implementation decides.
        pass
    try:
        return rfc8785.dumps(value)  # type: ignore[arg-type]  # refusing other types is what it is asked for
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InvalidInputError.of(
            "json.not_canonical", f"the value has no canonical JSON form: {reason}"
        ) from error


def digest(value: object) -> str:
    """Lowercase hex SHA-256 of :func:`canonical_json`.

    Raises:
        InvalidInputError: as :func:`canonical_json` does.
    """
    return hashlib.sha256(canonical_json(value)).hexdigest()


def _is_plain(value: object) -> bool:
    """Whether orjson's sorted output is certain to be the RFC 8785 form of ``value``.

    Exact types only: orjson would also write dates, UUIDs, enums and dataclasses, which are not JSON values.
    ASCII keys sort alike by code point and by UTF-16 unit.
    """
    kind = type(value)
    if kind is dict:
        for key in value:  # type: ignore[attr-defined]  # exact dict, see the line above
            if type(key) is not str or not key.isascii():
                return False
        return _are_plain(value.values())  # type: ignore[attr-defined]
    if kind is list or kind is tuple:
        return _are_plain(value)  # type: ignore[arg-type]
    if kind is int:
        return -_MAX_INT <= value <= _MAX_INT  # type: ignore[operator]
    if kind is float:
        # Here both write the shortest digits with a point and without an exponent.
        return 1e-4 <= abs(value) < 1e15 and not value.is_integer()  # type: ignore[arg-type, attr-defined]
    return kind is str or kind is bool or value is None


def _are_plain(values: Iterable[object]) -> bool:
    """Whether all of them are. Most of every document is strings: to answer here saves a call for each."""
    for value in values:
        kind = type(value)
        if kind is not str and kind not in _ATOMS and not _is_plain(value):
            return False
    return True


def _ordered(value: object) -> object:
    """``value`` with keys in the order of RFC 8785 and floats in its spelling, for orjson to write as it stands.

    Raises:
        TypeError: the value needs the careful implementation.
    """
    kind = type(value)
    if kind is dict:
        members: dict[str, object] = value  # type: ignore[assignment]  # orjson refuses keys that are no strings
        order = sorted(members, key=_utf16)
        return {name: _ordered(members[name]) for name in order}
    if kind is list or kind is tuple:
        return [_ordered(item) for item in value]  # type: ignore[attr-defined]  # exact list or tuple
    if kind is float:
        return orjson.Fragment(number_text(value))  # type: ignore[arg-type]  # exact float
    if kind is int and not -_MAX_INT <= value <= _MAX_INT:  # type: ignore[operator]  # exact int
        raise TypeError("an integer that not every reader keeps")
    if kind is not str and kind is not bool and value is not None and kind is not int:
        raise TypeError("not a JSON value")
    return value


def _utf16(name: str) -> bytes:
    """Sort key of a member's name (RFC 8785 3.2.3)."""
    if type(name) is not str:
        raise TypeError("a key that is not a string")
    return name.encode("utf-16-be", "surrogatepass")


def number_text(number: float) -> str:
    """A double as ECMAScript prints it (RFC 8785 3.2.2.3, ECMA-262 ``Number::toString``).

    Raises:
        TypeError: NaN and infinities have no form.
    """
    if not math.isfinite(number):
        raise TypeError("not a finite number")
    if number == 0:
        return "0"
    text = repr(number)
    sign = "-" if number < 0 else ""
    mantissa, _, power = text.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    # Number of digits before the decimal point; negative when zeros follow it.
    point = int(power or 0) + len(whole) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if len(digits) <= point <= _DECIMAL_DIGITS:
        return sign + digits.ljust(point, "0")
    if 0 < point <= _DECIMAL_DIGITS:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if _SMALLEST_POINT < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{point - 1:+d}"
