# SPDX-License-Identifier: Apache-2.0
"""Documents of the fleet at one state, loaded when somebody asks for them.

A fleet has tens of thousands of documents and a change touches a few; nothing is read before it is needed,
and a document is parsed once per process however many states contain it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from gaitops.content import FILE_MODES, TREE_MODE, Entry, Snapshot
from gaitops.documents.layout import rollout_path
from gaitops.documents.load import load_document
from gaitops.documents.models.base import Document
from gaitops.documents.models.policy import Policy, PolicyVersion
from gaitops.documents.models.rollout import Rollout
from gaitops.documents.models.tenancy import Environment, Organization, Project, Repository
from gaitops.documents.models.trust import ApprovalRule, Fleet, FreezeWindow, Principal, RoleBinding

D = TypeVar("D", bound=Document)


class DocumentCache:
    """Parsed documents by path and object id; safe to share between all states of one repository."""

    def __init__(self) -> None:
        self._documents: dict[tuple[str, str], Document] = {}
        self._folders: dict[tuple[str, str], tuple[tuple[str, Document], ...]] = {}

    def load(self, snapshot: Snapshot, path: str, entry: Entry) -> Document:
        """The document at ``path``.

        Raises:
            InvalidInputError: with every problem of the file.
        """
        key = (path, entry.oid)
        document = self._documents.get(key)
        if document is None:
            document = load_document(snapshot.read(entry.oid), path)
            self._documents[key] = document
        return document

    def folder(self, snapshot: Snapshot, folder: str) -> tuple[tuple[str, Document], ...]:
        """Documents directly in a folder as (name without suffix, document), sorted by name.

        Folders that come from Git are remembered by the id of their tree, which names their whole content.
        """
        entry = snapshot.entry(folder)
        if entry is None or entry.mode != TREE_MODE:
            return ()
        found = self._folders.get((folder, entry.oid))
        if found is None:
            found = tuple(
                (name.removesuffix(".yaml"), self.load(snapshot, f"{folder}/{name}", item))
                for name, item in sorted(snapshot.children(folder).items())
                if name.endswith(".yaml") and item.mode in FILE_MODES
            )
            if ":" not in entry.oid:  # Folders of composed snapshots have no id that names their content.
                self._folders[(folder, entry.oid)] = found
        return found


class FleetState:
    """One state of a fleet repository, as documents.

    In a *verified* state every document loads, because a malformed one never advances its partition;
    a state that a change would lead to is checked document by document before it is used.
    """

    def __init__(self, snapshot: Snapshot, cache: DocumentCache) -> None:
        self.snapshot = snapshot
        self.cache = cache

    def document(self, path: str, kind: type[D]) -> D | None:
        """The document at ``path``, or ``None`` when there is no regular file.

        Raises:
            InvalidInputError: the file is malformed or not of this kind.
        """
        entry = self.snapshot.entry(path)
        if entry is None or entry.mode not in FILE_MODES:
            return None
        return _of_kind(self.cache.load(self.snapshot, path, entry), kind, path)

    def documents(self, folder: str, kind: type[D]) -> Iterator[tuple[str, D]]:
        """All documents directly in ``folder`` as (name without suffix, document), sorted by name."""
        for name, document in self.cache.folder(self.snapshot, folder):
            yield name, _of_kind(document, kind, folder)

    def folders(self, folder: str) -> list[str]:
        """Names of the folders directly in ``folder``, sorted."""
        children = self.snapshot.children(folder)
        return sorted(name for name, entry in children.items() if entry.mode == TREE_MODE)

    # -- fleet ---------------------------------------------------------------------------------------------

    def fleet(self) -> Fleet | None:
        """``fleet.yaml``; ``None`` only before genesis."""
        return self.document("fleet.yaml", Fleet)

    def rules(self) -> Iterator[tuple[str, ApprovalRule]]:
        """Approval rules by name."""
        return self.documents("trust/approvals", ApprovalRule)

    def freeze_window(self, name: str) -> FreezeWindow | None:
        """One freeze window."""
        return self.document(f"trust/freeze-windows/{name}.yaml", FreezeWindow)

    def principals(self, org: str | None) -> Iterator[tuple[str, str, Principal]]:
        """Principals of the fleet, or of one org, as (qualified name, path, document)."""
        folder = "trust/principals" if org is None else f"orgs/{org}/principals"
        for name, document in self.documents(folder, Principal):
            yield (name if org is None else f"{org}/{name}"), f"{folder}/{name}.yaml", document

    def role_bindings(self, org: str | None) -> Iterator[tuple[str, RoleBinding]]:
        """Role bindings of the fleet, or of one org, by name."""
        return self.documents("trust/roles" if org is None else f"orgs/{org}/roles", RoleBinding)

    # -- tenancy -------------------------------------------------------------------------------------------

    def orgs(self) -> list[str]:
        """Names of the organizations."""
        return self.folders("orgs")

    def organization(self, org: str) -> Organization | None:
        """``org.yaml`` of one organization."""
        return self.document(f"orgs/{org}/org.yaml", Organization)

    def projects(self, org: str) -> list[str]:
        """Names of an organization's projects."""
        return self.folders(f"orgs/{org}/projects")

    def project(self, org: str, project: str) -> Project | None:
        """``project.yaml`` of one project."""
        return self.document(f"orgs/{org}/projects/{project}/project.yaml", Project)

    def repositories(self, org: str, project: str) -> Iterator[tuple[str, Repository]]:
        """Repositories of one project by document name."""
        return self.documents(f"orgs/{org}/projects/{project}/repositories", Repository)

    def repository(self, org: str, project: str, name: str) -> Repository | None:
        """One repository by document name."""
        return self.document(f"orgs/{org}/projects/{project}/repositories/{name}.yaml", Repository)

    def environments(self, org: str, project: str) -> Iterator[tuple[str, Environment]]:
        """Environments of one project by name."""
        return self.documents(f"orgs/{org}/projects/{project}/environments", Environment)

    def environment(self, org: str, project: str, name: str) -> Environment | None:
        """One environment."""
        return self.document(f"orgs/{org}/projects/{project}/environments/{name}.yaml", Environment)

    def rollouts(self, org: str, project: str) -> Iterator[tuple[str, Rollout]]:
        """Rollouts of one project by id."""
        return self.documents(f"orgs/{org}/projects/{project}/rollouts", Rollout)

    def rollout(self, org: str, project: str, rollout_id: str) -> Rollout | None:
        """One rollout."""
        return self.document(rollout_path(org, project, rollout_id), Rollout)

    # -- policies ------------------------------------------------------------------------------------------

    def policies(self, org: str) -> list[str]:
        """Names of an organization's policies."""
        return self.folders(f"orgs/{org}/policies")

    def policy(self, org: str, policy: str) -> Policy | None:
        """``policy.yaml`` of one policy."""
        return self.document(f"orgs/{org}/policies/{policy}/policy.yaml", Policy)

    def versions(self, org: str, policy: str) -> list[str]:
        """Version numbers of one policy, as folder names."""
        return self.folders(f"orgs/{org}/policies/{policy}/versions")

    def version(self, org: str, policy: str, version: str) -> PolicyVersion | None:
        """Descriptor of one policy version."""
        return self.document(f"orgs/{org}/policies/{policy}/versions/{version}/version.yaml", PolicyVersion)


def _of_kind(document: Document, kind: type[D], path: str) -> D:
    if not isinstance(document, kind):  # Cannot happen: the path decides the kind (documents.layout).
        raise TypeError(f"{path} holds a {type(document).__name__}, not a {kind.__name__}")
    return document
