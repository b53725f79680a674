# SPDX-License-Identifier: Apache-2.0
"""What rollouts that are under way mean for single repositories (design 9).

A rollout lists its repositories in one order, and every step reaches a prefix of it. So cohorts are nested, and
nobody who joins or leaves moves anybody else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gaitops.documents.models.base import Mode
from gaitops.documents.models.rollout import Rollout, RolloutSpec, Step
from gaitops.fleet.state import FleetState

ACTIVE = frozenset({"running", "paused"})
"""Phases in which a rollout holds its repositories."""
_STRENGTH: Mapping[Mode, int] = {"observe": 1, "dry_run": 2, "enforce": 3}


def cohort_size(step: Step, listed: int) -> int:
    """How many of ``listed`` repositories a step reaches; a share is rounded up, so that no step reaches nothing."""
    if step.count is not None:
        return min(step.count, listed)
    return -(-(step.percent or 0) * listed // 100)


def stages(spec: RolloutSpec, listed: int, step: int, environment: str) -> Sequence[Mode | None]:
    """What the first ``step`` + 1 steps give, in one environment, to each of the listed repositories in their order.

    The strongest mode that any of these steps gives holds: no later step takes back what an earlier one gave.
    """
    strength = [0] * listed
    for reached in spec.steps[: step + 1]:
        if environment in reached.environments:
            own = _STRENGTH[reached.mode]
            for index in range(cohort_size(reached, listed)):
                strength[index] = max(strength[index], own)
    names: dict[int, Mode] = {own: mode for mode, own in _STRENGTH.items()}
    return [names.get(own) for own in strength]


def environments_of(spec: RolloutSpec) -> tuple[str, ...]:
    """Environments that a plan names, sorted."""
    return tuple(sorted({name for step in spec.steps for name in step.environments}))


def step_index(rollout: Rollout) -> int:
    """Index of the current step, or of the last one that was entered; -1 before the start."""
    names = [step.name for step in rollout.spec.steps]
    return names.index(rollout.status.step) if rollout.status.step is not None else -1


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a rollout gives one repository in one environment."""

    rollout: str
    """Id of the rollout."""
    org: str
    policy: str
    version: str
    mode: Mode


def candidates(state: FleetState, org: str, project: str, environment: str) -> Mapping[str, Candidate]:
    """What the rollouts of a project that are under way give in one environment, by repository document.

    In verified state no two of them hold the same repository and environment; where that is still to be judged, the
    first by id is taken, and the rules refuse the change.
    """
    found: dict[str, Candidate] = {}
    for rollout_id, rollout in active_rollouts(state, org, project):
        modes = stages(rollout.spec, len(rollout.status.repositories), step_index(rollout), environment)
        policy = rollout.spec.policy
        for name, mode in zip(rollout.status.repositories, modes, strict=True):
            if mode is not None:
                found.setdefault(
                    name,
                    Candidate(rollout_id, policy.org or org, policy.name, rollout.spec.to_version, mode),
                )
    return found


def active_rollouts(state: FleetState, org: str, project: str) -> Iterator[tuple[str, Rollout]]:
    """Rollouts of a project that hold repositories, by id."""
    for rollout_id, rollout in state.rollouts(org, project):
        if rollout.status.phase in ACTIVE:
            yield rollout_id, rollout
