# SPDX-License-Identifier: Apache-2.0
"""Keys in Vault's transit engine: hvac talks over HTTP to a double that keeps real keys in versions."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gaitops.errors import GaitopsError
from gaitops.signing.dsse import parse_envelope, seal, verified_by
from gaitops.signing.keyfiles import describe_key
from gaitops.signing.services import Limits
from gaitops.signing.signers import load_signer
from tests.key_services import Answer, Loopback, Request, loopback

TOKEN = "hvs.not-a-secret"
ONCE = Limits(connect_seconds=1, read_seconds=1)
Private = Ed25519PrivateKey | ec.EllipticCurvePrivateKey
HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha2-256": hashes.SHA256(),
    "sha2-384": hashes.SHA384(),
    "sha2-512": hashes.SHA512(),
}


def make(kind: str) -> Private:
    """A private key of a type of Vault's."""
    if kind == "ed25519":
        return Ed25519PrivateKey.generate()
    return ec.generate_private_key(
        {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}[kind[-4:]]
    )


@dataclass
class Transit:
    """One key called ``release``, in versions, as the transit engine keeps it."""

    kind: str = "ed25519"
    versions: dict[int, Private] = field(default_factory=dict)
    oldest: int = 0
    failing: dict[str, Answer] = field(default_factory=dict)

    def rotate(self) -> None:
        """One more version."""
        self.versions[len(self.versions) + 1] = make(self.kind)

    def __call__(self, request: Request) -> Answer:
        assert request.headers["X-Vault-Token"] == TOKEN
        what, _, rest = request.path.removeprefix("/v1/transit/").partition("/")
        if what in self.failing:
            return self.failing[what]
        if rest.partition("/")[0] != "release":
            return 404, {"errors": []}
        if what == "keys":
            return 200, {"data": self._described()}
        return self._signed(request.body, rest)

    def _described(self) -> dict[str, Any]:
        keys = {str(number): {"public_key": self._public(key)} for number, key in self.versions.items()}
        return {"type": self.kind, "keys": keys, "min_encryption_version": self.oldest}

    def _public(self, key: Private) -> str:
        if isinstance(key, Ed25519PrivateKey):
            return base64.b64encode(key.public_key().public_bytes_raw()).decode()
        return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def _signed(self, body: Any, rest: str) -> Answer:
        message, version = base64.b64decode(body["input"]), body["key_version"]
        key = self.versions[version]
        if isinstance(key, Ed25519PrivateKey):
            signature = key.sign(message)
        else:
            assert body["marshaling_algorithm"] == "asn1"
            name = body.get("hash_algorithm") or rest.rpartition("/")[2]
            signature = key.sign(message, ec.ECDSA(HASHES[name]))
        return 200, {"data": {"signature": f"vault:v{version}:{base64.b64encode(signature).decode()}"}}


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    """The server in front of the engine."""
    with loopback(Transit()) as running:
        yield running


