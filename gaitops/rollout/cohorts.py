# SPDX-License-Identifier: Apache-2.0
"""In which order a rollout reaches repositories (design 9).

The order is fixed when the rollout starts and only ever grows at its end, so a cohort, being a prefix of it, never
loses a repository to a newcomer. The hash makes the order independent of names: nobody is always first, and the
same repositories come in another order in the next rollout.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from gaitops.documents.models.rollout import RolloutSpec
from gaitops.fleet.state import FleetState


def ordered(
    org: str, project: str, rollout_id: str, names: Iterable[str], first: Sequence[str], hold: Sequence[str]
) -> tuple[str, ...]:
    """The order at the start: ``first`` as listed, then the others by hash, then ``hold`` as listed.

    Args:
        org: Org of the rollout.
        project: Project of the rollout.
        rollout_id: Its name.
        names: Selected repositories by document name, in any order.
        first: Repositories that come first; those that are not selected are passed over.
        hold: Repositories that come last; likewise.
    """
    selected_names = frozenset(names)
    middle = selected_names.difference(first, hold)
    return (
        *(name for name in first if name in selected_names),
        *_by_hash(org, project, rollout_id, middle),
        *(name for name in hold if name in selected_names),
    )


def extended(
    order: Sequence[str], org: str, project: str, rollout_id: str, names: Iterable[str]
) -> tuple[str, ...]:
    """``order`` with the newcomers among ``names`` appended by hash.

    Those that are no longer selected keep their place and resolve to nothing: taking them out would move everybody
    behind them into an earlier cohort.
    """
    return (*order, *_by_hash(org, project, rollout_id, frozenset(names).difference(order)))


def selected(state: FleetState, org: str, project: str, spec: RolloutSpec) -> tuple[str, ...]:
    """Repositories that take part, by document name, sorted.

    They match the selector of the rollout and that of at least one environment that a step names. An environment
    that does not exist selects nothing.
    """
    takes_part = spec.selector.predicate()
    names = {name for step in spec.steps for name in step.environments}
    found = (state.environment(org, project, name) for name in names)
    environments = [environment.spec.selector.predicate() for environment in found if environment is not None]
    return tuple(
        name
        for name, repository in state.repositories(org, project)
        if takes_part(name, repository.spec.labels)
        and any(chosen(name, repository.spec.labels) for chosen in environments)
    )


def _by_hash(org: str, project: str, rollout_id: str, names: Iterable[str]) -> list[str]:
    prefix = f"{org}/{project}/{rollout_id}\n"
    return sorted(names, key=lambda name: (hashlib.sha256((prefix + name).encode()).hexdigest(), name))
