# SPDX-License-Identifier: Apache-2.0
"""The bridge from the tables of a store, and from a fleet's verified states, to what signals are made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from gaitops.evidence import signal_queries as queries
from gaitops.fleet.evidence import Expected, FleetView, KnownRepository, Registry
from gaitops.fleet.semver import precedence
from gaitops.fleet.timeline import Timeline
from gaitops.gait.scout import privilege_of
from gaitops.posture.counting import SIGNATURES_REQUIRED
from gaitops.posture.expectation import Judge, Judgement, boundaries
from gaitops.posture.inputs import DecisionCount, Window
from gaitops.signals.rows import (
    AssignmentChange,
    DecisionGroup,
    DoubtRow,
    DriftRow,
    Evidence,
    FindingRow,
    RegressRow,
    RepositoryRow,
    RunRow,
    Seen,
    StepRow,
    WaitingRow,
    Where,
)

if TYPE_CHECKING:
    from datetime import timedelta

    from gaitops.evidence.engines import Engine

Row = Mapping[str, Any]
_TIERS: Final = ("development", "staging", "production")
_MANIFESTS_AT_ONCE: Final = 5_000


@dataclass(frozen=True, slots=True)
class CommittedPolicy:
    """The policy file that a repository has committed."""

    path: str
    digest: str | None
    """Gait digest; ``None`` for a file that has none."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """What a fleet repository adds to the evidence; empty without one."""

    view: FleetView | None = None
    line: Timeline = field(default_factory=lambda: Timeline({}, None))
    committed: Mapping[str, CommittedPolicy] = field(default_factory=dict)
    """Repository id → its policy file, for those that were looked at."""

    @property
    def registry(self) -> Registry:
        """Places and repositories; none without a fleet."""
        return self.view.registry if self.view is not None else Registry({}, {}, {})

    def boundaries(self, window: Window) -> list[datetime]:
        """Moments of a window at which what is expected changes."""
        return boundaries(self.line, self.view.grace, window) if self.view is not None else []

    def judge(self) -> Judge | None:
        """Who says whether a decision was made under an expected policy."""
        return Judge(self.line, self.view.grace) if self.view is not None else None


def signal_evidence(engine: Engine, window: Window, fleet: Fleet) -> Evidence:
    """Everything that the signals of a window are made from.

    Raises:
        InternalError: ``query.failed``.
    """
    asked = queries.Asked.of(engine)
    places = Places(fleet.registry)
    groups = asked.rows(queries.decision_groups(asked.tables, window, fleet.boundaries(window)))
    runs = _Runs(asked, window, places).rows()
    return Evidence(
        at=window.until,
        runs=runs,
        decisions=_decisions(groups, places),
        drift=_drift(groups, places, fleet),
        waiting=[
            WaitingRow(places.of(row), row["tool_name"] or "", row["calls"], row["waiting"], _seen(row, row["waiting"]))
            for row in _sorted(asked.rows(queries.waiting_calls(asked.tables, window)))
        ],
        regress=_regress(asked, window, places, runs),
        doubts=[_doubt(row, places) for row in _sorted(asked.rows(queries.doubts(asked.tables, window)))],
        findings=[
            FindingRow(places.of(row), row["code"], _seen(row))
            for row in _sorted(asked.rows(queries.conflicts(asked.tables, window)))
        ],
        repositories=_repositories(asked, window, places, fleet),
        assignments=None if fleet.view is None else list(assignment_changes(fleet.line)),
        versions={} if fleet.view is None else _names(fleet.view),
    )  # fmt: skip


class Places:
    """Tier and team of places, by the fleet; what the fleet does not know has no tier."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._tiers = {
            (place.repository, place.environment): place.tier
            for places in registry.places.values()
            for place in places
        }

    def of(self, row: Row) -> Where:
        """The place of a row of a query."""
        repository, environment = row.get("repository") or "", row.get("environment") or ""
        known = self._registry.repositories.get(repository)
        team = known.team if known is not None else row.get("team") or ""
        return Where(repository, environment, team, self.tier(repository, environment))

    def tier(self, repository: str, environment: str) -> str:
        """Tier of an environment of a repository; without an environment the highest that the repository has."""
        if environment:
            return self._tiers.get((repository, environment), "")
        tiers = {place.tier for place in self._registry.places.get(repository, ())}
        return max(tiers, key=_TIERS.index, default="")

    def known(self) -> Iterable[KnownRepository]:
        """Repositories to which the fleet assigns something."""
        return (item for name, item in self._registry.repositories.items() if self._registry.places.get(name))


