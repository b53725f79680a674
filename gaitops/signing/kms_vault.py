# SPDX-License-Identifier: Apache-2.0
"""Keys in the transit engine of HashiCorp Vault or OpenBao: ``hv:NAME/VERSION``.

``VAULT_ADDR`` names the server; token, namespace and certificates are found by hvac as by the ``vault`` program.
The engine is mounted at ``transit``. The version is part of the name, so that rotation in Vault changes nothing
here until somebody names the new version. Needs ``read`` on ``transit/keys/NAME`` and ``update`` on
``transit/sign/NAME``. The server is asked once; hvac does not repeat requests.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from typing import Any, Final

import hvac
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hvac import exceptions as vault
from requests.exceptions import RequestException

from gaitops.errors import GaitopsError
from gaitops.signing import service_errors as errors
from gaitops.signing.services import Surroundings

ADDRESS_VARIABLE = "VAULT_ADDR"
"""Environment variable with the address of the server."""

_ED25519 = "ed25519"
_ECDSA: Final = {"ecdsa-p256": "sha2-256", "ecdsa-p384": "sha2-384", "ecdsa-p521": "sha2-512"}
"""Key type → hash. RSA keys are left out: Vault's default is the largest salt, which few TUF clients expect."""


class VaultKey:
    """A :class:`gaitops.signing.services.RemoteKey` in a transit engine."""

    def __init__(self, uri: str, surroundings: Surroundings) -> None:
        name, _, version = uri.partition(":")[2].rpartition("/")
        if not name or "/" in name or not (version.isascii() and version.isdigit() and int(version)):
            raise errors.malformed_uri(uri, "hv:NAME/VERSION, with a version from 1")
        self._uri, self._name, self._version = uri, name, int(version)
        self._type = ""
        address = surroundings.environment.get(ADDRESS_VARIABLE)
        if not address:
            raise errors.configuration(uri, f"{ADDRESS_VARIABLE} is not set", f"set {ADDRESS_VARIABLE}")
        limits = surroundings.limits
        client: Any = hvac.Client(url=address, timeout=(limits.connect_seconds, limits.read_seconds))
        self._transit = client.secrets.transit

    def public(self) -> PublicKeyTypes:
        """The public half of this version; the type of the key is kept for signing."""
        data = self._ask(lambda: self._transit.read_key(self._name)["data"])
        known = data["keys"]
        if str(self._version) not in known:
            raise errors.not_found(
                self._uri, f"it has the versions {', '.join(sorted(known, key=int))}", "name one of them"
            )
        if self._version < data.get("min_encryption_version", 0):
            raise errors.disabled(
                self._uri, f"Vault signs with versions from {data['min_encryption_version']} only"
            )
        self._type = str(data["type"])
        if self._type != _ED25519 and self._type not in _ECDSA:
            raise errors.algorithm(self._uri, f"it is of type {self._type}")
        return self._read(str(known[str(self._version)]["public_key"]))

    def sign(self, message: bytes, scheme: str) -> bytes:  # noqa: ARG002 - Vault's type of the key fixes it
        """Have Vault sign ``message``, which it hashes itself; ECDSA signatures come as ASN.1."""
        settings: dict[str, str] = {}
        if self._type != _ED25519:
            settings = {"hash_algorithm": _ECDSA[self._type], "marshaling_algorithm": "asn1"}
        answer = self._ask(
            lambda: self._transit.sign_data(
                self._name,
                hash_input=b64encode(message).decode("ascii"),
                key_version=self._version,
                **settings,
            )
        )
        # vault:vVERSION:BASE64
        try:
            return b64decode(str(answer["data"]["signature"]).rpartition(":")[2], validate=True)
        except Base64Error as error:
            raise errors.failed(self._uri, "the answer is not a signature") from error

    def _read(self, text: str) -> PublicKeyTypes:
        try:
            if self._type == _ED25519:
                return Ed25519PublicKey.from_public_bytes(b64decode(text, validate=True))
            return load_pem_public_key(text.encode())
        except (ValueError, UnsupportedAlgorithm) as error:
            raise errors.algorithm(self._uri, "its public half cannot be read") from error

    def _ask(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (vault.VaultError, RequestException) as error:
            raise _explained(self._uri, self._name, error) from error


def open_key(uri: str, surroundings: Surroundings) -> VaultKey:
    """The key that ``uri`` names; nothing is sent yet.

    Raises:
        InvalidInputError: ``key.uri`` or ``signer.configuration``.
    """
    return VaultKey(uri, surroundings)


def _explained(uri: str, name: str, error: Exception) -> GaitopsError:
    kind = type(error).__name__
    if isinstance(error, vault.Unauthorized):
        return errors.credentials(uri, kind, "log in again: vault login")
    if isinstance(error, vault.Forbidden):
        # Vault answers alike to a token that is unknown or expired and to one without the permission.
        needed = f"read on transit/keys/{name} and update on transit/sign/{name}; if they are, log in again: vault login"
        return errors.denied(uri, kind, needed)
    if isinstance(error, vault.InvalidPath):
        return errors.not_found(
            uri, kind, "check name, namespace and address; the engine must be at transit/"
        )
    if isinstance(
        error,
        (
            vault.RateLimitExceeded,
            vault.InternalServerError,
            vault.VaultNotInitialized,
            vault.VaultDown,
            vault.BadGateway,
            RequestException,
        ),
    ):
        return errors.unavailable(uri, kind)
    return errors.failed(uri, kind)
