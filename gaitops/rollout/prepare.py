# SPDX-License-Identifier: Apache-2.0
"""What an edge writes: the documents of the change that takes it (design 9).

Nothing is decided here. The documents are those that the rules will ask for; whether the edge may be taken now is for
them to say.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from gaitops.documents.models.rollout import GateResult, Rollout, TriggerKind
from gaitops.documents.models.tenancy import Environment, PolicyReference
from gaitops.documents.times import format_timestamp
from gaitops.errors import InvalidInputError
from gaitops.fleet.candidates import environments_of
from gaitops.fleet.state import FleetState
from gaitops.rollout.cohorts import extended, ordered, selected
from gaitops.rollout.transitions import (
    EdgeKind,
    Free,
    edge_between,
    policies_after,
    status_after,
    with_policy,
)


@dataclass(frozen=True)
class Prepared:
    """Documents after an edge."""

    edge: EdgeKind
    rollout: Rollout
    environments: dict[str, Environment] = field(default_factory=dict)
    """By name; only those that change."""


def prepare(
    edge: EdgeKind,
    state: FleetState,
    place: tuple[str, str, str],
    rollout: Rollout,
    *,
    now: datetime,
    gates: tuple[GateResult, ...] = (),
    reason: str | None = None,
    trigger: TriggerKind | None = None,
) -> Prepared:
    """Write an edge down.

    Args:
        edge: which one; ``advance`` from the last step is ``complete``.
        state: verified state of the protected branch.
        place: org, project and id of the rollout.
        rollout: the document before, or the plan that is to be started.
        now: time to write down.
        gates: gates of the step that is left, as ``gates.Stay.results`` tells them.
        reason: why it is paused, rolled back or aborted.
        trigger: trigger that a rollback follows.

    Raises:
        InvalidInputError: ``rollout.transition``: the edge does not begin where the rollout is.
    """
    org, project, _id = place
    order = order_after(edge, rollout, state, place)
    status = status_after(
        edge,
        rollout,
        Free(format_timestamp(now), gates, reason, trigger),
        order=order,
        previous=previous_policies(state, place, rollout),
    )
    after = rollout.model_copy(update={"status": status}) if status is not None else None
    if after is None or edge_between(rollout, after) != edge:
        raise InvalidInputError.of(
            "rollout.transition",
            f"{edge} does not begin at {rollout.status.phase}"
            + (f", step {rollout.status.step}" if rollout.status.step is not None else ""),
            remedy="gaitops rollout status shows what can be done next",
        )
    written = {}
    for name, reference in policies_after(edge, rollout, after, org).items():
        environment = state.environment(org, project, name)
        if environment is not None:
            written[name] = with_policy(environment, reference)
    return Prepared(edge, after, written)


def previous_policies(
    state: FleetState, place: tuple[str, str, str], rollout: Rollout
) -> dict[str, PolicyReference]:
    """What the environments of a plan name, by name."""
    names = environments_of(rollout.spec)
    found = {name: state.environment(place[0], place[1], name) for name in names}
    return {name: item.spec.policy for name, item in found.items() if item is not None}


def order_after(
    edge: EdgeKind, rollout: Rollout, state: FleetState, place: tuple[str, str, str]
) -> tuple[str, ...]:
    """Repositories in the order of their cohorts once an edge is taken."""
    names = selected(state, place[0], place[1], rollout.spec)
    if edge == "start":
        return ordered(*place, names, rollout.spec.first, rollout.spec.hold)
    return extended(rollout.status.repositories, *place, names)
