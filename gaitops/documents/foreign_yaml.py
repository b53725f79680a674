# SPDX-License-Identifier: Apache-2.0
"""YAML that others write for other tools (CI pipelines): read to look something up, never to be believed.

Unlike :mod:`gaitops.documents.reader` it takes the whole language, because the tools that these files are for do. Every
scalar is text as it is spelled, tags are ignored, an alias is the anchored value itself. It is read from libyaml's
events without recursion, so hostile files cost at most their size.
"""

from __future__ import annotations

from typing import Any, Final, Self

import yaml

from gaitops.documents.strict_json import MAX_DEPTH, nested_deeper_than
from gaitops.errors import InvalidInputError

MAX_BYTES: Final = 1_048_576
_OUTERMOST: Final = object()


class Text(str):
    """A scalar and the line on which it begins (1-based)."""

    __slots__ = ("line",)
    line: int

    def __new__(cls, value: str, line: int) -> Self:
        """``value`` at ``line``."""
        text = super().__new__(cls, value)
        text.line = line
        return text


Value = Text | list[Any] | dict[str, Any]


def read_foreign_yaml(data: bytes, path: str) -> Value | None:
    """The first document of ``data``: :class:`Text`, lists and mappings; ``None`` when there is none.

    Of a key that stands twice, the last one counts; keys that are collections are left out.

    Raises:
        InvalidInputError: ``document.too_large``, ``document.encoding``, ``document.syntax``.
    """
    if len(data) > MAX_BYTES:
        raise InvalidInputError.of(
            "document.too_large", f"{len(data)} bytes; at most {MAX_BYTES} are read", path=path
        )
    try:
        return _Reading(data.decode("utf-8-sig"), path).document()
    except UnicodeDecodeError as error:
        raise InvalidInputError.of("document.encoding", "not valid UTF-8", path=path) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = None if mark is None else mark.line + 1
        # libyaml scans ahead of its events and has a limit of its own.
        if mark is not None and nested_deeper_than(data[: mark.index], MAX_DEPTH):
            message = f"nested deeper than {MAX_DEPTH} levels"
            raise InvalidInputError.of("document.too_large", message, path=path, line=line) from error
        raise InvalidInputError.of("document.syntax", "not YAML", path=path, line=line) from error


class _Open:
    """A collection whose end has not been read."""

    def __init__(self, value: list[Any] | dict[str, Any], anchor: str | None) -> None:
        self.value = value
        self.anchor = anchor
        self.key: object = _OUTERMOST
        """Of a mapping: the key whose value comes next; :data:`_OUTERMOST` while a key is expected."""


class _Reading:
    """One pass over the events of a document."""

    def __init__(self, text: str, path: str) -> None:
        self._text = text
        self._path = path
        self._stack: list[_Open] = []
        self._anchors: dict[str, Value] = {}
        self._root: Value | None = None

    def document(self) -> Value | None:
        for event in yaml.parse(self._text, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.DocumentEndEvent):
                break
            self._take(event)
        return self._root

    def _take(self, event: Any) -> None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            text = Text(event.value, event.start_mark.line + 1)
            if event.anchor is not None:
                self._anchors[event.anchor] = text
            self._place(text)
        elif kind is yaml.AliasEvent:
            if event.anchor not in self._anchors:
                raise self._refused("document.syntax", "an alias without its anchor", event)
            self._place(self._anchors[event.anchor])
        elif kind in (yaml.SequenceStartEvent, yaml.MappingStartEvent):
            if len(self._stack) >= MAX_DEPTH:
                raise self._refused("document.too_large", f"nested deeper than {MAX_DEPTH} levels", event)
            self._stack.append(_Open([] if kind is yaml.SequenceStartEvent else {}, event.anchor))
        elif kind in (yaml.SequenceEndEvent, yaml.MappingEndEvent):
            closed = self._stack.pop()
            if closed.anchor is not None:
                # Only now: a value cannot contain itself.
                self._anchors[closed.anchor] = closed.value
            self._place(closed.value)

    def _place(self, value: Value) -> None:
        if not self._stack:
            self._root = value
            return
        top = self._stack[-1]
        if isinstance(top.value, list):
            top.value.append(value)
        elif top.key is _OUTERMOST:
            top.key = value
        else:
            if isinstance(top.key, str):
                top.value[top.key] = value
            top.key = _OUTERMOST

    def _refused(self, code: str, message: str, event: Any) -> InvalidInputError:
        return InvalidInputError.of(code, message, path=self._path, line=event.start_mark.line + 1)
