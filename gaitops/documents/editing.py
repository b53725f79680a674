# SPDX-License-Identifier: Apache-2.0
"""Changing one member of a document and nothing else: comments, order and line ends of what people wrote stay.

The text is cut where YAML says that the member stands; the result is read again and must be exactly the document that
was wanted. Where that cannot be had (JSON, a member inside braces that needs lines), the document is written anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import yaml

from gaitops.documents.load import load_document
from gaitops.documents.models.base import Document
from gaitops.documents.writer import values_of, write_yaml
from gaitops.errors import InternalError, InvalidInputError

Member = tuple[str, ...]
"""Names from the top: ``("status",)``, ``("spec", "policy")``."""
_DOCUMENT_END = re.compile(r"^\.\.\.[ \t]*(?:#.*)?\r?$", re.MULTILINE)
"""The line that ends a YAML document; nothing of it may stand below."""


def edited(data: bytes | None, path: str, wanted: Document, members: Sequence[Member]) -> bytes:
    """The bytes of ``wanted``, made from ``data`` by replacing members.

    Args:
        data: the document as it stands; ``None`` when there is none yet.
        path: where it lies, which decides what it means.
        wanted: the document that the result must be.
        members: where it differs; a member that ``data`` does not have is put at the end.

    Raises:
        InvalidInputError: ``document.*``: no file can hold ``wanted``, because of a text in it that is not allowed.
        InternalError: ``internal.defect``: no file was found that reads as ``wanted``.
    """
    values = values_of(wanted)
    crlf = data is not None and b"\r\n" in data
    if data is not None:
        text: str | None = data.decode("utf-8")
        for member in members:
            text = _with_member(text, member, _value(values, member)) if text is not None else None
        result = text.encode() if text is not None else b""
        if _is(result, path, wanted):
            return result
    anew = write_yaml(values)
    anew = anew.replace(b"\n", b"\r\n") if crlf else anew
    if load_document(anew, path) != wanted:
        raise InternalError.of("internal.defect", "what was written does not read as it was meant", path=path)
    return anew


def _is(data: bytes, path: str, wanted: Document) -> bool:
    try:
        return load_document(data, path) == wanted
    except InvalidInputError:
        return False


def _value(values: Mapping[str, object], member: Member) -> object:
    found: object = values
    for name in member:
        found = found[name] if isinstance(found, Mapping) and name in found else None
    return found


def _with_member(text: str, member: Member, value: object) -> str | None:
    """``text`` with another value of a member; ``None`` where it cannot be put into the text as it stands."""
    root, parent = _mapping(text, ()), _mapping(text, member[:-1])
    if root is None or root.flow_style or parent is None or not isinstance(value, Mapping):
        return None
    line_end = "\r\n" if "\r\n" in text else "\n"
    for key, found in parent.value:
        if key.value != member[-1]:
            continue
        column, start = int(key.start_mark.column), int(key.start_mark.index)
        lines = _flow_line(member[-1], value) if _is_flow(found) else None
        if lines is None:
            if parent.flow_style:
                return None
            lines = _block_lines(member[-1], value, column)
        return text[:start] + line_end.join(lines) + text[end_of(text, found) :]
    if len(member) > 1 or not root.value:
        return None
    column = int(root.value[0][0].start_mark.column)
    lines = _block_lines(member[-1], value, column)
    marker = _DOCUMENT_END.search(text, end_of(text, root))
    above, below = (text[: marker.start()], text[marker.start() :]) if marker is not None else (text, "")
    above = above if above.endswith("\n") else above + line_end
    return above + " " * column + line_end.join(lines) + line_end + below


def _mapping(text: str, names: Sequence[str]) -> yaml.MappingNode | None:
    # The same parser that the strict reader uses; its events are composed here for the places of nodes.
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.CSafeLoader)
    for name in names:
        members = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((value for key, value in members if key.value == name), None)
    return node if isinstance(node, yaml.MappingNode) else None


def _is_flow(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and bool(node.flow_style)


def end_of(text: str, node: yaml.Node) -> int:
    """Where a node's own text ends: a block ends with its last leaf, not where the next one begins."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    end = int(node.end_mark.index)
    # Literal and folded text ends, for YAML, where the next token begins.
    return len(text[:end].rstrip()) if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">") else end


def _flow_line(name: str, value: Mapping[str, object]) -> list[str] | None:
    """``name: {member: value, …}``; ``None`` when a member is more than one scalar on one line."""
    lines = write_yaml(value).decode().splitlines()
    flat = len(lines) == len(value) and all(isinstance(item, str | int | float) for item in value.values())
    return [f"{name}: {{{', '.join(lines)}}}"] if flat else None


def _block_lines(name: str, value: Mapping[str, object], indent: int) -> list[str]:
    """The member in block style, to be put behind ``indent`` columns that are there already."""
    first, *rest = write_yaml({name: value}).decode().splitlines()
    return [first, *(" " * indent + line if line else line for line in rest)]
