# SPDX-License-Identifier: Apache-2.0
"""Verification of a whole release at a chosen time, with python-tuf's metadata classes and our own counting.

Used on the previous release before the next one is published, and by whoever judges a release at a time that is not
now (``tuf.ngclient`` reads the clock). The rules are those of the TUF client workflow (specification 5), and three
more that only gaitops can ask for, because it knows what its releases look like:

1. delegations are exactly the two levels of :mod:`gaitops.release.layout`, with its paths and the publishers' keys,
   so there is nothing to walk in circles and no path that one org could claim from another;
2. release number, snapshot version and version of the top-level targets are equal;
3. the signed fields say which fleet, trust root and commit the release is of.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from tuf.api.metadata import DelegatedRole, Delegations, Metadata, Role, TargetFile, Targets

from gaitops.documents.models.base import NAME_PATTERN
from gaitops.documents.times import format_timestamp, parse_timestamp
from gaitops.errors import InvalidInputError, VerificationError
from gaitops.fleet.root import (
    MAX_ROOT_BYTES,
    TrustedRoot,
    check_not_expired,
    read_metadata,
    verify_first_root,
    verify_next_root,
)
from gaitops.release.layout import (
    TIMESTAMP_FILE,
    is_safe_path,
    org_paths,
    project_paths,
    project_role,
    role_file,
    target_file,
)
from gaitops.release.signatures import RoleKeys, role_keys
from gaitops.release.sources import Source, read_file

SIGNED_FIELD: Final = "x-gaitops"
"""Signed, unrecognised field of the top-level targets metadata."""
RELEASE_FIELD: Final = "release"
"""The release number: in :data:`SIGNED_FIELD`, and in the ``custom`` data of assignment targets."""
LIFE_FIELD: Final = "timestampSeconds"
"""In :data:`SIGNED_FIELD`: how long a refreshed timestamp is valid."""
MAX_ROOTS: Final = 256
"""Root versions that are followed; python-tuf's own limit."""
MAX_TIMESTAMP_BYTES: Final = 16 * 1024
MAX_SNAPSHOT_BYTES: Final = 8 * 1024 * 1024
MAX_TARGETS_BYTES: Final = 32 * 1024 * 1024

