# SPDX-License-Identifier: Apache-2.0
"""A transparency log's entry as gitsign keeps it in a commit: a protocol buffer without the body that it is about.

Source: sigstore/protobuf-specs, sigstore_rekor.proto (TransparencyLogEntry); protobuf.dev, "Encoding". Read strictly:
known fields only, in ascending order, each once, numbers in the fewest octets, so that one entry has one encoding.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Final

Field = int | bytes
"""A number, or octets: text, a message, or what they are."""

_VARINT: Final = 0
_OCTETS: Final = 2

_ENTRY: Final = {
    1: ("logIndex", int),
    2: ("logId", {1: ("keyId", bytes)}),
    3: ("kindVersion", {1: ("kind", str), 2: ("version", str)}),
    4: ("integratedTime", int),
    5: ("inclusionPromise", {1: ("signedEntryTimestamp", bytes)}),
    6: (
        "inclusionProof",
        {
            1: ("logIndex", int),
            2: ("rootHash", bytes),
            3: ("treeSize", int),
            4: ("hashes", [bytes]),
            5: ("checkpoint", {1: ("envelope", str)}),
        },
    ),
    7: ("canonicalizedBody", bytes),
}
"""Numbers, names in JSON and types of the fields; a list stands for a repeated field."""


class ProtocolBufferError(ValueError):
    """The octets are not such a message."""


def entry_json(data: bytes) -> dict[str, object]:
    """The entry as bundles spell it in JSON: numbers and lists that are not there are zero and empty, other members are left out.

    Raises:
        ProtocolBufferError: malformed.
    """
    return _message(data, _ENTRY)


def _message(data: bytes, fields: object) -> dict[str, object]:
    if not isinstance(fields, dict):
        raise ProtocolBufferError("a field is not what it should be")
    found: dict[str, object] = {name: "0" for name, kind in fields.values() if kind is int}
    found |= {name: [] for name, kind in fields.values() if isinstance(kind, list)}
    last = 0
    for number, value in _fields(data):
        if number not in fields:
            raise ProtocolBufferError(f"field {number} is unknown")
        name, kind = fields[number]
        if number < last or (number == last and not isinstance(kind, list)):
            raise ProtocolBufferError(f"field {number} is not in its place")
        last = number
        if isinstance(kind, list):
            items = found[name]
            if isinstance(items, list):
                items.append(_value(value, kind[0]))
        else:
            found[name] = _value(value, kind)
    return found


def _value(value: Field, kind: object) -> object:
    """A value as JSON holds it (protobuf.dev, "ProtoJSON Format")."""
    if isinstance(value, int):
        if kind is int:
            return str(value)
    elif kind is bytes:
        return base64.b64encode(value).decode("ascii")
    elif kind is str:
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise ProtocolBufferError("a text is not UTF-8") from error
    elif kind is not int:
        return _message(value, kind)
    raise ProtocolBufferError("a field is not what it should be")


def _fields(data: bytes) -> Iterator[tuple[int, Field]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 0x07
        value, at = _varint(data, at)
        if kind == _VARINT:
            yield number, value
        elif kind == _OCTETS and at + value <= len(data):
            yield number, data[at : at + value]
            at += value
        else:
            raise ProtocolBufferError("a field is cut off, or of another type")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(9):  # 63 bits: no field is negative.
        if at + place >= len(data):
            break
        octet = data[at + place]
        value |= (octet & 0x7F) << (7 * place)
        if octet < 0x80:
            if octet == 0 and place > 0:
                break
            return value, at + place + 1
    raise ProtocolBufferError("a number is cut off, or too long")
