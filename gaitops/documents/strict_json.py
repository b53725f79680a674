# SPDX-License-Identifier: Apache-2.0
"""JSON whose meaning every parser agrees on (RFC 8259, RFC 7493 "I-JSON").

Used for what others write (attestations, envelopes, Gait artifacts) and, through :mod:`gaitops.documents.reader`,
for JSON of the fleet repository. The C scanner of the standard library does the work; its hooks refuse what
it would accept silently: duplicate names, NaN and infinities, integers that a double cannot hold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final, NoReturn

from gaitops.documents.scalars import MAX_SAFE_INTEGER
from gaitops.documents.text import MAX_BYTES
from gaitops.errors import InvalidInputError, Problem

MAX_DEPTH: Final = 64
"""Deepest nesting of lists and objects; the outermost one counts as 1."""

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_ESCAPED_HAZARD = re.compile(rb"\\u(?:d[89a-f]|0000)", re.IGNORECASE)


class _RefusedError(ValueError):
    """Carries a problem through the C scanner, which knows no path."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def loads(data: bytes, path: str, *, max_bytes: int = MAX_BYTES) -> object:
    """The value of ``data``.

    Raises:
        InvalidInputError: with one problem: ``document.too_large`` (bytes, or nesting beyond 64),
            ``document.encoding`` (not UTF-8, byte-order mark, lone surrogates, NUL), ``document.syntax``,
            ``document.duplicate_key``, ``document.forbidden_syntax`` (NaN, infinities) or ``document.type``
            (integers beyond 2^53, numbers beyond a double).
    """
    if len(data) > max_bytes:
        _refuse("document.too_large", f"{len(data)} bytes; at most {max_bytes} are read", path)
    if data.startswith(b"\xef\xbb\xbf"):
        _refuse("document.encoding", "starts with a byte-order mark", path)
    if nested_deeper_than(data, MAX_DEPTH):
        _refuse("document.too_large", f"nested deeper than {MAX_DEPTH} levels", path)
    try:
        text = data.decode("utf-8")
        value: object = _DECODER.decode(text)
    except UnicodeDecodeError as error:
        _refuse("document.encoding", f"byte 0x{data[error.start]:02x} is not valid UTF-8", path, cause=error)
    except json.JSONDecodeError as error:
        problem = Problem("document.syntax", f"not JSON: {error.msg}", path, error.lineno, error.colno)
        raise InvalidInputError([problem]) from error
    except _RefusedError as error:
        _refuse(error.code, str(error), path, cause=error)
    # Raw NULs and surrogates cannot get here; only an escape can smuggle them in.
    if _ESCAPED_HAZARD.search(data) and (hazard := _hazard(value)) is not None:
        _refuse("document.encoding", f"an escape stands for {hazard}, which is no text", path)
    return value


def _refuse(code: str, message: str, path: str, *, cause: Exception | None = None) -> NoReturn:
    raise InvalidInputError.of(code, message, path=path) from cause


def nested_deeper_than(data: bytes, limit: int) -> bool:
    """Whether lists and objects nest deeper than ``limit``, found out without recursion or building anything.

    For text that is not JSON the answer is arbitrary, but arrived at in linear time.
    """
    if data.count(b"[") + data.count(b"{") <= limit:
        return False
    depth = 0
    for bracket in _STRING.sub(b"", data).translate(None, _NOT_BRACKETS):
        if bracket in b"[{":
            depth += 1
            if depth > limit:
                return True
        else:
            depth -= 1
    return False


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _RefusedError(
                    "document.duplicate_key", f"the name {name[:80]!r} stands twice in one object"
                )
            seen.add(name)
    return members


def _integer(text: str) -> int:
    # Length first: int() of a million digits is slow, and refused by Python beyond 4,300.
    if len(text) > 17 or abs(int(text)) > MAX_SAFE_INTEGER:
        raise _RefusedError("document.type", "an integer beyond 2^53 is not read alike by all tools")
    return int(text)


def _decimal(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _RefusedError("document.type", "a number beyond what a double can hold")
    return value


def _constant(text: str) -> NoReturn:
    raise _RefusedError("document.forbidden_syntax", f"{text} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_decimal, parse_constant=_constant
)


def _hazard(value: object) -> str | None:
    """A NUL or a lone surrogate anywhere in ``value``, as ``U+D800``; nesting is bounded before."""
    if isinstance(value, str):
        match = _NO_TEXT.search(value)
        return f"U+{ord(match[0]):04X}" if match else None
    members: Sequence[object] = ()
    if isinstance(value, dict):
        members = (*value.keys(), *value.values())
    elif isinstance(value, list):
        members = value
    return next((hazard for member in members if (hazard := _hazard(member)) is not None), None)
