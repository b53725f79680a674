# SPDX-License-Identifier: Apache-2.0
"""``gaitops publish --refresh``: a new timestamp for the release that is there, and nothing else.

A timestamp lives for days, so that a mirror that stopped moving is noticed. One publisher renews it on a schedule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from securesystemslib.signer import Signer

from gaitops.documents.times import format_timestamp
from gaitops.errors import VerificationError
from gaitops.fleet.root import check_not_expired
from gaitops.release.folder import ReleaseFolder
from gaitops.release.publish import signed_timestamp
from gaitops.release.sign import require_publishers
from gaitops.release.sources import DirectorySource
from gaitops.release.verify import verify_release


@dataclass(frozen=True, slots=True)
class RefreshReport:
    """The new timestamp, and until when refreshing it is enough."""

    number: int
    timestamp_version: int
    timestamp_expires: datetime
    renew_before: datetime
    """When the first other metadata expires; a new release must be published before."""


def refresh(out: Path, signers: Sequence[Signer], trust_root: str, now: datetime) -> RefreshReport:
    """Sign a timestamp that is valid from ``now`` for as long as the fleet's timestamps are.

    Raises:
        VerificationError: ``release.expired`` when other metadata has expired, which only a new release cures;
            ``release.invalid``, ``trust.*``, ``history.fork``.
        InvalidInputError: ``release.not_found``, ``release.publisher``.
        InternalError: ``signing.failed``, ``release.io``.
    """
    release = verify_release(DirectorySource(out), trust_root, None)
    check_not_expired(release.root, now)
    require_publishers(signers, release.root)
    renew_before = min(role.expires for role in (release.snapshot, *release.roles.values()))
    if now >= renew_before:
        raise VerificationError.of(
            "release.expired",
            f"metadata of release {release.number} expired at {format_timestamp(renew_before)}",
            remedy="publish a new release: gaitops publish --previous …",
        )
    version = release.timestamp.version + 1
    expires = now.astimezone(UTC).replace(microsecond=0) + release.fields.timestamp_life
    timestamp = signed_timestamp(release.roots[-1], release.number, version, expires, signers)
    ReleaseFolder(out).publish({}, timestamp, release.timestamp.data)
    return RefreshReport(release.number, version, expires, renew_before)
