# SPDX-License-Identifier: Apache-2.0
"""Keys in Azure Key Vault, with a double in the place of the client libraries: same calls, same exceptions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature

from gaitops.errors import GaitopsError
from gaitops.signing.dsse import parse_envelope, seal, verified_by
from gaitops.signing.services import Limits
from gaitops.signing.signers import load_signer

FIRST, SECOND = "0" * 32, "1" * 32
URI = "azurekms://acme.vault.azure.net/keys/release/{}"
Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
CURVES = {"secp256r1": ("P-256", "ES256"), "secp384r1": ("P-384", "ES384"), "secp521r1": ("P-521", "ES512")}
HASHES: dict[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
EXCEPTIONS = {
    "AzureError": "Exception",
    "ServiceRequestError": "AzureError",
    "ServiceResponseError": "AzureError",
    "HttpResponseError": "AzureError",
    "ClientAuthenticationError": "HttpResponseError",
    "ResourceNotFoundError": "HttpResponseError",
}
"""Exception of ``azure.core.exceptions`` → its base there."""


def big(number: int) -> bytes:
    """A number of a JSON Web Key."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


class Vault:
    """Versions of one key, and what the clients do instead of answering."""

    def __init__(self) -> None:
        self.versions: dict[str, Private] = {FIRST: ec.generate_private_key(ec.SECP256R1())}
        self.members: dict[str, Any] = {}
        self.enabled = True
        self.failing: dict[str, Exception] = {}
        self.bounds: list[dict[str, Any]] = []
        self.exceptions: Any = None

    def get_key(self, name: str, version: str) -> Any:
        """As ``KeyClient`` has it."""
        assert name == "release"
        private = self._asked("get_key", version)
        if isinstance(private, rsa.RSAPrivateKey):
            public = private.public_key().public_numbers()
            key = {"kty": "RSA", "crv": None, "n": big(public.n), "e": big(public.e)}
        else:
            point = private.public_key().public_numbers()
            key = {"kty": "EC-HSM", "crv": CURVES[point.curve.name][0], "x": big(point.x), "y": big(point.y)}
        return SimpleNamespace(
            key=SimpleNamespace(**(key | self.members)), properties=SimpleNamespace(enabled=self.enabled)
        )

    def signed(self, version: str, algorithm: str, digest: bytes) -> bytes:
        """What ``CryptographyClient.sign`` answers."""
        private = self._asked("sign", version)
        hashed = HASHES[algorithm[-3:]]
        if isinstance(private, rsa.RSAPrivateKey):
            assert algorithm == "PS256"
            return private.sign(
                digest, padding.PSS(padding.MGF1(hashed), hashed.digest_size), Prehashed(hashed)
            )
        assert algorithm == CURVES[private.curve.name][1]
        size = (private.curve.key_size + 7) // 8
        r, s = decode_dss_signature(private.sign(digest, ec.ECDSA(Prehashed(hashed))))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    def _asked(self, what: str, version: str) -> Private:
        if what in self.failing:
            raise self.failing[what]
        return self.versions[version]

    def refusal(self, name: str, status: int | None = None, inner: str | None = None) -> Exception:
        """An exception as azure-core builds it from an answer."""
        error: Exception = getattr(self.exceptions, name)("Bearer secret")
        details = SimpleNamespace(code="Forbidden", innererror=None if inner is None else {"code": inner})
        vars(error).update(status_code=status, error=details)
        return error


def _modules(vault: Vault) -> dict[str, ModuleType]:
    names: tuple[str, ...] = ("azure", "azure.core", "azure.core.exceptions", "azure.identity")
    names += ("azure.keyvault", "azure.keyvault.keys", "azure.keyvault.keys.crypto")
    made: dict[str, Any] = {name: ModuleType(name) for name in names}
    for name, module in made.items():
        parent, _, last = name.rpartition(".")
        if parent:
            setattr(made[parent], last, module)
    errors = made["azure.core.exceptions"]
    for name, base in EXCEPTIONS.items():
        setattr(errors, name, type(name, (getattr(errors, base, Exception),), {}))
    vault.exceptions = errors

    def keys(*, vault_url: str, credential: object, **bounds: Any) -> Any:
        assert (vault_url, credential) == ("https://acme.vault.azure.net", "credential")
        vault.bounds.append(bounds)
        return vault

    def crypto(key: str, *, credential: object, **bounds: Any) -> Any:
        assert key.startswith("https://acme.vault.azure.net/keys/release/")
        vault.bounds.append(bounds)
        version = key.rpartition("/")[2]
        return SimpleNamespace(
            sign=lambda algorithm, digest: SimpleNamespace(signature=vault.signed(version, algorithm, digest))
        )

    made["azure.identity"].DefaultAzureCredential = lambda: "credential"
    made["azure.keyvault.keys"].KeyClient = keys
    made["azure.keyvault.keys.crypto"].CryptographyClient = crypto
    made["azure.keyvault.keys.crypto"].SignatureAlgorithm = str
    return made


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    """The double, where the client libraries would be imported from."""
    double = Vault()
    for name, module in _modules(double).items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "gaitops.signing.kms_azure", raising=False)
    yield double
    del sys.modules["gaitops.signing.kms_azure"]  # it knows the double


