# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaitops.git.graph import first_parent_chain, reachable

Graph = dict[str, tuple[str, ...]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Commits named by number, each with parents among the earlier ones: roots, merges, octopuses, criss-crosses."""
    graph: Graph = {}
    for number in range(draw(st.integers(1, 24))):
        earlier = (
            st.integers(max(0, number - draw(st.integers(1, 24))), number - 1) if number else st.nothing()
        )
        parents = draw(st.lists(earlier, max_size=3)) if number else []
        graph[str(number)] = tuple(str(parent) for parent in parents)
    return graph


def ancestors(graph: Graph, commits: list[str]) -> set[str]:
    found: set[str] = set()
    stack = list(commits)
    while stack:
        commit = stack.pop()
        found.add(commit)
        stack.extend(graph[commit])
    return found


@given(graphs(), st.data())
def test_reachable_equals_set_difference(graph: Graph, data: st.DataObject) -> None:
    """Whatever the shape of the history, the early end of the walks changes nothing in the answer."""
    commits = st.sampled_from(list(graph))
    head, excluding = data.draw(commits), data.draw(st.lists(commits, max_size=3))
    answer = reachable(graph.__getitem__, head, excluding)
    assert set(answer) == ancestors(graph, [head]) - ancestors(graph, excluding)
    assert len(set(answer)) == len(answer)
    place = {commit: index for index, commit in enumerate(answer)}
    assert all(place[c] < place[p] for c in answer for p in graph[c] if p in place)


def test_old_root_merged_deep_in_the_other_side_is_found() -> None:
    """A commit without parents that was merged long ago is not taken for a new one."""
    graph: Graph = {"r": (), "0": (), "1": ("0", "r")}
    for number in range(2, 100):
        graph[str(number)] = (str(number - 1),)
    graph["head"] = ("99", "r")
    assert reachable(graph.__getitem__, "head", ["99"]) == ["head"]


def test_many_unrelated_roots() -> None:
    """Many histories without a common beginning are told apart from those already known."""
    graph: Graph = {f"r{n}": () for n in range(40)}
    graph["base"] = tuple(f"r{n}" for n in range(0, 40, 2))
    graph["head"] = ("base", *(f"r{n}" for n in range(40)))
    assert set(reachable(graph.__getitem__, "head", ["base"])) == {
        "head",
        *(f"r{n}" for n in range(1, 40, 2)),
    }


@pytest.mark.parametrize("branch", [1, 50])
def test_cost_depends_on_the_branches_and_not_on_the_history(branch: int) -> None:
    """What a merge brought is found without reading the history below it."""
    graph: Graph = {"m0": ()}
    for number in range(1, 5000):
        graph[f"m{number}"] = (f"m{number - 1}",)
    below = "m4900"
    for number in range(branch):
        graph[f"s{number}"] = (below,)
        below = f"s{number}"
    graph["head"] = ("m4999", below)
    looked_at: set[str] = set()

    def parents(commit: str) -> tuple[str, ...]:
        looked_at.add(commit)
        return graph[commit]

    assert set(reachable(parents, "head", ["m4999"])) == {"head", *(f"s{n}" for n in range(branch))}
    assert len(looked_at) < 1000


def test_first_parent_chain_ignores_other_parents() -> None:
    """Only first parents are followed."""
    graph: Graph = {"a": (), "b": (), "c": ("a", "b"), "d": ("c",)}
    assert list(first_parent_chain(graph.__getitem__, "d")) == ["d", "c", "a"]
