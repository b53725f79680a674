# SPDX-License-Identifier: Apache-2.0
"""People of a synthetic fleet: one Ed25519 key each, the same in every run, made from the name alone.

Commits are signed here and not by ``ssh-keygen``, which takes milliseconds per signature; the bytes are the same.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.signer import CryptoSigner

_ALGORITHM: Final = b"ssh-ed25519"
_NAMESPACE: Final = b"git"


class Person:
    """Somebody who commits and approves."""

    def __init__(self, name: str) -> None:
        self.name: Final = name
        self.email: Final = f"{name}@example.com"
        self._key = Ed25519PrivateKey.from_private_bytes(
            hashlib.sha256(f"benchmark {name}".encode()).digest()
        )
        self.signer: Final = CryptoSigner(self._key)
        self._wire = ssh_string(_ALGORITHM) + ssh_string(self._key.public_key().public_bytes_raw())

    @property
    def public(self) -> Ed25519PublicKey:
        """The public key."""
        return self._key.public_key()

    @property
    def pem(self) -> str:
        """The public key as SPKI PEM."""
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    @property
    def allowed_signer(self) -> str:
        """The line for Git's ``gpg.ssh.allowedSignersFile``."""
        return f'{self.email} namespaces="git" ssh-ed25519 {base64.b64encode(self._wire).decode()}\n'

    def sign_commit(self, payload: bytes) -> bytes:
        """An armored signature as ``ssh-keygen -Y sign -n git`` writes it (PROTOCOL.sshsig)."""
        signature = ssh_string(_ALGORITHM) + ssh_string(self._key.sign(sshsig_message(payload)))
        fields = (self._wire, _NAMESPACE, b"", b"sha512", signature)
        blob = b"SSHSIG" + (1).to_bytes(4, "big") + b"".join(map(ssh_string, fields))
        text = base64.b64encode(blob)
        lines = [text[at : at + 70] for at in range(0, len(text), 70)]
        return b"\n".join([b"-----BEGIN SSH SIGNATURE-----", *lines, b"-----END SSH SIGNATURE-----", b""])


def ssh_string(value: bytes) -> bytes:
    """A length-prefixed string (RFC 4251 section 5)."""
    return len(value).to_bytes(4, "big") + value


def sshsig_message(payload: bytes) -> bytes:
    """The bytes that an SSH signature over a commit really covers."""
    fields = (_NAMESPACE, b"", b"sha512", hashlib.sha512(payload).digest())
    return b"SSHSIG" + b"".join(map(ssh_string, fields))
