# SPDX-License-Identifier: Apache-2.0
"""From what a release says to the unsigned bytes of its files: a pure function, the same for every publisher.

The inputs are the content, the newest root, the previous release and one instant (see :func:`issued_at`). A delegated
role whose targets are what they were keeps its file, version and signatures, so that consumers download only what
changed; it is renewed when the publishers changed or less than half of its life is left.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from gaitops.documents.times import format_timestamp
from gaitops.errors import InvalidInputError
from gaitops.fleet.root import TrustedRoot
from gaitops.release import statement
from gaitops.release.content import ReleaseContent, ReleasedOrg, ReleasedProject, ReleasedVersion
from gaitops.release.layout import (
    RELEASE_TARGET,
    REPOSITORIES_TARGET,
    SPEC_VERSION,
    TRUSTED_ROOT_TARGET,
    assignments_statement,
    bundle_target,
    is_safe_path,
    org_paths,
    org_role,
    project_paths,
    project_role,
    version_folder,
    version_pack,
    version_statement,
)
from gaitops.release.signatures import count_signers
from gaitops.release.verify import LIFE_FIELD, RELEASE_FIELD, SIGNED_FIELD, VerifiedRelease
from gaitops.signing.canonical import canonical_json

Packs = Mapping[str, bytes]
"""Gait registry packs by target path; see :func:`gaitops.release.layout.version_pack`."""


@dataclass(frozen=True, slots=True)
class Bundled:
    """Sigstore bundles over statements; they are not a function of the content, and so are an input like it."""

    trusted_root: bytes
    """``trusted_root.json`` under which they verify."""
    of: Callable[[str, bytes], bytes | None]
    """Target path and payload of a statement → its bundle, if there is one. The same answer whenever asked."""


@dataclass(frozen=True, slots=True)
class UnsignedRole:
    """Metadata of one role, before signing or kept from the previous release."""

    name: str
    metadata: Metadata[Any]
    kept: bytes | None
    """The file of the previous release when the role has not changed: already signed."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything of a release but signatures and the timestamp."""

    number: int
    root: TrustedRoot
    roots: tuple[bytes, ...]
    issued: datetime
    roles: Mapping[str, UnsignedRole]
    """``snapshot``, ``targets`` and every delegated role."""
    targets: Mapping[str, bytes]
    """Target path → bytes; statements included."""
    statements: Mapping[str, bytes]
    """SHA-256 of a statement's payload → payload."""
    stated: Mapping[str, bytes]
    """Target path of a statement → payload."""


