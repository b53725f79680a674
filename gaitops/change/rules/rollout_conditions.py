# SPDX-License-Identifier: Apache-2.0
"""Whether an edge of a rollout may be taken now: plan, version, freeze windows, limits, soak, gates, triggers (design 9)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from gaitops.change.context import Change, Facts, Occasion
from gaitops.change.effects import Effect
from gaitops.change.rollout_evidence import fired_triggers, stay_of
from gaitops.change.rollouts import Edge
from gaitops.change.rules.freeze import is_active
from gaitops.errors import Problem
from gaitops.fleet.assignments import Assigned, resolve_policy
from gaitops.fleet.candidates import environments_of
from gaitops.fleet.state import FleetState
from gaitops.rollout.gates import claim_faults, soak_fault
from gaitops.rollout.limits import exceeded
from gaitops.rollout.plan import effective_caps, make_plan, plan_problems


def problem(code: str, path: str, message: str, remedy: str, field: str | None = None) -> Problem:
    """A problem of one file."""
    return Problem(code, message, path=path, field=field, remedy=remedy)


def startable(edge: Edge, change: Change, occasion: Occasion) -> Iterator[Problem]:
    """The whole plan holds before it begins: what is approved at the start must be able to end."""
    plan = make_plan(
        change.after, edge.org, edge.project, edge.rollout_id, edge.after.spec, started=occasion.at
    )
    yield from plan_problems(plan)


def ready(edge: Edge, change: Change, facts: Facts, occasion: Occasion) -> Iterator[Problem]:
    """Going forward: the version may be used, environments still stand where the plan began, nothing is frozen."""
    spec, after = edge.after.spec, change.after
    target = Assigned(spec.policy.org or edge.org, spec.policy.name, spec.to_version)
    policy = after.policy(target.org, target.policy)
    if policy is None or after.version(target.org, target.policy, target.version) is None:
        yield problem(
            "assignment.unknown_version", edge.path, f"{target} does not exist", "publish it first", "spec.to"
        )
    elif target.org != edge.org and edge.org not in policy.spec.shared_with:
        yield problem(
            "assignment.not_shared",
            edge.path,
            f"{target.org} does not share {target.policy} with {edge.org}",
            f"ask {target.org} to add {edge.org} to spec.sharedWith",
            "spec.policy",
        )
    if facts.is_withdrawn(target.org, target.policy, target.version):
        yield problem("assignment.withdrawn", edge.path, f"{target} was withdrawn", "roll back", "spec.to")
    if edge.kind != "start":
        yield from _still_there(edge, change.before)
    yield from _frozen(edge, change.before, occasion.at)


def _still_there(edge: Edge, before: FleetState) -> Iterator[Problem]:
    spec = edge.after.spec
    origin = Assigned(spec.policy.org or edge.org, spec.policy.name, spec.from_version)
    for name in environments_of(spec):
        environment = before.environment(edge.org, edge.project, name)
        found = resolve_policy(before, edge.org, environment) if environment is not None else None
        if found != origin:
            yield problem(
                "rollout.transition",
                edge.path,
                f"{name} names {found or 'nothing'}, not {origin} from which the rollout began",
                "abort or roll back, and start anew from what is enforced now",
                "spec.from",
            )


def _frozen(edge: Edge, state: FleetState, at: datetime) -> Iterator[Problem]:
    for name in edge.after.spec.freeze_windows:
        window = state.freeze_window(name)
        if window is None or is_active(window, at):
            reason = f"is active: {window.spec.reason}" if window is not None else "does not exist"
            yield problem(
                "rollout.freeze_window",
                edge.path,
                f"freeze window {name} {reason}",
                "wait until it ends; pausing and rolling back are always possible",
                "spec.freezeWindows",
            )


def within_limits(edge: Edge, change: Change, moves: Sequence[Effect]) -> Iterator[Problem]:
    """At most so many repositories change at once: by the plan, the organization and the fleet."""
    own = [effect for effect in moves if edge.path in effect.causes]
    production = [effect for effect in own if _is_production(effect, change)]
    for sentence in exceeded(
        effective_caps(change.before, edge.org, edge.after.spec),
        entering=len({name for effect in own for name in effect.repositories}),
        production=len({name for effect in production for name in effect.repositories}),
        listed=len(edge.after.status.repositories),
    ):
        yield problem(
            "rollout.blast_radius",
            edge.path,
            sentence,
            "plan smaller steps, or raise the limit",
            "spec.steps",
        )


def _is_production(effect: Effect, change: Change) -> bool:
    documents = (state.environment(*effect.place) for state in (change.before, change.after))
    return any(item is not None and item.spec.tier == "production" for item in documents)


def leaving(edge: Edge, change: Change, facts: Facts, occasion: Occasion) -> Iterator[Problem]:
    """A step is left after its soak, and the status tells the truth about its gates."""
    left = stay_of(edge.place, edge.before or edge.after, change.directory, facts, occasion)
    fault = soak_fault(left)
    if fault is not None:
        yield problem("rollout.soak", edge.path, fault, "wait until then", "status.step")
    added = edge.after.status.gates[len(edge.before.status.gates) if edge.before is not None else 0 :]
    for fault in claim_faults(added, left):
        yield problem(
            "rollout.gate", edge.path, fault, "prepare the change again with gaitops rollout", "status.gates"
        )


def all_enforced(edge: Edge, change: Change) -> Iterator[Problem]:
    """A completion moves nobody who did not go through the steps, but newcomers."""
    plan = make_plan(
        change.before,
        edge.org,
        edge.project,
        edge.rollout_id,
        edge.after.spec,
        order=edge.after.status.repositories,
        started=None,
    )
    yield from (item for item in plan_problems(plan) if item.field in ("spec.selector", "spec.steps"))


def triggered(edge: Edge, change: Change, facts: Facts, occasion: Occasion) -> Iterator[Problem]:
    """A rollback that names a trigger: the trigger must have fired."""
    applying = fired_triggers(edge.place, edge.before or edge.after, change.directory, facts, occasion)
    named = edge.after.status.trigger
    if named not in {item.trigger.when for item in applying}:
        told = ", ".join(sorted({item.trigger.when for item in applying})) or "none"
        yield problem(
            "rollout.transition",
            edge.path,
            f"the trigger {named} has not fired; fired: {told}",
            "leave the trigger out: a rollback needs one approver then",
            "status.trigger",
        )
