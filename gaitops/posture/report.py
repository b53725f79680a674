# SPDX-License-Identifier: Apache-2.0
"""The posture of a fleet as values: numbers by scope, places with their states, versions, drift, regressions, time series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gaitops.documents.times import format_timestamp
from gaitops.fleet.evidence import Expected, KnownRepository
from gaitops.posture.catalogue import COUNTS, METRICS
from gaitops.posture.coverage import RepositoryCoverage
from gaitops.posture.inputs import KeyUse, Window
from gaitops.posture.regressions import HOT_SPOTS, HotSpot, WeekTrend
from gaitops.posture.selectors import Scope
from gaitops.posture.series import Axis, Series
from gaitops.posture.states import Reason, State
from gaitops.posture.tally import Tally, Value
from gaitops.posture.versions import Drift, PolicyUse


@dataclass(frozen=True, slots=True)
class Basis:
    """What the report rests on."""

    fleet: str
    trust_root: str
    commit: str
    """Fleet commit whose verified state was read."""
    at: datetime
    window: Window
    stale_after: timedelta
    grace: timedelta
    known_since: datetime | None
    """First moment of which the fleet's history says what was expected."""
    scope: Mapping[str, str]
    """What the report was narrowed to; empty for everything."""

    def to_json(self) -> dict[str, object]:
        """As the report begins."""
        return {
            "fleet": self.fleet,
            "trustRoot": self.trust_root,
            "commit": self.commit,
            "at": format_timestamp(self.at),
            "window": {
                "since": format_timestamp(self.window.since),
                "until": format_timestamp(self.window.until),
            },
            "staleAfterSeconds": int(self.stale_after.total_seconds()),
            "graceSeconds": int(self.grace.total_seconds()),
            "knownSince": format_timestamp(self.known_since) if self.known_since is not None else None,
            "scope": dict(self.scope),
        }


@dataclass(frozen=True, slots=True)
class PlacePosture:
    """One repository in one environment."""

    environment: str
    tier: str | None
    """``None`` where the fleet assigns nothing."""
    expected: Expected | None
    state: State
    reasons: tuple[Reason, ...]
    tally: Tally
    policies: tuple[PolicyUse, ...] = ()
    """What was decided here, by policy digest."""

    def to_json(self, repository: str) -> dict[str, object]:
        """As the report lists it; counts that are zero are left out, because there are many places."""
        scope = Scope(repository=repository, environment=self.environment)
        return {
            "environment": self.environment,
            "tier": self.tier,
            "state": self.state.value,
            "reasons": [reason.to_json() for reason in self.reasons],
            "expected": _expected_json(self.expected),
            "lastDecisionAt": _time(self.tally.last_decision),
            "numbers": {name: number for name in COUNTS if (number := self.tally.count(name))},
            "policies": [use.to_json(scope) for use in self.policies],
        }


@dataclass(frozen=True, slots=True)
class RepositoryPosture:
    """One repository of the fleet."""

    repository: KnownRepository
    places: tuple[PlacePosture, ...]
    silent: bool
    coverage: RepositoryCoverage | None
    """``None`` without an inventory."""
    tally: Tally
    series: Series

    def to_json(self, *, environments_only: bool) -> dict[str, object]:
        """As the report lists it."""
        known = self.repository
        return {
            "repository": known.id,
            "org": known.org,
            "project": known.project,
            "name": known.name,
            "team": known.team,
            "silent": self.silent,
            "lastEvidenceAt": _time(self.tally.last_evidence),
            "oldestOpenCallAt": _time(self.tally.oldest_open),
            "numbers": numbers_json(self.tally, environments_only=environments_only),
            "places": [place.to_json(known.id) for place in self.places],
            "coverage": self.coverage.to_json() if self.coverage is not None else None,
            "series": self.series.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Group:
    """What repositories or places of one name add up to."""

    name: str
    tally: Tally
    environments_only: bool = False
    """Whether only numbers that are known of single environments make sense."""
    series: Series | None = None
    policies: tuple[PolicyUse, ...] | None = None
    """What was decided there, by policy digest; of organizations only."""

    def to_json(self) -> dict[str, object]:
        """As the report lists it."""
        members: dict[str, object] = {
            "name": self.name,
            "numbers": numbers_json(self.tally, environments_only=self.environments_only),
        }
        if self.series is not None:
            members["series"] = self.series.to_json()
        if self.policies is not None:
            members["policies"] = [use.to_json(Scope(org=self.name)) for use in self.policies]
        return members


@dataclass(frozen=True, slots=True)
class PostureReport:
    """What the evidence says about a fleet in one window."""

    basis: Basis
    axis: Axis
    total: Group
    groups: Mapping[str, Sequence[Group]]
    """``organizations``, ``projects``, ``teams``, ``environments``, ``tiers`` → groups by name."""
    repositories: tuple[RepositoryPosture, ...]
    """By id."""
    outside: Tally
    """Evidence of repositories that the fleet does not know, or of none; part of no other number."""
    strangers: tuple[str, ...]
    """Ids of those repositories, sorted; without the empty one."""
    policies: tuple[PolicyUse, ...]
    drift: tuple[Drift, ...]
    trends: tuple[WeekTrend, ...]
    hot_spots: tuple[HotSpot, ...]
    keys: tuple[KeyUse, ...]
    """Unregistered keys by repository, most artifacts first."""

    def to_json(self) -> dict[str, object]:
        """The document that other programs and the report page read."""
        narrow = "environment" in self.basis.scope
        return {
            **self.basis.to_json(),
            "metrics": [metric.to_json() for metric in METRICS.values()],
            "axis": {"unit": self.axis.unit, "labels": list(self.axis.labels)},
            "total": self.total.to_json(),
            "groups": {name: [group.to_json() for group in groups] for name, groups in self.groups.items()},
            "repositories": [item.to_json(environments_only=narrow) for item in self.repositories],
            "outside": {"repositories": list(self.strangers), "numbers": numbers_json(self.outside)},
            "policies": [item.to_json() for item in self.policies],
            "drift": [item.to_json() for item in self.drift],
            "regress": {
                "trends": [item.to_json() for item in self.trends],
                "hotSpots": [item.to_json() for item in self.hot_spots[:HOT_SPOTS]],
                "moreHotSpots": max(0, len(self.hot_spots) - HOT_SPOTS),
            },
            "throwawayKeys": [item._asdict() for item in self.keys],
        }


def numbers_json(tally: Tally, *, environments_only: bool = False) -> dict[str, Value]:
    """Numbers by metric id; shares are rounded to six digits, so that equal inputs give equal bytes."""
    return {
        name: round(value, 6) if isinstance(value, float) else value
        for name, value in tally.numbers().items()
        if not environments_only or METRICS[name].by_environment
    }


def _expected_json(expected: Expected | None) -> dict[str, object] | None:
    if expected is None:
        return None
    return {
        "enforced": str(expected.enforced),
        "enforcedDigest": expected.enforced_digest,
        "candidate": str(expected.candidate) if expected.candidate is not None else None,
        "candidateDigest": expected.candidate_digest,
        "mode": expected.mode,
    }


def _time(moment: datetime | None) -> str | None:
    return format_timestamp(moment) if moment is not None else None
