# SPDX-License-Identifier: Apache-2.0
"""The safe direction: going back to what was enforced immediately before needs one approver (design 4; threat T27).

Whether a move goes back is a fact of the history and of the time, so operations learn it after they are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from gaitops.change.context import Facts
from gaitops.change.effects import Effect, Move, move_of
from gaitops.change.operations import Operation
from gaitops.documents.times import parse_duration
from gaitops.fleet.state import FleetState


def with_safe_direction(
    operations: Sequence[Operation], moves: Sequence[Effect], facts: Facts, before: FleetState, at: datetime
) -> tuple[Operation, ...]:
    """Mark operations that only go back, within the fleet's ``rollbackWindow`` and not to what was withdrawn."""
    safe_moves = {item.move for item in moves if _goes_back(item, facts, before, at)}
    return tuple(_marked(operation, moves, safe_moves, facts) for operation in operations)


def _marked(operation: Operation, moves: Sequence[Effect], safe_moves: set[Move], facts: Facts) -> Operation:
    own = {item.move for item in moves if not set(item.causes).isdisjoint(operation.paths)}
    all_safe = bool(own) and own <= safe_moves
    if operation.kind == "policy.channel":
        # Of several channels of a policy, the one that moves nothing now would pass with the others.
        channels = operation.details["channels"]
        return replace(operation, safe=isinstance(channels, dict) and len(channels) == 1 and all_safe)
    if operation.kind == "rollout.rollback":
        if any(_restores_withdrawn(item, facts) for item in moves if item.move in own):
            return replace(operation, safe=False, planned=False, agreed=False)
        if operation.details["phase"] == "completed":
            # What a completed rollout enforces is an assignment like any other, also for an operator, who alone cannot
            # clear the doubt about an environment either.
            alone = all_safe and not any(facts.is_doubtful(path) for path in operation.paths)
            return replace(
                operation,
                safe=all_safe,
                planned=operation.planned and alone,
                agreed=operation.agreed and alone,
            )
        return operation
    if operation.kind == "assignment.change":
        return replace(operation, safe=move_of(operation) in safe_moves)
    return operation


def _restores_withdrawn(effect: Effect, facts: Facts) -> bool:
    """Whether a withdrawn version would be enforced again."""
    if effect.before is None or effect.after is None or effect.before.enforced == effect.after.enforced:
        return False
    now = effect.after.enforced
    return facts.is_withdrawn(now.org, now.policy, now.version)


def _goes_back(effect: Effect, facts: Facts, before: FleetState, at: datetime) -> bool:
    fleet = before.fleet()
    if effect.before is None or effect.after is None or fleet is None or not effect.repositories:
        return False
    if effect.before.candidate is not None or effect.after.candidate is not None:
        return False  # Candidates come and go by the edges of their rollout.
    now = effect.after.enforced
    if facts.is_withdrawn(now.org, now.policy, now.version):
        return False
    window = parse_duration(fleet.spec.rollback_window)
    found = (facts.previous_assignment(*effect.place, repository) for repository in effect.repositories)
    return all(
        previous is not None and previous.version == str(now) and at - previous.changed_at < window
        for previous in found
    )
