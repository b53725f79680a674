# SPDX-License-Identifier: Apache-2.0
"""Zip archives with exactly one reading, from memory, in bounded space (contract 14, 15, 16.11).

An archive says everything twice: in the directory at its end and in a header before each member. Readers differ in which
they believe, and in what they do about bytes that neither mentions. Here both must agree, the members must lie one behind
another from the first byte to the directory, and names must be plain relative paths that are unique in any spelling.

Whether the content of a member is damaged is found when it is read: :class:`~gaitops.gait.artifacts.refusals.DamagedError`.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NoReturn

from gaitops.gait.artifacts.hygiene import fold
from gaitops.gait.artifacts.limits import MAX_ENTRIES, MAX_INFLATED_BYTES, MAX_MEMBER_BYTES
from gaitops.gait.artifacts.model import Buffer
from gaitops.gait.artifacts.refusals import DamagedError, RejectedError
from gaitops.gait.go_text import trim
from gaitops.gait.quoting import quote

_END: Final = struct.Struct("<4s4H2LH")
_DIRECTORY: Final = struct.Struct("<4s4B4H3L5H2L")
_LOCAL: Final = struct.Struct("<4s2B4H3L2H")
_END_MAGIC: Final = b"PK\x05\x06"
_DIRECTORY_MAGIC: Final = b"PK\x01\x02"
_LOCAL_MAGIC: Final = b"PK\x03\x04"
_DESCRIPTOR_MAGIC: Final = b"PK\x07\x08"
_LONGEST_COMMENT: Final = 65_535

_STORED, _DEFLATED = 0, 8
_DEFLATE_OPTIONS: Final = 0x6
_DESCRIPTOR: Final = 0x8
_UTF8: Final = 0x800
_ENCRYPTED: Final = 0x1 | 0x40 | 0x2000
_ZIP64_EXTRA, _UNICODE_PATH_EXTRA = 0x0001, 0x7075
_FILE_TYPES: Final = frozenset({0, 0x8000, 0x4000})
"""Unix types that a member may have: none given, regular file, directory."""
_PIECE: Final = 65_536


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of an archive."""

    name: str
    size: int
    """Bytes when inflated, as both headers declare."""
    packed: int
    """Bytes in the archive."""
    crc: int
    method: int
    start: int
    """Where the packed bytes begin."""


