# SPDX-License-Identifier: Apache-2.0
"""Gait registry packs: a signed list of files under a name and a version (Gait contract 9.1).

A pack lets ``gait registry`` check that a policy version comes from the fleet. Gait does not hash the files that a
pack lists, so a verified pack says what the files must be, not that they are. Building is deterministic. Verifying
is stricter than Gait where Gait would accept two readings of one file (contract 0.4).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, NoReturn

from gaitops.errors import InvalidInputError
from gaitops.gait.gait_keys import GaitPrivateKey, GaitPublicKey
from gaitops.gait.quoting import quote
from gaitops.signing.canonical import canonical_json

SCHEMA_ID: Final = "gait.registry.pack"
SCHEMA_VERSION: Final = "1.0.0"
MAX_BYTES: Final = 1_048_576

_LOWERED: Final = ("pack_type", "publisher", "source")
"""Members that Gait lowers before it digests."""
_TEXT_MEMBERS: Final = (
    "schema_id",
    "schema_version",
    "created_at",
    "producer_version",
    "pack_name",
    "pack_version",
)
_OPTIONAL_TEXTS: Final = ("pack_type", "publisher", "source", "risk_class", "use_case")
_KNOWN: Final = frozenset(
    {*_TEXT_MEMBERS, *_OPTIONAL_TEXTS, "compatibility", "provenance", "artifacts", "signatures"}
)
_ARTIFACT_MEMBERS: Final = frozenset({"path", "sha256", "media_type"})
_SIGNATURE_MEMBERS: Final = frozenset({"alg", "key_id", "sig", "signed_digest"})
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)
_PIN: Final = re.compile(r"\s*sha256:([0-9a-f]{64})\s*")

Status = Literal[
    "verified", "verified_with_unsigned_extras", "failed", "unsigned", "unverifiable", "rejected"
]


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file of a pack, by its digest."""

    path: str
    sha256: str
    media_type: str = ""


@dataclass(frozen=True, slots=True)
class RegistryPack:
    """What a pack says. Without a verified signature it is only a claim."""

    name: str
    version: str
    pack_type: str
    publisher: str
    source: str
    created_at: str
    artifacts: tuple[Artifact, ...]


@dataclass(frozen=True, slots=True)
class PackVerification:
    """Outcome for one pack and one key.

    *verified*: the key signed everything in the file. *verified_with_unsigned_extras*: it signed what Gait knows of,
    but the file has more, which must not be used. *failed*: the content is not what was signed. *unsigned*: there
    is no signature. *unverifiable*: only other keys signed. *rejected*: not readable, or readable in two ways.
    """

    status: Status
    reason: str
    digest: str | None = None
    pack: RegistryPack | None = None


class _RejectedError(Exception):
    """The file is not a pack, or is one in more than one way."""


def build_registry_pack(
    name: str,
    version: str,
    artifacts: Iterable[Artifact],
    created_at: datetime,
    *,
    publisher: str,
    source: str,
    private_key: GaitPrivateKey,
    producer_version: str,
) -> bytes:
    """The bytes of a signed policy pack; the same arguments give the same bytes.

    Args:
        name: name of the pack, not empty.
        version: version of the pack, not empty.
        artifacts: its files; order does not matter.
        created_at: an aware time; written in UTC, to the second.
        publisher: who vouches for the pack; written in lower case.
        source: where packs come from; written in lower case.
        private_key: the key that signs.
        producer_version: version of the program that writes the pack.

    Raises:
        InvalidInputError: ``gait_pack.invalid`` for empty names, no artifacts, a path twice, or a bad digest.
    """
    files = sorted(artifacts, key=lambda artifact: artifact.path)
    _check_input(name, version, files, created_at)
    manifest: dict[str, object] = {
        "schema_id": SCHEMA_ID,
        "schema_version": SCHEMA_VERSION,
        "created_at": created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "producer_version": producer_version,
        "pack_name": name,
        "pack_version": version,
        "pack_type": "policy",
        "artifacts": [
            {"path": file.path, "sha256": file.sha256}
            | ({"media_type": file.media_type} if file.media_type else {})
            for file in files
        ],
    }
    # Empty texts are left out, as Gait leaves them out when it digests.
    manifest |= {key: text.lower() for key, text in (("publisher", publisher), ("source", source)) if text}
    digest = hashlib.sha256(canonical_json(manifest)).digest()
    manifest["signatures"] = [
        {
            "alg": "ed25519",
            "key_id": private_key.public.key_id,
            "sig": base64.b64encode(private_key.sign(digest)).decode(),
            "signed_digest": digest.hex(),
        }
    ]
    return canonical_json(manifest) + b"\n"


