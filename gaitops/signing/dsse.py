# SPDX-License-Identifier: Apache-2.0
"""DSSE envelopes: a payload, its type, and signatures by any number of keys.

Source: secure-systems-lab/dsse, protocol.md and envelope.md (v1). Two rules are stricter here than in the
libraries around: a signature counts only under the recomputed id of the key that made it, and the caller asks
key by key, because counting key *ids* lets one key meet a threshold of two (design 4).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from securesystemslib.signer import Key, Signer

from gaitops.documents import strict_json
from gaitops.errors import GaitopsError, InternalError, InvalidInputError, VerificationError
from gaitops.signing.canonical import canonical_json
from gaitops.signing.keys import load
from gaitops.signing.sigstore.bundle import BundleFile
from gaitops.signing.verification import verify

MAX_BYTES = 64 * 1024
"""Largest envelope that is read; anybody may send one."""
MAX_SIGNATURES = 64
"""Most signatures in one envelope: each may cost one check."""

_MEDIA_TYPE = re.compile(r"[!-~]+")
"""DSSE wants a media type or URI; printable ASCII looks the same to every reader."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One entry of ``signatures``, as written: nothing about it has been checked."""

    keyid: str
    sig: str
    """Base64 of the raw signature; for SSH keys of the SSHSIG blob."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload that somebody may have signed; ask :func:`verified_by`."""

    payload: bytes
    payload_type: str
    signatures: tuple[Signature, ...]
    bundle: BundleFile | None = None
    """Where the envelope came in a Sigstore bundle: then its one signature is by the certificate's key."""


def parse_envelope(data: bytes, path: str = "envelope") -> Envelope:
    """Read an envelope. ``path`` is where it came from, for messages. Unknown members are ignored.

    Raises:
        InvalidInputError: ``envelope.malformed``, or a ``document.*`` code of the strict JSON reader.
        VerificationError: ``signature.invalid`` when the signatures are missing or all empty: an envelope
            from which the signatures were removed must never pass for a kind of success.
    """
    value = strict_json.loads(data, path, max_bytes=MAX_BYTES)
    if not isinstance(value, dict):
        raise _malformed(path, "", "expected an object")
    payload_type = value.get("payloadType")
    if not isinstance(payload_type, str) or not _MEDIA_TYPE.fullmatch(payload_type):
        raise _malformed(path, "payloadType", "expected a media type in printable ASCII")
    payload = _decode(value.get("payload"))
    if payload is None:
        raise _malformed(path, "payload", "expected standard padded base64")
    entries = value.get("signatures", [])
    if not isinstance(entries, list):
        raise _malformed(path, "signatures", "expected a list")
    if len(entries) > MAX_SIGNATURES:
        raise _malformed(
            path, "signatures", f"expected at most {MAX_SIGNATURES} signatures, found {len(entries)}"
        )
    signatures = tuple(_signature(entry, f"signatures[{index}]", path) for index, entry in enumerate(entries))
    if not any(signature.sig for signature in signatures):
        raise VerificationError.of("signature.invalid", "the envelope carries no signature", path=path)
    return Envelope(payload, payload_type, signatures)


