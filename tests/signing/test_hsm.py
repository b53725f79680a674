# SPDX-License-Identifier: Apache-2.0
"""Keys behind PKCS#11, in SoftHSM: what signs, what is refused, and that the PIN is asked once and shown never."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pkcs11
import pytest

from gaitops.errors import GaitopsError
from gaitops.signing.dsse import parse_envelope, seal, verified_by
from gaitops.signing.hsm import HSMKey
from gaitops.signing.keyfiles import describe_key, generate_private_key
from gaitops.signing.signers import load_signer
from tests.key_services import PIN, SoftToken, soft_token


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftToken]:
    """A token with a key for each curve; number 9 hides its public half."""
    with soft_token(tmp_path_factory.mktemp("softhsm")) as made:
        for number, curve in ((1, "secp256r1"), (2, "secp384r1"), (3, "secp521r1"), (4, "secp256k1")):
            made.make(number, curve)
        made.make(9, hidden=True)
        yield made


def refused(token: SoftToken, uri: str, pin: str | None = PIN) -> GaitopsError:
    """The error of opening ``uri`` and signing with it. It never holds the PIN."""
    with pytest.raises(GaitopsError) as caught:
        seal(
            "text/plain",
            b"x",
            [load_signer(uri, environment=token.environment, passphrase=None if pin is None else pin.encode)],
        )
    assert PIN not in f"{caught.value} {[problem.remedy for problem in caught.value.problems]}"
    return caught.value


@pytest.mark.parametrize(
    ("number", "scheme"),
    [(1, "ecdsa-sha2-nistp256"), (2, "ecdsa-sha2-nistp384"), (3, "ecdsa-sha2-nistp521")],
)
def test_signs(token: SoftToken, number: int, scheme: str) -> None:
    """Each accepted curve signs, with nothing but the URI and the PIN, which is asked for once."""
    asked = []

    def pin() -> bytes:
        asked.append(1)
        return PIN.encode()

    signer = load_signer(token.uri(number), environment=token.environment, passphrase=pin)
    assert signer.public_key.scheme == scheme
    assert asked == []
    for payload in (b"one", b"two"):
        assert verified_by(parse_envelope(seal("text/plain", payload, [signer])), signer.public_key)
    assert asked == [1]


def test_default_id_and_only_token(token: SoftToken) -> None:
    """``hsm:`` alone is key 2 of the only token."""
    described = describe_key("hsm:", environment=token.environment)
    assert described == describe_key(token.uri(2), environment=token.environment)


def test_hidden_public_half(token: SoftToken) -> None:
    """A token that shows nothing to strangers is asked with the PIN, which is needed once for both."""
    asked = []

    def pin() -> bytes:
        asked.append(1)
        return PIN.encode()

    signer = load_signer(token.uri(9), environment=token.environment, passphrase=pin)
    assert verified_by(parse_envelope(seal("text/plain", b"x", [signer])), signer.public_key)
    assert asked == [1]


def test_swapped_key_never_signs(token: SoftToken) -> None:
    """Whoever kept the public half finds out that the token holds another key; so does whoever is signing."""
    token.make(7)
    signer = load_signer(token.uri(7), environment=token.environment, passphrase=PIN.encode)
    token.make(7)
    with pytest.raises(GaitopsError) as caught:
        load_signer(token.uri(7), public_key=signer.public_key, environment=token.environment)
    assert caught.value.code == "key.mismatch"
    with pytest.raises(GaitopsError, match="no signature of these bytes") as caught:
        seal("text/plain", b"x", [signer])
    assert caught.value.code == "signing.failed"


def test_other_public_key(token: SoftToken, tmp_path: Path) -> None:
    """A public key of somebody else is no public half of this one."""
    key = generate_private_key(tmp_path / "key", algorithm="ecdsa")
    with pytest.raises(GaitopsError) as caught:
        load_signer(token.uri(1), public_key=key, environment=token.environment)
    assert caught.value.code == "key.mismatch"


@pytest.mark.parametrize("pin", ["000000", "1", "", None])
def test_wrong_or_no_pin(token: SoftToken, monkeypatch: pytest.MonkeyPatch, pin: str | None) -> None:
    """A wrong PIN, an impossible one and nobody to ask: one error, after one attempt."""
    attempts = []
    original = HSMKey._ask

    def counted(key: HSMKey) -> str:
        attempts.append(1)
        return original(key)

    monkeypatch.setattr(HSMKey, "_ask", counted)
    error = refused(token, token.uri(1), pin)
    assert (error.code, error.retryable, attempts) == ("signer.pin", False, [1])


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("hsm:1?label=nobody", "signer.not_found"),
        ("hsm:200", "signer.not_found"),
        ("hsm:4", "key.unsupported"),
        ("hsm:x", "key.uri"),
        ("hsm:-1", "key.uri"),
        ("hsm:1?pin=271828", "key.uri"),
        ("hsm:1?label=a&pin=271828", "key.uri"),
        ("hsm:1?label=", "key.uri"),
        ("hsm:1?", "key.uri"),
        (f"hsm:{2**70}", "key.uri"),
    ],
)
def test_refused(token: SoftToken, uri: str, code: str) -> None:
    """Tokens and keys that are not there, a curve that is not accepted, and addresses with a PIN in them."""
    assert refused(token, uri).code == code


@pytest.mark.parametrize("module", [None, "", "/nonexistent.so", __file__])
def test_module(token: SoftToken, module: str | None) -> None:
    """Without a usable module there is advice on how to name one."""
    with pytest.raises(GaitopsError) as caught:
        load_signer("hsm:1", environment={} if module is None else {"PYKCS11LIB": module})
    assert caught.value.code == "signer.configuration"
    assert "PYKCS11LIB" in str(caught.value.problems[0].remedy)


@pytest.mark.parametrize(
    ("name", "code", "retryable"),
    [
        ("PinLocked", "signer.pin", False),
        ("UserPinNotInitialized", "signer.pin", False),
        ("DeviceRemoved", "signer.not_found", False),
        ("MultipleTokensReturned", "signer.not_found", False),
        ("MultipleObjectsReturned", "signer.not_found", False),
        ("MechanismInvalid", "signer.algorithm", False),
        ("KeyTypeInconsistent", "signer.algorithm", False),
        ("DeviceError", "signer.unavailable", True),
        ("SessionCount", "signer.unavailable", True),
        ("ArgumentsBad", "signing.failed", True),
    ],
)
def test_answers_of_tokens(
    token: SoftToken, monkeypatch: pytest.MonkeyPatch, name: str, code: str, *, retryable: bool
) -> None:
    """What SoftHSM never answers and other tokens do: each answer has its error, and nothing is sealed."""
    signer = load_signer(token.uri(1), environment=token.environment, passphrase=PIN.encode)

    def fail(*_: object, **__: object) -> Any:
        raise getattr(pkcs11.exceptions, name)

    monkeypatch.setattr(HSMKey, "_token", fail)
    with pytest.raises(GaitopsError) as caught:
        seal("text/plain", b"x", [signer])
    assert (caught.value.code, caught.value.retryable) == (code, retryable)


@pytest.mark.parametrize("made", [b"\0" * 64, b"\x01" * 64, b"\x01" * 63, b"", b"\x01" * 96])
def test_wrong_algorithm(token: SoftToken, monkeypatch: pytest.MonkeyPatch, made: bytes) -> None:
    """A token that answers with a signature of another algorithm, or with noise, leaves nothing behind."""
    signer = load_signer(token.uri(1), environment=token.environment, passphrase=PIN.encode)

    class Forger(pkcs11.SignMixin):
        def sign(self, *_: object, **__: object) -> bytes:
            return made

    monkeypatch.setattr(HSMKey, "_key", lambda *_: Forger())
    with pytest.raises(GaitopsError, match=r"no signature of these bytes|not a pair") as caught:
        seal("text/plain", b"x", [signer])
    assert caught.value.code == "signing.failed"
