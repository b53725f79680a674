# SPDX-License-Identifier: Apache-2.0
"""Zip archives: what is read, and every way in which one can have two readings."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaitops.gait.artifacts.archive import Archive
from gaitops.gait.artifacts.refusals import DamagedError, RejectedError
from tests.gait.artifacts.hostile import archive, assembled, deflated

CONTENT = b"content " * 20
PLAIN = archive({"a.json": CONTENT, "dir/b.json": b"other"})
LOCAL_EXTRA_LENGTH, CENTRAL_EXTRA_LENGTH = 28, 30


@given(
    st.dictionaries(
        st.text("abcdef0123456789_-", min_size=1, max_size=12),
        st.binary(max_size=300),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    st.booleans(),
)
@settings(deadline=None, derandomize=True, max_examples=60)
def test_archives_of_the_standard_library_are_read_as_it_reads_them(
    members: dict[str, bytes], method: int, streamed: bool
) -> None:
    """Stored, deflated, and with descriptors behind the data, as Go writes them."""
    data = streaming(members, method) if streamed else archive(members, method)
    read = Archive(data)
    assert {name: read.read(name, 1000) for name in read.members} == members
    assert {name: read.digest(name) for name in read.members} == {
        name: hashlib.sha256(content).hexdigest() for name, content in members.items()
    }


class _Pipe(io.RawIOBase):
    """A target that cannot seek, so that sizes follow the data."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, piece: object) -> int:
        self.data += bytes(piece)  # type: ignore[call-overload]  # buffers
        return len(bytes(piece))  # type: ignore[call-overload]


def streaming(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive whose headers leave sizes and checksum to a descriptor."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", method) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return bytes(pipe.data)


def changed(data: bytes, position: int, text: bytes) -> bytes:
    """``data`` with other bytes at ``position``."""
    return data[:position] + text + data[position + len(text) :]


def central(data: bytes) -> int:
    """Where the first entry of the directory begins."""
    return data.index(b"PK\x01\x02")


def end(data: bytes) -> int:
    """Where the record at the end begins."""
    return data.rindex(b"PK\x05\x06")


def shifted(data: bytes, before: bytes) -> bytes:
    """``before`` in front of the first member, with all offsets made right: no reader would notice."""
    moved = bytearray(before + data)
    position = central(bytes(moved))
    while moved[position : position + 4] == b"PK\x01\x02":
        lengths = struct.unpack_from("<3H", moved, position + 28)
        offset = struct.unpack_from("<L", moved, position + 42)[0]
        struct.pack_into("<L", moved, position + 42, offset + len(before))
        position += 46 + sum(lengths)
    struct.pack_into("<L", moved, position + 16, central(data) + len(before))
    return bytes(moved)


def with_extra(tag: int, *, local: bool) -> bytes:
    """An archive of one member with an extra field in one of its headers."""
    extra = struct.pack("<2H", tag, 4) + b"abcd"
    data = assembled([("a.json", deflated(CONTENT), len(CONTENT), zlib.crc32(CONTENT))])
    if local:
        grown = data[:36] + extra + data[36:]
        grown = changed(grown, LOCAL_EXTRA_LENGTH, struct.pack("<H", len(extra)))
        return changed(grown, end(grown) + 16, struct.pack("<L", central(grown)))
    at = central(data) + 46 + 6
    grown = data[:at] + extra + data[at:]
    grown = changed(grown, central(grown) + CENTRAL_EXTRA_LENGTH, struct.pack("<H", len(extra)))
    return changed(grown, end(grown) + 12, struct.pack("<L", end(grown) - central(grown)))


def test_an_extra_field_without_meaning_here_is_fine() -> None:
    """Times in extra fields, as Go writes them, give nobody another name or size."""
    for local in (True, False):
        assert Archive(with_extra(0x5455, local=local)).read("a.json", 1000) == CONTENT


