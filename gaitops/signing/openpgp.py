# SPDX-License-Identifier: Apache-2.0
"""OpenPGP certificates, with which commits are signed; the work is Sequoia's (extra ``openpgp``).

pysequoia is imported where a certificate is read: most fleets have none.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from gaitops.errors import InvalidInputError, MissingDependencyError
from gaitops.signing.canonical import digest


@dataclass(frozen=True, slots=True)
class OpenPGPCertificate:
    """A certificate as a principal document holds it."""

    text: str
    """Armored."""
    primary: str
    """Fingerprint of the primary key as OpenPGP computes it (RFC 9580 5.5.4), lowercase hex."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 that names the identity, whatever else the certificate says about itself."""
        return digest({"primary": self.primary, "type": "openpgp"})


@lru_cache(maxsize=1024)
def read_certificate(text: str) -> OpenPGPCertificate:
    """Read an armored certificate.

    Raises:
        InvalidInputError: ``key.malformed``.
        MissingDependencyError: ``dependency.openpgp``.
    """
    try:
        from pysequoia import Cert  # noqa: PLC0415  # see the module's docstring
    except ImportError as error:
        raise MissingDependencyError.of(
            "dependency.openpgp",
            "a principal has an OpenPGP certificate, and the library for OpenPGP is not installed",
            remedy="pip install 'gaitops[openpgp]'",
        ) from error
    try:
        certificate = Cert.from_bytes(text.encode())
    except Exception as error:  # Sequoia raises plain exceptions.
        raise InvalidInputError.of("key.malformed", "not an OpenPGP certificate") from error
    return OpenPGPCertificate(text, certificate.fingerprint.lower())
