# SPDX-License-Identifier: Apache-2.0
"""What a release says, before it becomes files: plain values taken from verified state.

:mod:`gaitops.history` proves the state, :mod:`gaitops.release` turns these values into a TUF repository.
Nothing here is signed and nothing here knows Git.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gaitops.documents.models.checkpoint import EvidenceCheckpoint
from gaitops.fleet.waivers import Waived


@dataclass(frozen=True, slots=True)
class VersionRef:
    """One policy version, named by its place in the fleet and by what it contains."""

    org: str
    policy: str
    version: str
    digest: str
    """Version digest (design 7), lowercase hex SHA-256: pins the version and its whole ancestry."""


@dataclass(frozen=True, slots=True)
class ReleasedVersion:
    """A published policy version with every file of its folder."""

    ref: VersionRef
    gait_digest: str
    """Gait's own digest of ``gait.policy.yaml``, as Gait prints it."""
    gait_scheme: str
    risk: str
    parents: tuple[VersionRef, ...]
    files: Mapping[str, bytes]
    """File name relative to the version folder → bytes; includes ``version.yaml`` and ``gait.policy.yaml``."""
    approvals: tuple[str, ...]
    """SHA-256 of the payloads of the envelopes that carried the publication, sorted."""
    commit: str
    """Commit whose position in the history carried it."""
    withdrawn: bool
    withdrawn_at: datetime | None = None
    """When that was decided."""


@dataclass(frozen=True, slots=True)
class AssignmentRow:
    """What one repository must run in one environment."""

    repository: str
    """Normalised repository id, for example ``github.com/acme/pay``."""
    environment: str
    tier: str
    enforced: VersionRef
    candidate: VersionRef | None
    mode: str
    """``enforce`` without a candidate; the candidate's mode otherwise."""


@dataclass(frozen=True, slots=True)
class ReleasedProject:
    """The assignments of one project, sorted by (repository, environment)."""

    org: str
    project: str
    assignments: tuple[AssignmentRow, ...]
    waivers: Mapping[str, tuple[Waived, ...]] = field(default_factory=dict)
    """Repository id → the waivers that name it, sorted by id: what conformance accepts there."""


@dataclass(frozen=True, slots=True)
class ReleasedOrg:
    """What one tenant's delegation carries."""

    org: str
    commit: str
    """Commit at which this org's partition was verified."""
    versions: tuple[ReleasedVersion, ...]
    projects: tuple[ReleasedProject, ...]


@dataclass(frozen=True, slots=True)
class Expiries:
    """How long metadata stays valid, counted from the commit time (design 8)."""

    timestamp: timedelta
    snapshot: timedelta
    targets: timedelta


@dataclass(frozen=True, slots=True)
class Grace:
    """How long consumers may lag behind and still conform (design 10)."""

    pin: timedelta = timedelta(days=7)
    """Behind the newest release."""
    withdrawn: timedelta = timedelta(days=14)
    """On a withdrawn version."""


@dataclass(frozen=True, slots=True)
class ReleaseContent:
    """Everything that determines the bytes of a release, except the signing keys."""

    fleet: str
    trust_root: str
    """SHA-256 of root version 1, the fleet's identity."""
    root_chain: tuple[bytes, ...]
    """Root metadata files 1 … N, exactly as committed."""
    commit: str
    """Head commit of the history that was judged."""
    time: datetime
    """Committer time of that commit, UTC, whole seconds; all expiries count from it."""
    history: tuple[str, ...]
    """Commit ids of the first-parent chain from genesis to ``commit``, oldest first."""
    orgs: tuple[ReleasedOrg, ...]
    partitions: Mapping[str, str]
    """Partition → newest commit whose content of it is verified; what is in doubt is left out. From here a later
    verification may start (design 5, ``--from-release``)."""
    audit_head: str
    """Hash of the newest audit event at ``commit``."""
    expiries: Expiries
    grace: Grace = Grace()
    checkpoints: tuple[EvidenceCheckpoint, ...] = ()
    """The newest checkpoint of each evidence store, by store."""
    sigstore_root: bytes | None = None
    """``trust/sigstore/trusted_root.json`` as committed; ``None`` when the fleet has none."""
