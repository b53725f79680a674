# SPDX-License-Identifier: Apache-2.0
"""A Sigstore bundle as a file: every member known, every size bounded, nothing verified.

Source: sigstore/protobuf-specs, sigstore_bundle.proto and sigstore_rekor.proto; JSON as Protocol Buffers write it.
Stricter than the specification where a second reading of one file could mean something else: unknown members, other
spellings of base64 and numbers, and more than one signature or log entry are refused. sigstore-python reads the same
bytes later; reading them strictly first is what makes both readings the same.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NoReturn

from gaitops.documents import strict_json
from gaitops.errors import InvalidInputError

NEWEST: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
"""Media type of the bundles that gaitops writes."""
_CHAINS: Final = frozenset(f"application/vnd.dev.sigstore.bundle+json;version=0.{minor}" for minor in (1, 2))
"""Media types of bundles with a chain of certificates, the signing one first."""
MEDIA_TYPES: Final = _CHAINS | {NEWEST, "application/vnd.dev.sigstore.bundle+json;version=0.3"}
"""Every media type that is read."""

MAX_TIMESTAMPS: Final = 8
"""Each costs a verification of a chain of certificates; signers ask one authority, or two."""
_MAX_CHAIN: Final = 8
_MAX_HASHES: Final = 64
"""Of an inclusion proof: a tree of 2^64 leaves has no longer path."""
_MAX_U64: Final = 2**64 - 1

_NUMBER = re.compile("0|[1-9][0-9]{0,19}")
_MEDIA_TYPE = re.compile(r"[!-~]+")
_PROTO_BUNDLE: Final = ("mediaType", "verificationMaterial", "messageSignature", "dsseEnvelope")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a transparency log is said to hold about the signature."""

    log_id: bytes
    index: int
    """As the log counts over all its shards; vouched for only by the promise."""
    kind: str
    version: str
    integrated_time: int | None
    """Seconds since 1970; vouched for only by the promise. ``None`` when absent or zero."""
    has_promise: bool
    """Whether there is a signed entry timestamp."""
    proof_index: int
    """Position in the tree of the proof."""
    tree_size: int
    root_hash: bytes
    checkpoint: str
    """Signed note with size and root hash of the tree."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A DSSE envelope with its one signature."""

    payload_type: str
    payload: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class BundleFile:
    """A well-formed bundle. Nothing about it has been verified. Only :func:`bundle_of` makes one."""

    raw: bytes
    """The file, as it was read: what sigstore-python verifies."""
    certificate: bytes
    """The signing certificate in DER."""
    chain: tuple[bytes, ...]
    """Further certificates of older bundles, in DER."""
    envelope: Signed | None
    """Set unless :attr:`message_signature` is."""
    message_signature: bytes | None
    """Signature of a file that lies elsewhere."""
    entry: Entry


def read_bundle(data: bytes, path: str = "bundle", *, max_bytes: int) -> BundleFile:
    """Read a bundle.

    Raises:
        InvalidInputError: ``sigstore.bundle``, or a ``document.*`` code of the strict JSON reader.
    """
    return bundle_of(strict_json.loads(data, path, max_bytes=max_bytes), data, path)


def bundle_of(value: object, data: bytes, path: str) -> BundleFile:
    """The bundle of a JSON value, and of the bytes that it was strictly read from.

    Raises:
        InvalidInputError: ``sigstore.bundle``.
    """
    reader = _Reader(path)
    top = reader.members(value, "", _PROTO_BUNDLE)
    media_type = top.get("mediaType")
    if not isinstance(media_type, str) or media_type not in MEDIA_TYPES:
        reader.refuse(
            "mediaType", f"expected a Sigstore bundle of version 0.1 to 0.3, found {media_type!r:.120}"
        )
    material = reader.members(
        top.get("verificationMaterial"),
        "verificationMaterial",
        ("certificate", "x509CertificateChain", "publicKey", "tlogEntries", "timestampVerificationData"),
    )
    leaf, *chain = _certificates(reader, material, chained=media_type in _CHAINS)
    entries = reader.items(material.get("tlogEntries"), "verificationMaterial.tlogEntries", least=1, most=1)
    _timestamps(reader, material.get("timestampVerificationData"))
    envelope = message_signature = None
    if ("dsseEnvelope" in top) == ("messageSignature" in top):
        reader.refuse("", "expected either an envelope or the signature of a file")
    if "dsseEnvelope" in top:
        envelope = _envelope(reader, top["dsseEnvelope"])
    else:
        message_signature = _message_signature(reader, top["messageSignature"])
    entry = _entry(reader, entries[0], "verificationMaterial.tlogEntries[0]")
    return BundleFile(data, leaf, tuple(chain), envelope, message_signature, entry)


