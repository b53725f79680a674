# SPDX-License-Identifier: Apache-2.0
"""From counted rows and what the fleet expects to the posture report (design 11)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from gaitops.fleet.evidence import FleetView, KnownRepository
from gaitops.fleet.timeline import PlaceKey, Timeline
from gaitops.posture.counting import Counted, count
from gaitops.posture.coverage import RepositoryCoverage, repository_coverage
from gaitops.posture.expectation import Judge
from gaitops.posture.inputs import Inventory, PostureInputs
from gaitops.posture.regressions import hot_spots, trends
from gaitops.posture.report import Basis, Group, PlacePosture, PostureReport, RepositoryPosture
from gaitops.posture.selectors import Scope
from gaitops.posture.series import Axis, Series, axis_of
from gaitops.posture.states import Judged, state_of
from gaitops.posture.tally import Tally
from gaitops.posture.versions import drifts, policy_uses


def posture(inputs: PostureInputs, view: FleetView, timeline: Timeline, basis: Basis) -> PostureReport:
    """The posture of a fleet.

    Args:
        inputs: what was counted in the window of ``basis``; decisions counted apart at every boundary
            (:func:`gaitops.posture.expectation.boundaries`).
        view: the fleet as it is now. Repositories belong to the teams and projects that they have now.
        timeline: what it expected over time.
        basis: window, limits, and what the report is narrowed to.
    """
    scope = Scope(**basis.scope)
    known = {name: item for name, item in sorted(view.repositories.items()) if holds(scope, item)}
    axis = axis_of(basis.window)
    inside = inputs if not basis.scope else _narrowed(inputs, scope, known.keys())
    counted = count(inside, view, Judge(timeline, basis.grace), axis)
    maker = _Maker(inside, view, basis, counted, scope)
    repositories = tuple(maker.repository(item) for item in known.values())
    strangers = {*counted.repositories, *(place[0] for place in counted.places)} - known.keys()
    judged = [item for item in counted.decisions if item.row.repository in known]
    return PostureReport(
        basis=basis,
        axis=axis,
        total=_group(view.name, repositories, axis, environments_only=scope.environment is not None),
        groups=_with_policies(
            _groups(repositories, axis, environments_only=scope.environment is not None), judged, view
        ),
        repositories=repositories,
        outside=_outside(counted, strangers),
        strangers=tuple(sorted(strangers - {""})),
        policies=policy_uses(judged, view),
        drift=drifts(judged, view, basis.window.until, basis.stale_after),
        trends=trends((row for row in inside.regress if row.repository in known), known),
        hot_spots=hot_spots((row for row in inside.failures if row.repository in known), known),
        keys=tuple(sorted(inside.keys, key=lambda row: (-row.artifacts, row.repository))),
    )


def holds(scope: Scope, repository: KnownRepository) -> bool:
    """Whether a scope takes in a repository, as far as that depends on the repository alone."""
    wanted = (
        (scope.org, repository.org),
        (scope.project, f"{repository.org}/{repository.project}"),
        (scope.team, repository.team),
        (scope.repository, repository.id),
    )
    return all(value is None or value == own for value, own in wanted)


def _narrowed(inputs: PostureInputs, scope: Scope, known: Iterable[str]) -> PostureInputs:
    """Rows of the scope's repositories, and of its environment alone where it names one."""
    names = frozenset(known)

    def inside(row: object) -> bool:
        environment = getattr(row, "environment", scope.environment)
        return getattr(row, "repository", None) in names and scope.environment in (None, environment)

    return PostureInputs(
        decisions=list(filter(inside, inputs.decisions)),
        artifacts=list(filter(inside, inputs.artifacts)),
        approvals=list(filter(inside, inputs.approvals)),
        tokens=list(filter(inside, inputs.tokens)),
        approvers=list(filter(inside, inputs.approvers)),
        reused_tokens=list(filter(inside, inputs.reused_tokens)),
        expired_tokens=list(filter(inside, inputs.expired_tokens)),
        keys=list(filter(inside, inputs.keys)),
        regress=list(filter(inside, inputs.regress)),
        failures=list(filter(inside, inputs.failures)),
        inventories=list(filter(inside, inputs.inventories)),
        policies=inputs.policies,
    )


