# SPDX-License-Identifier: Apache-2.0
"""Keys of the services. All are made when the double is, and die with it."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ECKey = ec.EllipticCurvePrivateKey
LogKey = ec.EllipticCurvePrivateKey | Ed25519PrivateKey


def new_key() -> ECKey:
    """A fresh key on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def spki(key: LogKey) -> bytes:
    """The public key in DER."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_id(key: LogKey) -> bytes:
    """Id of a log by its key (RFC 6962 3.2)."""
    return hashlib.sha256(spki(key)).digest()


def sign(key: LogKey, data: bytes) -> bytes:
    """Ed25519, or ECDSA with SHA-256 in DER."""
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(data)
    return key.sign(data, ec.ECDSA(SHA256()))
