# SPDX-License-Identifier: Apache-2.0
"""What a Fulcio certificate claims about whoever it was issued to.

Source: sigstore/fulcio, docs/oid-info.md. The values are DER UTF8Strings, except for the two oldest extensions. Reading
claims proves nothing about them; :mod:`gaitops.signing.sigstore.verify` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gaitops.errors import InvalidInputError

PERSON = "person"
WORKLOAD = "workload"

Handle = tuple[str, str, str]
"""Kind, issuer, and subject or repository id: where to look for an identity that a certificate may belong to."""

_OLD_ISSUER: Final = 1
_ISSUER: Final = 8
_MEMBERS: Final = {
    9: "build_signer_uri",
    10: "build_signer_digest",
    11: "runner_environment",
    12: "source_repository_uri",
    13: "source_repository_digest",
    14: "source_repository_ref",
    15: "source_repository_id",
    16: "source_repository_owner_uri",
    17: "source_repository_owner_id",
    18: "build_config_uri",
    19: "build_config_digest",
    20: "build_trigger",
    21: "run_invocation_uri",
    22: "source_repository_visibility",
}
"""Last arc of an extension, and the member that it becomes."""


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


@lru_cache(maxsize=4096)
def read_claims(certificate: bytes) -> Claims:
    """The claims of a certificate in DER. They are as good as the certificate, about which nothing is checked here.

    Raises:
        InvalidInputError: ``sigstore.certificate`` for what is no X.509 certificate, has another number of subject
            alternative names than one, one that is neither an e-mail address nor a URI, no issuer or two different
            ones, or an extension of Fulcio's that is no UTF-8 string in DER.
    """
    # Loads X.509, which a fleet without keyless identities never needs (design 14).
    from gaitops.signing.sigstore.certificate import read_certificate  # noqa: PLC0415

    subject, values = read_certificate(certificate)
    old = values.pop(_OLD_ISSUER, None)
    new = values.pop(_ISSUER, None)
    if old is not None and new is not None and old != new:
        message = f"the certificate names two issuers, {old!r} and {new!r}"
        raise InvalidInputError.of("sigstore.certificate", message)
    issuer = new or old
    if not issuer:
        message = "the certificate names no OIDC issuer, so it is none of Fulcio's"
        raise InvalidInputError.of("sigstore.certificate", message)
    members = {member: values.get(number) for number, member in _MEMBERS.items()}
    return Claims(issuer=issuer, subject=subject, **members)
