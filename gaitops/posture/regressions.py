# SPDX-License-Identifier: Apache-2.0
"""Regression posture over time: by team and week, and where it fails most.

Results are counted in the week in which they were collected: a result only knows when its first fixture once ran.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from gaitops.documents.times import format_timestamp
from gaitops.fleet.evidence import KnownRepository
from gaitops.posture.inputs import GraderFailures, RegressCount
from gaitops.posture.metrics import DRIFT_CLASSES
from gaitops.posture.selectors import Scope, selector

HOT_SPOTS = 50
"""Hot spots that a report lists; the rest is counted."""


def iso_week(day: date) -> str:
    """The ISO week of a day: ``2026-W41``."""
    year, week, _ = day.isocalendar()
    return f"{year:04d}-W{week:02d}"


def outcome(row: RegressCount) -> str:
    """``passed``, ``vacuous`` or ``failed``; whatever is no pass has failed."""
    if row.status != "pass":
        return "failed"
    return "vacuous" if row.vacuous else "passed"


@dataclass(frozen=True, slots=True)
class WeekTrend:
    """Regress results of one team in one week."""

    week: str
    team: str
    outcomes: Mapping[str, int]
    """``passed``, ``vacuous``, ``failed``."""
    drift: Mapping[str, int]
    """Results by class of drift."""

    def to_json(self) -> dict[str, object]:
        """As the report lists it."""
        judged = self.outcomes["passed"] + self.outcomes["failed"]
        return {
            "week": self.week,
            "team": self.team,
            "results": sum(self.outcomes.values()),
            **self.outcomes,
            "passShare": self.outcomes["passed"] / judged if judged else None,
            "drift": {name: number for name, number in self.drift.items() if number},
            "proof": selector("regress.results", Scope(team=self.team, week=self.week)),
        }


@dataclass(frozen=True, slots=True)
class HotSpot:
    """One grader of one fixture that fails."""

    failures: GraderFailures
    team: str

    def to_json(self) -> dict[str, object]:
        """As the report lists it."""
        row = self.failures
        return {
            "repository": row.repository,
            "team": self.team,
            "fixture": row.fixture,
            "grader": row.grader,
            "failures": row.failures,
            "reasons": list(row.reasons),
            "last": format_timestamp(row.last),
            "proof": selector("regress.failed", Scope(repository=row.repository)),
        }


def trends(
    rows: Iterable[RegressCount], repositories: Mapping[str, KnownRepository]
) -> tuple[WeekTrend, ...]:
    """Results by week and team; what belongs to no known repository has the team ``""``."""
    outcomes: dict[tuple[str, str], Counter[str]] = {}
    drift: dict[tuple[str, str], Counter[str]] = {}
    for row in rows:
        known = repositories.get(row.repository)
        key = (iso_week(row.day), known.team if known is not None else "")
        outcomes.setdefault(key, Counter(passed=0, failed=0, vacuous=0))[outcome(row)] += row.results
        drift.setdefault(key, Counter(dict.fromkeys(DRIFT_CLASSES, 0)))[row.drift_class] += row.results
    return tuple(WeekTrend(*key, outcomes[key], drift[key]) for key in sorted(outcomes))


def hot_spots(
    rows: Iterable[GraderFailures], repositories: Mapping[str, KnownRepository]
) -> tuple[HotSpot, ...]:
    """What fails most often first."""
    found = []
    for row in rows:
        known = repositories.get(row.repository)
        found.append(HotSpot(row, known.team if known is not None else ""))
    return tuple(
        sorted(
            found,
            key=lambda one: (
                -one.failures.failures,
                one.failures.repository,
                one.failures.fixture,
                one.failures.grader,
            ),
        )
    )