def pin_text(digest: str) -> str:
    """Content of ``pins/<name>.pin``, by which ``gait registry`` holds a pack to one digest."""
    return f"sha256:{digest}\n"


def read_pin(data: bytes, path: str | None = None) -> str:
    """The hex digest of a pin file.

    Raises:
        InvalidInputError: ``gait_pack.pin_malformed``.
    """
    match = _PIN.fullmatch(data.decode("ascii", errors="replace"))
    if match is None:
        message = "expected a pin: sha256: and 64 lowercase hexadecimal digits"
        raise InvalidInputError.of("gait_pack.pin_malformed", message, path=path)
    return match.group(1)


def verify_registry_pack(data: bytes, public_key: GaitPublicKey) -> PackVerification:
    """Judge a pack by one key. Never raises for any ``data``; one good signature of several is enough."""
    try:
        manifest = _parse(data)
        pack = _pack(manifest)
        signatures = _signatures(manifest)
        content = {name: value for name, value in manifest.items() if name != "signatures"}
        lowered = _lowered(content)
        digests = (_digest(lowered), _digest(_projection(lowered)))
    except _RejectedError as rejected:
        return PackVerification("rejected", str(rejected))
    if not signatures:
        return PackVerification("unsigned", "the pack has no signature", digests[0], pack)
    status, reason = _judge(signatures, digests, public_key)
    digest = digests[1] if status == "verified_with_unsigned_extras" else digests[0]
    return PackVerification(status, reason, digest, pack)


def _judge(
    signatures: list[dict[str, str]], digests: tuple[str, str], public_key: GaitPublicKey
) -> tuple[Status, str]:
    """Status and reason, from the digests of the whole content and of the members that Gait knows."""
    # A digest that nobody signed fails, whatever the keys are.
    current = [signature for signature in signatures if signature["signed_digest"] in digests]
    if not current:
        return "failed", "the content is not what was signed"
    own = [signature for signature in current if signature["key_id"] in ("", public_key.key_id)]
    whole, known = digests
    if any(_verifies(signature, whole, public_key) for signature in own):
        return "verified", f"signed by {public_key.key_id}"
    if any(_verifies(signature, known, public_key) for signature in own):
        return "verified_with_unsigned_extras", f"signed by {public_key.key_id}, without all members"
    if any(signature["key_id"] == public_key.key_id for signature in own):
        return "failed", f"the signature of {public_key.key_id} is not valid"
    return "unverifiable", "signed by other keys only"


# -- building ------------------------------------------------------------------------------------------------------


def _check_input(name: str, version: str, files: list[Artifact], created_at: datetime) -> None:
    paths = [file.path for file in files]
    checks = (
        (bool(name and version), "a pack needs a name and a version"),
        (bool(files), "a pack needs at least one file"),
        (all(paths) and len(set(paths)) == len(paths), "the paths of a pack are unique and not empty"),
        (
            all(_SHA256.fullmatch(file.sha256) for file in files),
            "a SHA-256 has 64 lowercase hexadecimal digits",
        ),
        (created_at.tzinfo is not None, "the time of a pack has a time zone"),
    )
    for holds, message in checks:
        if not holds:
            raise InvalidInputError.of("gait_pack.invalid", message)


# -- reading -------------------------------------------------------------------------------------------------------


def _parse(data: bytes) -> dict[str, object]:
    """The JSON object, if it has only one reading."""
    if len(data) > MAX_BYTES:
        raise _RejectedError(f"the pack has more than {MAX_BYTES} bytes")
    try:
        manifest = json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _RejectedError(f"the pack is not JSON: {error}") from error
    if not isinstance(manifest, dict):
        raise _RejectedError("the pack is not a JSON object")
    _check_names(manifest, _KNOWN)
    return manifest


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object, unless two of its names are equal to a reader that ignores case, as Go's does (contract 0.4)."""
    result = dict(pairs)
    if len({name.casefold() for name, _ in pairs}) != len(pairs):
        raise _RejectedError("an object of the pack has a member twice")
    return result


def _no_constant(name: str) -> NoReturn:
    raise _RejectedError(f"the pack has {name}, which is not JSON")


def _check_names(members: Mapping[str, object], known: frozenset[str]) -> None:
    for name in members.keys() - known:
        if name.casefold() in known:
            raise _RejectedError(f"the member {quote(name)} of the pack is known in another spelling")


