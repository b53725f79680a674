# SPDX-License-Identifier: Apache-2.0
"""Artifacts with changed content whose hashes hold again, as a newer producer would have written them, but unsigned."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.gait.artifacts.samples import Sample, compact

Change = Callable[[bytes, int], bytes]
"""JSON text and a number that differs from text to text → changed text."""


@dataclass(frozen=True)
class Rebuild:
    """A sample, to be taken apart and put together again."""

    sample: Sample

    def mapped(self, change: Change) -> bytes:
        """The sample with every JSON text in it changed, and every hash in a manifest made right."""
        if self.sample.data.startswith(b"PK"):
            return _zip(self.sample.data, change)
        return _text(self.sample.data, change)


def _text(data: bytes, change: Change) -> bytes:
    """One JSON document, or one per line."""
    try:
        json.loads(data)
    except ValueError:
        lines = [line for line in data.split(b"\n") if line.strip()]
        return b"".join(change(line, number) + b"\n" for number, line in enumerate(lines))
    return change(data, 0)


def _zip(data: bytes, change: Change) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    (manifest,) = members.keys() & {"manifest.json", "pack_manifest.json"}
    changed = {
        name: content if name == manifest else _member(name, content, change)
        for name, content in members.items()
    }
    changed[manifest] = _manifest(members[manifest], changed, change)
    return zipped(changed)


def _member(name: str, content: bytes, change: Change) -> bytes:
    if name.endswith(".zip"):
        return _zip(content, change)
    return _text(content, change) if name.endswith((".json", ".jsonl")) and content.strip() else content


def _manifest(text: bytes, members: Mapping[str, bytes], change: Change) -> bytes:
    """The manifest with an unknown member and the hashes of ``members``; its own digest covers only what Gait knows."""
    value = json.loads(text)
    for file in value.get("files") or value.get("contents") or []:
        file["sha256"] = hashlib.sha256(members[file["path"]]).hexdigest()
    value.pop("signatures", None)
    if "manifest_digest" in value:
        value["manifest_digest"] = hashlib.sha256(
            json.dumps(
                value | {"manifest_digest": ""}, sort_keys=True, ensure_ascii=False, separators=(",", ":")
            ).encode()
        ).hexdigest()
    return change(compact(value), 0)


def zipped(members: Mapping[str, bytes]) -> bytes:
    """A plain archive of these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()
