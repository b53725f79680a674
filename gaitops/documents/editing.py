# SPDX-License-Identifier: Apache-2.0
"""Changing one member of a document and nothing else: comments, order and line ends of what people wrote stay.

The text is cut where YAML says that the member stands; the result is read again and must be exactly the document that
was wanted. Where that cannot be had (a flow mapping, JSON), the document is written anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import yaml

from gaitops.documents.load import load_document
from gaitops.documents.models.base import Document
from gaitops.documents.writer import write_yaml
from gaitops.errors import InvalidInputError

Member = tuple[str, ...]
"""Names from the top: ``("status",)``, ``("spec", "policy")``."""


def edited(data: bytes | None, path: str, wanted: Document, members: Sequence[Member]) -> bytes:
    """The bytes of ``wanted``, made from ``data`` by replacing members.

    Args:
        data: the document as it stands; ``None`` when there is none yet.
        path: where it lies, which decides what it means.
        wanted: the document that the result must be.
        members: where it differs; a member that ``data`` does not have is put at the end.
    """
    if data is not None:
        text = data.decode("utf-8")
        values = wanted.model_dump(by_alias=True, mode="json", exclude_none=True, exclude_defaults=True)
        for member in members:
            text = _replaced(text, member, _value(values, member)) or text
        result = text.encode()
        if _is(result, path, wanted):
            return result
    return write_yaml(wanted.model_dump(by_alias=True, mode="json", exclude_none=True))


def _is(data: bytes, path: str, wanted: Document) -> bool:
    try:
        return load_document(data, path) == wanted
    except InvalidInputError:
        return False


def _value(values: Mapping[str, object], member: Member) -> object:
    found: object = values
    for name in member:
        found = found[name] if isinstance(found, Mapping) else None
    return found


def _replaced(text: str, member: Member, value: object) -> str | None:
    """``text`` with another value of a member; ``None`` where it does not stand in block style."""
    parent = _mapping(text, member[:-1])
    if parent is None or parent.flow_style or not isinstance(value, Mapping):
        return None
    line_end = "\r\n" if "\r\n" in text else "\n"
    for key, found in parent.value:
        if key.value == member[-1]:
            start, end = key.start_mark.index, _end(found)
            lines = _lines(member[-1], value, key.start_mark.column, flow=_is_flow(found))
            return text[:start] + line_end.join(lines) + text[end:]
    if len(member) > 1:
        return None
    whole = text if text.endswith("\n") else text + line_end
    return whole + line_end.join(_lines(member[-1], value, 0, flow=False)) + line_end


def _mapping(text: str, names: Sequence[str]) -> yaml.MappingNode | None:
    # The same parser that the strict reader uses; its events are composed here for the places of nodes.
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.CSafeLoader)
    for name in names:
        members = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((value for key, value in members if key.value == name), None)
    return node if isinstance(node, yaml.MappingNode) else None


def _is_flow(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and bool(node.flow_style)


def _end(node: yaml.Node) -> int:
    """Where a node's own text ends: a block ends with its last leaf, not where the next one begins."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return int(node.end_mark.index)


def _lines(name: str, value: Mapping[str, object], indent: int, *, flow: bool) -> list[str]:
    lines = write_yaml({name: value}).decode().splitlines()
    if flow and all(isinstance(item, str | int | float) for item in value.values()):
        return [f"{name}: {{{', '.join(write_yaml(value).decode().splitlines())}}}"]
    return [lines[0], *_indented(lines[1:], " " * indent)]


def _indented(lines: Sequence[str], indent: str) -> Iterator[str]:
    for line in lines:
        yield indent + line if line else line
