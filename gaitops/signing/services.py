# SPDX-License-Identifier: Apache-2.0
"""Keys that stay where they are: in a cloud's KMS, in Vault, in an HSM.

A service is a module with one function, ``open_key``; the table below is all that the rest of gaitops knows of
it. The URIs are those of securesystemslib. The service is asked for the public half first, so that no file with
it is needed, and so that one which is at hand can be compared before anything is signed. Client libraries are
imported with the module that needs them, that is when the first URI of its scheme is opened.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol, Self

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from securesystemslib.signer import Key, SecretsHandler, Signature, Signer, SSlibKey

from gaitops.errors import GaitopsError, InvalidInputError, MissingDependencyError
from gaitops.signing import service_errors
from gaitops.signing.keys import from_public, load
from gaitops.signing.verification import verify

AskPassphrase = Callable[[], bytes]
"""Asks a person, or whoever else knows; called at most once for each signer."""

_HASHES: Final = {
    "ecdsa-sha2-nistp256": "sha256",
    "ecdsa-sha2-nistp384": "sha384",
    "ecdsa-sha2-nistp521": "sha512",
    "rsassa-pss-sha256": "sha256",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait for a service. Retries are for answers that another try may change, never for a PIN."""

    connect_seconds: float = 5.0
    read_seconds: float = 15.0
    attempts: int = 3
    """With the first one. A service that is asked over HTTP without a retrying client is asked once."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a service may know of the process: time-outs, environment, and somebody to ask for a PIN.

    The client libraries of the clouds find credentials by themselves, each as its provider documents it.
    """

    limits: Limits = Limits()
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    ask: AskPassphrase | None = None


class RemoteKey(Protocol):
    """One key in a service. Both methods raise the errors of :mod:`gaitops.signing.service_errors` only."""

    def public(self) -> PublicKeyTypes:
        """The public half, as the service tells it now."""

    def sign(self, message: bytes, scheme: str) -> bytes:
        """A raw signature over ``message`` with the scheme (as in TUF metadata) of the public half."""


class _Service(NamedTuple):
    module: str
    """Has ``open_key(uri: str, surroundings: Surroundings) -> RemoteKey``."""
    extra: str


_SERVICES: Final[Mapping[str, _Service]] = {
    "awskms": _Service("gaitops.signing.kms_aws", "aws"),
    "gcpkms": _Service("gaitops.signing.kms_gcp", "gcp"),
    "azurekms": _Service("gaitops.signing.kms_azure", "azure-kms"),
    "hv": _Service("gaitops.signing.kms_vault", "vault"),
    "hsm": _Service("gaitops.signing.hsm", "hsm"),
}


class ServiceSigner(Signer):
    """Signs with a key in a service, and gives out a signature only after it has verified under that key."""

    def __init__(self, uri: str, remote: RemoteKey, key: SSlibKey) -> None:
        self._uri = uri
        self._remote = remote
        self._key = key

    @classmethod
    def open(cls, uri: str, surroundings: Surroundings) -> Self:
        """Ask the service that ``uri`` names for the public half of the key.

        Raises:
            InvalidInputError: ``key.uri``, ``key.weak``, ``key.unsupported`` or ``signer.*``.
            InternalError: ``signer.unavailable`` or ``signing.failed``.
            MissingDependencyError: ``dependency.signer``.
        """
        opener = _opener(uri)
        with _guarded(uri):
            remote = opener(uri, surroundings)
            public = remote.public()
        return cls(uri, remote, from_public(public))

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: SecretsHandler | None = None
    ) -> Self:
        """The constructor of securesystemslib, with an environment that is empty.

        Raises:
            ValueError: As securesystemslib's contract demands: the service holds another key.
            GaitopsError: As :meth:`open` does.
        """
        ask = None if secrets_handler is None else lambda: secrets_handler("PIN").encode()
        signer = cls.open(priv_key_uri, Surroundings(ask=ask))
        if signer.public_key.keyid != load(public_key).keyid:
            raise ValueError(f"{priv_key_uri} is not the private half of {public_key.keyid}")
        return signer

    @property
    def public_key(self) -> SSlibKey:
        """The key that signs."""
        return self._key

    def sign(self, payload: bytes) -> Signature:
        """Sign ``payload``.

        Raises:
            InvalidInputError: ``signer.*``.
            InternalError: ``signer.unavailable``; ``signing.failed``, also when what the service answered is
                not a signature over ``payload`` by this key.
        """
        with _guarded(self._uri):
            signature = self._remote.sign(payload, self._key.scheme)
        if not verify(self._key, signature, payload):
            raise service_errors.failed(
                self._uri,
                "the answer is no signature of these bytes by the key that the service showed before",
            )
        return Signature(self._key.keyid, signature.hex())


def in_service(uri: str) -> bool:
    """Whether ``uri`` names a key in one of the services."""
    scheme, separator, _ = uri.partition(":")
    return bool(separator) and scheme in _SERVICES


def hash_name(uri: str, scheme: str) -> str:
    """The hash (as :mod:`hashlib` calls it) that a scheme signs.

    Raises:
        InvalidInputError: ``signer.algorithm`` for a scheme that does not sign a hash of its own.
    """
    if scheme not in _HASHES:
        raise service_errors.algorithm(uri, f"keys for {scheme} are not supported in this service")
    return _HASHES[scheme]


def digest(uri: str, scheme: str, message: bytes) -> bytes:
    """The digest of ``message`` that is sent to a service in its place.

    Raises:
        InvalidInputError: as :func:`hash_name`.
    """
    return hashlib.new(hash_name(uri, scheme), message).digest()


@contextmanager
def _guarded(uri: str) -> Iterator[None]:
    """Client libraries raise more than they document; what their exceptions say is not for messages."""
    try:
        yield
    except GaitopsError:
        raise
    except Exception as error:
        raise service_errors.failed(uri, f"unexpected {type(error).__name__}") from error


def _opener(uri: str) -> Callable[[str, Surroundings], RemoteKey]:
    scheme = uri.partition(":")[0]
    if scheme not in _SERVICES:
        raise InvalidInputError.of("key.uri", f"there is no service for keys called {scheme}:")
    service = _SERVICES[scheme]
    try:
        opener: Callable[[str, Surroundings], RemoteKey] = import_module(service.module).open_key
    except ImportError as error:
        if error.name is not None and error.name.partition(".")[0] == "gaitops":
            raise
        raise MissingDependencyError.of(
            "dependency.signer",
            f"keys in {scheme}: need {error.name or 'a library'}, which is not installed",
            remedy=f"pip install 'gaitops[{service.extra}]'",
        ) from error
    return opener
