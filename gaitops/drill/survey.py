# SPDX-License-Identifier: Apache-2.0
"""What a drill needs to know of a real fleet: plain values, read from verified state before anything is rehearsed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from gaitops.change.context import revocation_of
from gaitops.content import FILE_MODES
from gaitops.documents.models.trust import ApprovalRule
from gaitops.fleet.assignments import resolve_all, resolve_policy
from gaitops.fleet.people import Directory, Identity
from gaitops.fleet.root import TrustedRoot
from gaitops.fleet.scopes import FLEET
from gaitops.fleet.state import FleetState
from gaitops.history.session import History

_LEFT_OUT = ("approvals/", "trust/root/", "trust/revocations/")
"""Evidence and trust of the real fleet: a first tree has none of them, and the copy gets a root of its own."""


@dataclass(frozen=True, slots=True)
class CopiedFile:
    """One file of verified state."""

    data: bytes
    executable: bool


@dataclass(frozen=True, slots=True)
class Place:
    """An environment of a project, and the risk of what runs there."""

    org: str
    project: str
    environment: str
    tier: str
    risk: str | None


@dataclass(frozen=True)
class Survey:
    """A real fleet at its head."""

    fleet: str
    trust_root: str
    commit: str
    at: datetime
    verified: bool
    """Whether verified state is all of the head's content."""
    root: TrustedRoot
    files: Mapping[str, CopiedFile]
    """Verified content by path, without evidence and without ``trust/root/`` and ``trust/revocations/``."""
    people: Mapping[str, Directory]
    """By ``fleet`` and by organization; an organization's holds the fleet's people as well."""
    revoked: frozenset[str]
    """Fingerprints of revoked identities."""
    rules: tuple[tuple[str, ApprovalRule], ...]
    risks: Mapping[str, frozenset[str]]
    """Risks of the policies that each organization has."""
    projects: tuple[tuple[str, str], ...]
    """(organization, project)."""
    places: tuple[Place, ...]
    consumer: tuple[str, str] | None
    """A repository and an environment for which it runs a policy; ``None`` where the fleet assigns none."""

    @property
    def orgs(self) -> tuple[str, ...]:
        """Organizations, sorted."""
        return tuple(sorted(set(self.people) - {FLEET}))

    def partition(self, scope: str) -> str:
        """``fleet``, or the organization that a scope lies in."""
        parts = scope.split("/")
        return parts[1] if len(parts) > 1 else FLEET

    def directory(self, scope: str) -> Directory:
        """The people who can count at a scope."""
        return self.people[self.partition(scope)]

    def names(self) -> tuple[str, ...]:
        """Every principal of the fleet and its organizations, the fleet's first."""
        found = {name for directory in self.people.values() for name in directory.people}
        found |= {key.principal for key in self.root.keys}
        return tuple(sorted(found, key=lambda name: ("/" in name, name)))

    def is_human(self, name: str) -> bool:
        """Whether a principal is a person; whoever holds a root key is."""
        known = [directory.people[name] for directory in self.people.values() if name in directory.people]
        return not known or known[0].kind == "human"

    def home(self, name: str) -> Directory:
        """The directory that lists a principal."""
        org, slash, _rest = name.partition("/")
        return self.people[org if slash else FLEET]

    def usable(self, directory: Directory, name: str) -> tuple[Identity, ...]:
        """Identities with which a principal can sign now."""
        return directory.usable(name, self.at, self.revoked)

    def holds_root_key(self, name: str) -> bool:
        """Whether a principal is one of the root people."""
        return any(key.principal == name for key in self.root.keys)


def survey(history: History) -> Survey:
    """Everything about a fleet that a drill asks for.

    Raises:
        VerificationError: nothing of the history is verified.
    """
    state = history.state()
    people = {FLEET: history.fold.people(())}
    people |= {org: history.fold.people((org,)) for org in state.orgs()}
    identities = [item for directory in people.values() for item in directory.identities]
    return survey_state(
        state,
        history.standing.root,
        people,
        commit=history.standing.head,
        at=history.at,
        verified=history.verdict().verified,
        revoked=frozenset(
            item.fingerprint for item in identities if revocation_of(item, history.fold.facts) is not None
        ),
    )


def survey_state(
    state: FleetState,
    root: TrustedRoot,
    people: Mapping[str, Directory],
    *,
    commit: str,
    at: datetime,
    verified: bool,
    revoked: frozenset[str],
) -> Survey:
    """The same of a verified state, wherever it is known from."""
    document = state.fleet()
    return Survey(
        fleet=document.metadata.name if document is not None else FLEET,
        trust_root=root.trust_root,
        commit=commit,
        at=at,
        verified=verified,
        root=root,
        files=_files(state),
        people=people,
        revoked=revoked,
        rules=tuple(state.rules()),
        risks={org: frozenset(_risks(state, org)) for org in state.orgs()},
        projects=tuple((org, project) for org in state.orgs() for project in state.projects(org)),
        places=tuple(_places(state)),
        consumer=_consumer(state),
    )


def _files(state: FleetState) -> dict[str, CopiedFile]:
    snapshot = state.snapshot
    return {
        path: CopiedFile(snapshot.read(entry.oid), entry.mode == "100755")
        for path, entry in snapshot.walk("")
        if entry.mode in FILE_MODES and not path.startswith(_LEFT_OUT)
    }


def _risks(state: FleetState, org: str) -> Iterator[str]:
    for name in state.policies(org):
        policy = state.policy(org, name)
        if policy is not None:
            yield policy.spec.risk


def _places(state: FleetState) -> Iterator[Place]:
    for org in state.orgs():
        for project in state.projects(org):
            for name, environment in state.environments(org, project):
                assigned = resolve_policy(state, org, environment)
                policy = state.policy(assigned.org, assigned.policy)
                risk = policy.spec.risk if policy is not None else None
                yield Place(org, project, name, environment.spec.tier, risk)


def _consumer(state: FleetState) -> tuple[str, str] | None:
    for item in resolve_all(state):
        if item.enforced.version:
            return item.repository, item.environment
    return None
