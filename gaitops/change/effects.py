# SPDX-License-Identifier: Apache-2.0
"""Effects: assignments that differ before and after, whatever file caused it (design 1, 5; threat T25).

Only environments that a delta can reach are resolved: the environment itself, the environments of a
repository's project for that repository, those that a rollout names, and those that follow a channel of a changed
policy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from gaitops.change.deltas import Delta
from gaitops.change.operations import Operation
from gaitops.documents.layout import Location, classify
from gaitops.documents.models.tenancy import Environment, repository_id
from gaitops.fleet.assignments import Assigned, Placement, placed, resolve_environment, resolve_policy
from gaitops.fleet.candidates import candidates, environments_of
from gaitops.fleet.scopes import environment_scope, org_scope
from gaitops.fleet.state import FleetState
from gaitops.signing.canonical import canonical_json

_Place = tuple[str, str, str]
"""(org, project, environment)."""
_NOTHING = Placement(Assigned("", "", ""))
Move = tuple[str, str, str]
"""Environment as ``org/project/name``, what ran before, what runs after."""


@dataclass
class _Reach:
    """What a set of deltas can reach in one environment."""

    causes: set[str] = field(default_factory=set)
    whole: bool = False
    """All repositories of the project must be compared; otherwise only those in ``documents``."""
    documents: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Effect:
    """Repositories of one environment that move together."""

    place: _Place
    before: Placement | None
    after: Placement | None
    repositories: tuple[str, ...]
    """Normalised repository ids, sorted."""
    causes: tuple[str, ...]
    """Paths of the deltas that cause it, by path bytes."""

    @property
    def move(self) -> Move:
        """What names it among the effects of one change."""
        return "/".join(self.place), str(self.before or "(none)"), str(self.after or "(none)")


def move_of(operation: Operation) -> Move:
    """The effect that an ``assignment.change`` is about."""
    environment, was, now = (str(operation.details[name]) for name in ("environment", "from", "to"))
    return environment, was, now


def effects(deltas: Sequence[Delta], before: FleetState, after: FleetState) -> tuple[Effect, ...]:
    """Every group of assignments that differs, in a deterministic order."""
    found: list[Effect] = []
    for place, reach in sorted(_reachable(deltas, before, after).items()):
        old, new = _resolved(before, place, reach), _resolved(after, place, reach)
        groups: dict[tuple[Placement | None, Placement | None], list[str]] = {}
        for repository in sorted({*old, *new}):
            was, now = old.get(repository), new.get(repository)
            if was != now:
                groups.setdefault((was, now), []).append(repository)
        causes = tuple(sorted(reach.causes, key=str.encode))
        found.extend(Effect(place, was, now, tuple(names), causes) for (was, now), names in groups.items())
    return tuple(sorted(found, key=lambda one: (one.place, str(one.before), str(one.after))))


def _reachable(deltas: Sequence[Delta], before: FleetState, after: FleetState) -> dict[_Place, _Reach]:
    reached: dict[_Place, _Reach] = {}
    for item in deltas:
        location = classify(item.path)
        if location.kind == "Environment":
            reach = reached.setdefault(
                (location.org or "", location.project or "", location.name or ""), _Reach()
            )
            reach.causes.add(item.path)
            reach.whole = True
        elif location.kind == "Repository":
            for place in _environments(location.org or "", location.project or "", before, after):
                reach = reached.setdefault(place, _Reach())
                reach.causes.add(item.path)
                reach.documents.add(location.name or "")
        elif location.kind == "Rollout":
            org, project = location.org or "", location.project or ""
            for name in sorted(_planned(location, before, after)):
                reach = reached.setdefault((org, project, name), _Reach())
                reach.causes.add(item.path)
                reach.whole = True
        elif location.kind == "Policy":
            for place in _followers(location.org or "", location.name or "", before, after):
                reach = reached.setdefault(place, _Reach())
                reach.causes.add(item.path)
                reach.whole = True
    return reached


def _planned(location: Location, *states: FleetState) -> set[str]:
    """Environments that a rollout names, before or after."""
    found: set[str] = set()
    for state in states:
        rollout = state.rollout(location.org or "", location.project or "", location.name or "")
        found.update(environments_of(rollout.spec) if rollout is not None else ())
    return found


def _environments(org: str, project: str, *states: FleetState) -> set[_Place]:
    return {(org, project, name) for state in states for name, _document in state.environments(org, project)}


def _followers(org: str, policy: str, before: FleetState, after: FleetState) -> set[_Place]:
    """Environments anywhere that follow a channel of this policy whose version differs."""
    old, new = before.policy(org, policy), after.policy(org, policy)
    was = dict(old.spec.channels) if old is not None else {}
    now = dict(new.spec.channels) if new is not None else {}
    moved = {channel for channel in {*was, *now} if was.get(channel) != now.get(channel)}
    if not moved:
        return set()
    places: set[_Place] = set()
    for state in (before, after):
        # Every organization, not only those it is shared with: whoever followed it before it was unshared still does.
        for follower in state.orgs():
            for project in state.projects(follower):
                for name, environment in state.environments(follower, project):
                    reference = environment.spec.policy
                    if (reference.org or follower, reference.name) == (
                        org,
                        policy,
                    ) and reference.channel in moved:
                        places.add((follower, project, name))
    return places


def _resolved(state: FleetState, place: _Place, reach: _Reach) -> dict[str, Placement]:
    org, project, name = place
    environment = state.environment(org, project, name)
    if environment is None:
        return {}
    if reach.whole:
        rows = resolve_environment(state, org, project, name, environment)
        return {row.repository: row.placement for row in rows}
    return dict(_some(state, place, environment, reach.documents))


def _some(
    state: FleetState, place: _Place, environment: Environment, documents: Iterable[str]
) -> Iterator[tuple[str, Placement]]:
    org, project, name = place
    chosen, own = environment.spec.selector.predicate(), resolve_policy(state, org, environment)
    given = candidates(state, org, project, name)
    for document in documents:
        repository = state.repository(org, project, document)
        if repository is not None and chosen(document, repository.spec.labels):
            yield repository_id(repository.spec.url), placed(own, given.get(document))


def assignment_operations(
    moves: Sequence[Effect], deltas: Sequence[Delta], before: FleetState, after: FleetState
) -> Iterator[Operation]:
    """One ``assignment.change`` per group of repositories that move together.

    ``moves`` and ``deltas`` are those that no edge of a rollout explains.

    And one for an environment whose policy reference changes although it selects nothing yet.
    """
    covered = set()
    for effect in moves:
        direct = _is_direct(effect.place, effect.causes, before, after)
        if direct:
            covered.add(effect.place)
        yield _operation(effect, before, after, indirect=not direct)
    for item in deltas:
        location = classify(item.path)
        place = (location.org or "", location.project or "", location.name or "")
        if location.kind != "Environment" or place in covered or item.before == item.after:
            continue
        if _is_direct(place, (item.path,), before, after):
            was, now = _reference(before, place), _reference(after, place)
            yield _operation(Effect(place, was, now, (), (item.path,)), before, after, indirect=False)


def _reference(state: FleetState, place: _Place) -> Placement | None:
    environment = state.environment(*place)
    return Placement(resolve_policy(state, place[0], environment)) if environment is not None else None


def _is_direct(place: _Place, causes: Sequence[str], before: FleetState, after: FleetState) -> bool:
    """Whether somebody wrote another policy reference into the environment itself."""
    old, new = before.environment(*place), after.environment(*place)
    if not any(classify(path).kind == "Environment" for path in causes):
        return False
    return (old.spec.policy if old else None) != (new.spec.policy if new else None)


def _operation(effect: Effect, before: FleetState, after: FleetState, *, indirect: bool) -> Operation:
    org, project, name = effect.place
    documents = [state.environment(org, project, name) for state in (before, after)]
    environment, was, now = effect.move
    number = len(effect.repositories)
    plural = "repository" if number == 1 else "repositories"
    # An org that follows another org's channel consents to its moves: the owner of the channel decides (design 5).
    owner = classify(effect.causes[0]).org
    place = environment_scope(org, project, name)
    return Operation(
        "assignment.change",
        place if owner == org else org_scope(owner or ""),
        effect.causes,
        {
            "title": f"{number} {plural} in {environment}: {was} → {now}",
            "environment": environment,
            "from": was,
            "to": now,
            "repositories": number,
            "repositoriesDigest": hashlib.sha256(canonical_json(list(effect.repositories))).hexdigest(),
        },
        tiers=frozenset(document.spec.tier for document in documents if document is not None),
        risks=risks_of((effect,), before, after),
        modes=modes_of((effect,)),
        felt_in=() if owner == org else (place,),
        indirect=indirect,
    )


def risks_of(moves: Iterable[Effect], *states: FleetState) -> frozenset[str]:
    """Risks of every policy that is involved, in the given states."""
    versions: set[Assigned] = set()
    for place in (side for effect in moves for side in (effect.before, effect.after) if side is not None):
        versions.update(version for version in (place.enforced, place.candidate) if version is not None)
    policies = (state.policy(version.org, version.policy) for version in versions for state in states)
    return frozenset(policy.spec.risk for policy in policies if policy is not None)


def modes_of(moves: Iterable[Effect]) -> frozenset[str]:
    """What is done there: ``enforce`` where another version is enforced, and the modes of candidates that come or go."""
    found: set[str] = set()
    for effect in moves:
        was, now = (side or _NOTHING for side in (effect.before, effect.after))
        if was.enforced != now.enforced:
            found.add("enforce")
        if (was.candidate, was.mode) != (now.candidate, now.mode):
            found.update(side.mode for side in (was, now) if side.candidate is not None)
    return frozenset(found or {"enforce"})
