# SPDX-License-Identifier: Apache-2.0
"""Bars made of characters, for what people would rather look at than read."""

from __future__ import annotations

from collections.abc import Sequence

from gaitops.report.text import Style, styled

Segment = tuple[int, str, Style]
"""How many, the character that it is drawn with (which tells segments apart without colour), and the style."""


def bar(segments: Sequence[Segment], size: int) -> str:
    """A bar of ``size`` columns that is divided like the numbers; empty when there is nothing to show.

    A segment that is not zero is never invisible, and one that is not everything never fills the bar.
    """
    total = sum(number for number, _char, _style in segments)
    if total == 0:
        return ""
    columns = _shares([number for number, _char, _style in segments], total, size)
    return "".join(
        styled(char * count, style)
        for (_number, char, style), count in zip(segments, columns, strict=True)
        if count
    )


def _shares(numbers: Sequence[int], total: int, size: int) -> list[int]:
    """Whole columns for each number: at least one where the number is not zero, ``size`` in all."""
    columns = [max(1, size * number // total) if number else 0 for number in numbers]
    remainders = [(size * number % total if number else -1, -index) for index, number in enumerate(numbers)]
    while sum(columns) < size:
        index = -max(remainders)[1]
        columns[index] += 1
        remainders[index] = (-1, -index)
    while sum(columns) > size:
        columns[columns.index(max(columns))] -= 1
    return columns
