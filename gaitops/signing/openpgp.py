# SPDX-License-Identifier: Apache-2.0
"""OpenPGP certificates, with which commits are signed; the arithmetic is Sequoia's (extra ``openpgp``).

pysequoia is imported where a certificate is read or a signature verified: most fleets have none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from types import ModuleType
from typing import Final, NamedTuple, NoReturn, TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gaitops.errors import InvalidInputError, MissingDependencyError
from gaitops.signing import openpgp_wire as wire
from gaitops.signing.canonical import digest
from gaitops.signing.openpgp_wire import Packet, SignaturePacket, WireError
from gaitops.signing.strength import require_strong

_RSA: Final = frozenset({1, 3})
_ECDSA: Final = 19
_EDDSA: Final = 22
_ED25519: Final = 27
"""Public-key algorithms (RFC 9580 9.1); Ed25519 has a number of today and one of before."""
_CURVES: Final[dict[str, type[ec.SECP256R1 | ec.SECP384R1 | ec.SECP521R1]]] = {
    "2a8648ce3d030107": ec.SECP256R1,
    "2b81040022": ec.SECP384R1,
    "2b81040023": ec.SECP521R1,
}
_ED25519_OID: Final = "2b06010401da470f01"
"""Curves by the octets of their object identifiers (RFC 9580 9.2)."""

_MAX_PACKETS: Final = 512
"""Of a certificate; one with five subkeys and as many user ids has about 20 without what others say of it."""
_EXPORT: Final = "export it with: gpg --armor --export-options export-minimal --export ID"

_Answer = TypeVar("_Answer")


class SigningKey(NamedTuple):
    """A key of a certificate that may sign commits."""

    fingerprint: str
    """As OpenPGP computes it, lowercase hex."""
    spki: str
    """SHA-256 of the key as SPKI, lowercase hex: the same as of this key in any other form."""

    @property
    def key_id(self) -> str:
        """The 64-bit id that signatures may name the key by, lowercase hex."""
        return wire.key_id(self.fingerprint)


@dataclass(frozen=True, slots=True)
class OpenPGPCertificate:
    """A certificate as a principal document holds it."""

    text: str
    """Armored."""
    primary: str
    """Fingerprint of the primary key as OpenPGP computes it (RFC 9580 5.5.4), lowercase hex."""
    signing: tuple[SigningKey, ...]
    """The keys that it may let sign, primary key included; whether it does at some time, Sequoia says."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 that names the identity, whatever else the certificate says about itself."""
        return digest({"primary": self.primary, "type": "openpgp"})


@lru_cache(maxsize=1024)
def read_certificate(text: str) -> OpenPGPCertificate:
    """Read one armored certificate without secrets and without weak algorithms.

    Raises:
        InvalidInputError: ``key.malformed``, ``key.unsupported`` or ``key.weak``; the message holds nothing of the text.
        MissingDependencyError: ``dependency.openpgp``.
    """
    sequoia = library()
    try:
        found = list(wire.packets(wire.dearmor(text.encode(), "PUBLIC KEY BLOCK")))
        primary, keys = _keys(found)
    except WireError as error:
        raise _malformed(str(error)) from error
    name = ask(lambda: str(sequoia.Cert.from_bytes(text.encode()).fingerprint))
    if name is None or name.lower() != primary:
        raise _malformed("it cannot be read")
    return OpenPGPCertificate(text, primary, keys)


def library() -> ModuleType:
    """The library, which is loaded when it is first asked for.

    Raises:
        MissingDependencyError: ``dependency.openpgp``.
    """
    try:
        import pysequoia  # noqa: PLC0415  # see the module's docstring
    except ImportError as error:
        raise MissingDependencyError.of(
            "dependency.openpgp",
            "a principal has an OpenPGP certificate, and the library for OpenPGP is not installed",
            remedy="pip install 'gaitops[openpgp]'",
        ) from error
    return pysequoia


def ask(question: Callable[[], _Answer]) -> _Answer | None:
    """What Sequoia answers, or ``None`` where it raises: its messages are pages of backtrace, and may hold the text.

    A panic in Rust is a BaseException of a type without a public name.
    """
    try:
        return question()
    except (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError):
        raise
    except BaseException:  # noqa: BLE001
        return None


@lru_cache(maxsize=256)
def certificate(sequoia: ModuleType, text: str) -> object:
    """Sequoia's certificate. Cached, because a history has many commits by few people."""
    found: object = sequoia.Cert.from_bytes(text.encode())
    return found


