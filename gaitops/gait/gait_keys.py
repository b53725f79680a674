# SPDX-License-Identifier: Apache-2.0
"""Key files as ``gait keys`` writes them: base64 text of raw Ed25519 keys (Gait contract 10).

A private key file holds 64 bytes, the seed and the public key; a public key file holds 32. A key is named by the
SHA-256 of its 32 public bytes. There is no header, no metadata and no expiry: whose key it is, and how long it
counts, is said elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gaitops.errors import InvalidInputError

_PUBLIC_BYTES = 32
_PRIVATE_BYTES = 64
_MAX_FILE_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class GaitPublicKey:
    """A public key that verifies what ``gait`` signs."""

    raw: bytes

    @property
    def key_id(self) -> str:
        """Lowercase hex SHA-256 of the raw key, as Gait writes it into signatures."""
        return hashlib.sha256(self.raw).hexdigest()

    def verifies(self, signature: bytes, digest: bytes) -> bool:
        """Whether ``signature`` is this key's signature over the 32 bytes of ``digest`` (contract 0.2)."""
        try:
            _loaded(self.raw).verify(signature, digest)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class GaitPrivateKey:
    """A private key in Gait's form. Never shown in a ``repr``."""

    seed: bytes = field(repr=False)
    public: GaitPublicKey

    def sign(self, digest: bytes) -> bytes:
        """The signature over the 32 bytes of ``digest``."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(digest)


@lru_cache(maxsize=1024)
def _loaded(raw: bytes) -> Ed25519PublicKey:
    """Decoding the point takes a seventh of the time of a verification; keys are few, signatures many."""
    return Ed25519PublicKey.from_public_bytes(raw)


def read_public_key(data: bytes, path: str | None = None) -> GaitPublicKey:
    """Read the content of a public key file.

    Raises:
        InvalidInputError: ``gait_key.malformed``.
    """
    return GaitPublicKey(_decode(data, _PUBLIC_BYTES, "public", path))


def read_private_key(data: bytes, path: str | None = None) -> GaitPrivateKey:
    """Read the content of a private key file.

    Gait takes the public half as it stands. A half that does not belong to the seed would give signatures that
    nobody can verify, so it is refused here.

    Raises:
        InvalidInputError: ``gait_key.malformed``.
    """
    raw = _decode(data, _PRIVATE_BYTES, "private", path)
    seed, public = raw[:_PUBLIC_BYTES], raw[_PUBLIC_BYTES:]
    if Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw() != public:
        raise InvalidInputError.of(
            "gait_key.malformed", "the two halves of the private key do not match", path=path
        )
    return GaitPrivateKey(seed, GaitPublicKey(public))


def _decode(data: bytes, expected: int, kind: str, path: str | None) -> bytes:
    """The raw bytes of a key file. Messages never show what was found: it may be a private key."""
    try:
        raw = base64.b64decode(data.strip(), validate=True) if len(data) <= _MAX_FILE_BYTES else b""
    except binascii.Error:
        raw = b""
    if len(raw) != expected:
        raise InvalidInputError.of(
            "gait_key.malformed",
            f"expected a {kind} key of gait: base64 text of {expected} bytes",
            path=path,
            remedy="create keys with `gait keys init`",
        )
    return raw
