# SPDX-License-Identifier: Apache-2.0
"""Whose word counts for a change: the fleet's people, and those of the organizations that it concerns."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from gaitops.documents.layout import classify
from gaitops.documents.models.trust import Revocation
from gaitops.errors import InvalidInputError
from gaitops.fleet.people import Directory, directory
from gaitops.fleet.root import TrustedRoot
from gaitops.fleet.state import FleetState
from gaitops.git.trees import TreeChange
from gaitops.history.trees import FLEET_PARTITION

_TRUST = ("principals", "roles", "sigstore")
"""Folders below ``trust/`` that a directory is read from; root metadata comes as such."""


class Directories:
    """Directories by the content that they are read from, which seldom changes."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], Directory] = {}

    def of(self, orgs: tuple[str, ...], state: FleetState, root: TrustedRoot) -> Directory:
        """The people of the fleet and of some organizations in a state.

        Raises:
            InvalidInputError: a malformed principal or binding; never in verified state.
        """
        # Whoever sends evidence may name any organization; one that is not there has no people, and no place in memory.
        orgs = tuple(org for org in orgs if state.snapshot.entry(f"orgs/{org}") is not None)
        found = [state.snapshot.children("trust").get(name) for name in _TRUST]
        for org in orgs:
            children = state.snapshot.children(f"orgs/{org}")
            found += (children.get("principals"), children.get("roles"))
        key = (orgs, root.sha256, *[entry.oid if entry is not None else None for entry in found])
        if key not in self._known:
            self._known[key] = directory(state, root, orgs)
        return self._known[key]


def orgs_concerned(partition: str, changes: Sequence[TreeChange], after: FleetState) -> tuple[str, ...]:
    """Organizations whose people take part in a change: its own, or those whose keys and versions are revoked.

    Their roles reach no further than their organization, so nothing else of the fleet is theirs to decide.
    """
    if partition != FLEET_PARTITION:
        return (partition,)
    found: set[str] = set()
    for item in changes:
        if classify(item.path).kind == "Revocation" and item.after is not None:
            with suppress(
                InvalidInputError
            ):  # A malformed document is refused as such, and grants nobody anything.
                found.update(_revoked_org(after.document(item.path, Revocation)))
    return tuple(sorted(found))


def _revoked_org(document: Revocation | None) -> set[str]:
    if (
        document is not None
        and document.spec.identity is not None
        and "/" in document.spec.identity.principal
    ):
        return {document.spec.identity.principal.partition("/")[0]}
    if document is not None and document.spec.policy_version is not None:
        return {document.spec.policy_version.org}
    return set()
