# SPDX-License-Identifier: Apache-2.0
"""OpenPGP armor, packets and signatures as bytes, read strictly. Nothing is verified here.

Sequoia reads the same bytes later. They are read before it, because it is lenient where a verdict must not be: it skips
what surrounds an armor, reads the first of several packets, and says nothing of what it would refuse on another day.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

SIGNATURE: Final = 2
PUBLIC_KEY: Final = 6
PUBLIC_SUBKEY: Final = 14
USER_ID: Final = 13
USER_ATTRIBUTE: Final = 17
SECRET: Final = frozenset({5, 7})
"""Packet tags (RFC 9580 5)."""

BINARY: Final = 0x00
"""Type of a signature over bytes as they are (RFC 9580 5.2.1.1)."""
STRONG_HASHES: Final = frozenset({8, 9, 10, 12, 14})
"""SHA-256, SHA-384, SHA-512, SHA3-256, SHA3-512 (RFC 9580 9.5)."""
_HASHES: Final = {8: "sha256", 9: "sha384", 10: "sha512", 12: "sha3_256", 14: "sha3_512"}
_WEAK_HASHES: Final = {1: "MD5", 2: "SHA-1", 3: "RIPEMD-160", 11: "SHA-224"}

_CRITICAL: Final = 0x80
_CREATED: Final = 2
_EXPIRES: Final = 3
_ISSUER: Final = 16
_KEY_FLAGS: Final = 27
_EMBEDDED: Final = 32
_ISSUER_FINGERPRINT: Final = 33
_MAY_SIGN: Final = 0x02
_FINGERPRINT_BYTES: Final = {4: 20, 6: 32}

_ARMOR: Final = re.compile(
    rb"-----BEGIN PGP (SIGNATURE|PUBLIC KEY BLOCK)-----\n(?:[A-Za-z]+: [^\n\r\0]*\n)*\n"
    rb"((?:[A-Za-z0-9+/]{1,76}={0,2}\n)+)(?:=([A-Za-z0-9+/]{4})\n)?-----END PGP \1-----\n*"
)


class WireError(ValueError):
    """The bytes are not what they should be; says why in words that fit after "the signature is not usable:"."""


class Packet(NamedTuple):
    """One packet, without its header."""

    tag: int
    body: bytes


@dataclass(frozen=True, slots=True)
class SignaturePacket:
    """What a signature packet says of itself (RFC 9580 5.2.3)."""

    body: bytes
    version: int
    type: int
    hash_algorithm: int
    created: datetime | None
    expires: bool
    """Whether the signature is to end by itself."""
    may_sign: bool
    """Whether its key flags, of a signature on a key, let that key sign data."""
    issuers: frozenset[str]
    """Fingerprints and 64-bit ids of the key that made it, lowercase hex."""
    embedded: tuple[bytes, ...]
    """Bodies of signatures inside it: of a signing subkey on its primary key."""
    left: bytes
    """First two octets of the digest that was signed."""
    _hashed: int
    _salt: bytes

    @property
    def hash_name(self) -> str:
        """Its hash algorithm, for messages about weak ones."""
        return _WEAK_HASHES.get(self.hash_algorithm, f"number {self.hash_algorithm}")

    def digest(self, message: bytes) -> bytes:
        """Digest of a message with what this signature adds to it (RFC 9580 5.2.4); its hash must be a strong one."""
        hashing = hashlib.new(_HASHES[self.hash_algorithm], self._salt + message)
        hashing.update(self.body[: self._hashed])
        hashing.update(bytes([self.version, 0xFF]) + self._hashed.to_bytes(4))
        return hashing.digest()


def dearmor(armored: bytes, label: str) -> bytes:
    """The bytes in one armor that fills ``armored``, with the right checksum if there is one (RFC 9580 6.2).

    Raises:
        WireError: anything else, carriage returns and text around the armor included.
    """
    match = _ARMOR.fullmatch(armored)
    if match is None or match[1] != label.encode():
        raise WireError(f"it is not exactly one armor of the kind PGP {label}")
    text = match[2].replace(b"\n", b"")
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error as error:
        raise WireError("its armor is not base64") from error
    if base64.b64encode(data) != text:
        raise WireError("its armor is not base64 as encoders write it")
    if match[3] is not None and base64.b64decode(match[3]) != _crc24(data):
        raise WireError("the checksum of its armor is wrong")
    return data


def packets(data: bytes) -> Iterator[Packet]:
    """The packets that fill ``data`` (RFC 9580 4.2); none of partial or unknown length.

    Raises:
        WireError: a malformed header, or more or fewer bytes than it says.
    """
    at = 0
    while at < len(data):
        tag, at, length = _header(data, at)
        if at + length > len(data):
            raise WireError("a packet is cut off")
        yield Packet(tag, data[at : at + length])
        at += length


def read_signature(body: bytes) -> SignaturePacket:
    """The parts of a signature packet of version 4 or 6.

    Raises:
        WireError: another version, or malformed.
    """
    if len(body) < 10 or body[0] not in _FINGERPRINT_BYTES:
        raise WireError("it holds a signature of a version other than 4 and 6")
    version, width = body[0], 2 if body[0] == 4 else 4
    hashed_end, hashed = _area(body, 4, width)
    unhashed_end, unhashed = _area(body, hashed_end, width)
    left, rest = body[unhashed_end : unhashed_end + 2], body[unhashed_end + 2 :]
    salt = b""
    if version == 6:
        length = rest[0] if rest else 0
        salt = rest[1 : 1 + length]
    if len(left) != 2 or (version == 6 and not salt):
        raise WireError("a signature packet is cut off")
    # Nobody signed what stands in the unhashed area, so nothing but another name of the issuer is read there.
    if any(kind not in {_ISSUER, _ISSUER_FINGERPRINT, _EMBEDDED} for kind, _ in unhashed):
        raise WireError("it says something outside of what it signs")
    hashed = [(kind & ~_CRITICAL, value) for kind, value in hashed]
    issuers = [
        _issuer(kind, value) for kind, value in (*hashed, *unhashed) if kind in {_ISSUER, _ISSUER_FINGERPRINT}
    ]
    return SignaturePacket(
        body=body,
        version=version,
        type=body[1],
        hash_algorithm=body[3],
        created=_created([value for kind, value in hashed if kind == _CREATED]),
        expires=any(kind == _EXPIRES and any(value) for kind, value in hashed),
        may_sign=any(kind == _KEY_FLAGS and value[:1] and value[0] & _MAY_SIGN for kind, value in hashed),
        issuers=frozenset(issuers),
        embedded=tuple(value for kind, value in (*hashed, *unhashed) if kind == _EMBEDDED),
        left=left,
        _hashed=hashed_end,
        _salt=salt,
    )


def fingerprint(body: bytes) -> str:
    """Fingerprint of a key packet, lowercase hex (RFC 9580 5.5.4).

    Raises:
        WireError: a key of a version other than 4 and 6.
    """
    version = body[0] if body else 0
    if version == 4:
        return hashlib.sha1(b"\x99" + len(body).to_bytes(2) + body, usedforsecurity=False).hexdigest()
    if version == 6:
        return hashlib.sha256(b"\x9b" + len(body).to_bytes(4) + body).hexdigest()
    raise WireError("it holds a key of a version other than 4 and 6")


def key_id(name: str) -> str:
    """The 64-bit id that belongs to a fingerprint (RFC 9580 5.5.4)."""
    return name[-16:] if len(name) == 40 else name[:16]


def read_mpi(data: bytes, at: int) -> tuple[int, int]:
    """A multiprecision integer, and where it ends (RFC 9580 3.2).

    Raises:
        WireError: it is cut off.
    """
    end = at + 2 + (int.from_bytes(data[at : at + 2]) + 7) // 8
    if at + 2 > len(data) or end > len(data):
        raise WireError("a number in it is cut off")
    return int.from_bytes(data[at + 2 : end]), end


def _header(data: bytes, at: int) -> tuple[int, int, int]:
    """Tag, start and length of the body of the packet at ``at``."""
    first = data[at]
    if first & 0xC0 == 0xC0:
        start, length = _length(data, at + 1)
        return first & 0x3F, start, length
    width = {0: 1, 1: 2, 2: 4}.get(first & 0x03)
    if not first & 0x80 or width is None:
        raise WireError("it is not made of OpenPGP packets of known length")
    return (first >> 2) & 0x0F, at + 1 + width, int.from_bytes(data[at + 1 : at + 1 + width])


def _length(data: bytes, at: int, longest: int = 223) -> tuple[int, int]:
    """Where a length ends, and what it is (RFC 9580 4.2.1, 5.2.3.7); first octets up to ``longest`` take one more."""
    head = data[at : at + 5]
    if not head:
        raise WireError("a packet is cut off")
    if head[0] < 192:
        return at + 1, head[0]
    if head[0] <= longest and len(head) >= 2:
        return at + 2, ((head[0] - 192) << 8) + head[1] + 192
    if head[0] == 255 and len(head) == 5:
        return at + 5, int.from_bytes(head[1:])
    raise WireError("it is not made of OpenPGP packets of known length")


def _area(body: bytes, at: int, width: int) -> tuple[int, list[tuple[int, bytes]]]:
    """End of an area of subpackets, and their types, with the critical bit, and values."""
    end = at + width + int.from_bytes(body[at : at + width])
    at += width
    if end > len(body):
        raise WireError("a signature packet is cut off")
    found = []
    while at < end:
        start, length = _length(body[:end], at, longest=254)
        if length < 1 or start + length > end:
            raise WireError("a subpacket is cut off")
        found.append((body[start], body[start + 1 : start + length]))
        at = start + length
    return end, found


def _issuer(kind: int, value: bytes) -> str:
    if kind == _ISSUER:
        if len(value) != 8:
            raise WireError("the id of its issuer is malformed")
        return value.hex()
    if not value or len(value) - 1 != _FINGERPRINT_BYTES.get(value[0]):
        raise WireError("the fingerprint of its issuer is malformed")
    return value[1:].hex()


def _created(values: list[bytes]) -> datetime | None:
    if not values:
        return None
    if len(values) > 1 or len(values[0]) != 4:
        raise WireError("it has more than one time of creation")
    return datetime.fromtimestamp(int.from_bytes(values[0]), UTC)


def _crc24(data: bytes) -> bytes:
    """Checksum of an armor (RFC 9580 6.1.1)."""
    crc = 0xB704CE
    for octet in data:
        crc ^= octet << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= 0x1864CFB
    return crc.to_bytes(3)
