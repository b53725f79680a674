# SPDX-License-Identifier: Apache-2.0
"""What a Fulcio certificate claims about whoever it was issued to.

Source: sigstore/fulcio, docs/oid-info.md. The values are DER UTF8Strings, except for the two oldest extensions. Reading
claims proves nothing about them; :mod:`gaitops.signing.sigstore.verify` does.
"""

from __future__ import annotations

from dataclasses import dataclass

from gaitops.errors import InvalidInputError

PERSON = "person"
WORKLOAD = "workload"

Handle = tuple[str, str, str]
"""Kind, issuer, and subject or repository id: where to look for an identity that a certificate may belong to."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Issuer, subject and the workload extensions of one certificate; ``None`` for what it does not carry."""

    issuer: str
    subject: str
    """The only subject alternative name: an e-mail address or a URI."""
    build_signer_uri: str | None = None
    """1.3.6.1.4.1.57264.1.9: the workflow that signed, with its ref; the callee when a reusable workflow is called."""
    build_signer_digest: str | None = None
    """1.10: commit of that workflow."""
    runner_environment: str | None = None
    """1.11: for example ``github-hosted`` or ``self-hosted``."""
    source_repository_uri: str | None = None
    """1.12."""
    source_repository_digest: str | None = None
    """1.13: commit that the run was about."""
    source_repository_ref: str | None = None
    """1.14."""
    source_repository_id: str | None = None
    """1.15: immutable."""
    source_repository_owner_uri: str | None = None
    """1.16."""
    source_repository_owner_id: str | None = None
    """1.17: immutable."""
    build_config_uri: str | None = None
    """1.18: the workflow at the top of the call chain, with its ref."""
    build_config_digest: str | None = None
    """1.19."""
    build_trigger: str | None = None
    """1.20: for example ``push``."""
    run_invocation_uri: str | None = None
    """1.21."""
    source_repository_visibility: str | None = None
    """1.22."""

    @property
    def is_workload(self) -> bool:
        """Whether the certificate was issued to a run of a pipeline."""
        return self.source_repository_uri is not None or self.build_config_uri is not None

    @property
    def handle(self) -> Handle:
        """Where to look for the identity: people by subject, workloads by the id of their repository."""
        if self.is_workload:
            return (WORKLOAD, self.issuer, self.source_repository_id or "")
        return (PERSON, self.issuer, self.subject)


def read_claims(certificate: bytes) -> Claims:
    """What a certificate in DER claims.

    Raises:
        InvalidInputError: ``sigstore.certificate``.
    """
    raise InvalidInputError.of("sigstore.certificate", f"a certificate of {len(certificate)} bytes")
