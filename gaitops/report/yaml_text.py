# SPDX-License-Identifier: Apache-2.0
"""Writes documents as YAML that the strict reader, and every other YAML parser, reads as the same value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./@-]*")
_AMBIGUOUS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""Words that some YAML parsers read as booleans or as nothing."""
_HEX = re.compile(r"[0-9a-f]{40,}")
"""Digests; some of them are numbers to a YAML parser, so all of them are quoted."""


def yaml_text(document: Mapping[str, object]) -> str:
    """``document`` in block style, members in their order, with a final line end.

    Strings are plain only when no parser can take them for anything else, so digests and version numbers are
    quoted. Empty lists and mappings are written in flow style. ``TypeError`` for other types than str, int,
    bool, mappings and sequences: fleet documents hold no others.
    """
    return "\n".join(_mapping(document, "")) + "\n"


def _mapping(members: Mapping[str, object], indent: str) -> Iterator[str]:
    for name, value in members.items():
        inline = _inline(value)
        if inline is not None:
            yield f"{indent}{_string(name)}: {inline}"
        else:
            yield f"{indent}{_string(name)}:"
            yield from _block(value, indent + "  ")


def _block(value: object, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from _mapping(value, indent)
    elif isinstance(value, Sequence):
        for item in value:
            inline = _inline(item)
            # The first line of a nested block takes the dash in place of its indentation.
            lines = iter([inline]) if inline is not None else _block(item, "")
            yield f"{indent}- {next(lines)}"
            yield from (f"{indent}  {line}" for line in lines)
    else:
        raise TypeError(f"a document cannot hold a {type(value).__name__}")


def _inline(value: object) -> str | None:
    """``value`` on one line; ``None`` for what needs a block."""
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping | Sequence) and not value:
        return "{}" if isinstance(value, Mapping) else "[]"
    return None


def _string(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _AMBIGUOUS and not _HEX.fullmatch(text):
        return text
    return json.dumps(text, ensure_ascii=False)  # a JSON string is a double-quoted YAML scalar
