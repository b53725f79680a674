# SPDX-License-Identifier: Apache-2.0
"""Markdown for pull-request comments and reference pages: values that cannot change the page around them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gaitops.report.text import safe

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~])")
_REFERENCE = re.compile(r"([@#])(?=\w)")
"""What forges make into mentions and links, even where it is escaped; an invisible space after it prevents that."""


def escape(text: str) -> str:
    """``text`` as inline Markdown that renders as the text itself: no links, mentions, HTML or table breaks."""
    escaped = _SPECIAL.sub(r"\\\1", safe(text)).replace("\\<", "&lt;").replace("\\>", "&gt;")
    return _REFERENCE.sub(r"\1&#8203;", escaped)


def code(text: str) -> str:
    """``text`` as an inline code span, fenced by more backticks than it contains; safe inside a table cell."""
    shown = safe(text).replace("|", "\\|")
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def block(text: str, language: str = "") -> str:
    """``text`` as a fenced block, fenced by more backticks than it contains."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A pipe table; cells are Markdown already (see :func:`escape` and :func:`code`). Empty for no rows."""
    if not rows:
        return ""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
