# SPDX-License-Identifier: Apache-2.0
"""The root of trust: TUF root metadata, its chain of versions, and the people behind its keys (design 4).

python-tuf reads the files and fixes what is signed. Who signed is decided here: TUF counts key *ids*, and meets
a threshold of two with one key under two ids, so every signature is checked under the recomputed id of its key
and counted for a person. Within one root every key and every person appears once, which makes the two equal.

python-tuf takes a third of a second to import and is imported where used; a :class:`TrustedRoot` that was
stored with :meth:`TrustedRoot.to_json` is read back without it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self, cast

from securesystemslib.signer import Key

from gaitops.documents import strict_json
from gaitops.documents.models.base import NAME_PATTERN
from gaitops.documents.times import format_timestamp, parse_timestamp
from gaitops.errors import GaitopsError, InvalidInputError, VerificationError
from gaitops.signing.keys import load
from gaitops.signing.verification import verify

if TYPE_CHECKING:
    from tuf.api.metadata import Metadata, Root

    from gaitops.fleet.publishing import KeylessPublishing

PRINCIPAL_FIELD: Final = "x-gaitops-principal"
"""Signed, unrecognised field of a root-role key in TUF metadata: the principal whose key it is."""
PUBLISHING_FIELD: Final = "x-gaitops-publishing"
"""Signed, unrecognised field of root metadata: workloads that sign statements without a key (``publishing``)."""
MAX_ROOT_BYTES: Final = 512_000
"""Largest root metadata that is read; the limit of python-tuf's client."""
STANDARD_KEYS: Final = frozenset(
    {
        ("ed25519", "ed25519"),
        ("rsa", "rsassa-pss-sha256"),
        ("ecdsa", "ecdsa-sha2-nistp256"),
        ("ecdsa", "ecdsa-sha2-nistp384"),
    }
)
"""Key types and schemes that every TUF client reads (TUF specification 4.2, and go-tuf and python-tuf)."""

