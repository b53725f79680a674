# SPDX-License-Identifier: Apache-2.0
"""Who can approve what: every kind of operation at every scope, with what it needs and the people whose word would count.

It answers by the same table of permissions and the same combination of rules that judge a change. What no state can tell
is left out of it: whether somebody will have contributed, freeze windows, and what a single change does beside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gaitops.change.operations import Operation
from gaitops.change.permissions import ADMIN, PERMISSIONS, SAFE
from gaitops.change.requirements import Requirement, requirement
from gaitops.documents.models.trust import ApprovalRule
from gaitops.errors import Problem
from gaitops.fleet.credentials import FORGE
from gaitops.fleet.people import Directory, Identity
from gaitops.fleet.root import TrustedRoot
from gaitops.fleet.scopes import FLEET, contains, environment_scope, org_scope, project_scope
from gaitops.fleet.state import FleetState

RISKS: Final = ("low", "medium", "high", "critical")

AT_FLEET: Final = (
    "fleet.update", "principal.change", "role.change", "directory.change", "approval_rule.change", "sigstore_root.change",
    "ci.change", "organization.change", "freeze_window.change", "producer.change", "evidence.governance", "hold.place",
    "hold.release", "revocation.identity", "revocation.release", "approvals.prune", "repository.file.change",
)  # fmt: skip
AT_ORG: Final = (
    "org_principal.change", "org_role.change", "org_directory.change", "policy.create", "policy.update", "policy.publish",
    "policy.channel", "revocation.identity", "revocation.policy_version",
)  # fmt: skip
AT_PROJECT: Final = (
    "project.change", "repository.change", "rollout.change", "rollout.start", "rollout.advance", "rollout.complete",
    "rollout.pause", "rollout.resume", "rollout.rollback", "rollout.abort", "waiver.change", "gate.change",
)  # fmt: skip
AT_ENVIRONMENT: Final = ("environment.change", "assignment.change")
ELSEWHERE: Final = frozenset({"fleet.genesis", "root.rotate"})
"""Decided by signatures of the root keys of that very file or tree, by nobody's role."""

_WITH_RISK: Final = frozenset(kind for kind in PERMISSIONS if kind.startswith(("policy.", "rollout."))) | {
    "assignment.change",
    "revocation.policy_version",
}
_WITH_MODE: Final = frozenset(kind for kind in PERMISSIONS if kind.startswith("rollout.")) | {
    "assignment.change"
}


@dataclass(frozen=True)
class Approver:
    """Somebody whose approval would count."""

    principal: str
    roles: tuple[tuple[str, str, str | None], ...]
    """(role, scope, group) by which: group ``None`` where the person is bound directly; empty for root keys."""
    groups: frozenset[str]
    identities: tuple[Identity, ...]
    """Those that count here; at least one."""


@dataclass(frozen=True)
class Access:
    """One kind of operation at one scope."""

    scope: str
    kind: str
    tier: str | None
    risk: str | None
    """Risk of the policy that it is about; ``None`` where the risk does not matter."""
    requirement: Requirement
    problems: tuple[Problem, ...]
    """Why no approval can carry it: rules that contradict each other."""
    approvers: tuple[Approver, ...]
    proposers: tuple[str, ...]
    """Principals who hold a role that proposes it, and can sign."""

    @property
    def unreachable(self) -> str | None:
        """Why nobody can have it authorized, as things stand; ``None`` when somebody can."""
        if self.problems:
            return self.problems[0].message
        if not self.proposers and not self.requirement.root:
            return "nobody who may propose it can sign"
        # Whoever proposes does not approve, so it takes a proposer besides whom enough others are left.
        proposing = [None] if self.requirement.root else self.proposers
        left = [[item for item in self.approvers if item.principal != name] for name in proposing]
        enough = [approvers for approvers in left if len(approvers) >= self.requirement.quorum]
        if not enough:
            count = len(self.approvers)
            return f"needs {self.requirement.quorum}, and {count} could approve, not counting who proposes"
        missing = min((self._missing_groups(approvers) for approvers in enough), key=len)
        if missing:
            return f"nobody who could approve belongs to {', '.join(missing)}, not counting who proposes"
        return None

    def _missing_groups(self, approvers: Iterable[Approver]) -> list[str]:
        """Groups that must be among those who approve, and of which none of these people is."""
        present = frozenset[str]().union(*(item.groups for item in approvers))
        return sorted(self.requirement.groups - present)


@dataclass(frozen=True)
class Standing:
    """What access is computed from: verified state and who may be believed in it now."""

    state: FleetState
    root: TrustedRoot
    people: Mapping[str | None, Directory]
    """Directory of the fleet under ``None``, and of each organization."""
    revoked: frozenset[str]
    """Fingerprints of identities that are not believed."""
    at: datetime

    def usable(self, directory: Directory, principal: str) -> tuple[Identity, ...]:
        """Identities of somebody that may be used now."""
        return directory.usable(principal, self.at, self.revoked)


