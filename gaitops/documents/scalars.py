# SPDX-License-Identifier: Apache-2.0
"""What a plain YAML scalar is, when only one answer is possible (design 3, threat D3).

YAML 1.1, YAML 1.2 and the habits of parsers disagree about unquoted words: ``no`` is false or a country, ``017``
is 15 or 17, ``12:30`` is a time or 750. Only ``true``, ``false``, decimal integers and simple decimals are typed;
whatever some common parser would read as something other than text must be quoted; all else is text.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

MAX_SAFE_INTEGER: Final = 2**53
"""Beyond it, a reader with double-precision numbers sees another integer (RFC 8785 3.2.2.3, RFC 7493 2.2)."""

_INTEGER = re.compile(r"0|-?[1-9][0-9]*")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")
_WORDS: Final = frozenset(
    # Booleans of YAML 1.1, null of both versions, and the keys with a meaning of their own.
    {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nil", "~", "=", "<<", ""}
)
_AMBIGUOUS = re.compile(
    r"""
      [-+]?[.]?(?:inf|infinity|nan)                            # floats by name
    | [-+]?[0-9][0-9_,]*                                       # 017, 1_000, 1,000, +1
    | [-+]?0[xob][0-9a-f_]+                                    # 0x1F, 0o17, 0b101
    | [-+]?[0-9][0-9_,]*[.]?[0-9_]*(?:e[-+]?[0-9_]+)?[dfl]?    # 1e3, 1., 1.5f
    | [-+]?[.][0-9_]*(?:e[-+]?[0-9_]+)?                        # .5, and . alone
    | [-+]?[0-9_]+(?::[0-9_]+)+(?:[.][0-9_]*)?                 # 12:30, 1:30:00 in base 60
    | [0-9]{1,4}-[0-9]{1,2}-[0-9]{1,2}(?:[t\s].*)?             # 2026-01-01, with or without a time
    | :.*                                                      # a symbol in Ruby
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_DURATION_LIKE = re.compile(r"[1-9][0-9]*[mhd]")


class AmbiguousScalarError(ValueError):
    """A plain scalar that common parsers read differently; the message says what to do."""


class NumberRangeError(ValueError):
    """A number that not every parser can hold exactly; the message says what to do."""


@lru_cache(maxsize=8192)
def resolve_plain(text: str) -> str | int | float | bool:
    """The value of the plain scalar ``text``.

    Raises:
        AmbiguousScalarError: parsers disagree about it.
        NumberRangeError: an integer beyond 2^53 or a decimal beyond what a double can hold in full.
    """
    if text == "true":
        return True
    if text == "false":
        return False
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _DECIMAL.fullmatch(text):
        return _decimal(text)
    lowered = text.lower()
    if lowered in ("", "~", "null", "nil"):
        raise AmbiguousScalarError("no value stands here; leave the field out, or quote it if text is meant")
    if lowered in ("true", "false"):
        raise AmbiguousScalarError(f"write {lowered!r} in lowercase, or quote it if text is meant")
    if lowered in _WORDS or _AMBIGUOUS.fullmatch(text):
        # 1d is a double in Java's syntax only, and no YAML parser follows it; durations stay plain.
        if _DURATION_LIKE.fullmatch(text):
            return text
        raise AmbiguousScalarError(
            f"{text[:80]} is read differently by different YAML parsers; quote it if text is meant"
        )
    return text


def _integer(text: str) -> int:
    # Length first: int() of a million digits is slow, and refused by Python beyond 4,300.
    if len(text) > 17 or abs(int(text)) > MAX_SAFE_INTEGER:
        raise NumberRangeError(
            "integers beyond 2^53 are not read alike by all tools; quote it if text is meant"
        )
    return int(text)


def _decimal(text: str) -> float:
    # 15 significant digits survive the way through a double unchanged (IEEE 754).
    if len(text.lstrip("-").replace(".", "").lstrip("0")) > 15 or len(text) > 32:
        raise NumberRangeError("decimals have at most 15 significant digits; quote it if text is meant")
    value = float(text)
    if value == 0 and text.startswith("-"):
        raise AmbiguousScalarError("minus zero is read differently by different tools; write 0.0")
    return value