def _decisions(groups: Iterable[Row], places: Places) -> list[DecisionGroup]:
    merged: dict[tuple[Where, str, str, str, bool], Seen] = {}
    for row in groups:
        key = (
            places.of(row),
            row["tool_name"] or "",
            row["decision"] or "",
            row["policy_digest"] or "",
            bool(row["stopped"]),
        )
        merged[key] = _joined(merged.get(key), _seen(row))
    found = [
        DecisionGroup(where, tool, decision, policy, kill_switch=stopped, seen=seen)
        for (where, tool, decision, policy, stopped), seen in merged.items()
    ]
    return sorted(
        found,
        key=lambda one: (one.where.repository, one.where.environment, one.tool_name, one.decision, one.policy_digest),
    )  # fmt: skip


def _drift(groups: Iterable[Row], places: Places, fleet: Fleet) -> list[DriftRow]:
    view, judge = fleet.view, fleet.judge()
    if view is None or judge is None:
        return []
    merged: dict[tuple[Where, str], tuple[int, Seen]] = {}
    for row in groups:
        if not unexpected(row, view, judge):
            continue
        key = (places.of(row), row["policy_digest"] or "")
        privilege, seen = merged.get(key, (0, None))
        merged[key] = (max(privilege, privilege_of(row["tool_name"] or "")), _joined(seen, _seen(row)))
    return [
        DriftRow(
            where,
            digest,
            tuple(str(version) for version in view.versions.get(digest, ())),
            _expected(fleet.line, where, seen, view.grace),
            privilege,
            seen,
        )
        for (where, digest), (privilege, seen) in sorted(merged.items(), key=lambda item: repr(item[0]))
    ]


def unexpected(row: Row, view: FleetView, judge: Judge) -> bool:
    """Whether decisions of one group were made under a policy that the fleet did not expect there, or does not know."""
    digest = row["policy_digest"] or ""
    counted = DecisionCount(
        row["repository"] or "",
        row["environment"] or "",
        digest,
        "",
        row["first"].date(),
        row["first"],
        row["count"],
        0,
        row["first"],
        row["last"],
    )
    return digest not in view.versions or judge.judge(counted) is Judgement.UNEXPECTED


def _expected(line: Timeline, where: Where, seen: Seen, grace: timedelta) -> tuple[str, ...]:
    """Digests that were expected at a place while something else decided."""
    place = (where.repository, where.environment)
    times = [time for time in (seen.first, seen.last) if time is not None]
    return tuple(sorted({digest for time in times for digest in line.expected_at(place, time, grace)}))


