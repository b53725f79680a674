# SPDX-License-Identifier: Apache-2.0
"""Resolution: which policy versions each repository must run in each environment (design 1, 9).

A repository and an environment of the same project meet through the environment's selector; the version is
named by the environment or by a channel of the policy that it follows, and a rollout that is under way gives some of
them a candidate, or already enforces it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gaitops.documents.models.tenancy import Environment, repository_id
from gaitops.fleet.candidates import Candidate, candidates
from gaitops.fleet.state import FleetState


@dataclass(frozen=True, slots=True)
class Assigned:
    """A policy version by name; its digests are found in the version's descriptor."""

    org: str
    policy: str
    version: str
    """Empty when the environment follows a channel that does not exist (reported by the rules)."""

    def __str__(self) -> str:
        return f"{self.org}/{self.policy}@{self.version or '(none)'}"


@dataclass(frozen=True, slots=True)
class Placement:
    """What runs at one place: the enforced version and, during a rollout, a candidate with its mode (design 9)."""

    enforced: Assigned
    candidate: Assigned | None = None
    mode: str = "enforce"

    def __str__(self) -> str:
        if self.candidate is None:
            return str(self.enforced)
        return f"{self.enforced} + {self.candidate} ({self.mode})"


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one repository must run in one environment."""

    org: str
    project: str
    repository: str
    """Normalised repository id (``github.com/acme/pay``)."""
    environment: str
    tier: str
    enforced: Assigned
    candidate: Assigned | None = None
    mode: str = "enforce"

    @property
    def placement(self) -> Placement:
        """What runs there, without where."""
        return Placement(self.enforced, self.candidate, self.mode)


def resolve_policy(state: FleetState, org: str, environment: Environment) -> Assigned:
    """The version that an environment of ``org`` names, following its channel if it names one."""
    reference = environment.spec.policy
    owner = reference.org or org
    if reference.version is not None:
        return Assigned(owner, reference.name, reference.version)
    policy = state.policy(owner, reference.name)
    version = policy.spec.channels.get(reference.channel or "", "") if policy is not None else ""
    return Assigned(owner, reference.name, version)


def placed(own: Assigned, candidate: Candidate | None) -> Placement:
    """What a repository runs where its environment names ``own`` and a rollout may give it a candidate."""
    if candidate is None:
        return Placement(own)
    version = Assigned(candidate.org, candidate.policy, candidate.version)
    return Placement(version) if candidate.mode == "enforce" else Placement(own, version, candidate.mode)


def resolve_environment(
    state: FleetState, org: str, project: str, name: str, environment: Environment
) -> Iterator[Assignment]:
    """Assignments of all repositories that one environment selects, sorted by document name."""
    own = resolve_policy(state, org, environment)
    plain = Placement(own)
    given = candidates(state, org, project, name)
    chosen = environment.spec.selector.predicate()
    tier = environment.spec.tier
    for document, repository in state.repositories(org, project):
        if chosen(document, repository.spec.labels):
            place = placed(own, given.get(document)) if given else plain
            yield Assignment(
                org,
                project,
                repository_id(repository.spec.url),
                name,
                tier,
                place.enforced,
                place.candidate,
                place.mode,
            )


def resolve_project(state: FleetState, org: str, project: str) -> Iterator[Assignment]:
    """Assignments of one project, environment by environment."""
    for name, environment in state.environments(org, project):
        yield from resolve_environment(state, org, project, name, environment)


def resolve_all(state: FleetState) -> Iterator[Assignment]:
    """Every assignment of the fleet, in the order org, project, environment, repository document."""
    for org in state.orgs():
        for project in state.projects(org):
            yield from resolve_project(state, org, project)