def _wrong_descriptor() -> bytes:
    data = streaming({"a": CONTENT})
    return changed(data, data.index(b"PK\x07\x08") + 4, bytes(4))


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "no end": (lambda: PLAIN[: end(PLAIN)], "zip.directory"),
    "only an end": (lambda: PLAIN[end(PLAIN) :], "zip.unclaimed_bytes"),
    "two ends": (lambda: changed(PLAIN, end(PLAIN) + 20, struct.pack("<H", 22)) + b"PK\x05\x06" + bytes(18), "zip.directory"),
    "bytes behind": (lambda: PLAIN + b"x", "zip.trailing_bytes"),
    "bytes before": (lambda: b"x" + PLAIN, "zip.unclaimed_bytes"),
    "bytes before, offsets made right": (lambda: shifted(PLAIN, b"#!/bin/sh\n"), "zip.unclaimed_bytes"),
    "fewer entries than said": (lambda: changed(PLAIN, end(PLAIN) + 8, struct.pack("<2H", 3, 3)), "zip.directory"),
    "more entries than said": (lambda: changed(PLAIN, end(PLAIN) + 8, struct.pack("<2H", 1, 1)), "zip.directory"),
    "several disks": (lambda: changed(PLAIN, end(PLAIN) + 4, struct.pack("<H", 1)), "zip.directory"),
    "zip64 at the end": (lambda: changed(PLAIN, end(PLAIN) + 16, b"\xff" * 4), "zip.zip64"),
    "zip64 in an entry": (lambda: changed(PLAIN, central(PLAIN) + 24, b"\xff" * 4), "zip.zip64"),
    "zip64 extra field": (lambda: with_extra(0x0001, local=False), "zip.zip64"),
    "zip64 extra field in the header": (lambda: with_extra(0x0001, local=True), "zip.zip64"),
    "second name": (lambda: with_extra(0x7075, local=False), "zip.extra_field"),
    "second name in the header": (lambda: with_extra(0x7075, local=True), "zip.extra_field"),
    "other name in the header": (lambda: changed(PLAIN, 30, b"x"), "zip.headers_disagree"),
    "other method in the header": (lambda: changed(PLAIN, 8, b"\0"), "zip.headers_disagree"),
    "other size in the header": (lambda: changed(PLAIN, 22, b"\1"), "zip.headers_disagree"),
    "other checksum in the header": (lambda: changed(PLAIN, 14, b"\0\0\0\1"), "zip.headers_disagree"),
    "no header": (lambda: changed(PLAIN, central(PLAIN) + 42, b"\1"), "zip.headers_disagree"),
    "header behind the end": (lambda: changed(PLAIN, central(PLAIN) + 42, b"\xf0\xff\xff\x7f"), "zip.headers_disagree"),
    "packed bytes beyond the end": (lambda: changed(PLAIN, central(PLAIN) + 20, b"\xf0\xff\xff\x7f"), "zip.headers_disagree"),
    "wrong descriptor": (_wrong_descriptor, "zip.headers_disagree"),
    "encrypted": (lambda: changed(PLAIN, central(PLAIN) + 8, b"\1"), "zip.encrypted"),
    "patched data": (lambda: changed(PLAIN, central(PLAIN) + 8, b"\x20"), "zip.method"),
    "method of lzma": (lambda: archive({"a": CONTENT}, zipfile.ZIP_LZMA), "zip.method"),
    "device": (lambda: changed(PLAIN, central(PLAIN) + 40, struct.pack("<H", 0o060000)), "zip.link"),
    "no members": (lambda: b"PK\x05\x06" + bytes(18), "zip.empty"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_an_archive_with_two_readings_is_refused(name: str) -> None:
    """Directory, headers and bytes must agree about everything, and nothing may lie between."""
    make, code = REFUSED[name]
    with pytest.raises(RejectedError) as caught:
        Archive(make())
    assert caught.value.code == code


def test_two_members_in_the_same_bytes_are_refused() -> None:
    """Entries that share their data could inflate one bomb many times."""
    packed, crc = deflated(CONTENT), zlib.crc32(CONTENT)
    data = assembled([("a", packed, len(CONTENT), crc), ("b", packed, len(CONTENT), crc)])
    second = data.index(b"PK\x01\x02", central(data) + 4)
    overlapping = changed(changed(data, second + 42, bytes(4)), second + 46, b"a")
    with pytest.raises(RejectedError) as caught:
        Archive(overlapping)
    assert caught.value.code == "zip.duplicate_name"
    with pytest.raises(RejectedError) as caught:
        Archive(changed(data, second + 42, bytes(4)))
    assert caught.value.code == "zip.headers_disagree"


@pytest.mark.parametrize(
    "name",
    [
        "../a",
        "a/../b",
        "/a",
        "\\a",
        "a\\b",
        "C:/a",
        "c:a",
        ".",
        "./a",
        "a/./b",
        "a//b",
        "a\nb",
        "a\0b",
        "\x7f",
        "..",
        "/",
    ],
)
def test_names_that_are_no_plain_paths_are_refused(name: str) -> None:
    """Nothing leaves the archive, and no system reads a name in its own way."""
    with pytest.raises(RejectedError) as caught:
        Archive(assembled([(name, deflated(b""), 0, 0)]))
    assert caught.value.code == "zip.unsafe_name"


@pytest.mark.parametrize(
    ("one", "other"), [("a", "A"), ("a", "a "), ("run.json", "run.json/"), ("k", "\u212a")]
)
def test_names_that_some_readers_take_for_one_are_refused(one: str, other: str) -> None:
    """Also without case, after trimming, and as a folder."""
    with pytest.raises(RejectedError) as caught:
        Archive(archive({one: b"", other: b""}))
    assert caught.value.code == "zip.duplicate_name"


def test_members_are_bounded_when_they_are_read() -> None:
    """Declared and real sizes must agree, whatever is believed."""
    packed, crc = deflated(CONTENT), zlib.crc32(CONTENT)
    for size, error, code in (
        (len(CONTENT) - 1, RejectedError, "zip.bomb"),
        (len(CONTENT) + 1, DamagedError, "zip.damaged"),
    ):
        small = Archive(assembled([("a", packed, size, crc)]))
        with pytest.raises(error) as caught:
            small.read("a", 1000)
        assert caught.value.code == code
        with pytest.raises(error) as caught:
            small.digest("a")
        assert caught.value.code == code
    with pytest.raises(RejectedError) as refused:
        Archive(PLAIN).read("a.json", 10)
    assert refused.value.code == "zip.member_too_large"


@pytest.mark.parametrize("size", [100, 1_000_000])
def test_damage_is_found_whether_a_member_is_read_or_hashed(size: int) -> None:
    """A wrong checksum, a broken stream, and packed bytes that end early or late."""
    content = hashlib.shake_128(b"seed").digest(size)
    packed, crc = deflated(content), zlib.crc32(content)
    for broken in (packed[:-1], packed + b"x", b"\xff" + packed[1:], packed):
        wrong = Archive(assembled([("a", broken, size, crc ^ (broken is packed))]))
        with pytest.raises(DamagedError):
            wrong.read("a", size)
        with pytest.raises(DamagedError):
            wrong.digest("a")
    assert Archive(assembled([("a", packed, size, crc)])).digest("a") == hashlib.sha256(content).hexdigest()
