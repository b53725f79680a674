# SPDX-License-Identifier: Apache-2.0
"""A Sigstore trusted root: certificate authorities, logs and timestamp authorities, each with the time it is trusted for.

Source: sigstore/protobuf-specs, sigstore_trustroot.proto. Read strictly, because the file decides who can prove
anything: unknown members, logs without a beginning, two logs of one id, and bytes that are no key or certificate are
refused.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from types import ModuleType
from typing import Final, NoReturn, TypeVar

from gaitops.documents import strict_json
from gaitops.errors import InvalidInputError

MEDIA_TYPE: Final = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
MAX_BYTES: Final = 512 * 1024
"""Largest file that is read; the public instance's has 7 KB."""
MAX_ENTRIES: Final = 64
"""Most logs or authorities of one kind: a verification may try each of them."""
_MAX_CHAIN: Final = 8

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z")
"""RFC 3339 in UTC, as Protocol Buffers write a Timestamp."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time, both ends included (TimeRange in sigstore_common.proto)."""

    start: datetime
    end: datetime | None

    def covers(self, at: datetime) -> bool:
        """Whether ``at`` lies in it."""
        return self.start <= at and (self.end is None or at <= self.end)


@dataclass(frozen=True, slots=True)
class Log:
    """A transparency log, of signatures or of certificates."""

    log_id: bytes
    window: Window
    json: dict[str, object]
    """As in the file."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority, of signers or of timestamps."""

    certificates: tuple[bytes, ...]
    """In DER, the root last."""
    window: Window
    json: dict[str, object]
    """As in the file."""


@dataclass(frozen=True, slots=True)
class Roots:
    """A trusted root that is well formed."""

    logs: tuple[Log, ...]
    certificate_logs: tuple[Log, ...]
    authorities: tuple[Authority, ...]
    timestamp_authorities: tuple[Authority, ...]


_T = TypeVar("_T", Log, Authority)


@lru_cache(maxsize=16)
def read_trusted_root(data: bytes, path: str = "trusted root") -> Roots:
    """Read a ``trusted_root.json``.

    Raises:
        InvalidInputError: ``sigstore.trust_root``, or a ``document.*`` code of the strict JSON reader.
    """
    reader = _Reader(path)
    kinds = ("tlogs", "ctlogs", "certificateAuthorities", "timestampAuthorities")
    top = reader.members(strict_json.loads(data, path, max_bytes=MAX_BYTES), "", ("mediaType", *kinds))
    if top.get("mediaType") != MEDIA_TYPE:
        reader.refuse("mediaType", f"expected {MEDIA_TYPE}, found {top.get('mediaType')!r:.120}")
    logs = reader.each(top, "tlogs", _log, least=1)
    certificate_logs = reader.each(top, "ctlogs", _log, least=1)
    for kind, listed in (("tlogs", logs), ("ctlogs", certificate_logs)):
        if len({item.log_id for item in listed}) != len(listed):
            reader.refuse(kind, "two logs have one id")
    return Roots(
        logs=logs,
        certificate_logs=certificate_logs,
        authorities=reader.each(top, "certificateAuthorities", _authority, least=1),
        timestamp_authorities=reader.each(top, "timestampAuthorities", _authority, least=0),
    )


def _log(reader: _Reader, value: object, where: str) -> Log:
    members = reader.members(
        value, where, ("baseUrl", "hashAlgorithm", "publicKey", "logId", "checkpointKeyId", "operator")
    )
    reader.text(members.get("baseUrl"), f"{where}.baseUrl")
    reader.text(members.get("hashAlgorithm"), f"{where}.hashAlgorithm")
    key = reader.members(
        members.get("publicKey"), f"{where}.publicKey", ("rawBytes", "keyDetails", "validFor")
    )
    raw = reader.octets(key.get("rawBytes"), f"{where}.publicKey.rawBytes")
    if not _x509().is_public_key(raw):
        reader.refuse(f"{where}.publicKey.rawBytes", "expected a public key in DER")
    reader.text(key.get("keyDetails"), f"{where}.publicKey.keyDetails")
    log_id = reader.members(members.get("logId"), f"{where}.logId", ("keyId",))
    return Log(
        reader.octets(log_id.get("keyId"), f"{where}.logId.keyId"),
        reader.window(key.get("validFor"), f"{where}.publicKey.validFor"),
        members,
    )


