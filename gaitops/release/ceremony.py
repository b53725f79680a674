# SPDX-License-Identifier: Apache-2.0
"""The root ceremony: writing the next root metadata and collecting signatures until it holds.

Every function takes and returns the bytes of a root file, so that a ceremony can travel through a branch, a mail
or a memory stick. Bytes are deterministic: sorted JSON, signatures ordered by key id whoever signed first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from securesystemslib.signer import Key, Signer
from tuf.api.metadata import Metadata, Role, Root

from gaitops.documents.times import format_timestamp, parse_timestamp
from gaitops.errors import GaitopsError, InvalidInputError
from gaitops.fleet.publishing import KeylessPublishing
from gaitops.fleet.root import (
    PRINCIPAL_FIELD,
    PUBLISHING_FIELD,
    STANDARD_KEYS,
    RootKey,
    read_root,
    root_people,
    root_publishing,
    signers_of,
)
from gaitops.release.layout import SPEC_VERSION
from gaitops.release.signatures import sign_bytes
from gaitops.signing.keys import load

PUBLISHER_FIELD: Final = "x-gaitops-publisher"
"""Signed, unrecognised field of a publisher's key: its name for people."""
_INVALID: Final = "trust.root_invalid"
_PATH: Final = "root.json"

NamedKeys = Sequence[tuple[str, Key]]


@dataclass(frozen=True, slots=True)
class RoleSignatures:
    """How far one root version's people have come in signing."""

    version: int
    """The root whose people must sign: the new one or the one before."""
    threshold: int
    signed: tuple[str, ...]
    """Principals whose signature verifies, sorted."""
    open: tuple[str, ...]
    """Principals who may still sign, sorted."""

    @property
    def missing(self) -> int:
        """Signatures that are still needed."""
        return max(0, self.threshold - len(self.signed))


@dataclass(frozen=True, slots=True)
class RootSignatures:
    """What a root file still needs before it can be committed."""

    version: int
    roles: tuple[RoleSignatures, ...]
    """The new root's own people, and those of the root before it unless it is the first."""

    @property
    def complete(self) -> bool:
        """Whether every threshold is met."""
        return not any(role.missing for role in self.roles)


def new_root(
    people: NamedKeys,
    threshold: int,
    publishers: NamedKeys,
    publisher_threshold: int,
    expires: datetime,
    *,
    publishing: KeylessPublishing | None = None,
) -> bytes:
    """Root version 1, unsigned.

    ``targets`` and ``snapshot`` need ``publisher_threshold`` of the publishers; ``timestamp`` needs one, because a
    schedule refreshes it (design 8). With ``publishing``, workloads may sign statements besides.

    Raises:
        InvalidInputError: ``trust.root_invalid`` when the result would break a rule of design 4.
    """
    root = Root(version=1, spec_version=SPEC_VERSION, expires=_expiry(expires), consistent_snapshot=True)
    _set_people(root, people, threshold)
    _set_publishers(root, publishers, publisher_threshold)
    _set_publishing(root, publishing)
    return _checked(Metadata(root))


def next_root(
    previous: bytes,
    *,
    people: NamedKeys | None = None,
    threshold: int | None = None,
    publishers: NamedKeys | None = None,
    publisher_threshold: int | None = None,
    publishing: KeylessPublishing | None = None,
    ends_publishing: bool = False,
    expires: datetime,
) -> bytes:
    """The version after ``previous``, unsigned; whatever is not given stays as it was.

    With ``ends_publishing`` no workload signs statements any more.

    Raises:
        InvalidInputError: ``trust.root_invalid`` when ``previous`` is no root or the result would break a rule.
    """
    metadata = _read(previous)
    root = metadata.signed
    old_people = [(item.principal, item.key) for item in _people(metadata)]
    old_publishers = [
        (str(key.unrecognized_fields.get(PUBLISHER_FIELD, "")), key)
        for key in (root.keys[keyid] for keyid in root.roles["targets"].keyids)
    ]
    old_threshold = root.roles["root"].threshold
    old_publisher_threshold = root.roles["targets"].threshold
    root.version += 1
    root.expires = _expiry(expires)
    root.keys = {}
    _set_people(root, old_people if people is None else people, threshold or old_threshold)
    _set_publishers(
        root,
        old_publishers if publishers is None else publishers,
        publisher_threshold or old_publisher_threshold,
    )
    if ends_publishing or publishing is not None:
        _set_publishing(root, publishing)
    metadata.signatures.clear()
    return _checked(metadata)


