# SPDX-License-Identifier: Apache-2.0
"""OpenPGP certificates and signatures written octet by octet (RFC 9580), so that every time and algorithm can be chosen.

::

    dana = Certificate("dana", datetime(2020, 1, 1, tzinfo=UTC))
    text, armored = dana.armored, dana.sign(payload, at)
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA512

PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

SHA_1, SHA_256, SHA_512 = 2, 8, 10
_HASHES: dict[int, type[SHA1 | SHA256 | SHA512]] = {SHA_1: SHA1, SHA_256: SHA256, SHA_512: SHA512}
CERTIFY, SIGN = 0x01, 0x02
ENCRYPT = 0x0C
UNSAID, SUPERSEDED, COMPROMISED, RETIRED = range(4)
YEAR = timedelta(days=365)


def packet(tag: int, body: bytes) -> bytes:
    """A packet with the five-octet length."""
    return bytes([0xC0 | tag, 0xFF]) + len(body).to_bytes(4) + body


def armor(label: str, data: bytes, *, checksum: bool = True) -> str:
    """ASCII armor as GnuPG writes it."""
    text = base64.b64encode(data).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    tail = [f"={base64.b64encode(crc24(data)).decode()}"] if checksum else []
    return "\n".join([f"-----BEGIN PGP {label}-----", "", *lines, *tail, f"-----END PGP {label}-----", ""])


def crc24(data: bytes) -> bytes:
    """Checksum of an armor."""
    crc = 0xB704CE
    for octet in data:
        crc ^= octet << 16
        for _ in range(8):
            crc = (crc << 1) ^ (0x864CFB if crc & 0x800000 else 0)
            crc &= 0xFFFFFF
    return crc.to_bytes(3)


def mpi(value: int) -> bytes:
    """A multiprecision integer."""
    return value.bit_length().to_bytes(2) + value.to_bytes((value.bit_length() + 7) // 8)


def subpacket(kind: int, value: bytes) -> bytes:
    """A subpacket, with the shortest length."""
    length = len(value) + 1
    head = bytes([length]) if length < 192 else b"\xff" + length.to_bytes(4)
    return head + bytes([kind]) + value


def new_ed25519(seed: str) -> Ed25519PrivateKey:
    """The same key for the same seed."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"openpgp {seed}".encode()).digest())


@dataclass(frozen=True)
class Key:
    """A key of version 4 with its time of creation."""

    private: PrivateKey
    created: datetime

    @property
    def body(self) -> bytes:
        """Body of the public key's packet."""
        algorithm, material = _public(self.private)
        return b"\x04" + stamp(self.created) + bytes([algorithm]) + material

    @property
    def hashable(self) -> bytes:
        """What signatures on the key are over."""
        return b"\x99" + len(self.body).to_bytes(2) + self.body

    @property
    def fingerprint(self) -> str:
        """Lowercase hex."""
        return hashlib.sha1(self.hashable, usedforsecurity=False).hexdigest()

    def signature(
        self,
        data: bytes,
        kind: int,
        at: datetime,
        *,
        hashed: Sequence[bytes] = (),
        unhashed: Sequence[bytes] | None = None,
        hash_algorithm: int = SHA_512,
        issuer: bool = True,
    ) -> bytes:
        """Body of a signature packet over data."""
        name = bytes.fromhex(self.fingerprint)
        subpackets = [subpacket(2, stamp(at)), *hashed]
        if issuer:
            subpackets.append(subpacket(33, b"\x04" + name))
        inner = b"".join(subpackets)
        algorithm, _ = _public(self.private)
        head = bytes([4, kind, algorithm, hash_algorithm]) + len(inner).to_bytes(2) + inner
        hashing = hashlib.new(_HASHES[hash_algorithm]().name, data + head)
        hashing.update(b"\x04\xff" + len(head).to_bytes(4))
        outer = b"".join(unhashed if unhashed is not None else [subpacket(16, name[-8:])] if issuer else [])
        made = _signed(self.private, hashing.digest(), hash_algorithm)
        return head + len(outer).to_bytes(2) + outer + hashing.digest()[:2] + made


