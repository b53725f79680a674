# SPDX-License-Identifier: Apache-2.0
"""Where requirements come from: the newest release, a fleet's verified state, or the statements of the pin itself.

All three have been verified before they get here; see ``pin.client``, ``release.verify`` and ``release.collect``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache, cached_property
from typing import Any

from gaitops.conformance.inputs import KnownVersion, Required, Subject
from gaitops.conformance.model import RequirementSource, WaiverUse
from gaitops.conformance.timelines import CommitTimeline, ReleaseTimeline
from gaitops.conformance.versions import known_version, moment
from gaitops.documents import strict_json
from gaitops.fleet.root import TrustedRoot
from gaitops.fleet.waivers import Waived
from gaitops.pin.model import PinnedVersion
from gaitops.release.content import AssignmentRow, Grace, ReleaseContent, ReleasedProject, VersionRef
from gaitops.release.layout import (
    MAX_INDEX_BYTES,
    RELEASE_TARGET,
    REPOSITORIES_TARGET,
    assignments_statement,
    version_statement,
)
from gaitops.release.statement import (
    AssignedEnvironment,
    AssignmentsPredicate,
    ReleasePredicate,
    StatedWaiver,
    Version,
    VersionPredicate,
    read_statement,
)
from gaitops.release.verify import VerifiedRelease, invalid


def required_by_pin(subject: Subject) -> Required | None:
    """What the signed statements of a verified pin require; ``None`` when nothing verifies for the environment.

    Nobody can tell from a pin whether it is the newest, so there is no timeline.
    """
    verified = subject.reading.verified
    said = None if verified is None else verified.assignments.get(subject.environment)
    if verified is None or said is None:
        return None
    known = subject.reading.versions
    row = _row(said, subject.environment)
    return _from_statements("pin", verified.release, said, row, known, subject.environment)


class ReleaseRequirements:
    """What one release requires of any repository; every statement is read once.

    Args:
        read: Bytes of a target that TUF metadata vouches for, ``None`` when the release has none. Its errors pass.
        root: The release's newest root.

    Raises:
        VerificationError: ``release.invalid``, ``statement.invalid``; also by :meth:`required`.
    """

    def __init__(self, read: Callable[[str], bytes | None], root: TrustedRoot) -> None:
        self._read = read
        self._root = root
        payload = self._promised(RELEASE_TARGET)
        self.release: ReleasePredicate = read_statement(payload, ReleasePredicate, root, RELEASE_TARGET)[1]
        self._sha256 = hashlib.sha256(payload).hexdigest()
        self._timeline = ReleaseTimeline(self.release)
        self._version = cache(self._read_version)
        self._assignments = cache(self._read_assignments)

    @classmethod
    def of(cls, release: VerifiedRelease) -> ReleaseRequirements:
        """From a release that was verified as a whole."""
        return cls(lambda path: release.read_target(path) if path in release.targets else None, release.root)

    def repositories(self) -> Mapping[str, tuple[str, str]]:
        """Every repository of the release → its org and project.

        Raises as :meth:`required`.
        """
        found = {name: place for name, place in self._places.items() if isinstance(place, dict)}
        return {name: (str(place.get("org")), str(place.get("project"))) for name, place in found.items()}

    def environments(self, repository: str) -> tuple[str, ...]:
        """Environments in which the release assigns something to a repository, sorted."""
        said = self._assignments(repository)
        return () if said is None else tuple(sorted(row.environment for row in said.environments))

    def required(self, subject: Subject) -> Required:
        """What the release requires of the subject; nothing is enforced where it assigns nothing."""
        said = self._assignments(subject.repository)
        row = None if said is None else _row(said, subject.environment)
        wanted = [] if row is None else [item for item in (row.enforced, row.candidate) if item is not None]
        claimed = subject.claimed
        pinned = (
            []
            if claimed is None
            else [item for item in (claimed.enforced, claimed.candidate) if item is not None]
        )
        named: list[Version | PinnedVersion] = [*wanted, *pinned]
        found = (self._version(item.org, item.policy, item.version) for item in named)
        known = {item.digest: item for item in found if item is not None}
        for item in wanted:
            if item.digest not in known:
                raise invalid(f"the release assigns {item} and does not carry it", RELEASE_TARGET)
        return _from_statements(
            "release", self.release, said, row, known, subject.environment, self._timeline, self._sha256
        )

    def _read_assignments(self, repository: str) -> AssignmentsPredicate | None:
        place = self._places.get(repository)
        if not isinstance(place, dict):
            return None
        path = assignments_statement(str(place.get("org")), str(place.get("project")), repository)
        return read_statement(self._promised(path), AssignmentsPredicate, self._root, path)[1]

    @cached_property
    def _places(self) -> Mapping[str, Any]:
        index = strict_json.loads(
            self._promised(REPOSITORIES_TARGET), REPOSITORIES_TARGET, max_bytes=MAX_INDEX_BYTES
        )
        places = index.get("repositories") if isinstance(index, dict) else None
        if not isinstance(places, dict):
            raise invalid("not an index of repositories", REPOSITORIES_TARGET)
        return places

    def _read_version(self, org: str, policy: str, version: str) -> KnownVersion | None:
        path = version_statement(org, policy, version)
        payload = self._read(path)
        return (
            None
            if payload is None
            else known_version(*read_statement(payload, VersionPredicate, self._root, path))
        )

    def _promised(self, path: str) -> bytes:
        payload = self._read(path)
        if payload is None:
            raise invalid("the release holds no such target", path)
        return payload


class ContentRequirements:
    """What the verified state of a fleet requires of any repository, published or not.

    Args:
        content: From :func:`gaitops.release.collect.collect`.
        time_of: Committer time of a commit of its history.
    """

    def __init__(
        self, content: ReleaseContent, root_version: int, time_of: Callable[[str], datetime | None]
    ) -> None:
        self._content = content
        self._root_version = root_version
        self._timeline = CommitTimeline(content.history, time_of)
        self._version = cache(self._read_version)

    def repositories(self) -> Mapping[str, tuple[str, str]]:
        """Every repository to which something is assigned → its org and project."""
        return {
            row.repository: (project.org, project.project)
            for org in self._content.orgs
            for project in org.projects
            for row in project.assignments
        }

    def environments(self, repository: str) -> tuple[str, ...]:
        """Environments in which something is assigned to a repository, sorted."""
        return tuple(sorted(row.environment for row in self._rows.get(repository, ((), None))[0]))

    def required(self, subject: Subject) -> Required:
        """What verified state requires of the subject; nothing is enforced where it assigns nothing."""
        rows, project = self._rows.get(subject.repository, ((), None))
        row = next((item for item in rows if item.environment == subject.environment), None)
        waivers = () if project is None else project.waivers.get(subject.repository, ())
        enforced = None if row is None else self._version(row.enforced)
        candidate = None if row is None or row.candidate is None else self._version(row.candidate)
        claimed = subject.claimed
        pinned = () if claimed is None else (claimed.enforced, claimed.candidate)
        refs = (
            VersionRef(item.org, item.policy, item.version, item.digest)
            for item in pinned
            if item is not None
        )
        found = [enforced, candidate, *map(self._version, refs)]
        return Required(
            source="fleet",
            fleet=self._content.fleet,
            trust_root=self._content.trust_root,
            root_version=self._root_version,
            release=None,
            commit=self._content.commit,
            enforced=enforced,
            candidate=candidate,
            mode=None if row is None else row.mode,  # type: ignore[arg-type]  # a mode, as plain text
            waivers=_waivers(waivers, subject.environment),
            pin_grace=self._content.grace.pin,
            withdrawn_grace=self._content.grace.withdrawn,
            known={item.digest: item for item in found if item is not None},
            timeline=self._timeline,
        )

    @cached_property
    def _rows(self) -> Mapping[str, tuple[tuple[AssignmentRow, ...], ReleasedProject | None]]:
        found: dict[str, tuple[tuple[AssignmentRow, ...], ReleasedProject | None]] = {}
        for org in self._content.orgs:
            for project in org.projects:
                for row in project.assignments:
                    found[row.repository] = ((*found.get(row.repository, ((), None))[0], row), project)
        return found

    @cached_property
    def _versions(self) -> Mapping[VersionRef, Any]:
        return {version.ref: version for org in self._content.orgs for version in org.versions}

    def _read_version(self, ref: VersionRef) -> KnownVersion | None:
        version = self._versions.get(ref)
        if version is None:
            return None
        files = {name: hashlib.sha256(data).hexdigest() for name, data in version.files.items()}
        return KnownVersion(
            ref.org,
            ref.policy,
            ref.version,
            ref.digest,
            version.gait_digest,
            files,
            version.withdrawn,
            version.withdrawn_at,
        )


def _from_statements(
    source: RequirementSource,
    release: ReleasePredicate,
    said: AssignmentsPredicate | None,
    row: AssignedEnvironment | None,
    known: Mapping[str, KnownVersion],
    environment: str,
    timeline: ReleaseTimeline | None = None,
    source_sha256: str | None = None,
) -> Required:
    default = Grace()
    return Required(
        source=source,
        fleet=release.fleet,
        trust_root=release.trust_root,
        root_version=release.root_version,
        release=release.release,
        commit=release.commit,
        enforced=None if row is None else known.get(row.enforced.digest),
        candidate=None if row is None or row.candidate is None else known.get(row.candidate.digest),
        mode=None if row is None else row.mode,
        waivers=() if said is None else _waivers(said.waivers, environment),
        pin_grace=_seconds(release.pin_grace_seconds, default.pin),
        withdrawn_grace=_seconds(release.withdrawn_grace_seconds, default.withdrawn),
        known=known,
        timeline=timeline,
        source_sha256=source_sha256,
    )


def _row(said: AssignmentsPredicate, environment: str) -> AssignedEnvironment | None:
    return next((row for row in said.environments if row.environment == environment), None)


def _waivers(stated: Iterable[StatedWaiver | Waived], environment: str) -> tuple[WaiverUse, ...]:
    """Those that reach the environment. One with a time that is none reaches nothing."""
    found = []
    for item in stated:
        issued, expires = moment(item.issued_at), moment(item.expires_at)
        if item.environment in (None, environment) and issued is not None and expires is not None:
            found.append(
                WaiverUse(
                    item.id,
                    item.control,
                    item.environment,
                    item.owner,
                    item.ticket,
                    issued,
                    expires,
                    item.digest,
                )
            )
    return tuple(found)


def _seconds(stated: int | None, default: timedelta) -> timedelta:
    # At most a century, so that adding it to a date cannot overflow.
    return default if stated is None else timedelta(seconds=min(stated, 36_500 * 86_400))
