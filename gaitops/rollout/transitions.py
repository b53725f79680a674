# SPDX-License-Identifier: Apache-2.0
"""The state machine of a rollout: which edges there are, and what the status says after each (design 9).

::

    pending ── start ──> running ── advance … ──> running ── complete ──> completed
       │                 │    ^                                               │
       │            pause│    │resume                                         │
       │                 v    │                                               │
       └── abort <───── paused ──────────── rollback ──> rolled_back <────────┘

One function writes the status after an edge. The commands use it to prepare a change and the engine to check one, so
both mean the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from gaitops.documents.models.rollout import (
    GateResult,
    Phase,
    PreviousAssignment,
    Rollout,
    RolloutSpec,
    RolloutStatus,
    TriggerKind,
)
from gaitops.documents.models.tenancy import Environment, PolicyReference
from gaitops.fleet.candidates import ACTIVE, environments_of, step_index

EdgeKind = Literal["start", "advance", "complete", "pause", "resume", "rollback", "abort"]
EDGES: Final[tuple[EdgeKind, ...]] = get_args(EdgeKind)
FORWARD: Final = frozenset({"start", "advance", "complete", "resume"})
"""Edges that go on with the plan: they enter a step, or take one up again."""
ENTERING: Final = frozenset({"start", "advance", "resume"})
"""Edges from which the soak of the current step counts."""
LEAVING: Final = frozenset({"advance", "complete"})
"""Edges that leave a step, and so need its soak and its gates."""

_EDGES: Final[Mapping[tuple[Phase, Phase], EdgeKind]] = {
    ("pending", "running"): "start",
    ("running", "running"): "advance",
    ("running", "completed"): "complete",
    ("running", "paused"): "pause",
    ("paused", "running"): "resume",
    ("running", "rolled_back"): "rollback",
    ("paused", "rolled_back"): "rollback",
    ("completed", "rolled_back"): "rollback",
    ("pending", "aborted"): "abort",
    ("running", "aborted"): "abort",
    ("paused", "aborted"): "abort",
}


def edge_between(before: Rollout | None, after: Rollout | None) -> EdgeKind | None:
    """The edge that leads from one state of a document to another; ``None`` where there is none.

    A document that does not exist yet counts as pending: a rollout may be written and started in one change.
    """
    if after is None:
        return None
    was: Phase = before.status.phase if before is not None else "pending"
    return _EDGES.get((was, after.status.phase))


def is_plan_change(before: Rollout | None, after: Rollout | None) -> bool:
    """Whether a difference only writes, rewrites or removes a document that holds nothing: no edge is needed."""
    if after is None:
        return before is None or before.status.phase not in ACTIVE
    return after.status.phase == "pending" and (before is None or before.status.phase == "pending")


def references(spec: RolloutSpec, org: str) -> PolicyReference:
    """The policy that environments of ``org`` name once the rollout is completed."""
    owner = spec.policy.org if spec.policy.org != org else None
    return PolicyReference(org=owner, name=spec.policy.name, version=spec.to_version)


def policies_after(
    edge: EdgeKind, before: Rollout | None, after: Rollout, org: str
) -> Mapping[str, PolicyReference]:
    """Policy references that an edge writes into environments, by environment: a completion, and undoing it."""
    if edge == "complete":
        return dict.fromkeys(environments_of(after.spec), references(after.spec, org))
    if edge == "rollback" and before is not None and before.status.phase == "completed":
        return {item.environment: item.policy for item in before.status.previous}
    return {}


def with_policy(environment: Environment, reference: PolicyReference) -> Environment:
    """The same environment with another policy reference."""
    spec = environment.spec.model_copy(update={"policy": reference})
    return environment.model_copy(update={"spec": spec})


@dataclass(frozen=True)
class Free:
    """What an edge leaves to whoever prepares it."""

    now: str
    """Timestamp to write down."""
    gates: tuple[GateResult, ...] = ()
    """Gates of the step that is left."""
    reason: str | None = None
    trigger: TriggerKind | None = None


def free_members(edge: EdgeKind, before: Rollout | None, after: Rollout) -> Free:
    """The free members of a status that somebody wrote."""
    status = after.status
    now = {"start": status.started_at, "advance": status.step_started_at, "resume": status.step_started_at}
    return Free(
        now=now.get(edge, status.finished_at) or "",
        gates=status.gates[len(before.status.gates) :] if before is not None else status.gates,
        reason=status.reason,
        trigger=status.trigger,
    )


def status_after(
    edge: EdgeKind,
    before: Rollout,
    free: Free,
    *,
    order: Sequence[str],
    previous: Mapping[str, PolicyReference],
) -> RolloutStatus | None:
    """The only status that an edge may lead to, given what is free in it.

    Args:
        edge: which one.
        before: the document before; at the start, the plan.
        free: times, gates, reason and trigger.
        order: repositories in the order of their cohorts, newcomers appended.
        previous: what the environments of the plan name before, by name.

    Returns:
        The status, or ``None`` when there is no next step.
    """
    if edge == "start":
        return _started(before.spec, free.now, order, previous)
    index = step_index(before) + 1
    if edge == "advance" and index >= len(before.spec.steps):
        return None
    ended = {"finished_at": free.now}
    updates: Mapping[EdgeKind, dict[str, object]] = {
        "advance": {"step": before.spec.steps[min(index, len(before.spec.steps) - 1)].name},
        "complete": {"phase": "completed", **ended},
        "pause": {"phase": "paused", "reason": free.reason},
        "resume": {"phase": "running", "reason": None},
        "rollback": {"phase": "rolled_back", **ended, "reason": free.reason, "trigger": free.trigger},
        "abort": {"phase": "aborted", **ended, "reason": free.reason},
    }
    update = updates[edge]
    if edge in FORWARD:
        update["repositories"] = tuple(order)
    if edge in ENTERING:
        update["step_started_at"] = free.now
    if edge in LEAVING:
        update["gates"] = (*before.status.gates, *free.gates)
    return before.status.model_copy(update=update)


def _started(
    spec: RolloutSpec, now: str, order: Sequence[str], previous: Mapping[str, PolicyReference]
) -> RolloutStatus:
    kept = [name for name in environments_of(spec) if name in previous]
    return RolloutStatus(phase="pending").model_copy(
        update={
            "phase": "running",
            "step": spec.steps[0].name,
            "started_at": now,
            "step_started_at": now,
            "repositories": tuple(order),
            "previous": tuple(PreviousAssignment(environment=name, policy=previous[name]) for name in kept),
        }
    )