class Archive:
    """A zip archive whose structure is checked; members are inflated only when asked for.

    Raises:
        RejectedError: with a code ``zip.…`` when the structure has more than one reading or is not safe to unpack.
    """

    def __init__(self, data: Buffer) -> None:
        self._data: Final = memoryview(data)
        self.members: Final[dict[str, Member]] = {}
        """Every entry by its name, in the order of the directory."""
        start, end, count = _find_end(self._data)
        spans = []
        position = start
        for _ in range(count):
            position, member, span = self._entry(position, end)
            self.members[member.name] = member
            spans.append(span)
        if position != end:
            _refuse("zip.directory", "the directory has another length than it says", gait=False)
        _check_spans(spans, start)
        self._check_names()
        if sum(member.size for member in self.members.values()) > MAX_INFLATED_BYTES:
            _refuse("zip.too_large", f"the members have more than {MAX_INFLATED_BYTES} bytes together")

    def read(self, name: str, limit: int) -> bytes:
        """The content of a member, inflated.

        Raises:
            RejectedError: ``zip.member_too_large`` beyond ``limit``, ``zip.bomb`` when it inflates to more than it declares.
            DamagedError: ``zip.damaged``.
            KeyError: there is no such member.
        """
        member = self.members[name]
        if member.size > limit:
            _too_large(member, limit)
        packed = self._data[member.start : member.start + member.packed]
        if member.method == _STORED:
            content = bytes(packed)
        else:
            inflater = zlib.decompressobj(-zlib.MAX_WBITS)
            try:
                # One byte more than declared shows a bomb without inflating it.
                content = inflater.decompress(packed, member.size + 1)
            except zlib.error as error:
                raise _damaged(member, f"cannot be inflated: {error}") from error
            if len(content) <= member.size and (not inflater.eof or inflater.unused_data):
                raise _damaged(member, "ends early or late")
        _check_size(member, len(content))
        _check_content(member, len(content), zlib.crc32(content))
        return content

    def digest(self, name: str) -> str:
        """Lower-case hex SHA-256 of the content of a member, piece by piece.

        Raises:
            RejectedError: as :meth:`read` with Gait's limit of 100 MiB.
            DamagedError: ``zip.damaged``.
            KeyError: there is no such member.
        """
        member = self.members[name]
        if member.size > MAX_MEMBER_BYTES:
            _too_large(member, MAX_MEMBER_BYTES)
        if member.size <= _PIECE:
            return hashlib.sha256(self.read(name, _PIECE)).hexdigest()
        digest = hashlib.sha256()
        for piece in self._pieces(member):
            digest.update(piece)
        return digest.hexdigest()

    def _pieces(self, member: Member) -> Iterator[bytes | memoryview]:
        """The inflated content; raises at its end if the checksum is wrong."""
        packed = self._data[member.start : member.start + member.packed]
        crc = size = 0
        for piece in _stored(packed) if member.method == _STORED else _inflated(packed, member):
            size += len(piece)
            _check_size(member, size)
            crc = zlib.crc32(piece, crc)
            yield piece
        _check_content(member, size, crc)

    def _entry(self, position: int, end: int) -> tuple[int, Member, tuple[int, int]]:
        """Next position, member, and the span of its local header and data, from one entry of the directory."""
        if position + _DIRECTORY.size > end:
            _refuse("zip.directory", "the directory is cut short")
        fields = _DIRECTORY.unpack_from(self._data, position)
        magic, _, made_by, _, _, flags, method, *_ = fields
        crc, packed, size, name_length, extra_length, comment_length, disk, _, attributes, offset = fields[9:]
        after = position + _DIRECTORY.size + name_length + extra_length + comment_length
        if magic != _DIRECTORY_MAGIC or after > end or disk != 0:
            _refuse("zip.directory", "the directory is damaged")
        raw = bytes(self._data[position + _DIRECTORY.size :][:name_length])
        name = _plain_name(raw, flags)
        _check_kind(name, flags, method, attributes, made_by)
        _check_extra(name, self._data[position + _DIRECTORY.size + name_length :][:extra_length])
        if 0xFFFFFFFF in {packed, size, offset}:
            _refuse("zip.zip64", f"{quote(name)} has sizes for archives beyond 4 GiB")
        if name in self.members:
            _refuse("zip.duplicate_name", f"{quote(name)} stands twice in the archive")
        header = (flags, method, crc, packed, size)
        start, stop = self._local(name, raw, offset, header)
        return after, Member(name, size, packed, crc, method, start), (offset, stop)

    def _local(self, name: str, raw: bytes, offset: int, header: tuple[int, ...]) -> tuple[int, int]:
        """Start of the data and end of the member, if its local header agrees with the directory."""
        flags, method, crc, packed, size = header
        if offset + _LOCAL.size > len(self._data):
            _refuse("zip.headers_disagree", f"there is no header where {quote(name)} should begin")
        magic, _, _, local_flags, local_method, _, _, *rest = _LOCAL.unpack_from(self._data, offset)
        local_crc, local_packed, local_size, name_length, extra_length = rest
        start = offset + _LOCAL.size + name_length + extra_length
        stop = start + packed
        if magic != _LOCAL_MAGIC or stop > len(self._data):
            _refuse("zip.headers_disagree", f"there is no header where {quote(name)} should begin")
        _check_extra(name, self._data[start - extra_length : start])
        # With a descriptor behind the data, the header may leave its three numbers empty.
        numbers = {(crc, packed, size)} | ({(0, 0, 0)} if flags & _DESCRIPTOR else set())
        if (
            bytes(self._data[offset + _LOCAL.size :][:name_length]) != raw
            or (local_flags, local_method) != (flags, method)
            or (local_crc, local_packed, local_size) not in numbers
        ):
            _refuse("zip.headers_disagree", f"directory and header disagree about {quote(name)}", gait=False)
        return start, stop + self._descriptor(
            name, stop, (crc, packed, size)
        ) if flags & _DESCRIPTOR else stop

    def _descriptor(self, name: str, position: int, numbers: tuple[int, int, int]) -> int:
        """Length of the descriptor behind a member's data; its own mark is optional."""
        expected = struct.pack("<3L", *numbers)
        for found in (_DESCRIPTOR_MAGIC + expected, expected):
            if self._data[position : position + len(found)] == found:
                return len(found)
        message = f"the descriptor of {quote(name)} disagrees with the directory"
        raise RejectedError("zip.headers_disagree", message, gait=False)

    def _check_names(self) -> None:
        seen: dict[str, str] = {}
        for name in self.members:
            other = seen.setdefault(fold(trim(name).rstrip("/")), name)
            if other != name:
                _refuse(
                    "zip.duplicate_name",
                    f"{quote(other)} and {quote(name)} are one name to some readers",
                    gait=trim(other) == trim(name),
                )


