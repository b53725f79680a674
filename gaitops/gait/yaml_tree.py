# SPDX-License-Identifier: Apache-2.0
"""The first document of a policy file as a tree of nodes with positions.

libyaml reads the text; Gait's own library (goccy/go-yaml) reads some texts differently. ``yaml_limits`` lists
where, and a file that uses such a form is not read at all: better no digest than a wrong one. What is left reads
the same in both. An alias is the anchored node itself, so files cannot make the tree large.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from gaitops.errors import Problem
from gaitops.gait import yaml_limits
from gaitops.gait.quoting import quote
from gaitops.gait.yaml_scalars import Scalar, UncertainError, resolve

MAX_DEPTH = 64
"""Nesting of collections. A policy needs six levels."""
MAX_MERGED = 10_000
"""Members that merge keys may add in one file."""


@dataclass(slots=True)
class ScalarNode:
    """A single value. ``plain`` texts are typed by their spelling, quoted and block texts are always text."""

    text: str
    plain: bool
    line: int
    column: int

    @property
    def value(self) -> Scalar:
        """The value as Gait's library types it."""
        return resolve(self.text) if self.plain else self.text


@dataclass(slots=True)
class ListNode:
    """A sequence."""

    line: int
    column: int
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class MapNode:
    """A mapping, merge keys included: keys in file order, each once."""

    line: int
    column: int
    members: dict[str, tuple[ScalarNode, Node]] = field(default_factory=dict)
    merged: bool = False


