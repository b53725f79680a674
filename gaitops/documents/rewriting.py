# SPDX-License-Identifier: Apache-2.0
"""Changing whatever differs in a document and nothing else, so that reviewers see the change and not a new file.

Differences are found between the values; each is put into the text where YAML says that its member stands. The result
is read again and must be exactly the document that was wanted; otherwise the document is written anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import yaml

from gaitops.documents.editing import end_of
from gaitops.documents.load import load_document
from gaitops.documents.models.base import Document
from gaitops.documents.writer import values_of, write_yaml
from gaitops.errors import InternalError, InvalidInputError

Place = tuple[str | int, ...]
"""Names and positions from the top: ``("spec", "identities", 0, "validUntil")``."""
_Difference = tuple[Place, object]
"""A place, and what is to stand there; ``None`` for nothing."""


def rewritten(data: bytes | None, path: str, wanted: Document) -> bytes:
    """The bytes of ``wanted``, made from ``data`` by replacing only what differs.

    Args:
        data: the document as it stands; ``None`` when there is none yet.
        path: where it lies, which decides what it means.
        wanted: the document that the result must be.

    Raises:
        InvalidInputError: ``document.*``: no file can hold ``wanted``, or ``data`` is no document.
        InternalError: ``internal.defect``: no file was found that reads as ``wanted``.
    """
    values = values_of(wanted)
    if data is not None:
        old = load_document(data, path)
        if old == wanted:
            return data
        text: str | None = data.decode("utf-8")
        # From the end to the beginning: what stands above a change keeps its place.
        for place, value in reversed(list(_differences(values_of(old), values, ()))):
            text = _changed(text, place, value) if text is not None else None
        if text is not None and _reads_as(text.encode(), path, wanted):
            return text.encode()
    anew = write_yaml(values)
    anew = anew.replace(b"\n", b"\r\n") if data is not None and b"\r\n" in data else anew
    if load_document(anew, path) != wanted:
        raise InternalError.of("internal.defect", "what was written does not read as it was meant", path=path)
    return anew


def _reads_as(data: bytes, path: str, wanted: Document) -> bool:
    try:
        return load_document(data, path) == wanted
    except InvalidInputError:
        return False


def _differences(old: object, new: object, place: Place) -> Iterator[_Difference]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in [*old, *(name for name in new if name not in old)]:
            yield from _differences(old.get(name), new.get(name), (*place, name))
    elif isinstance(old, list) and isinstance(new, list) and _grown(old, new):
        for position, item in enumerate(old):
            yield from _differences(item, new[position], (*place, position))
        for position, item in enumerate(new[len(old) :], len(old)):
            yield (*place, position), item
    elif old != new:
        # A list that became empty stays as an empty one: people see that it is meant.
        yield place, [] if isinstance(old, list) and new is None else new


def _grown(old: Sequence[object], new: Sequence[object]) -> bool:
    """Whether a list of mappings only got more items, and so can be changed item by item."""
    return len(new) >= len(old) > 0 and all(isinstance(item, Mapping) for item in (*old, *new))


def _changed(text: str, place: Place, value: object) -> str | None:
    """``text`` with another value at a place; ``None`` where it cannot be put into the text as it stands."""
    parent = _node(text, place[:-1])
    if not isinstance(parent, yaml.CollectionNode) or parent.flow_style or not parent.value:
        return None
    if isinstance(parent, yaml.SequenceNode):
        if value is None or place[-1] != len(parent.value):
            return None
        return _inserted(text, parent, _item_lines(value, _column(parent)))
    if not isinstance(parent, yaml.MappingNode):
        return None
    name = str(place[-1])
    found = next(((key, node) for key, node in parent.value if key.value == name), None)
    column = _column(parent.value[0][0])
    if found is None:
        return (
            None if value is None else _inserted(text, parent, _member_lines(name, value, column, flow=False))
        )
    key, node = found
    if value is None:
        return _without(text, key, node)
    lines = _member_lines(
        name, value, column, flow=isinstance(node, yaml.CollectionNode) and bool(node.flow_style)
    )
    return text[: _start(key)] + _line_end(text).join(lines) + text[end_of(text, node) :]


def _node(text: str, place: Place) -> yaml.Node | None:
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.CSafeLoader)
    for step in place:
        if isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        else:
            return None
    return node


def _inserted(text: str, parent: yaml.CollectionNode, lines: Sequence[str]) -> str:
    """``text`` with lines below the last of a block; the first comes with its own indentation."""
    line_end = _line_end(text)
    end = text.find("\n", end_of(text, parent))
    above, below = (text, "") if end < 0 else (text[: end + 1], text[end + 1 :])
    above = above if above.endswith("\n") else above + line_end
    indent = " " * _column(parent if isinstance(parent, yaml.SequenceNode) else parent.value[0][0])
    return above + indent + line_end.join(lines) + line_end + below


def _without(text: str, key: yaml.Node, node: yaml.Node) -> str | None:
    """``text`` without the lines of a member; ``None`` where it shares its first line with something else."""
    start = text.rfind("\n", 0, _start(key)) + 1
    end = text.find("\n", end_of(text, node))
    if text[start : _start(key)].strip() or end < 0:
        return None
    return text[:start] + text[end + 1 :]


def _member_lines(name: str, value: object, column: int, *, flow: bool) -> list[str]:
    """``name: value`` in block style, or on one line, to be put behind ``column`` columns that are there already."""
    if (
        flow
        and isinstance(value, list)
        and value
        and not any(isinstance(item, list | Mapping) for item in value)
    ):
        items = [write_yaml({"x": item}).decode().removeprefix("x: ").rstrip("\n") for item in value]
        return [f"{name}: [{', '.join(items)}]"]
    return _indented(write_yaml({name: value}).decode(), column)


def _item_lines(value: object, column: int) -> list[str]:
    return _indented(
        write_yaml({"x": [value]}).decode().partition("\n")[2].replace("\n  ", "\n").lstrip(" "), column
    )


def _indented(text: str, column: int) -> list[str]:
    first, *rest = text.splitlines()
    return [first, *(" " * column + line if line else line for line in rest)]


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _start(node: yaml.Node) -> int:
    return int(node.start_mark.index)


def _column(node: yaml.Node) -> int:
    return int(node.start_mark.column)
