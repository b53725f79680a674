# SPDX-License-Identifier: Apache-2.0
"""Keys in Azure Key Vault and Managed HSM: ``azurekms://VAULT.vault.azure.net/keys/NAME/VERSION``.

azure-identity finds credentials by itself (``DefaultAzureCredential``). A version of a key never changes, and the
version is part of the name. Needs the role *Key Vault Crypto User*, or ``keys/get`` and ``keys/sign``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from azure.core import exceptions as azure
from azure.identity import DefaultAzureCredential
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import CryptographyClient, SignatureAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from gaitops.errors import GaitopsError
from gaitops.signing import service_errors as errors
from gaitops.signing.services import Surroundings, digest

_URI = re.compile(
    r"azurekms://(?P<host>[a-z0-9.-]+)/keys/(?P<name>[A-Za-z0-9-]+)/(?P<version>[0-9a-f]{32})", re.ASCII
)
_CURVES: Final[dict[str, ec.EllipticCurve]] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
}
_ALGORITHMS: Final = {
    "ecdsa-sha2-nistp256": "ES256",
    "ecdsa-sha2-nistp384": "ES384",
    "ecdsa-sha2-nistp521": "ES512",
    "rsassa-pss-sha256": "PS256",
}
_OFF = frozenset({"KeyDisabled", "KeyExpired", "KeyNotYetValid"})
_LOGIN = "log in again (az login, or the step of the pipeline that does it)"
_PERMISSIONS = "the role Key Vault Crypto User on this key, and our network in the vault's firewall"


class AzureKey:
    """A :class:`gaitops.signing.services.RemoteKey` in a vault of Azure."""

    def __init__(self, uri: str, surroundings: Surroundings) -> None:
        named = _URI.fullmatch(uri)
        if named is None:
            raise errors.malformed_uri(uri, "azurekms://VAULT.vault.azure.net/keys/NAME/VERSION")
        self._uri = uri
        self._name, self._version = named["name"], named["version"]
        limits = surroundings.limits
        bounds = {
            "connection_timeout": limits.connect_seconds,
            "read_timeout": limits.read_seconds,
            "retry_total": limits.attempts - 1,
        }
        credential = DefaultAzureCredential()
        self._keys: Any = KeyClient(vault_url=f"https://{named['host']}", credential=credential, **bounds)
        self._crypto: Any = CryptographyClient(
            uri.replace("azurekms:", "https:", 1), credential=credential, **bounds
        )

    def public(self) -> PublicKeyTypes:
        """The public half of this version."""
        answer = self._ask(lambda: self._keys.get_key(self._name, self._version))
        if answer.properties.enabled is False:
            raise errors.disabled(self._uri, "the version is disabled")
        key = answer.key
        kind, curve = _text(key.kty), _text(key.crv)
        try:
            if kind.startswith("EC") and curve in _CURVES:
                x, y = int.from_bytes(key.x, "big"), int.from_bytes(key.y, "big")
                return ec.EllipticCurvePublicNumbers(x, y, _CURVES[curve]).public_key()
            if kind.startswith("RSA"):
                exponent, modulus = int.from_bytes(key.e, "big"), int.from_bytes(key.n, "big")
                return rsa.RSAPublicNumbers(exponent, modulus).public_key()
        except ValueError as error:
            raise errors.algorithm(self._uri, "its public half cannot be read") from error
        raise errors.algorithm(self._uri, f"it is of type {kind} {curve}".rstrip())

    def sign(self, message: bytes, scheme: str) -> bytes:
        """Sign the digest of ``message``; ECDSA signatures are brought into the form of ASN.1."""
        hashed = digest(self._uri, scheme, message)
        answer = self._ask(lambda: self._crypto.sign(SignatureAlgorithm(_ALGORITHMS[scheme]), hashed))
        raw = bytes(answer.signature)
        if scheme.startswith("rsa"):
            return raw
        # JSON Web Algorithms (RFC 7518 3.4): r and s one after the other, of equal length.
        half = len(raw) // 2
        return encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))

    def _ask(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except azure.AzureError as error:
            raise _explained(self._uri, error) from error


def open_key(uri: str, surroundings: Surroundings) -> AzureKey:
    """The key that ``uri`` names; nothing is sent yet.

    Raises:
        InvalidInputError: ``key.uri``.
    """
    return AzureKey(uri, surroundings)


def _text(value: Any) -> str:
    """Members of Azure's enumerations come as such or, when they are new, as text."""
    return "" if value is None else str(getattr(value, "value", value))


def _explained(uri: str, error: Exception) -> GaitopsError:
    kind = type(error).__name__
    if isinstance(error, azure.ClientAuthenticationError):
        return errors.credentials(uri, kind, _LOGIN)
    if isinstance(error, azure.ResourceNotFoundError):
        return errors.not_found(uri, kind, "check vault, name and version")
    if not isinstance(error, azure.HttpResponseError):
        return errors.unavailable(uri, kind)
    status = error.status_code or 0
    if status == 403:
        reason = _inner_code(error)
        return errors.disabled(uri, reason) if reason in _OFF else errors.denied(uri, reason, _PERMISSIONS)
    if status == 429 or status >= 500:
        return errors.unavailable(uri, f"HTTP status {status}")
    if status == 400:
        return errors.algorithm(uri, "Key Vault does not sign with it (HTTP status 400)")
    return errors.failed(uri, f"{kind}, HTTP status {status}")


def _inner_code(error: azure.HttpResponseError) -> str:
    """The more exact of the two codes in an answer of Key Vault (``error.innererror.code``)."""
    inner = getattr(error.error, "innererror", None) or {}
    return str(inner.get("code") or getattr(error.error, "code", None) or "Forbidden")