class _Runs:
    """Recorded runs with what the traces that name them say."""

    def __init__(self, asked: queries.Asked, window: Window, places: Places) -> None:
        self._asked = asked
        self._window = window
        self._places = places
        self._named: dict[tuple[str, str], list[Row]] = {}

    def rows(self) -> list[RunRow]:
        """All runs of the window; steps only where an incident has the same sequence of tools to compare with."""
        tables = self._asked.tables
        for row in _sorted(self._asked.rows(queries.run_decisions(tables, self._window))):
            self._named.setdefault((row["repository"], row["run_id"]), []).append(row)
        found = self._asked.rows(queries.run_rows(tables, self._window))
        found.sort(key=lambda row: (row["artifact"], row["embedded"] or False, row["manifest_digest"] or ""))
        runs = [self._row(row) for row in found]
        incidents = {(run.where.repository, run.action_sequence) for run in runs if run.reason_codes}
        wanted = {
            run.manifest_digest for run in runs if (run.where.repository, run.action_sequence) in incidents
        }
        steps = self._steps(sorted(wanted))
        return [replace(run, steps=steps.get((run.artifact, run.manifest_digest), ())) for run in runs]

    def _row(self, row: Row) -> RunRow:
        named = self._named.get((row["repository"], row["run_id"]), ())
        environments = {one["environment"] for one in named if one["environment"]}
        # A runpack does not say where it ran; the decisions of the run do, where all of them name the same place.
        joined = environments.pop() if len(environments) == 1 else ""
        where = self._places.of({**row, "environment": row["environment"] or joined})
        return RunRow(
            artifact=row["artifact"],
            verdict=row["verdict"],
            where=where,
            made_at=row["made_at"],
            run_id=row["run_id"] or "",
            manifest_digest=row["manifest_digest"] or "",
            fingerprint=row["fingerprint"],
            family_id=row["family_id"],
            max_privilege=row["max_privilege"] or 1,
            action_sequence=tuple(row["action_sequence"] or ()),
            tool_classes=tuple(row["tool_classes"] or ()),
            target_systems=tuple(row["target_systems"] or ()),
            reason_codes=tuple(row["reason_codes"] or ()),
            receipt_digests=tuple(row["receipt_digests"] or ()),
            context_set_digest=row["context_set_digest"] or "",
            runtime=row["runtime"] or "",
            capture_mode=row["capture_mode"] or "",
            producer_version=row["producer_version"] or "",
            gait_versions=frozenset(one["gait_version"] for one in named if one["gait_version"]),
            policy_digests=frozenset(one["policy_digest"] for one in named if one["policy_digest"]),
            traces=tuple(sorted({one["one"] for one in named}))[:5],
        )

    def _steps(self, manifests: Sequence[str]) -> dict[tuple[str, str], tuple[StepRow, ...]]:
        found: dict[tuple[str, str], list[StepRow]] = {}
        for start in range(0, len(manifests), _MANIFESTS_AT_ONCE):
            some = manifests[start : start + _MANIFESTS_AT_ONCE]
            for row in self._asked.rows(queries.run_steps(self._asked.tables, some)):
                step = StepRow(
                    *(row[name] or "" for name in ("tool_name", "args_digest", "status", "result_digest"))
                )
                found.setdefault((row["artifact"], row["manifest_digest"]), []).append(step)
        return {key: tuple(steps) for key, steps in found.items()}


def _regress(
    asked: queries.Asked, window: Window, places: Places, runs: Iterable[RunRow]
) -> list[RegressRow]:
    graders: dict[str, list[Row]] = {}
    for row in asked.rows(queries.failed_graders(asked.tables, window)):
        graders.setdefault(row["artifact"], []).append(row)
    privileges = {(run.where.repository, run.run_id): run.max_privilege for run in runs}
    return [
        _result(row, graders.get(row["artifact"], ()), places.of(row), privileges)
        for row in asked.rows(queries.results(asked.tables, window))
    ]


def _result(
    row: Row, failed: Sequence[Row], where: Where, privileges: Mapping[tuple[str, str], int]
) -> RegressRow:
    run_ids = tuple(sorted({grader["run_id"] for grader in failed if grader["run_id"]}))
    return RegressRow(
        artifact=row["artifact"],
        where=where,
        fixture_set=row["fixture_set"] or "",
        status=row["status"] or "",
        vacuous=bool(row["vacuous"]),
        drift_class=row["drift_class"] or "none",
        fixture_names=tuple(row["fixture_names"] or ()),
        failing=tuple(
            (f"{one['fixture']}/{one['grader']}", ",".join(one["reason_codes"] or ())) for one in failed
        ),
        run_ids=run_ids,
        max_privilege=max((privileges.get((where.repository, run), 0) for run in run_ids), default=0),
        made_at=row["made_at"],
        delivered_at=row["delivered"] or row["collected_at"],
        position=row["position"] or 0,
        producer_version=row["producer_version"] or "",
    )


