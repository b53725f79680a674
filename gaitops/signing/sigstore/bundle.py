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

Message = dict[str, object]
"""A message of Protocol Buffers in JSON."""

_NUMBER = re.compile("0|[1-9][0-9]{0,19}")
_MEDIA_TYPE = re.compile(r"[!-~]+")

# The members of each message, in the JSON names of Protocol Buffers.
_BUNDLE: Final = frozenset({"mediaType", "verificationMaterial", "messageSignature", "dsseEnvelope"})
_MATERIAL: Final = frozenset(
    {"certificate", "x509CertificateChain", "publicKey", "tlogEntries", "timestampVerificationData"}
)
_CHAIN: Final = frozenset({"certificates"})
_RAW: Final = frozenset({"rawBytes"})
_TIMESTAMPS: Final = frozenset({"rfc3161Timestamps"})
_TIMESTAMP: Final = frozenset({"signedTimestamp"})
_ENVELOPE: Final = frozenset({"payload", "payloadType", "signatures"})
_SIGNATURE: Final = frozenset({"sig", "keyid"})
_MESSAGE: Final = frozenset({"messageDigest", "signature"})
_DIGEST: Final = frozenset({"algorithm", "digest"})
_ENTRY: Final = frozenset(
    {
        "logIndex", "logId", "kindVersion", "integratedTime", "inclusionPromise", "inclusionProof", "canonicalizedBody",
    }
)  # fmt: skip
_LOG_ID: Final = frozenset({"keyId"})
_KIND: Final = frozenset({"kind", "version"})
_PROMISE: Final = frozenset({"signedEntryTimestamp"})
_PROOF: Final = frozenset({"logIndex", "rootHash", "treeSize", "hashes", "checkpoint"})
_CHECKPOINT: Final = frozenset({"envelope"})


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
    top = reader.message(value, "", _BUNDLE)
    media_type = top.get("mediaType")
    if not isinstance(media_type, str) or media_type not in MEDIA_TYPES:
        reader.refuse(
            "mediaType", f"expected a Sigstore bundle of version 0.1 to 0.3, found {media_type!r:.120}"
        )
    where = "verificationMaterial"
    material = reader.message(top.get(where), where, _MATERIAL)
    leaf, *chain = _certificates(reader, material, where, chained=media_type in _CHAINS)
    entries = reader.items(material.get("tlogEntries"), where, "tlogEntries", least=1, most=1)
    if "timestampVerificationData" in material:
        _timestamps(reader, material["timestampVerificationData"], f"{where}.timestampVerificationData")
    envelope = message_signature = None
    if ("dsseEnvelope" in top) == ("messageSignature" in top):
        reader.refuse("", "expected either an envelope or the signature of a file")
    if "dsseEnvelope" in top:
        envelope = _envelope(reader, top["dsseEnvelope"], "dsseEnvelope")
    else:
        message_signature = _message_signature(reader, top["messageSignature"], "messageSignature")
    entry = _entry(reader, entries[0], f"{where}.tlogEntries[0]")
    return BundleFile(data, leaf, tuple(chain), envelope, message_signature, entry)


def _certificates(reader: _Reader, material: Message, where: str, *, chained: bool) -> list[bytes]:
    if "publicKey" in material:
        reader.refuse(
            f"{where}.publicKey",
            "the bundle is signed with a key, not with a certificate",
            "what a key signs comes as a DSSE envelope; sign with --key",
        )
    name, other = (
        ("x509CertificateChain", "certificate") if chained else ("certificate", "x509CertificateChain")
    )
    if other in material:
        reader.refuse(f"{where}.{other}", f"a bundle of this version has {name} instead")
    where = f"{where}.{name}"
    if not chained:
        return [reader.octets(reader.message(material.get(name), where, _RAW), where, "rawBytes")]
    chain = reader.message(material.get(name), where, _CHAIN)
    return [
        reader.octets(reader.message(item, place, _RAW), place, "rawBytes")
        for item, place in reader.each(chain, where, "certificates", least=1, most=_MAX_CHAIN)
    ]


def _timestamps(reader: _Reader, value: object, where: str) -> None:
    message = {"rfc3161Timestamps": [], **reader.message(value, where, _TIMESTAMPS)}
    for item, place in reader.each(message, where, "rfc3161Timestamps", least=0, most=MAX_TIMESTAMPS):
        reader.octets(reader.message(item, place, _TIMESTAMP), place, "signedTimestamp")


def _envelope(reader: _Reader, value: object, where: str) -> Signed:
    message = reader.message(value, where, _ENVELOPE)
    payload_type = message.get("payloadType")
    if not isinstance(payload_type, str) or not _MEDIA_TYPE.fullmatch(payload_type):
        reader.refuse(f"{where}.payloadType", "expected a media type in printable ASCII")
    payload = reader.octets(message, where, "payload")
    ((item, place),) = reader.each(message, where, "signatures", least=1, most=1)
    signature = reader.message(item, place, _SIGNATURE)
    if "keyid" in signature:
        reader.text(signature, place, "keyid")
    return Signed(payload_type, payload, reader.octets(signature, place, "sig"))


