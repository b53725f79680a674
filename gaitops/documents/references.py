# SPDX-License-Identifier: Apache-2.0
"""Names in documents that must point at something (``reference.unknown``).

Only whether the target exists is checked. Whether it is the right one (shared, not withdrawn, in good order)
depends on more than documents and is judged where that is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Final

from gaitops.documents import layout
from gaitops.documents.layout import Location
from gaitops.documents.models.base import Document
from gaitops.documents.models.directory import DirectoryMapping
from gaitops.documents.models.evidence import EvidenceStore, Producer
from gaitops.documents.models.governance import DeploymentGate, LegalHold, RetentionClass, Waiver
from gaitops.documents.models.policy import Policy
from gaitops.documents.models.rollout import Rollout
from gaitops.documents.models.tenancy import Environment, PolicyReference, Project
from gaitops.documents.models.trust import ApprovalRule, Principal, Revocation, RoleBinding

Finding = tuple[str, str]
"""Field, and what it names that does not exist."""


class Index:
    """What exists in one state of a fleet repository.

    A document that exists but could not be read counts as existing: its own problems are reported already.
    """

    def __init__(self, locations: Iterable[Location], documents: Mapping[str, Document]) -> None:
        self._paths = {location.path: location for location in locations}
        self.documents = documents

    def has(self, path: str) -> bool:
        """Whether a file lies at ``path``."""
        return path in self._paths

    @cached_property
    def groups(self) -> frozenset[str] | None:
        """Groups that somebody is in, by reference; ``None`` when that is not known for sure."""
        found: set[str] = set()
        for location in self._paths.values():
            if location.kind != "Principal":
                continue
            document = self.documents.get(location.path)
            if not isinstance(document, Principal):
                return None
            prefix = "" if location.org is None else location.org + "/"
            found.update(prefix + group for group in document.spec.groups)
        return frozenset(found)

    def principal(self, ref: str) -> str | None:
        """What is missing when ``ref`` names no principal."""
        return None if self.has(layout.principal_path(ref)) else f"principal {ref!r}"

    def group(self, ref: str) -> str | None:
        """What is missing when nobody is in the group ``ref``."""
        return None if self.groups is None or ref in self.groups else f"group {ref!r} (nobody is in it)"

    def scope(self, scope: str) -> str | None:
        """What is missing when the org, project or environment of ``scope`` does not exist."""
        if scope == "fleet":
            return None
        names = scope.split("/")[1::2]
        builders: tuple[Callable[..., str], ...] = (
            layout.organization_path,
            layout.project_path,
            layout.environment_path,
        )
        return None if self.has(builders[len(names) - 1](*names)) else f"scope {scope!r}"

    def freeze_window(self, name: str) -> str | None:
        """What is missing when there is no such freeze window."""
        return None if self.has(f"trust/freeze-windows/{name}.yaml") else f"freeze window {name!r}"

    def repository(self, org: str, project: str, name: str) -> str | None:
        """What is missing when the project has no such repository."""
        found = self.has(layout.repository_path(org, project, name))
        return None if found else f"repository {name!r} of project {org}/{project}"

    def environment(self, org: str, project: str, name: str) -> str | None:
        """What is missing when the project has no such environment."""
        found = self.has(layout.environment_path(org, project, name))
        return None if found else f"environment {name!r} of project {org}/{project}"

    def version(self, org: str, policy: str, version: str) -> str | None:
        """What is missing when the policy has no such version."""
        found = self.has(layout.version_path(org, policy, version))
        return None if found else f"version {version} of policy {org}/{policy}"

    def policy_reference(self, org: str, reference: PolicyReference) -> str | None:
        """What is missing when an environment of ``org`` refers to a policy in this way."""
        owner = reference.org or org
        path = layout.policy_path(owner, reference.name)
        if not self.has(path):
            return f"policy {owner}/{reference.name}"
        if reference.version is not None:
            return self.version(owner, reference.name, reference.version)
        policy = self.documents.get(path)
        if isinstance(policy, Policy) and reference.channel not in policy.spec.channels:
            return f"channel {reference.channel!r} of policy {owner}/{reference.name}"
        return None


def dangling(location: Location, document: Document, index: Index) -> Iterator[Finding]:
    """Every name in ``document`` that points at nothing."""
    yield from _parents(location, index)
    check = _CHECKS.get(location.kind)
    if check is not None:
        for field, missing in check(document, location, index):
            if missing is not None:
                yield field, missing


def _parents(location: Location, index: Index) -> Iterator[Finding]:
    """The documents of the folders in which a document lies."""
    org, project = location.org, location.project
    if org is not None and not index.has(layout.organization_path(org)):
        yield "", f"{layout.organization_path(org)} for the folder it lies in"
    if org is not None and project is not None and not index.has(layout.project_path(org, project)):
        yield "", f"{layout.project_path(org, project)} for the folder it lies in"
    if location.kind == "PolicyVersion" and not index.has(layout.policy_path(org or "", location.name or "")):
        yield "", f"{layout.policy_path(org or '', location.name or '')} for the folder it lies in"


_Found = Iterator[tuple[str, str | None]]
_Check = Callable[[Any, Location, Index], _Found]


def _each(field: str, names: Iterable[str], look: Callable[[str], str | None]) -> _Found:
    return ((f"{field}[{position}]", look(name)) for position, name in enumerate(names))


def _role_binding(document: RoleBinding, _: Location, index: Index) -> _Found:
    spec = document.spec
    yield "spec.scope", index.scope(spec.scope)
    yield from _each("spec.members.principals", spec.members.principals, index.principal)
    yield from _each("spec.members.groups", spec.members.groups, index.group)


def _approval_rule(document: ApprovalRule, _: Location, index: Index) -> _Found:
    spec = document.spec
    yield "spec.match.scope", index.scope(spec.match.scope)
    yield from _each("spec.require.groups", spec.require.groups, index.group)
    yield from _each("spec.require.freezeWindows", spec.require.freeze_windows, index.freeze_window)


def _principal(document: Principal, location: Location, index: Index) -> _Found:
    link = document.spec.directory
    if link is not None and not index.has(layout.directory_path(location.org, link.mapping)):
        yield "spec.directory.mapping", f"directory mapping {link.mapping!r}"


def _directory_mapping(document: DirectoryMapping, _: Location, index: Index) -> _Found:
    for place, group in enumerate(document.spec.groups):
        for position, role in enumerate(group.roles):
            yield f"spec.groups[{place}].roles[{position}].scope", index.scope(role.scope)


def _revocation(document: Revocation, _: Location, index: Index) -> _Found:
    # An identity's principal may have left since; policy versions never disappear (design 7).
    named = document.spec.policy_version
    if named is not None:
        yield "spec.policyVersion", index.version(named.org, named.policy, named.version)


def _project(document: Project, _: Location, index: Index) -> _Found:
    yield from _each("spec.owners", document.spec.owners, index.principal)


def _policy(document: Policy, location: Location, index: Index) -> _Found:
    org, name, spec = location.org or "", location.name or "", document.spec
    if index.principal(spec.owner) is not None and index.group(spec.owner) is not None:
        yield "spec.owner", f"principal or group {spec.owner!r}"
    yield from _each("spec.sharedWith", spec.shared_with, lambda other: index.scope(f"org/{other}"))
    for channel, version in spec.channels.items():
        yield f"spec.channels.{channel}", index.version(org, name, version)


def _environment(document: Environment, location: Location, index: Index) -> _Found:
    org, project, spec = location.org or "", location.project or "", document.spec
    yield "spec.policy", index.policy_reference(org, spec.policy)
    yield from _each(
        "spec.selector.names", spec.selector.names, lambda name: index.repository(org, project, name)
    )


def _rollout(document: Rollout, location: Location, index: Index) -> _Found:
    org, project, spec = location.org or "", location.project or "", document.spec
    owner = spec.policy.org or org

    def repository(name: str) -> str | None:
        return index.repository(org, project, name)

    yield "spec.from", index.version(owner, spec.policy.name, spec.from_version)
    yield "spec.to", index.version(owner, spec.policy.name, spec.to_version)
    for position, step in enumerate(spec.steps):
        field = f"spec.steps[{position}].environments"
        yield from _each(field, step.environments, lambda name: index.environment(org, project, name))
    yield from _each("spec.selector.names", spec.selector.names, repository)
    yield from _each("spec.first", spec.first, repository)
    yield from _each("spec.hold", spec.hold, repository)
    yield from _each("spec.freezeWindows", spec.freeze_windows, index.freeze_window)


def _waiver(document: Waiver, location: Location, index: Index) -> _Found:
    org, project, spec = location.org or "", location.project or "", document.spec
    yield "spec.owner", index.principal(spec.owner)
    yield "spec.scope", index.scope(spec.scope)
    yield from _each(
        "spec.repositories", spec.repositories, lambda name: index.repository(org, project, name)
    )


def _gate(document: DeploymentGate, location: Location, index: Index) -> _Found:
    org, project, spec = location.org or "", location.project or "", document.spec
    yield from _each(
        "spec.environments", spec.environments, lambda name: index.environment(org, project, name)
    )
    yield from _each("spec.require.freezeWindows", spec.require.freeze_windows, index.freeze_window)


def _repository_refs(refs: Iterable[str], index: Index) -> _Found:
    def look(ref: str) -> str | None:
        org, project, name = ref.split("/")
        return index.repository(org, project, name)

    return _each("spec.repositories", refs, look)


def _producer(document: Producer, _: Location, index: Index) -> _Found:
    spec = document.spec
    projects = sorted({tuple(ref.split("/")[:2]) for ref in spec.repositories})

    def anywhere(name: str) -> str | None:
        missing = [index.environment(org, project, name) for org, project in projects]
        return missing[0] if all(missing) else None

    yield from _repository_refs(spec.repositories, index)
    yield from _each("spec.environments", spec.environments, anywhere)


def _store(document: EvidenceStore, _: Location, index: Index) -> _Found:
    def retention(name: str) -> str | None:
        return None if index.has(f"evidence/retention/{name}.yaml") else f"retention class {name!r}"

    yield "spec.scope", index.scope(document.spec.scope)
    yield from _each("spec.retention", document.spec.retention, retention)


def _retention(document: RetentionClass, _: Location, index: Index) -> _Found:
    yield "spec.scope", index.scope(document.spec.scope)


def _hold(document: LegalHold, _: Location, index: Index) -> _Found:
    yield "spec.scope", index.scope(document.spec.scope)
    yield from _repository_refs(document.spec.repositories, index)


_CHECKS: Final[Mapping[str, _Check]] = {
    "RoleBinding": _role_binding,
    "ApprovalRule": _approval_rule,
    "Principal": _principal,
    "DirectoryMapping": _directory_mapping,
    "Revocation": _revocation,
    "Project": _project,
    "Policy": _policy,
    "Environment": _environment,
    "Rollout": _rollout,
    "Waiver": _waiver,
    "DeploymentGate": _gate,
    "Producer": _producer,
    "EvidenceStore": _store,
    "RetentionClass": _retention,
    "LegalHold": _hold,
}