def _certificates(reader: _Reader, material: dict[str, object], *, chained: bool) -> list[bytes]:
    where = "verificationMaterial"
    if "publicKey" in material:
        reader.refuse(
            f"{where}.publicKey",
            "the bundle is signed with a key, not with a certificate",
            "what a key signs comes as a DSSE envelope; sign with --key",
        )
    member, other = (
        ("x509CertificateChain", "certificate") if chained else ("certificate", "x509CertificateChain")
    )
    if other in material:
        reader.refuse(f"{where}.{other}", f"a bundle of this version has {member} instead")
    if not chained:
        return [_certificate(reader, material.get(member), f"{where}.{member}")]
    holder = reader.members(material.get(member), f"{where}.{member}", ("certificates",))
    name = f"{where}.{member}.certificates"
    listed = reader.items(holder.get("certificates"), name, least=1, most=_MAX_CHAIN)
    return [_certificate(reader, item, f"{name}[{position}]") for position, item in enumerate(listed)]


def _certificate(reader: _Reader, value: object, where: str) -> bytes:
    members = reader.members(value, where, ("rawBytes",))
    return reader.octets(members.get("rawBytes"), f"{where}.rawBytes")


def _timestamps(reader: _Reader, value: object) -> None:
    if value is None:
        return
    where = "verificationMaterial.timestampVerificationData"
    listed = reader.members(value, where, ("rfc3161Timestamps",)).get("rfc3161Timestamps", [])
    for position, item in enumerate(
        reader.items(listed, f"{where}.rfc3161Timestamps", least=0, most=MAX_TIMESTAMPS)
    ):
        name = f"{where}.rfc3161Timestamps[{position}]"
        members = reader.members(item, name, ("signedTimestamp",))
        reader.octets(members.get("signedTimestamp"), f"{name}.signedTimestamp")


def _envelope(reader: _Reader, value: object) -> Signed:
    members = reader.members(value, "dsseEnvelope", ("payload", "payloadType", "signatures"))
    payload_type = members.get("payloadType")
    if not isinstance(payload_type, str) or not _MEDIA_TYPE.fullmatch(payload_type):
        reader.refuse("dsseEnvelope.payloadType", "expected a media type in printable ASCII")
    payload = reader.octets(members.get("payload"), "dsseEnvelope.payload")
    signatures = reader.items(members.get("signatures"), "dsseEnvelope.signatures", least=1, most=1)
    signature = reader.members(signatures[0], "dsseEnvelope.signatures[0]", ("sig", "keyid"))
    reader.text(signature.get("keyid", ""), "dsseEnvelope.signatures[0].keyid")
    return Signed(
        payload_type, payload, reader.octets(signature.get("sig"), "dsseEnvelope.signatures[0].sig")
    )


def _message_signature(reader: _Reader, value: object) -> bytes:
    members = reader.members(value, "messageSignature", ("messageDigest", "signature"))
    if "messageDigest" in members:
        where = "messageSignature.messageDigest"
        stated = reader.members(members["messageDigest"], where, ("algorithm", "digest"))
        reader.text(stated.get("algorithm"), f"{where}.algorithm")
        reader.octets(stated.get("digest"), f"{where}.digest")
    return reader.octets(members.get("signature"), "messageSignature.signature")


