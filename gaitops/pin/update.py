# SPDX-License-Identifier: Apache-2.0
"""``gaitops pin init`` and ``pin update``: from a release to the content of ``.gaitops/``.

What was fetched is verified as ``pin verify`` would, before anything is written: a pin that this module writes holds.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gaitops.documents import strict_json
from gaitops.errors import InvalidInputError, UnsafeOperationError, VerificationError
from gaitops.pin.client import ReleaseClient
from gaitops.pin.folder import read_folder, sole_writer, write_folder
from gaitops.pin.layout import (
    ATTRIBUTES,
    ATTRIBUTES_FILE,
    CANDIDATE,
    ENFORCED,
    FOLDER,
    PIN_FILE,
    RELEASE_FILE,
    TRUSTED_ROOT_FILE,
    assignments_file,
    bundle_file,
    files_folder,
    root_file,
    statement_file,
)
from gaitops.pin.model import Pin, PinnedEnvironment, PinnedVersion, read_pin
from gaitops.pin.require import Require
from gaitops.pin.verify import VerifiedPin, check_not_lower, verify_pin
from gaitops.release.layout import (
    MAX_INDEX_BYTES,
    RELEASE_TARGET,
    REPOSITORIES_TARGET,
    assignments_statement,
    is_safe_path,
    version_folder,
    version_statement,
)
from gaitops.release.sources import Source
from gaitops.release.statement import AssignmentsPredicate, Version, VersionPredicate
from gaitops.release.verify import invalid


@dataclass(frozen=True, slots=True)
class PinRequest:
    """What to pin: one environment of one repository."""

    environment: str
    repository: str
    """Normalised repository id, for example ``github.com/acme/pay``."""
    org: str | None = None
    project: str | None = None
    """Org and project of the repository, when they are known; the release is asked otherwise."""


@dataclass(frozen=True, slots=True)
class PinUpdate:
    """The pin before and after."""

    before: Pin | None
    after: VerifiedPin
    changed: tuple[str, ...]
    """Files of ``.gaitops/`` that were added, changed or removed, sorted."""


def init_pin(
    repository: Path,
    source: Source,
    trust_root: str,
    requests: Sequence[PinRequest],
    now: datetime,
    *,
    require: Require = Require.KEY,
) -> PinUpdate:
    """Create ``.gaitops/`` in a repository that has none; its statements must have the signatures of ``require``.

    Raises:
        UnsafeOperationError: ``pin.exists``.
        InvalidInputError: ``pin.not_assigned``, ``release.not_found``.
        GaitopsError: As :class:`gaitops.pin.client.ReleaseClient` and :func:`gaitops.pin.verify.verify_pin` raise.
    """
    with sole_writer(repository):
        if (repository / FOLDER).exists():
            raise UnsafeOperationError.of(
                "pin.exists",
                f"{repository} already has {FOLDER}/",
                remedy="renew it with: gaitops pin update",
            )
        files = fetch_pin(source, trust_root, requests, now)
        return _write(repository, {}, None, files, trust_root, require)


def update_pin(
    repository: Path,
    source: Source,
    trust_root: str,
    now: datetime,
    extra: Sequence[PinRequest] = (),
    *,
    require: Require = Require.KEY,
) -> PinUpdate:
    """Renew ``.gaitops/`` from the newest release, for the environments that it pins and those of ``extra``.

    The old folder may be damaged, apart from ``pin.yaml``: renewing is how it is repaired.

    Raises:
        VerificationError: ``release.rollback`` when the source holds an older release than the pinned one;
            ``trust.root_mismatch`` when the pin is of another fleet.
        InvalidInputError: ``pin.not_found``, ``pin.not_assigned``, ``release.not_found``.
        GaitopsError: As :class:`gaitops.pin.client.ReleaseClient` and :func:`gaitops.pin.verify.verify_pin` raise.
    """
    with sole_writer(repository):
        old = read_folder(repository)
        before = read_pin(old[PIN_FILE])
        if before.trust_root != trust_root:
            raise VerificationError.of(
                "trust.root_mismatch",
                f"the pin is of trust root {before.trust_root}, yours is {trust_root}",
                path=f"{FOLDER}/{PIN_FILE}",
                remedy=f"to move to another fleet, delete {FOLDER}/ and run: gaitops pin init",
            )
        requests = {**pinned_requests(before), **{request.environment: request for request in extra}}
        files = fetch_pin(source, trust_root, list(requests.values()), now)
        return _write(repository, old, before, files, trust_root, require)


def pinned_requests(pin: Pin) -> dict[str, PinRequest]:
    """What a pin asks of every release, by environment."""
    return {
        name: PinRequest(name, pinned.repository, pinned.org, pinned.project)
        for name, pinned in pin.environments.items()
    }


def fetch_pin(
    source: Source, trust_root: str, requests: Sequence[PinRequest], now: datetime
) -> dict[str, bytes]:
    """The files of a new pin, from the newest release at ``source``.

    Raises:
        GaitopsError: As :func:`init_pin` does.
    """
    with tempfile.TemporaryDirectory() as scratch:
        client = ReleaseClient(source, trust_root, Path(scratch), now)
        return _Fetch(client).finish(requests)


def newest_pin(
    source: Source, trust_root: str, pin: Pin, now: datetime, *, require: Require = Require.KEY
) -> VerifiedPin:
    """What :func:`update_pin` would make of ``pin`` now; nothing is written.

    Raises:
        GaitopsError: As :func:`update_pin` does.
    """
    requests = list(pinned_requests(pin).values())
    return verify_pin(fetch_pin(source, trust_root, requests, now), trust_root, require=require)


def _write(
    repository: Path,
    old: Mapping[str, bytes],
    before: Pin | None,
    files: dict[str, bytes],
    trust_root: str,
    require: Require,
) -> PinUpdate:
    after = verify_pin(files, trust_root, require=require)
    problems = [] if before is None else list(check_not_lower(before, after.pin))
    if problems:
        raise VerificationError(problems)
    changed = tuple(path for path in sorted(old.keys() | files.keys()) if old.get(path) != files.get(path))
    if changed:
        write_folder(repository, files)
    return PinUpdate(before, after, changed)


class _Fetch:
    """Collects the files of one pin."""

    def __init__(self, client: ReleaseClient) -> None:
        self._client = client
        self._files: dict[str, bytes] = {ATTRIBUTES_FILE: ATTRIBUTES}
        self._trusted_root = client.trusted_root()
        if self._trusted_root is not None:
            self._files[TRUSTED_ROOT_FILE] = self._trusted_root
        self._statement(RELEASE_FILE, client.release_envelope, RELEASE_TARGET)
        for version, data in enumerate(client.roots, start=1):
            self._files[root_file(version)] = data

    def _statement(self, file: str, envelope: bytes, target: str) -> None:
        """A statement, and its bundle where the release has one and the trusted root under which it verifies."""
        self._files[file] = envelope
        bundle = None if self._trusted_root is None else self._client.bundle(target)
        if bundle is not None:
            self._files[bundle_file(file)] = bundle

    def finish(self, requests: Sequence[PinRequest]) -> dict[str, bytes]:
        release = self._client.release
        pin = Pin(
            fleet=release.fleet,
            trust_root=release.trust_root,
            release=release.release,
            environments={request.environment: self._environment(request) for request in requests},
        )
        self._files[PIN_FILE] = pin.to_bytes()
        return self._files

    def _environment(self, request: PinRequest) -> PinnedEnvironment:
        path, payload = self._assignments(request)
        envelope, _, said = self._client.signed(path, payload, AssignmentsPredicate)
        if path != assignments_statement(said.org, said.project, said.repository):
            raise invalid(f"the statement is about {said.repository} in {said.org}/{said.project}", path)
        self._statement(assignments_file(request.environment), envelope, path)
        row = next((row for row in said.environments if row.environment == request.environment), None)
        if row is None:
            known = ", ".join(row.environment for row in said.environments)
            raise InvalidInputError.of(
                "pin.not_assigned",
                f"{request.repository} has no assignment in environment {request.environment}; it has: {known}",
            )
        candidate = row.candidate
        return PinnedEnvironment(
            repository=said.repository,
            org=said.org,
            project=said.project,
            since=said.release,
            mode=row.mode,
            enforced=self._version(request.environment, ENFORCED, row.enforced),
            candidate=None if candidate is None else self._version(request.environment, CANDIDATE, candidate),
        )

    def _assignments(self, request: PinRequest) -> tuple[str, bytes]:
        """Target path and payload of the repository's statement; the project may have changed since it was pinned."""
        if not is_safe_path(request.repository):
            raise InvalidInputError.of(
                "repository.url", f"{request.repository!r} is not a repository id like github.com/acme/pay"
            )
        if request.org is not None and request.project is not None:
            path = assignments_statement(request.org, request.project, request.repository)
            payload = self._client.target(path)
            if payload is not None:
                return path, payload
        org, project = self._locate(request.repository)
        path = assignments_statement(org, project, request.repository)
        return path, self._client.require_target(path)

    def _locate(self, repository: str) -> tuple[str, str]:
        index = strict_json.loads(
            self._client.require_target(REPOSITORIES_TARGET), REPOSITORIES_TARGET, max_bytes=MAX_INDEX_BYTES
        )
        repositories = index.get("repositories") if isinstance(index, dict) else None
        if not isinstance(repositories, dict):
            raise invalid("not an index of repositories", REPOSITORIES_TARGET)
        place = repositories.get(repository)
        if place is None:
            raise InvalidInputError.of(
                "pin.not_assigned",
                f"the fleet {self._client.release.fleet} assigns nothing to {repository}",
                remedy="ask the fleet's owners to register the repository, or check its id",
            )
        return str(place.get("org")), str(place.get("project"))

    def _version(self, environment: str, which: str, version: Version) -> PinnedVersion:
        path = version_statement(version.org, version.policy, version.version)
        envelope, statement, said = self._client.statement(path, VersionPredicate)
        if said.policy_version != version:
            raise invalid(f"the statement is about {said.policy_version}, not about {version}", path)
        self._statement(statement_file(environment, which), envelope, path)
        source = version_folder(version.org, version.policy, version.version)
        for subject in statement.subjects:
            data = self._client.require_target(f"{source}/{subject.name}")
            self._files[files_folder(environment, which) + subject.name] = data
        return PinnedVersion(
            org=version.org,
            policy=version.policy,
            version=version.version,
            digest=version.digest,
            gait_digest=said.gait.digest,
        )