@dataclass
class Certificate:
    """A primary key that certifies, a subkey that signs, and one user id."""

    name: str
    created: datetime
    lasts: timedelta | None = None
    """Of the subkey; ``None`` for ever."""
    primary_lasts: timedelta | None = None
    flags: int = SIGN
    """Of the subkey."""
    hash_algorithm: int = SHA_512
    """Of the signatures in the certificate."""
    primary: Key = field(init=False)
    subkey: Key = field(init=False)
    more: list[bytes] = field(default_factory=list)
    """Packets at the end."""
    after_primary: list[bytes] = field(default_factory=list)
    """Packets right behind the primary key: its revocations."""
    subkey_private: PrivateKey | None = None
    primary_private: PrivateKey | None = None

    def __post_init__(self) -> None:
        self.primary = Key(self.primary_private or new_ed25519(f"{self.name} primary"), self.created)
        self.subkey = Key(self.subkey_private or new_ed25519(f"{self.name} subkey"), self.created)

    @property
    def packets(self) -> bytes:
        """The certificate."""
        user = f"{self.name} <{self.name}@example.com>".encode()
        certification = self.primary.signature(
            self.primary.hashable + b"\xb4" + len(user).to_bytes(4) + user,
            0x13,
            self.created,
            hashed=[subpacket(27, bytes([CERTIFY])), *_ends(self.primary_lasts)],
            hash_algorithm=self.hash_algorithm,
        )
        parts = [
            packet(6, self.primary.body),
            *self.after_primary,
            packet(13, user),
            packet(2, certification),
        ]
        return b"".join([*parts, *self.bound(self.subkey, self.flags, self.lasts), *self.more])

    def bound(self, subkey: Key, flags: int, lasts: timedelta | None = None) -> list[bytes]:
        """A subkey, and the signature that binds it to the primary key."""
        both = self.primary.hashable + subkey.hashable
        hashed = [subpacket(27, bytes([flags])), *_ends(lasts)]
        if flags & SIGN:
            back = subkey.signature(both, 0x19, self.created, hash_algorithm=self.hash_algorithm)
            hashed.append(subpacket(32, back))
        binding = self.primary.signature(
            both, 0x18, self.created, hashed=hashed, hash_algorithm=self.hash_algorithm
        )
        return [packet(14, subkey.body), packet(2, binding)]

    @property
    def armored(self) -> str:
        """The certificate as ``gpg --armor --export`` prints it."""
        return armor("PUBLIC KEY BLOCK", self.packets)

    def revoked(self, at: datetime, reason: int) -> Certificate:
        """The same certificate, revoked by itself."""
        made = self.primary.signature(
            self.primary.hashable, 0x20, at, hashed=[subpacket(29, bytes([reason]) + b"gone")]
        )
        return replace(self, after_primary=[packet(2, made)])

    def body(self, payload: bytes, at: datetime, **options: object) -> bytes:
        """Body of a signature over a payload."""
        kind = options.pop("kind", 0x00)
        return self.subkey.signature(payload, kind, at, **options)  # type: ignore[arg-type]

    def sign(self, payload: bytes, at: datetime, **options: object) -> bytes:
        """An armored signature over a payload, as GnuPG makes it for a commit."""
        return armor("SIGNATURE", packet(2, self.body(payload, at, **options))).encode()


def stamp(at: datetime) -> bytes:
    """A time, in seconds since 1970."""
    return int(at.timestamp()).to_bytes(4)


def _ends(lasts: timedelta | None) -> list[bytes]:
    return [] if lasts is None else [subpacket(9, int(lasts.total_seconds()).to_bytes(4))]


def _public(private: PrivateKey) -> tuple[int, bytes]:
    if isinstance(private, Ed25519PrivateKey):
        point = b"\x40" + private.public_key().public_bytes_raw()
        return 22, bytes.fromhex("092b06010401da470f01") + mpi(int.from_bytes(point))
    if isinstance(private, rsa.RSAPrivateKey):
        numbers = private.public_key().public_numbers()
        return 1, mpi(numbers.n) + mpi(numbers.e)
    public = private.public_key().public_numbers()
    size = (private.curve.key_size + 7) // 8
    oid = {"secp256r1": "082a8648ce3d030107", "secp256k1": "052b8104000a"}[private.curve.name]
    octets = b"\x04" + public.x.to_bytes(size) + public.y.to_bytes(size)
    return 19, bytes.fromhex(oid) + mpi(int.from_bytes(octets))


def _signed(private: PrivateKey, digest: bytes, hash_algorithm: int) -> bytes:
    if isinstance(private, Ed25519PrivateKey):
        made = private.sign(digest)
        return mpi(int.from_bytes(made[:32])) + mpi(int.from_bytes(made[32:]))
    prehashed = Prehashed(_HASHES[hash_algorithm]())
    if isinstance(private, rsa.RSAPrivateKey):
        return mpi(int.from_bytes(private.sign(digest, padding.PKCS1v15(), prehashed)))
    r, s = decode_dss_signature(private.sign(digest, ec.ECDSA(prehashed)))
    return mpi(r) + mpi(s)
