# SPDX-License-Identifier: Apache-2.0
"""What should have run at each place over time, from the verified states that followed each other (design 5, 9, 11).

Expectations change when verified state does: at the time at which a change was decided, not when its commit was written.
Pure: whoever has a history hands in its states in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gaitops.content import TREE_MODE
from gaitops.fleet.assignments import Assigned, resolve_policy, resolve_project
from gaitops.fleet.evidence import Expected, expectation
from gaitops.fleet.state import FleetState

PlaceKey = tuple[str, str]
"""(repository id, environment)."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in which one expectation held at one place: [start, end)."""

    start: datetime
    end: datetime | None
    """``None`` while it still holds."""
    expected: Expected


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time, [start, end), in which one digest is no drift."""

    start: datetime
    end: datetime | None
    """``None`` for no end that is known."""

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment and (self.end is None or moment < self.end)


@dataclass(frozen=True, slots=True)
class Timeline:
    """Spans by place, each place's oldest first and without overlaps; a place that was taken away leaves a gap."""

    spans: Mapping[PlaceKey, Sequence[Span]]
    since: datetime | None
    """Before this nothing is known: the first verified state that was looked at. ``None`` without any."""

    def at(self, place: PlaceKey, moment: datetime) -> Expected | None:
        """What should have run at a place at one moment; ``None`` where nothing was assigned."""
        for span in reversed(self.spans.get(place, ())):
            if span.start <= moment:
                return span.expected if span.end is None or moment < span.end else None
        return None

    def expected_at(self, place: PlaceKey, moment: datetime, grace: timedelta) -> frozenset[str]:
        """Gait digests that are no drift at a moment: assigned then, or within ``grace`` before it."""
        return frozenset(
            digest
            for digest, intervals in self.intervals(place, grace).items()
            if any(moment in interval for interval in intervals)
        )

    def intervals(self, place: PlaceKey, grace: timedelta) -> dict[str, list[Interval]]:
        """When each digest is no drift at a place: while assigned, and ``grace`` longer. Disjoint, oldest first."""
        found: dict[str, list[Interval]] = {}
        for span in self.spans.get(place, ()):
            end = None if span.end is None else span.end + grace
            for digest in sorted(span.expected.digests):
                own = found.setdefault(digest, [])
                last = own[-1] if own else None
                if last is None or (last.end is not None and last.end < span.start):
                    own.append(Interval(span.start, end))
                else:  # Continued, or come back within the grace. Later spans never end earlier.
                    own[-1] = Interval(last.start, end)
        return found


def timeline(states: Iterable[tuple[datetime, FleetState]]) -> Timeline:
    """The timeline of verified states, oldest first, each from its time on.

    Times that run back (a commit may be dated a little before the one it follows) count as the time of the state before.
    """
    builder = _Builder()
    for time, state in states:
        builder.add(time, state)
    return builder.timeline()


class _Builder:
    """Collects spans; projects whose documents and policies did not change are not resolved again."""

    def __init__(self) -> None:
        self._done: dict[PlaceKey, list[Span]] = {}
        self._open: dict[PlaceKey, tuple[datetime, Expected]] = {}
        self._projects: dict[tuple[str, str], tuple[object, Mapping[PlaceKey, Expected]]] = {}
        self._since: datetime | None = None
        self._last: datetime | None = None

    def add(self, time: datetime, state: FleetState) -> None:
        """The next state."""
        time = time if self._last is None else max(time, self._last)
        self._last = time
        self._since = self._since or time
        names = [(org, project) for org in state.orgs() for project in state.projects(org)]
        for gone in self._projects.keys() - set(names):
            self._move(time, self._projects.pop(gone)[1], {})
        for name in names:
            mark = _mark(state, *name)
            old = self._projects.get(name)
            if old is not None and mark is not None and old[0] == mark:
                continue
            new = _resolved(state, *name)
            self._move(time, old[1] if old is not None else {}, new)
            self._projects[name] = (mark, new)

    def _move(
        self, time: datetime, before: Mapping[PlaceKey, Expected], after: Mapping[PlaceKey, Expected]
    ) -> None:
        for place in before.keys() | after.keys():
            now = after.get(place)
            if before.get(place) == now:
                continue
            opened = self._open.pop(place, None)
            if opened is not None and opened[0] < time:
                self._done.setdefault(place, []).append(Span(opened[0], time, opened[1]))
            if now is not None:
                self._open[place] = (time, now)

    def timeline(self) -> Timeline:
        """What was collected."""
        spans = {place: list(found) for place, found in self._done.items()}
        for place, (start, expected) in self._open.items():
            spans.setdefault(place, []).append(Span(start, None, expected))
        return Timeline(spans, self._since)


def _resolved(state: FleetState, org: str, project: str) -> dict[PlaceKey, Expected]:
    digests: dict[tuple[Assigned, Assigned | None, str], Expected] = {}
    found = {}
    for item in resolve_project(state, org, project):
        key = (item.enforced, item.candidate, item.mode)
        if key not in digests:
            digests[key] = expectation(state, item)
        found[item.repository, item.environment] = digests[key]
    return found


def _mark(state: FleetState, org: str, project: str) -> object:
    """Equal for states in which a project is assigned the same; ``None`` where that cannot be told without resolving.

    Everything of it lies in its folder, but for what the channels that its environments follow point to. Versions never
    change once they are there.
    """
    entry = state.snapshot.entry(f"orgs/{org}/projects/{project}")
    if entry is None or entry.mode != TREE_MODE or ":" in entry.oid:  # No id that names the whole content.
        return None
    followed = [
        resolve_policy(state, org, environment) for _name, environment in state.environments(org, project)
    ]
    return entry.oid, tuple(followed)
