# SPDX-License-Identifier: Apache-2.0
"""Hostile artifacts, by name; made here because most would be too large to keep."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Final

from gaitops.gait.artifacts.limits import MAX_ARTIFACT_BYTES, MAX_DOCUMENT_BYTES, MIB

_TRACE_HEAD: Final = b'{"schema_id":"gait.gate.trace","x":'


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A plain archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def declaring(name: str, packed: bytes, size: int) -> bytes:
    """An archive of one deflated member that declares ``size`` in both headers, whatever ``packed`` holds."""
    return assembled([(name, packed, size, 0)])


def assembled(entries: list[tuple[str, bytes, int, int]]) -> bytes:
    """An archive of (name, deflated bytes, declared size, declared checksum)."""
    body, directory = b"", b""
    for name, packed, size, crc in entries:
        raw = name.encode()
        numbers = (crc, len(packed), size, len(raw), 0)
        header = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 8, 0, 0, *numbers)
        directory += struct.pack(
            "<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 8, 0, 0, *numbers, 0, 0, 0, 0, len(body)
        )
        directory += raw
        body += header + raw + packed
    end = struct.pack(
        "<4s4H2LH", b"PK\x05\x06", 0, 0, len(entries), len(entries), len(directory), len(body), 0
    )
    return body + directory + end


def deflated(content: bytes) -> bytes:
    """``content`` as a raw deflate stream."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def deflated_zeros(size: int) -> bytes:
    """``size`` zero bytes, packed a thousandfold, without holding them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packer.compress(bytes(MIB))
    packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush the same input gives the same bytes, and they may be repeated.
    piece = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    return piece * (size // MIB) + b"\x03\x00"


def _many(item: bytes, size: int) -> bytes:
    """A list of as many items as fit ``size`` bytes."""
    return b"[" + b",".join([item] * (size // (len(item) + 1))) + b"]"


def _wide(size: int) -> bytes:
    """A text that needs four bytes for every character, once decoded."""
    return '"\U0001f4a3'.encode() + b"a" * size + b'"'


def _link() -> bytes:
    """A runpack whose run.json is a symbolic link."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("manifest.json", b"{}")
        link = zipfile.ZipInfo("run.json")
        link.external_attr = 0o120777 << 16
        file.writestr(link, b"/etc/passwd")
    return buffer.getvalue()


