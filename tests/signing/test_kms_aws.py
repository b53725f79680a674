# SPDX-License-Identifier: Apache-2.0
"""Keys in AWS KMS: over HTTP against moto, and against a server that refuses in every way that KMS documents."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gaitops.errors import GaitopsError
from gaitops.signing.dsse import parse_envelope, seal, verified_by
from gaitops.signing.keyfiles import describe_key
from gaitops.signing.kms_aws import AWSKey
from gaitops.signing.services import Limits, Surroundings
from gaitops.signing.signers import load_signer
from tests.key_services import (
    KMS_ARN,
    Answer,
    Loopback,
    MotoKMS,
    Request,
    ScriptedKMS,
    loopback,
    moto_kms,
    use_aws,
)

ONCE = Limits(connect_seconds=1, read_seconds=1, attempts=1)
SECRETS = ("not-a-secret", "the-session-token", "AKIDEXAMPLE")


def error_of(uri: str, limits: Limits = ONCE) -> GaitopsError:
    """The error of opening and signing, which never repeats what the service said, nor a secret."""
    with pytest.raises(GaitopsError) as caught:
        seal("text/plain", b"x", [load_signer(uri, limits=limits)])
    assert not secrets_in(caught.value)
    return caught.value


def secrets_in(error: GaitopsError) -> list[str]:
    """What of the credentials an error repeats."""
    text = f"{error} {[problem.remedy for problem in error.problems]}"
    return [secret for secret in SECRETS if secret in text]


# -- moto ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def moto() -> Iterator[MotoKMS]:
    """A running KMS."""
    with moto_kms() as running:
        yield running


@pytest.fixture
def kms(moto: MotoKMS, monkeypatch: pytest.MonkeyPatch) -> MotoKMS:
    """The running KMS, for everybody who asks AWS."""
    use_aws(monkeypatch, moto.url)
    return moto


@pytest.mark.parametrize(
    ("spec", "scheme"),
    [
        ("ECC_NIST_P256", "ecdsa-sha2-nistp256"),
        ("ECC_NIST_P384", "ecdsa-sha2-nistp384"),
        ("ECC_NIST_P521", "ecdsa-sha2-nistp521"),
        ("RSA_3072", "rsassa-pss-sha256"),
    ],
)
def test_signs(kms: MotoKMS, spec: str, scheme: str) -> None:
    """Every accepted key signs, with nothing but its URI."""
    signer = load_signer(f"awskms:{kms.key(spec)}")
    assert signer.public_key.scheme == scheme
    assert verified_by(parse_envelope(seal("text/plain", b"x" * 9000, [signer])), signer.public_key)


def test_alias_and_securesystemslib(kms: MotoKMS) -> None:
    """An alias names the same key as its KMS_ARN, and the library's own constructor takes the URI, too."""
    arn = kms.key(alias="publisher")
    by_alias, by_arn = (describe_key(f"awskms:{name}") for name in ("alias/publisher", arn))
    assert by_alias == by_arn
    signer = load_signer(f"awskms:{arn}")
    assert type(signer).from_priv_key_uri(f"awskms:{arn}", signer.public_key).public_key == signer.public_key
    with pytest.raises(ValueError, match="not the private half"):
        type(signer).from_priv_key_uri(f"awskms:{kms.key()}", signer.public_key)


def test_alias_that_is_pointed_elsewhere(kms: MotoKMS) -> None:
    """Between opening and signing an alias may move: the key that was shown signs. Afterwards the pin decides."""
    kms.key(alias="moving")
    signer = load_signer("awskms:alias/moving")
    kms.client.update_alias(AliasName="alias/moving", TargetKeyId=kms.key())
    assert verified_by(parse_envelope(seal("text/plain", b"x", [signer])), signer.public_key)
    with pytest.raises(GaitopsError) as caught:
        load_signer("awskms:alias/moving", public_key=signer.public_key)
    assert caught.value.code == "key.mismatch"


@pytest.mark.parametrize(
    ("spec", "usage", "code"),
    [
        ("ECC_SECG_P256K1", "SIGN_VERIFY", "key.unsupported"),
        ("RSA_2048", "SIGN_VERIFY", "key.weak"),
        ("RSA_3072", "ENCRYPT_DECRYPT", "signer.algorithm"),
    ],
)
def test_keys_that_must_not_sign(kms: MotoKMS, spec: str, usage: str, code: str) -> None:
    """A foreign curve, a short key, and a key for encryption are refused before they are asked to sign."""
    assert error_of(f"awskms:{kms.key(spec, usage=usage)}").code == code