def sign_root(data: bytes, signer: Signer) -> bytes:
    """``data`` with one more signature; an earlier one by the same key is replaced.

    The signature is checked before anything is returned. Whether it counts, :func:`missing_root_signatures` tells:
    the people of the previous root sign too, and their keys are not in ``data``.

    Raises:
        InvalidInputError: ``trust.root_invalid`` when ``data`` is no root; ``key.*`` for a refused key.
        InternalError: ``signing.failed``.
    """
    _require_standard(signer.public_key)
    metadata = _read(data)
    signature = sign_bytes(signer, metadata.signed_bytes)
    metadata.signatures[signature.keyid] = signature
    return _to_bytes(metadata)


def missing_root_signatures(previous: bytes | None, data: bytes) -> RootSignatures:
    """Who has signed ``data``, and who still may; ``previous`` is the root before it, ``None`` for version 1.

    Raises:
        InvalidInputError: ``trust.root_invalid``.
    """
    metadata = _read(data)
    roles = [_progress(metadata, metadata)]
    if previous is not None:
        roles.append(_progress(_read(previous), metadata))
    return RootSignatures(metadata.signed.version, tuple(roles))


def _progress(judge: Metadata[Root], metadata: Metadata[Root]) -> RoleSignatures:
    people = _people(judge)
    signed = signers_of(metadata, people)
    return RoleSignatures(
        judge.signed.version,
        judge.signed.roles["root"].threshold,
        tuple(sorted(signed)),
        tuple(sorted({item.principal for item in people} - signed)),
    )


def _people(metadata: Metadata[Root]) -> tuple[RootKey, ...]:
    try:
        return root_people(metadata, _INVALID, _PATH)[0]
    except GaitopsError as error:
        raise InvalidInputError(error.problems) from error


def _publishing_of(metadata: Metadata[Root]) -> KeylessPublishing | None:
    try:
        return root_publishing(metadata, _INVALID, _PATH)
    except GaitopsError as error:
        raise InvalidInputError(error.problems) from error


def _read(data: bytes) -> Metadata[Root]:
    try:
        return read_root(data, _INVALID, _PATH)
    except GaitopsError as error:
        raise InvalidInputError(error.problems) from error


def _checked(metadata: Metadata[Root]) -> bytes:
    """The bytes of ``metadata``, once they pass every rule they will be judged by."""
    data = _to_bytes(metadata)
    read = _read(data)
    _people(read)
    _publishing_of(read)
    return data


def _to_bytes(metadata: Metadata[Root]) -> bytes:
    value = metadata.to_dict()
    value["signatures"].sort(key=lambda entry: entry["keyid"])
    return json.dumps(value, indent=1, sort_keys=True, separators=(",", ": ")).encode() + b"\n"


def _set_people(root: Root, people: NamedKeys, threshold: int) -> None:
    keyids = [_add(root, name, key, PRINCIPAL_FIELD) for name, key in people]
    _set_role(root, "root", keyids, threshold)


def _set_publishers(root: Root, publishers: NamedKeys, threshold: int) -> None:
    keyids = [_add(root, name, key, PUBLISHER_FIELD) for name, key in publishers]
    _set_role(root, "targets", keyids, threshold)
    _set_role(root, "snapshot", keyids, threshold)
    _set_role(root, "timestamp", keyids, 1)


def _set_publishing(root: Root, publishing: KeylessPublishing | None) -> None:
    root.unrecognized_fields.pop(PUBLISHING_FIELD, None)
    if publishing is not None:
        root.unrecognized_fields[PUBLISHING_FIELD] = publishing.to_json()


def _set_role(root: Root, name: str, keyids: Sequence[str], threshold: int) -> None:
    if threshold < 1 or threshold > len(keyids):
        raise InvalidInputError.of(
            _INVALID, f"role {name} has {len(keyids)} keys and a threshold of {threshold}"
        )
    root.roles[name] = Role(sorted(keyids), threshold)


def _add(root: Root, name: str, key: Key, field: str) -> str:
    """Add a copy of ``key`` that carries ``name``; the key of the caller is left alone."""
    _require_standard(key)
    keyid = load(key).keyid
    if keyid in root.keys:
        raise InvalidInputError.of(_INVALID, f"the key of {name} is used twice", field=field)
    named = Key.from_dict(
        keyid, {"keytype": key.keytype, "scheme": key.scheme, "keyval": dict(key.keyval), field: name}
    )
    root.keys[keyid] = named
    return keyid


def _require_standard(key: Key) -> None:
    if (key.keytype, key.scheme) not in STANDARD_KEYS:
        raise InvalidInputError.of(
            "key.unsupported",
            f"TUF metadata cannot carry keys of type {key.keytype}/{key.scheme}",
            remedy="use an Ed25519, ECDSA P-256/P-384 or RSA key; SSH keys sign approvals and commits",
        )


def _expiry(expires: datetime) -> datetime:
    # Through our own format: whole seconds, UTC, and an error for times without a zone.
    return parse_timestamp(format_timestamp(expires))
