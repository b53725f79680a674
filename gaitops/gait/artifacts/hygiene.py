# SPDX-License-Identifier: Apache-2.0
"""JSON with exactly one reading: what every parser, and Gait's, makes of the same bytes is the same (contract 0.4, 14).

Go's decoder ignores the case of member names, lets the last of two equal ones win and mends broken UTF-8, so one file can
say *block* to one program and *allow* to another. Such files are refused, and so is what Gait refuses: byte-order
marks, text after the value, NaN. Unknown members are kept: ignoring them is up to the readers.

orjson reads ten times faster than the standard library but drops duplicate names silently. Its reading counts only
when writing it again gives the very same bytes; everything else takes the careful way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, NoReturn

import orjson

from gaitops.documents.strict_json import nested_deeper_than
from gaitops.gait.artifacts.limits import MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_LINE_BYTES, MAX_VALUES
from gaitops.gait.artifacts.model import Buffer
from gaitops.gait.artifacts.refusals import RejectedError
from gaitops.gait.quoting import quote

_GAIT_DEPTH: Final = 10_000
_LONGEST_INTEGER: Final = 20
"""Characters of the longest integer of 64 bit with its sign; what is longer is read as a double, as Go does."""
_LINE: Final = re.compile(rb"([^\n]*)(?:\n|\Z)")
_LETTERS_ALIKE: Final = {"\u017f": "s", "\u212a": "k"}
"""The two characters beyond ASCII that Go takes for ASCII letters."""


def read_object(data: Buffer, *, limit: int = MAX_DOCUMENT_BYTES) -> dict[str, object]:
    """The JSON object that ``data`` is.

    Integers beyond 64 bit become floats, and numbers beyond a double infinity: no field of Gait holds them, but an unknown
    member may.

    Raises:
        RejectedError: ``json.too_large``, ``json.byte_order_mark``, ``json.encoding``, ``json.too_deep``,
            ``json.syntax``, ``json.trailing_text``, ``json.not_an_object``, ``json.duplicate_member``,
            ``json.case_collision``, ``json.lone_surrogate``.
    """
    value = read_value(data, limit=limit)
    if type(value) is not dict:
        raise RejectedError("json.not_an_object", f"expected a JSON object, found {_named(value)}")
    return value


def read_value(data: Buffer, *, limit: int = MAX_DOCUMENT_BYTES) -> object:
    """As :func:`read_object`, for JSON of any type.

    Raises:
        RejectedError: as :func:`read_object`, without ``json.not_an_object``.
    """
    text = _bounded(data, limit)
    value = _fast(text)
    if value is None:
        value = _careful(text)
    if type(value) is dict or type(value) is list:
        _check_names(value, 1)
    return value


def read_lines(data: Buffer, *, limit: int = MAX_LINE_BYTES) -> Iterator[tuple[int, dict[str, object]]]:
    """Number from 1, and object, of every line of ``data`` that is not blank.

    Raises:
        RejectedError: as :func:`read_object`; the message names the line.
    """
    for number, line in lines(data):
        try:
            yield number, read_object(line, limit=limit)
        except RejectedError as error:
            raise RejectedError(error.code, f"line {number}: {error.message}", gait=error.gait) from error


def lines(data: Buffer) -> Iterator[tuple[int, bytes]]:
    """Number from 1, and bytes without line end, of every line that is not blank; one at a time in memory.

    Raises:
        RejectedError: ``json.too_large`` for a line that nobody should read.
    """
    for number, match in enumerate(_LINE.finditer(data), start=1):
        start, end = match.span(1)
        if end - start > MAX_LINE_BYTES:
            raise RejectedError("json.too_large", f"line {number} has {end - start} bytes", gait=False)
        line = bytes(data[start:end])
        if line.strip():
            yield number, line


def fold(name: str) -> str:
    """``name`` as Go compares member names: simple case folding, with ``ſ`` as s and the Kelvin sign as k."""
    if name.isascii():
        return name.lower()
    return "".join(_LETTERS_ALIKE.get(char) or _simple_fold(char) for char in name)


def _simple_fold(char: str) -> str:
    """Full folding may give several characters (``ß``); simple folding never does."""
    for folded in (char.casefold(), char.lower()):
        if len(folded) == 1:
            return folded
    return char


def _bounded(data: Buffer, limit: int) -> bytes:
    """The bytes, if reading them stays within the limits."""
    if len(data) > limit:
        # Gait has no such limit, except of its own for single formats.
        raise RejectedError("json.too_large", f"{len(data)} bytes; at most {limit} are read", gait=False)
    text = bytes(data)
    if text.startswith(b"\xef\xbb\xbf"):
        raise RejectedError("json.byte_order_mark", "starts with a byte-order mark")
    # A third of the most values fit in any document that is shorter than this: no need to count them.
    if len(text) > MAX_VALUES and text.count(b",") + text.count(b"[") + text.count(b"{") > MAX_VALUES:
        raise RejectedError("json.too_large", f"more than {MAX_VALUES} values", gait=False)
    return text


def _fast(text: bytes) -> object | None:
    """The value, if orjson can prove that it lost nothing; else ``None``."""
    try:
        value: object = orjson.loads(text)
        option = orjson.OPT_APPEND_NEWLINE if text.endswith(b"\n") else 0
        if text[1:2] == b"\n":
            option |= orjson.OPT_INDENT_2
        return value if orjson.dumps(value, option=option) == text else None
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None


def _careful(text: bytes) -> object:
    """The value by the standard library's scanner, with hooks that refuse what it would take silently."""
    if nested_deeper_than(text, MAX_DEPTH):
        gait = nested_deeper_than(text, _GAIT_DEPTH)
        raise RejectedError("json.too_deep", f"nested deeper than {MAX_DEPTH} levels", gait=gait)
    try:
        decoded = text.decode()
    except UnicodeDecodeError as error:
        message = f"byte 0x{text[error.start]:02x} at {error.start} is not UTF-8"
        raise RejectedError("json.encoding", message, gait=False) from error
    try:
        value: object = _DECODER.decode(decoded)
    except json.JSONDecodeError as error:
        code = "json.trailing_text" if error.msg == "Extra data" else "json.syntax"
        message = f"{error.msg} in line {error.lineno}, column {error.colno}"
        raise RejectedError(code, message) from error
    # Raw surrogates are not UTF-8; only an escape can smuggle one in.
    if b"\\u" in text and _has_lone_surrogate(value):
        raise RejectedError("json.lone_surrogate", "an escape stands for half a character", gait=False)
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise RejectedError(
                    "json.duplicate_member",
                    f"the member {quote(name)} stands twice in one object",
                    gait=False,
                )
            seen.add(name)
    return members