def is_archive(data: Buffer) -> bool:
    """Whether ``data`` begins like a zip archive, if only an empty one; nothing else is checked."""
    return bytes(data[:4]) in {_LOCAL_MAGIC, _END_MAGIC}


def _find_end(data: memoryview) -> tuple[int, int, int]:
    """Start and end of the directory, and the number of its entries."""
    end, record = _end_record(data)
    _, disk, first_disk, entries, total, size, offset, _ = record
    if 0xFFFF in {disk, first_disk, entries, total} or 0xFFFFFFFF in {size, offset}:
        _refuse("zip.zip64", "the archive says that it is beyond 4 GiB", gait=False)
    if disk or first_disk or entries != total:
        _refuse("zip.directory", "the archive has several parts")
    if total == 0:
        _refuse("zip.empty", "the archive has no members")
    if total > MAX_ENTRIES:
        _refuse("zip.too_large", f"{total} members; at most {MAX_ENTRIES} are read", gait=False)
    if offset + size != end:
        message = "there are bytes before the archive, or before the end of its directory"
        _refuse("zip.unclaimed_bytes", message, gait=False)
    return offset, end, total


def _end_record(data: memoryview) -> tuple[int, tuple[int, ...]]:
    """Where the record at the end begins, and its fields; the comment behind it reaches to the last byte."""
    tail = bytes(data[max(0, len(data) - _END.size - _LONGEST_COMMENT) :])
    base = len(data) - len(tail)
    found = []
    position = tail.rfind(_END_MAGIC)
    while position >= 0:
        if position + _END.size <= len(tail):
            record = _END.unpack_from(tail, position)
            if position + _END.size + record[7] == len(tail):
                found.append((base + position, record))
        position = tail.rfind(_END_MAGIC, 0, position)
    if len(found) > 1:
        _refuse("zip.directory", "the archive ends twice", gait=False)
    if not found and _END_MAGIC in tail:
        _refuse("zip.trailing_bytes", "there are bytes behind the end of the archive", gait=False)
    if not found:
        _refuse("zip.directory", "the end of the archive is missing")
    return found[0]


def _check_spans(spans: list[tuple[int, int]], directory: int) -> None:
    """The members fill the archive up to its directory: no gap to hide in, no overlap to bomb with."""
    position = 0
    for start, stop in sorted(spans):
        if start != position:
            what = "overlap" if start < position else "have unclaimed bytes before them"
            _refuse("zip.unclaimed_bytes", f"members {what} at byte {start}", gait=False)
        position = stop
    if position != directory:
        _refuse("zip.unclaimed_bytes", "the directory does not begin behind the last member", gait=False)


def _plain_name(raw: bytes, flags: int) -> str:
    """The name of a member, if it is a plain relative path."""
    try:
        # Without the flag the encoding is anybody's guess beyond ASCII.
        name = raw.decode("utf-8" if flags & _UTF8 else "ascii")
    except UnicodeDecodeError:
        _refuse("zip.unsafe_name", f"{quote(repr(raw)[2:-1])} has no certain encoding", gait=False)
    parts = name.removesuffix("/").split("/")
    if "\\" in name or name.startswith("/") or ".." in parts or (len(parts[0]) > 1 and parts[0][1] == ":"):
        _refuse("zip.unsafe_name", f"{quote(name)} leaves the archive on some systems", gait=False)
    if "" in parts or "." in parts or any(char < " " or char == "\x7f" for char in name):
        _refuse("zip.unsafe_name", f"{quote(name)} is not a plain path", gait=False)
    return name


