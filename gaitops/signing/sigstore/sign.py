# SPDX-License-Identifier: Apache-2.0
"""Signing statements without a key: a certificate of minutes for whoever signed in, and a bundle that is verified.

What is signed becomes public for ever: the certificate log shows who asked for a certificate, the transparency log the
digest of the statement. So the order is: is it the instance that the fleet pins, then whose certificate is it, and only
then the signature; and nothing is returned that does not verify with the pinned trusted root.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from gaitops.errors import GaitopsError, InternalError, InvalidInputError, VerificationError
from gaitops.signing.envelopes import canonical_bundle, read_envelope
from gaitops.signing.sigstore.claims import Claims, read_claims
from gaitops.signing.sigstore.expected import Person, Workload
from gaitops.signing.sigstore.tokens import Token, client, reason_of
from gaitops.signing.sigstore.trusted_root import read_trusted_root
from gaitops.signing.sigstore.verify import TrustedRootFile, VerifiedBundle, verify_bundle
from gaitops.signing.statement import PAYLOAD_TYPE, parse_statement

OVERHEAD: Final = 20 * 1024
"""Most bytes of a bundle beyond the base64 of its payload: certificate, twice, log entry and timestamps."""
_REFUSED: Final = frozenset({400, 401, 403, 422})
"""HTTP status of an authority that does not take a token."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A Sigstore instance to sign with."""

    provider: str
    """URL of its OpenID provider; empty when it names none."""
    authorities: frozenset[bytes]
    """Certificates of the authorities that issue to signers, in DER."""
    config: Any
    """As sigstore-python keeps it."""

    def require_pinned(self, trusted_root: TrustedRootFile) -> None:
        """Make sure that the fleet would believe this instance, before anybody signs in there.

        Raises:
            InvalidInputError: ``sigstore.instance``: the trusted root has none of its authorities.
            GaitopsError: ``sigstore.trust_root``.
        """
        pinned = {
            item
            for authority in read_trusted_root(trusted_root.data).authorities
            for item in authority.certificates
        }
        if pinned.isdisjoint(self.authorities):
            raise InvalidInputError.of(
                "sigstore.instance",
                "the Sigstore instance that would sign is not the one whose trusted root the fleet pins",
                remedy="name the fleet's instance: --sigstore-config FILE",
            )


def open_instance(config: bytes | None, path: str = "configuration") -> Instance:
    """The instance that a ``ClientTrustConfig`` describes, or the public one, whose metadata is fetched.

    Raises:
        InvalidInputError: ``sigstore.instance``: the configuration cannot be used.
        InternalError: ``sigstore.unavailable``: the public instance's metadata could not be refreshed.
        MissingDependencyError: ``dependency.sigstore``.
    """
    library = client()
    try:
        found = library.configured(None if config is None else config.decode())
        authorities = library.authorities(found)
    except Exception as error:
        if config is None:
            raise _unavailable("the public Sigstore instance", error) from error
        raise InvalidInputError.of(
            "sigstore.instance",
            f"not a usable client configuration: {reason_of(error)}",
            path=path,
            remedy="give the ClientTrustConfig JSON of your Sigstore instance",
        ) from error
    try:
        provider = library.provider(found)
    except Exception:  # noqa: BLE001 - an instance without one is fine for those who bring a token
        provider = ""
    return Instance(provider, authorities, found)


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who signed in, with a certificate of ten minutes."""

    claims: Claims
    """Of the certificate."""
    _signer: Any
    _token: Token

    def sign(
        self, payload: bytes, trusted_root: TrustedRootFile, expected: Person | Workload
    ) -> tuple[bytes, VerifiedBundle]:
        """A bundle v0.3 around an in-toto statement, verified, in the bytes that gaitops writes.

        Raises:
            VerificationError: ``sigstore.*``, ``signature.invalid``: the bundle that came about does not verify, or at
                its time the certificate was not that of ``expected``.
            InvalidInputError: ``sigstore.token``: certificate or token expired meanwhile; ``statement.malformed``, or a
                ``document.*`` code of the strict JSON reader, for what is no statement.
            InternalError: ``sigstore.unavailable``: a service gave no answer.
        """
        library = client()
        parse_statement(payload)
        try:
            raw = library.sign(self._signer, payload)
        except Exception as error:
            raise _failed(error, self._token) from error
        envelope = read_envelope(raw, "bundle", max_bytes=len(raw))
        verified = verify_bundle(envelope, trusted_root)
        if (envelope.payload, envelope.payload_type) != (payload, PAYLOAD_TYPE):
            raise VerificationError.of("signature.invalid", "other bytes were signed than were given")
        message = verified.mismatch(expected)
        if message is not None:
            raise VerificationError.of(
                "sigstore.identity", message, remedy="sign in as whom the certificate must name"
            )
        if envelope.bundle is None:  # Cannot be: it was verified as one.
            raise VerificationError.of("sigstore.bundle", "the signature comes in no bundle")
        return canonical_bundle(envelope.bundle), verified


def open_session(instance: Instance, token: Token) -> Session:
    """Get a certificate for the owner of a token. From here on the certificate log names them.

    Raises:
        InvalidInputError: ``sigstore.token``: the instance does not take the token.
        InternalError: ``sigstore.unavailable``.
        GaitopsError: ``sigstore.certificate``.
    """
    library = client()
    try:
        signer = library.signer(instance.config, token.raw, token.audience)
        certificate = library.certificate(signer)
    except Exception as error:
        raise _failed(error, token) from error
    return Session(read_claims(certificate), signer, token)


def _failed(error: Exception, token: Token) -> GaitopsError:
    """What a failure of sigstore-python means; it raises errors of many types."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    name = type(error).__name__
    if name in {"ExpiredIdentity", "ExpiredCertificate", "IdentityError"}:
        return InvalidInputError.of(
            "sigstore.token", f"the token is of no use (any more): {reason_of(error)}", remedy="sign in again"
        )
    status = getattr(getattr(cause, "response", None), "status_code", None)
    if name == "FulcioClientError" and status in _REFUSED:
        return InvalidInputError.of(
            "sigstore.token",
            f"the certificate authority does not take the token of {token.issuer} (status {status})",
            remedy="use the issuer that your Sigstore instance is configured for: --oidc-issuer URL",
        )
    return _unavailable("the Sigstore instance", cause)


def _unavailable(what: str, error: BaseException) -> InternalError:
    return InternalError.of(
        "sigstore.unavailable", f"{what} gave no usable answer: {reason_of(error)}", remedy="try again"
    )
