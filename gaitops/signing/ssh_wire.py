# SPDX-License-Identifier: Apache-2.0
"""The SSH wire format of strings, integers and public keys, read strictly.

Sources: RFC 4251 5 (string, mpint), RFC 4253 6.6 (rsa), RFC 5656 3.1 (ecdsa), RFC 8709 4 (ed25519),
OpenSSH PROTOCOL.u2f (the two ``sk-`` types of FIDO2 security keys). Strict means: one encoding per value, so
equal keys have equal bytes, and nothing after the last field.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519 = "ssh-ed25519"
RSA = "ssh-rsa"
SK_ED25519 = "sk-ssh-ed25519@openssh.com"
SK_ECDSA = "sk-ecdsa-sha2-nistp256@openssh.com"
ECDSA_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "ecdsa-sha2-nistp256": ec.SECP256R1,
    "ecdsa-sha2-nistp384": ec.SECP384R1,
    "ecdsa-sha2-nistp521": ec.SECP521R1,
}
KEY_TYPES = (ED25519, *ECDSA_CURVES, RSA, SK_ED25519, SK_ECDSA)
"""Key types that are accepted; certificates and DSA are not."""

InnerKey = Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey
"""The key itself, without what SSH and FIDO2 put around it."""

_UINT32 = 4
_LONGEST_TYPE = max(len(name) for name in KEY_TYPES)
_APPLICATION_PREFIX = "ssh:"
"""FIDO2 keys made for SSH; a web site's key must not be usable here (PROTOCOL.u2f, "application")."""


class WireError(ValueError):
    """Bytes that are not what the SSH formats prescribe. Stays inside the package."""


class UnsupportedKeyTypeError(WireError):
    """The name of a key type that gaitops does not accept."""

    def __init__(self, name: str) -> None:
        # Cut, because it may be anything that was pasted in place of a key.
        super().__init__(f"SSH keys of type {name[:_LONGEST_TYPE]!r} are not supported")


class Reader:
    """Consumes SSH wire values from the front of a byte string."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, length: int) -> bytes:
        """Exactly ``length`` raw bytes.

        Raises:
            WireError: Fewer bytes are left.
        """
        end = self._at + length
        if end > len(self._data):
            raise WireError("the data ends in the middle of a field")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def uint32(self) -> int:
        """A big-endian 32-bit number."""
        return int.from_bytes(self.take(_UINT32), "big")

    def string(self) -> bytes:
        """A length and that many bytes."""
        return self.take(self.uint32())

    def text(self) -> str:
        """A string that must be ASCII: names of algorithms, namespaces and applications."""
        try:
            return self.string().decode("ascii")
        except UnicodeDecodeError as error:
            raise WireError("a name is not ASCII") from error

    def positive_mpint(self) -> int:
        """A positive integer in its shortest form (RFC 4251 5)."""
        raw = self.string()
        if not raw or raw[0] & 0x80:
            raise WireError("an integer is zero or negative")
        if raw[0] == 0 and (len(raw) == 1 or not raw[1] & 0x80):
            raise WireError("an integer is not in its shortest form")
        return int.from_bytes(raw, "big")

    def end(self) -> None:
        """Nothing may be left.

        Raises:
            WireError: Something is left.
        """
        if self._at != len(self._data):
            raise WireError("there are bytes after the last field")


def string(value: bytes) -> bytes:
    """The wire form of a string."""
    return len(value).to_bytes(_UINT32, "big") + value


@dataclass(frozen=True, slots=True)
class SSHPublicKey:
    """A public key as SSH writes it, and as the cryptography library uses it."""

    key_type: str
    blob: bytes
    """The whole wire form; equal keys have equal blobs."""
    inner: InnerKey
    application: str | None
    """What a security key's signatures are bound to, for example ``ssh:``; ``None`` for keys in software."""

    @property
    def line(self) -> str:
        """Type and base64, as in ``authorized_keys``, without a comment."""
        return f"{self.key_type} {base64.b64encode(self.blob).decode('ascii')}"


def parse_public_line(text: str) -> SSHPublicKey:
    """Read ``type base64 [comment]``, the form of ``*.pub`` files.

    Raises:
        WireError: Malformed; :class:`UnsupportedKeyTypeError` for types that are not accepted.
    """
    parts = text.strip().split(None, 2)
    if len(text.strip().splitlines()) != 1 or len(parts) < 2:
        raise WireError("expected one line with a key type and base64")
    if parts[0] not in KEY_TYPES:
        raise UnsupportedKeyTypeError(parts[0])
    key = parse_public_blob(decode_base64(parts[1]))
    if key.key_type != parts[0]:
        raise WireError(f"the line says {parts[0]} but the key says {key.key_type}")
    return key


def parse_public_blob(blob: bytes) -> SSHPublicKey:
    """Read the wire form of a public key.

    Raises:
        WireError: Malformed; :class:`UnsupportedKeyTypeError` for types that are not accepted.
    """
    reader = Reader(blob)
    key_type = reader.text()
    inner: InnerKey
    if key_type in (ED25519, SK_ED25519):
        inner = _ed25519(reader)
    elif key_type in ECDSA_CURVES:
        inner = _ecdsa(reader, ECDSA_CURVES[key_type])
    elif key_type == SK_ECDSA:
        inner = _ecdsa(reader, ec.SECP256R1)
    elif key_type == RSA:
        inner = _rsa(reader)
    else:
        raise UnsupportedKeyTypeError(key_type)
    application = reader.text() if key_type in (SK_ED25519, SK_ECDSA) else None
    if application is not None and not application.startswith(_APPLICATION_PREFIX):
        raise WireError(f"the security key belongs to {application!r}, not to an application of SSH")
    reader.end()
    return SSHPublicKey(key_type, blob, inner, application)


def decode_base64(text: str) -> bytes:
    """Standard padded base64 in its one canonical spelling (RFC 4648 3.5).

    Raises:
        WireError: Anything else, whitespace included.
    """
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise WireError("the base64 is malformed") from error
    if base64.b64encode(decoded).decode("ascii") != text:
        raise WireError("the base64 is not canonical")
    return decoded


def _ed25519(reader: Reader) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(reader.string())
    except ValueError as error:
        raise WireError("an Ed25519 key has 32 bytes") from error


def _ecdsa(reader: Reader, curve: type[ec.EllipticCurve]) -> ec.EllipticCurvePublicKey:
    name = {ec.SECP256R1: "nistp256", ec.SECP384R1: "nistp384", ec.SECP521R1: "nistp521"}[curve]
    if reader.text() != name:
        raise WireError("the curve is not the one of the key type")
    point = reader.string()
    if point[:1] != b"\x04":
        raise WireError("the point is not in uncompressed form")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(curve(), point)
    except ValueError as error:
        raise WireError("the point is not on the curve") from error


def _rsa(reader: Reader) -> rsa.RSAPublicKey:
    exponent, modulus = reader.positive_mpint(), reader.positive_mpint()
    try:
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError as error:
        raise WireError(f"the RSA key is malformed: {error}") from error