@pytest.fixture
def transit(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> Transit:
    """An engine with one version of one key."""
    for name in ("VAULT_NAMESPACE", "VAULT_CACERT", "VAULT_CAPATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    engine = Transit()
    engine.rotate()
    server.answer = engine
    return engine


@pytest.fixture
def environment(server: Loopback) -> dict[str, str]:
    """What finds the server."""
    return {"VAULT_ADDR": server.url}


@pytest.mark.parametrize(
    ("kind", "scheme"),
    [
        ("ed25519", "ed25519"),
        ("ecdsa-p256", "ecdsa-sha2-nistp256"),
        ("ecdsa-p384", "ecdsa-sha2-nistp384"),
        ("ecdsa-p521", "ecdsa-sha2-nistp521"),
    ],
)
def test_signs(transit: Transit, environment: dict[str, str], kind: str, scheme: str) -> None:
    """Every accepted type signs, with nothing but the URI."""
    transit.kind = kind
    transit.versions = {1: make(kind)}
    signer = load_signer("hv:release/1", environment=environment, limits=ONCE)
    assert signer.public_key.scheme == scheme
    assert verified_by(parse_envelope(seal("text/plain", b"x", [signer])), signer.public_key)


def test_versions(transit: Transit, environment: dict[str, str]) -> None:
    """Rotation in Vault changes no URI: each names its own key, and the pinned one decides."""
    first = load_signer("hv:release/1", environment=environment)
    transit.rotate()
    second = load_signer("hv:release/2", environment=environment)
    assert describe_key("hv:release/1", environment=environment).keyid == first.public_key.keyid
    assert first.public_key.keyid != second.public_key.keyid
    with pytest.raises(GaitopsError) as caught:
        load_signer("hv:release/2", public_key=first.public_key, environment=environment)
    assert caught.value.code == "key.mismatch"


def error_of(uri: str, environment: dict[str, str]) -> GaitopsError:
    """The error of opening and signing, without the token in it."""
    with pytest.raises(GaitopsError) as caught:
        seal("text/plain", b"x", [load_signer(uri, environment=environment, limits=ONCE)])
    assert TOKEN not in f"{caught.value} {[problem.remedy for problem in caught.value.problems]}"
    return caught.value


def test_retired_and_missing_versions(transit: Transit, environment: dict[str, str]) -> None:
    """A version that Vault no longer signs with is switched off; one that it never had is missing."""
    transit.rotate()
    transit.oldest = 2
    assert error_of("hv:release/1", environment).code == "signer.disabled"
    assert error_of("hv:release/3", environment).code == "signer.not_found"
    assert error_of("hv:nobody/1", environment).code == "signer.not_found"


@pytest.mark.parametrize("kind", ["aes256-gcm96", "rsa-4096", "hmac"])
def test_other_types(transit: Transit, environment: dict[str, str], kind: str) -> None:
    """Keys for something else, and RSA, are refused before they are asked to sign."""
    transit.kind = kind
    assert error_of("hv:release/1", environment).code == "signer.algorithm"


@pytest.mark.parametrize(
    "uri", ["hv:", "hv:release", "hv:release/", "hv:/1", "hv:release/x", "hv:release/0", "hv:a/b/1"]
)
def test_uris(transit: Transit, environment: dict[str, str], uri: str) -> None:
    """A name and a version, nothing else."""
    assert error_of(uri, environment).code == "key.uri"


@pytest.mark.parametrize("what", ["keys", "sign"])
@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (400, "signing.failed", True),
        (401, "signer.credentials", False),
        (403, "signer.denied", False),
        (404, "signer.not_found", False),
        (429, "signer.unavailable", True),
        (500, "signer.unavailable", True),
        (501, "signer.unavailable", True),
        (502, "signer.unavailable", True),
        (503, "signer.unavailable", True),
    ],
)
def test_answers_of_vault(
    transit: Transit, environment: dict[str, str], what: str, status: int, code: str, *, retryable: bool
) -> None:
    """Each status has its error, at the first question as at the second."""
    transit.failing[what] = (status, {"errors": [f"permission denied for {TOKEN}"]})
    error = error_of("hv:release/1", environment)
    assert (error.code, error.retryable) == (code, retryable)


@pytest.mark.parametrize(
    "answer", [{}, {"data": {}}, {"data": {"signature": "vault:v1:!!"}}, [], {"data": None}]
)
def test_foreign_answers(transit: Transit, environment: dict[str, str], answer: object) -> None:
    """A server that is no Vault ends in an error, not in an envelope."""
    transit.failing["sign"] = (200, answer)
    error = error_of("hv:release/1", environment)
    assert error.code == "signing.failed"
    assert "signing with hv:release/1 failed" in str(error)


def test_other_version_signs(transit: Transit, environment: dict[str, str]) -> None:
    """An answer by another version than the one that was shown leaves nothing behind."""
    signer = load_signer("hv:release/1", environment=environment)
    transit.versions[1] = make("ed25519")
    with pytest.raises(GaitopsError, match="no signature of these bytes") as caught:
        seal("text/plain", b"x", [signer])
    assert caught.value.code == "signing.failed"


def test_nobody_listens(transit: Transit) -> None:
    """No address is advice; an address where nobody is, is unavailable."""
    assert error_of("hv:release/1", {}).code == "signer.configuration"
    with loopback(lambda _: (200, {})) as server:
        closed = server.url
    assert error_of("hv:release/1", {"VAULT_ADDR": closed}).code == "signer.unavailable"
