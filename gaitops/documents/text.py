# SPDX-License-Identifier: Apache-2.0
"""Which bytes may be the text of a document at all (design 3, threat D5).

Text that shows people something else than it tells programs is refused: byte-order marks, controls, characters
that reorder or hide what stands around them, and line separators that only some parsers obey (YAML 1.1 breaks
lines at U+0085, U+2028 and U+2029, YAML 1.2 does not).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from gaitops.errors import InvalidInputError, Problem

MAX_BYTES: Final = 1024 * 1024
"""Largest document, in bytes (design 3)."""
MAX_PROBLEMS: Final = 100
"""A file with more problems than this is not read on: nobody reads the list either."""

_CONTROL_BYTES = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)")
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # C0 and C1 controls but tab and line breaks; U+0085 is a C1 control
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # invisible: soft hyphen, joiners, fillers
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"  # zero width, bidirectional, separators
    "\ud800-\udfff\ufff0-\uffff"  # surrogates, specials and noncharacters
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"  # invisible controls, tags, variants
    "|\r(?!\n)"
)


def forbidden_character(text: str) -> str | None:
    """The first character of ``text`` that no document may contain, as ``U+202E``; ``None`` when there is none."""
    match = _FORBIDDEN.search(text)
    return f"U+{ord(match[0]):04X}" if match else None


def decode(data: bytes, path: str, *, max_bytes: int = MAX_BYTES) -> str:
    """``data`` as text that every reader sees alike.

    Raises:
        InvalidInputError: ``document.too_large``, or ``document.encoding`` once per offending character.
    """
    if len(data) > max_bytes:
        raise InvalidInputError.of(
            "document.too_large", f"the file has {len(data)} bytes; at most {max_bytes} are read", path=path
        )
    if data.isascii():
        text = data.decode("ascii")
        suspicious = _CONTROL_BYTES.search(data) is not None
    else:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            before = data[: error.start]
            line_start = before.rfind(b"\n") + 1
            column = len(before[line_start:].decode("utf-8")) + 1
            message = f"byte 0x{data[error.start]:02x} is not valid UTF-8"
            problem = Problem("document.encoding", message, path, before.count(b"\n") + 1, column)
            raise InvalidInputError([problem]) from error
        suspicious = _FORBIDDEN.search(text) is not None
    if suspicious:
        raise InvalidInputError(_problems(text, path))
    return text


def _problems(text: str, path: str) -> Iterator[Problem]:
    for match, _ in zip(_FORBIDDEN.finditer(text), range(MAX_PROBLEMS), strict=False):
        line_start = text.rfind("\n", 0, match.start()) + 1
        name = "a byte-order mark" if match.start() == 0 and match[0] == "\ufeff" else _described(match[0])
        yield Problem(
            "document.encoding",
            f"{name} is not allowed: it is invisible, reorders text, or is read differently by different tools",
            path=path,
            line=text.count("\n", 0, match.start()) + 1,
            column=match.start() - line_start + 1,
            remedy="remove the character",
        )


def _described(character: str) -> str:
    return (
        "a carriage return without line feed"
        if character == "\r"
        else f"the character U+{ord(character):04X}"
    )
