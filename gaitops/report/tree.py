# SPDX-License-Identifier: Apache-2.0
"""Lines of descent for people: a drawing of things that grow out of one another, such as policy versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Branch:
    """A node: its label (one line, already safe and perhaps styled) and what grows out of it."""

    label: str
    branches: Sequence[Branch] = ()


def descent(root: Branch) -> str:
    """The tree as lines; the last branch of a node continues in the node's own column.

    ::

        1.0.0
        ├─ 1.0.1
        │  1.0.2
        1.1.0

    so a history of hundreds of versions with few side lines stays narrow. Iterative, because such a history
    may also be longer than Python's recursion limit.
    """
    lines: list[str] = []
    pending = [(root, "", "")]
    while pending:
        node, first, rest = pending.pop()
        lines.append(first + node.label)
        if node.branches:
            *aside, main = node.branches
            pending.append((main, rest, rest))
            pending += [(branch, rest + "├─ ", rest + "│  ") for branch in reversed(aside)]
    return "\n".join(lines)
