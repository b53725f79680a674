# SPDX-License-Identifier: Apache-2.0
"""Commit signatures by gitsign: CMS with a certificate of Fulcio's and a log entry, verified offline as a bundle.

Sources: RFC 5652 (5), RFC 3161 (2.4.2), sigstore/gitsign docs/verification.md and docs/bundle-cms.md.

What is signed, and logged, are the signed attributes: content type, digest of the commit, and a time that only its
signer claims. So the attributes are the artifact of a Sigstore bundle, and the digest in them must be the commit's. The
log entry lies beside them without its body, which follows from attributes, signature and certificate.

Everything is compared with the one form that gitsign writes: one signer, one certificate, SHA-256, ECDSA.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Final

from gaitops.errors import GaitopsError, VerificationError
from gaitops.signing.der import (
    CONTEXT,
    INTEGER,
    OCTETS,
    OID,
    SEQUENCE,
    SET,
    DerError,
    Value,
    encode,
    read_one,
)
from gaitops.signing.sigstore.bundle import NEWEST
from gaitops.signing.sigstore.claims import Claims, read_claims
from gaitops.signing.sigstore.log_entry import ProtocolBufferError, entry_json
from gaitops.signing.sigstore.verify import TrustedRootFile, VerifiedBundle, verify_blob

_MAX_ARMORED: Final = 64 * 1024
"""Bytes; one with a log entry and a timestamp has about 8 KiB."""
_ARMOR: Final = re.compile(
    rb"-----BEGIN SIGNED MESSAGE-----\n((?:[A-Za-z0-9+/]{1,64}={0,2}\n)+)-----END SIGNED MESSAGE-----\n"
)

_SIGNED_DATA: Final = bytes.fromhex("06092a864886f70d010702")
_DATA: Final = bytes.fromhex("06092a864886f70d010701")
_SHA256: Final = bytes.fromhex("300b0609608648016503040201")
_ECDSA_SHA256: Final = bytes.fromhex("300a06082a8648ce3d040302")
_CONTENT_TYPE: Final = bytes.fromhex("06092a864886f70d010903")
_MESSAGE_DIGEST: Final = bytes.fromhex("06092a864886f70d010904")
_SIGNING_TIME: Final = bytes.fromhex("06092a864886f70d010905")
_LOG_ENTRY: Final = bytes.fromhex("060a2b0601040183bf300301")
_TIMESTAMP: Final = bytes.fromhex("060b2a864886f70d010910020e")
"""Encodings of 1.2.840.113549.1.7.2 and .1; of the algorithms; of 1.2.840.113549.1.9.3, .4 and .5; of
1.3.6.1.4.1.57264.3.1; and of 1.2.840.113549.1.9.16.2.14."""
_VERSION_1: Final = bytes.fromhex("020101")
_GRANTED: Final = bytes.fromhex("3003020100")
"""PKIStatusInfo of a timestamp that was granted."""

_OFFLINE: Final = "git config gitsign.rekorMode offline, and sign the commit again"
_AGAIN: Final = "sign the commit again with gitsign"


@dataclass(frozen=True, slots=True)
class GitsignSignature:
    """A well-formed signature as gitsign makes it. Nothing about it has been verified."""

    certificate: bytes
    """DER."""
    attributes: bytes
    """The signed attributes as a SET in DER: what was signed."""
    message_digest: bytes
    """SHA-256 of the commit, as the attributes say."""
    signature: bytes
    entry: bytes | None
    """The log entry as a protocol buffer."""
    timestamp: bytes | None
    """An RFC 3161 token over the signature."""

    @property
    def claims(self) -> Claims:
        """Whom the certificate names.

        Raises:
            InvalidInputError: ``sigstore.certificate``.
        """
        return read_claims(self.certificate)


def read_gitsign(armored: bytes) -> GitsignSignature:
    """Read the signature of a commit.

    Raises:
        VerificationError: ``signature.invalid`` for anything but the form that gitsign writes.
    """
    if len(armored) > _MAX_ARMORED:
        raise _unusable(f"it has more than {_MAX_ARMORED} bytes")
    try:
        return _signed_data(_dearmor(armored))
    except DerError as error:
        raise _unusable(str(error)) from error


def verify_gitsign(
    signature: GitsignSignature, payload: bytes, trusted_root: TrustedRootFile
) -> VerifiedBundle:
    """What the signature on a commit proves under a trusted root.

    Args:
        signature: what the commit carries.
        payload: the bytes that were signed.
        trusted_root: of verified state.

    Raises:
        GaitopsError: as :func:`verify_blob` does; ``sigstore.untrusted`` also where there is no log entry to verify.
    """
    if hashlib.sha256(payload).digest() != signature.message_digest:
        raise VerificationError.of("signature.invalid", "a keyless signature over other bytes", remedy=_AGAIN)
    return verify_blob(_bundle(signature), signature.attributes, trusted_root, "keyless signature")


def _dearmor(armored: bytes) -> bytes:
    match = _ARMOR.fullmatch(armored)
    if match is None:
        raise _unusable("it is not exactly one armor of the kind SIGNED MESSAGE")
    text = match[1].replace(b"\n", b"")
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error as error:
        raise _unusable("its armor is not base64") from error
    if base64.b64encode(data) != text:
        raise _unusable("its armor is not base64 as encoders write it")
    return data


def _signed_data(data: bytes) -> GitsignSignature:
    kind, wrapped = _exactly(read_one(data, SEQUENCE), 2)
    _same(kind.raw, _SIGNED_DATA, "it is no signed message")
    version, algorithms, content, certificates, signers = _exactly(
        read_one(wrapped.expect(CONTEXT).contents, SEQUENCE), 5
    )
    _same(version.raw, _VERSION_1, "it is a signed message of another version")
    _same(algorithms.raw, encode(SET, _SHA256), "its digest is not SHA-256")
    _same(content.raw, encode(SEQUENCE, _DATA), "it is not a signature that stands apart from what it signs")
    certificate = _exactly(certificates.expect(CONTEXT), 1)[0].expect(SEQUENCE).raw
    return _signer(_exactly(signers.expect(SET), 1)[0].expect(SEQUENCE), certificate)


def _signer(info: Value, certificate: bytes) -> GitsignSignature:
    children = info.children()
    if len(children) not in {6, 7}:
        raise DerError("its signer is not described as gitsign does")
    version, who, digest, signed, algorithm, signature = children[:6]
    _same(version.raw, _VERSION_1, "its signer is named in another way")
    _same(who.raw, _named_by(certificate), "its signer is not the one whose certificate it holds")
    _same(digest.raw, _SHA256, "its digest is not SHA-256")
    _same(algorithm.raw, _ECDSA_SHA256, "it is not by ECDSA with SHA-256")
    attributes = _attributes(signed.expect(CONTEXT), {_CONTENT_TYPE, _MESSAGE_DIGEST, _SIGNING_TIME})
    raw = [child.raw for child in signed.children()]
    if raw != sorted(raw) or not {_CONTENT_TYPE, _MESSAGE_DIGEST} <= attributes.keys():
        raise DerError("its signed attributes are not those of gitsign")
    _same(attributes[_CONTENT_TYPE].raw, _DATA, "it is a signature of something else than data")
    others = {}
    if len(children) == 7:
        others = _attributes(children[6].expect(CONTEXT + 1), {_LOG_ENTRY, _TIMESTAMP})
    return GitsignSignature(
        certificate=certificate,
        attributes=encode(SET, signed.contents),
        message_digest=attributes[_MESSAGE_DIGEST].expect(OCTETS).contents,
        signature=signature.expect(OCTETS).contents,
        entry=others[_LOG_ENTRY].expect(OCTETS).contents if _LOG_ENTRY in others else None,
        timestamp=others[_TIMESTAMP].expect(SEQUENCE).raw if _TIMESTAMP in others else None,
    )


def _attributes(values: Value, known: set[bytes]) -> dict[bytes, Value]:
    """Attributes with one value each (RFC 5652 5.3), by the encoding of their type."""
    found: dict[bytes, Value] = {}
    for attribute in values.children():
        kind, held = _exactly(attribute.expect(SEQUENCE), 2)
        if kind.expect(OID).raw not in known or kind.raw in found:
            raise DerError("it has an attribute that gitsign does not write, or one twice")
        found[kind.raw] = _exactly(held.expect(SET), 1)[0]
    return found


def _named_by(certificate: bytes) -> bytes:
    """IssuerAndSerialNumber of a certificate (RFC 5652 10.2.4), from its first fields (RFC 5280 4.1)."""
    fields = read_one(certificate, SEQUENCE).children()[:1]
    inner = fields[0].expect(SEQUENCE).children() if fields else []
    if len(inner) < 4:
        raise DerError("it holds no certificate of version 3")
    return encode(SEQUENCE, inner[3].expect(SEQUENCE).raw, inner[1].expect(INTEGER).raw)


def _exactly(value: Value, count: int) -> list[Value]:
    children = value.children()
    if len(children) != count:
        raise DerError(f"found {len(children)} values in place of {count}")
    return children


def _same(found: bytes, expected: bytes, otherwise: str) -> None:
    if found != expected:
        raise DerError(otherwise)


def _bundle(signature: GitsignSignature) -> bytes:
    """The same as a Sigstore bundle, whose strict reader and verification decide."""
    digest = {"algorithm": "SHA2_256", "digest": _b64(hashlib.sha256(signature.attributes).digest())}
    material: dict[str, object] = {
        "certificate": {"rawBytes": _b64(signature.certificate)},
        "tlogEntries": [_entry(signature)],
    }
    if signature.timestamp is not None:
        # The token comes without the answer around it that bundles hold.
        answer = encode(SEQUENCE, _GRANTED, signature.timestamp)
        material["timestampVerificationData"] = {"rfc3161Timestamps": [{"signedTimestamp": _b64(answer)}]}
    bundle = {
        "mediaType": NEWEST,
        "verificationMaterial": material,
        "messageSignature": {"messageDigest": digest, "signature": _b64(signature.signature)},
    }
    return json.dumps(bundle).encode()


def _entry(signature: GitsignSignature) -> dict[str, object]:
    if signature.entry is None:
        raise VerificationError.of(
            "sigstore.untrusted",
            "the keyless signature holds no log entry, so it cannot be verified offline",
            remedy=_OFFLINE,
        )
    try:
        entry = entry_json(signature.entry)
    except ProtocolBufferError as error:
        raise _unusable(f"its log entry cannot be read: {error}") from error
    kind = entry.get("kindVersion")
    if "canonicalizedBody" not in entry:
        if kind != {"kind": "hashedrekord", "version": "0.0.1"}:
            raise _unusable("its log entry has no body and is not of the kind hashedrekord 0.0.1")
        entry["canonicalizedBody"] = _b64(_body(signature))
    return entry


def _body(signature: GitsignSignature) -> bytes:
    """The entry that the log must hold: hashedrekord 0.0.1 in canonical JSON, the certificate in PEM."""
    lines = base64.b64encode(signature.certificate).decode()
    wrapped = "\n".join(lines[at : at + 64] for at in range(0, len(lines), 64))
    pem = f"-----BEGIN CERTIFICATE-----\n{wrapped}\n-----END CERTIFICATE-----\n".encode()
    digest = hashlib.sha256(signature.attributes).hexdigest()
    body = {
        "apiVersion": "0.0.1",
        "kind": "hashedrekord",
        "spec": {
            "data": {"hash": {"algorithm": "sha256", "value": digest}},
            "signature": {"content": _b64(signature.signature), "publicKey": {"content": _b64(pem)}},
        },
    }
    return json.dumps(body, separators=(",", ":"), sort_keys=True).encode()


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _unusable(reason: str) -> GaitopsError:
    message = f"a keyless signature that is not usable: {reason}"
    return VerificationError.of("signature.invalid", message, remedy=_AGAIN)
