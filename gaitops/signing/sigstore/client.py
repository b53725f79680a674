# SPDX-License-Identifier: Apache-2.0
"""sigstore-python as a client that signs, and everything that the signing side relies on it for.

Importing this module loads it: only :mod:`gaitops.signing.sigstore.sign` and ``tokens`` do, when somebody signs.
Whatever goes wrong is raised as sigstore-python and the libraries below it raise it; ``sign`` gives it a meaning.

Not public in sigstore-python, and tested here: ``Signer._signing_cert``, because the certificate has to be looked at
before anything is signed with it; ``_session`` of its clients of the log, because those wait for ever otherwise; and
``_contents`` of its statements, because its own reading of them knows fewer digests than in-toto does.
"""

from __future__ import annotations

from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from sigstore.dsse import Statement
from sigstore.models import ClientTrustConfig
from sigstore.oidc import IdentityToken, Issuer, detect_credential
from sigstore.sign import Signer, SigningContext

_SECONDS: Final = (10.0, 60.0)
"""To connect, and to wait for an answer: logs answer when they have added the entry."""


class _Patient(HTTPAdapter):  # type: ignore[misc] # requests counts as a library without types
    """Waits, but not for ever."""

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        if options.get("timeout") is None:
            options["timeout"] = _SECONDS
        return super().send(request, *args, **options)


class _Opaque(Statement):
    """A statement that has been read already. sigstore-python would refuse the digest ``gitCommit`` of a subject."""

    def __init__(self, contents: bytes) -> None:
        self._contents = contents


def configured(config: str | None) -> ClientTrustConfig:
    """The instance that a ``ClientTrustConfig`` describes; without one the public instance, as its TUF says today."""
    return ClientTrustConfig.production() if config is None else ClientTrustConfig.from_json(config)


def authorities(config: ClientTrustConfig) -> frozenset[bytes]:
    """Certificates of the authorities that issue to signers, in DER."""
    return frozenset(item.public_bytes(Encoding.DER) for item in config.trusted_root.get_fulcio_certs())


def provider(config: ClientTrustConfig) -> str:
    """URL of the instance's OpenID provider."""
    return config.signing_config.get_oidc_url()


def signer(config: ClientTrustConfig, token: str, client_id: str) -> Signer:
    """A key that lives as long as this object, and a certificate for it, which has been asked for."""
    services = config.signing_config
    fulcio, log = services.get_fulcio(), services.get_tlogs()[0]
    # Unlike that of timestamp authorities, these clients wait without end.
    for session in (fulcio.session, log._session):  # type: ignore[attr-defined]  # noqa: SLF001
        session.mount("https://", _Patient())
        session.mount("http://", _Patient())
    context = SigningContext(
        fulcio=fulcio, rekor=log, trusted_root=config.trusted_root, tsa_clients=services.get_tsas()
    )
    return Signer(IdentityToken(token, client_id), context)


def certificate(signer: Signer) -> bytes:
    """The certificate in DER."""
    return signer._signing_cert().public_bytes(Encoding.DER)  # noqa: SLF001


def sign(signer: Signer, payload: bytes) -> bytes:
    """A bundle around exactly these bytes, which are an in-toto statement that was read before."""
    return signer.sign_dsse(_Opaque(payload)).to_json().encode()


def browser_token(issuer: str, client_id: str) -> str:
    """A token for whoever signs in with the browser that is opened."""
    return str(Issuer(issuer).identity_token(client_id=client_id))


def ambient_token(audience: str) -> str | None:
    """The token that a CI system gives its jobs; ``None`` where there is none."""
    return detect_credential(audience)
