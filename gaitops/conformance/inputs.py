# SPDX-License-Identifier: Apache-2.0
"""What a control may look at: the repository, what is required of it, and the circumstances.

:mod:`gaitops.conformance.pinned` reads a pin, :mod:`gaitops.conformance.requirements` finds out what is required.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from gaitops.conformance.model import PolicyRef, RequirementSource, WaiverUse
from gaitops.content import Snapshot
from gaitops.documents.models.base import Mode
from gaitops.documents.models.summary import EvidenceSummary, RepositoryEvidence
from gaitops.errors import Problem
from gaitops.pin.model import Pin, PinnedEnvironment
from gaitops.pin.require import Require
from gaitops.pin.verify import VerifiedPin
from gaitops.release.statement import ReleasePredicate


@dataclass(frozen=True, slots=True)
class KnownVersion:
    """A policy version as verified content describes it."""

    org: str
    policy: str
    version: str
    digest: str
    """Version digest (design 7)."""
    gait_digest: str
    files: Mapping[str, str]
    """File name in the version's folder → SHA-256."""
    withdrawn: bool = False
    withdrawn_at: datetime | None = None
    """When it was withdrawn, as far as that is known."""

    def __str__(self) -> str:
        return f"{self.org}/{self.policy}@{self.version}"

    @property
    def ref(self) -> PolicyRef:
        """As results name it."""
        return PolicyRef(str(self), self.digest, self.gait_digest)


@dataclass(frozen=True, slots=True)
class PinReading:
    """The ``.gaitops/`` of a repository, read once for all of its environments."""

    files: Mapping[str, bytes]
    """Path below ``.gaitops/`` → bytes; empty when there is none or it cannot be read at all."""
    pin: Pin | None
    """``pin.yaml`` as it stands, believed by nobody; ``None`` when it is missing or unreadable."""
    verified: VerifiedPin | None
    """The pin when all of it verifies from the caller's trust root."""
    problems: tuple[Problem, ...] = ()
    """Why it does not."""
    versions: Mapping[str, KnownVersion] = field(default_factory=dict)
    """Version digest → what the signed statements of a verified pin say of the versions that it pins."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One repository in one environment."""

    snapshot: Snapshot
    """Its files: of a commit or of a working tree."""
    repository: str
    """Normalised id, for example ``github.com/acme/pay``."""
    environment: str
    reading: PinReading
    commit: str | None = None
    """The commit that was read; ``None`` for a working tree."""

    @property
    def claimed(self) -> PinnedEnvironment | None:
        """What ``pin.yaml`` says of the environment, verified or not."""
        return None if self.reading.pin is None else self.reading.pin.environments.get(self.environment)

    @property
    def pinned(self) -> PinnedEnvironment | None:
        """What the pin says of the environment, once the whole pin verifies."""
        return self.claimed if self.reading.verified is not None else None

    @property
    def release(self) -> ReleasePredicate | None:
        """The release that the pin holds, once the whole pin verifies."""
        return None if self.reading.verified is None else self.reading.verified.release


class Timeline(Protocol):
    """When releases were followed by others."""

    def superseded_at(self, pinned: ReleasePredicate) -> datetime | None:
        """Since when there is a newer release, at the earliest; ``None`` while there is none."""

    def is_behind(self, pinned: ReleasePredicate) -> bool:
        """Whether the pin knows more than what it is compared with: a mirror or clone that is behind."""


@dataclass(frozen=True, slots=True)
class Required:
    """What verified content requires of one repository in one environment."""

    source: RequirementSource
    fleet: str
    trust_root: str
    root_version: int
    """Newest root that it was verified by."""
    release: int | None
    """Number of the release; ``None`` for a fleet's verified state."""
    commit: str
    enforced: KnownVersion | None
    """``None``: nothing is assigned to this repository in this environment."""
    candidate: KnownVersion | None
    mode: Mode | None
    waivers: tuple[WaiverUse, ...]
    """Every waiver that names this repository and environment, in force or not."""
    pin_grace: timedelta
    withdrawn_grace: timedelta
    known: Mapping[str, KnownVersion]
    """Version digest → what is known of it now: the required versions, and those that the pin names."""
    timeline: Timeline | None
    """``None`` when nothing newer than the pin was asked."""
    source_sha256: str | None = None
    """SHA-256 of the release statement that says so."""


@dataclass(frozen=True, slots=True)
class Context:
    """The circumstances of one run."""

    trust_root: str
    """SHA-256 of root version 1, from the caller."""
    at: datetime
    evidence: EvidenceSummary | None = None
    evidence_sha256: str | None = None
    """SHA-256 of the summary's bytes; set together with it."""
    require: Require = Require.KEY
    """Signatures that the statements of a pin must have."""

    def row(self, subject: Subject) -> RepositoryEvidence | None:
        """What the evidence says of the repository and environment."""
        if self.evidence is None:
            return None
        wanted = (subject.repository, subject.environment)
        return next(
            (row for row in self.evidence.repositories if (row.repository, row.environment) == wanted), None
        )