def _message_signature(reader: _Reader, value: object, where: str) -> bytes:
    message = reader.message(value, where, _MESSAGE)
    if "messageDigest" in message:
        place = f"{where}.messageDigest"
        stated = reader.message(message["messageDigest"], place, _DIGEST)
        reader.text(stated, place, "algorithm")
        reader.octets(stated, place, "digest")
    return reader.octets(message, where, "signature")


def _entry(reader: _Reader, value: object, where: str) -> Entry:
    message = reader.message(value, where, _ENTRY)
    log = reader.message(message.get("logId"), f"{where}.logId", _LOG_ID)
    kind = reader.message(message.get("kindVersion"), f"{where}.kindVersion", _KIND)
    reader.octets(message, where, "canonicalizedBody")
    promised = "inclusionPromise" in message
    if promised:
        place = f"{where}.inclusionPromise"
        reader.octets(
            reader.message(message["inclusionPromise"], place, _PROMISE), place, "signedEntryTimestamp"
        )
    integrated = reader.number(message, where, "integratedTime") if "integratedTime" in message else 0
    if promised and not integrated:
        # Without a time nobody would look at the promise, and what it vouches for would be anybody's word.
        reader.refuse(f"{where}.integratedTime", "an inclusion promise comes with the time of integration")
    index = reader.number(message, where, "logIndex")
    place = f"{where}.inclusionProof"
    proof = reader.message(message.get("inclusionProof"), place, _PROOF)
    hashes = reader.items(proof.get("hashes", []), place, "hashes", least=0, most=_MAX_HASHES)
    for position, item in enumerate(hashes):
        name = f"hashes[{position}]"
        reader.octets({name: item}, place, name)
    checkpoint = reader.message(proof.get("checkpoint"), f"{place}.checkpoint", _CHECKPOINT)
    return Entry(
        log_id=reader.octets(log, f"{where}.logId", "keyId"),
        index=index,
        kind=reader.text(kind, f"{where}.kindVersion", "kind"),
        version=reader.text(kind, f"{where}.kindVersion", "version"),
        integrated_time=integrated or None,
        has_promise=promised,
        proof_index=reader.number(proof, place, "logIndex"),
        tree_size=reader.number(proof, place, "treeSize"),
        root_hash=reader.octets(proof, place, "rootHash"),
        checkpoint=reader.text(checkpoint, f"{place}.checkpoint", "envelope"),
    )


def _respelled(decoded: bytes) -> str:
    """The last four letters of octets that end with padding."""
    return binascii.b2a_base64(decoded[-(len(decoded) % 3) :], newline=False).decode("ascii")


@dataclass(frozen=True, slots=True)
class _Reader:
    """Takes messages apart, and says where in which file something is not as expected.

    ``where`` is the place of a message, ``name`` one of its members: together they are only spelled when they are told.
    """

    path: str

    def message(self, value: object, where: str, known: frozenset[str]) -> Message:
        """An object with no other members than those; ``null`` is not absence."""
        if not isinstance(value, dict):
            self.refuse(where, "expected an object")
        if not value.keys() <= known:
            self.refuse(where, f"unknown member {min(value.keys() - known)!r:.80}")
        return value

    def items(self, value: object, where: str, name: str, *, least: int, most: int) -> list[object]:
        """A list of bounded length."""
        if not isinstance(value, list):
            self.refuse(f"{where}.{name}", "expected a list")
        if not least <= len(value) <= most:
            wanted = f"exactly {most}" if least == most else f"{least} to {most}"
            self.refuse(f"{where}.{name}", f"expected {wanted} entries, found {len(value)}")
        return value

    def each(
        self, message: Message, where: str, name: str, *, least: int, most: int
    ) -> list[tuple[object, str]]:
        """The entries of a list, each with its place."""
        items = self.items(message.get(name), where, name, least=least, most=most)
        return [(item, f"{where}.{name}[{position}]") for position, item in enumerate(items)]

    def text(self, message: Message, where: str, name: str) -> str:
        """A string."""
        value = message.get(name)
        if not isinstance(value, str):
            self.refuse(f"{where}.{name}", "expected a string")
        return value

    def octets(self, message: Message, where: str, name: str) -> bytes:
        """At least one byte, in standard padded base64 in its one canonical spelling (RFC 4648 3.5)."""
        text = self.text(message, where, name)
        try:
            decoded = binascii.a2b_base64(text, strict_mode=True)
        except ValueError:
            decoded = b""
        # Strictly decoded, only the letters before padding can be spelled in several ways.
        if not decoded or (text[-1] == "=" and _respelled(decoded) != text[-4:]):
            self.refuse(f"{where}.{name}", "expected standard padded base64")
        return decoded

    def number(self, message: Message, where: str, name: str) -> int:
        """An unsigned 64-bit integer, which Protocol Buffers write as a string of digits."""
        text = self.text(message, where, name)
        if not _NUMBER.fullmatch(text) or int(text) > _MAX_U64:
            self.refuse(f"{where}.{name}", "expected an unsigned 64-bit integer as a string")
        return int(text)

    def refuse(self, where: str, message: str, remedy: str | None = None) -> NoReturn:
        """Say what is wrong with the bundle."""
        raise InvalidInputError.of(
            "sigstore.bundle", message, path=self.path, field=where or None, remedy=remedy or "sign again"
        )