Node = ScalarNode | ListNode | MapNode


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been seen."""

    node: ListNode | MapNode
    flow: bool
    in_flow_map: bool
    """Whether this or a surrounding collection is a mapping in braces."""
    anchor: str | None
    key: ScalarNode | None = None

    @property
    def wants_key(self) -> bool:
        """Whether the next node is a key."""
        return self.key is None and isinstance(self.node, MapNode)


class TreeReader:
    """Builds the tree of one text; use once.

    ``problems`` are duplicate keys and similar faults that leave the rest readable.
    """

    def __init__(self, text: str) -> None:
        self.problems: list[Problem] = []
        self._source = yaml_limits.Source(text)
        self._stack: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}
        self._root: Node | None = None
        self._first_document = True
        self._seen_key = False
        self._merged = 0

    @property
    def in_flow(self) -> bool:
        """Whether a bracket or brace is open at this point of the reading."""
        return any(opened.flow for opened in self._stack)

    @property
    def after_key(self) -> bool:
        """Whether a key has been read."""
        return self._seen_key

    def read(self) -> Node | None:
        """The root of the first document; ``None`` when the file has no document.

        Raises:
            UncertainError: Gait may read the text differently.
            yaml.YAMLError: the text is not YAML (judged by ``yaml_limits.certain_rejection``).
        """
        documents = 0
        events: Iterator[Any] = yaml.parse(self._source.text, Loader=yaml.CSafeLoader)
        for event in events:
            kind = type(event)
            if kind is yaml.ScalarEvent:
                self._scalar(event)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                self._open(event, is_map=kind is yaml.MappingStartEvent)
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self._close()
            elif kind is yaml.AliasEvent:
                self._alias(event)
            elif kind is yaml.DocumentStartEvent:
                documents += 1
                self._source.check_document_start(event)
            elif kind is yaml.DocumentEndEvent:
                self._end_document()
        self._source.check_end(documents=documents)
        return self._root

    def _end_document(self) -> None:
        root = self._root
        if self._first_document and isinstance(root, ScalarNode) and root.plain and not root.text:
            raise UncertainError("the first document is empty, but the file is not")
        self._first_document = False
        self._anchors = {}

    def _scalar(self, event: yaml_limits.Event) -> None:
        start = event.start_mark
        line = start.line + 1
        plain = not event.style
        self._source.check_scalar(event)
        node = ScalarNode(event.value, plain, line, start.column + 1)
        parent = self._stack[-1] if self._stack else None
        is_key = parent is not None and parent.wants_key
        if parent is not None and is_key:
            self._seen_key = True
            self._source.check_key(event, flow=parent.flow)
        elif plain and parent is not None and parent.flow:
            self._source.check_flow_value(event)
            if parent.in_flow_map and isinstance(parent.node, ListNode) and self._first_document:
                self._check_flow_colon(node)
        if event.tag is not None:
            raise UncertainError(f"line {line} has a tag")
        if event.anchor is not None:
            if is_key or (plain and node.value is None):
                raise UncertainError(f"line {line} has an anchor on a key or on nothing")
            self._anchor(event.anchor, node, line)
        self._place(node)

    def _check_flow_colon(self, node: ScalarNode) -> None:
        """``[a:b]`` inside braces is a mapping to Gait, which no list of a policy takes (contract 16.3)."""
        if yaml_limits.splits_at_colon(node.text):
            self.problems.append(
                Problem(
                    "policy.flow_colon",
                    f"Gait reads {quote(node.text)}, in a list inside braces, as a mapping",
                    line=node.line,
                    column=node.column,
                    remedy="quote the text",
                )
            )

    def _open(self, event: yaml_limits.Event, *, is_map: bool) -> None:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if event.tag is not None:
            raise UncertainError(f"line {line} has a tag")
        if len(self._stack) >= MAX_DEPTH:
            raise UncertainError(f"line {line} is nested more than {MAX_DEPTH} levels deep")
        parent = self._stack[-1] if self._stack else None
        if parent is not None and parent.wants_key:
            raise UncertainError(f"line {line} has a collection as a key")
        flow = bool(event.flow_style)
        if flow and is_map:
            self._source.check_flow_start(event)
        node: ListNode | MapNode = MapNode(line, column) if is_map else ListNode(line, column)
        if event.anchor is not None:
            # Unknown until its end, so that an alias to it from inside is seen.
            self._anchor(event.anchor, None, line)
        self._place(node)
        in_flow_map = (flow and is_map) or (parent is not None and parent.in_flow_map)
        self._stack.append(_Open(node, flow, in_flow_map, event.anchor))

    def _close(self) -> None:
        opened = self._stack.pop()
        if opened.anchor is not None:
            self._anchors[opened.anchor] = opened.node

    def _anchor(self, name: str, node: Node | None, line: int) -> None:
        if name in self._anchors or not yaml_limits.is_plain_anchor(name):
            raise UncertainError(f"line {line} has the anchor {quote(name)} again, or with an unusual name")
        self._anchors[name] = node

    def _alias(self, event: yaml_limits.Event) -> None:
        start = event.start_mark
        parent = self._stack[-1] if self._stack else None
        if parent is None or parent.wants_key:
            raise UncertainError(f"line {start.line + 1} has an alias as a key or as the document")
        if not self._first_document:
            raise UncertainError(f"line {start.line + 1} has an alias after the first document")
        if parent.flow:
            self._source.check_flow_alias(event)
        name = event.anchor or ""
        if name not in self._anchors:
            self.problems.append(
                Problem(
                    "policy.unknown_anchor",
                    f"there is no anchor {quote(name)} before this alias",
                    line=start.line + 1,
                    column=start.column + 1,
                )
            )
            self._place(ScalarNode("", plain=True, line=start.line + 1, column=start.column + 1))
            return
        node = self._anchors[name]
        if node is None:
            raise UncertainError(f"line {start.line + 1} has an alias to what contains it")
        self._place(node)

    def _place(self, node: Node) -> None:
        """Hang ``node`` where the innermost open collection expects it."""
        if not self._stack:
            if self._first_document:
                self._root = node
            return
        parent = self._stack[-1]
        if isinstance(parent.node, ListNode):
            parent.node.items.append(node)
        elif parent.key is None:
            parent.key = self._checked_key(node)
        else:
            key, parent.key = parent.key, None
            if key.plain and key.text == "<<":
                self._merge(parent.node, key, node)
            else:
                self._add(parent.node, key, node)

    def _checked_key(self, node: Node) -> ScalarNode:
        if not isinstance(node, ScalarNode):
            raise UncertainError(f"line {node.line} has a collection as a key")
        if self._first_document and not isinstance(node.value, str):
            # Gait's library skips the whole mapping then, without an error.
            raise UncertainError(f"line {node.line} has a key that is not text")
        return node

    def _add(self, target: MapNode, key: ScalarNode, value: Node) -> None:
        if key.text in target.members:
            self.problems.append(
                Problem(
                    "policy.duplicate_key",
                    f"the key {quote(key.text)} is given twice",
                    line=key.line,
                    column=key.column,
                    remedy=f"the first is on line {target.members[key.text][0].line}; keep one",
                )
            )
            return
        target.members[key.text] = (key, value)

    def _merge(self, target: MapNode, key: ScalarNode, value: Node) -> None:
        """A merge key adds the members of another mapping; one that is there already is a duplicate (1.3)."""
        if not isinstance(value, MapNode) or target.merged:
            raise UncertainError(f"line {key.line} merges something other than one mapping")
        target.merged = True
        self._merged += len(value.members)
        if self._merged > MAX_MERGED:
            raise UncertainError(f"more than {MAX_MERGED} members come from merge keys")
        for member_key, member in value.members.values():
            self._add(
                target, ScalarNode(member_key.text, plain=False, line=key.line, column=key.column), member
            )
