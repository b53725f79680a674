# SPDX-License-Identifier: Apache-2.0
"""The version graph of one policy: who descends from whom, proven by digests (design 7).

A version's descriptor names its parents by *version digest*, so the graph is a Merkle graph: whoever pins
one version digest pins its whole ancestry. Pure: descriptors in, values and problems out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from gaitops.documents.models.policy import PolicyVersion
from gaitops.errors import Problem
from gaitops.fleet.semver import precedence
from gaitops.signing.canonical import digest

GRAPH = "policy.graph"
"""Code of every defect of a version graph (threat D7)."""


@dataclass(frozen=True, slots=True)
class Edge:
    """``child`` declares ``parent`` as the version it was made from."""

    parent: str
    child: str
    digest: str
    """Version digest that the child declares for its parent."""


def version_digest(version: PolicyVersion) -> str:
    """SHA-256 hex of the canonical JSON of a descriptor's metadata and spec, as they stand in the document."""
    members = version.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return digest({"metadata": members["metadata"], "spec": members["spec"]})


@dataclass(frozen=True)
class PolicyGraph:
    """All versions of one policy and the edges that they declare, whether or not they are sound."""

    versions: Mapping[str, PolicyVersion]
    """Descriptors by the name of their folder."""

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Version numbers, lowest first."""
        return tuple(sorted(self.versions, key=precedence))

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """Version digests by version number."""
        return {number: version_digest(version) for number, version in self.versions.items()}

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """Declared edges, children in :attr:`order`, parents as the child lists them."""
        return tuple(
            Edge(parent.version, child, parent.digest)
            for child in self.order
            for parent in self.versions[child].spec.parents
        )

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """Versions without a parent, lowest first; a sound graph has exactly one, unless it is empty."""
        return tuple(number for number in self.order if not self.versions[number].spec.parents)

    @cached_property
    def children(self) -> Mapping[str, tuple[str, ...]]:
        """For each version, the versions that declare it as a parent, lowest first."""
        found: dict[str, list[str]] = {number: [] for number in self.order}
        for edge in self.edges:
            if edge.parent in found:
                found[edge.parent].append(edge.child)
        return {number: tuple(children) for number, children in found.items()}

    @cached_property
    def duplicates(self) -> tuple[tuple[str, ...], ...]:
        """Groups of two or more versions that mean the same to Gait (one Gait digest), lowest first.

        Allowed, for example for a rollback by roll-forward, but worth knowing.
        """
        groups: dict[str, list[str]] = {}
        for number in self.order:
            groups.setdefault(self.versions[number].spec.gait.digest, []).append(number)
        return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def graph_problems(versions: Mapping[str, PolicyVersion], policy_path: str) -> tuple[Problem, ...]:
    """Everything that is wrong with the graph of one policy; empty when it is sound.

    ``policy_path`` is the policy's folder (``orgs/<org>/policies/<policy>``). All problems have the code
    ``policy.graph``: a missing parent, a parent digest that is not the parent's, a version number that does
    not rise along an edge, a second root, a cycle. (No root at all means a cycle or a missing parent.)
    """
    graph = PolicyGraph(versions)
    return (*_edge_problems(graph, policy_path), *_shape_problems(graph, policy_path))


def _edge_problems(graph: PolicyGraph, policy_path: str) -> Iterator[Problem]:
    for edge in graph.edges:
        if edge.parent not in graph.versions:
            yield _problem(policy_path, edge.child, f"names the parent {edge.parent}, which does not exist")
            continue
        found = graph.digests[edge.parent]
        if edge.digest != found:
            message = f"declares {edge.digest} as the digest of its parent {edge.parent}, which has {found}"
            yield _problem(policy_path, edge.child, message)
        if precedence(edge.parent) >= precedence(edge.child):
            yield _problem(policy_path, edge.child, f"is not higher than its parent {edge.parent}")


def _shape_problems(graph: PolicyGraph, policy_path: str) -> Iterator[Problem]:
    for number in graph.roots[1:]:
        yield _problem(
            policy_path,
            number,
            f"has no parent, but {graph.roots[0]} is already the root of this policy",
            remedy="Name the version that this one was made from under spec.parents.",
        )
    cycle = _versions_on_cycles(graph)
    if cycle:
        yield _problem(policy_path, cycle[0], f"descends from itself; the cycle holds {', '.join(cycle)}")


def _versions_on_cycles(graph: PolicyGraph) -> list[str]:
    """Versions that are their own ancestors, lowest first.

    What is left after taking away, again and again, versions without remaining parents (descendants of a
    cycle stay) and then versions without remaining children (which removes those descendants).
    """
    left = set(graph.versions)
    parents: dict[str, set[str]] = {number: set() for number in left}
    for edge in graph.edges:
        parents[edge.child].add(edge.parent)
    children = {number: set(graph.children[number]) for number in left}
    for links, back in ((parents, children), (children, parents)):
        loose = [number for number in left if not links[number] & left]
        while loose:
            number = loose.pop()
            left.discard(number)
            loose += [other for other in back[number] if other in left and not links[other] & left]
    return [number for number in graph.order if number in left]


def _problem(policy_path: str, version: str, message: str, remedy: str | None = None) -> Problem:
    path = f"{policy_path}/versions/{version}/version.yaml"
    return Problem(GRAPH, f"version {version} {message}", path=path, field="spec.parents", remedy=remedy)


def latest(versions: Iterable[str]) -> str | None:
    """The highest version number; ``None`` when there are none."""
    return max(versions, key=precedence, default=None)
