# SPDX-License-Identifier: Apache-2.0
"""What a rollout would do, step by step, before anything is committed (design 9).

The plan names for every step each repository and environment that it changes, so that whoever approves the start
knows what follows from it. Nothing is decided here: limits and other obstacles are facts of the plan, and
:func:`plan_problems` turns them into the problems that starting would meet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from gaitops.documents.layout import rollout_path
from gaitops.documents.models.base import Caps, Mode, Tier
from gaitops.documents.models.rollout import RolloutSpec, Step
from gaitops.documents.times import parse_duration
from gaitops.errors import Problem
from gaitops.fleet.assignments import Assigned, resolve_policy
from gaitops.fleet.candidates import cohort_size, environments_of, stages
from gaitops.fleet.state import FleetState
from gaitops.rollout.cohorts import extended, ordered, selected
from gaitops.rollout.limits import combined, exceeded


@dataclass(frozen=True, slots=True)
class PlannedEnvironment:
    """One environment of the plan, as it is now."""

    name: str
    tier: Tier
    enforced: Assigned
    repositories: frozenset[str]
    """Document names of the repositories that it selects."""


class Move(NamedTuple):
    """One repository in one environment, before and after an edge; a plan has many of them."""

    repository: str
    """Document name."""
    environment: str
    before: Mode | None
    """What the rollout gave it; ``None`` when nothing."""
    after: Mode

    @property
    def changes(self) -> bool:
        """Whether the edge gives it something else than it had."""
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of the plan."""

    index: int
    name: str
    mode: Mode
    environments: tuple[str, ...]
    size: int
    """Repositories of the cohort: a prefix of the order."""
    enters: tuple[Move, ...]
    """What entering the step changes, in the order of the rollout."""
    stays: tuple[Move, ...]
    """What earlier steps gave and this one leaves as it is."""
    leaves: tuple[str, ...]
    """Repositories of the cohort that keep their place, but that nothing selects any more."""
    entering: int
    """Repositories that the step changes, in however many environments."""
    production: int
    """Those of them that it changes in an environment of tier production."""
    exceeded: tuple[str, ...]
    """Limits that the step goes beyond, one sentence each."""
    soak: timedelta
    gates: tuple[str, ...]
    approval_required: bool
    after: timedelta
    """Shortest time from the start to this step: the soaks of the steps before it."""
    earliest: datetime | None
    """When it can be entered at the earliest; ``None`` when no start was given."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A rollout, worked out against one state of the fleet."""

    org: str
    project: str
    rollout_id: str
    spec: RolloutSpec
    order: tuple[str, ...]
    """Repositories by document name, newcomers at the end."""
    newcomers: tuple[str, ...]
    """Those of them that the given order did not have; all of them before the start."""
    environments: tuple[PlannedEnvironment, ...]
    missing: tuple[str, ...]
    """Environments that steps name and the project does not have."""
    uncovered: tuple[str, ...]
    """Repositories that an environment of the plan selects and the rollout does not."""
    caps: Caps
    """The limits of the rollout, its org and the fleet, combined."""
    steps: tuple[PlannedStep, ...]
    finished: datetime | None
    """When it can be completed at the earliest; ``None`` when no start was given."""


def make_plan(
    state: FleetState,
    org: str,
    project: str,
    rollout_id: str,
    spec: RolloutSpec,
    *,
    order: Sequence[str] = (),
    started: datetime | None,
) -> Plan:
    """Work out a rollout.

    Args:
        state: The fleet.
        org: Org of the rollout.
        project: Project of the rollout.
        rollout_id: Its name.
        spec: The plan, which need not be in the fleet yet.
        order: Repositories as ``status.repositories`` of a started rollout has them; empty before the start.
        started: When it was or would be started.
    """
    names = selected(state, org, project, spec)
    full = (
        extended(order, org, project, rollout_id, names)
        if order
        else ordered(org, project, rollout_id, names, spec.first, spec.hold)
    )
    environments, missing = plan_environments(state, org, project, spec)
    caps = effective_caps(state, org, spec)
    alive = frozenset[str]().union(*(environment.repositories for environment in environments))
    steps = tuple(_steps(spec, full, environments, caps, alive, started))
    last = steps[-1]
    return Plan(
        org=org,
        project=project,
        rollout_id=rollout_id,
        spec=spec,
        order=full,
        newcomers=full[len(order) :],
        environments=environments,
        missing=missing,
        uncovered=tuple(sorted(alive.difference(names))),
        caps=caps,
        steps=steps,
        finished=None if last.earliest is None else last.earliest + last.soak,
    )


def plan_environments(
    state: FleetState, org: str, project: str, spec: RolloutSpec
) -> tuple[tuple[PlannedEnvironment, ...], tuple[str, ...]]:
    """The environments that steps name, sorted, and the names of those that do not exist."""
    repositories = [(name, document.spec.labels) for name, document in state.repositories(org, project)]
    found, missing = [], []
    for name in environments_of(spec):
        environment = state.environment(org, project, name)
        if environment is None:
            missing.append(name)
            continue
        chosen = environment.spec.selector.predicate()
        names = frozenset(repository for repository, labels in repositories if chosen(repository, labels))
        enforced = resolve_policy(state, org, environment)
        found.append(PlannedEnvironment(name, environment.spec.tier, enforced, names))
    return tuple(found), tuple(missing)