def pae(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed (protocol.md, "PAE")."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def verified_by(envelope: Envelope, key: Key) -> bool:
    """Whether ``key`` signed the envelope, under its own recomputed key id and with its own algorithm.

    Entries under other ids, malformed or wrong ones prove nothing and harm nothing. A key that is not accepted
    has signed nothing. Never raises.
    """
    try:
        keyid = load(key).keyid
    except InvalidInputError:
        return False
    # As a set, so that a copied entry costs nothing.
    candidates = {_decode(entry.sig) for entry in envelope.signatures if entry.keyid == keyid}
    signed = pae(envelope.payload_type, envelope.payload)
    return any(verify(key, candidate, signed) for candidate in candidates if candidate)


def seal(payload_type: str, payload: bytes, signers: Sequence[Signer]) -> bytes:
    """An envelope signed by every one of ``signers``: canonical JSON and a newline, signatures by key id.

    The bytes are a function of the payload and the signatures. Each signature is checked before anything is
    returned, so that a wrong key in a KMS or an agent never leaves an envelope behind.

    Raises:
        InvalidInputError: ``envelope.signers`` without signers or with one key twice; ``envelope.malformed``
            for a payload type that is not printable ASCII; ``envelope.too_large``; ``key.*`` for a refused key.
        InternalError: ``signing.failed`` when a signer fails or its signature does not verify.
    """
    if not signers:
        raise InvalidInputError.of("envelope.signers", "an envelope needs at least one signer")
    if not _MEDIA_TYPE.fullmatch(payload_type):
        raise _malformed("envelope", "payloadType", "expected a media type in printable ASCII")
    signed = pae(payload_type, payload)
    signatures = [_sign(signer, signed) for signer in signers]
    if len({signature.keyid for signature in signatures}) != len(signatures):
        raise InvalidInputError.of("envelope.signers", "one key was given twice")
    return to_bytes(Envelope(payload, payload_type, tuple(signatures)))


def add_signature(envelope: bytes, signer: Signer) -> bytes:
    """The envelope with one more signature over the same payload; an older entry of the same key is replaced.

    The other signatures are kept as they are, unchecked. An envelope that this key has already signed comes
    back with the same signatures.

    Raises:
        GaitopsError: As :func:`parse_envelope` and :func:`seal` do.
    """
    parsed = parse_envelope(envelope)
    if verified_by(parsed, signer.public_key):
        return to_bytes(parsed)
    added = _sign(signer, pae(parsed.payload_type, parsed.payload))
    others = tuple(entry for entry in parsed.signatures if entry.keyid != added.keyid)
    return to_bytes(Envelope(parsed.payload, parsed.payload_type, (*others, added)))


def _sign(signer: Signer, signed: bytes) -> Signature:
    key = signer.public_key
    keyid = load(key).keyid
    try:
        signature = bytes.fromhex(signer.sign(signed).signature)
    except GaitopsError:
        raise
    except Exception as error:
        # Signers of HSMs and clouds raise whatever their libraries raise.
        raise InternalError.of("signing.failed", f"signing with key {keyid} failed: {error}") from error
    if not verify(key, signature, signed):
        raise InternalError.of(
            "signing.failed",
            f"the signature made with key {keyid} does not verify",
            remedy="check that the private key belongs to the public key",
        )
    return Signature(keyid, base64.b64encode(signature).decode("ascii"))


def to_bytes(envelope: Envelope) -> bytes:
    """The envelope as gaitops writes it: canonical JSON and a newline, signatures by key id, nothing else.

    Raises:
        InvalidInputError: ``envelope.too_large``.
    """
    value = {
        "payload": base64.b64encode(envelope.payload).decode("ascii"),
        "payloadType": envelope.payload_type,
        "signatures": _sorted(envelope.signatures),
    }
    data = canonical_json(value) + b"\n"
    if len(data) > MAX_BYTES:
        message = f"the envelope would have {len(data)} bytes, at most {MAX_BYTES} are read"
        raise InvalidInputError.of("envelope.too_large", message, remedy="split the change")
    return data


def _sorted(signatures: Iterable[Signature]) -> list[dict[str, str]]:
    unique = sorted({(signature.keyid, signature.sig) for signature in signatures})
    return [{"keyid": keyid, "sig": sig} for keyid, sig in unique]


def _signature(entry: object, where: str, path: str) -> Signature:
    # DSSE leaves keyid optional; a signature without one is kept, and counts for nobody.
    keyid = entry.get("keyid", "") if isinstance(entry, dict) else None
    sig = entry.get("sig") if isinstance(entry, dict) else None
    if not isinstance(keyid, str) or not isinstance(sig, str):
        raise _malformed(path, where, "expected a key id and a signature in text")
    return Signature(keyid, sig)


def _decode(text: object) -> bytes | None:
    """Standard padded base64 in its one canonical spelling (RFC 4648 3.5), else ``None``."""
    if not isinstance(text, str):
        return None
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if base64.b64encode(decoded).decode("ascii") == text else None


def _malformed(path: str, field: str, message: str) -> InvalidInputError:
    return InvalidInputError.of("envelope.malformed", message, path=path, field=field or None)
