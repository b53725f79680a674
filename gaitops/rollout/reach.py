# SPDX-License-Identifier: Apache-2.0
"""Which repositories a rollout's current step is about, as evidence names them (design 9)."""

from __future__ import annotations

from dataclasses import dataclass

from gaitops.documents.models.rollout import Rollout, Step
from gaitops.documents.models.tenancy import repository_id
from gaitops.errors import InvalidInputError
from gaitops.fleet.candidates import cohort_size, step_index
from gaitops.fleet.state import FleetState
from gaitops.rollout.measure import Pair


@dataclass(frozen=True)
class Reach:
    """The current step, its cohort, and the two versions that are compared there."""

    step: Step
    cohort: frozenset[Pair]
    """Repositories of the step's cohort, each in every environment of the step that selects it."""
    listed: frozenset[Pair]
    """The same for every listed repository: where the enforced version is looked at."""
    candidate_digest: str
    """Gait's digest of the version that the rollout goes to."""
    enforced_digest: str
    """Gait's digest of the version that it comes from."""


def reach_of(state: FleetState, org: str, project: str, rollout: Rollout) -> Reach:
    """What the current step of a rollout reaches in a state.

    Raises:
        InvalidInputError: ``rollout.transition``: it has not started; ``assignment.unknown_version``.
    """
    index = step_index(rollout)
    if index < 0:
        raise InvalidInputError.of(
            "rollout.transition",
            "the rollout has not started",
            remedy="start it first: gaitops rollout start",
        )
    step, spec = rollout.spec.steps[index], rollout.spec
    order = rollout.status.repositories
    cohort = frozenset(order[: cohort_size(step, len(order))])
    near: set[Pair] = set()
    every: set[Pair] = set()
    for environment in step.environments:
        document = state.environment(org, project, environment)
        if document is None:
            continue
        chosen = document.spec.selector.predicate()
        for name in order:
            repository = state.repository(org, project, name)
            if repository is not None and chosen(name, repository.spec.labels):
                pair = (repository_id(repository.spec.url), environment)
                every.add(pair)
                if name in cohort:
                    near.add(pair)
    owner, policy = spec.policy.org or org, spec.policy.name
    return Reach(
        step,
        frozenset(near),
        frozenset(every),
        _digest(state, owner, policy, spec.to_version),
        _digest(state, owner, policy, spec.from_version),
    )


def _digest(state: FleetState, org: str, policy: str, version: str) -> str:
    descriptor = state.version(org, policy, version)
    if descriptor is None:
        raise InvalidInputError.of("assignment.unknown_version", f"{org}/{policy}@{version} does not exist")
    return descriptor.spec.gait.digest
