# SPDX-License-Identifier: Apache-2.0
"""Tables for people: aligned columns that fit 100 columns of a terminal (design 13)."""

from __future__ import annotations

from collections.abc import Sequence

from gaitops.report.text import Style, safe, styled, width

MAX_WIDTH = 100
"""Columns that a table may take; the last columns shrink first."""
_GAP = "  "
_MIN_COLUMN = 8


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, max_width: int = MAX_WIDTH) -> str:
    """``rows`` under ``headings``, left-aligned; too long cells end in an ellipsis.

    Cells are made safe (:func:`gaitops.report.text.safe`); styles are for the heading only, so that
    shortening never cuts through one. Empty for no rows.
    """
    if not rows:
        return ""
    cells = [[safe(cell) for cell in row] for row in rows]
    widths = _fit([max(map(width, column)) for column in zip(headings, *cells, strict=True)], max_width)
    names = [_pad(name, size) for name, size in zip(headings, widths, strict=True)]
    heading = styled(_GAP.join(names).rstrip(), Style.BOLD)
    lines = [_GAP.join(_pad(cell, size) for cell, size in zip(row, widths, strict=True)) for row in cells]
    return "\n".join(line.rstrip() for line in [heading, *lines])


def fields(pairs: Sequence[tuple[str, str]]) -> str:
    """One ``name  value`` line per pair, the values aligned; values are never shortened."""
    if not pairs:
        return ""
    size = max(width(name) for name, _ in pairs)
    return "\n".join(
        f"{styled(_pad(name, size), Style.BOLD)}{_GAP}{safe(value)}".rstrip() for name, value in pairs
    )


def _fit(widths: list[int], max_width: int) -> list[int]:
    """Shrink the widest columns, later ones first, until the table fits or no column can shrink further."""
    fitted = list(widths)
    excess = sum(fitted) + len(_GAP) * (len(fitted) - 1) - max_width
    while excess > 0:
        widest = max(range(len(fitted)), key=lambda index: (fitted[index], index))
        if fitted[widest] <= _MIN_COLUMN:
            break
        fitted[widest] -= 1
        excess -= 1
    return fitted


def _pad(text: str, size: int) -> str:
    shown = text
    if width(shown) > size:
        while shown and width(shown) > size - 1:
            shown = shown[:-1]
        shown += "…"
    return shown + " " * (size - width(shown))
