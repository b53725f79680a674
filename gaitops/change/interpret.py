# SPDX-License-Identifier: Apache-2.0
"""From deltas to operations: every path in the layout means something (design 5).

``interpret`` reads documents before and after, because tier, risk and scope are taken on both sides and the
strictest holds. A path that no row of the layout explains is ``repository.file.change`` at fleet scope, unless
``fleet.yaml`` of the *verified* state lists it as unprotected. Nothing is allowed by silence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from gaitops.change.deltas import Delta
from gaitops.change.effects import Effect, assignment_operations
from gaitops.change.operations import Operation
from gaitops.change.rollouts import affirmed_plan, edge_operations, edges
from gaitops.documents.globs import matches
from gaitops.documents.layout import Location, classify, principal_path
from gaitops.documents.models.governance import LegalHold
from gaitops.documents.models.policy import Policy
from gaitops.documents.models.tenancy import Environment
from gaitops.documents.models.trust import Principal, Revocation, RevokedIdentity
from gaitops.fleet.people import identities_of
from gaitops.fleet.scopes import FLEET, environment_scope, org_scope, project_scope
from gaitops.fleet.state import FleetState


@dataclass(frozen=True, slots=True)
class _Case:
    """One delta with everything that its meaning may depend on."""

    delta: Delta
    location: Location
    before: FleetState
    after: FleetState

    @property
    def verb(self) -> str:
        """What the delta does to its file."""
        if self.delta.before is None:
            return "add"
        if self.delta.after is None:
            return "remove"
        return "affirm" if self.delta.before == self.delta.after else "change"

    @property
    def name(self) -> str:
        """Name of the object, or the path of what has none."""
        return self.location.name or self.delta.path


_Reader = Callable[[_Case], Operation | None]


def is_unprotected(path: str, state: FleetState) -> bool:
    """Whether changes of this path need no approval in this state; CI configuration never qualifies."""
    fleet = state.fleet()
    return fleet is not None and _is_listed(path, fleet.spec.unprotected)


@lru_cache(maxsize=65_536)
def _is_listed(path: str, unprotected: tuple[str, ...]) -> bool:
    return classify(path).kind == "other" and any(matches(pattern, path) for pattern in unprotected)


def interpret(
    deltas: Sequence[Delta], before: FleetState, after: FleetState, moves: Sequence[Effect]
) -> tuple[Operation, ...]:
    """Operations of a set of deltas, and of their effects on assignments.

    Args:
        deltas: protected deltas, by path bytes.
        before: verified state.
        after: the state with these deltas applied; its touched documents have been found valid.
        moves: effects of the same deltas between the same states.

    Returns:
        Operations in a deterministic order: by first path, then kind.
    """
    taken = edges(deltas, before, after)
    operations = list(edge_operations(taken, moves, before, after))
    explained = {path for edge in taken for path in edge.paths}
    others = [item for item in deltas if item.path not in explained]
    folders: dict[str, list[Delta]] = {}
    for item in others:
        location = classify(item.path)
        if location.kind in ("PolicyVersion", "policy_file"):
            folders.setdefault(f"{location.org}/{location.name}/{location.version}", []).append(item)
            continue
        operation = _READERS.get(location.kind, _file)(_Case(item, location, before, after))
        if operation is not None:
            operations.append(operation)
    operations.extend(_publish(group, before, after) for group in folders.values())
    unexplained = [effect for effect in moves if not any(edge.explains(effect) for edge in taken)]
    operations.extend(assignment_operations(unexplained, others, before, after))
    return tuple(
        sorted(
            operations,
            key=lambda one: (one.paths[0].encode() if one.paths else b"", one.kind, str(one.details)),
        )
    )


def _simple(kind: str, scope_of: Callable[[Location], str]) -> _Reader:
    def read(case: _Case) -> Operation:
        title = f"{case.verb} {case.name}"
        return Operation(kind, scope_of(case.location), (case.delta.path,), {"title": title})

    return read


def _fleet_scope(_location: Location) -> str:
    return FLEET


def _own_scope(location: Location) -> str:
    if location.org is None:
        return FLEET
    return (
        org_scope(location.org) if location.project is None else project_scope(location.org, location.project)
    )


def _people(fleet_kind: str, org_kind: str) -> _Reader:
    def read(case: _Case) -> Operation:
        kind = fleet_kind if case.location.org is None else org_kind
        return Operation(
            kind, _own_scope(case.location), (case.delta.path,), {"title": f"{case.verb} {case.name}"}
        )

    return read


def _file(case: _Case) -> Operation:
    return Operation(
        "repository.file.change", FLEET, (case.delta.path,), {"title": f"{case.verb} {case.delta.path}"}
    )


def _root(case: _Case) -> Operation:
    return Operation("root.rotate", FLEET, (case.delta.path,), {"title": f"{case.verb} {case.delta.path}"})


def policy_risks(org: str, policy: str, *states: FleetState) -> frozenset[str]:
    """Risks of a policy in the given states."""
    documents = (state.policy(org, policy) for state in states)
    return frozenset(document.spec.risk for document in documents if document is not None)


def _policy(case: _Case) -> Operation:
    org, name = case.location.org or "", case.location.name or ""
    old, new = case.before.policy(org, name), case.after.policy(org, name)
    risks = policy_risks(org, name, case.before, case.after)
    kind, details = "policy.update", {"title": f"{case.verb} {org}/{name}"}
    if old is None:
        kind = "policy.create"
    elif new is not None and _only_channels(old, new):
        moves = {
            channel: [old.spec.channels.get(channel), new.spec.channels.get(channel)]
            for channel in sorted({*old.spec.channels, *new.spec.channels})
            if old.spec.channels.get(channel) != new.spec.channels.get(channel)
        }
        title = ", ".join(
            f"{channel}: {a or '(none)'} → {b or '(none)'}" for channel, (a, b) in moves.items()
        )
        kind, details = "policy.channel", {"title": f"{org}/{name} {title}", "channels": moves}  # type: ignore[dict-item]
    return Operation(kind, org_scope(org), (case.delta.path,), details, risks=risks)


def _only_channels(old: Policy, new: Policy) -> bool:
    if old.spec.channels == new.spec.channels:
        return False
    return old.model_copy(update={"spec": old.spec.model_copy(update={"channels": new.spec.channels})}) == new


def _publish(group: list[Delta], before: FleetState, after: FleetState) -> Operation:
    location = classify(group[0].path)
    org, policy, version = location.org or "", location.name or "", location.version or ""
    return Operation(
        "policy.publish",
        org_scope(org),
        tuple(item.path for item in group),
        {"title": f"{org}/{policy}@{version}", "policy": f"{org}/{policy}", "version": version},
        risks=policy_risks(org, policy, before, after),
    )


def _environment(case: _Case) -> Operation | None:
    """Tier and selector; the policy reference is an ``assignment.change`` of its own."""
    org, project, name = case.location.org or "", case.location.project or "", case.location.name or ""
    old, new = case.before.environment(org, project, name), case.after.environment(org, project, name)
    if (
        case.delta.before != case.delta.after
        and old is not None
        and new is not None
        and _only_policy(old, new)
    ):
        return None
    tiers = frozenset(document.spec.tier for document in (old, new) if document is not None)
    title = f"{case.verb} {org}/{project}/{name}"
    return Operation(
        "environment.change",
        environment_scope(org, project, name),
        (case.delta.path,),
        {"title": title},
        tiers=tiers,
    )


def _only_policy(old: Environment, new: Environment) -> bool:
    if old.spec.policy == new.spec.policy:
        return False
    return old.model_copy(update={"spec": old.spec.model_copy(update={"policy": new.spec.policy})}) == new


def _revocation(case: _Case) -> Operation:
    document = case.after.document(case.delta.path, Revocation) or case.before.document(
        case.delta.path, Revocation
    )
    details: dict[str, object] = {"title": f"{case.verb} {case.name}"}
    if document is None:  # Cannot happen: one side of the delta exists and documents were found valid.
        return Operation("revocation.release", FLEET, (case.delta.path,), details)
    spec = document.spec
    details["cause"] = spec.cause
    if spec.identity is not None:
        org = _owner(spec.identity, case.before)
        details |= {"principal": spec.identity.principal, "fingerprint": spec.identity.fingerprint}
        if spec.since is not None:
            details["since"] = spec.since
        scope = org_scope(org) if org is not None else FLEET
        return Operation("revocation.identity", scope, (case.delta.path,), details, safe=spec.since is None)
    if spec.policy_version is not None:
        named = spec.policy_version
        details |= {"policy": f"{named.org}/{named.policy}", "version": named.version}
        risks = policy_risks(named.org, named.policy, case.before, case.after)
        return Operation(
            "revocation.policy_version", org_scope(named.org), (case.delta.path,), details, risks=risks
        )
    return Operation("revocation.release", FLEET, (case.delta.path,), details)


def _owner(named: RevokedIdentity, before: FleetState) -> str | None:
    """The organization that decides about a key: the one whose principal has it, and otherwise the fleet."""
    org, slash, _name = named.principal.partition("/")
    document = before.document(principal_path(named.principal), Principal) if slash else None
    if document is None:
        return None
    keys = {identity.fingerprint for identity in identities_of(named.principal, document)}
    return org if named.fingerprint in keys else None


def _rollout(case: _Case) -> Operation:
    """A plan that holds nothing; or one that has started, which somebody stands by as at its start."""
    org, project, name = case.location.org or "", case.location.project or "", case.location.name or ""
    document = case.after.rollout(org, project, name)
    if case.verb == "affirm" and document is not None and document.status.step is not None:
        return affirmed_plan((org, project, name), case.delta.path, document, case.after)
    title = f"{case.verb} {name}"
    return Operation("rollout.change", project_scope(org, project), (case.delta.path,), {"title": title})


def _hold(case: _Case) -> Operation:
    placing = case.delta.before is None and case.after.document(case.delta.path, LegalHold) is not None
    kind = "hold.place" if placing else "hold.release"
    return Operation(kind, FLEET, (case.delta.path,), {"title": f"{case.verb} {case.name}"})


def _prune(case: _Case) -> Operation:
    return Operation(
        "approvals.prune", FLEET, (case.delta.path,), {"title": f"{case.verb} {case.delta.path}"}
    )


_READERS: dict[str, _Reader] = {
    "Fleet": _simple("fleet.update", _fleet_scope),
    "root_metadata": _root,
    "sigstore_root": _simple("sigstore_root.change", _fleet_scope),
    "Principal": _people("principal.change", "org_principal.change"),
    "RoleBinding": _people("role.change", "org_role.change"),
    "DirectoryMapping": _people("directory.change", "org_directory.change"),
    "ApprovalRule": _simple("approval_rule.change", _fleet_scope),
    "Revocation": _revocation,
    "FreezeWindow": _simple("freeze_window.change", _fleet_scope),
    "Organization": _simple("organization.change", _fleet_scope),
    "Policy": _policy,
    "Project": _simple("project.change", _own_scope),
    "Repository": _simple("repository.change", _own_scope),
    "Environment": _environment,
    "Rollout": _rollout,
    "Waiver": _simple("waiver.change", _own_scope),
    "DeploymentGate": _simple("gate.change", _own_scope),
    "Producer": _simple("producer.change", _fleet_scope),
    "EvidenceStore": _simple("evidence.governance", _fleet_scope),
    "RetentionClass": _simple("evidence.governance", _fleet_scope),
    "LegalHold": _hold,
    "analysis": _simple("evidence.governance", _fleet_scope),
    "evidence_record": _simple("evidence.governance", _fleet_scope),
    "envelope": _prune,
    "ci_config": _simple("ci.change", _fleet_scope),
    "other": _file,
}
