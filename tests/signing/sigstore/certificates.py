# SPDX-License-Identifier: Apache-2.0
"""Certificates with any claims whatever, signed by nobody in particular: for tests of reading, not of trust."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

ARC = "1.3.6.1.4.1.57264.1"
EMAIL = x509.RFC822Name("dana@acme.example")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@cache
def leaf_key() -> ec.EllipticCurvePrivateKey:
    """One key for all of them, the same in every run."""
    return ec.derive_private_key(7, ec.SECP256R1())


def utf8(text: str) -> bytes:
    """A DER UTF8String, written independently of the code under test."""
    data = text.encode()
    if len(data) < 0x80:
        return b"\x0c" + bytes([len(data)]) + data
    size = len(data).to_bytes((len(data).bit_length() + 7) // 8)
    return b"\x0c" + bytes([0x80 | len(size)]) + size + data


def certificate(
    extensions: Mapping[int, bytes], names: Sequence[x509.GeneralName] | None = (EMAIL,)
) -> bytes:
    """A certificate in DER with raw extensions by the last arc of their identifier."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(leaf_key().public_key())
        .serial_number(7)
        .not_valid_before(START)
        .not_valid_after(START + timedelta(minutes=10))
    )
    if names is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(list(names)), critical=True)
    for number, value in extensions.items():
        oid = x509.ObjectIdentifier(f"{ARC}.{number}")
        builder = builder.add_extension(x509.UnrecognizedExtension(oid, value), critical=False)
    return builder.sign(leaf_key(), SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.DER)