def _integer(text: str) -> int | float:
    if len(text) > _LONGEST_INTEGER:
        return float(text)
    value = int(text)
    return value if -(2**63) <= value < 2**64 else float(text)


def _constant(text: str) -> NoReturn:
    raise RejectedError("json.syntax", f"{text} is not JSON")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_integer, parse_constant=_constant)


def _has_lone_surrogate(value: object) -> bool:
    if type(value) is str:
        return not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value)
    if type(value) is dict:
        return any(_has_lone_surrogate(name) or _has_lone_surrogate(item) for name, item in value.items())
    return type(value) is list and any(_has_lone_surrogate(item) for item in value)


def _check_names(value: dict[str, object] | list[object], depth: int) -> None:
    """No two names of an object are equal to a reader that ignores case, and nothing is nested too deep."""
    if depth > MAX_DEPTH:
        raise RejectedError("json.too_deep", f"nested deeper than {MAX_DEPTH} levels", gait=False)
    if type(value) is dict:
        names = "".join(value)
        # Names in lower-case ASCII are their own folding, and a dictionary has none of them twice.
        if not (names.isascii() and names.islower()):
            _check_folding(value)
        items: Iterator[object] = iter(value.values())
    else:
        items = iter(value)
    for item in items:
        if type(item) is dict or type(item) is list:
            _check_names(item, depth + 1)


def _check_folding(members: dict[str, object]) -> None:
    seen: dict[str, str] = {}
    for name in members:
        other = seen.setdefault(fold(name), name)
        if other != name:
            message = f"the members {quote(other)} and {quote(name)} are one to a reader that ignores case"
            raise RejectedError("json.case_collision", message, gait=False)


def _named(value: object) -> str:
    names = {list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")
