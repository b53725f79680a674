# SPDX-License-Identifier: Apache-2.0
"""What an environment may be assigned (design 7, 9; threat D10)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gaitops.change.context import Change, Facts
from gaitops.change.effects import Effect
from gaitops.documents.layout import classify
from gaitops.errors import Problem
from gaitops.fleet.assignments import Assigned, resolve_policy


def check_assignments(change: Change, facts: Facts, moves: Sequence[Effect]) -> Iterator[Problem]:
    """Every environment that the change writes or moves names a version that exists, is shared and not withdrawn."""
    places: dict[tuple[str, str, str], str] = {}
    for item in change.deltas:
        location = classify(item.path)
        if location.kind == "Environment" and item.after is not None:
            places[(location.org or "", location.project or "", location.name or "")] = item.path
    for effect in moves:
        if effect.after is not None:
            places.setdefault(effect.place, effect.causes[0])
    for (org, project, name), path in sorted(places.items()):
        environment = change.after.environment(org, project, name)
        if environment is not None:
            old = change.before.environment(org, project, name)
            was = resolve_policy(change.before, org, old) if old is not None else None
            assigned = resolve_policy(change.after, org, environment)
            yield from _assigned(assigned, was, org, path, change, facts)


def _goes_on(assigned: Assigned, was: Assigned | None, path: str) -> bool:
    """Whether the assignment is older than the end of sharing: it stays, and still follows the owner's channel."""
    if was is None or (was.org, was.policy) != (assigned.org, assigned.policy):
        return False
    return was == assigned or classify(path).kind == "Policy"


def _assigned(
    assigned: Assigned, was: Assigned | None, org: str, path: str, change: Change, facts: Facts
) -> Iterator[Problem]:
    policy = change.after.policy(assigned.org, assigned.policy)
    field = "spec.policy"
    if policy is None or change.after.version(assigned.org, assigned.policy, assigned.version) is None:
        yield Problem(
            "assignment.unknown_version",
            f"{assigned} does not exist",
            path=path,
            field=field,
            remedy="publish it first, or name a version or channel that exists",
        )
        return
    if assigned.org != org and org not in policy.spec.shared_with and not _goes_on(assigned, was, path):
        yield Problem(
            "assignment.not_shared",
            f"{assigned.org} does not share {assigned.policy} with {org}",
            path=path,
            field=field,
            remedy=f"ask {assigned.org} to add {org} to spec.sharedWith",
        )
    if assigned != was and facts.is_withdrawn(assigned.org, assigned.policy, assigned.version):
        yield Problem(
            "assignment.withdrawn",
            f"{assigned} was withdrawn",
            path=path,
            field=field,
            remedy="assign a version that is not withdrawn",
        )
