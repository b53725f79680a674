# SPDX-License-Identifier: Apache-2.0
"""What no approval can allow a rollout to do (design 9).

A skipped step, a step before its time, a plan that changes on the way, two rollouts over the same place, a limit
exceeded: each has a code of its own. Leaving a gate behind without success is not among them: approvers may decide
that, if the status says so (``change.judge``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gaitops.change.context import Change, Facts, Occasion
from gaitops.change.effects import Effect
from gaitops.change.rollouts import Edge, edges
from gaitops.change.rules.rollout_conditions import (
    all_enforced,
    leaving,
    problem,
    ready,
    startable,
    triggered,
    within_limits,
)
from gaitops.documents.layout import classify, environment_path, rollout_path
from gaitops.documents.models.rollout import Rollout
from gaitops.documents.times import parse_timestamp
from gaitops.errors import Problem
from gaitops.fleet.candidates import active_rollouts, environments_of, stages, step_index
from gaitops.fleet.state import FleetState
from gaitops.rollout.prepare import order_after, previous_policies
from gaitops.rollout.transitions import (
    FORWARD,
    LEAVING,
    free_members,
    is_plan_change,
    policies_after,
    references,
    status_after,
)

_FIXED = ("policy", "tier")
"""Members of an environment that stay while a rollout holds it."""


def check_rollouts(
    change: Change, facts: Facts, occasion: Occasion, moves: Sequence[Effect]
) -> Iterator[Problem]:
    """Judge every edge that a change takes, and everything that would cross a rollout that is under way."""
    taken = edges(change.deltas, change.before, change.after)
    explained = {path for edge in taken for path in edge.paths}
    for item in change.deltas:
        location = classify(item.path)
        if item.before == item.after or item.path in explained:
            continue
        if location.kind == "Rollout":
            yield from _no_edge(item.path, change)
        elif location.kind == "Environment":
            yield from _held(item.path, change)
    for edge in taken:
        yield from _edge(edge, change, facts, occasion, moves)
    yield from _overlaps(change)


def _no_edge(path: str, change: Change) -> Iterator[Problem]:
    """A rollout document that changed otherwise than along an edge of the state machine."""
    old, new = change.before.document(path, Rollout), change.after.document(path, Rollout)
    if is_plan_change(old, new):
        return
    was = old.status.phase if old is not None else "absent"
    now = new.status.phase if new is not None else "absent"
    if old is not None and new is not None and was == now:
        what = "a rollout whose phase stays is not edited"
    else:
        what = f"no edge leads from {was} to {now}"
    yield problem("rollout.transition", path, what, "prepare the change with gaitops rollout", "status.phase")


def _held(path: str, change: Change) -> Iterator[Problem]:
    """Another policy or tier in an environment that a rollout holds.

    The tier says how many have to approve and what the limits count, so it stays what it was when the plan was approved.
    """
    location = classify(path)
    org, project, name = location.org or "", location.project or "", location.name or ""
    old, new = (
        change.before.environment(org, project, name),
        change.after.environment(org, project, name),
    )
    if old is None:
        return
    member = next(
        (name for name in _FIXED if new is None or getattr(new.spec, name) != getattr(old.spec, name)), None
    )
    if member is None:
        return
    for rollout_id, rollout in active_rollouts(change.after, org, project):
        if name in environments_of(rollout.spec):
            yield problem(
                "rollout.overlap",
                path,
                f"rollout {org}/{project}/{rollout_id} holds {name}",
                "complete, roll back or abort the rollout first, or in the same change",
                f"spec.{member}",
            )


def _held_by_others(edge: Edge, environment: str, after: FleetState) -> Iterator[Problem]:
    """An environment that this edge writes while another rollout goes on from what it names."""
    for rollout_id, rollout in active_rollouts(after, edge.org, edge.project):
        if rollout_id != edge.rollout_id and environment in environments_of(rollout.spec):
            yield problem(
                "rollout.overlap",
                edge.path,
                f"rollout {edge.org}/{edge.project}/{rollout_id} holds {environment}",
                f"finish {rollout_id} first, or in the same change",
                "status.phase",
            )


def _overlaps(change: Change) -> Iterator[Problem]:
    """Two rollouts under way over the same repository and environment."""
    places = {
        (location.org or "", location.project or "")
        for item in change.deltas
        if (location := classify(item.path)).kind == "Rollout" and item.after is not None
    }
    for org, project in sorted(places):
        held: dict[tuple[str, str], str] = {}
        for rollout_id, rollout in active_rollouts(change.after, org, project):
            shared = sorted({held[pair] for pair in _pairs(rollout) if pair in held})
            held.update(dict.fromkeys(_pairs(rollout), rollout_id))
            if shared:
                yield problem(
                    "rollout.overlap",
                    rollout_path(org, project, rollout_id),
                    f"rollout {shared[0]} already holds repositories of this one in the same environment",
                    f"finish {shared[0]} first, or leave its repositories or environments out",
                    "spec.selector",
                )


def _pairs(rollout: Rollout) -> Iterator[tuple[str, str]]:
    for environment in environments_of(rollout.spec):
        for name in rollout.status.repositories:
            yield name, environment


def _edge(
    edge: Edge, change: Change, facts: Facts, occasion: Occasion, moves: Sequence[Effect]
) -> Iterator[Problem]:
    """One edge: first what it is, then whether it may be taken now."""
    misshapen = [*_same_plan(edge), *_next_step(edge)] or [
        *_status(edge, change, occasion, facts),
        *_environments(edge, change),
    ]
    if misshapen:
        yield from misshapen
        return
    yield from _in_doubt(edge, facts)
    if edge.kind == "start":
        yield from startable(edge, change, occasion)
    if edge.kind in FORWARD:
        yield from ready(edge, change, facts, occasion)
        yield from within_limits(edge, change, moves)
    if edge.kind in LEAVING:
        yield from leaving(edge, change, facts, occasion)
    if edge.kind == "complete":
        yield from all_enforced(edge, change)
    if edge.kind == "rollback" and edge.after.status.trigger is not None:
        yield from triggered(edge, change, facts, occasion)
    if edge.kind == "abort" and edge.before is not None and _enforces(edge.before):
        yield problem(
            "rollout.transition",
            edge.path,
            "some repositories enforce the new version already",
            "roll back instead: gaitops rollout rollback",
            "status.phase",
        )


def _in_doubt(edge: Edge, facts: Facts) -> Iterator[Problem]:
    """Nothing rests on a start that is in doubt, and no edge clears that doubt but one that undoes it."""
    if edge.kind in ("start", "rollback", "abort"):
        return
    for path in edge.paths:
        if facts.is_doubtful(path):
            yield problem(
                "decision.doubtful",
                path,
                f"{edge.kind} would rest on a decision that a compromised key helped to carry",
                "roll back or abort the rollout, or affirm this path first: gaitops approve --affirm",
            )


def _same_plan(edge: Edge) -> Iterator[Problem]:
    """The spec is fixed once a rollout has started."""
    old, new = edge.before, edge.after
    if edge.phase == "pending" or old is None:
        return
    if (old.spec, old.metadata) != (new.spec, new.metadata):
        yield problem(
            "rollout.spec_changed",
            edge.path,
            "the plan of a rollout that has started does not change",
            "restore the spec; for another plan, end this rollout and start a new one",
            "spec",
        )


def _next_step(edge: Edge) -> Iterator[Problem]:
    """Steps are entered one by one, and the last is left to complete."""
    steps = [step.name for step in edge.after.spec.steps]
    was = step_index(edge.before) if edge.before is not None else -1
    now = step_index(edge.after)
    expected = {"start": 0, "advance": was + 1, "complete": was}.get(edge.kind, now)
    if edge.kind == "advance" and now <= was:
        yield problem(
            "rollout.transition",
            edge.path,
            f"step {steps[now]} was entered already; nothing goes backwards but a rollback",
            "prepare the change with gaitops rollout",
            "status.step",
        )
    elif now > expected or (edge.kind == "complete" and was != len(steps) - 1):
        skipped = ", ".join(steps[was + 1 : now] if now > was + 1 else steps[was + 1 :])
        yield problem(
            "rollout.skipped_step",
            edge.path,
            f"{edge.kind} passes over {skipped or steps[0]}",
            "enter every step, in order: gaitops rollout advance",
            "status.step",
        )


def _status(edge: Edge, change: Change, occasion: Occasion, facts: Facts) -> Iterator[Problem]:
    """The status is the only one that the edge may lead to."""
    begin = edge.after if edge.kind == "start" or edge.before is None else edge.before
    expected = status_after(
        edge.kind,
        begin,
        free_members(edge.kind, edge.before, edge.after),
        order=order_after(edge.kind, begin, change.after, edge.place),
        previous=previous_policies(change.before, edge.place, edge.after),
    )
    found = edge.after.status
    if expected != found:
        fields = [
            name
            for name in type(found).model_fields
            if expected is None or getattr(expected, name) != getattr(found, name)
        ]
        yield problem(
            "rollout.transition",
            edge.path,
            f"{edge.kind} from here leads to another status: {', '.join(fields)}",
            "prepare the change again with gaitops rollout, on the newest protected branch",
            "status",
        )
    for name in ("started_at", "step_started_at", "finished_at"):
        value = getattr(found, name)
        if value is not None and parse_timestamp(value) > occasion.at + facts.skew:
            yield problem(
                "rollout.transition",
                edge.path,
                f"{name} lies in the future",
                "write the time of now",
                f"status.{name}",
            )


def _environments(edge: Edge, change: Change) -> Iterator[Problem]:
    """A completion, and the rollback after one, write every environment of the plan in the same change."""
    wanted = policies_after(edge.kind, edge.before, edge.after, edge.org)
    done = references(edge.after.spec, edge.org)
    for name, reference in sorted(wanted.items()):
        path = environment_path(edge.org, edge.project, name)
        yield from _held_by_others(edge, name, change.after)
        before = change.before.environment(edge.org, edge.project, name)
        after = change.after.environment(edge.org, edge.project, name)
        if before is None:
            yield problem(
                "rollout.transition", edge.path, f"{name} does not exist any more", "change it by itself"
            )
        elif edge.kind == "rollback" and before.spec.policy != done:
            yield problem(
                "rollout.transition",
                edge.path,
                f"{name} names another policy than this rollout gave it; there is nothing to put back",
                "change the environment by itself",
            )
        elif path not in edge.environments and (after is None or after.spec.policy != reference):
            yield problem(
                "rollout.transition",
                path,
                f"{edge.kind} of {edge.reference} must write this environment's policy in the same change",
                "prepare the change with gaitops rollout",
                "spec.policy",
            )


def _enforces(rollout: Rollout) -> bool:
    listed, index = len(rollout.status.repositories), step_index(rollout)
    return any(
        "enforce" in stages(rollout.spec, listed, index, name) for name in environments_of(rollout.spec)
    )
