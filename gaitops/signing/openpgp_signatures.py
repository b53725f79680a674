# SPDX-License-Identifier: Apache-2.0
"""OpenPGP signatures on commits.

Sequoia judges a key and its certificate at the time of creation that the signature states, whatever the clock says: a
key that has expired since stays good for what it signed before, one that was revoked as compromised is good for
nothing. What it would ask the clock about never reaches it: signatures that expire by themselves, algorithms that its
policy lets go on some date, and signatures that are older or younger than the commit that they are on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from types import ModuleType
from typing import Final

from gaitops.errors import VerificationError
from gaitops.signing import openpgp_wire as wire
from gaitops.signing.openpgp import OpenPGPCertificate, ask, certificate, library
from gaitops.signing.openpgp_wire import SignaturePacket, WireError

MAX_DRIFT: Final = timedelta(days=1)
"""How far a signature's time may be from its commit's: Git asks for the signature right after it wrote the commit."""
_MAX_SIGNATURE: Final = 16 * 1024
"""Bytes of an armored signature; one by RSA with 16384 bits has less than 4 KiB."""


@dataclass(frozen=True, slots=True)
class OpenPGPSignature:
    """A well-formed OpenPGP signature that a commit may carry. Nothing about it has been verified."""

    packet: SignaturePacket
    created: datetime

    @property
    def issuers(self) -> frozenset[str]:
        """Fingerprint and 64-bit id of the key that made it, or one of them, lowercase hex."""
        return self.packet.issuers

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The 64-bit ids that :attr:`issuers` come to: one, if they agree."""
        return tuple(sorted({name if len(name) == 16 else wire.key_id(name) for name in self.issuers}))


def read_signature(armored: bytes) -> OpenPGPSignature:
    """Read the armored signature of a commit.

    Raises:
        VerificationError: ``signature.invalid`` for anything but one signature over bytes as they are, by a strong
            algorithm, that names its issuer, states its time, and does not expire.
    """
    if len(armored) > _MAX_SIGNATURE:
        raise _unusable(f"it has more than {_MAX_SIGNATURE} bytes")
    try:
        found = list(wire.packets(wire.dearmor(armored, "SIGNATURE")))
        if len(found) != 1 or found[0].tag != wire.SIGNATURE:
            raise _unusable("it is not exactly one signature")
        packet = wire.read_signature(found[0].body)
    except WireError as error:
        raise _unusable(str(error)) from error
    if packet.type != wire.BINARY:
        raise _unusable("it is not over the bytes of the commit as they are")
    if packet.hash_algorithm not in wire.STRONG_HASHES:
        raise _unusable(f"its hash algorithm {packet.hash_name} is too weak, at least SHA-256 is needed")
    if packet.created is None:
        raise _unusable("it does not say when it was made")
    if packet.expires:
        raise _unusable("it expires by itself, and a decision must not")
    if not packet.issuers:
        raise _unusable("it does not say which key made it")
    return OpenPGPSignature(packet, packet.created)


def verify(
    holder: OpenPGPCertificate, signature: OpenPGPSignature, payload: bytes, committed: datetime
) -> None:
    """Make sure that a key of a certificate, good at the time of signing, signed a commit.

    Args:
        holder: the certificate that may have made it.
        signature: what the commit carries.
        payload: the bytes that were signed.
        committed: the committer's time of the commit.

    Raises:
        VerificationError: ``signature.invalid``.
        MissingDependencyError: ``dependency.openpgp``.
    """
    sequoia = library()
    at = f"{signature.created:%Y-%m-%dT%H:%M:%SZ}"
    if abs(signature.created - committed) > MAX_DRIFT:
        raise _unusable(f"it was made at {at}, more than a day from the time of the commit")
    if signature.packet.digest(payload)[:2] != signature.packet.left:
        raise _invalid("a signature over other bytes")
    signers = [
        key.fingerprint for key in holder.signing if signature.issuers <= {key.fingerprint, key.key_id}
    ]
    if len(signers) != 1:
        raise _unusable("the key that made it is none that may sign, of the certificate that it names")
    valid = ask(lambda: _valid_signers(sequoia, holder.text, _framed(signature.packet.body), payload))
    if valid is None:
        raise _invalid(
            f"an OpenPGP signature of {at} that does not verify: over other bytes, by a key that was expired or revoked "
            "then, or from a time that has not come yet"
        )
    if valid != [(holder.primary, signers[0])]:
        raise _invalid("an OpenPGP signature by another key than the one that it names")


def _valid_signers(sequoia: ModuleType, text: str, made: bytes, payload: bytes) -> list[tuple[str, str]]:
    """Fingerprints of certificate and key for each valid signature."""
    known, signature = certificate(sequoia, text), sequoia.Sig.from_bytes(made)
    found = sequoia.verify(bytes=payload, store=lambda _names: [known], signature=signature).valid_sigs
    return [(item.certificate.lower(), item.signing_key.lower()) for item in found]


def _framed(body: bytes) -> bytes:
    """A signature packet of its own (RFC 9580 4.2.1)."""
    return bytes([0xC0 | wire.SIGNATURE, 0xFF]) + len(body).to_bytes(4) + body


def _unusable(reason: str) -> VerificationError:
    return _invalid(f"an OpenPGP signature that is not usable: {reason}")


def _invalid(message: str) -> VerificationError:
    return VerificationError.of("signature.invalid", message, remedy="sign again with a key of the principal")