def scopes(state: FleetState) -> Iterator[tuple[str, str | None, tuple[str, ...], str | None]]:
    """Every scope with its organization, what is decided there, and its tier where it has one; wider ones first."""
    yield FLEET, None, AT_FLEET, None
    for org in state.orgs():
        yield org_scope(org), org, AT_ORG, None
        for project in state.projects(org):
            yield project_scope(org, project), org, AT_PROJECT, None
            for name, environment in state.environments(org, project):
                yield environment_scope(org, project, name), org, AT_ENVIRONMENT, environment.spec.tier


def accesses(standing: Standing, within: str | None = None) -> Iterator[Access]:
    """Every kind of operation at every scope in ``within``, or anywhere."""
    rules = list(standing.state.rules())
    able: dict[str | None, _Able] = {}
    for scope, org, kinds, tier in scopes(standing.state):
        if within is not None and not contains(within, scope):
            continue
        if org not in able:
            able[org] = _Able(standing, standing.people[org])
        for kind in kinds:
            for risk in RISKS if kind in _WITH_RISK else (None,):
                yield _access(
                    _operation(kind, scope, tier, risk), risk, tier, able[org], rules, standing.root
                )


def _operation(kind: str, scope: str, tier: str | None, risk: str | None) -> Operation:
    return Operation(
        kind,
        scope,
        (),
        tiers=frozenset({tier} if tier is not None else ()),
        risks=frozenset({risk} if risk is not None else ()),
        modes=frozenset({"enforce"} if kind in _WITH_MODE else ()),
        safe=kind in SAFE,
    )


def _access(
    operation: Operation,
    risk: str | None,
    tier: str | None,
    able: _Able,
    rules: Iterable[tuple[str, ApprovalRule]],
    root: TrustedRoot,
) -> Access:
    needed, problems = requirement(operation, rules, root)
    permission = PERMISSIONS[operation.kind]
    # Administrators propose an assignment only as an effect of documents that they own.
    proposing = permission.proposers - ({ADMIN} if operation.kind == "assignment.change" else frozenset())
    return Access(
        operation.scope,
        operation.kind,
        tier,
        risk,
        needed,
        problems,
        able.root_people(root)
        if needed.root
        else able.approvers(permission.approvers, operation.scope, needed),
        able.proposers(proposing, operation.scope),
    )


class _Able:
    """Who holds roles, by grants instead of by people, and asked for again and again."""

    def __init__(self, standing: Standing, directory: Directory) -> None:
        self._directory = directory
        self._usable = {name: standing.usable(directory, name) for name in directory.people}
        self._members: dict[str, list[str]] = {}
        for name, person in directory.people.items():
            for group in person.groups:
                self._members.setdefault(group, []).append(name)
        self._holders: dict[tuple[frozenset[str], str], dict[str, set[tuple[str, str, str | None]]]] = {}

    def holders(self, roles: frozenset[str], scope: str) -> dict[str, set[tuple[str, str, str | None]]]:
        """Principals with the roles by which they hold one of ``roles`` at ``scope``."""
        key = (roles, scope)
        if key not in self._holders:
            found: dict[str, set[tuple[str, str, str | None]]] = {}
            for grant in self._directory.grants:
                if grant.role not in roles or not contains(grant.scope, scope):
                    continue
                for name in grant.principals & self._directory.people.keys():
                    found.setdefault(name, set()).add((grant.role, grant.scope, None))
                for group in grant.groups:
                    for name in self._members.get(group, ()):
                        found.setdefault(name, set()).add((grant.role, grant.scope, group))
            self._holders[key] = found
        return self._holders[key]

    def approvers(self, roles: frozenset[str], scope: str, needed: Requirement) -> tuple[Approver, ...]:
        """Those who hold one of ``roles`` and have an identity that counts."""
        found = []
        for name, via in sorted(self.holders(roles, scope).items()):
            identities = tuple(item for item in self._usable[name] if needed.accepts(item.assurance))
            if identities:
                ordered = sorted(via, key=lambda item: (item[0], item[1], item[2] or ""))
                groups = self._directory.people[name].groups
                found.append(Approver(name, tuple(ordered), groups, identities))
        return tuple(found)

    def root_people(self, root: TrustedRoot) -> tuple[Approver, ...]:
        """Those who hold a root key."""
        fingerprints = {item.fingerprint for item in root.keys}
        found = []
        for name in sorted({item.principal for item in root.keys}):
            person = self._directory.people.get(name)
            keys = tuple(
                item for item in self._directory.identities_of(name) if item.fingerprint in fingerprints
            )
            found.append(Approver(name, (), person.groups if person is not None else frozenset(), keys))
        return tuple(found)

    def proposers(self, roles: frozenset[str], scope: str) -> tuple[str, ...]:
        """Those who hold one of ``roles`` and can sign a commit or a proposal."""
        return tuple(
            name
            for name in sorted(self.holders(roles, scope))
            if any(item.assurance != FORGE for item in self._usable[name])
        )
