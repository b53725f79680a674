# SPDX-License-Identifier: Apache-2.0
"""The one reading that Gait takes of JSON which has several; only to tell what Gait says, never to believe it (contract 0.4)."""

from __future__ import annotations

import json
import re
from typing import Final

from gaitops.documents.strict_json import nested_deeper_than
from gaitops.gait.artifacts.hygiene import fold
from gaitops.gait.artifacts.limits import MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_VALUES
from gaitops.gait.artifacts.model import Buffer

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MOST_DIGITS: Final = 4_000
"""More are not turned into a number by Python."""


def read_as_gait(data: Buffer) -> dict[str, object] | None:
    """The object as Go decodes it: the last of equal names wins, case does not count, broken text is mended.

    ``None`` where Go refuses the text, or where it is too large to be read twice. Every name is folded, also of members
    that Gait does not know: what it makes of those does not change its answer.
    """
    text = bytes(data[: MAX_DOCUMENT_BYTES + 1])
    too_much = text.count(b",") + text.count(b"[") + text.count(b"{") > MAX_VALUES
    if too_much or len(text) > MAX_DOCUMENT_BYTES or nested_deeper_than(text, MAX_DEPTH):
        return None
    try:
        value = _DECODER.decode(text.decode("utf-8", "replace"))
    except ValueError:
        return None
    return value if type(value) is dict else None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    return {fold(name): _mended(value) for name, value in pairs}


def _mended(value: object) -> object:
    if type(value) is str:
        return value if value.isascii() else _SURROGATE.sub("\ufffd", value)
    if type(value) is list:
        return [_mended(item) for item in value]
    return value


def _integer(text: str) -> int | float:
    return int(text) if len(text) < _MOST_DIGITS else float(text)


def _constant(text: str) -> object:
    raise ValueError(text)


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_constant=_constant)