def test_key_that_is_not_there(kms: MotoKMS, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key id in another region, or nowhere, is said to be missing; an KMS_ARN brings its region along."""
    arn = kms.key()
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert error_of(f"awskms:{arn.rpartition('/')[2]}").code == "signer.not_found"
    assert describe_key(f"awskms:{arn}").scheme == "ecdsa-sha2-nistp256"
    assert error_of("awskms:alias/nobody").code == "signer.not_found"


def test_no_key_named(kms: MotoKMS) -> None:
    """A scheme alone names nothing."""
    assert error_of("awskms:").code == "key.uri"


# -- a KMS that refuses ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    """The server in front of a KMS that is told what to answer; one for all, because clients are slow to make."""
    with loopback(ScriptedKMS(), "application/x-amz-json-1.1") as running:
        yield running


@pytest.fixture
def scripted(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> ScriptedKMS:
    """A KMS that answers as it should, until it is told otherwise."""
    kms = ScriptedKMS()
    server.answer = kms
    server.requests.clear()
    use_aws(monkeypatch, server.url)
    return kms


@pytest.fixture(scope="module")
def opened(server: Loopback) -> AWSKey:
    """A key whose client has been made."""
    with pytest.MonkeyPatch.context() as patch:
        use_aws(patch, server.url)
        key = AWSKey("awskms:alias/x", Surroundings(ONCE))
        key.public()
    return key


@pytest.mark.parametrize(
    ("service_code", "status", "code", "retryable"),
    [
        ("ThrottlingException", 400, "signer.unavailable", True),
        ("KMSInternalException", 500, "signer.unavailable", True),
        ("DependencyTimeoutException", 503, "signer.unavailable", True),
        ("SomethingNew", 503, "signer.unavailable", True),
        ("DisabledException", 400, "signer.disabled", False),
        ("KMSInvalidStateException", 400, "signer.disabled", False),
        ("NotFoundException", 400, "signer.not_found", False),
        ("InvalidArnException", 400, "signer.not_found", False),
        ("AccessDeniedException", 400, "signer.denied", False),
        ("ExpiredTokenException", 400, "signer.credentials", False),
        ("UnrecognizedClientException", 400, "signer.credentials", False),
        ("InvalidSignatureException", 400, "signer.credentials", False),
        ("InvalidKeyUsageException", 400, "signer.algorithm", False),
        ("UnsupportedOperationException", 400, "signer.algorithm", False),
        ("ValidationException", 400, "signing.failed", True),
    ],
)
def test_answers_of_kms(
    scripted: ScriptedKMS,
    server: Loopback,
    opened: AWSKey,
    service_code: str,
    status: int,
    code: str,
    *,
    retryable: bool,
) -> None:
    """Each documented answer has its error, at the first question as at the second, and is asked for once."""
    told = "canonical request: x-amz-security-token:the-session-token"
    refusal = (status, {"__type": service_code, "message": told})
    scripted.failing = {"GetPublicKey": refusal, "Sign": refusal}
    for ask in (opened.public, lambda: opened.sign(b"x", "ecdsa-sha2-nistp256")):
        with pytest.raises(GaitopsError) as caught:
            ask()
        assert (caught.value.code, caught.value.retryable) == (code, retryable)
        assert not secrets_in(caught.value)
    assert len(server.requests) == 2


def test_few_retries(scripted: ScriptedKMS, server: Loopback) -> None:
    """Throttling is tried again as often as allowed, and no oftener."""
    scripted.failing["GetPublicKey"] = (400, {"__type": "ThrottlingException"})
    error_of("awskms:alias/x", Limits(attempts=2))
    assert len(server.requests) == 2


def test_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that never answers, and a port that nobody listens at, are unavailable."""
    finished = threading.Event()

    def never(_: Request) -> Answer:
        finished.wait()
        return 200, {}

    with loopback(never) as server:
        use_aws(monkeypatch, server.url)
        error = error_of("awskms:alias/x", Limits(connect_seconds=1, read_seconds=0.1, attempts=1))
        finished.set()
    assert error.code == "signer.unavailable"
    assert "ReadTimeoutError" in str(error)
    assert error_of("awskms:alias/x").code == "signer.unavailable"


def test_credentials_and_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials, without a region and with an unknown profile nothing is asked."""
    use_aws(monkeypatch, "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert error_of(f"awskms:{KMS_ARN}").code == "signer.configuration"
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert error_of(f"awskms:{KMS_ARN}").code == "signer.credentials"
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert error_of(f"awskms:{KMS_ARN}").code == "signer.credentials"
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert error_of("awskms:alias/x").code == "signer.configuration"


def test_other_key_signs(scripted: ScriptedKMS) -> None:
    """A KMS that answers with a signature by another key leaves nothing behind, not even half an envelope."""
    signer = load_signer("awskms:alias/x", limits=ONCE)
    scripted.private = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(GaitopsError, match="no signature of these bytes") as caught:
        seal("text/plain", b"x", [signer])
    assert caught.value.code == "signing.failed"


def test_other_algorithm(scripted: ScriptedKMS, server: Loopback) -> None:
    """A key that does not offer the algorithm of its public half is not asked to sign."""
    scripted.algorithms = ["ECDSA_SHA_384"]
    assert error_of("awskms:alias/x").code == "signer.algorithm"
    assert len(server.requests) == 1


def test_answer_is_no_key(scripted: ScriptedKMS) -> None:
    """Bytes that are no public key are no key that can be used."""
    answer = {"KeyId": KMS_ARN, "KeyUsage": "SIGN_VERIFY", "PublicKey": "AAAA", "SigningAlgorithms": []}
    scripted.failing["GetPublicKey"] = (200, answer)
    assert error_of("awskms:alias/x").code == "signer.algorithm"
