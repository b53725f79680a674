# SPDX-License-Identifier: Apache-2.0
"""Resolution: which policy version each repository must run in each environment (design 1, 9).

A repository and an environment of the same project meet through the environment's selector; the version is
named by the environment or by a channel of the policy that it follows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gaitops.documents.models.tenancy import Environment, repository_id
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


def resolve_policy(state: FleetState, org: str, environment: Environment) -> Assigned:
    """The version that an environment of ``org`` enforces, following its channel if it names one."""
    reference = environment.spec.policy
    owner = reference.org or org
    if reference.version is not None:
        return Assigned(owner, reference.name, reference.version)
    policy = state.policy(owner, reference.name)
    version = policy.spec.channels.get(reference.channel or "", "") if policy is not None else ""
    return Assigned(owner, reference.name, version)


def resolve_environment(
    state: FleetState, org: str, project: str, name: str, environment: Environment
) -> Iterator[Assignment]:
    """Assignments of all repositories that one environment selects, sorted by document name."""
    enforced = resolve_policy(state, org, environment)
    chosen = environment.spec.selector.predicate()
    tier = environment.spec.tier
    for document, repository in state.repositories(org, project):
        if chosen(document, repository.spec.labels):
            yield Assignment(org, project, repository_id(repository.spec.url), name, tier, enforced)


def resolve_project(state: FleetState, org: str, project: str) -> Iterator[Assignment]:
    """Assignments of one project, environment by environment."""
    for name, environment in state.environments(org, project):
        yield from resolve_environment(state, org, project, name, environment)


def resolve_all(state: FleetState) -> Iterator[Assignment]:
    """Every assignment of the fleet, in the order org, project, environment, repository document."""
    for org in state.orgs():
        for project in state.projects(org):
            yield from resolve_project(state, org, project)