def _authority(reader: _Reader, value: object, where: str) -> Authority:
    members = reader.members(value, where, ("subject", "uri", "certChain", "validFor", "operator"))
    chain = reader.members(members.get("certChain"), f"{where}.certChain", ("certificates",))
    listed = chain.get("certificates")
    name = f"{where}.certChain.certificates"
    if not isinstance(listed, list) or not 1 <= len(listed) <= _MAX_CHAIN:
        reader.refuse(name, f"expected 1 to {_MAX_CHAIN} certificates")
    certificates = []
    for position, item in enumerate(listed):
        entry = reader.members(item, f"{name}[{position}]", ("rawBytes",))
        raw = reader.octets(entry.get("rawBytes"), f"{name}[{position}].rawBytes")
        if not _x509().is_certificate(raw):
            reader.refuse(f"{name}[{position}].rawBytes", "expected an X.509 certificate in DER")
        certificates.append(raw)
    return Authority(
        tuple(certificates), reader.window(members.get("validFor"), f"{where}.validFor"), members
    )


def _x509() -> ModuleType:
    # Loads X.509, which a fleet without keyless identities never needs (design 14).
    from gaitops.signing.sigstore import certificate  # noqa: PLC0415

    return certificate


@dataclass(frozen=True, slots=True)
class _Reader:
    """Takes the file apart, and says where in it something is not as expected."""

    path: str

    def members(self, value: object, where: str, known: Iterable[str]) -> dict[str, object]:
        """An object with no other members than those, without those that are ``null``."""
        if not isinstance(value, dict):
            self.refuse(where, "expected an object")
        unknown = sorted(value.keys() - set(known))
        if unknown:
            self.refuse(where, f"unknown member {unknown[0]!r:.80}")
        # Protocol Buffers may write an absent member so; the public instance's file once did.
        return {name: member for name, member in value.items() if member is not None}

    def each(
        self, top: dict[str, object], kind: str, read: Callable[[_Reader, object, str], _T], *, least: int
    ) -> tuple[_T, ...]:
        """Everything of one kind."""
        listed = top.get(kind, [])
        if not isinstance(listed, list) or not least <= len(listed) <= MAX_ENTRIES:
            self.refuse(kind, f"expected {least} to {MAX_ENTRIES} entries")
        return tuple(read(self, item, f"{kind}[{position}]") for position, item in enumerate(listed))

    def text(self, value: object, where: str) -> str:
        """A string that is not empty."""
        if not isinstance(value, str) or not value:
            self.refuse(where, "expected a string")
        return value

    def octets(self, value: object, where: str) -> bytes:
        """At least one byte, in standard padded base64."""
        text = self.text(value, where)
        try:
            decoded = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            decoded = b""
        if not decoded or base64.b64encode(decoded).decode("ascii") != text:
            self.refuse(where, "expected standard padded base64")
        return decoded

    def window(self, value: object, where: str) -> Window:
        """A validity that has a beginning."""
        members = self.members(value, where, ("start", "end"))
        end = self.time(members["end"], f"{where}.end") if "end" in members else None
        return Window(self.time(members.get("start"), f"{where}.start"), end)

    def time(self, value: object, where: str) -> datetime:
        """An RFC 3339 time in UTC."""
        if not isinstance(value, str) or not _TIME.fullmatch(value):
            self.refuse(where, "expected a time such as 2025-01-31T12:00:00Z")
        try:
            # Nanoseconds are cut to microseconds: a window is that of a service, not of an instant.
            return datetime.fromisoformat(value).astimezone(UTC)
        except ValueError as error:
            raise self._refusal(where, f"not a time: {error}") from error

    def refuse(self, where: str, message: str) -> NoReturn:
        """Say what is wrong with the file."""
        raise self._refusal(where, message)

    def _refusal(self, where: str, message: str) -> InvalidInputError:
        return InvalidInputError.of(
            "sigstore.trust_root",
            message,
            path=self.path,
            field=where or None,
            remedy="commit the trusted_root.json of your Sigstore instance unchanged",
        )
