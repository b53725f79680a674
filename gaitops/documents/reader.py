# SPDX-License-Identifier: Apache-2.0
"""The strict reader of fleet documents: bytes in, plain values out, or every problem of the file at once.

YAML is read from libyaml's events in one pass, without recursion; what the language offers beyond plain data
(anchors, aliases, tags, merge keys, several documents) is refused, as is everything that another parser could
read differently (design 3, threats D1 to D5). Values are ``dict``, ``list``, ``str``, ``int``, ``float``, ``bool``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, Final

import yaml

from gaitops.documents.fields import Position, field_path
from gaitops.documents.scalars import AmbiguousScalarError, NumberRangeError, resolve_plain
from gaitops.documents.strict_json import MAX_DEPTH, nested_deeper_than
from gaitops.documents.text import MAX_PROBLEMS, decode, forbidden_character
from gaitops.errors import InvalidInputError, Problem

QUOTE: Final = "put it in quotes"


class Parsed:
    """The value of a document, and where each of its fields stands."""

    def __init__(self, value: object, locate: Callable[[], Mapping[str, Position]]) -> None:
        self.value = value
        self._locate = locate

    @cached_property
    def positions(self) -> Mapping[str, Position]:
        """Positions by field path (``spec.identities[0].id``; the root is the empty path).

        Worked out when first asked for: they matter only when something is wrong.
        """
        return self._locate()


def read_yaml(data: bytes, path: str) -> Parsed:
    """The one document in ``data``.

    Raises:
        InvalidInputError: with all problems: ``document.too_large``, ``document.encoding``, ``document.syntax``,
            ``document.forbidden_syntax``, ``document.duplicate_key``, ``document.ambiguous_scalar``, ``document.type``.
    """
    text = decode(data, path)
    reading = _Reading(text, path)
    value = reading.document()
    if reading.problems:
        raise InvalidInputError(reading.problems)
    return Parsed(value, lambda: _yaml_positions(text))


class _Frame:
    """A list or mapping that is being read."""

    __slots__ = ("flow", "key", "members", "place")

    def __init__(self, members: Any, flow: bool, place: str | int | None) -> None:
        self.members = members
        self.flow = flow
        self.place = place
        """Key or index of this container in the one around it; ``None`` for the outermost."""
        self.key: str | None = None
        """Of a mapping: the key whose value comes next; ``None`` while a key is expected."""

    def segment(self) -> str | int | None:
        """Where reading stands: the index of the next item, or the key; ``None`` before a key."""
        return len(self.members) if isinstance(self.members, list) else self.key


class _StopReadingError(Exception):
    """Reading on would cost much and tell nothing."""


class _Reading:
    """One pass over the events of a document."""

    def __init__(self, text: str, path: str) -> None:
        self.problems: list[Problem] = []
        self._text = text
        self._path = path
        self._stack: list[_Frame] = []
        self._escapes = "\\" in text
        self._root: object = None

    def document(self) -> object:
        """The value of the document; meaningless when there are problems."""
        loader = yaml.CSafeLoader(self._text)
        try:
            if "\t" in self._text:
                self._refuse_tabs()
            self._read(loader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            if mark is not None and nested_deeper_than(self._text[: mark.index].encode(), MAX_DEPTH):
                # libyaml scans ahead of its events and has a limit of its own.
                self._note("document.too_large", f"nested deeper than {MAX_DEPTH} levels", mark)
            else:
                self._note("document.syntax", f"not YAML: {error.problem or error.context}", mark)
        except yaml.YAMLError as error:
            self._note("document.syntax", f"not YAML: {error}", None)
        except _StopReadingError:
            return None  # The problem that made us stop has been noted.
        finally:
            loader.dispose()
        return self._root

    def _read(self, loader: Any) -> None:
        next_event, stack = loader.get_event, self._stack
        documents = 0
        while True:
            event = next_event()
            kind = type(event)
            if kind is yaml.ScalarEvent:
                self._place(self._scalar(event), event)
            elif kind is yaml.MappingStartEvent:
                self._open({}, event)
            elif kind is yaml.SequenceStartEvent:
                self._open([], event)
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                stack.pop()
            elif kind is yaml.AliasEvent:
                self._note(
                    "document.forbidden_syntax",
                    "aliases are not allowed; write the value out",
                    event.start_mark,
                )
                self._place("", event)
            elif kind is yaml.DocumentStartEvent:
                documents += 1
                self._document_start(event, documents)
            elif kind is yaml.StreamEndEvent:
                if documents == 0:
                    self._note("document.type", "the file is empty; expected a mapping", None)
                return

    def _document_start(self, event: Any, documents: int) -> None:
        if event.version or event.tags:
            self._note(
                "document.forbidden_syntax", "directives (%YAML, %TAG) are not allowed", event.start_mark
            )
        if documents > 1:
            self._note("document.forbidden_syntax", "expected one document, found a second", event.start_mark)
            raise _StopReadingError

    def _open(self, members: Any, event: Any) -> None:
        if event.anchor is not None or event.tag is not None:
            self._refuse_properties(event)
        if len(self._stack) >= MAX_DEPTH:
            self._note("document.too_large", f"nested deeper than {MAX_DEPTH} levels", event.start_mark)
            raise _StopReadingError
        place = self._stack[-1].segment() if self._stack else None
        self._place(members, event)
        self._stack.append(_Frame(members, bool(event.flow_style), place))

    def _place(self, value: Any, event: Any) -> None:
        """Put a value where reading stands, or take it as the key that a mapping waits for."""
        if not self._stack:
            self._root = value
            return
        frame = self._stack[-1]
        if isinstance(frame.members, list):
            frame.members.append(value)
        elif frame.key is None:
            frame.key = self._key(value, frame.members, event)
        else:
            frame.members[frame.key] = value
            frame.key = None

    def _key(self, value: Any, members: dict[str, object], event: Any) -> str:
        if not isinstance(value, str):
            self._note("document.type", f"expected text as key; {QUOTE}", event.start_mark)
            return "?"
        if value == "<<":
            self._note(
                "document.forbidden_syntax",
                "merge keys are not allowed; write the fields out",
                event.start_mark,
            )
        if value in members:
            self._note(
                "document.duplicate_key", f"the key {value[:80]!r} stands twice", event.start_mark, value
            )
        return value

    def _scalar(self, event: Any) -> object:
        if event.anchor is not None or event.tag is not None:
            self._refuse_properties(event)
        text: str = event.value
        if not event.style:
            return self._plain(text, event)
        if self._escapes and (hazard := forbidden_character(text)) is not None:
            self._note(
                "document.encoding", f"an escape stands for {hazard}, which is not allowed", event.start_mark
            )
        return text

    def _plain(self, text: str, event: Any) -> object:
        try:
            value = resolve_plain(text)
        except AmbiguousScalarError as error:
            if text != "<<" or not self._key_expected():  # As a key it gets a problem of its own.
                self._note("document.ambiguous_scalar", str(error), event.start_mark)
            return text
        except NumberRangeError as error:
            self._note("document.type", str(error), event.start_mark)
            return text
        if ":" in text and self._stack and self._stack[-1].flow:
            # YAML 1.1 and 1.2 draw the line between key and text differently inside [] and {}.
            self._note("document.ambiguous_scalar", f"a colon inside [] or {{}}: {QUOTE}", event.start_mark)
        return value

    def _key_expected(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].members, dict) and self._stack[-1].key is None

    def _refuse_properties(self, event: Any) -> None:
        if event.anchor is not None:
            self._note("document.forbidden_syntax", "anchors are not allowed", event.start_mark)
        if event.tag is not None:
            self._note("document.forbidden_syntax", "tags are not allowed", event.start_mark)

    def _refuse_tabs(self) -> None:
        """Parsers disagree about where a tab may separate and indent; spaces mean the same to all."""
        for number, line in enumerate(self._text.split("\n"), start=1):
            if "\t" in line:
                message = "tabs are not allowed; use spaces, or \\t inside double quotes"
                self._add(
                    Problem("document.forbidden_syntax", message, self._path, number, line.index("\t") + 1)
                )

    def _note(self, code: str, message: str, mark: Any, *more: str) -> None:
        places = [frame.place for frame in self._stack[1:]]
        if self._stack:
            places.append(self._stack[-1].segment())
        field = field_path([*(place for place in places if place is not None), *more]) or None
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (None, None)
        self._add(Problem(code, message, self._path, line, column, field))

    def _add(self, problem: Problem) -> None:
        self.problems.append(problem)
        if len(self.problems) >= MAX_PROBLEMS:
            raise _StopReadingError


def _yaml_positions(text: str) -> dict[str, Position]:
    """Positions of the fields of a document that has been read without problems.

    JSON is read here as YAML flow collections. Where YAML does not follow (keys beyond 1,024 characters,
    surrogate pairs in escapes) the positions up to there are returned: they serve messages only.
    """
    positions: dict[str, Position] = {}
    loader: Any = yaml.CSafeLoader(text)
    try:
        for keys, mark in _marks(loader):
            positions[field_path(keys)] = Position(mark.line + 1, mark.column + 1)
    except yaml.YAMLError:
        return positions
    finally:
        loader.dispose()
    return positions


def _marks(loader: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Keys and mark of each field: of a member the mark of its key, of an item its own."""
    stack: list[list[Any]] = []  # per container: whether a mapping; its key (None: one is expected) or index

    def advance() -> None:
        if stack:
            stack[-1][1] = None if stack[-1][0] else stack[-1][1] + 1

    while (event := loader.get_event()) is not None:
        kind = type(event)
        if kind in (yaml.MappingEndEvent, yaml.SequenceEndEvent):
            stack.pop()
            advance()
        elif kind is yaml.ScalarEvent and stack and stack[-1] == [True, None]:
            stack[-1][1] = event.value
            yield tuple(frame[1] for frame in stack), event.start_mark
        elif kind in (yaml.ScalarEvent, yaml.MappingStartEvent, yaml.SequenceStartEvent):
            if not stack or not stack[-1][0]:
                yield tuple(frame[1] for frame in stack), event.start_mark
            if kind is yaml.ScalarEvent:
                advance()
            else:
                stack.append([True, None] if kind is yaml.MappingStartEvent else [False, 0])