def _distinct_members(size: int) -> bytes:
    return b"{" + b",".join(b'"%x":0' % number for number in range(size // 10)) + b"}"


def _runpack(intents: bytes, bombs: dict[str, bytes] | None = None) -> bytes:
    """A runpack with these intents and hashes that hold, so that they are read; ``bombs`` are packed already."""
    head = {
        "schema_version": "1.0.0",
        "created_at": "2026-04-02T08:00:00Z",
        "producer_version": "1",
        "run_id": "r",
    }
    members = {
        "run.json": json.dumps({"schema_id": "gait.runpack.run", **head, "env": {}, "timeline": []}).encode(),
        "intents.jsonl": intents,
        "results.jsonl": b"",
        "refs.json": json.dumps({"schema_id": "gait.runpack.refs", **head, "receipts": []}).encode(),
    }
    files = [
        {"path": name, "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in sorted(members.items())
    ]
    files += [{"path": name, "sha256": "0" * 64} for name in bombs or {}]
    manifest = {
        "schema_id": "gait.runpack.manifest", **head, "capture_mode": "raw", "files": files, "manifest_digest": "",
    }  # fmt: skip
    canonical = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    manifest["manifest_digest"] = hashlib.sha256(canonical).hexdigest()
    packed = {"manifest.json": json.dumps(manifest).encode(), **members}
    entries = [
        (name, deflated(content), len(content), zlib.crc32(content)) for name, content in packed.items()
    ]
    entries += [(name, content, 1000, 0) for name, content in (bombs or {}).items()]
    return assembled(entries)


_INTENT: Final = (
    b'{"schema_id":"gait.runpack.intent","schema_version":"1.0.0","created_at":"2026-04-02T08:00:00Z",'
    b'"producer_version":"1","run_id":"r","intent_id":"%s","tool_name":"t","args_digest":""}\n'
)

HOSTILE: Final[dict[str, tuple[Callable[[], bytes], str, str]]] = {
    "nested_lists": (lambda: b"[" * 100_000 + b"]" * 100_000, "unknown", "json.too_deep"),
    "nested_lists_in_a_trace": (lambda: _TRACE_HEAD + b"[" * 100_000 + b"]" * 100_000 + b"}", "trace", "json.too_deep"),
    "nested_objects_open": (lambda: b'{"a":' * 1_000_000, "unknown", "json.too_large"),
    "empty_lists": (lambda: _TRACE_HEAD + _many(b"[]", MAX_DOCUMENT_BYTES - 100) + b"}", "trace", "json.too_large"),
    "empty_objects_within_the_limit": (lambda: _TRACE_HEAD + _many(b"{}", 590_000) + b"}", "trace", "artifact.schema"),
    "floats_within_the_limit": (lambda: _TRACE_HEAD + _many(b"1e-300", 2_700_000) + b"}", "trace", "artifact.schema"),
    "distinct_members": (lambda: _TRACE_HEAD + _distinct_members(3_900_000) + b"}", "trace", "artifact.schema"),
    "wide_characters": (lambda: _TRACE_HEAD + _wide(MAX_DOCUMENT_BYTES - 200) + b"}", "trace", "artifact.schema"),
    "long_number": (lambda: _TRACE_HEAD + b"9" * 5_000_000 + b"}", "trace", "artifact.schema"),
    "huge_text_file": (lambda: b"a" * MAX_ARTIFACT_BYTES, "unknown", "json.too_large"),
    "huge_json_file": (lambda: _TRACE_HEAD + b'"' + b"a" * (MAX_ARTIFACT_BYTES - 100) + b'"}', "trace", "json.too_large"),
    "endless_line": (
        lambda: b'{"record_type":"header","header":{}}\n' + b"a" * (MAX_ARTIFACT_BYTES - 100), "session_journal", "json.too_large",
    ),
    "larger_than_any_artifact": (lambda: b'{"schema_id":"gait.gate.trace"}' * (3 * MIB), "trace", "artifact.too_large"),
    "bomb_of_1_gib": (lambda: declaring("manifest.json", deflated_zeros(1024 * MIB), 1024 * MIB), "runpack", "zip.too_large"),
    "bomb_that_declares_little": (lambda: declaring("manifest.json", deflated_zeros(256 * MIB), 1000), "runpack", "zip.bomb"),
    "bomb_in_a_declared_member": (lambda: _runpack(b"", {"x": deflated_zeros(256 * MIB)}), "runpack", "zip.bomb"),
    "bomb_that_declares_400_mib": (
        lambda: declaring("manifest.json", deflated_zeros(400 * MIB), 400 * MIB), "runpack", "zip.member_too_large",
    ),
    "declares_2_gib": (lambda: declaring("manifest.json", b"\x03\x00", 2**31 - 1), "runpack", "zip.too_large"),
    "declares_4_gib": (lambda: declaring("manifest.json", b"\x03\x00", 2**32 - 2), "runpack", "zip.too_large"),
    "truncated": (lambda: archive({"manifest.json": b"{}", "run.json": b"{}"})[:-30], "runpack", "zip.directory"),
    "traversal": (lambda: declaring("../../manifest.json", b"\x03\x00", 0), "runpack", "zip.unsafe_name"),
    "symbolic_link": (_link, "runpack", "zip.link"),
    "many_members": (
        lambda: archive({f"{number}": b"" for number in range(12_000)}, zipfile.ZIP_STORED), "unknown", "zip.too_large",
    ),
    "a_runpack_of_many_intents": (lambda: _runpack((_INTENT % b"i") * 30_000), "runpack", ""),
    "a_runpack_of_too_many_intents": (lambda: _runpack((_INTENT % b"i") * 95_000), "runpack", "zip.member_too_large"),
    "intents_with_wide_names": (
        lambda: _runpack((_INTENT % ("\U0001f4a3" + "a" * 900_000).encode()) * 15), "runpack", "runpack.too_large",
    ),
    "intents_of_the_largest_lines": (
        lambda: _runpack((b'{"run_id":"r","args":{"a":' + _many(b"[]", 500_000) + b"}}\n") * 4), "runpack", "runpack.content_schema",
    ),
}  # fmt: skip
"""Name → maker, kind, and a code that is among the findings; empty when nothing is wrong."""
