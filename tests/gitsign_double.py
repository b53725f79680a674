# SPDX-License-Identifier: Apache-2.0
"""Commit signatures as gitsign makes them, by people and pipelines of the Sigstore double (RFC 5652, sigstore/gitsign).

::

    armored = gitsign(double, payload, Someone("dana@acme.example"), at=when)
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cryptography import x509

from tests.sigstore_double import der
from tests.sigstore_double.double import Faults, SigstoreDouble
from tests.sigstore_double.identities import Signer

DATA = "1.2.840.113549.1.7.1"
SIGNED_DATA = "1.2.840.113549.1.7.2"
CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME = (f"1.2.840.113549.1.9.{arc}" for arc in (3, 4, 5))
LOG_ENTRY = "1.3.6.1.4.1.57264.3.1"
TIMESTAMP = "1.2.840.113549.1.9.16.2.14"
SHA256 = "2.16.840.1.101.3.4.2.1"
SHA512 = "2.16.840.1.101.3.4.2.3"
ECDSA_SHA256 = "1.2.840.10045.4.3.2"


@dataclass(frozen=True)
class Parts:
    """What a signature is put together from, each encoded already."""

    attributes: tuple[bytes, ...]
    """Signed."""
    certificates: tuple[bytes, ...]
    signature: bytes
    unsigned: tuple[bytes, ...]
    who: bytes
    version: int = 1
    digest: str = SHA256
    algorithm: str = ECDSA_SHA256
    content: bytes = der.sequence(der.oid(DATA))
    copies: int = 1
    """Of the signer."""
    kind: str = SIGNED_DATA

    @property
    def cms(self) -> bytes:
        """The signed message in DER."""
        signer = der.sequence(
            der.integer(self.version),
            self.who,
            der.sequence(der.oid(self.digest)),
            der.explicit(0, *self.attributes),
            der.sequence(der.oid(self.algorithm)),
            der.octets(self.signature),
            *([der.explicit(1, *self.unsigned)] if self.unsigned else []),
        )
        message = der.sequence(
            der.integer(self.version),
            der.set_of(der.sequence(der.oid(self.digest))),
            self.content,
            der.explicit(0, *self.certificates),
            der.set_of(*[signer] * self.copies),
        )
        return der.sequence(der.oid(self.kind), der.explicit(0, message))

    @property
    def armored(self) -> bytes:
        """What Git puts into the commit."""
        return armor(self.cms)


def armor(data: bytes) -> bytes:
    """PEM as Go writes it."""
    text = base64.b64encode(data).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN SIGNED MESSAGE-----", *lines, "-----END SIGNED MESSAGE-----", ""]).encode()


def attribute(kind: str, *values: bytes) -> bytes:
    """One attribute."""
    return der.sequence(der.oid(kind), der.set_of(*values))


def signed_attributes(payload: bytes, at: datetime) -> tuple[bytes, ...]:
    """Content type, signing time and digest, in order."""
    digest = hashlib.sha256(payload).digest()
    time = der.tlv(0x17, at.strftime("%y%m%d%H%M%SZ").encode())
    found = [
        attribute(CONTENT_TYPE, der.oid(DATA)),
        attribute(SIGNING_TIME, time),
        attribute(MESSAGE_DIGEST, der.octets(digest)),
    ]
    return tuple(sorted(found))


def parts(
    double: SigstoreDouble,
    payload: bytes,
    signer: Signer,
    *,
    at: datetime | None = None,
    faults: Faults | None = None,
    attributes: tuple[bytes, ...] | None = None,
    with_body: bool = False,
) -> Parts:
    """A signature, taken apart. ``with_body`` keeps the body of the log entry, which gitsign leaves out."""
    at = at or double.now()
    attributes = attributes if attributes is not None else signed_attributes(payload, at)
    bundle = json.loads(double.sign_blob(der.set_of(*attributes), signer, at=at, faults=faults))
    material = bundle["verificationMaterial"]
    certificate = base64.b64decode(material["certificate"]["rawBytes"])
    entry = material["tlogEntries"][0]
    if not with_body:
        del entry["canonicalizedBody"]
    unsigned = [attribute(LOG_ENTRY, der.octets(protocol_buffer(entry)))]
    stamps = material["timestampVerificationData"]["rfc3161Timestamps"]
    unsigned += [attribute(TIMESTAMP, token(base64.b64decode(stamp["signedTimestamp"]))) for stamp in stamps]
    read = x509.load_der_x509_certificate(certificate)
    return Parts(
        attributes=attributes,
        certificates=(certificate,),
        signature=base64.b64decode(bundle["messageSignature"]["signature"]),
        unsigned=tuple(sorted(unsigned)),
        who=der.sequence(read.issuer.public_bytes(), der.integer(read.serial_number)),
    )


def gitsign(double: SigstoreDouble, payload: bytes, signer: Signer, **options: Any) -> bytes:
    """An armored signature; with a body in its log entry where the log is of a version that gitsign cannot leave out."""
    options.setdefault("with_body", double.log_version > 1)
    return parts(double, payload, signer, **options).armored


def without_entry(signature: Parts) -> Parts:
    """The same as gitsign makes it when it only talks to the log."""
    kept = tuple(item for item in signature.unsigned if der.oid(LOG_ENTRY) not in item)
    return replace(signature, unsigned=kept)


def token(answer: bytes) -> bytes:
    """The timestamp token in an authority's answer."""
    (_, _), (tag, body) = der.elements(der.contents(answer, der.SEQUENCE))
    return der.tlv(tag, body)


def protocol_buffer(entry: dict[str, Any]) -> bytes:
    """A TransparencyLogEntry."""
    proof = entry["inclusionProof"]
    inner = (
        number(1, proof["logIndex"])
        + octets(2, base64.b64decode(proof["rootHash"]))
        + number(3, proof["treeSize"])
        + b"".join(octets(4, base64.b64decode(item)) for item in proof["hashes"])
        + octets(5, octets(1, proof["checkpoint"]["envelope"].encode()))
    )
    kind = entry["kindVersion"]
    promise = entry.get("inclusionPromise")
    return (
        number(1, entry["logIndex"])
        + octets(2, octets(1, base64.b64decode(entry["logId"]["keyId"])))
        + octets(3, octets(1, kind["kind"].encode()) + octets(2, kind["version"].encode()))
        + number(4, entry.get("integratedTime", "0"))
        + (octets(5, octets(1, base64.b64decode(promise["signedEntryTimestamp"]))) if promise else b"")
        + octets(6, inner)
        + (octets(7, base64.b64decode(entry["canonicalizedBody"])) if "canonicalizedBody" in entry else b"")
    )


def varint(value: int) -> bytes:
    """A number in groups of seven bits."""
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])


def number(field: int, value: str) -> bytes:
    """A number's field, which is left out when it is zero."""
    return varint(field << 3) + varint(int(value)) if int(value) else b""


def octets(field: int, value: bytes) -> bytes:
    """A field of octets, text or a message."""
    return varint(field << 3 | 2) + varint(len(value)) + value