def effective_caps(state: FleetState, org: str, spec: RolloutSpec) -> Caps:
    """The lowest limits of the rollout, its org and the fleet."""
    fleet, organization = state.fleet(), state.organization(org)
    above = [document.spec.caps for document in (fleet, organization) if document is not None]
    return combined(spec.limits, *above)


def moves(
    spec: RolloutSpec,
    environments: Sequence[PlannedEnvironment],
    *,
    before: tuple[Sequence[str], int],
    after: tuple[Sequence[str], int],
) -> tuple[Move, ...]:
    """What an edge means for every repository that the rollout reaches after it.

    Args:
        spec: The plan.
        environments: From :func:`plan_environments`; what they do not select is left out, because it runs nothing.
        before: Order and 0-based index of the step before the edge; -1 for none.
        after: Order and index after it.
    """
    given = [
        (environment, _modes(spec, before, environment.name), _modes(spec, after, environment.name))
        for environment in environments
    ]
    return tuple(
        Move(name, environment.name, was.get(name), mode)
        for name in after[0]
        for environment, was, now in given
        if name in environment.repositories and (mode := now[name]) is not None
    )


def reach(changed: Collection[Move], environments: Sequence[PlannedEnvironment]) -> tuple[int, int]:
    """How many repositories some moves change, and how many of them in production: what limits count."""
    production = {environment.name for environment in environments if environment.tier == "production"}
    changing = [move for move in changed if move.changes]
    return (
        len({move.repository for move in changing}),
        len({move.repository for move in changing if move.environment in production}),
    )


def plan_problems(plan: Plan) -> list[Problem]:
    """Everything that keeps a rollout from being started.

    Codes: ``rollout.transition`` when it could not be completed as planned, ``rollout.blast_radius`` when a step goes
    beyond a limit.
    """
    return [*_obstacles(plan), *_beyond_limits(plan)]


def _obstacles(plan: Plan) -> Iterator[Problem]:
    def problem(message: str, field: str, remedy: str) -> Problem:
        return _problem(plan, "rollout.transition", message, field, remedy)

    for name in plan.missing:
        message = f"the project {plan.org}/{plan.project} has no environment {name!r}"
        yield problem(message, "spec.steps", "name an environment of the project")
    policy = plan.spec.policy
    expected = Assigned(policy.org or plan.org, policy.name, plan.spec.from_version)
    for environment in plan.environments:
        if environment.enforced != expected:
            message = f"the environment {environment.name!r} enforces {environment.enforced}, not {expected}"
            yield problem(
                message, "spec.from", "start from what is enforced in every environment of the plan"
            )
    if not plan.order:
        yield problem("no repository is selected", "spec.selector", "select a repository of the environments")
    if plan.uncovered:
        message = (
            f"the environments of the plan select {_counted(plan.uncovered)}, which the rollout does not; "
            "completing it would move them unseen"
        )
        yield problem(message, "spec.selector", "select every repository of these environments")
    for environment in plan.environments:
        if not any(_ends(step, environment.name) for step in plan.spec.steps):
            message = f"no step enforces {plan.spec.to_version} for 100 percent of {environment.name!r}"
            yield problem(
                message,
                "spec.steps",
                "end with 'percent: 100' and 'mode: enforce' everywhere; newcomers count",
            )


def _ends(step: Step, environment: str) -> bool:
    """Whether a step enforces in all of an environment, also for those who join later: a count would leave them out."""
    return step.mode == "enforce" and step.percent == 100 and environment in step.environments


def _beyond_limits(plan: Plan) -> Iterator[Problem]:
    for step in plan.steps:
        for sentence in step.exceeded:
            message = f"step {step.name!r}: {sentence}"
            remedy = "make more and smaller steps; a limit of the org or fleet is changed where it stands"
            yield _problem(plan, "rollout.blast_radius", message, f"spec.steps[{step.index}]", remedy)


def _problem(plan: Plan, code: str, message: str, field: str, remedy: str) -> Problem:
    path = rollout_path(plan.org, plan.project, plan.rollout_id)
    return Problem(code, message, path, field=field, remedy=remedy)


def _counted(names: Sequence[str]) -> str:
    """The first few names and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _steps(
    spec: RolloutSpec,
    order: Sequence[str],
    environments: Sequence[PlannedEnvironment],
    caps: Caps,
    alive: frozenset[str],
    started: datetime | None,
) -> Iterator[PlannedStep]:
    waited = timedelta()
    for index, step in enumerate(spec.steps):
        reached = moves(spec, environments, before=(order, index - 1), after=(order, index))
        enters = tuple(move for move in reached if move.changes)
        entering, production = reach(enters, environments)
        size = cohort_size(step, len(order))
        soak = parse_duration(step.soak) if step.soak is not None else timedelta()
        beyond = exceeded(caps, entering=entering, production=production, listed=len(order))
        yield PlannedStep(
            index=index,
            name=step.name,
            mode=step.mode,
            environments=step.environments,
            size=size,
            enters=enters,
            stays=tuple(move for move in reached if not move.changes),
            leaves=tuple(name for name in order[:size] if name not in alive),
            entering=entering,
            production=production,
            exceeded=tuple(beyond),
            soak=soak,
            gates=step.gates,
            approval_required=step.approval == "required",
            after=waited,
            earliest=None if started is None else started + waited,
        )
        waited += soak


def _modes(
    spec: RolloutSpec, position: tuple[Sequence[str], int], environment: str
) -> Mapping[str, Mode | None]:
    order, step = position
    return dict(zip(order, stages(spec, len(order), step, environment), strict=True))
