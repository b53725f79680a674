# SPDX-License-Identifier: Apache-2.0
"""Names of places inside a document, as people read them: ``spec.identities[0].id``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_SIMPLE_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")


def field_path(keys: Iterable[str | int]) -> str:
    """Keys and indexes joined to one text; keys that would be ambiguous stand in quotes. Empty for the root."""
    text = ""
    for key in keys:
        if isinstance(key, int):
            text += f"[{key}]"
        elif _SIMPLE_KEY.match(key):
            text += f".{key}" if text else key
        else:
            shown = key if len(key) <= 64 else key[:61] + "..."
            text += '["' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"]'
    return text


@dataclass(frozen=True, slots=True)
class Position:
    """1-based line and column of the key of a member, or of the start of a list item."""

    line: int
    column: int