def issued_at(time: datetime, life: timedelta, now: datetime) -> datetime:
    """The instant from which the expiry of metadata that lives for ``life`` counts.

    It is the commit's time (design 8), moved on by whole halves of ``life`` while that lies in the past: a fleet
    without commits for a month must still be able to publish metadata that is valid, and two publishers who work on
    the same day must still get the same bytes.
    """
    half = max(timedelta(seconds=1), timedelta(seconds=int(life.total_seconds() / 2)))
    return time + max(0, (now - time) // half) * half


def draft(
    content: ReleaseContent,
    root: TrustedRoot,
    previous: VerifiedRelease | None,
    issued: datetime,
    packs: Packs,
    bundled: Bundled | None = None,
) -> Draft:
    """The next release after ``previous``, unsigned; with ``bundled``, bundles and trusted root are targets too.

    Raises:
        InvalidInputError: ``release.unsafe_path`` for a file name that cannot be published.
    """
    return _Drafting(content, root, previous, issued, packs, bundled).finish()


def timestamp_metadata(number: int, version: int, expires: datetime) -> Metadata[Any]:
    """Unsigned timestamp metadata for release ``number``."""
    return Metadata(Timestamp(version, SPEC_VERSION, expires, MetaFile(number)))


def metadata_bytes(metadata: Metadata[Any]) -> bytes:
    """The file of signed metadata: compact JSON with sorted keys, signatures by key id, newline."""
    value = metadata.to_dict()
    value["signatures"].sort(key=lambda entry: entry["keyid"])
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode() + b"\n"


class _Drafting:
    """Collects targets role by role, leaves first."""

    def __init__(
        self,
        content: ReleaseContent,
        root: TrustedRoot,
        previous: VerifiedRelease | None,
        issued: datetime,
        packs: Packs,
        bundled: Bundled | None,
    ) -> None:
        self._content = content
        self._root = root
        self._previous = previous
        self._issued = issued
        self._packs = packs
        self._bundled = bundled
        self._number = 1 if previous is None else previous.number + 1
        self._roles: dict[str, UnsignedRole] = {}
        self._targets: dict[str, bytes] = {}
        self._stated: dict[str, bytes] = {}

    def finish(self) -> Draft:
        content = self._content
        repositories: dict[str, dict[str, str]] = {}
        for org in sorted(content.orgs, key=lambda org: org.org):
            self._org(org, repositories)
        issued = format_timestamp(self._issued)
        payload = statement.release_statement(content, self._root, self._number, issued, self._said_before())
        index = canonical_json({"repositories": repositories})
        targets = [*self._statement(RELEASE_TARGET, payload), self._file(REPOSITORIES_TARGET, index)]
        if self._bundled is not None:
            targets.append(self._file(TRUSTED_ROOT_TARGET, self._bundled.trusted_root))
        orgs = {org_role(org.org): org_paths(org.org) for org in content.orgs}
        fields = {
            "fleet": content.fleet,
            "trustRoot": content.trust_root,
            "commit": content.commit,
            "auditHead": content.audit_head,
            "partitions": dict(content.partitions),
            "issued": issued,
            RELEASE_FIELD: self._number,
            LIFE_FIELD: int(content.expiries.timestamp.total_seconds()),
        }
        self._role("targets", targets, self._delegations(orgs), fields)
        self._snapshot()
        return Draft(
            self._number,
            self._root,
            content.root_chain,
            self._issued,
            self._roles,
            self._targets,
            {hashlib.sha256(payload).hexdigest(): payload for payload in self._stated.values()},
            self._stated,
        )

    def _said_before(self) -> statement.ReleasePredicate | None:
        """What the previous release says of itself."""
        if self._previous is None:
            return None
        payload = self._previous.read_target(RELEASE_TARGET)
        root = self._previous.root
        return statement.read_statement(payload, statement.ReleasePredicate, root, RELEASE_TARGET)[1]

    def _org(self, org: ReleasedOrg, repositories: dict[str, dict[str, str]]) -> None:
        projects = {}
        for project in sorted(org.projects, key=lambda project: project.project):
            self._project(project)
            name = project_role(org.org, project.project)
            projects[name] = project_paths(org.org, project.project)
            for row in project.assignments:
                repositories[row.repository] = {"org": org.org, "project": project.project}
        targets: list[TargetFile] = []
        for version in org.versions:
            targets += self._version(version)
        self._role(org_role(org.org), targets, self._delegations(projects), {})

    def _version(self, version: ReleasedVersion) -> list[TargetFile]:
        ref = version.ref
        folder = version_folder(ref.org, ref.policy, ref.version)
        targets = [self._file(f"{folder}/{name}", data) for name, data in version.files.items()]
        payload = statement.version_statement(self._content, self._root, version)
        targets += self._statement(version_statement(ref.org, ref.policy, ref.version), payload)
        pack = version_pack(ref.org, ref.policy, ref.version)
        if pack in self._packs:
            targets.append(self._file(pack, self._packs[pack]))
        return targets

    def _project(self, project: ReleasedProject) -> None:
        targets: list[TargetFile] = []
        rows = sorted(project.assignments, key=lambda row: (row.repository, row.environment))
        for repository, group in groupby(rows, key=lambda row: row.repository):
            path = assignments_statement(project.org, project.project, repository)
            own = tuple(group)
            waivers = project.waivers.get(repository, ())

            def payload(number: int, own: Any = own, waivers: Any = waivers) -> bytes:
                return statement.assignments_statement(
                    self._content,
                    self._root,
                    org=project.org,
                    project=project.project,
                    rows=own,
                    number=number,
                    waivers=waivers,
                )

            # True since the release that said so first: an unchanged statement stays the same bytes.
            since = self._previous_number(path)
            data = payload(since)
            if not self._was(path, data):
                since, data = self._number, payload(self._number)
            target, *bundle = self._statement(path, data)
            target.unrecognized_fields["custom"] = {RELEASE_FIELD: since}
            targets += [target, *bundle]
        self._role(project_role(project.org, project.project), targets, None, {})

    def _previous_number(self, path: str) -> int:
        info = None if self._previous is None else self._previous.targets.get(path)
        custom = None if info is None else info.custom
        number = custom.get(RELEASE_FIELD) if isinstance(custom, dict) else None
        return number if isinstance(number, int) and 1 <= number < self._number else self._number

    def _was(self, path: str, data: bytes) -> bool:
        info = None if self._previous is None else self._previous.targets.get(path)
        return info is not None and info.hashes["sha256"] == hashlib.sha256(data).hexdigest()

    def _statement(self, path: str, payload: bytes) -> list[TargetFile]:
        """The statement, and its bundle if there is one."""
        self._stated[path] = payload
        targets = [self._file(path, payload)]
        bundle = None if self._bundled is None else self._bundled.of(path, payload)
        if bundle is not None:
            targets.append(self._file(bundle_target(path), bundle))
        return targets

    def _file(self, path: str, data: bytes) -> TargetFile:
        if not is_safe_path(path):
            raise InvalidInputError.of(
                "release.unsafe_path",
                "a published file name may hold letters, digits and . _ + @ - only",
                path=path,
            )
        self._targets[path] = data
        return TargetFile(len(data), {"sha256": hashlib.sha256(data).hexdigest()}, path)

    def _delegations(self, roles: Mapping[str, Sequence[str]]) -> Delegations | None:
        if not roles:
            return None
        keys = {key.keyid: key for key in self._root.publishers}
        delegated = {
            name: DelegatedRole(
                name, sorted(keys), self._root.targets_threshold, terminating=True, paths=list(paths)
            )
            for name, paths in sorted(roles.items())
        }
        return Delegations(keys, delegated)

    def _role(
        self,
        name: str,
        targets: Iterable[TargetFile],
        delegations: Delegations | None,
        fields: Mapping[str, object],
    ) -> None:
        signed = Targets(
            version=self._number,
            spec_version=SPEC_VERSION,
            expires=self._issued + self._content.expiries.targets,
            targets={target.path: target for target in targets},
            delegations=delegations,
            unrecognized_fields={SIGNED_FIELD: dict(fields)} if fields else None,
        )
        unsigned = Metadata(signed)
        kept = self._kept(name, unsigned)
        self._roles[name] = kept or UnsignedRole(name, unsigned, None)

    def _kept(self, name: str, unsigned: Metadata[Any]) -> UnsignedRole | None:
        """The previous file of the role, when it says the same, is signed by today's publishers and lives on."""
        old = None if self._previous is None else self._previous.roles.get(name)
        if old is None or name == "targets":
            return None
        if old.expires - self._issued < self._content.expiries.targets / 2:
            return None
        if _without_life(old.metadata) != _without_life(unsigned):
            return None
        if count_signers(old.metadata, self._root.publishers) < self._root.targets_threshold:
            return None
        return UnsignedRole(name, old.metadata, old.data)

    def _snapshot(self) -> None:
        versions: dict[str, int] = {}
        if self._previous is not None:
            # A role that is gone stays listed: clients refuse a snapshot that forgets one (specification 5.5.5).
            versions = {
                file: meta.version for file, meta in self._previous.snapshot.metadata.signed.meta.items()
            }
        versions |= {f"{name}.json": role.metadata.signed.version for name, role in self._roles.items()}
        signed = Snapshot(
            version=self._number,
            spec_version=SPEC_VERSION,
            expires=self._issued + self._content.expiries.snapshot,
            meta={file: MetaFile(versions[file]) for file in sorted(versions)},
        )
        self._roles["snapshot"] = UnsignedRole("snapshot", Metadata(signed), None)


def _without_life(metadata: Metadata[Any]) -> dict[str, Any]:
    """What targets metadata says, apart from its version and expiry."""
    said: dict[str, Any] = metadata.signed.to_dict()
    for member in ("version", "expires"):
        del said[member]
    return said
