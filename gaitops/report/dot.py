# SPDX-License-Identifier: Apache-2.0
"""Graphviz DOT: nodes and edges as a digraph, quoted so that no name can break out of its string."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gaitops.report.text import safe


@dataclass(frozen=True, slots=True)
class Node:
    """One node: its identifier, the lines of its label, and further DOT attributes."""

    id: str
    lines: Sequence[str]
    attributes: Mapping[str, str] = field(default_factory=dict)


def digraph(name: str, nodes: Sequence[Node], edges: Sequence[tuple[str, str]]) -> str:
    """A directed graph drawn from left to right; ``edges`` are (from, to) identifiers."""
    lines = [f"digraph {_quoted(name)} {{", "  rankdir=LR;", "  node [shape=box, fontname=monospace];"]
    for node in nodes:
        label = "\\n".join(_escaped(line) for line in node.lines)
        attributes = "".join(f", {key}={_quoted(value)}" for key, value in sorted(node.attributes.items()))
        lines.append(f'  {_quoted(node.id)} [label="{label}"{attributes}];')
    lines += [f"  {_quoted(start)} -> {_quoted(end)};" for start, end in edges]
    return "\n".join([*lines, "}"])


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return safe(text).replace("\\", "\\\\").replace('"', '\\"')