def error_of(uri: str) -> GaitopsError:
    """The error of opening and signing; what the service said is not in it."""
    with pytest.raises(GaitopsError) as caught:
        seal("text/plain", b"x", [load_signer(uri)])
    assert "secret" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("make", "scheme"),
    [
        (lambda: ec.generate_private_key(ec.SECP256R1()), "ecdsa-sha2-nistp256"),
        (lambda: ec.generate_private_key(ec.SECP384R1()), "ecdsa-sha2-nistp384"),
        (lambda: ec.generate_private_key(ec.SECP521R1()), "ecdsa-sha2-nistp521"),
        (lambda: rsa.generate_private_key(65537, 3072), "rsassa-pss-sha256"),
    ],
)
def test_signs(vault: Vault, make: Callable[[], Private], scheme: str) -> None:
    """Every accepted key signs, with nothing but the URI, within the limits that were given."""
    vault.versions = {FIRST: make()}
    signer = load_signer(URI.format(FIRST), limits=Limits(1, 2, 3))
    assert signer.public_key.scheme == scheme
    assert verified_by(parse_envelope(seal("text/plain", b"x", [signer])), signer.public_key)
    assert vault.bounds == [{"connection_timeout": 1, "read_timeout": 2, "retry_total": 2}] * 2


def test_versions(vault: Vault) -> None:
    """Another version is another key: the pinned one decides."""
    vault.versions[SECOND] = ec.generate_private_key(ec.SECP256R1())
    first = load_signer(URI.format(FIRST)).public_key
    with pytest.raises(GaitopsError) as caught:
        load_signer(URI.format(SECOND), public_key=first)
    assert caught.value.code == "key.mismatch"


@pytest.mark.parametrize("members", [{"crv": "P-256K"}, {"kty": "oct"}, {"x": b"\1"}, {"kty": "\x1b[31m"}])
def test_other_keys(vault: Vault, members: dict[str, Any]) -> None:
    """Foreign curves and types, and points on no curve, are refused; nothing of them reaches a terminal unfiltered."""
    vault.members = members
    error = error_of(URI.format(FIRST))
    assert error.code == "signer.algorithm"
    assert "\x1b" not in str(error)


def test_disabled(vault: Vault) -> None:
    """A version that is switched off is refused before it is asked to sign."""
    vault.enabled = False
    assert error_of(URI.format(FIRST)).code == "signer.disabled"


@pytest.mark.parametrize(
    "uri",
    [
        "azurekms:",
        URI.format(""),
        URI.format("latest"),
        URI.format(FIRST)[:-33],
        "azurekms://a@b/keys/k/" + FIRST,
    ],
)
def test_uris(vault: Vault, uri: str) -> None:
    """A key without a version is no key that signs."""
    assert error_of(uri).code == "key.uri"


@pytest.mark.parametrize("what", ["get_key", "sign"])
@pytest.mark.parametrize(
    ("name", "status", "inner", "code", "retryable"),
    [
        ("ClientAuthenticationError", 401, None, "signer.credentials", False),
        ("ResourceNotFoundError", 404, None, "signer.not_found", False),
        ("HttpResponseError", 403, "KeyDisabled", "signer.disabled", False),
        ("HttpResponseError", 403, "KeyExpired", "signer.disabled", False),
        ("HttpResponseError", 403, "ForbiddenByRbac", "signer.denied", False),
        ("HttpResponseError", 403, None, "signer.denied", False),
        ("HttpResponseError", 400, None, "signer.algorithm", False),
        ("HttpResponseError", 409, None, "signing.failed", True),
        ("HttpResponseError", 429, None, "signer.unavailable", True),
        ("HttpResponseError", 503, None, "signer.unavailable", True),
        ("ServiceRequestError", None, None, "signer.unavailable", True),
        ("ServiceResponseError", None, None, "signer.unavailable", True),
    ],
)
def test_answers_of_azure(
    vault: Vault, what: str, name: str, status: int | None, inner: str | None, code: str, *, retryable: bool
) -> None:
    """Each documented answer has its error, at the first question as at the second."""
    vault.failing[what] = vault.refusal(name, status, inner)
    error = error_of(URI.format(FIRST))
    assert (error.code, error.retryable) == (code, retryable)


def test_other_key_signs(vault: Vault) -> None:
    """An answer by another key leaves nothing behind."""
    signer = load_signer(URI.format(FIRST))
    vault.versions[FIRST] = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(GaitopsError, match="no signature of these bytes") as caught:
        seal("text/plain", b"x", [signer])
    assert caught.value.code == "signing.failed"
