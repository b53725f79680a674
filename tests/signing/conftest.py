# SPDX-License-Identifier: Apache-2.0
"""Real OpenSSH keys, a real ssh-agent, and security keys whose secret is in software."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gaitops.signing.keys import parse_public_key
from gaitops.signing.ssh import SSHKey
from gaitops.signing.ssh_wire import parse_public_blob

SSHKeygen = Callable[..., Path]
SSHSign = Callable[..., bytes]


def wire_string(value: bytes) -> bytes:
    """A string of RFC 4251, written independently of the code under test."""
    return len(value).to_bytes(4, "big") + value


def wire_mpint(value: int) -> bytes:
    """A positive mpint of RFC 4251."""
    return wire_string(value.to_bytes(value.bit_length() // 8 + 1, "big"))


@dataclass(frozen=True)
class SoftwareSecurityKey:
    """What a FIDO2 key does for SSH (PROTOCOL.u2f), with the secret in memory."""

    private: Ed25519PrivateKey | ec.EllipticCurvePrivateKey
    application: bytes = b"ssh:"

    @property
    def key_type(self) -> bytes:
        if isinstance(self.private, Ed25519PrivateKey):
            return b"sk-ssh-ed25519@openssh.com"
        return b"sk-ecdsa-sha2-nistp256@openssh.com"

    @property
    def blob(self) -> bytes:
        if isinstance(self.private, Ed25519PrivateKey):
            raw = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
            middle = wire_string(raw)
        else:
            point = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
            middle = wire_string(b"nistp256") + wire_string(point)
        return wire_string(self.key_type) + middle + wire_string(self.application)

    @property
    def key(self) -> SSHKey:
        return SSHKey(parse_public_blob(self.blob))

    def sign(
        self,
        message: bytes,
        namespace: bytes = b"gaitops",
        flags: int = 1,
        counter: int = 7,
        tail: bytes = b"",
    ) -> bytes:
        """A raw SSHSIG."""
        signed = b"SSHSIG" + b"".join(
            wire_string(part) for part in (namespace, b"", b"sha512", hashlib.sha512(message).digest())
        )
        state = bytes([flags]) + counter.to_bytes(4, "big")
        touched = hashlib.sha256(self.application).digest() + state + hashlib.sha256(signed).digest()
        if isinstance(self.private, Ed25519PrivateKey):
            value = self.private.sign(touched)
        else:
            r, s = decode_dss_signature(self.private.sign(touched, ec.ECDSA(hashes.SHA256())))
            value = wire_mpint(r) + wire_mpint(s)
        inner = wire_string(self.key_type) + wire_string(value) + state + tail
        fields = (self.blob, namespace, b"", b"sha512", inner)
        return b"SSHSIG" + (1).to_bytes(4, "big") + b"".join(wire_string(part) for part in fields)


@pytest.fixture(params=["ed25519", "ecdsa"])
def security_key(request: pytest.FixtureRequest) -> SoftwareSecurityKey:
    """Both kinds of FIDO2 keys."""
    if request.param == "ed25519":
        return SoftwareSecurityKey(Ed25519PrivateKey.generate())
    return SoftwareSecurityKey(ec.generate_private_key(ec.SECP256R1()))


@pytest.fixture
def vectors() -> Path:
    """Committed signatures by OpenSSH."""
    return Path(__file__).parent / "vectors"


@pytest.fixture
def ssh_keygen(tmp_path: Path) -> SSHKeygen:
    """Make a key pair with ssh-keygen; returns the private file."""

    def make(name: str = "id", kind: str = "ed25519", bits: int | None = None, passphrase: str = "") -> Path:
        path = tmp_path / name
        size = [] if bits is None else ["-b", str(bits)]
        command = [
            "ssh-keygen",
            "-q",
            "-t",
            kind,
            *size,
            "-N",
            passphrase,
            "-C",
            "a comment",
            "-f",
            str(path),
        ]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        return path

    return make


@pytest.fixture
def ssh_sign() -> SSHSign:
    """Sign with ssh-keygen, not with the code under test; returns the armored signature."""

    def sign(path: Path, message: bytes, namespace: str = "gaitops", hash_name: str = "sha512") -> bytes:
        command = ["ssh-keygen", "-Y", "sign", "-n", namespace, "-O", f"hashalg={hash_name}", "-f", str(path)]
        return subprocess.run(command, check=True, input=message, capture_output=True).stdout

    return sign


@pytest.fixture
def no_agent() -> Mapping[str, str]:
    """An environment without an agent."""
    return {"PATH": os.environ["PATH"]}


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """A running ssh-agent of this test's own; yields the environment that reaches it."""
    socket = tmp_path / "agent"
    started = subprocess.run(
        ["ssh-agent", "-s", "-a", str(socket)], check=True, capture_output=True, text=True
    )
    found = re.search(r"SSH_AGENT_PID=(\d+)", started.stdout)
    assert found is not None
    environment = {"PATH": os.environ["PATH"], "SSH_AUTH_SOCK": str(socket)}
    yield environment
    stop = environment | {"SSH_AGENT_PID": found[1]}
    subprocess.run(["ssh-agent", "-k"], check=True, env=stop, capture_output=True)


@pytest.fixture
def ssh_key() -> Callable[[Path], SSHKey]:
    """The public key beside a private file."""

    def read(path: Path) -> SSHKey:
        key = parse_public_key(path.with_name(path.name + ".pub").read_text())
        assert isinstance(key, SSHKey)
        return key

    return read
