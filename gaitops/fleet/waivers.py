# SPDX-License-Identifier: Apache-2.0
"""Which waivers name which repositories (design 10); whether one is in force is for whoever knows the time."""

from __future__ import annotations

from dataclasses import dataclass

from gaitops.documents.layout import waiver_path
from gaitops.documents.models.governance import Waiver
from gaitops.fleet.state import FleetState


@dataclass(frozen=True, slots=True)
class Waived:
    """A waiver as it concerns one repository."""

    id: str
    """``org/project/name``."""
    control: str
    environment: str | None
    """Environment that it is limited to; ``None`` for all of the project."""
    owner: str
    ticket: str
    issued_at: str
    expires_at: str
    digest: str
    """SHA-256 of the document."""


def waivers_of(state: FleetState, org: str, project: str) -> dict[str, tuple[Waived, ...]]:
    """The waivers of a project by repository id, sorted by their own ids; repositories without any are left out."""
    found: dict[str, list[Waived]] = {}
    for name, document in state.documents(f"orgs/{org}/projects/{project}/waivers", Waiver):
        entry = state.snapshot.entry(waiver_path(org, project, name))
        if entry is None:  # Cannot happen: the document was just read there.
            continue
        spec = document.spec
        waived = Waived(
            id=f"{org}/{project}/{name}",
            control=spec.control,
            # The scope lies inside the project of the path (documents.load).
            environment=spec.scope.partition("/environment/")[2] or None,
            owner=spec.owner,
            ticket=spec.ticket,
            issued_at=spec.issued_at,
            expires_at=spec.expires_at,
            digest=state.snapshot.sha256(entry.oid),
        )
        for repository_name, repository in state.repositories(org, project):
            if not spec.repositories or repository_name in spec.repositories:
                found.setdefault(repository.spec.id, []).append(waived)
    return {repository: tuple(items) for repository, items in found.items()}
