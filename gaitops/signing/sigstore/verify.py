# SPDX-License-Identifier: Apache-2.0
"""What a Sigstore bundle proves, offline, under one trusted root."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gaitops.errors import VerificationError
from gaitops.signing.dsse import Envelope
from gaitops.signing.sigstore.claims import Claims


@dataclass(frozen=True, slots=True)
class TrustedRootFile:
    """A Sigstore trusted root as it was read."""

    data: bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class LogEntry:
    """Where a transparency log holds a signature."""

    log_id: str
    """Lowercase hex."""
    index: int


@dataclass(frozen=True, slots=True)
class VerifiedBundle:
    """Who signed, when, and where it is logged."""

    claims: Claims
    signed_at: datetime
    source: Literal["rekor", "rfc3161"]
    log: LogEntry | None


def verify_bundle(envelope: Envelope, trusted_root: TrustedRootFile) -> VerifiedBundle:
    """Verify a bundle.

    Raises:
        VerificationError: ``sigstore.bundle``.
    """
    raise VerificationError.of("sigstore.bundle", "bundles cannot be verified yet")
