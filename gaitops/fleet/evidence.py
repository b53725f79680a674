# SPDX-License-Identifier: Apache-2.0
"""What the evidence plane needs to know of a fleet: producer keys, places, and what Gait's digests mean (design 11).

A view is made from one verified state and is plain values after that: it can be sent to other processes, and nothing in it
asks the repository again. Whoever collects evidence needs :class:`Registry` alone.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from gaitops.content import FILE_MODES
from gaitops.documents.models.evidence import Producer
from gaitops.documents.models.policy import POLICY_FILE
from gaitops.documents.models.trust import FleetSpec, Revocation
from gaitops.documents.times import parse_duration, parse_timestamp
from gaitops.fleet.assignments import Assigned, Assignment, resolve_project
from gaitops.fleet.semver import precedence
from gaitops.fleet.state import FleetState

TEAM_LABEL = "team"
"""Label of a repository that names its team; without it the project stands for the team."""


@dataclass(frozen=True, slots=True)
class ProducerKey:
    """A Gait signing key, and where and when its signatures are expected (``evidence/producers/<id>.yaml``).

    Where several documents register one key they count together: the places of all of them, from the earliest start to
    the latest end.
    """

    id: str
    """Id of the producer; of the first by name where several documents register the key."""
    key_id: str
    """SHA-256 hex of the raw key, as Gait names it."""
    public_key: bytes
    """32 raw bytes, Ed25519."""
    repositories: frozenset[str]
    """Normalised ids of the repositories whose artifacts it may sign."""
    environments: frozenset[str]
    """Environments in which it may sign; any when empty."""
    valid_from: datetime | None
    """First moment of its signatures; always when ``None``."""
    valid_until: datetime | None
    """First moment at which signatures no longer count; never when ``None``."""

    def is_valid(self, moment: datetime) -> bool:
        """Whether a signature of this moment is inside the key's validity."""
        started = self.valid_from is None or moment >= self.valid_from
        return started and (self.valid_until is None or moment < self.valid_until)


@dataclass(frozen=True, slots=True)
class KnownRepository:
    """A consumer repository of the fleet."""

    id: str
    """Normalised id (``github.com/acme/pay``)."""
    org: str
    project: str
    name: str
    """Name of its document."""
    team: str


@dataclass(frozen=True, slots=True)
class Place:
    """One repository in one environment of its project."""

    org: str
    project: str
    repository: str
    """Normalised id."""
    environment: str
    tier: str
    """``development``, ``staging`` or ``production``."""
    team: str


@dataclass(frozen=True, slots=True)
class VersionRef:
    """A version of a policy that the fleet knows."""

    org: str
    policy: str
    version: str
    gait_digest: str
    """What Gait prints for it, bare hex."""
    withdrawn: bool = False
    """Whether a revocation takes it back."""

    def __str__(self) -> str:
        return f"{self.org}/{self.policy}@{self.version}"


@dataclass(frozen=True, slots=True)
class Expected:
    """What should run at one place at one time."""

    enforced: Assigned
    enforced_digest: str | None
    """Gait digest; ``None`` when the assignment names no version that exists."""
    candidate: Assigned | None = None
    candidate_digest: str | None = None
    mode: str = "enforce"
    """How the candidate runs: ``observe`` or ``dry_run``; ``enforce`` when there is none."""

    @property
    def digests(self) -> frozenset[str]:
        """Gait digests that traces may show: the enforced version's, and the candidate's while a rollout gives it."""
        return frozenset(item for item in (self.enforced_digest, self.candidate_digest) if item is not None)


@dataclass(frozen=True, slots=True)
class Registry:
    """Who signs evidence and where it can come from."""

    producers: Mapping[str, ProducerKey]
    """Gait key id → key."""
    repositories: Mapping[str, KnownRepository]
    """Repository id → repository, also where no environment selects it."""
    places: Mapping[str, tuple[Place, ...]]
    """Repository id → its environments, by name; no entry where no environment selects it."""


@dataclass(frozen=True, slots=True)
class FleetView:
    """One verified state of a fleet, as the evidence plane reads it."""

    name: str
    registry: Registry
    versions: Mapping[str, tuple[VersionRef, ...]]
    """Gait digest → versions that mean it, usually one; by org, policy and precedence."""
    expected: Mapping[tuple[str, str], Expected]
    """(repository id, environment) → what should run there."""
    grace: timedelta
    """How long a place may stay on what was assigned before (``pinGrace``)."""

    @property
    def producers(self) -> Mapping[str, ProducerKey]:
        """Gait key id → key."""
        return self.registry.producers

    @property
    def repositories(self) -> Mapping[str, KnownRepository]:
        """Repository id → repository."""
        return self.registry.repositories

    @property
    def places(self) -> Mapping[str, tuple[Place, ...]]:
        """Repository id → its environments."""
        return self.registry.places