def _check_kind(name: str, flags: int, method: int, attributes: int, made_by: int) -> None:
    """Only files and folders, stored or deflated, in clear text."""
    if flags & _ENCRYPTED:
        _refuse("zip.encrypted", f"{quote(name)} is marked as encrypted", gait=False)
    if flags & ~(_DESCRIPTOR | _UTF8 | _DEFLATE_OPTIONS):
        _refuse("zip.method", f"{quote(name)} uses flags that Gait does not write", gait=False)
    if method not in {_STORED, _DEFLATED}:
        _refuse(
            "zip.method", f"{quote(name)} is packed with method {method}; only stored and deflated are read"
        )
    # The upper half means a Unix mode only for archives made on Unix, but nobody should have to know.
    kind = (attributes >> 16) & 0xF000
    if kind not in _FILE_TYPES:
        _refuse(
            "zip.link", f"{quote(name)} is a symbolic link or a special file (made by {made_by})", gait=False
        )


def _check_extra(name: str, extra: memoryview) -> None:
    """No extra field gives a member another name or other sizes."""
    position = 0
    while position < len(extra):
        if position + 4 > len(extra):
            _refuse("zip.extra_field", f"the extra fields of {quote(name)} are damaged", gait=False)
        tag, length = struct.unpack_from("<2H", extra, position)
        position += 4 + length
        if position > len(extra):
            _refuse("zip.extra_field", f"the extra fields of {quote(name)} are damaged", gait=False)
        if tag == _ZIP64_EXTRA:
            _refuse("zip.zip64", f"{quote(name)} has sizes for archives beyond 4 GiB", gait=False)
        if tag == _UNICODE_PATH_EXTRA:
            _refuse("zip.extra_field", f"{quote(name)} has a second name", gait=False)


def _stored(packed: memoryview) -> Iterator[memoryview]:
    for start in range(0, len(packed), _PIECE):
        yield packed[start : start + _PIECE]


def _inflated(packed: memoryview, member: Member) -> Iterator[bytes]:
    """Pieces of a raw deflate stream that must end exactly where the packed bytes end."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    for start in range(0, len(packed), _PIECE):
        rest: Buffer = packed[start : start + _PIECE]
        while len(rest) and not inflater.eof:
            try:
                piece = inflater.decompress(rest, _PIECE)
            except zlib.error as error:
                raise _damaged(member, f"cannot be inflated: {error}") from error
            rest = inflater.unconsumed_tail
            if piece:
                yield piece
        if inflater.eof and (inflater.unused_data or start + _PIECE < len(packed)):
            raise _damaged(member, "ends early")
    # What the last piece left inside the inflater.
    while not inflater.eof and (piece := inflater.decompress(b"", _PIECE)):
        yield piece
    if not inflater.eof:
        raise _damaged(member, "ends late")


def _check_size(member: Member, size: int) -> None:
    if size > member.size:
        message = f"{quote(member.name)} has more than the {member.size} bytes that it declares"
        raise RejectedError("zip.bomb", message)


def _check_content(member: Member, size: int, crc: int) -> None:
    if size != member.size or crc != member.crc:
        raise _damaged(member, "is not what its checksum says")


def _damaged(member: Member, what: str) -> DamagedError:
    return DamagedError("zip.damaged", f"{quote(member.name)} {what}")


def _too_large(member: Member, limit: int) -> NoReturn:
    _refuse(
        "zip.member_too_large",
        f"{quote(member.name)} has {member.size} bytes; at most {limit} are read",
        gait=member.size > MAX_MEMBER_BYTES,
    )


def _refuse(code: str, message: str, *, gait: bool = True) -> NoReturn:
    raise RejectedError(code, message, gait=gait)
