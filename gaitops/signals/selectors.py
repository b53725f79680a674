# SPDX-License-Identifier: Apache-2.0
"""Selectors: a table and values of its columns, as text; several values of one column are joined by commas.

A comma or percent sign inside a value is percent-encoded, so that a tool with a comma in its name is still one tool.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Values = str | Iterable[str]
"""One value, or several of which a row has one."""


def selector_of(values: Mapping[str, Values]) -> dict[str, str]:
    """Column → its values as text."""
    return {name: _text([given] if isinstance(given, str) else given) for name, given in values.items()}


def values_of(text: str) -> list[str]:
    """The values behind a text of :func:`selector_of`."""
    return [part.replace("%2C", ",").replace("%25", "%") for part in text.split(",")]


def _text(values: Iterable[str]) -> str:
    return ",".join(value.replace("%", "%25").replace(",", "%2C") for value in values)
