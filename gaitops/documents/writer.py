# SPDX-License-Identifier: Apache-2.0
"""Writing documents so that the strict reader, and every other YAML parser, reads exactly the same value back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from gaitops.documents.scalars import AmbiguousScalarError, NumberRangeError, resolve_plain

if TYPE_CHECKING:
    from pydantic import BaseModel

_PLAIN = re.compile(r"[A-Za-z0-9_/][A-Za-z0-9_./@+-]*(?: [A-Za-z0-9_./@+=-]+)*\Z")
"""Text that is surely one plain scalar: no indicator character, colon or comment can be mistaken in it."""
_INDENT: Final = "  "
_ESCAPES: Final[Mapping[str, str]] = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def values_of(model: BaseModel) -> dict[str, Any]:
    """A document, or a part of one, as the values that its file says: nothing that is absent or as by default."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)


def write_yaml(value: Mapping[str, object]) -> bytes:
    """``value`` as block-style YAML: deterministic, members in the given order, a newline at the end.

    Text is plain where that is unambiguous, a literal block where it has lines, and in double quotes otherwise.

    Raises:
        TypeError: a value that no document can hold (``None``, a float that is not finite, another type).
    """
    return ("\n".join(_mapping(value, "")) + "\n").encode()


def _mapping(value: Mapping[str, object], indent: str) -> Iterator[str]:
    for key, member in value.items():
        yield from _entry(f"{indent}{_text(key)}:", member, indent)


def _sequence(items: Sequence[object], indent: str) -> Iterator[str]:
    for item in items:
        if isinstance(item, Mapping) and item:
            # The first member stands on the line of the dash.
            first, *rest = _mapping(item, indent + _INDENT)
            yield f"{indent}- {first.removeprefix(indent + _INDENT)}"
            yield from rest
        else:
            yield from _entry(f"{indent}-", item, indent)


def _entry(head: str, value: object, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield f"{head} {{}}" if not value else head
        yield from _mapping(value, indent + _INDENT)
    elif isinstance(value, list | tuple):
        yield f"{head} []" if not value else head
        yield from _sequence(value, indent + _INDENT)
    elif isinstance(value, str) and _is_block(value):
        yield f"{head} |"
        yield from (f"{indent}{_INDENT}{line}" if line else "" for line in value[:-1].split("\n"))
    else:
        yield f"{head} {_scalar(value)}"


def _is_block(text: str) -> bool:
    """Lines that a literal block holds as they are: printable, one newline at the end, no leading space."""
    lines = text.split("\n")
    return (
        len(lines) > 2
        and not lines[-1]
        and bool(lines[-2])
        and bool(lines[0])
        and all(not line.startswith(" ") and (not line or line.isprintable()) for line in lines)
    )


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int | float):
        text = repr(value)
        if _resolved(text) == value:
            return text
    raise TypeError(f"a document cannot hold {value!r}")


def _text(text: str) -> str:
    if _PLAIN.match(text) and _resolved(text) == text:
        return text
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    """A character inside double quotes; JSON's pairs of surrogates are not YAML, so not by the json module."""
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _resolved(text: str) -> str | int | float | bool | None:
    """What the reader makes of the plain scalar ``text``; ``None`` when it refuses it."""
    try:
        return resolve_plain(text)
    except (AmbiguousScalarError, NumberRangeError):
        return None
