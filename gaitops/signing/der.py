# SPDX-License-Identifier: Apache-2.0
"""Values in ASN.1's distinguished encoding (X.690 8, 10), for structures of which nearly everything is known beforehand.

No library: those that read CMS take any encoding and skip what they do not know. Here each octet is either compared
with what it must be, or handed on as it is; certificates are read by the cryptography library.
"""

from __future__ import annotations

from typing import Final, NamedTuple, Self

INTEGER: Final = 0x02
OCTETS: Final = 0x04
OID: Final = 0x06
UTF8_STRING: Final = 0x0C
SEQUENCE: Final = 0x30
SET: Final = 0x31
CONTEXT: Final = 0xA0
"""Constructed value under the context-specific tag 0; others are next to it."""


class DerError(ValueError):
    """The octets are not the one encoding of what they should be."""


class Value(NamedTuple):
    """One value."""

    tag: int
    raw: bytes
    """Tag, length and contents."""
    start: int
    """Where the contents begin in :attr:`raw`."""

    @property
    def contents(self) -> bytes:
        """What is in it."""
        return self.raw[self.start :]

    def children(self) -> list[Value]:
        """The values that fill it.

        Raises:
            DerError: something else does.
        """
        return read_all(self.contents)

    def expect(self, tag: int) -> Self:
        """The value itself, if it has this tag.

        Raises:
            DerError: it has another.
        """
        if self.tag != tag:
            raise DerError(f"found a value with tag {self.tag:#04x} in place of {tag:#04x}")
        return self


def read_all(data: bytes) -> list[Value]:
    """The values that fill ``data``, each with its shortest length.

    Raises:
        DerError: cut off, of indefinite or needlessly long length, or with a tag of several octets.
    """
    found, at = [], 0
    while at < len(data):
        start, length = _length(data, at)
        if data[at] & 0x1F == 0x1F or start + length > len(data):
            raise DerError("a value is cut off")
        found.append(Value(data[at], data[at : start + length], start - at))
        at = start + length
    return found


def read_one(data: bytes, tag: int) -> Value:
    """The one value that fills ``data``.

    Raises:
        DerError: another number of values, another tag, or malformed.
    """
    found = read_all(data)
    if len(found) != 1:
        raise DerError(f"found {len(found)} values in place of one")
    return found[0].expect(tag)


def encode(tag: int, *contents: bytes) -> bytes:
    """A value of what is encoded already."""
    body = b"".join(contents)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    octets = len(body).to_bytes((len(body).bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(octets)]) + octets + body


def _length(data: bytes, at: int) -> tuple[int, int]:
    """Where the contents of the value at ``at`` begin, and how long they are."""
    if at + 2 > len(data):
        raise DerError("a value is cut off")
    first, start = data[at + 1], at + 2
    if first < 0x80:
        return start, first
    octets = data[start : start + (first & 0x7F)]
    length = int.from_bytes(octets)
    if len(octets) != first & 0x7F or length < 0x80 or octets[0] == 0:
        raise DerError("a length is not written as the distinguished encoding writes it")
    return start + len(octets), length