def _entry(reader: _Reader, value: object, where: str) -> Entry:
    members = reader.members(
        value,
        where,
        (
            "logIndex", "logId", "kindVersion", "integratedTime", "inclusionPromise", "inclusionProof", "canonicalizedBody",
        ),
    )  # fmt: skip
    log = reader.members(members.get("logId"), f"{where}.logId", ("keyId",))
    kind = reader.members(members.get("kindVersion"), f"{where}.kindVersion", ("kind", "version"))
    reader.octets(members.get("canonicalizedBody"), f"{where}.canonicalizedBody")
    promised = "inclusionPromise" in members
    if promised:
        name = f"{where}.inclusionPromise"
        promise = reader.members(members["inclusionPromise"], name, ("signedEntryTimestamp",))
        reader.octets(promise.get("signedEntryTimestamp"), f"{name}.signedEntryTimestamp")
    integrated = (
        reader.number(members["integratedTime"], f"{where}.integratedTime")
        if "integratedTime" in members
        else 0
    )
    if promised and not integrated:
        # Without a time nobody would look at the promise, and what it vouches for would be anybody's word.
        reader.refuse(f"{where}.integratedTime", "an inclusion promise comes with the time of integration")
    index = reader.number(members.get("logIndex"), f"{where}.logIndex")
    name = f"{where}.inclusionProof"
    proof = reader.members(
        members.get("inclusionProof"), name, ("logIndex", "rootHash", "treeSize", "hashes", "checkpoint")
    )
    for position, item in enumerate(
        reader.items(proof.get("hashes", []), f"{name}.hashes", least=0, most=_MAX_HASHES)
    ):
        reader.octets(item, f"{name}.hashes[{position}]")
    checkpoint = reader.members(proof.get("checkpoint"), f"{name}.checkpoint", ("envelope",))
    return Entry(
        log_id=reader.octets(log.get("keyId"), f"{where}.logId.keyId"),
        index=index,
        kind=reader.text(kind.get("kind"), f"{where}.kindVersion.kind"),
        version=reader.text(kind.get("version"), f"{where}.kindVersion.version"),
        integrated_time=integrated or None,
        has_promise=promised,
        proof_index=reader.number(proof.get("logIndex"), f"{name}.logIndex"),
        tree_size=reader.number(proof.get("treeSize"), f"{name}.treeSize"),
        root_hash=reader.octets(proof.get("rootHash"), f"{name}.rootHash"),
        checkpoint=reader.text(checkpoint.get("envelope"), f"{name}.checkpoint.envelope"),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Takes values apart, and says where in which file one is not as expected."""

    path: str

    def members(self, value: object, where: str, known: Iterable[str]) -> dict[str, object]:
        """An object with no other members than those; ``null`` is not absence."""
        if not isinstance(value, dict):
            self.refuse(where, "expected an object")
        unknown = sorted(value.keys() - set(known))
        if unknown:
            self.refuse(where, f"unknown member {unknown[0]!r:.80}")
        return value

    def items(self, value: object, where: str, *, least: int, most: int) -> list[object]:
        """A list of bounded length."""
        if not isinstance(value, list):
            self.refuse(where, "expected a list")
        if not least <= len(value) <= most:
            wanted = f"exactly {most}" if least == most else f"{least} to {most}"
            self.refuse(where, f"expected {wanted} entries, found {len(value)}")
        return value

    def text(self, value: object, where: str) -> str:
        """A string."""
        if not isinstance(value, str):
            self.refuse(where, "expected a string")
        return value

    def octets(self, value: object, where: str) -> bytes:
        """At least one byte, in standard padded base64 in its one canonical spelling (RFC 4648 3.5)."""
        text = self.text(value, where)
        try:
            decoded = binascii.a2b_base64(text, strict_mode=True)
        except ValueError:
            decoded = b""
        if not decoded or binascii.b2a_base64(decoded, newline=False).decode("ascii") != text:
            self.refuse(where, "expected standard padded base64")
        return decoded

    def number(self, value: object, where: str) -> int:
        """An unsigned 64-bit integer, which Protocol Buffers write as a string of digits."""
        text = self.text(value, where)
        if not _NUMBER.fullmatch(text) or int(text) > _MAX_U64:
            self.refuse(where, "expected an unsigned 64-bit integer as a string")
        return int(text)

    def refuse(self, where: str, message: str, remedy: str | None = None) -> NoReturn:
        """Say what is wrong with the bundle."""
        raise InvalidInputError.of(
            "sigstore.bundle", message, path=self.path, field=where or None, remedy=remedy or "sign again"
        )
