# SPDX-License-Identifier: Apache-2.0
"""SSHSIG, the format of ``ssh-keygen -Y sign`` and of SSH-signed Git commits, checked in-process.

Sources: OpenSSH PROTOCOL.sshsig, PROTOCOL.u2f (security keys), RFC 8332 (rsa-sha2), RFC 5656 (ecdsa).
Calling ``ssh-keygen`` costs 17 ms a signature; this costs a little more than the curve arithmetic.

Stricter than ssh-keygen where that costs nothing: the reserved field must be empty, integers are in shortest
form, and a security key must have been touched ("user present").
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from gaitops.signing.ssh_wire import (
    ECDSA_CURVES,
    RSA,
    Reader,
    SSHPublicKey,
    WireError,
    decode_base64,
    string,
)

_MAGIC = b"SSHSIG"
_VERSION = 1
_HASHES = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}
_RSA_HASHES: dict[str, hashes.HashAlgorithm] = {
    "rsa-sha2-256": hashes.SHA256(),
    "rsa-sha2-512": hashes.SHA512(),
}
_ECDSA_HASHES: dict[str, hashes.HashAlgorithm] = dict(
    zip(ECDSA_CURVES, (hashes.SHA256(), hashes.SHA384(), hashes.SHA512()), strict=True)
)
_ED25519_LENGTH = 64
_USER_PRESENT = 0x01
"""Flag of a security key: somebody touched it for this signature (PROTOCOL.u2f)."""

_BEGIN = "-----BEGIN SSH SIGNATURE-----"
_END = "-----END SSH SIGNATURE-----"
_MAX_BYTES = 16 * 1024
"""An RSA signature of the largest accepted key needs 6 KiB."""


@dataclass(frozen=True, slots=True)
class SSHSignature:
    """The fields of an SSHSIG blob that vary; the others were checked on reading."""

    public_blob: bytes
    namespace: str
    hash_name: str
    signature: bytes


def parse(blob: bytes) -> SSHSignature:
    """Read a raw (not armored) SSHSIG.

    Raises:
        WireError: Anything that PROTOCOL.sshsig does not prescribe.
    """
    if len(blob) > _MAX_BYTES:
        raise WireError(f"a signature of more than {_MAX_BYTES} bytes")
    reader = Reader(blob)
    if reader.take(len(_MAGIC)) != _MAGIC or reader.uint32() != _VERSION:
        raise WireError("not an SSH signature of version 1")
    public_blob, namespace, reserved, hash_name, signature = (
        reader.string(),
        reader.text(),
        reader.string(),
        reader.text(),
        reader.string(),
    )
    reader.end()
    if reserved:
        raise WireError("the reserved field is not empty")
    if hash_name not in _HASHES:
        raise WireError(f"messages hashed with {hash_name!r} are not accepted")
    return SSHSignature(public_blob, namespace, hash_name, signature)


def dearmor(armored: bytes) -> bytes:
    """The raw SSHSIG inside ``-----BEGIN SSH SIGNATURE-----`` and its end line.

    Raises:
        WireError: Not exactly one armored signature with canonical base64.
    """
    if len(armored) > 2 * _MAX_BYTES:
        raise WireError("the armored signature is too large")
    try:
        lines = armored.decode("ascii").strip("\n").split("\n")
    except UnicodeDecodeError as error:
        raise WireError("the armored signature is not ASCII") from error
    if len(lines) < 3 or lines[0] != _BEGIN or lines[-1] != _END:
        raise WireError("not an armored SSH signature")
    return decode_base64("".join(lines[1:-1]))


def verify(key: SSHPublicKey, message: bytes, blob: bytes, namespace: str) -> bool:
    """Whether ``blob`` is a signature by ``key`` over ``message`` made for ``namespace``.

    The algorithm follows from the key; the signature only chooses between the two RSA hashes. Malformed
    signatures are not signatures: the answer is ``False``.
    """
    try:
        parsed = parse(blob)
        if parsed.public_blob != key.blob or parsed.namespace != namespace:
            return False
        hashed = _HASHES[parsed.hash_name](message).digest()
        signed = _MAGIC + b"".join(
            string(field) for field in (namespace.encode(), b"", parsed.hash_name.encode(), hashed)
        )
        _check(key, parsed.signature, signed)
    except (WireError, InvalidSignature):
        return False
    return True


def _check(key: SSHPublicKey, signature: bytes, signed: bytes) -> None:
    """Check the innermost signature, as SSH writes it, over ``signed``.

    Raises:
        WireError: Malformed, or another algorithm than the key's.
        InvalidSignature: Well-formed and wrong.
    """
    reader = Reader(signature)
    algorithm, value = reader.text(), reader.string()
    if key.application is not None:
        flags, counter = reader.take(1), reader.take(4)
        if not flags[0] & _USER_PRESENT:
            raise WireError("nobody touched the security key")
        application = hashlib.sha256(key.application.encode()).digest()
        signed = application + flags + counter + hashlib.sha256(signed).digest()
    reader.end()
    if key.key_type == RSA:
        if algorithm not in _RSA_HASHES:
            raise WireError(f"RSA signatures of type {algorithm!r} are not accepted")
    elif algorithm != key.key_type:
        raise WireError(f"a signature of type {algorithm!r} by a key of type {key.key_type!r}")
    if isinstance(key.inner, Ed25519PublicKey):
        if len(value) != _ED25519_LENGTH:
            raise WireError("an Ed25519 signature has 64 bytes")
        key.inner.verify(value, signed)
    elif isinstance(key.inner, rsa.RSAPublicKey):
        key.inner.verify(value, signed, padding.PKCS1v15(), _RSA_HASHES[algorithm])
    else:
        numbers = Reader(value)
        r, s = numbers.positive_mpint(), numbers.positive_mpint()
        numbers.end()
        # The security-key type is P-256 under another name.
        algorithm_hash = _ECDSA_HASHES.get(key.key_type, hashes.SHA256())
        key.inner.verify(encode_dss_signature(r, s), signed, ec.ECDSA(algorithm_hash))
