# SPDX-License-Identifier: Apache-2.0
"""Which organization owns which repository (design 2; threat T28)."""

from __future__ import annotations

from collections.abc import Iterator

from gaitops.change.context import Change, Facts
from gaitops.documents.globs import matches, overlap
from gaitops.documents.layout import classify
from gaitops.documents.models.tenancy import Repository, repository_id
from gaitops.errors import Problem
from gaitops.fleet.state import FleetState

CLAIM = "org.repository_claim"


def check_tenancy(change: Change, facts: Facts) -> Iterator[Problem]:
    """A repository lies in its org's globs and in one project; globs of two orgs never meet."""
    for item in change.deltas:
        location = classify(item.path)
        if location.kind == "Organization":
            yield from _globs(item.path, location.org or "", change.after)
            yield from _outside(item.path, location.org or "", change.after)
        elif item.after is None:
            continue
        elif location.kind == "Repository":
            document = change.after.document(item.path, Repository)
            if document is not None:
                yield from _claim(item.path, location.org or "", document, change.after)
    yield from _twins(change, facts)


def _globs(path: str, org: str, state: FleetState) -> Iterator[Problem]:
    own = state.organization(org)
    for other in state.orgs():
        theirs = state.organization(other)
        if other == org or own is None or theirs is None:
            continue
        for glob in own.spec.repositories:
            for taken in theirs.spec.repositories:
                if overlap(glob, taken):
                    yield Problem(
                        CLAIM,
                        f"{glob} can match repositories that {other} owns through {taken}",
                        path=path,
                        field="spec.repositories",
                        remedy="narrow one of the globs",
                    )


def _outside(path: str, org: str, state: FleetState) -> Iterator[Problem]:
    """Repositories that the organization keeps although its globs, or itself, are gone: another one could claim them."""
    organization = state.organization(org)
    globs = organization.spec.repositories if organization is not None else ()
    for project in state.projects(org):
        for document, repository in state.repositories(org, project):
            name = repository_id(repository.spec.url)
            if not any(matches(glob, name) for glob in globs):
                yield Problem(
                    CLAIM,
                    f"{name} is still listed as {document} of project {project} and would match no glob of {org}",
                    path=path,
                    field="spec.repositories",
                    remedy="remove the repository first, or in the same change",
                )


def _claim(path: str, org: str, document: Repository, state: FleetState) -> Iterator[Problem]:
    name = repository_id(document.spec.url)
    organization = state.organization(org)
    globs = organization.spec.repositories if organization is not None else ()
    if not any(matches(glob, name) for glob in globs):
        yield Problem(
            CLAIM,
            f"{name} matches none of the repository globs of {org}",
            path=path,
            field="spec.url",
            remedy="add the repository to the organization that owns it, or widen org.yaml (a fleet-scope change)",
        )


def _twins(change: Change, facts: Facts) -> Iterator[Problem]:
    """Repositories that two documents list. Forges fold case in paths, so names that differ only in case are one."""
    listed: dict[str, str] = {}
    for item in change.deltas:
        if classify(item.path).kind != "Repository" or item.after is None:
            continue
        document = change.after.document(item.path, Repository)
        if document is None:  # Cannot happen: the delta has an after.
            continue
        name = repository_id(document.spec.url)
        claimed = facts.claimed(name)
        if claimed is not None and claimed in change.entries:
            claimed = None  # Changed too: whether it still lists the repository is found in this loop.
        twin = listed.setdefault(name.casefold(), claimed or item.path)
        if twin != item.path:
            yield Problem(
                CLAIM,
                f"{name} already belongs to {twin}",
                path=item.path,
                field="spec.url",
                remedy="list it in one project only",
            )
