# SPDX-License-Identifier: Apache-2.0
"""Conformance of a whole fleet: one report for every repository and environment to which the fleet assigns something.

What counts is what the fleet assigns, not what somebody listed: a repository that nobody showed is *unknown*. So is one
that cannot be read, and one where a control lacks data. Unknown is a count of its own; every share is a share of
everything that is assigned, so that not looking never makes a number better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from gaitops.conformance.model import ControlResult, Outcome, RepositoryResult
from gaitops.documents.times import format_timestamp
from gaitops.errors import Problem


class Status(StrEnum):
    """Where one repository stands in one environment."""

    CONFORMANT = "conformant"
    """Every control could be judged, and none fails."""
    NONCONFORMANT = "nonconformant"
    """At least one control fails."""
    UNKNOWN = "unknown"
    """None is known to fail, and not all of it is known."""


Ignorance = Literal["not_listed", "unreadable", "insufficient_data"]
"""Why something is unknown: nobody showed it, it could not be read, or a control lacks data."""
Origin = Literal["clone", "summary"]
"""A clone that was read now, or a summary that somebody signed."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """One repository in one environment, and the project that it belongs to."""

    org: str
    project: str
    repository: str
    environment: str


@dataclass(frozen=True, slots=True)
class PlaceReport:
    """What is known of one place."""

    place: Place
    origin: Origin | None = None
    """``None`` when nothing could be judged."""
    result: RepositoryResult | None = None
    problem: Problem | None = None
    """Why there is no result."""

    @property
    def status(self) -> Status:
        """Where it stands."""
        if self.result is None:
            return Status.UNKNOWN
        if not self.result.conformant:
            return Status.NONCONFORMANT
        return Status.CONFORMANT if self.result.complete else Status.UNKNOWN

    @property
    def ignorance(self) -> Ignorance | None:
        """Why it is unknown; ``None`` unless it is."""
        if self.status is not Status.UNKNOWN:
            return None
        if self.result is not None:
            return "insufficient_data"
        unlisted = self.problem is not None and self.problem.code == NOT_LISTED
        return "not_listed" if unlisted else "unreadable"

    def outcomes(self) -> dict[str, Outcome]:
        """Outcome by control; empty when nothing could be judged."""
        return {} if self.result is None else {item.control: item.outcome for item in self.result.controls}

    def open_controls(self) -> tuple[ControlResult, ...]:
        """Controls that somebody should look at: those that fail, then those that lack data, warn, or are waived."""
        if self.result is None:
            return ()
        order = (Outcome.FAIL, Outcome.INSUFFICIENT_DATA, Outcome.WARN, Outcome.WAIVED)
        return tuple(item for outcome in order for item in self.result.with_outcome(outcome))

    def to_json(self) -> dict[str, object]:
        """One row for machines; ``findings`` tell what is open, ``outcomes`` have all controls."""
        return {
            "org": self.place.org,
            "project": self.place.project,
            "repository": self.place.repository,
            "environment": self.place.environment,
            "status": self.status.value,
            "unknown": self.ignorance,
            "origin": self.origin,
            "commit": self.result.commit if self.result is not None else None,
            "judgedAt": format_timestamp(self.result.at) if self.result is not None else None,
            "outcomes": {name: outcome.value for name, outcome in self.outcomes().items()},
            "findings": [item.to_json() for item in self.open_controls()],
            "problem": self.problem.to_json() if self.problem is not None else None,
        }


NOT_LISTED = "conformance.not_listed"


def not_listed(place: Place) -> PlaceReport:
    """A place that the fleet assigns something to and that nobody showed."""
    problem = Problem(
        NOT_LISTED,
        "not in the manifest, and no summary of it was submitted",
        remedy="add a clone or mirror of it to the manifest",
    )
    return PlaceReport(place, problem=problem)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many places of a group stand where."""

    conformant: int = 0
    nonconformant: int = 0
    unknown: int = 0

    @property
    def total(self) -> int:
        """All places, known or not."""
        return self.conformant + self.nonconformant + self.unknown

    @property
    def percent(self) -> int:
        """Conformant places among all, rounded down: 100 means all of them. 0 for a group without places."""
        return 100 * self.conformant // self.total if self.total else 0

    def plus(self, status: Status) -> Tally:
        """With one place more."""
        return Tally(
            self.conformant + (status is Status.CONFORMANT),
            self.nonconformant + (status is Status.NONCONFORMANT),
            self.unknown + (status is Status.UNKNOWN),
        )

    def to_json(self) -> dict[str, object]:
        """For machines."""
        return {
            "total": self.total,
            "conformant": self.conformant,
            "nonconformant": self.nonconformant,
            "unknown": self.unknown,
            "conformantPercent": self.percent,
        }