_NAME = re.compile(NAME_PATTERN[:-1] + r"\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class SignedRole:
    """One verified metadata file."""

    name: str
    version: int
    expires: datetime
    data: bytes
    """The file as it was read."""
    metadata: Metadata[Any]


@dataclass(frozen=True, slots=True)
class SignedFields:
    """What the top-level targets metadata says of the release, beyond TUF."""

    fleet: str
    commit: str
    """Head of the fleet history that was verified."""
    audit_head: str
    partitions: Mapping[str, str]
    """Partition → newest commit whose content of it was verified."""
    issued: datetime
    """What expiries count from."""
    timestamp_life: timedelta
    """How long a refreshed timestamp is valid."""


@dataclass(frozen=True, slots=True)
class VerifiedRelease:
    """A release whose metadata holds together; targets are read and checked on demand."""

    source: Source
    root: TrustedRoot
    roots: tuple[bytes, ...]
    """Root files 1 … N as the release carries them."""
    number: int
    """Release number = snapshot version = version of the top-level targets."""
    fields: SignedFields
    timestamp: SignedRole
    snapshot: SignedRole
    roles: Mapping[str, SignedRole]
    """``targets`` and every delegated role."""
    targets: Mapping[str, TargetFile]
    """Every target by path."""

    def read_target(self, path: str) -> bytes:
        """The bytes of a target.

        Raises:
            VerificationError: ``release.invalid`` when the release has no such target or other bytes.
            InternalError: ``release.unavailable``.
        """
        info = self.targets.get(path)
        if info is None:
            raise invalid("the release holds no such target", path)
        sha256 = info.hashes["sha256"]
        file = target_file(path, sha256)
        data = read_file(self.source, file, info.length)
        if data is None:
            raise invalid("the file is missing", file)
        if len(data) != info.length or hashlib.sha256(data).hexdigest() != sha256:
            raise invalid("the bytes are not those that the metadata names", file)
        return data


def verify_release(source: Source, trust_root: str, at: datetime | None) -> VerifiedRelease:
    """Verify the release in ``source`` back to the pinned ``trust_root``.

    Args:
        source: Where the release lies.
        trust_root: SHA-256 of root version 1, lowercase hex.
        at: The time for which nothing may have expired. ``None`` checks no expiry: a publisher who continues an old
            release must be able to.

    Raises:
        VerificationError: ``trust.*``, ``release.expired``, ``release.invalid``.
        InvalidInputError: ``release.not_found`` when there is no release at all.
        InternalError: ``release.unavailable``.
    """
    return _Reader(source, at).read(trust_root)


class _Reader:
    """One verification: reads the roles in the order of TUF's client workflow, each judged by the one before."""

    def __init__(self, source: Source, at: datetime | None) -> None:
        self._source = source
        self._at = at

    def read(self, trust_root: str) -> VerifiedRelease:
        root, roots = self._roots(trust_root)
        keys = role_keys(roots[-1])
        timestamp = self._role("timestamp", TIMESTAMP_FILE, keys["timestamp"], MAX_TIMESTAMP_BYTES)
        number = timestamp.metadata.signed.snapshot_meta.version
        if type(number) is not int:
            raise invalid("the version of the snapshot must be an integer", TIMESTAMP_FILE)
        snapshot = self._role(
            "snapshot", role_file("snapshot", number), keys["snapshot"], MAX_SNAPSHOT_BYTES, number
        )
        roles = self._all_targets(snapshot, keys["targets"], root)
        return VerifiedRelease(
            source=self._source,
            root=root,
            roots=roots,
            number=number,
            fields=signed_fields(roles["targets"], root.trust_root, number),
            timestamp=timestamp,
            snapshot=snapshot,
            roles=roles,
            targets=_merge(roles),
        )

    def _roots(self, trust_root: str) -> tuple[TrustedRoot, tuple[bytes, ...]]:
        first = read_file(self._source, role_file("root", 1), MAX_ROOT_BYTES)
        if first is None:
            raise InvalidInputError.of("release.not_found", f"there is no release at {self._source.name}")
        root = verify_first_root(first, trust_root)
        roots = [first]
        while (
            data := read_file(self._source, role_file("root", root.version + 1), MAX_ROOT_BYTES)
        ) is not None:
            if len(roots) == MAX_ROOTS:
                raise invalid(f"more than {MAX_ROOTS} root versions", role_file("root", root.version + 1))
            root = verify_next_root(root, data)
            roots.append(data)
        if self._at is not None:
            check_not_expired(root, self._at)
        return root, tuple(roots)

    def _all_targets(
        self, snapshot: SignedRole, publishers: RoleKeys, root: TrustedRoot
    ) -> dict[str, SignedRole]:
        roles = {"targets": self._listed("targets", snapshot, publishers)}
        for org_name, paths in _delegations(roles["targets"], root, "org.", org_paths).items():
            roles[org_name] = self._listed(org_name, snapshot, publishers)
            org = org_name.removeprefix("org.")
            _check_paths(roles[org_name], paths)

            def expected(project: str, org: str = org) -> tuple[str, ...]:
                return project_paths(org, project)

            prefix = project_role(org, "")
            for project_name, below in _delegations(roles[org_name], root, prefix, expected).items():
                roles[project_name] = self._listed(project_name, snapshot, publishers)
                _check_paths(roles[project_name], below)
                if roles[project_name].metadata.signed.delegations is not None:
                    raise invalid("a project delegates to nobody", project_name)
        return roles

    def _listed(self, name: str, snapshot: SignedRole, keys: RoleKeys) -> SignedRole:
        """A targets role in the version that the snapshot names."""
        meta = snapshot.metadata.signed.meta.get(f"{name}.json")
        if meta is None or type(meta.version) is not int:
            raise invalid(f"the snapshot does not name role {name}", role_file("snapshot", snapshot.version))
        return self._role(name, role_file(name, meta.version), keys, MAX_TARGETS_BYTES, meta.version)

    def _role(
        self, name: str, path: str, keys: RoleKeys, limit: int, version: int | None = None
    ) -> SignedRole:
        data = read_file(self._source, path, limit)
        if data is None:
            raise invalid("the file is missing", path)
        kind = name if name in {"timestamp", "snapshot"} else "targets"
        metadata = read_metadata(data, kind, code="release.invalid", path=path, max_bytes=limit)
        signed = metadata.signed
        missing = keys.missing(metadata)
        if missing:
            raise invalid(f"{missing} of {keys.threshold} signatures by publishers are missing", path)
        if version is not None and signed.version != version:
            raise invalid(f"expected version {version}, found {signed.version}", path)
        if self._at is not None and self._at >= signed.expires:
            raise VerificationError.of(
                "release.expired", f"{name} expired at {format_timestamp(signed.expires)}", path=path
            )
        return SignedRole(name, signed.version, signed.expires, data, metadata)


def invalid(message: str, path: str) -> VerificationError:
    """A release that does not hold together."""
    return VerificationError.of("release.invalid", message, path=path)


def _delegations(
    role: SignedRole, root: TrustedRoot, prefix: str, expected_paths: Any
) -> dict[str, tuple[str, ...]]:
    """Delegated role → its paths, after checking that the delegation is exactly one that gaitops writes."""
    delegations: Delegations | None = role.metadata.signed.delegations
    if delegations is None:
        return {}
    keys = {keyid: (key.keytype, key.scheme, key.keyval) for keyid, key in delegations.keys.items()}
    if keys != {key.keyid: (key.keytype, key.scheme, key.keyval) for key in root.publishers}:
        raise invalid("delegated roles have other keys than the publishers'", role.name)
    if delegations.roles is None:
        raise invalid("delegations by hash bins are not used", role.name)
    found = {}
    for name, delegated in delegations.roles.items():
        own = name.removeprefix(prefix)
        paths = expected_paths(own)
        # A name with a wildcard would be delegated the paths of others.
        if name != prefix + own or not _NAME.match(own) or tuple(delegated.paths or ()) != paths:
            raise invalid(f"the delegation to {name} is not one that a release may make", role.name)
        _check_threshold(delegated, root, role.name)
        found[name] = paths
    return found


def _check_threshold(delegated: Role, root: TrustedRoot, path: str) -> None:
    if delegated.threshold != root.targets_threshold or len(delegated.keyids) != len(root.publishers):
        raise invalid("a delegated role must have the publishers' keys and threshold", path)


def _check_paths(role: SignedRole, patterns: tuple[str, ...]) -> None:
    """No target outside what the role was delegated (R9)."""
    judge = DelegatedRole(role.name, [], 1, terminating=True, paths=list(patterns))
    for path in role.metadata.signed.targets:
        if not judge.is_delegated_path(path):
            raise invalid(f"{path} is not delegated to this role", role.name)


def _merge(roles: Mapping[str, SignedRole]) -> dict[str, TargetFile]:
    merged: dict[str, TargetFile] = {}
    for role in roles.values():
        signed: Targets = role.metadata.signed
        for path, info in signed.targets.items():
            if path in merged:
                raise invalid(f"{path} is named by two roles", role.name)
            if not is_safe_path(path) or type(info.length) is not int or set(info.hashes) != {"sha256"}:
                raise invalid(f"the target {path!r} is not one that a release may hold", role.name)
            merged[path] = info
    return merged


def signed_fields(targets: SignedRole, trust_root: str, number: int) -> SignedFields:
    """What the release says of itself in its top-level targets metadata.

    Raises:
        VerificationError: ``release.invalid``.
    """
    path = role_file("targets", targets.version)
    fields = targets.metadata.signed.unrecognized_fields.get(SIGNED_FIELD)
    if not isinstance(fields, dict):
        raise invalid(f"the field {SIGNED_FIELD} is missing", path)
    texts = [fields.get(name) for name in ("fleet", "commit", "auditHead", "issued")]
    life = fields.get(LIFE_FIELD)
    if not all(isinstance(text, str) for text in texts) or type(life) is not int or life < 1:
        raise invalid(f"the field {SIGNED_FIELD} does not say what every release says", path)
    if fields.get("trustRoot") != trust_root:
        raise invalid("the release is of a fleet with another trust root", path)
    if not number == targets.version == fields.get(RELEASE_FIELD):
        raise invalid("release number, snapshot version and targets version differ", path)
    fleet, commit, audit_head, issued = map(str, texts)
    partitions = fields.get("partitions")
    if not isinstance(partitions, dict) or not all(isinstance(oid, str) for oid in partitions.values()):
        raise invalid(f"the field {SIGNED_FIELD}.partitions is missing", path)
    try:
        moment = parse_timestamp(issued)
        return SignedFields(fleet, commit, audit_head, partitions, moment, timedelta(seconds=life))
    except InvalidInputError as error:
        raise invalid(f"{SIGNED_FIELD}.issued: {error.problems[0].message}", path) from error
