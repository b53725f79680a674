# SPDX-License-Identifier: Apache-2.0
"""Signing a draft: the metadata of every role and the envelope of every statement.

Any securesystemslib ``Signer`` signs, whatever holds its key. Signatures are checked before they leave.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from securesystemslib.signer import Signature, Signer
from tuf.api.metadata import Metadata

from gaitops.errors import GaitopsError, InvalidInputError
from gaitops.fleet.root import TrustedRoot, signature_holds
from gaitops.release.layout import envelope_file, role_file, target_file
from gaitops.release.metadata import Draft, UnsignedRole, metadata_bytes
from gaitops.release.signatures import RoleKeys, role_keys, sign_bytes
from gaitops.release.statement import seal_statement, signed_by
from gaitops.signing.dsse import add_signature, parse_envelope
from gaitops.signing.keys import load
from gaitops.signing.statement import PAYLOAD_TYPE

ReadFile = Callable[[str], bytes | None]
"""Bytes of an earlier file of the release by path, ``None`` when there is none."""


@dataclass(frozen=True, slots=True)
class SignedDraft:
    """The files of a release, apart from the timestamp."""

    files: Mapping[str, bytes]
    """Path → bytes."""
    missing: int
    """Publishers who must still sign; 0 when the release is complete."""


def require_publishers(signers: Sequence[Signer], root: TrustedRoot) -> None:
    """Every signer must hold a publisher's key of the newest root, and none twice.

    Raises:
        InvalidInputError: ``release.publisher``; ``key.*`` for a refused key.
    """
    keyids = [load(signer.public_key).keyid for signer in signers]
    known = {key.keyid for key in root.publishers}
    strangers = sorted(set(keyids) - known)
    if not keyids or strangers or len(set(keyids)) != len(keyids):
        what = (
            f"key {strangers[0]} is not a publisher's" if strangers else "expected one or more different keys"
        )
        raise InvalidInputError.of(
            "release.publisher",
            f"{what} in root version {root.version}",
            remedy="publishers are named by the targets role of the root: gaitops trust show",
        )


def sign_draft(draft: Draft, signers: Sequence[Signer], earlier: ReadFile) -> SignedDraft:
    """Sign everything of ``draft`` that is not kept.

    Args:
        draft: What to sign.
        signers: Publishers.
        earlier: Files whose signatures are taken over when they are by publishers and over the same bytes. Metadata
            among them must have been compared with the draft before.

    Raises:
        InternalError: ``signing.failed``.
    """
    keys = role_keys(draft.roots[-1])
    files = _unsigned_targets(draft)
    missing = 0
    for digest, payload in draft.statements.items():
        path = envelope_file(digest)
        files[path], lacking = _seal(payload, signers, draft.root, earlier(path))
        missing = max(missing, lacking)
    for role in draft.roles.values():
        path = role_file(role.name, role.metadata.signed.version)
        judge = keys["snapshot" if role.name == "snapshot" else "targets"]
        files[path], lacking = _sign_role(role, signers, judge, earlier(path))
        missing = max(missing, lacking)
    return SignedDraft(files, missing)


def unsigned_files(draft: Draft) -> dict[str, bytes]:
    """Path → the part of the file that every publisher must agree on: all of it, but for signatures."""
    files = _unsigned_targets(draft)
    files |= {envelope_file(digest): payload for digest, payload in draft.statements.items()}
    for role in draft.roles.values():
        files[role_file(role.name, role.metadata.signed.version)] = role.metadata.signed_bytes
    return files


def _unsigned_targets(draft: Draft) -> dict[str, bytes]:
    """Files that carry no publisher's signature, or came signed: targets and root metadata."""
    files = {role_file("root", index): data for index, data in enumerate(draft.roots, start=1)}
    for path, data in draft.targets.items():
        files[target_file(path, hashlib.sha256(data).hexdigest())] = data
    return files


def sign_metadata(metadata: Metadata[Any], signers: Sequence[Signer]) -> None:
    """Add the signature of every signer to ``metadata``.

    Raises:
        InternalError: ``signing.failed``.
    """
    payload = metadata.signed_bytes
    for signer in signers:
        signature = sign_bytes(signer, payload)
        metadata.signatures[signature.keyid] = signature


def _seal(
    payload: bytes, signers: Sequence[Signer], root: TrustedRoot, earlier: bytes | None
) -> tuple[bytes, int]:
    """The envelope and the number of publishers who must still sign it. A complete earlier one is kept."""
    if earlier is not None and _missing(earlier, payload, root) == 0:
        return earlier, 0
    if earlier is None or _missing(earlier, payload, root) is None:
        envelope = seal_statement(payload, signers)
    else:
        envelope = earlier
        for signer in signers:
            envelope = add_signature(envelope, signer)
    return envelope, _missing(envelope, payload, root) or 0


def _missing(envelope: bytes, payload: bytes, root: TrustedRoot) -> int | None:
    """Publishers who must still sign; ``None`` when these bytes are no envelope of the payload at all."""
    try:
        parsed = parse_envelope(envelope)
    except GaitopsError:
        # What lies in an output folder is not input to anything: it is used when it fits, and replaced otherwise.
        return None
    if parsed.payload != payload or parsed.payload_type != PAYLOAD_TYPE:
        return None
    return max(0, root.targets_threshold - len(signed_by(parsed, root.publishers)))


def _sign_role(
    role: UnsignedRole, signers: Sequence[Signer], judge: RoleKeys, earlier: bytes | None
) -> tuple[bytes, int]:
    if role.kept is not None:
        return role.kept, 0
    metadata = role.metadata
    if earlier is not None:
        metadata.signatures.update(_valid_signatures(earlier, metadata.signed_bytes, judge))
    sign_metadata(metadata, signers)
    return metadata_bytes(metadata), judge.missing(metadata)


def _valid_signatures(earlier: bytes, payload: bytes, judge: RoleKeys) -> dict[str, Signature]:
    old: Metadata[Any] = Metadata.from_bytes(earlier)
    return {
        keyid: old.signatures[keyid]
        for keyid, key in judge.keys.items()
        if keyid in old.signatures and signature_holds(key, old.signatures[keyid].signature, payload)
    }