class _Maker:
    """Puts together what is known of single repositories."""

    def __init__(
        self, inputs: PostureInputs, view: FleetView, basis: Basis, counted: Counted, scope: Scope
    ) -> None:
        self._inputs = inputs
        self._view = view
        self._basis = basis
        self._counted = counted
        self._scope = scope
        self._inventories = {item.repository: item for item in inputs.inventories}
        self._decisions: dict[PlaceKey, list[Judged]] = {}
        for item in counted.decisions:
            self._decisions.setdefault((item.row.repository, item.row.environment), []).append(item)
        self._tallies: dict[str, dict[str, Tally]] = {}
        for (repository, environment), tally in counted.places.items():
            self._tallies.setdefault(repository, {})[environment] = tally
        self._environments: dict[str, set[str]] = {}
        for repository, environment in (*view.expected, *self._decisions):
            if environment and scope.environment in (None, environment):
                self._environments.setdefault(repository, set()).add(environment)

    def repository(self, known: KnownRepository) -> RepositoryPosture:
        """One repository with its places."""
        tallies = self._tallies.get(known.id, {})
        names = sorted(self._environments.get(known.id, ()))
        places = tuple(self._place(known.id, name, tallies.get(name) or Tally()) for name in names)
        elsewhere = [tally for name, tally in tallies.items() if name not in names]
        own = self._counted.repositories.get(known.id) or Tally()
        tally = Tally.sum([own, *elsewhere, *(item.tally for item in places)])
        inventory = self._inventories.get(known.id)
        coverage = self._coverage(known.id, inventory) if inventory is not None else None
        limit = self._basis.window.until - self._basis.stale_after
        silent = tally.last_evidence is not None and tally.last_evidence < limit
        self._mark(known.id, tally, coverage, silent=silent)
        return RepositoryPosture(known, places, silent, coverage, tally, self._counted.over_time(known.id))

    def _place(self, repository: str, environment: str, tally: Tally) -> PlacePosture:
        expected = self._view.expected.get((repository, environment))
        decisions = self._decisions.get((repository, environment), ())
        basis = self._basis
        state, reasons = state_of(expected, decisions, tally, basis.window.until, basis.stale_after)
        tally.counts["places.total"] += 1
        tally.counts[f"places.{state.value}"] += 1
        places = self._view.places.get(repository, ())
        tier = next((place.tier for place in places if place.environment == environment), None)
        uses = policy_uses(decisions, self._view)
        return PlacePosture(environment, tier, expected, state, reasons, tally, uses)

    def _coverage(self, repository: str, inventory: Inventory) -> RepositoryCoverage:
        places = self._view.places.get(repository, ())
        enforced = (self._view.expected[repository, place.environment].enforced_digest for place in places)
        return repository_coverage(
            inventory, [digest for digest in enforced if digest is not None], self._inputs.policies
        )

    def _mark(
        self, repository: str, tally: Tally, coverage: RepositoryCoverage | None, *, silent: bool
    ) -> None:
        counts = tally.counts
        counts["repositories.total"] += 1
        counts["repositories.silent"] += silent
        counts["repositories.without_evidence"] += tally.last_evidence is None
        counts["repositories.without_inventory"] += coverage is None
        counts["repositories.unassigned"] += repository not in self._view.places
        if coverage is not None:
            counts["coverage.discovered_tools"] += coverage.gait.discovered_tools
            counts["coverage.gated_tools"] += coverage.gait.gated_tools
            counts["coverage.strictly_gated"] += coverage.strictly_gated
            counts["coverage.high_risk_ungated"] += coverage.gait.high_risk_ungated_tools
            counts["coverage.high_risk_not_strict"] += len(coverage.high_risk_not_strict)


def _outside(counted: Counted, strangers: Iterable[str]) -> Tally:
    """What belongs to no repository of the fleet."""
    names = frozenset(strangers)
    placed = (tally for place, tally in counted.places.items() if place[0] in names)
    return Tally.sum([*placed, *(tally for name, tally in counted.repositories.items() if name in names)])


def _group(
    name: str, repositories: Iterable[RepositoryPosture], axis: Axis, *, environments_only: bool
) -> Group:
    found, series = list(repositories), Series(axis)
    series.merge(item.series for item in found)
    return Group(name, Tally.sum(item.tally for item in found), environments_only, series)


def _groups(
    repositories: Sequence[RepositoryPosture], axis: Axis, *, environments_only: bool
) -> dict[str, list[Group]]:
    """Groups of repositories by org, project and team, and of places by environment and tier."""
    kinds: dict[str, Callable[[RepositoryPosture], str]] = {
        "organizations": lambda item: item.repository.org,
        "projects": lambda item: f"{item.repository.org}/{item.repository.project}",
        "teams": lambda item: item.repository.team,
    }
    found: dict[str, list[Group]] = {}
    for kind, name_of in kinds.items():
        members: dict[str, list[RepositoryPosture]] = {}
        for item in repositories:
            members.setdefault(name_of(item), []).append(item)
        found[kind] = [
            _group(name, members[name], axis, environments_only=environments_only) for name in sorted(members)
        ]
    places = [place for item in repositories for place in item.places]
    found["environments"] = _place_groups(places, lambda place: place.environment)
    found["tiers"] = _place_groups(places, lambda place: place.tier or "")
    return found


def _with_policies(
    groups: dict[str, list[Group]], judged: Sequence[Judged], view: FleetView
) -> dict[str, list[Group]]:
    """The same, organizations with what was decided in them by policy digest."""
    by_org: dict[str, list[Judged]] = {}
    for item in judged:
        by_org.setdefault(view.repositories[item.row.repository].org, []).append(item)
    own = [
        replace(group, policies=policy_uses(by_org.get(group.name, ()), view))
        for group in groups["organizations"]
    ]
    return groups | {"organizations": own}


def _place_groups(places: Iterable[PlacePosture], name_of: Callable[[PlacePosture], str]) -> list[Group]:
    members: dict[str, list[PlacePosture]] = {}
    for place in places:
        members.setdefault(name_of(place), []).append(place)
    return [
        Group(name, Tally.sum(place.tally for place in members[name]), environments_only=True)
        for name in sorted(members)
    ]
