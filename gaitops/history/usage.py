# SPDX-License-Identifier: Apache-2.0
"""Who used which authority, from the audit log: acts of people and services, and grants and identities without any.

An act uses every grant that would have justified it, and none where root keys did. So what is called unused was of no
use to anybody; what is not may still be more than somebody needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from gaitops.change.access import Standing
from gaitops.change.permissions import ANALYST, PERMISSIONS
from gaitops.documents.layout import principal_path, role_binding_path
from gaitops.documents.times import parse_timestamp
from gaitops.fleet.people import Identity
from gaitops.fleet.scopes import contains, project_scope
from gaitops.history import ledger as spaces
from gaitops.history.audit import events_of
from gaitops.history.events import Event
from gaitops.history.session import History

Part = Literal["proposed", "approved", "attested", "analyzed"]

EXPIRING = timedelta(days=30)
"""Somebody whose last identity ends within this time is told of: another one takes root people and time."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something that somebody signed and that had a part in a decision."""

    principal: str
    part: Part
    kind: str
    """Kind of the operation; ``analysis`` for a signed rollout analysis."""
    scope: str
    at: datetime
    """When it was decided, by the history's own time."""
    fingerprint: str | None
    by_root: bool
    """Whether root keys were the authority, so that roles were of no use."""


@dataclass(frozen=True, slots=True)
class GrantUse:
    """One role that one principal holds at one scope, and when it was last of use."""

    principal: str
    role: str
    scope: str
    group: str | None
    """Through which group; ``None`` where the person is bound directly."""
    binding: str
    """Path of the role binding."""
    since: datetime | None
    """When binding, or with a group the person, was last changed; ``None`` where the history does not reach so far."""
    last_used: datetime | None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that least privilege, or the next decision, asks to be looked at."""

    kind: Literal["grant_unused", "identity_unused", "unreachable", "no_identity", "identity_expiring"]
    principal: str | None
    scope: str | None
    message: str


def acts_of(history: History) -> list[Act]:
    """Everything that the audit log and the analyses of rollouts tell of anybody, oldest decision first."""
    found = [act for event in events_of(history) for act in _acts(event)]
    for name, _rows in history.fold.ledger.items(spaces.ANALYSES):
        org, project, _rollout = name.split("/")
        found.extend(
            Act(
                item.analysis.principal,
                "analyzed",
                "analysis",
                project_scope(org, project),
                item.analysis.issued_at,
                None,
                by_root=False,
            )
            for item in history.fold.facts.analyses(name)
        )
    return found


def _acts(event: Event) -> Iterator[Act]:
    kind, scope = event["operation"]["kind"], event["operation"]["scope"]
    at, root = parse_timestamp(event["time"]), bool(event["requirement"]["root"])
    for item in event["proposedBy"]:
        yield Act(item["principal"], "proposed", kind, scope, at, item["fingerprint"], root)
    for item in event["approvals"]:
        yield Act(item["principal"], "approved", kind, scope, at, item["fingerprint"], root)
        if "attestedBy" in item:
            service = item["attestedBy"]
            yield Act(service["principal"], "attested", kind, scope, at, service["fingerprint"], root)


def grant_uses(history: History, standing: Standing, acts: Sequence[Act]) -> list[GrantUse]:
    """Every role that anybody holds, with its last use."""
    by_principal: dict[str, list[Act]] = {}
    for act in acts:
        by_principal.setdefault(act.principal, []).append(act)
    found = []
    for role, scope, path, name, group in _holders(standing):
        paths = [path] if group is None else [path, principal_path(name)]
        used = (act.at for act in by_principal.get(name, ()) if _uses(act, role, scope))
        since = _changed(history, paths)
        found.append(GrantUse(name, role, scope, group, path, since, max(used, default=None)))
    return found


def _holders(standing: Standing) -> Iterator[tuple[str, str, str, str, str | None]]:
    """Role, scope, path of the binding, principal and group of everybody who holds anything."""
    members: dict[str, set[str]] = {}
    for directory in standing.people.values():
        for name, person in directory.people.items():
            for group in person.groups:
                members.setdefault(group, set()).add(name)
    for org in standing.people:
        for label, binding in standing.state.role_bindings(org):
            path, spec = role_binding_path(org, label), binding.spec
            for name in spec.members.principals:
                yield spec.role, spec.scope, path, name, None
            for group in spec.members.groups:
                for name in sorted(members.get(group, ())):
                    yield spec.role, spec.scope, path, name, group


def _uses(act: Act, role: str, scope: str) -> bool:
    if act.by_root or not contains(scope, act.scope):
        return False
    if act.part == "analyzed":
        return role == ANALYST
    if act.part == "attested":
        return False
    permission = PERMISSIONS[act.kind]
    return role in (permission.proposers if act.part == "proposed" else permission.approvers)


def _changed(history: History, paths: Iterable[str]) -> datetime | None:
    """When the newest of these files was last changed in verified state; what nobody changed is as old as the fleet."""
    times = []
    for path in paths:
        row = history.fold.ledger.get(spaces.CHANGED, path)
        number = row[1] if row is not None else 0
        event = history.fold.ledger.get(spaces.EVENT, spaces.sequence_key(number))
        if event is None:
            return None
        times.append(parse_timestamp(event["time"]))
    return max(times)


def unused(
    history: History, standing: Standing, acts: Sequence[Act], grants: Sequence[GrantUse], limit: timedelta
) -> Iterator[Finding]:
    """Grants and identities that are older than ``limit`` and were of no use within it."""
    before = standing.at - limit
    for grant in grants:
        if grant.since is None or grant.since > before or (grant.last_used or grant.since) > before:
            continue
        last = f"last used {grant.last_used:%Y-%m-%d}" if grant.last_used is not None else "never used"
        via = f" through {grant.group}" if grant.group is not None else ""
        yield Finding(
            "grant_unused", grant.principal, grant.scope, f"{grant.role}{via}: {last} ({grant.binding})"
        )
    used = {act.fingerprint for act in acts}
    events = events_of(history)
    start = parse_timestamp(events[0]["time"]) if events else standing.at
    admitted = {name: parse_timestamp(event["time"]) for event in events for name in event["admits"]}
    for identity in _identities(standing):
        if identity.fingerprint not in used and admitted.get(identity.fingerprint, start) <= before:
            message = f"{identity.label} ({identity.assurance}) was never used"
            yield Finding("identity_unused", identity.principal, None, message)


def _identities(standing: Standing) -> Iterator[Identity]:
    """Every identity that may be used now, once; root keys also sign root metadata, which the log does not tell."""
    roots = {item.fingerprint for item in standing.root.keys}
    seen: set[tuple[str, str]] = set()
    for directory in standing.people.values():
        for name in directory.people:
            for identity in standing.usable(directory, name):
                key = (name, identity.fingerprint)
                if key not in seen and identity.fingerprint not in roots:
                    seen.add(key)
                    yield identity


def weak_points(standing: Standing, grants: Sequence[GrantUse]) -> Iterator[Finding]:
    """People with a role and nothing to sign with, and people whose last identity ends soon."""
    holding = {grant.principal for grant in grants}
    soon = standing.at + EXPIRING
    seen: set[str] = set()
    for directory in standing.people.values():
        for name in sorted(directory.people.keys() - seen):
            seen.add(name)
            usable = standing.usable(directory, name)
            if not usable and name in holding:
                yield Finding("no_identity", name, None, "holds a role and has no identity that may be used")
            ends = [item.valid_until for item in usable]
            if usable and all(end is not None and end <= soon for end in ends):
                last = max(end for end in ends if end is not None)
                yield Finding("identity_expiring", name, None, f"the last identity ends at {last:%Y-%m-%d}")
