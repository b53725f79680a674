# SPDX-License-Identifier: Apache-2.0
"""Proving a bundle, offline, against a trusted root."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gaitops.errors import VerificationError
from gaitops.signing.dsse import Envelope
from gaitops.signing.sigstore.claims import Claims
from gaitops.signing.sigstore.expected import Person, Workload

Source = Literal["rekor", "rfc3161"]
"""Who vouches for a time: a transparency log or a timestamp authority."""


@dataclass(frozen=True, slots=True)
class TrustedRootFile:
    """A ``trusted_root.json`` of verified state."""

    data: bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class LogEntry:
    """Where a transparency log holds the signature."""

    log_id: str
    """Lowercase hex."""
    index: int


@dataclass(frozen=True, slots=True, order=True)
class VerifiedTime:
    """A time at which the signature existed, and who vouches for it."""

    at: datetime
    source: Source


@dataclass(frozen=True, slots=True)
class VerifiedBundle:
    """What a bundle proves."""

    claims: Claims
    times: tuple[VerifiedTime, ...]
    """At least one; earliest first."""
    log: LogEntry | None

    @property
    def signed_at(self) -> datetime:
        """The earliest verified time."""
        return self.times[0].at

    @property
    def source(self) -> Source:
        """Who vouches for :attr:`signed_at`."""
        return self.times[0].source

    def mismatch(self, expected: Person | Workload) -> str | None:
        """Why the signer was, at one of the verified times, not whom one expected."""
        found = (expected.mismatch(self.claims, time.at) for time in self.times)
        return next((message for message in found if message is not None), None)


def verify_bundle(envelope: Envelope, trusted_root: TrustedRootFile) -> VerifiedBundle:
    """What the bundle of an envelope proves under a trusted root.

    Raises:
        VerificationError: ``sigstore.bundle``.
    """
    raise VerificationError.of(
        "sigstore.bundle", f"not verified yet: {len(envelope.payload)}, {trusted_root.sha256}"
    )
