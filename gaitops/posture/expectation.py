# SPDX-License-Identifier: Apache-2.0
"""Which decisions were made under a version that was expected, without asking about each of them.

What the fleet expects changes at a few moments. Between two of them all decisions of a place under one digest are alike,
so they can be counted first and judged after.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from gaitops.fleet.timeline import Interval, PlaceKey, Timeline
from gaitops.posture.inputs import DecisionCount, Window


class Judgement(StrEnum):
    """What the fleet says of decisions under one digest at one place and time."""

    EXPECTED = "expected"
    """Assigned at that moment, or within the grace before it."""
    UNEXPECTED = "unexpected"
    """Something else was assigned."""
    UNJUDGED = "unjudged"
    """Nothing was assigned, or the assignment names no version that exists."""


def boundaries(timeline: Timeline, grace: timedelta, window: Window) -> list[datetime]:
    """Moments inside the window at which something begins or ceases to be expected somewhere, in order."""
    found: set[datetime] = set()
    for spans in timeline.spans.values():
        for span in spans:
            found.add(span.start)
            if span.end is not None:
                found.update((span.end, span.end + grace))
    return sorted(moment for moment in found if window.since < moment < window.until)


class Judge:
    """Judges counted decisions; remembers what it worked out for each place."""

    def __init__(self, timeline: Timeline, grace: timedelta) -> None:
        self._timeline = timeline
        self._grace = grace
        self._places: dict[PlaceKey, Mapping[str, list[Interval]]] = {}

    def judge(self, row: DecisionCount) -> Judgement:
        """What the fleet says of these decisions."""
        return self.of(row.repository, row.environment, row.digest, row.moment)

    def of(self, repository: str, environment: str, digest: str, moment: datetime) -> Judgement:
        """What the fleet says of a decision under a digest at a place and time."""
        place = (repository, environment)
        if place not in self._timeline.spans:
            return Judgement.UNJUDGED
        intervals = self._intervals(place)
        if any(moment in interval for interval in intervals.get(digest, ())):
            return Judgement.EXPECTED
        now = self._timeline.at(place, moment)
        return (
            Judgement.UNEXPECTED
            if now is not None and now.enforced_digest is not None
            else Judgement.UNJUDGED
        )

    def _intervals(self, place: PlaceKey) -> Mapping[str, list[Interval]]:
        found = self._places.get(place)
        if found is None:
            found = self._timeline.intervals(place, self._grace)
            self._places[place] = found
        return found