def _doubt(row: Row, places: Places) -> DoubtRow:
    where = places.of(row)
    required = bool(where.environment) and where.tier in SIGNATURES_REQUIRED
    return DoubtRow(where, row["kind"], row["verdict"], row["keys"], required, _seen(row))


def _repositories(asked: queries.Asked, window: Window, places: Places, fleet: Fleet) -> list[RepositoryRow]:
    tables = asked.tables
    last = {row["repository"]: row for row in asked.rows(queries.last_evidence(tables, window))}
    again = {row["repository"]: row for row in asked.rows(queries.repeated(tables, window))}
    unnamed = {row["repository"]: row for row in asked.rows(queries.unclaimed(tables, window))}
    assigned = {item.id for item in places.known()}
    rows = []
    for name in sorted({*assigned, *again, *unnamed, *fleet.committed}):
        newest = last.get(name)
        committed = fleet.committed.get(name)
        rows.append(
            RepositoryRow(
                places.of({"repository": name, "team": newest["team"] if newest else ""}),
                newest["last"] if newest else None,
                (newest["artifact"],) if newest else (),
                _seen(again[name]) if name in again else None,
                _seen(unnamed[name]) if name in unnamed else None,
                committed.digest if committed else None,
                committed.path if committed else "",
                committed is None or _is_assigned(name, committed.digest, fleet.view),
                assigned=name in assigned,
            )
        )
    return rows


def _is_assigned(repository: str, digest: str | None, view: FleetView | None) -> bool:
    """Whether some environment of a repository expects a digest; also when nothing is known of what it should run."""
    if view is None or not view.places.get(repository):
        return True
    expected = (view.expected[repository, place.environment] for place in view.places[repository])
    return any(digest in one.digests for one in expected)


def assignment_changes(line: Timeline) -> Iterator[AssignmentChange]:
    """Every change of an enforced version in a timeline, by place and time; the first assignment is none."""
    for (repository, environment), spans in sorted(line.spans.items()):
        for before, after in pairwise(spans):
            if before.expected.enforced != after.expected.enforced:
                yield AssignmentChange(
                    repository,
                    environment,
                    after.start,
                    *_version(before.expected),
                    *_version(after.expected),
                    backwards=_is_older(after.expected, before.expected),
                )


def _version(expected: Expected) -> tuple[str, str]:
    return str(expected.enforced), expected.enforced_digest or ""


def _is_older(one: Expected, other: Expected) -> bool:
    """Whether one version comes before another of the same policy."""
    new, old = one.enforced, other.enforced
    if (new.org, new.policy) != (old.org, old.policy) or not new.version or not old.version:
        return False
    return precedence(new.version) < precedence(old.version)


def _names(view: FleetView) -> dict[str, tuple[str, ...]]:
    return {digest: tuple(str(version) for version in versions) for digest, versions in view.versions.items()}


def _seen(row: Row, count: int | None = None) -> Seen:
    artifacts = tuple(sorted({row[name] for name in ("one", "other") if row[name]}))
    return Seen(row["count"] if count is None else count, row["first"], row["last"], artifacts)


def _joined(one: Seen | None, other: Seen) -> Seen:
    if one is None:
        return other
    firsts = [time for time in (one.first, other.first) if time is not None]
    lasts = [time for time in (one.last, other.last) if time is not None]
    artifacts = tuple(sorted({*one.artifacts, *other.artifacts}))
    return Seen(one.count + other.count, min(firsts, default=None), max(lasts, default=None), artifacts)


def _sorted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """In an order that no engine decides."""
    return sorted(rows, key=lambda row: [(value is None, str(value)) for value in row.values()])
