# SPDX-License-Identifier: Apache-2.0
"""A fleet in memory, a directory's answer, and what a plan makes of both."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from gaitops.content import MemorySnapshot
from gaitops.directory.answer import Answer, Group, User
from gaitops.directory.plan import Plan, Setting, make_plan
from gaitops.documents.layout import directory_path, principal_path
from gaitops.documents.load import load_document
from gaitops.documents.models.directory import DirectoryMapping
from gaitops.documents.models.trust import Principal
from gaitops.documents.rewriting import rewritten
from gaitops.fleet.root import TrustedRoot, verify_first_root
from gaitops.fleet.state import DocumentCache, FleetState
from gaitops.release.ceremony import new_root, sign_root
from tests.simulator import START, Actor, binding_document, document, principal_document

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ISSUER = "https://accounts.example.com"
MAPPING: dict[str, Any] = {
    "source": {"type": "scim", "url": "https://directory.example.com/scim/v2"},
    "users": {"name": "userName", "domains": ["example.com"], "issuer": ISSUER, "subject": "email"},
    "groups": [
        {"id": "g-pay", "group": "payments", "roles": [{"role": "approver", "scope": "org/acme"}]},
        {"id": "g-sec", "group": "security"},
    ],
}


@cache
def trusted_root() -> TrustedRoot:
    """Alice and Bob hold root keys."""
    people = [Actor("alice"), Actor("bob")]
    keys = [(actor.name, actor.signer.public_key) for actor in people]
    root = new_root(
        keys, 2, [("publisher", Actor("publisher").signer.public_key)], 1, START + timedelta(days=365)
    )
    for actor in people:
        root = sign_root(root, actor.signer)
    return verify_first_root(root, hashlib.sha256(root).hexdigest())


def user(name: str, *, groups: Iterable[str] = (), **more: Any) -> tuple[User, frozenset[str]]:
    """A user with an address at example.com, and the ids of their groups."""
    given = {"user_name": name, "display_name": name.capitalize(), "emails": (f"{name}@example.com",), **more}
    return User(f"id-{name}", **given), frozenset(groups)


def answer(*users: tuple[User, frozenset[str]], gone: Iterable[str] = (), **more: Any) -> Answer:
    """What a directory with both mapped groups and these users says."""
    members: dict[str, set[str]] = {"g-pay": set(), "g-sec": set()}
    for found, groups in users:
        for group in groups:
            members.setdefault(group, set()).add(found.id)
    listed = tuple(Group(name, name.upper(), frozenset(ids)) for name, ids in members.items())
    return Answer(
        "scim",
        {found.id: found for found, _ in users},
        listed,
        frozenset(f"id-{name}" for name in gone),
        **more,
    )


@dataclass
class MemoryFleet:
    """Documents by path, and syncing with them."""

    mapping: Mapping[str, Any] = field(default_factory=lambda: MAPPING)
    org: str | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.put(directory_path(self.org, "corp"), document("DirectoryMapping", "corp", self.mapping))
        self.put(
            "orgs/acme/org.yaml",
            document("Organization", "acme", {"displayName": "Acme", "repositories": ["github.com/acme/*"]}),
        )
        for name in ("alice", "bob"):
            self.put(f"trust/principals/{name}.yaml", principal_document(Actor(name)))
        for role in ("approver", "platform_admin"):
            name = role.replace("_", "-")
            self.put(f"trust/roles/{name}.yaml", binding_document(name, role, "fleet", ["alice", "bob"]))

    def put(self, path: str, text: str) -> None:
        """Write a document, which must be one."""
        load_document(text.encode(), path)
        self.files[path] = text.encode()

    def edit(self, path: str, change: Any) -> None:
        """Change the spec of a document."""
        value = load_document(self.files[path], path).model_dump(
            by_alias=True, mode="json", exclude_none=True
        )
        change(value["spec"])
        self.put(path, json.dumps(value))

    @property
    def setting(self) -> Setting:
        """What a plan is made for."""
        path = directory_path(self.org, "corp")
        mapping = load_document(self.files[path], path)
        assert isinstance(mapping, DirectoryMapping)
        state = FleetState(MemorySnapshot(self.files), DocumentCache())
        return Setting("corp", mapping, self.org, state, trusted_root(), self.now)

    def plan(self, said: Answer, **more: Any) -> Plan:
        """A plan, applied to nothing."""
        return make_plan(self.setting, said, **more)

    def sync(self, said: Answer, **more: Any) -> Plan:
        """A plan, and the documents as it wants them."""
        setting = self.setting
        plan = make_plan(setting, said, **more)
        for item in (*plan.leavers, *plan.joins, *plan.moves):
            path = principal_path(setting.qualified(item.principal))
            self.files[path] = rewritten(self.files.get(path), path, item.after)
        for path, binding in plan.bindings.added.items():
            self.files[path] = rewritten(None, path, binding)
        for path in plan.bindings.removed:
            del self.files[path]
        return plan

    def person(self, name: str) -> Principal:
        """The document of a principal of the mapping's owner."""
        path = principal_path(self.setting.qualified(name))
        found = load_document(self.files[path], path)
        assert isinstance(found, Principal)
        return found


def names(changes: Iterable[Any]) -> list[str]:
    """Whom changes are about."""
    return [item.principal for item in changes]


def codes(plan: Plan) -> list[str]:
    """Codes of what was refused."""
    return [item.problem.code for item in plan.refused]


def is_empty(plan: Plan) -> bool:
    """Whether nothing is to change."""
    return not (plan.joins or plan.moves or plan.leavers or plan.bindings.added or plan.bindings.removed)
