# SPDX-License-Identifier: Apache-2.0
"""Keys in AWS KMS: ``awskms:KEY``, where KEY is a key id, a key ARN, ``alias/NAME`` or an alias ARN.

botocore finds credentials and region where the AWS command line does. An ARN names its region itself, and that
one is asked. The public half comes with the ARN of the key behind an alias, and that key signs, so that an alias
which is pointed elsewhere meanwhile changes nothing. Needs ``kms:GetPublicKey`` and ``kms:Sign``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from botocore import exceptions as aws
from botocore.config import Config
from botocore.session import Session
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_public_key

from gaitops.errors import GaitopsError
from gaitops.signing import service_errors as errors
from gaitops.signing.services import Surroundings, digest

_ALGORITHMS: Final = {
    "ecdsa-sha2-nistp256": "ECDSA_SHA_256",
    "ecdsa-sha2-nistp384": "ECDSA_SHA_384",
    "ecdsa-sha2-nistp521": "ECDSA_SHA_512",
    "rsassa-pss-sha256": "RSASSA_PSS_SHA_256",
}
"""Ed25519 keys are left out: KMS wants their whole message, of 4,096 bytes at most."""
_PERMISSIONS = "kms:GetPublicKey and kms:Sign on this key, in its key policy or in a policy of ours"
_LOGIN = "log in again (aws sso login, or the step of the pipeline that assumes the role)"
_WHERE = "check region and account: a key id is known in its own region only, an ARN names both"

_CREDENTIALS: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_UNAVAILABLE: Final = frozenset(
    {
        "DependencyTimeoutException",
        "InternalFailure",
        "KMSInternalException",
        "KeyUnavailableException",
        "LimitExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_NOT_FOUND: Final = frozenset({"InvalidArnException", "NotFoundException"})
_DISABLED: Final = frozenset({"DisabledException", "KMSInvalidStateException"})
_WRONG_USE: Final = frozenset({"InvalidKeyUsageException", "UnsupportedOperationException"})


class AWSKey:
    """A :class:`gaitops.signing.services.RemoteKey` in AWS KMS."""

    def __init__(self, uri: str, surroundings: Surroundings) -> None:
        self._uri = uri
        self._id = uri.partition(":")[2]
        if not self._id:
            raise errors.malformed_uri(uri, "awskms:KEY_ID, awskms:alias/NAME or awskms:ARN")
        self._algorithms: frozenset[str] = frozenset()
        self._client = self._ask(lambda: _client(self._id, surroundings))

    def public(self) -> PublicKeyTypes:
        """The public half; the ARN and the algorithms that come with it are kept for signing."""
        answer = self._ask(lambda: self._client.get_public_key(KeyId=self._id))
        if answer["KeyUsage"] != "SIGN_VERIFY":
            raise errors.algorithm(self._uri, f"its usage is {answer['KeyUsage']}, not SIGN_VERIFY")
        try:
            public = load_der_public_key(answer["PublicKey"])
        except (ValueError, UnsupportedAlgorithm) as error:
            raise errors.algorithm(self._uri, f"unknown key type {answer.get('KeySpec')}") from error
        self._id = answer["KeyId"]
        self._algorithms = frozenset(answer["SigningAlgorithms"])
        return public

    def sign(self, message: bytes, scheme: str) -> bytes:
        """Sign the digest of ``message``."""
        algorithm = _ALGORITHMS.get(scheme)
        if algorithm is None or algorithm not in self._algorithms:
            raise errors.algorithm(
                self._uri, f"{scheme} is not among what it offers: {', '.join(sorted(self._algorithms))}"
            )
        answer = self._ask(
            lambda: self._client.sign(
                KeyId=self._id,
                Message=digest(self._uri, scheme, message),
                MessageType="DIGEST",
                SigningAlgorithm=algorithm,
            )
        )
        signature: bytes = answer["Signature"]
        return signature

    def _ask(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (aws.BotoCoreError, aws.ClientError) as error:
            raise _explained(self._uri, error) from error


def open_key(uri: str, surroundings: Surroundings) -> AWSKey:
    """The key that ``uri`` names; nothing is sent yet.

    Raises:
        InvalidInputError: ``key.uri`` or ``signer.configuration``.
    """
    return AWSKey(uri, surroundings)


def _client(key_id: str, surroundings: Surroundings) -> Any:
    limits = surroundings.limits
    config = Config(
        connect_timeout=limits.connect_seconds,
        read_timeout=limits.read_seconds,
        retries={"total_max_attempts": limits.attempts, "mode": "standard"},
    )
    return Session().create_client("kms", region_name=_region(key_id), config=config)


def _region(key_id: str) -> str | None:
    """The region in an ARN (``arn:PARTITION:kms:REGION:ACCOUNT:RESOURCE``); ``None`` leaves it to botocore."""
    parts = key_id.split(":")
    return parts[3] if len(parts) >= 6 and parts[0] == "arn" and parts[3] else None


def _explained(uri: str, error: Exception) -> GaitopsError:
    if isinstance(error, aws.ClientError):
        return _answered(uri, str(error.response.get("Error", {}).get("Code", "")), error)
    name = type(error).__name__
    if isinstance(error, (aws.NoRegionError, aws.InvalidRegionError)):
        return errors.configuration(
            uri, "no usable AWS region is set", "set AWS_REGION, or name the key by its ARN"
        )
    if isinstance(error, aws.ProfileNotFound):
        return errors.configuration(uri, "the AWS profile does not exist", "correct AWS_PROFILE")
    if isinstance(
        error,
        (
            aws.NoCredentialsError,
            aws.PartialCredentialsError,
            aws.CredentialRetrievalError,
            aws.SSOError,
            aws.TokenRetrievalError,
        ),
    ):
        return errors.credentials(uri, name, _LOGIN)
    if isinstance(error, (aws.HTTPClientError, aws.ConnectionError)):
        return errors.unavailable(uri, name)
    if isinstance(error, aws.ParamValidationError):
        return errors.malformed_uri(uri, "awskms:KEY_ID, awskms:alias/NAME or awskms:ARN")
    return errors.failed(uri, name)


def _answered(uri: str, code: str, error: aws.ClientError) -> GaitopsError:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _CREDENTIALS:
        return errors.credentials(uri, code, _LOGIN)
    if code in _NOT_FOUND:
        return errors.not_found(uri, code, _WHERE)
    if code in _DISABLED:
        return errors.disabled(uri, code)
    if code in _WRONG_USE:
        return errors.algorithm(uri, code)
    if code.startswith("AccessDenied"):
        return errors.denied(uri, code, _PERMISSIONS)
    if code in _UNAVAILABLE or status == 429 or status >= 500:
        return errors.unavailable(uri, code or f"HTTP status {status}")
    return errors.failed(uri, code or f"HTTP status {status}")
