# SPDX-License-Identifier: Apache-2.0
"""Questions about ancestry, answered from the parents that commit objects state and from nothing else.

Commit-graph files, generation numbers and dates are not used: they can be forged. Costs are therefore counted in commits
looked at, and the walks stop as early as the parents alone allow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final

Parents = Callable[[str], tuple[str, ...]]
"""Gives the parents of a commit."""

_MOST_CHECKS: Final = 8


def first_parent_chain(parents: Parents, head: str) -> Iterator[str]:
    """``head``, its first parent, and so on to the first commit."""
    current = head
    while True:
        yield current
        above = parents(current)
        if not above:
            return
        current = above[0]


def reachable(parents: Parents, head: str, excluding: Collection[str]) -> list[str]:
    """Commits that ``head`` has and none of ``excluding`` has (each commit has itself), children before parents.

    The usual question is "what did this merge bring", where both sides are short and the history below is long. Two
    walks go down in step; what the second reaches is taken from the first, until the first has nothing left to look
    at. What remains could, in odd histories, still be had by ``excluding`` in a way that the second walk has not gone
    yet. Then one of its lowest commits is, too; they are checked, and all of ``excluding``'s history is read only
    if that finds one, or if they are too many to check.
    """
    candidates = _candidates(parents, head, excluding)
    lowest = [commit for commit in candidates if candidates.isdisjoint(parents(commit))]
    if len(lowest) > _MOST_CHECKS or any(_is_ancestor(parents, commit, excluding) for commit in lowest):
        candidates -= _all_ancestors(parents, excluding)
    return _children_first(parents, candidates)


def _candidates(parents: Parents, head: str, excluding: Collection[str]) -> set[str]:
    """A superset of the answer. A parent of one of its commits is in it or belongs to ``excluding``."""
    ours: set[str] = set()
    theirs: set[str] = set()
    our_queue: deque[str] = deque([head])
    their_queue: deque[str] = deque(excluding)
    while our_queue:
        commit = our_queue.popleft()
        if commit not in theirs and commit not in ours:
            ours.add(commit)
            our_queue.extend(parents(commit))
        # Whatever the first walk has already seen costs the second nothing, or it would never catch up.
        budget = 1
        while their_queue and (budget or their_queue[0] in ours or their_queue[0] in theirs):
            reached = their_queue.popleft()
            if reached in theirs:
                continue
            theirs.add(reached)
            if reached in ours:
                their_queue.extendleft(parents(reached))
            else:
                budget -= 1
                their_queue.extend(parents(reached))
    return ours - theirs


def _is_ancestor(parents: Parents, commit: str, of: Iterable[str]) -> bool:
    """Whether one of ``of`` has ``commit``.

    One walk goes down from ``of`` and one from ``commit`` itself, in step. An ancestor of ``commit`` cannot have ``commit``, so
    the first walk need not go below anything that the second has seen.
    """
    below: set[str] = set()
    below_queue: deque[str] = deque(parents(commit))
    seen: set[str] = set()
    queue: deque[str] = deque(of)
    while queue:
        for _ in range(2):
            if below_queue:
                lower = below_queue.popleft()
                if lower not in below:
                    below.add(lower)
                    below_queue.extend(parents(lower))
        current = queue.popleft()
        if current == commit:
            return True
        if current in seen or current in below:
            continue
        seen.add(current)
        queue.extend(parents(current))
    return False


def _all_ancestors(parents: Parents, commits: Iterable[str]) -> set[str]:
    """``commits`` and everything below them."""
    found: set[str] = set()
    stack = list(commits)
    while stack:
        commit = stack.pop()
        if commit not in found:
            found.add(commit)
            stack.extend(parents(commit))
    return found


def _children_first(parents: Parents, commits: set[str]) -> list[str]:
    """``commits`` in an order that depends on the graph alone."""
    children = dict.fromkeys(commits, 0)
    for commit in commits:
        for parent in set(parents(commit)):
            if parent in children:
                children[parent] += 1
    ready = sorted(commit for commit, count in children.items() if count == 0)
    ordered: list[str] = []
    while ready:
        commit = ready.pop()
        ordered.append(commit)
        for parent in dict.fromkeys(parents(commit)):
            if parent in children:
                children[parent] -= 1
                if children[parent] == 0:
                    ready.append(parent)
    return ordered
