# SPDX-License-Identifier: Apache-2.0
"""The version graph of a policy as text, as members of a JSON document, and as Graphviz DOT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gaitops.fleet.graph import PolicyGraph
from gaitops.report.dot import Node, digraph
from gaitops.report.text import Style, styled
from gaitops.report.tree import Branch, descent

_SHOWN_DIGITS = 12
"""Hex digits of a digest that are shown to people; JSON has them all."""


@dataclass(frozen=True, slots=True)
class PolicyView:
    """What there is to show about one policy."""

    org: str
    policy: str
    graph: PolicyGraph
    channels: Mapping[str, str] = field(default_factory=dict)
    """Version number by channel name."""
    withdrawn: Mapping[str, str] = field(default_factory=dict)
    """Cause of the revocation by version number."""

    def channels_of(self, version: str) -> list[str]:
        """Names of the channels that point to ``version``, sorted."""
        return sorted(name for name, target in self.channels.items() if target == version)


def graph_members(view: PolicyView) -> dict[str, object]:
    """The members of the JSON output that describe one policy."""
    graph = view.graph
    return {
        "org": view.org,
        "policy": view.policy,
        "roots": list(graph.roots),
        "channels": dict(sorted(view.channels.items())),
        "versions": [
            {
                "version": number,
                "digest": graph.digests[number],
                "gait_digest": graph.versions[number].spec.gait.digest,
                "parents": [parent.version for parent in graph.versions[number].spec.parents],
                "channels": view.channels_of(number),
                "withdrawn": view.withdrawn.get(number),
            }
            for number in graph.order
        ],
        "same_gait_digest": [list(group) for group in graph.duplicates],
    }


def graph_text(view: PolicyView) -> str:
    """The graph as lines of descent, one line per version, below the policy's name."""
    heading = styled(f"{view.org}/{view.policy}", Style.BOLD)
    if not view.graph.order:
        return f"{heading}\n  no versions"
    drawn: set[str] = set()
    # Versions on a cycle, or below a missing parent, hang from no root; they must be shown all the same.
    starts = [*view.graph.roots, *(number for number in view.graph.order if number not in view.graph.roots)]
    blocks = [descent(_branch(view, start, drawn)) for start in starts if start not in drawn]
    lines = [f"  {line}" for block in blocks for line in block.splitlines()]
    return "\n".join([heading, *lines])


def graph_dot(views: Sequence[PolicyView]) -> str:
    """All policies in one DOT digraph; withdrawn versions are dashed."""
    nodes = []
    edges = []
    for view in views:
        prefix = f"{view.org}/{view.policy}@"
        for number in view.graph.order:
            lines = [prefix + number, view.graph.digests[number][:_SHOWN_DIGITS], *view.channels_of(number)]
            attributes = {"style": "dashed"} if number in view.withdrawn else {}
            nodes.append(Node(prefix + number, lines, attributes))
        edges += [(prefix + edge.parent, prefix + edge.child) for edge in view.graph.edges]
    return digraph("policy versions", nodes, edges)


def _branch(view: PolicyView, start: str, drawn: set[str]) -> Branch:
    """The versions that descend from ``start``, each once, under the first parent that reaches it."""
    order: list[tuple[str, list[str]]] = []
    pending = [start]
    drawn.add(start)
    while pending:
        number = pending.pop()
        children = [child for child in view.graph.children[number] if child not in drawn]
        drawn.update(children)
        order.append((number, children))
        pending += children
    built: dict[str, Branch] = {}
    for number, children in reversed(order):  # children come after their parent, so they are built first
        built[number] = Branch(_label(view, number), [built[child] for child in children])
    return built[start]


def _label(view: PolicyView, number: str) -> str:
    parts = [styled(number, Style.BOLD), styled(view.graph.digests[number][:_SHOWN_DIGITS], Style.DIM)]
    channels = view.channels_of(number)
    if channels:
        parts.append(styled(f"[{', '.join(channels)}]", Style.GREEN))
    if number in view.withdrawn:
        parts.append(styled(f"withdrawn: {view.withdrawn[number]}", Style.RED))
    parents = view.graph.versions[number].spec.parents
    if len(parents) > 1:
        parts.append(styled("from " + ", ".join(parent.version for parent in parents), Style.DIM))
    same = [group for group in view.graph.duplicates if number in group]
    if same:
        others = ", ".join(other for other in same[0] if other != number)
        parts.append(styled(f"same rules as {others}", Style.YELLOW))
    return "  ".join(parts)