def fleet_view(state: FleetState) -> FleetView:
    """The view of one verified state."""
    fleet = state.fleet()
    grace = fleet.spec.pin_grace if fleet is not None else FleetSpec.model_fields["pin_grace"].default
    repositories: dict[str, KnownRepository] = {}
    places: dict[str, list[Place]] = {}
    expected: dict[tuple[str, str], Expected] = {}
    for org in state.orgs():
        for project in state.projects(org):
            own = {item.id: item for item in project_repositories(state, org, project)}
            repositories.update(own)
            for assignment in resolve_project(state, org, project):
                where = own[assignment.repository]
                places.setdefault(where.id, []).append(_place(where, assignment))
                expected[where.id, assignment.environment] = expectation(state, assignment)
    registry = Registry(
        _producers(state), repositories, {name: tuple(found) for name, found in places.items()}
    )
    name = fleet.metadata.name if fleet is not None else ""
    return FleetView(name, registry, _versions(state), expected, parse_duration(grace))


def project_repositories(state: FleetState, org: str, project: str) -> Iterator[KnownRepository]:
    """Repositories of one project, by document name."""
    for name, document in state.repositories(org, project):
        team = document.spec.labels.get(TEAM_LABEL, project)
        yield KnownRepository(document.spec.id, org, project, name, team)


def _place(where: KnownRepository, assignment: Assignment) -> Place:
    return Place(where.org, where.project, where.id, assignment.environment, assignment.tier, where.team)


def expectation(state: FleetState, assignment: Assignment) -> Expected:
    """What an assignment means in Gait's digests."""
    candidate = assignment.candidate
    return Expected(
        assignment.enforced,
        _digest(state, assignment.enforced),
        candidate,
        _digest(state, candidate) if candidate is not None else None,
        assignment.mode,
    )


def _digest(state: FleetState, assigned: Assigned) -> str | None:
    if not assigned.version:
        return None
    version = state.version(assigned.org, assigned.policy, assigned.version)
    return version.spec.gait.digest if version is not None else None


def _producers(state: FleetState) -> dict[str, ProducerKey]:
    found: dict[str, ProducerKey] = {}
    for name, document in state.documents("evidence/producers", Producer):
        key = _producer(state, name, document)
        known = found.get(key.key_id)
        found[key.key_id] = key if known is None else _joined(known, key)
    return found


def _producer(state: FleetState, name: str, document: Producer) -> ProducerKey:
    spec = document.spec
    listed = (state.repository(*ref.split("/", 2)) for ref in spec.repositories)
    return ProducerKey(
        name,
        spec.key_id,
        base64.b64decode(spec.public_key, validate=True),
        frozenset(item.spec.id for item in listed if item is not None),
        frozenset(spec.environments),
        parse_timestamp(spec.valid_from) if spec.valid_from is not None else None,
        parse_timestamp(spec.valid_until) if spec.valid_until is not None else None,
    )


def _joined(one: ProducerKey, other: ProducerKey) -> ProducerKey:
    everywhere = not one.environments or not other.environments
    unlimited = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
    start = min(item.valid_from or unlimited[0] for item in (one, other))
    end = max(item.valid_until or unlimited[1] for item in (one, other))
    return replace(
        one,
        repositories=one.repositories | other.repositories,
        environments=frozenset() if everywhere else one.environments | other.environments,
        valid_from=start if start != unlimited[0] else None,
        valid_until=end if end != unlimited[1] else None,
    )


def _versions(state: FleetState) -> dict[str, tuple[VersionRef, ...]]:
    withdrawn = _withdrawn(state)
    found: dict[str, list[VersionRef]] = {}
    for org in state.orgs():
        for policy in state.policies(org):
            for number in sorted(state.versions(org, policy), key=precedence):
                version = state.version(org, policy, number)
                if version is not None:
                    digest = version.spec.gait.digest
                    named = VersionRef(org, policy, number, digest, (org, policy, number) in withdrawn)
                    found.setdefault(digest, []).append(named)
    return {digest: tuple(refs) for digest, refs in found.items()}


def _withdrawn(state: FleetState) -> frozenset[tuple[str, str, str]]:
    named = (
        document.spec.policy_version for _name, document in state.documents("trust/revocations", Revocation)
    )
    return frozenset((item.org, item.policy, item.version) for item in named if item is not None)


def policy_bytes(state: FleetState, version: VersionRef) -> bytes | None:
    """The policy file of a version as Gait reads it; ``None`` when there is none."""
    path = f"orgs/{version.org}/policies/{version.policy}/versions/{version.version}/{POLICY_FILE}"
    entry = state.snapshot.entry(path)
    return state.snapshot.read(entry.oid) if entry is not None and entry.mode in FILE_MODES else None
