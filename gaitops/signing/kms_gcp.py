# SPDX-License-Identifier: Apache-2.0
"""Keys in Google Cloud KMS: ``gcpkms:projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V``.

The client library finds application default credentials by itself. A version of a key never changes, and the
version is part of the name. Needs ``roles/cloudkms.publicKeyViewer`` and ``roles/cloudkms.signer`` on the key.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from google.api_core import exceptions as google
from google.api_core.retry import Retry
from google.auth.exceptions import GoogleAuthError, TransportError
from google.cloud import kms

from gaitops.errors import GaitopsError
from gaitops.signing import service_errors as errors
from gaitops.signing.services import Surroundings, digest, hash_name

_SHAPE = "gcpkms:projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V"
_NAME = re.compile(
    r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+/cryptoKeyVersions/[0-9]+", re.ASCII
)
_SCHEMES: Final = {
    "EC_SIGN_P256_SHA256": "ecdsa-sha2-nistp256",
    "EC_SIGN_P384_SHA384": "ecdsa-sha2-nistp384",
    "RSA_SIGN_PSS_3072_SHA256": "rsassa-pss-sha256",
    "RSA_SIGN_PSS_4096_SHA256": "rsassa-pss-sha256",
}
"""Algorithm of a key version → what its public half means as PEM everywhere in gaitops."""
_PERMISSIONS = "roles/cloudkms.publicKeyViewer and roles/cloudkms.signer on this key"
_LOGIN = "log in again (gcloud auth application-default login, or the step of the pipeline that does it)"


class GCPKey:
    """A :class:`gaitops.signing.services.RemoteKey` in Google Cloud KMS."""

    def __init__(self, uri: str, surroundings: Surroundings) -> None:
        self._uri = uri
        self._name = uri.partition(":")[2]
        if _NAME.fullmatch(self._name) is None:
            raise errors.malformed_uri(uri, _SHAPE)
        limits = surroundings.limits
        self._seconds = limits.connect_seconds + limits.read_seconds
        # Google's clients take a limit for all attempts together, not their number.
        self._retry = Retry(timeout=self._seconds * limits.attempts)
        self._scheme: str | None = None
        self._client = self._ask(kms.KeyManagementServiceClient)

    def public(self) -> PublicKeyTypes:
        """The public half; what the version signs with is kept for signing."""
        answer = self._ask(
            lambda: self._client.get_public_key(
                request={"name": self._name}, timeout=self._seconds, retry=self._retry
            )
        )
        algorithm = str(answer.algorithm.name)
        self._scheme = _SCHEMES.get(algorithm)
        if self._scheme is None:
            raise errors.algorithm(self._uri, f"its algorithm is {algorithm}")
        try:
            return load_pem_public_key(str(answer.pem).encode())
        except (ValueError, UnsupportedAlgorithm) as error:
            raise errors.algorithm(self._uri, "its public half cannot be read") from error

    def sign(self, message: bytes, scheme: str) -> bytes:
        """Sign the digest of ``message``."""
        if scheme != self._scheme:
            raise errors.algorithm(self._uri, f"it signs with {self._scheme}, not with {scheme}")
        request = {
            "name": self._name,
            "digest": {hash_name(self._uri, scheme): digest(self._uri, scheme, message)},
        }
        answer = self._ask(
            lambda: self._client.asymmetric_sign(request=request, timeout=self._seconds, retry=self._retry)
        )
        return bytes(answer.signature)

    def _ask(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (google.GoogleAPIError, GoogleAuthError) as error:
            raise _explained(self._uri, error) from error


def open_key(uri: str, surroundings: Surroundings) -> GCPKey:
    """The key that ``uri`` names; nothing is asked about it yet.

    Raises:
        InvalidInputError: ``key.uri`` or ``signer.credentials``.
    """
    return GCPKey(uri, surroundings)


def _explained(uri: str, error: Exception) -> GaitopsError:
    kind = type(error).__name__
    if isinstance(error, (TransportError, google.RetryError, google.ServerError, google.TooManyRequests)):
        return errors.unavailable(uri, kind)
    if isinstance(error, (GoogleAuthError, google.Unauthorized)):
        return errors.credentials(uri, kind, _LOGIN)
    if isinstance(error, google.Forbidden):
        return errors.denied(uri, kind, _PERMISSIONS)
    if isinstance(error, google.NotFound):
        return errors.not_found(uri, kind, "check project, location, key ring, key and version")
    if isinstance(error, google.FailedPrecondition):
        return errors.disabled(uri, f"the version is not enabled, or destroyed ({kind})")
    if isinstance(error, google.InvalidArgument):
        return errors.algorithm(uri, f"Cloud KMS does not sign with it ({kind})")
    return errors.failed(uri, kind)
