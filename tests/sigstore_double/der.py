# SPDX-License-Identifier: Apache-2.0
"""As much of ASN.1's distinguished encoding (X.690) as certificates' extensions and timestamps need."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

SEQUENCE, SET = 0x30, 0x31
BOOLEAN, INTEGER, OCTETS, NULL, OID, UTF8, GENERALIZED_TIME = 0x01, 0x02, 0x04, 0x05, 0x06, 0x0C, 0x18


def tlv(tag: int, *contents: bytes) -> bytes:
    """One value: tag, length, contents."""
    body = b"".join(contents)
    size = len(body)
    if size < 0x80:
        return bytes([tag, size]) + body
    octets = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(octets)]) + octets + body


def sequence(*items: bytes) -> bytes:
    """SEQUENCE of values that are encoded already."""
    return tlv(SEQUENCE, *items)


def set_of(*items: bytes) -> bytes:
    """SET OF, in the order that the distinguished rules ask for."""
    return tlv(SET, *sorted(items))


def integer(value: int) -> bytes:
    """INTEGER that is not negative."""
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1))


def octets(value: bytes) -> bytes:
    """OCTET STRING."""
    return tlv(OCTETS, value)


def utf8(text: str) -> bytes:
    """UTF8String."""
    return tlv(UTF8, text.encode())


def oid(dotted: str) -> bytes:
    """OBJECT IDENTIFIER."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    encoded = bytearray()
    for arc in (40 * first + second, *rest):
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.append(0x80 | arc & 0x7F)
        encoded += bytes(reversed(digits))
    return tlv(OID, bytes(encoded))


def generalized_time(at: datetime) -> bytes:
    """GeneralizedTime in whole seconds, of a time in UTC."""
    return tlv(GENERALIZED_TIME, at.strftime("%Y%m%d%H%M%SZ").encode("ascii"))


def explicit(number: int, *contents: bytes) -> bytes:
    """A constructed value under a context-specific tag."""
    return tlv(0xA0 | number, *contents)


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and contents of each of the values that lie one after the other in ``data``.

    Raises:
        ValueError: Something is cut off.
    """
    while data:
        if len(data) < 2:
            raise ValueError("a value is cut off")
        tag, size, start = data[0], data[1], 2
        if size & 0x80:
            start += size & 0x7F
            size = int.from_bytes(data[2:start])
        if len(data) < start + size:
            raise ValueError("a value is cut off")
        yield tag, data[start : start + size]
        data = data[start + size :]


def contents(data: bytes, tag: int) -> bytes:
    """What lies in the one value of ``data``.

    Raises:
        ValueError: There is another number of values, or one of another tag.
    """
    ((found, inner),) = elements(data)
    if found != tag:
        raise ValueError(f"expected tag {tag:#x}, found {found:#x}")
    return inner
