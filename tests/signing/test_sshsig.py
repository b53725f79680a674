# SPDX-License-Identifier: Apache-2.0
"""SSHSIG: what OpenSSH signs is accepted, and nothing else."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import Signature

from gaitops.errors import VerificationError
from gaitops.signing.keys import parse_public_key
from gaitops.signing.ssh import SSHKey, sshsig_public_key, verify_sshsig

KINDS: dict[str, tuple[str, int | None]] = {
    "ed25519": ("ed25519", None),
    "ecdsa256": ("ecdsa", 256),
    "ecdsa384": ("ecdsa", 384),
    "ecdsa521": ("ecdsa", 521),
    "rsa3072": ("rsa", 3072),
}
"""Golden vectors, and how ssh-keygen names their kind of key."""
MESSAGE = b"gaitops golden vector\n"


def read(vectors: Path, kind: str) -> tuple[SSHKey, bytes]:
    """Key and raw signature of a committed vector."""
    key = parse_public_key((vectors / "ssh" / f"{kind}.pub").read_text())
    assert isinstance(key, SSHKey)
    lines = (vectors / "ssh" / f"{kind}.sig").read_text().splitlines()
    return key, base64.b64decode("".join(lines[1:-1]))


def armor(blob: bytes) -> bytes:
    """The armored form, written independently of the code under test."""
    body = base64.encodebytes(blob)
    return b"-----BEGIN SSH SIGNATURE-----\n" + body + b"-----END SSH SIGNATURE-----\n"


def field(value: bytes) -> bytes:
    """A length and the bytes."""
    return len(value).to_bytes(4, "big") + value


@pytest.mark.parametrize("kind", KINDS)
class TestGoldenVectors:
    """Signatures that OpenSSH made once."""

    def test_verifies(self, vectors: Path, kind: str) -> None:
        """Armored and raw, under the key that the signature itself names."""
        key, blob = read(vectors, kind)
        armored = (vectors / "ssh" / f"{kind}.sig").read_bytes()
        assert (vectors / "ssh" / "message.txt").read_bytes() == MESSAGE
        assert verify_sshsig(key, MESSAGE, armored, "gaitops")
        assert verify_sshsig(key, MESSAGE, blob, "gaitops")
        assert sshsig_public_key(armored) == key

    def test_other_namespace(self, vectors: Path, kind: str) -> None:
        """A signature for envelopes is none for Git, nor for a longer or an empty name."""
        key, blob = read(vectors, kind)
        for namespace in ("git", "", "gaitops2", "file"):
            assert not verify_sshsig(key, MESSAGE, blob, namespace)

    def test_other_message(self, vectors: Path, kind: str) -> None:
        """One byte less is another message."""
        key, blob = read(vectors, kind)
        assert not verify_sshsig(key, MESSAGE[:-1], blob, "gaitops")

    def test_every_byte_counts(self, vectors: Path, kind: str) -> None:
        """No byte of the blob can change, whichever field it belongs to."""
        key, blob = read(vectors, kind)
        for index in range(len(blob)):
            for bit in (0x01, 0x80):
                mutated = blob[:index] + bytes([blob[index] ^ bit]) + blob[index + 1 :]
                assert not verify_sshsig(key, MESSAGE, mutated, "gaitops"), index

    def test_cut_and_extended(self, vectors: Path, kind: str) -> None:
        """Neither a shorter nor a longer blob is a signature."""
        key, blob = read(vectors, kind)
        for length in range(len(blob)):
            assert not verify_sshsig(key, MESSAGE, blob[:length], "gaitops")
        assert not verify_sshsig(key, MESSAGE, blob + b"\0", "gaitops")

    def test_other_key_of_the_same_type(
        self, vectors: Path, kind: str, ssh_keygen: Callable[..., Path], ssh_key: Callable[[Path], SSHKey]
    ) -> None:
        """The key inside the signature is never used in place of the caller's."""
        _, blob = read(vectors, kind)
        other = ssh_key(ssh_keygen(kind=KINDS[kind][0], bits=KINDS[kind][1]))
        assert not verify_sshsig(other, MESSAGE, blob, "gaitops")


