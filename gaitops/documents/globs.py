# SPDX-License-Identifier: Apache-2.0
"""Our own glob dialect: the same on every platform, and small enough to say in two lines.

``*`` stands for any run of characters inside one segment; ``**`` for any run of characters across segments.
Nothing else is special, matching is case-sensitive, and a pattern matches the whole text or not at all.
A final ``/**`` therefore means everything below a folder, and not the folder itself. Paths have segments
between ``/``; operation names (``policy.version.publish``) between ``.``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from gaitops.errors import InvalidInputError

MAX_PATTERN_LENGTH: Final = 512
_MAX_STARS: Final = 8
_WILDCARDS: Final = frozenset({"*", "**"})
_ALLOWED = re.compile(r"[A-Za-z0-9._/@+*:=,~ -]+\Z")


def validate_pattern(pattern: str, *, separator: str = "/") -> None:
    """Refuse a pattern whose author surely meant something else.

    Raises:
        InvalidInputError: ``glob.invalid`` for an empty or overlong pattern, characters that are special
            in other dialects (``?``, ``[``, ``{``, ``!``, backslash), three stars in a row, empty
            segments, ``.`` or ``..`` as a segment, or more wildcards than ever needed (the number is
            bounded because matching time grows with it).
    """
    fault = next(_faults(pattern, separator), None)
    if fault is not None:
        raise InvalidInputError.of("glob.invalid", f"pattern {pattern[:80]!r} {fault}")


def _faults(pattern: str, separator: str) -> Iterator[str]:
    """What is wrong with a pattern, worst first."""
    if not pattern:
        yield "is empty"
    if len(pattern) > MAX_PATTERN_LENGTH:
        yield f"is longer than {MAX_PATTERN_LENGTH} characters"
    if _ALLOWED.match(pattern) is None:
        yield "has a character outside letters, digits and ._/@+*:=,~ -; only * and ** are special"
    if "***" in pattern:
        yield "has three stars in a row"
    if len(re.findall(r"\*+", pattern)) > _MAX_STARS:
        yield f"has more than {_MAX_STARS} wildcards"
    segments = pattern.split(separator)
    if "" in segments:
        yield f"has an empty segment (a leading, trailing or doubled {separator!r})"
    if separator == "/" and not {".", ".."}.isdisjoint(segments):
        yield "has a segment '.' or '..'"


@lru_cache(maxsize=4096)
def _compiled(pattern: str, separator: str) -> re.Pattern[str]:
    validate_pattern(pattern, separator=separator)
    inside = f"[^{re.escape(separator)}]*"
    parts = re.split(r"(\*\*|\*)", pattern)
    translated = {"**": ".*", "*": inside}
    return re.compile("".join(translated.get(part, re.escape(part)) for part in parts), re.DOTALL)


def matches(pattern: str, path: str, *, separator: str = "/") -> bool:
    """Whether ``pattern`` covers the whole of ``path``.

    Raises:
        InvalidInputError: ``glob.invalid`` when the pattern is not valid (see :func:`validate_pattern`).
    """
    return _compiled(pattern, separator).fullmatch(path) is not None


def overlap(first: str, second: str, *, separator: str = "/") -> bool:
    """Whether some text is matched by both patterns, when upper and lower case are not told apart.

    Case is ignored because most forges ignore it: two tenants must not claim one repository in two spellings.

    Raises:
        InvalidInputError: ``glob.invalid`` when one of the patterns is not valid.
    """
    for pattern in (first, second):
        validate_pattern(pattern, separator=separator)
    one, other = _tokens(first), _tokens(second)
    seen = {(0, 0)}
    open_states = [(0, 0)]
    while open_states:
        i, j = open_states.pop()
        if i == len(one) and j == len(other):
            return True
        for state in _steps(one, other, i, j, separator):
            if state not in seen:
                seen.add(state)
                open_states.append(state)
    return False


def _tokens(pattern: str) -> list[str]:
    return re.findall(r"\*\*|.", pattern.lower(), re.DOTALL)


def _steps(one: list[str], other: list[str], i: int, j: int, separator: str) -> Iterator[tuple[int, int]]:
    """Pairs of positions that both patterns can reach together by one character, or by ending a wildcard."""
    a = one[i] if i < len(one) else ""
    b = other[j] if j < len(other) else ""
    if a in _WILDCARDS:
        yield i + 1, j
        if b and b not in _WILDCARDS and (a == "**" or b != separator):
            yield i, j + 1
    if b in _WILDCARDS:
        yield i, j + 1
        if a and a not in _WILDCARDS and (b == "**" or a != separator):
            yield i + 1, j
    if a and a == b:
        yield i + 1, j + 1