def _pack(manifest: Mapping[str, object]) -> RegistryPack:
    for name in _TEXT_MEMBERS:
        if not isinstance(manifest.get(name), str):
            raise _RejectedError(f"the pack has no {name}, or it is not text")
    for name in _OPTIONAL_TEXTS:
        if not isinstance(manifest.get(name, ""), str):
            raise _RejectedError(f"{name} of the pack is not text")
    if (manifest["schema_id"], manifest["schema_version"]) != (SCHEMA_ID, SCHEMA_VERSION):
        raise _RejectedError(f"expected {SCHEMA_ID} {SCHEMA_VERSION}")
    if not _TIME.fullmatch(str(manifest["created_at"])):
        raise _RejectedError("created_at of the pack is not a time")
    artifacts = manifest.get("artifacts")
    if not isinstance(artifacts, list):
        raise _RejectedError("the pack has no list of artifacts")
    return RegistryPack(
        name=str(manifest["pack_name"]),
        version=str(manifest["pack_version"]),
        pack_type=str(manifest.get("pack_type", "")).lower(),
        publisher=str(manifest.get("publisher", "")).lower(),
        source=str(manifest.get("source", "")).lower(),
        created_at=str(manifest["created_at"]),
        artifacts=tuple(_artifact(item) for item in artifacts),
    )


def _artifact(item: object) -> Artifact:
    if not isinstance(item, dict):
        raise _RejectedError("an artifact of the pack is not an object")
    _check_names(item, _ARTIFACT_MEMBERS)
    path, sha256, media_type = item.get("path"), item.get("sha256"), item.get("media_type", "")
    if not isinstance(path, str) or not isinstance(sha256, str) or not isinstance(media_type, str):
        raise _RejectedError("an artifact of the pack has no path or no sha256")
    if not _SHA256.fullmatch(sha256):
        raise _RejectedError("an artifact of the pack has a sha256 of another form")
    return Artifact(path, sha256, media_type)


def _signatures(manifest: Mapping[str, object]) -> list[dict[str, str]]:
    signatures = manifest.get("signatures", [])
    if not isinstance(signatures, list):
        raise _RejectedError("the signatures of the pack are not a list")
    result = []
    for item in signatures:
        if not isinstance(item, dict):
            raise _RejectedError("a signature of the pack is not an object")
        _check_names(item, _SIGNATURE_MEMBERS)
        members = {name: item.get(name, "") for name in _SIGNATURE_MEMBERS}
        if not all(isinstance(value, str) for value in members.values()):
            raise _RejectedError("a signature of the pack has a member that is not text")
        result.append(members)
    return result


# -- digests -------------------------------------------------------------------------------------------------------


def _lowered(content: Mapping[str, object]) -> dict[str, object]:
    return {name: str(value).lower() if name in _LOWERED else value for name, value in content.items()}


def _projection(content: Mapping[str, object]) -> dict[str, object]:
    """What Gait keeps when it decodes the content: known members, without empty optional ones (contract 0.3)."""
    result: dict[str, object] = {name: content[name] for name in _TEXT_MEMBERS}
    result["created_at"] = _written_time(str(content["created_at"]))
    optional = (*_OPTIONAL_TEXTS, "compatibility", "provenance")
    result |= {name: content[name] for name in optional if content.get(name)}
    artifacts = content["artifacts"]
    result["artifacts"] = [
        {
            name: item[name]
            for name in ("path", "sha256", "media_type")
            if name != "media_type" or item.get(name)
        }
        for item in (artifacts if isinstance(artifacts, list) else [])
    ]
    return result


def _written_time(text: str) -> str:
    """A time as Go writes it: no trailing zeros in the fraction, and ``Z`` for an offset of zero (contract 0.5)."""
    match = _TIME.fullmatch(text)
    if match is None:
        return text
    seconds, fraction, zone = match.group(1), (match.group(2) or "").rstrip("0"), match.group(3)
    return seconds + (f".{fraction}" if fraction else "") + ("Z" if zone == "+00:00" else zone)


def _digest(content: Mapping[str, object]) -> str:
    try:
        return hashlib.sha256(canonical_json(dict(content))).hexdigest()
    except InvalidInputError as error:
        raise _RejectedError(f"the pack has no canonical form: {error}") from error


def _verifies(signature: Mapping[str, str], digest: str, key: GaitPublicKey) -> bool:
    if signature["signed_digest"] != digest or signature["alg"] != "ed25519":
        return False
    try:
        # Gait's decoder skips line ends inside base64.
        raw = base64.b64decode(signature["sig"].replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        return False
    return key.verifies(raw, bytes.fromhex(digest))
