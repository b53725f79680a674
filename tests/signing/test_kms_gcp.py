# SPDX-License-Identifier: Apache-2.0
"""Keys in Google Cloud KMS, with a double in the place of the client library: same calls, same exceptions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gaitops.errors import GaitopsError
from gaitops.signing.dsse import parse_envelope, seal, verified_by
from gaitops.signing.services import Limits
from gaitops.signing.signers import load_signer

URI = "gcpkms:projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/{}"
Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

EXCEPTIONS = {
    "GoogleAPIError": "Exception",
    "RetryError": "GoogleAPIError",
    "ClientError": "GoogleAPIError",
    "BadRequest": "ClientError",
    "InvalidArgument": "BadRequest",
    "FailedPrecondition": "BadRequest",
    "Unauthorized": "ClientError",
    "Unauthenticated": "Unauthorized",
    "Forbidden": "ClientError",
    "PermissionDenied": "Forbidden",
    "NotFound": "ClientError",
    "TooManyRequests": "ClientError",
    "ResourceExhausted": "TooManyRequests",
    "ServerError": "GoogleAPIError",
    "ServiceUnavailable": "ServerError",
    "DeadlineExceeded": "ServerError",
}
"""Exception of ``google.api_core.exceptions`` → its base there."""


class Cloud:
    """Versions of one key, and what the client does instead of answering."""

    def __init__(self) -> None:
        self.versions: dict[str, Private] = {"1": ec.generate_private_key(ec.SECP256R1())}
        self.algorithm = "EC_SIGN_P256_SHA256"
        self.failing: dict[str, Exception] = {}
        self.retries: list[float] = []
        self.exceptions: Any = None
        self.auth: Any = None

    def get_public_key(self, *, request: dict[str, str], timeout: float, retry: Any) -> Any:
        """As the client has it."""
        private = self._asked("get_public_key", request["name"], timeout, retry)
        pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        return SimpleNamespace(pem=pem, algorithm=SimpleNamespace(name=self.algorithm))

    def asymmetric_sign(self, *, request: dict[str, Any], timeout: float, retry: Any) -> Any:
        """As the client has it."""
        private = self._asked("asymmetric_sign", request["name"], timeout, retry)
        ((name, digest),) = request["digest"].items()
        algorithm: hashes.HashAlgorithm = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384()}[name]
        if isinstance(private, ec.EllipticCurvePrivateKey):
            return SimpleNamespace(signature=private.sign(digest, ec.ECDSA(Prehashed(algorithm))))
        pss = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
        return SimpleNamespace(signature=private.sign(digest, pss, Prehashed(algorithm)))

    def _asked(self, what: str, name: str, timeout: float, retry: Any) -> Private:
        assert timeout > 0
        self.retries.append(retry.timeout)
        if what in self.failing:
            raise self.failing[what]
        return self.versions[name.rpartition("/")[2]]


def _modules(cloud: Cloud) -> dict[str, ModuleType]:
    names: tuple[str, ...] = (
        "google",
        "google.api_core",
        "google.api_core.exceptions",
        "google.api_core.retry",
    )
    names += ("google.auth", "google.auth.exceptions", "google.cloud", "google.cloud.kms")
    made: dict[str, Any] = {name: ModuleType(name) for name in names}
    for name, module in made.items():
        parent, _, last = name.rpartition(".")
        if parent:
            setattr(made[parent], last, module)
    errors = made["google.api_core.exceptions"]
    for name, base in EXCEPTIONS.items():
        setattr(errors, name, type(name, (getattr(errors, base, Exception),), {}))
    auth = made["google.auth.exceptions"]
    auth.GoogleAuthError = type("GoogleAuthError", (Exception,), {})
    for name in ("TransportError", "RefreshError", "DefaultCredentialsError"):
        setattr(auth, name, type(name, (auth.GoogleAuthError,), {}))
    made["google.api_core.retry"].Retry = lambda timeout: SimpleNamespace(timeout=timeout)
    made["google.cloud.kms"].KeyManagementServiceClient = lambda: cloud
    cloud.exceptions, cloud.auth = errors, auth
    return made


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """The double, where the client library would be imported from."""
    double = Cloud()
    for name, module in _modules(double).items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "gaitops.signing.kms_gcp", raising=False)
    yield double
    del sys.modules["gaitops.signing.kms_gcp"]  # it knows the double


def error_of(uri: str) -> GaitopsError:
    """The error of opening and signing; what the service said is not in it."""
    with pytest.raises(GaitopsError) as caught:
        seal("text/plain", b"x", [load_signer(uri)])
    assert "ya29.secret" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("algorithm", "make", "scheme"),
    [
        ("EC_SIGN_P256_SHA256", lambda: ec.generate_private_key(ec.SECP256R1()), "ecdsa-sha2-nistp256"),
        ("EC_SIGN_P384_SHA384", lambda: ec.generate_private_key(ec.SECP384R1()), "ecdsa-sha2-nistp384"),
        ("RSA_SIGN_PSS_3072_SHA256", lambda: rsa.generate_private_key(65537, 3072), "rsassa-pss-sha256"),
    ],
)
def test_signs(cloud: Cloud, algorithm: str, make: Callable[[], Private], scheme: str) -> None:
    """Every accepted algorithm signs, with nothing but the URI, within the limits that were given."""
    cloud.algorithm, cloud.versions = algorithm, {"1": make()}
    signer = load_signer(URI.format(1), limits=Limits(1, 2, 3))
    assert signer.public_key.scheme == scheme
    assert verified_by(parse_envelope(seal("text/plain", b"x", [signer])), signer.public_key)
    assert cloud.retries == [9, 9]


def test_versions(cloud: Cloud) -> None:
    """Another version is another key: the pinned one decides."""
    cloud.versions["2"] = ec.generate_private_key(ec.SECP256R1())
    first = load_signer(URI.format(1)).public_key
    with pytest.raises(GaitopsError) as caught:
        load_signer(URI.format(2), public_key=first)
    assert caught.value.code == "key.mismatch"


@pytest.mark.parametrize(
    "algorithm",
    [
        "EC_SIGN_SECP256K1_SHA256",
        "RSA_SIGN_PKCS1_4096_SHA256",
        "RSA_SIGN_PSS_4096_SHA512",
        "EC_SIGN_P384_SHA384",
    ],
)
def test_other_algorithms(cloud: Cloud, algorithm: str) -> None:
    """Algorithms whose signatures nobody would accept under that public key are refused before signing."""
    cloud.algorithm = algorithm
    assert error_of(URI.format(1)).code == "signer.algorithm"


@pytest.mark.parametrize(
    "uri",
    [
        "gcpkms:",
        "gcpkms:projects/p",
        URI.format("x"),
        URI.format(""),
        URI.format("1/x"),
        URI.format(1).rpartition("/")[0],
    ],
)
def test_uris(cloud: Cloud, uri: str) -> None:
    """A key without a version is no key that signs."""
    assert error_of(uri).code == "key.uri"


@pytest.mark.parametrize("what", ["get_public_key", "asymmetric_sign"])
@pytest.mark.parametrize(
    ("name", "code", "retryable"),
    [
        ("PermissionDenied", "signer.denied", False),
        ("Unauthenticated", "signer.credentials", False),
        ("NotFound", "signer.not_found", False),
        ("FailedPrecondition", "signer.disabled", False),
        ("InvalidArgument", "signer.algorithm", False),
        ("ResourceExhausted", "signer.unavailable", True),
        ("ServiceUnavailable", "signer.unavailable", True),
        ("DeadlineExceeded", "signer.unavailable", True),
        ("RetryError", "signer.unavailable", True),
        ("GoogleAPIError", "signing.failed", True),
    ],
)
def test_answers_of_the_cloud(cloud: Cloud, what: str, name: str, code: str, *, retryable: bool) -> None:
    """Each documented answer has its error, at the first question as at the second."""
    cloud.failing[what] = getattr(cloud.exceptions, name)("token ya29.secret")
    error = error_of(URI.format(1))
    assert (error.code, error.retryable) == (code, retryable)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("TransportError", "signer.unavailable"),
        ("RefreshError", "signer.credentials"),
        ("DefaultCredentialsError", "signer.credentials"),
    ],
)
def test_credentials(cloud: Cloud, name: str, code: str) -> None:
    """A network that is down is not a wrong login."""
    cloud.failing["get_public_key"] = getattr(cloud.auth, name)("ya29.secret")
    assert error_of(URI.format(1)).code == code


def test_other_key_signs(cloud: Cloud) -> None:
    """An answer by another key leaves nothing behind."""
    signer = load_signer(URI.format(1))
    cloud.versions["1"] = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(GaitopsError, match="no signature of these bytes") as caught:
        seal("text/plain", b"x", [signer])
    assert caught.value.code == "signing.failed"
