# SPDX-License-Identifier: Apache-2.0
"""Policy versions in use against those that are assigned, joined by Gait's digest to the fleet's version graphs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gaitops.documents.times import format_timestamp
from gaitops.fleet.evidence import Expected, FleetView, VersionRef
from gaitops.fleet.timeline import PlaceKey
from gaitops.posture.expectation import Judgement
from gaitops.posture.selectors import Scope, selector
from gaitops.posture.states import Judged


@dataclass(frozen=True, slots=True)
class Drift:
    """Decisions of one place under one version that was not expected then."""

    repository: str
    environment: str
    digest: str
    versions: tuple[VersionRef, ...]
    """What the fleet knows of the digest; empty for an unknown policy."""
    events: int
    first: datetime
    last: datetime
    ongoing: bool
    """Whether the newest of them is within the stale limit before the end of the window."""
    assigned: str | None
    """What is assigned now."""

    @property
    def kind(self) -> str:
        """``unknown_policy``, ``withdrawn_version``, or ``other_version`` for a version that is assigned elsewhere or not now."""
        if not self.versions:
            return "unknown_policy"
        return "withdrawn_version" if all(item.withdrawn for item in self.versions) else "other_version"

    def to_json(self) -> dict[str, object]:
        """As the report lists it."""
        scope = Scope(repository=self.repository, environment=self.environment, policy=self.digest)
        return {
            "repository": self.repository,
            "environment": self.environment,
            "digest": self.digest,
            "versions": [str(item) for item in self.versions],
            "kind": self.kind,
            "assigned": self.assigned,
            "events": self.events,
            "first": format_timestamp(self.first),
            "last": format_timestamp(self.last),
            "ongoing": self.ongoing,
            "proof": selector("events.unexpected", scope),
        }


@dataclass(frozen=True, slots=True)
class PolicyUse:
    """What was decided under one policy digest, anywhere."""

    digest: str
    versions: tuple[VersionRef, ...]
    events: int
    unexpected: int
    repositories: int
    places: int
    first: datetime
    last: datetime
    assigned_places: int
    """Places of the whole fleet that are to run it now, as the enforced version."""

    def to_json(self, scope: Scope | None = None) -> dict[str, object]:
        """As the report lists it; ``scope`` is what the decisions were narrowed to."""
        return {
            "digest": self.digest,
            "versions": [str(item) for item in self.versions],
            "known": bool(self.versions),
            "withdrawn": bool(self.versions) and all(item.withdrawn for item in self.versions),
            "events": self.events,
            "unexpected": self.unexpected,
            "repositories": self.repositories,
            "places": self.places,
            "assignedPlaces": self.assigned_places,
            "first": format_timestamp(self.first),
            "last": format_timestamp(self.last),
            "proof": selector("events.total", replace(scope or Scope(), policy=self.digest)),
        }


def drifts(
    decisions: Iterable[Judged], view: FleetView, until: datetime, stale_after: timedelta
) -> tuple[Drift, ...]:
    """Every drift in the window: the most decisions first, then by place and digest."""
    groups: dict[tuple[str, str, str], list[Judged]] = {}
    for item in decisions:
        if item.judgement is Judgement.UNEXPECTED:
            key = (item.row.repository, item.row.environment, item.row.digest)
            groups.setdefault(key, []).append(item)
    found = [_drift(key, rows, view, until - stale_after) for key, rows in groups.items()]
    return tuple(sorted(found, key=lambda one: (-one.events, one.repository, one.environment, one.digest)))


def _drift(key: tuple[str, str, str], rows: Sequence[Judged], view: FleetView, recent: datetime) -> Drift:
    repository, environment, digest = key
    last = max(item.row.last for item in rows)
    now = view.expected.get((repository, environment))
    return Drift(
        repository,
        environment,
        digest,
        view.versions.get(digest, ()),
        sum(item.row.events for item in rows),
        min(item.row.first for item in rows),
        last,
        last >= recent,
        str(now.enforced) if now is not None else None,
    )


def policy_uses(decisions: Iterable[Judged], view: FleetView) -> tuple[PolicyUse, ...]:
    """Every policy digest that decided anything in the window, the most decisions first."""
    groups: dict[str, list[Judged]] = {}
    for item in decisions:
        groups.setdefault(item.row.digest, []).append(item)
    assigned = _assigned(view.expected)
    found = [_use(digest, rows, view, assigned.get(digest, 0)) for digest, rows in groups.items()]
    return tuple(sorted(found, key=lambda one: (-one.events, one.digest)))


def _use(digest: str, rows: Sequence[Judged], view: FleetView, assigned: int) -> PolicyUse:
    return PolicyUse(
        digest,
        view.versions.get(digest, ()),
        sum(item.row.events for item in rows),
        sum(item.row.events for item in rows if item.judgement is Judgement.UNEXPECTED),
        len({item.row.repository for item in rows}),
        len({(item.row.repository, item.row.environment) for item in rows}),
        min(item.row.first for item in rows),
        max(item.row.last for item in rows),
        assigned,
    )


def _assigned(expected: Mapping[PlaceKey, Expected]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for item in expected.values():
        if item.enforced_digest is not None:
            counts[item.enforced_digest] = counts.get(item.enforced_digest, 0) + 1
    return counts
