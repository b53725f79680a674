# SPDX-License-Identifier: Apache-2.0
"""Role bindings of mapped groups: added when somebody is in the group, taken out again when nobody is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gaitops.documents.layout import role_binding_path
from gaitops.documents.models.directory import DirectoryMappingSpec, MappedRole
from gaitops.documents.models.trust import Principal, RoleBinding
from gaitops.errors import Problem
from gaitops.fleet.scopes import contains, org_scope
from gaitops.fleet.state import FleetState

_MAX_NAME: Final = 63
_DIGEST: Final = 12


@dataclass(frozen=True, slots=True)
class Bindings:
    """Role bindings that change, by path."""

    added: Mapping[str, RoleBinding]
    removed: tuple[str, ...]


def planned_bindings(
    spec: DirectoryMappingSpec, org: str | None, state: FleetState, people: Mapping[str, Principal]
) -> tuple[Bindings, tuple[Problem, ...]]:
    """Bindings for the roles of a mapping.

    A role that a group has already by any binding needs none. A binding is only taken out if it is exactly the one that
    would be added.

    Args:
        spec: the mapping.
        org: to whom it belongs.
        state: documents as they are.
        people: principals of the same owner afterwards, by name.
    """
    present = dict(state.role_bindings(org))
    filled = {group for person in people.values() for group in person.spec.groups}
    added: dict[str, RoleBinding] = {}
    removed: list[str] = []
    problems: list[Problem] = []
    for group, role in ((row.group, role) for row in spec.groups for role in row.roles):
        if org is not None and not contains(org_scope(org), role.scope):
            problems.append(_outside(role, org))
            continue
        binding = _wanted(group, role, org)
        name, found = binding.metadata.name, present.get(binding.metadata.name)
        path = role_binding_path(org, name)
        if group not in filled:
            if found == binding:
                removed.append(path)
        elif found is not None and found.spec != binding.spec:
            problems.append(_taken(path))
        elif not any(_gives(item, binding) for item in present.values()):
            added[path] = binding
    return Bindings(added, tuple(sorted(removed))), tuple(problems)


def _wanted(group: str, role: MappedRole, org: str | None) -> RoleBinding:
    name = _name(group, role.role, role.scope)
    qualified = group if org is None else f"{org}/{group}"
    metadata = {"name": name} if org is None else {"name": name, "org": org}
    body = {"role": role.role, "scope": role.scope, "members": {"groups": [qualified]}}
    return RoleBinding.model_validate(
        {"apiVersion": "gaitops.dev/v1", "kind": "RoleBinding", "metadata": metadata, "spec": body}
    )


def _name(group: str, role: str, scope: str) -> str:
    """A name that says what the binding gives; with a digest where that would be too long."""
    text = "-".join((group, role.replace("_", "-"), re.sub("[^a-z0-9]+", "-", scope)))
    if len(text) <= _MAX_NAME:
        return text
    digest = hashlib.sha256(f"{group} {role} {scope}".encode()).hexdigest()[:_DIGEST]
    return f"{text[: _MAX_NAME - _DIGEST - 1].rstrip('-')}-{digest}"


def _gives(found: RoleBinding, wanted: RoleBinding) -> bool:
    return (found.spec.role, found.spec.scope) == (wanted.spec.role, wanted.spec.scope) and set(
        wanted.spec.members.groups
    ) <= set(found.spec.members.groups)


def _outside(role: MappedRole, org: str) -> Problem:
    return Problem(
        "identity.group",
        f"the mapping of {org} gives {role.role} at {role.scope}, outside of {org}",
        remedy=f"use {org_scope(org)} or a scope inside it",
    )


def _taken(path: str) -> Problem:
    return Problem(
        "identity.collision",
        "the binding for a role of the mapping would have the name of one that gives something else",
        path=path,
        remedy="rename the one that exists",
    )
