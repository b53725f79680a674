# SPDX-License-Identifier: Apache-2.0
"""Certificate authority and certificate log: what Fulcio and its transparency log do.

Sources: RFC 5280, RFC 6962 (3.2, 3.3) for the embedded promise, sigstore/fulcio docs/certificate-specification.md.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from . import der
from .claims import Names
from .keys import ECKey, key_id, new_key, sign

ARC = "1.3.6.1.4.1.57264.1"
LIFETIME = timedelta(minutes=10)
_SCT_LIST = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_BARE = range(1, 7)
"""The oldest extensions hold text without DER around it."""


@dataclass
class CertificateLog:
    """Promises to publish certificates."""

    key: ECKey = field(default_factory=new_key)

    @property
    def log_id(self) -> bytes:
        """RFC 6962 3.2."""
        return key_id(self.key)

    def promise(self, tbs: bytes, issuer: ECKey, at: datetime) -> bytes:
        """The list, with one signed timestamp, for a precertificate's body (RFC 6962 3.3)."""
        stamp = int(at.timestamp() * 1000)
        signed = (
            struct.pack("!BBQH", 0, 0, stamp, 1)
            + key_id(issuer)
            + len(tbs).to_bytes(3)
            + tbs
            + struct.pack("!H", 0)
        )
        signature = sign(self.key, signed)
        # SHA-256 and ECDSA as TLS numbers them.
        sct = struct.pack("!B32sQHBBH", 0, self.log_id, stamp, 0, 4, 3, len(signature)) + signature
        return struct.pack("!HH", len(sct) + 2, len(sct)) + sct


@dataclass
class Authority:
    """A root, and what it issued: an intermediate that issues to signers, or a timestamp authority."""

    name: str
    valid_from: datetime
    valid_until: datetime
    root_key: ECKey = field(default_factory=new_key)
    key: ECKey = field(default_factory=new_key)

    def __post_init__(self) -> None:
        self.root = self._certificate(f"{self.name} root", self.root_key, is_ca=True)

    @property
    def root_name(self) -> x509.Name:
        """Subject of the root."""
        return _name(f"{self.name} root")

    def issuing(self) -> x509.Certificate:
        """The intermediate that issues to signers."""
        return self._certificate(f"{self.name} intermediate", self.key, is_ca=True)

    def timestamping(self) -> x509.Certificate:
        """The certificate that signs timestamps (RFC 3161 2.3)."""
        return self._certificate(f"{self.name} signer", self.key, is_ca=False)

    def _certificate(self, name: str, key: ECKey, *, is_ca: bool) -> x509.Certificate:
        purpose = ExtendedKeyUsageOID.CODE_SIGNING if is_ca else ExtendedKeyUsageOID.TIME_STAMPING
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(self.root_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.valid_from)
            .not_valid_after(self.valid_until)
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(_usage(is_ca=is_ca), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(_issued_by(self.root_key), critical=False)
        )
        if key is not self.root_key:
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=not is_ca)
        return builder.sign(self.root_key, SHA256())


@dataclass
class Fulcio:
    """Issues certificates of ten minutes to whoever a token names."""

    authority: Authority
    log: CertificateLog

    def __post_init__(self) -> None:
        self.intermediate = self.authority.issuing()

    @property
    def chain(self) -> Sequence[x509.Certificate]:
        """Intermediate and root."""
        return (self.intermediate, self.authority.root)

    def issue(
        self,
        key: ec.EllipticCurvePublicKey,
        names: Names,
        at: datetime,
        *,
        log: CertificateLog | None = None,
        promised: bool = True,
    ) -> x509.Certificate:
        """A certificate, with the promise of ``log`` to publish it in it; by default of the log of this instance."""
        before = self._body(key, names, at)
        if not promised:
            return before.sign(self.authority.key, SHA256())
        tbs = before.sign(self.authority.key, SHA256()).tbs_certificate_bytes
        promise = der.octets((log or self.log).promise(tbs, self.authority.key, at))
        return before.add_extension(x509.UnrecognizedExtension(_SCT_LIST, promise), critical=False).sign(
            self.authority.key, SHA256()
        )

    def _body(self, key: ec.EllipticCurvePublicKey, names: Names, at: datetime) -> x509.CertificateBuilder:
        subject = (
            x509.RFC822Name(names.subject)
            if names.is_email
            else x509.UniformResourceIdentifier(names.subject)
        )
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.intermediate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(at)
            .not_valid_after(at + LIFETIME)
            .add_extension(_usage(is_ca=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(_issued_by(self.authority.key), critical=False)
            .add_extension(x509.SubjectAlternativeName([subject]), critical=True)
        )
        for number, text in names.extensions.items():
            value = text.encode() if number in _BARE else der.utf8(text)
            extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(f"{ARC}.{number}"), value)
            builder = builder.add_extension(extension, critical=False)
        return builder


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "sigstore double"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _issued_by(key: ECKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )
