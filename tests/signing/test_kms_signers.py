# SPDX-License-Identifier: Apache-2.0
"""What all services have in common: the table, missing libraries, and that nothing unverified is ever given out."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from securesystemslib.signer import SIGNER_FOR_URI_SCHEME

from gaitops.errors import GaitopsError, MissingDependencyError
from gaitops.signing import services
from gaitops.signing.dsse import seal
from gaitops.signing.keys import from_public
from gaitops.signing.services import ServiceSigner, Surroundings, in_service
from gaitops.signing.signers import load_signer

ROOT = Path(__file__).parents[2]
ABSENT = {
    "awskms:alias/x": ("botocore", "aws"),
    "gcpkms:projects/p": ("google", "gcp"),
    "azurekms://v.vault.azure.net/keys/k/0": ("azure", "azure-kms"),
    "hv:release/1": ("hvac", "vault"),
    "hsm:1": ("pkcs11", "hsm"),
}


class Remote:
    """A key in a service that answers what it is told."""

    def __init__(self, answer: bytes | Exception | None) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.answer = answer

    def public(self) -> PublicKeyTypes:
        """The public half."""
        return self.private.public_key()

    def sign(self, message: bytes, scheme: str) -> bytes:
        """The answer; by default the right one."""
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer or self.private.sign(message, ec.ECDSA(hashes.SHA256()))


def test_schemes_are_those_of_securesystemslib() -> None:
    """URIs mean the same to whoever uses the library directly."""
    schemes = {uri.partition(":")[0] for uri in ABSENT}
    assert schemes <= SIGNER_FOR_URI_SCHEME.keys()
    assert all(in_service(uri) for uri in ABSENT)
    assert not any(in_service(uri) for uri in ("alice.pem", "file:x", "ssh:x", "gnupg:x", "hsm", ""))


def test_every_service_has_its_extra() -> None:
    """What the message tells people to install exists."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {extra for _, extra in ABSENT.values()} <= project["optional-dependencies"].keys()


@pytest.mark.parametrize("uri", ABSENT)
def test_missing_library(monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    """A library that is not installed is named, with the extra that brings it."""
    library, extra = ABSENT[uri]
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    for module in ("kms_aws", "kms_gcp", "kms_azure", "kms_vault", "hsm"):
        monkeypatch.delitem(sys.modules, f"gaitops.signing.{module}", raising=False)
    with pytest.raises(MissingDependencyError) as caught:
        load_signer(uri)
    problem = caught.value.problems[0]
    assert (problem.code, problem.remedy) == ("dependency.signer", f"pip install 'gaitops[{extra}]'")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\0" * 64,
        ec.generate_private_key(ec.SECP256R1()).sign(b"x", ec.ECDSA(hashes.SHA256())),
        ValueError("the token is hvs.secret"),
        KeyError("Signature"),
    ],
    ids=["empty", "zeros", "another-key", "value-error", "key-error"],
)
def test_nothing_unverified_is_given_out(answer: bytes | Exception) -> None:
    """Noise, another key's signature, and an exception of a library: an error without what it said, no signature."""
    remote = Remote(answer)
    signer = ServiceSigner("hsm:1", remote, from_public(remote.public()))
    if answer == b"":
        remote.private = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(GaitopsError) as caught:
        signer.sign(b"payload")
    assert caught.value.code == "signing.failed"
    assert "hvs.secret" not in str(caught.value)
    with pytest.raises(GaitopsError):
        seal("text/plain", b"payload", [signer])


def test_signature_over_other_bytes() -> None:
    """A service that signs the right algorithm over other bytes is found out."""
    remote = Remote(None)
    remote.answer = remote.private.sign(b"other", ec.ECDSA(hashes.SHA256()))
    with pytest.raises(GaitopsError, match="no signature of these bytes"):
        ServiceSigner("hsm:1", remote, from_public(remote.public())).sign(b"payload")


def test_signature_with_another_hash() -> None:
    """So is one that signs the right bytes with another hash."""
    remote = Remote(None)
    remote.answer = remote.private.sign(b"payload", ec.ECDSA(hashes.SHA384()))
    with pytest.raises(GaitopsError, match="no signature of these bytes"):
        ServiceSigner("hsm:1", remote, from_public(remote.public())).sign(b"payload")


def test_unknown_service() -> None:
    """A scheme that is no service is refused by name."""
    with pytest.raises(GaitopsError) as caught:
        ServiceSigner.open("nowhere:1", Surroundings())
    assert caught.value.code == "key.uri"


def test_scheme_without_a_hash_of_its_own() -> None:
    """Where a service wants a digest, keys that sign whole messages are refused."""
    with pytest.raises(GaitopsError) as caught:
        services.digest("awskms:x", "ed25519", b"x")
    assert caught.value.code == "signer.algorithm"


def test_clients_are_not_loaded_until_needed() -> None:
    """Knowing the services loads none of their modules."""
    program = "import sys, gaitops.signing.signers; print(*sys.modules)"
    command = [sys.executable, "-c", program]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.split()
    assert not [name for name in loaded if name.startswith(("gaitops.signing.kms_", "gaitops.signing.hsm"))]
