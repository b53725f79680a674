# SPDX-License-Identifier: Apache-2.0
"""Gait registry packs: a signed list of files under a name and a version (Gait contract 9.1).

A pack lets ``gait registry`` check that a policy version comes from the fleet. Gait does not hash the files that a
pack lists, so a verified pack says what the files must be, not that they are. Building is deterministic. Verifying
is stricter than Gait where Gait would accept two readings of one file (contract 0.4).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from gaitops.errors import InvalidInputError
from gaitops.gait.artifacts.fields import checked
from gaitops.gait.artifacts.hygiene import read_object
from gaitops.gait.artifacts.model import Keyring, Verdict
from gaitops.gait.artifacts.reading import objects, text
from gaitops.gait.artifacts.refusals import RejectedError
from gaitops.gait.artifacts.registry import PACK_SCHEMA, REGISTRY_PACK, judge_pack
from gaitops.gait.gait_keys import GaitPrivateKey, GaitPublicKey
from gaitops.gait.go_text import lower
from gaitops.signing.canonical import canonical_json

SCHEMA_ID: Final = PACK_SCHEMA
SCHEMA_VERSION: Final = "1.0.0"
MAX_BYTES: Final = 1_048_576

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_PIN: Final = re.compile(r"\s*sha256:([0-9a-f]{64})\s*")

Status = Literal[
    "verified", "verified_with_unsigned_extras", "failed", "unsigned", "unverifiable", "rejected"
]
_STATUSES: Final[dict[Verdict, Status]] = {
    Verdict.VERIFIED: "verified",
    Verdict.VERIFIED_WITH_UNSIGNED_EXTRAS: "verified_with_unsigned_extras",
    Verdict.FAILED: "failed",
    Verdict.UNSIGNED: "unsigned",
    Verdict.UNVERIFIABLE: "unverifiable",
    Verdict.REJECTED: "rejected",
}
_GOOD: Final = frozenset({"verified", "verified_with_unsigned_extras"})
_REASONS: Final = {"unsigned": "the pack has no signature"}


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
    manifest |= {key: lower(given) for key, given in (("publisher", publisher), ("source", source)) if given}
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
        manifest = checked(REGISTRY_PACK, read_object(data, limit=MAX_BYTES))
        pack = _pack(manifest)
    except RejectedError as rejected:
        return PackVerification("rejected", rejected.message)
    judged = judge_pack(manifest, Keyring([public_key]))
    signatures = judged.signatures
    status = _STATUSES[signatures.verdict]
    reasons = [finding.message for finding in signatures.findings if status not in _GOOD]
    reason = "; ".join(reasons) or _REASONS.get(status, f"signed by {signatures.key_id}")
    return PackVerification(status, reason, judged.digest, pack)


def _pack(manifest: Mapping[str, object]) -> RegistryPack:
    """What the pack says.

    Raises:
        RejectedError: a member is missing, ``null`` or not what a pack of version 1.0.0 has.
    """
    for name, value in manifest.items():
        if value is None and name in REGISTRY_PACK.names:
            raise RejectedError("gait_pack.invalid", f"{name} of the pack is null")
    for name in ("created_at", "producer_version", "pack_name", "pack_version", "artifacts"):
        if name not in manifest:
            raise RejectedError("gait_pack.invalid", f"the pack has no {name}")
    if (manifest.get("schema_id"), manifest.get("schema_version")) != (SCHEMA_ID, SCHEMA_VERSION):
        raise RejectedError("gait_pack.invalid", f"expected {SCHEMA_ID} {SCHEMA_VERSION}")
    files = objects(manifest, "artifacts")
    if not all(_SHA256.fullmatch(text(file, "sha256")) and text(file, "path") for file in files):
        message = "an artifact of the pack has no path, or a sha256 of another form"
        raise RejectedError("gait_pack.invalid", message)
    return RegistryPack(
        name=text(manifest, "pack_name"),
        version=text(manifest, "pack_version"),
        pack_type=lower(text(manifest, "pack_type")),
        publisher=lower(text(manifest, "publisher")),
        source=lower(text(manifest, "source")),
        created_at=text(manifest, "created_at"),
        artifacts=tuple(
            Artifact(text(file, "path"), text(file, "sha256"), text(file, "media_type")) for file in files
        ),
    )


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