_NAME = re.compile(NAME_PATTERN[:-1] + r"\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class RootKey:
    """A key of the root role and the person who holds it."""

    principal: str
    key: Key
    fingerprint: str
    """SHA-256 of the key's SPKI, lowercase hex: the same key has one fingerprint under any type or id."""
    keyid: str
    """Recomputed; equal to the id in the metadata."""


@dataclass(frozen=True, slots=True)
class TrustedRoot:
    """One version of the root, verified back to the pinned first one."""

    version: int
    sha256: str
    """SHA-256 of this version's bytes, lowercase hex."""
    trust_root: str
    """SHA-256 of version 1, the fleet's identity."""
    keys: tuple[RootKey, ...]
    threshold: int
    """People of :attr:`keys` who must sign."""
    publishers: tuple[Key, ...]
    """Keys of the ``targets`` role: they sign releases and statements."""
    targets_threshold: int
    expires: datetime
    solo: bool
    """One person alone: for trying out, and every verdict says so."""
    publishing: KeylessPublishing | None = None
    """Who else may sign statements; ``None`` when keys alone do."""

    def to_json(self) -> dict[str, object]:
        """A JSON value from which :meth:`from_json` restores the root without python-tuf."""
        return {
            "version": self.version,
            "sha256": self.sha256,
            "trustRoot": self.trust_root,
            "keys": [{"principal": item.principal, "key": item.key.to_dict()} for item in self.keys],
            "threshold": self.threshold,
            "publishers": [key.to_dict() for key in self.publishers],
            "targetsThreshold": self.targets_threshold,
            "expires": format_timestamp(self.expires),
            "solo": self.solo,
            "publishing": None if self.publishing is None else self.publishing.to_json(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The root that :meth:`to_json` stored. Key ids and fingerprints are computed anew.

        Raises:
            InvalidInputError: ``trust.root_invalid`` when the value is not of that form.
        """
        try:
            keys = tuple(_root_key(item["principal"], _stored_key(item["key"])) for item in value["keys"])
            return cls(
                version=int(value["version"]),
                sha256=str(value["sha256"]),
                trust_root=str(value["trustRoot"]),
                keys=keys,
                threshold=int(value["threshold"]),
                publishers=tuple(_stored_key(item) for item in value["publishers"]),
                targets_threshold=int(value["targetsThreshold"]),
                expires=parse_timestamp(value["expires"]),
                solo=bool(value["solo"]),
                publishing=_publishing(value.get("publishing")),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidInputError.of("trust.root_invalid", "a stored root cannot be read") from error


def verify_first_root(data: bytes, pinned_sha256: str) -> TrustedRoot:
    """Root version 1 against the digest that the caller was given out of band.

    Raises:
        VerificationError: ``trust.root_mismatch`` when the digest differs; ``trust.root_invalid`` when the file
            is the pinned one and yet breaks the rules.
    """
    found = hashlib.sha256(data).hexdigest()
    if found != pinned_sha256:
        raise VerificationError.of(
            "trust.root_mismatch",
            f"root version 1 has SHA-256 {found}, the pinned trust root is {pinned_sha256}",
            path=_path(1),
            remedy="compare the digest with what the fleet's owners published out of band",
        )
    code = "trust.root_invalid"
    metadata = read_root(data, code, _path(1))
    if metadata.signed.version != 1:
        raise _refused(code, f"the first root has version {metadata.signed.version}", _path(1))
    root = _trusted(metadata, data, found, code)
    _require_signed(metadata, root, "its own", code)
    return root


def verify_next_root(current: TrustedRoot, data: bytes) -> TrustedRoot:
    """The root that follows ``current``: signed by the threshold of both (TUF specification 5.3).

    Raises:
        VerificationError: ``trust.root_rotation``.
    """
    code = "trust.root_rotation"
    path = _path(current.version + 1)
    metadata = read_root(data, code, path)
    if metadata.signed.version != current.version + 1:
        raise _refused(
            code, f"version {metadata.signed.version} cannot follow version {current.version}", path
        )
    root = _trusted(metadata, data, current.trust_root, code)
    _require_signed(metadata, current, f"version {current.version}'s", code)
    _require_signed(metadata, root, "its own", code)
    return root


def check_not_expired(root: TrustedRoot, at: datetime) -> None:
    """Refuse a final root that has expired; intermediate ones may have (TUF specification 5.3.10).

    Raises:
        VerificationError: ``trust.root_expired``.
    """
    if at >= root.expires:
        raise VerificationError.of(
            "trust.root_expired",
            f"root version {root.version} expired at {format_timestamp(root.expires)}",
            path=_path(root.version),
            remedy="publish the next root version: gaitops trust rotate",
        )


def root_chain(roots: Sequence[bytes], pinned_sha256: str, at: datetime | None = None) -> TrustedRoot:
    """Follow root files 1 … N from the pinned digest; the last one must not be expired at ``at`` (if given).

    Raises:
        VerificationError: ``trust.root_mismatch``, ``trust.root_rotation``, ``trust.root_invalid``,
            ``trust.root_expired``.
    """
    if not roots:
        raise VerificationError.of("trust.root_mismatch", "there is no root metadata", path=_path(1))
    root = verify_first_root(roots[0], pinned_sha256)
    for data in roots[1:]:
        root = verify_next_root(root, data)
    if at is not None:
        check_not_expired(root, at)
    return root


def read_root(data: bytes, code: str, path: str) -> Metadata[Root]:
    """Read root metadata; nothing is verified.

    Raises:
        VerificationError: ``code``.
    """
    return cast("Metadata[Root]", read_metadata(data, "root", code=code, path=path, max_bytes=MAX_ROOT_BYTES))


def read_metadata(data: bytes, kind: str, *, code: str, path: str, max_bytes: int) -> Metadata[Any]:
    """Read TUF metadata of one ``kind``, as strictly as every other file that others wrote. Nothing is verified.

    Raises:
        VerificationError: ``code``.
    """
    # tuf costs a third of a second: see the module's docstring.
    from tuf.api.exceptions import RepositoryError  # noqa: PLC0415
    from tuf.api.metadata import Metadata  # noqa: PLC0415

    try:
        value = strict_json.loads(data, path, max_bytes=max_bytes)
        # TUF's metadata classes consume and check the value; a wrong shape raises whatever Python raises.
        metadata: Metadata[Any] = Metadata.from_dict(cast("dict[str, Any]", value))
        # Canonical JSON has no form for some values (floats); better refused here than found out while verifying.
        _ = metadata.signed_bytes
    except GaitopsError as error:
        raise _refused(code, error.problems[0].message, path) from error
    except (ValueError, KeyError, TypeError, AttributeError, RepositoryError) as error:
        raise _refused(code, f"not TUF metadata: {error}", path) from error
    if metadata.signed.type != kind:
        raise _refused(code, f"expected {kind} metadata, found {metadata.signed.type}", path)
    if type(metadata.signed.version) is not int:
        raise _refused(code, "the version must be an integer", path)
    return metadata


def signers_of(metadata: Metadata[Root], keys: Collection[RootKey]) -> frozenset[str]:
    """The people among ``keys`` whose signature over the root verifies."""
    payload = metadata.signed_bytes
    signed = set()
    for item in keys:
        signature = metadata.signatures.get(item.keyid)
        if signature is None:
            continue
        if signature_holds(item.key, signature.signature, payload):
            signed.add(item.principal)
    return frozenset(signed)


def signature_holds(key: Key, signature: object, payload: bytes) -> bool:
    """Whether a TUF signature (hex, as others wrote it) is by ``key`` over ``payload``. Never raises."""
    try:
        raw = bytes.fromhex(signature) if isinstance(signature, str) else b""
    except ValueError:
        # Not a signature; it proves nothing, as a wrong one does.
        return False
    return verify(key, raw, payload)


def root_people(metadata: Metadata[Root], code: str, path: str) -> tuple[tuple[RootKey, ...], bool]:
    """The keys of the root role by principal, and whether it is one person alone, after checking every rule.

    Raises:
        VerificationError: ``code``.
    """
    root = metadata.signed
    if root.consistent_snapshot is not True:
        raise _refused(code, "consistent_snapshot must be true", path)
    _check_keys(root, code, path)
    for name in sorted(root.roles):
        _check_role(root, name, code, path)
    keys = tuple(sorted((_holder(root.keys[i], code, path) for i in root.roles["root"].keyids), key=_order))
    people = {item.principal for item in keys}
    if len(people) != len(keys):
        raise _refused(code, "one principal holds two root keys", path)
    threshold = root.roles["root"].threshold
    solo = len(keys) == 1
    if not solo and threshold < 2:
        raise _refused(code, f"{len(keys)} people need a threshold of at least 2, found {threshold}", path)
    root_ids = set(root.roles["root"].keyids)
    for name, role in sorted(root.roles.items()):
        if name != "root" and root_ids & set(role.keyids):
            raise _refused(code, f"a key of the root role is also a key of {name}", path)
    return keys, solo


def root_publishing(metadata: Metadata[Root], code: str, path: str) -> KeylessPublishing | None:
    """Who may sign statements without a key, by :data:`PUBLISHING_FIELD`.

    Raises:
        VerificationError: ``code`` when the field is there and malformed: half of a restriction restricts nothing.
    """
    fields = metadata.signed.unrecognized_fields
    if PUBLISHING_FIELD not in fields:
        return None
    value = fields[PUBLISHING_FIELD]
    if value is None:
        raise _refused(
            code, f"{PUBLISHING_FIELD} is null; a root that names no workload has no such field", path
        )
    try:
        return _publishing(value)
    except InvalidInputError as error:
        raise _refused(code, f"{PUBLISHING_FIELD}: {error.problems[0].message}", path) from error


def _publishing(value: object) -> KeylessPublishing | None:
    if value is None:
        return None
    # Loads the models of identities, which a fleet without keyless publishing never needs here.
    from gaitops.fleet.publishing import KeylessPublishing  # noqa: PLC0415

    return KeylessPublishing.from_json(value)


def _trusted(metadata: Metadata[Root], data: bytes, trust_root: str, code: str) -> TrustedRoot:
    root = metadata.signed
    keys, solo = root_people(metadata, code, _path(root.version))
    targets = root.roles["targets"]
    return TrustedRoot(
        version=root.version,
        sha256=hashlib.sha256(data).hexdigest(),
        trust_root=trust_root,
        keys=keys,
        threshold=root.roles["root"].threshold,
        publishers=tuple(root.keys[keyid] for keyid in sorted(targets.keyids)),
        targets_threshold=targets.threshold,
        expires=root.expires,
        solo=solo,
        publishing=root_publishing(metadata, code, _path(root.version)),
    )


def _check_keys(root: Root, code: str, path: str) -> None:
    """Standard types, ids that are the keys' own, no key twice: neither under two ids nor under two types."""
    seen: dict[str, str] = {}
    for keyid, key in sorted(root.keys.items()):
        if (key.keytype, key.scheme) not in STANDARD_KEYS:
            raise _refused(code, f"key {keyid} is of type {key.keytype}/{key.scheme}, no standard type", path)
        try:
            loaded = load(key)
        except InvalidInputError as error:
            raise _refused(code, f"key {keyid} cannot be used: {error}", path) from error
        if loaded.keyid != keyid:
            raise _refused(code, f"key id {keyid} is not the key's own, which is {loaded.keyid}", path)
        other = seen.setdefault(loaded.fingerprint, keyid)
        if other != keyid:
            raise _refused(code, f"{keyid} and {other} are the same key", path)


def _check_role(root: Root, name: str, code: str, path: str) -> None:
    role = root.roles[name]
    if type(role.threshold) is not int or not 1 <= role.threshold <= len(role.keyids):
        raise _refused(
            code, f"role {name} has {len(role.keyids)} keys and a threshold of {role.threshold}", path
        )
    unknown = [keyid for keyid in role.keyids if keyid not in root.keys]
    if unknown:
        raise _refused(code, f"role {name} names unknown keys: {', '.join(map(str, unknown))}", path)


def _holder(key: Key, code: str, path: str) -> RootKey:
    principal = key.unrecognized_fields.get(PRINCIPAL_FIELD)
    if not isinstance(principal, str) or _NAME.match(principal) is None:
        raise _refused(code, f"root key {key.keyid} names no principal in {PRINCIPAL_FIELD}", path)
    return _root_key(principal, key)


def _root_key(principal: str, key: Key) -> RootKey:
    loaded = load(key)
    return RootKey(principal, key, loaded.fingerprint, loaded.keyid)


def _stored_key(value: Mapping[str, Any]) -> Key:
    members = dict(value)
    named = Key.from_dict("", members)
    named.keyid = load(named).keyid
    return named


def _order(item: RootKey) -> str:
    return item.principal


def _require_signed(metadata: Metadata[Root], judge: TrustedRoot, whose: str, code: str) -> None:
    signed = signers_of(metadata, judge.keys)
    if len(signed) < judge.threshold:
        raise _refused(
            code,
            f"signed by {len(signed)} of {whose} root people, {judge.threshold} must sign",
            _path(metadata.signed.version),
        )


def _refused(code: str, message: str, path: str) -> VerificationError:
    return VerificationError.of(code, message, path=path)


def _path(version: int) -> str:
    return f"trust/root/{version}.root.json"