@dataclass(frozen=True, slots=True)
class Basis:
    """What a report rests on."""

    fleet: str
    trust_root: str
    source: str
    """``release`` or ``fleet``."""
    release: int | None
    commit: str
    at: datetime
    evidence_sha256: str | None = None

    def to_json(self) -> dict[str, object]:
        """For machines."""
        return {
            "fleet": self.fleet,
            "trustRoot": self.trust_root,
            "source": self.source,
            "release": self.release,
            "commit": self.commit,
            "at": format_timestamp(self.at),
            "evidence": self.evidence_sha256,
        }


@dataclass(frozen=True)
class FleetReport:
    """Every place of the fleet, in order, and what else there is to say."""

    basis: Basis
    controls: tuple[str, ...]
    """Ids of the controls that were judged, in the order of the registry."""
    places: tuple[PlaceReport, ...]
    unassigned: tuple[str, ...] = ()
    """What was shown and is not assigned anything: ``repository`` or ``repository environment``."""
    rejected: tuple[Problem, ...] = field(default=())
    """Submitted summaries that do not count, and why."""

    def tally(self) -> Tally:
        """The whole fleet."""
        return next(iter(self.tallies(lambda _place: "").values()), Tally())

    def tallies(self, group: Callable[[Place], str]) -> dict[str, Tally]:
        """One tally for each group, by name of the group."""
        found: dict[str, Tally] = {}
        for item in self.places:
            name = group(item.place)
            found[name] = found.get(name, Tally()).plus(item.status)
        return dict(sorted(found.items()))

    def by_control(self) -> dict[str, dict[str, int]]:
        """How each control came out; ``unknown`` counts places where nothing could be judged at all."""
        counts = {name: {**{outcome.value: 0 for outcome in Outcome}, "unknown": 0} for name in self.controls}
        for item in self.places:
            outcomes = item.outcomes()
            for name, row in counts.items():
                row[outcomes[name].value if name in outcomes else "unknown"] += 1
        return counts

    def ignorance(self) -> dict[Ignorance, int]:
        """How many places are unknown for which reason."""
        found: dict[Ignorance, int] = {"not_listed": 0, "unreadable": 0, "insufficient_data": 0}
        for item in self.places:
            if item.ignorance is not None:
                found[item.ignorance] += 1
        return found

    def groups(self) -> Mapping[str, Mapping[str, Tally]]:
        """The tallies that every surface shows."""
        return {
            "orgs": self.tallies(lambda place: place.org),
            "projects": self.tallies(lambda place: f"{place.org}/{place.project}"),
            "environments": self.tallies(lambda place: place.environment),
        }

    def to_json(self) -> dict[str, object]:
        """For machines; the shape is described by ``schemas/output/fleet-conformance.schema.json``."""
        return {
            **self.basis.to_json(),
            "summary": self.tally().to_json(),
            "unknown": {
                "notListed": self.ignorance()["not_listed"],
                "unreadable": self.ignorance()["unreadable"],
                "insufficientData": self.ignorance()["insufficient_data"],
            },
            **{
                name: [{"name": group, **tally.to_json()} for group, tally in tallies.items()]
                for name, tallies in self.groups().items()
            },
            "controls": [{"control": name, **_camel(row)} for name, row in self.by_control().items()],
            "unassigned": list(self.unassigned),
            "rejected": [problem.to_json() for problem in self.rejected],
            "places": [item.to_json() for item in self.places],
        }


def in_order(reports: Iterable[PlaceReport]) -> tuple[PlaceReport, ...]:
    """Reports by org, project, repository and environment: the same on every run."""
    return tuple(sorted(reports, key=lambda item: item.place))


def _camel(row: Mapping[str, int]) -> dict[str, int]:
    names = {"insufficient_data": "insufficientData", "not_applicable": "notApplicable"}
    return {names.get(name, name): number for name, number in row.items()}
