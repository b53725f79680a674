# SPDX-License-Identifier: Apache-2.0
"""Whom the fleet cannot lose yet: root people, and the last who hold an authority or fill a group that rules require."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from gaitops.documents.models.trust import Revocation
from gaitops.fleet.people import Directory, directory
from gaitops.fleet.root import TrustedRoot
from gaitops.fleet.scopes import contains
from gaitops.fleet.state import FleetState

_GUARDED = ("platform_admin", "approver")
"""Roles without a holder of which nobody can mend anything."""


def revoked_fingerprints(state: FleetState) -> frozenset[str]:
    """Fingerprints of all identities that were taken back, for whatever cause."""
    return frozenset(
        document.spec.identity.fingerprint
        for _, document in state.documents("trust/revocations", Revocation)
        if document.spec.identity is not None
    )


@dataclass(frozen=True)
class Authorities:
    """Who holds what now, as far as they can sign."""

    directory: Directory
    able: frozenset[str]
    """Principals with an identity that may sign."""
    root_people: frozenset[str]
    required: Mapping[str, str]
    """Groups that approval rules require, with the name of a rule."""

    @staticmethod
    def of(state: FleetState, root: TrustedRoot, now: datetime) -> Authorities:
        """Everybody in the fleet and its organizations."""
        people = directory(state, root, state.orgs())
        revoked = revoked_fingerprints(state)
        able = frozenset(
            item.principal
            for item in people.identities
            if (item.valid_until is None or item.valid_until > now) and item.marks.isdisjoint(revoked)
        )
        required = {group: name for name, rule in state.rules() for group in rule.spec.require.groups}
        return Authorities(people, able, frozenset(item.principal for item in root.keys), required)

    def lost(self, groups: Mapping[str, frozenset[str]], leaving: frozenset[str]) -> Mapping[str, str]:
        """Those by whose change the fleet would lose an authority, and which.

        Args:
            groups: qualified groups afterwards, of principals whose groups change.
            leaving: principals who can sign nothing afterwards.
        """
        found = {name: f"{name} holds a root key" for name in sorted(leaving & self.root_people)}
        changing = groups.keys() | leaving
        for before, after, what in self._held(groups, leaving):
            if before and not after:
                for name in sorted(before & changing):
                    found.setdefault(name, what)
        return found

    def _held(
        self, groups: Mapping[str, frozenset[str]], leaving: frozenset[str]
    ) -> Iterator[tuple[frozenset[str], frozenset[str], str]]:
        """(holders before, holders after, what they hold) for everything that needs a holder."""
        people = self.directory.people
        present = {name: person.groups for name, person in people.items()}
        # Who gains something does not count yet: leavers may be merged first, or alone.
        later = {name: found & groups.get(name, found) for name, found in present.items()}
        staying = self.able - leaving
        for role, scope in sorted({(grant.role, grant.scope) for grant in self.directory.grants}):
            if role in _GUARDED:
                before = self._holders(role, scope, present) & self.able
                after = self._holders(role, scope, later) & staying
                yield before, after, f"nobody else is {role} at {scope}"
        for group, rule in sorted(self.required.items()):
            before = frozenset(name for name, found in present.items() if group in found) & self.able
            after = frozenset(name for name, found in later.items() if group in found) & staying
            yield before, after, f"nobody else is in {group}, which the approval rule {rule} requires"

    def _holders(self, role: str, scope: str, groups: Mapping[str, frozenset[str]]) -> frozenset[str]:
        grants = [item for item in self.directory.grants if item.role == role and contains(item.scope, scope)]
        return frozenset(
            name
            for name, found in groups.items()
            if any(name in grant.principals or not grant.groups.isdisjoint(found) for grant in grants)
        )