def _keys(found: list[Packet]) -> tuple[str, tuple[SigningKey, ...]]:
    """Fingerprint of the primary key, and the keys that may sign."""
    if any(packet.tag in wire.SECRET for packet in found):
        # Whoever made it must know; what it says stays where it is.
        _refuse("it holds a secret key: remove it from everywhere, and use another key from now on")
    if len(found) > _MAX_PACKETS:
        _refuse(f"it has {len(found)} packets, at most {_MAX_PACKETS} are read")
    tags = [packet.tag for packet in found]
    if tags[:1] != [wire.PUBLIC_KEY] or tags.count(wire.PUBLIC_KEY) != 1:
        _refuse("it is not exactly one certificate")
    usual = {wire.PUBLIC_KEY, wire.PUBLIC_SUBKEY, wire.USER_ID, wire.USER_ATTRIBUTE, wire.SIGNATURE}
    if not usual.issuperset(tags):
        _refuse("it holds something that belongs in no certificate")
    # The primary key answers for all others, so it must be strong whether it signs commits or not.
    _public_key(found[0].body)
    keys = [
        SigningKey(wire.fingerprint(packet.body), _spki(packet.body))
        for place, packet in enumerate(found)
        if packet.tag in {wire.PUBLIC_KEY, wire.PUBLIC_SUBKEY} and _may_sign(found[place + 1 :])
    ]
    for packet in found:
        if packet.tag == wire.SIGNATURE:
            _require_strong_hash(wire.read_signature(packet.body))
    if not keys:
        raise InvalidInputError.of(
            "key.unsupported",
            "the OpenPGP certificate has no key that may sign",
            remedy="add a signing subkey to it",
        )
    return wire.fingerprint(found[0].body), tuple(keys)


def _may_sign(behind: list[Packet]) -> bool:
    """Whether a signature on the key in front of these packets lets it sign."""
    own = takewhile(lambda packet: packet.tag != wire.PUBLIC_SUBKEY, behind)
    return any(wire.read_signature(item.body).may_sign for item in own if item.tag == wire.SIGNATURE)


def _spki(body: bytes) -> str:
    der = _public_key(body).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def _require_strong_hash(signature: SignaturePacket) -> None:
    """Sequoia's policy lets hashes go on dates of its own; what it may let go is never there to begin with."""
    for item in (signature, *(wire.read_signature(body) for body in signature.embedded)):
        if item.hash_algorithm not in wire.STRONG_HASHES:
            raise InvalidInputError.of(
                "key.weak",
                f"a signature in the OpenPGP certificate is by {item.hash_name}, at least SHA-256 is needed",
                remedy=f"{_EXPORT}; if that is not enough, renew its expiry with: gpg --quick-set-expire FINGERPRINT 2y",
            )


def _public_key(body: bytes) -> PublicKeyTypes:
    """The key in a key packet.

    Raises:
        InvalidInputError: ``key.malformed``, ``key.unsupported`` or ``key.weak``.
    """
    if len(body) < 7 or body[0] not in {4, 6}:
        raise WireError("it holds a key of a version other than 4 and 6")
    algorithm, material = body[5], body[6:] if body[0] == 4 else body[10:]
    try:
        key = _of_material(algorithm, material)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _malformed("the numbers of a key make no key") from error
    if key is None:
        raise InvalidInputError.of(
            "key.unsupported",
            f"the OpenPGP certificate has a signing key of algorithm {algorithm}, which is not supported",
            remedy="use Ed25519, ECDSA P-256/P-384/P-521, or RSA of at least 3072 bits",
        )
    require_strong(key)
    return key


def _of_material(algorithm: int, material: bytes) -> PublicKeyTypes | None:
    """The key of these numbers (RFC 9580 5.5.5); ``None`` for an algorithm or curve that is not supported."""
    if algorithm in _RSA:
        modulus, at = wire.read_mpi(material, 0)
        exponent, _ = wire.read_mpi(material, at)
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    if algorithm == _ED25519:
        return Ed25519PublicKey.from_public_bytes(material)
    if algorithm not in {_ECDSA, _EDDSA} or not material:
        return None
    oid, rest = material[1 : 1 + material[0]].hex(), material[1 + material[0] :]
    point, _ = wire.read_mpi(rest, 0)
    octets = point.to_bytes((point.bit_length() + 7) // 8)
    if algorithm == _ECDSA and oid in _CURVES:
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[oid](), octets)
    if algorithm == _EDDSA and oid == _ED25519_OID and octets[:1] == b"\x40":
        return Ed25519PublicKey.from_public_bytes(octets[1:])
    return None


def _malformed(reason: str) -> InvalidInputError:
    return InvalidInputError.of(
        "key.malformed", f"the OpenPGP certificate is not usable: {reason}", remedy=_EXPORT
    )


def _refuse(reason: str) -> NoReturn:
    raise _malformed(reason)
