# SPDX-License-Identifier: Apache-2.0
"""Finds policies and their versions in a working tree, for the ``gaitops policy`` commands."""

from __future__ import annotations

import re
from pathlib import Path

from gaitops.cli.files import read_bytes
from gaitops.cli.worktree import WorkingTree
from gaitops.documents.layout import organization_path, policy_path, version_folder, version_path
from gaitops.documents.models.policy import POLICY_FILE, PolicyVersion
from gaitops.documents.models.trust import Revocation
from gaitops.errors import InvalidInputError
from gaitops.fleet.graph import PolicyGraph
from gaitops.fleet.state import DocumentCache, FleetState
from gaitops.report.policy_graph import PolicyView

_REFERENCE = re.compile(r"(?P<org>[a-z0-9-]+)/(?P<policy>[a-z0-9-]+)@(?P<version>[0-9A-Za-z.-]+)")


def working_state(repo: Path) -> FleetState:
    """The documents of the working tree at ``repo``."""
    return FleetState(WorkingTree(repo), DocumentCache())


def policy_versions(state: FleetState, org: str, policy: str) -> dict[str, PolicyVersion]:
    """Descriptors of all versions of one policy; InvalidInputError for a malformed or missing descriptor."""
    found = {}
    for number in state.versions(org, policy):
        descriptor = state.version(org, policy, number)
        if descriptor is None:
            path = version_path(org, policy, number)
            raise InvalidInputError.of("policy.missing_file", "the version has no descriptor", path=path)
        found[number] = descriptor
    return found


def policy_views(repo: Path, org: str, policy: str | None) -> list[PolicyView]:
    """What there is to show about one policy, or all policies, of ``org``, sorted by name.

    Raises:
        InvalidInputError: ``org.unknown``, ``policy.unknown``, or the problems of a malformed document.
    """
    state = working_state(repo)
    if state.organization(org) is None:
        raise InvalidInputError.of(
            "org.unknown", f"there is no organization {org}", path=organization_path(org)
        )
    withdrawn = _withdrawn(state, org)
    views = []
    for name in state.policies(org) if policy is None else [policy]:
        document = state.policy(org, name)
        if document is None:
            raise unknown_policy(org, name)
        graph = PolicyGraph(policy_versions(state, org, name))
        views.append(PolicyView(org, name, graph, document.spec.channels, withdrawn.get(name, {})))
    return views


def policy_source(reference: str, repo: Path) -> tuple[str, bytes]:
    """The policy file that ``reference`` names, as (what to call it, its bytes).

    ``ORG/POLICY@VERSION`` is looked up in ``repo``; anything else is a file. An existing file wins, so that no
    file is ever unreachable.

    Raises:
        InvalidInputError: ``policy.unknown_version`` or ``input.unreadable``.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None or Path(reference).is_file():
        return reference, read_bytes(Path(reference))
    path = f"{version_folder(match['org'], match['policy'], match['version'])}/{POLICY_FILE}"
    tree = WorkingTree(repo)
    entry = tree.entry(path)
    if entry is None:
        raise InvalidInputError.of("policy.unknown_version", f"there is no version {reference}", path=path)
    return reference, tree.read(entry.oid)


def unknown_policy(org: str, policy: str) -> InvalidInputError:
    """The error for a policy that does not exist."""
    return InvalidInputError.of(
        "policy.unknown",
        f"there is no policy {org}/{policy}",
        path=policy_path(org, policy),
        remedy=f"Create it with `gaitops policy new {org} {policy}`.",
    )


def _withdrawn(state: FleetState, org: str) -> dict[str, dict[str, str]]:
    """Cause of the revocation by policy and version."""
    found: dict[str, dict[str, str]] = {}
    for _, revocation in state.documents("trust/revocations", Revocation):
        subject = revocation.spec.policy_version
        if subject is not None and subject.org == org:
            found.setdefault(subject.policy, {})[subject.version] = revocation.spec.cause
    return found
