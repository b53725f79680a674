# SPDX-License-Identifier: Apache-2.0
"""Text for terminals: styles that can be taken off again, and characters that cannot deceive.

Renderers mark styles with the few escape sequences of :class:`Style`; whoever prints decides whether
they stay (:func:`for_terminal`). All other control characters, and characters that change the direction
or the visibility of text, are shown as escapes, because documents and commits are written by others.
"""

from __future__ import annotations

import re
from enum import StrEnum
from unicodedata import combining, east_asian_width


class Style(StrEnum):
    """The only styles in use, as SGR sequences."""

    BOLD = "\x1b[1m"
    DIM = "\x1b[2m"
    RED = "\x1b[31m"
    GREEN = "\x1b[32m"
    YELLOW = "\x1b[33m"


_RESET = "\x1b[0m"
_STYLES = re.compile("|".join(re.escape(code) for code in (*Style, _RESET)))
_INVISIBLE = (
    "\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff"
)
_UNSAFE = re.compile(f"[\x00-\x1f\x7f-\x9f{_INVISIBLE}\ud800-\udfff]")
_UNSAFE_BUT_LAYOUT = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_INVISIBLE}\ud800-\udfff]")


def safe(value: str) -> str:
    """One line of text in which every deceptive or control character is written as an escape."""
    if value.isascii() and value.isprintable():  # most are, and this is much faster
        return value
    return _UNSAFE.sub(_escape, value)


def styled(value: str, *styles: Style) -> str:
    """``value`` made safe and marked with ``styles``; unchanged when it is empty."""
    shown = safe(value)
    return f"{''.join(styles)}{shown}{_RESET}" if shown and styles else shown


def counted(number: int, noun: str) -> str:
    """``1 document``, ``2 documents``: for nouns whose plural ends in s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def plain(text: str) -> str:
    """``text`` without styles."""
    return _STYLES.sub("", text)


def width(text: str) -> int:
    """Columns that ``text`` takes on a terminal: styles take none, East Asian wide characters two."""
    if text.isascii() and text.isprintable():
        return len(text)
    bare = plain(text)
    if bare.isascii():
        return len(bare)
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in bare)


def for_terminal(text: str, *, colour: bool) -> str:
    """The last step before printing: styles kept or removed, anything else that controls a terminal escaped.

    Line ends and tabs stay. Renderers already call :func:`safe` on each value; this catches what they missed.
    """
    if not colour:
        return _UNSAFE_BUT_LAYOUT.sub(_escape, plain(text))
    kept = _STYLES.findall(text)
    pieces = [_UNSAFE_BUT_LAYOUT.sub(_escape, piece) for piece in _STYLES.split(text)]
    return "".join(piece + style for piece, style in zip(pieces, [*kept, ""], strict=True))


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
