# SPDX-License-Identifier: Apache-2.0
"""Timestamp authority: answers that a signature existed at a time (RFC 3161 2.4, CMS as in RFC 5652)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from . import der
from .certificates import Authority
from .keys import sign

_SHA256 = "2.16.840.1.101.3.4.2.1"
_ECDSA_SHA256 = "1.2.840.10045.4.3.2"
_SIGNED_DATA = "1.2.840.113549.1.7.2"
_TST_INFO = "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.47"
_POLICY = "1.3.6.1.4.1.57264.2"


@dataclass(frozen=True, slots=True)
class Query:
    """What a client asks for."""

    digest: bytes
    """SHA-256 of what is to be stamped."""
    nonce: int | None = None
    wants_certificate: bool = True


def read_query(data: bytes) -> Query:
    """A TimeStampReq.

    Raises:
        ValueError: It is none, or about another digest than SHA-256.
    """
    fields = iter(der.elements(der.contents(data, der.SEQUENCE)))
    next(fields)  # The version.
    (_, algorithm), (_, digest) = der.elements(next(fields)[1])
    if next(iter(der.elements(algorithm)))[1] != der.contents(der.oid(_SHA256), der.OID):
        raise ValueError("expected a SHA-256 digest")
    nonce, wants = None, False
    for tag, value in fields:
        if tag == der.INTEGER:
            nonce = int.from_bytes(value)
        elif tag == der.BOOLEAN:
            wants = value != b"\0"
    return Query(digest, nonce, wants)


class TimestampAuthority:
    """Stamps digests with any time."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.certificate = authority.timestamping()
        self._serials = count(1)

    @property
    def chain(self) -> tuple[x509.Certificate, x509.Certificate]:
        """The certificate that signs, and the root."""
        return (self.certificate, self.authority.root)

    def answer(self, query: Query, at: datetime) -> bytes:
        """A TimeStampResp that grants the query (RFC 3161 2.4.2)."""
        info = der.sequence(
            der.integer(1),
            der.oid(_POLICY),
            der.sequence(_algorithm(_SHA256), der.octets(query.digest)),
            der.integer(next(self._serials)),
            der.generalized_time(at),
            *([der.integer(query.nonce)] if query.nonce is not None else []),
        )
        token = der.sequence(
            der.oid(_SIGNED_DATA), der.explicit(0, self._signed(info, enclose=query.wants_certificate))
        )
        return der.sequence(der.sequence(der.integer(0)), token)

    def _signed(self, info: bytes, *, enclose: bool) -> bytes:
        certificate = self.certificate.public_bytes(Encoding.DER)
        attributes = [
            _attribute(_CONTENT_TYPE, der.oid(_TST_INFO)),
            _attribute(_MESSAGE_DIGEST, der.octets(hashlib.sha256(info).digest())),
            # RFC 5816: SHA-256 is the default, and so not named.
            _attribute(
                _SIGNING_CERTIFICATE,
                der.sequence(der.sequence(der.sequence(der.octets(hashlib.sha256(certificate).digest())))),
            ),
        ]
        signature = sign(self.authority.key, der.set_of(*attributes))
        who = der.sequence(
            self.certificate.issuer.public_bytes(), der.integer(self.certificate.serial_number)
        )
        signer = der.sequence(
            der.integer(1),
            who,
            _algorithm(_SHA256),
            der.explicit(0, *sorted(attributes)),
            _algorithm(_ECDSA_SHA256),
            der.octets(signature),
        )
        return der.sequence(
            der.integer(3),
            der.set_of(_algorithm(_SHA256)),
            der.sequence(der.oid(_TST_INFO), der.explicit(0, der.octets(info))),
            *([der.explicit(0, certificate)] if enclose else []),
            der.set_of(signer),
        )


def _algorithm(dotted: str) -> bytes:
    return der.sequence(der.oid(dotted))


def _attribute(dotted: str, value: bytes) -> bytes:
    return der.sequence(der.oid(dotted), der.set_of(value))