class TestLiveKeygen:
    """The installed ssh-keygen and this implementation agree."""

    @pytest.mark.parametrize("hash_name", ["sha256", "sha512"])
    @pytest.mark.parametrize(
        ("kind", "bits"), [("ed25519", None), ("ecdsa", 256), ("ecdsa", 521), ("rsa", 3072)]
    )
    def test_verifies(
        self,
        *,
        ssh_keygen: Callable[..., Path],
        ssh_sign: Callable[..., bytes],
        ssh_key: Callable[[Path], SSHKey],
        kind: str,
        bits: int | None,
        hash_name: str,
    ) -> None:
        """Any key type with either message hash, for the namespace of Git."""
        path = ssh_keygen(kind=kind, bits=bits)
        armored = ssh_sign(path, b"tree 0\n", namespace="git", hash_name=hash_name)
        assert verify_sshsig(ssh_key(path), b"tree 0\n", armored, "git")
        assert not verify_sshsig(ssh_key(path), b"tree 0\n", armored, "gaitops")

    def test_weak_rsa_key_is_not_accepted(
        self, ssh_keygen: Callable[..., Path], ssh_sign: Callable[..., bytes]
    ) -> None:
        """A valid signature by a key of 2048 bits is not usable."""
        with pytest.raises(VerificationError, match="2048 bits") as caught:
            sshsig_public_key(ssh_sign(ssh_keygen(kind="rsa", bits=2048), b"x"))
        assert caught.value.code == "signature.invalid"


class TestStructure:
    """Fields that OpenSSH always writes alike are required to be so."""

    def parts(self, vectors: Path, kind: str = "ed25519") -> tuple[SSHKey, list[bytes]]:
        """Key and the five fields of a signature."""
        key, blob = read(vectors, kind)
        fields, at = [], 10
        while at < len(blob):
            size = int.from_bytes(blob[at : at + 4], "big")
            fields.append(blob[at + 4 : at + 4 + size])
            at += 4 + size
        assert blob[:10] + b"".join(field(part) for part in fields) == blob
        return key, fields

    def check(self, key: SSHKey, fields: list[bytes], head: bytes = b"SSHSIG\0\0\0\1") -> bool:
        """Put a blob together and verify it."""
        return verify_sshsig(key, MESSAGE, head + b"".join(field(part) for part in fields), "gaitops")

    def test_unchanged(self, vectors: Path) -> None:
        """The parts put together again still verify, so the cases below fail for their own reason."""
        assert self.check(*self.parts(vectors))

    def test_version(self, vectors: Path) -> None:
        """There is only version 1."""
        assert not self.check(*self.parts(vectors), head=b"SSHSIG\0\0\0\2")

    @pytest.mark.parametrize(
        ("index", "value"),
        [
            (1, b""),
            (1, b"git"),
            (2, b"x"),
            (3, b"sha1"),
            (3, b"sha384"),
            (3, b"sha256"),
            (3, b"\xff"),
            (4, b""),
        ],
    )
    def test_field(self, vectors: Path, index: int, value: bytes) -> None:
        """Namespace, reserved field, message hash and signature are what they must be."""
        key, fields = self.parts(vectors)
        fields[index] = value
        assert not self.check(key, fields)

    @pytest.mark.parametrize("algorithm", [b"ssh-rsa", b"rsa-sha2-256", b"rsa-sha1", b"ssh-ed25519", b"none"])
    def test_rsa_algorithm(self, vectors: Path, algorithm: bytes) -> None:
        """RSA signs with SHA-2 only, and a signature is of the algorithm that it names."""
        key, fields = self.parts(vectors, "rsa3072")
        assert fields[4].startswith(field(b"rsa-sha2-512"))
        fields[4] = field(algorithm) + fields[4][len(field(b"rsa-sha2-512")) :]
        assert not self.check(key, fields)

    def test_algorithm_of_another_key_type(self, vectors: Path) -> None:
        """An Ed25519 key does not sign as a security key without one."""
        key, fields = self.parts(vectors)
        value = fields[4][len(field(b"ssh-ed25519")) :]
        fields[4] = field(b"sk-ssh-ed25519@openssh.com") + value + b"\1\0\0\0\0"
        assert not self.check(key, fields)

    def test_second_spelling_of_an_ecdsa_integer(self, vectors: Path) -> None:
        """A leading zero too many is refused, so a signature has one encoding."""
        key, fields = self.parts(vectors, "ecdsa256")
        head = field(b"ecdsa-sha2-nistp256")
        inner = fields[4][len(head) + 4 :]
        size = int.from_bytes(inner[:4], "big")
        longer = field(b"\0" + inner[4 : 4 + size]) + inner[4 + size :]
        fields[4] = head + field(longer)
        assert not self.check(key, fields)


class TestArmor:
    """The text around the blob."""

    @pytest.mark.parametrize(
        "change",
        [
            lambda text: text.replace(b"BEGIN SSH", b"BEGIN PGP"),
            lambda text: text.replace(b"-----END SSH SIGNATURE-----\n", b""),
            lambda text: text + b"trailing",
            lambda text: b"leading\n" + text,
            lambda text: text + text,
            lambda text: text.replace(b"\nU1NI", b"\n!1NI"),
            lambda text: text.replace(b"\nU1NI", b"\n U1NI"),
            lambda text: text.replace(b"SIGNATURE", b"SIGN\xffATURE"),
            lambda text: text + b"\n" * 50_000,
            lambda text: b"",
        ],
        ids=[
            "label",
            "end",
            "trailing",
            "leading",
            "twice",
            "alphabet",
            "space",
            "not ascii",
            "huge",
            "empty",
        ],
    )
    def test_strict(self, vectors: Path, change: Callable[[bytes], bytes]) -> None:
        """One block with standard base64, nothing in front and nothing behind."""
        key, blob = read(vectors, "ed25519")
        assert verify_sshsig(key, MESSAGE, armor(blob), "gaitops")
        changed = change(armor(blob))
        assert not verify_sshsig(key, MESSAGE, changed, "gaitops")
        with pytest.raises(VerificationError) as caught:
            sshsig_public_key(changed)
        assert caught.value.code == "signature.invalid"

    @given(st.binary(max_size=300))
    @settings(deadline=None, derandomize=True, max_examples=200)
    def test_any_bytes(self, data: bytes) -> None:
        """No bytes make verification raise anything but its own error."""
        for candidate in (data, armor(data), b"SSHSIG\0\0\0\1" + data):
            with pytest.raises(VerificationError):
                sshsig_public_key(candidate)


class TestSecurityKeys:
    """FIDO2 keys: the touch is part of the signature."""

    def test_verifies(self, security_key: Any) -> None:
        """With the touch, for the right message and namespace only."""
        blob = security_key.sign(MESSAGE)
        assert verify_sshsig(security_key.key, MESSAGE, blob, "gaitops")
        assert not verify_sshsig(security_key.key, MESSAGE + b"x", blob, "gaitops")
        assert not verify_sshsig(security_key.key, MESSAGE, blob, "git")

    def test_ssh_keygen_agrees(self, security_key: Any, tmp_path: Path) -> None:
        """OpenSSH accepts the same signature, so these tests test the real format."""
        (tmp_path / "sig").write_bytes(armor(security_key.sign(MESSAGE)))
        command = ["ssh-keygen", "-Y", "check-novalidate", "-n", "gaitops", "-s", str(tmp_path / "sig")]
        assert subprocess.run(command, input=MESSAGE, check=False, capture_output=True).returncode == 0

    @pytest.mark.parametrize("flags", [0x00, 0x04, 0xFE])
    def test_without_touch(self, security_key: Any, flags: int) -> None:
        """A valid signature for which nobody touched the key is refused, though ssh-keygen takes it."""
        assert not verify_sshsig(
            security_key.key, MESSAGE, security_key.sign(MESSAGE, flags=flags), "gaitops"
        )

    def test_with_verified_user(self, security_key: Any) -> None:
        """A PIN in addition to the touch is fine."""
        assert verify_sshsig(security_key.key, MESSAGE, security_key.sign(MESSAGE, flags=0x05), "gaitops")

    def test_every_byte_counts(self, security_key: Any) -> None:
        """Flags, counter and application are covered like everything else."""
        blob = security_key.sign(MESSAGE)
        for index in range(len(blob)):
            mutated = blob[:index] + bytes([blob[index] ^ 0x04]) + blob[index + 1 :]
            assert not verify_sshsig(security_key.key, MESSAGE, mutated, "gaitops"), index

    def test_trailing_bytes(self, security_key: Any) -> None:
        """Nothing follows the counter."""
        assert not verify_sshsig(security_key.key, MESSAGE, security_key.sign(MESSAGE, tail=b"\0"), "gaitops")

    def test_other_application(self, security_key: Any) -> None:
        """The same secret for another application is another key."""
        other = type(security_key)(security_key.private, b"ssh:other")
        assert not verify_sshsig(security_key.key, MESSAGE, other.sign(MESSAGE), "gaitops")
        assert verify_sshsig(other.key, MESSAGE, other.sign(MESSAGE), "gaitops")


class TestKeyInterface:
    """SSHKey as a securesystemslib key."""

    def test_verify_signature(self, vectors: Path) -> None:
        """The signature is the hex form of the raw blob, under the key's own id."""
        key, blob = read(vectors, "ed25519")
        key.verify_signature(Signature(key.keyid, blob.hex()), MESSAGE)

    @pytest.mark.parametrize("change", ["keyid", "hex", "message"])
    def test_refused(self, vectors: Path, change: str) -> None:
        """Another id, malformed hex or another message do not verify."""
        key, blob = read(vectors, "ed25519")
        keyid = "0" * 64 if change == "keyid" else key.keyid
        text = "zz" if change == "hex" else blob.hex()
        with pytest.raises(UnverifiedSignatureError):
            key.verify_signature(Signature(keyid, text), b"" if change == "message" else MESSAGE)
