# SPDX-License-Identifier: Apache-2.0
"""Packs for tests: golden ones taken apart, changed, and put together again with everything that can be recomputed."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from gaitops.gait.gait_keys import GaitPrivateKey, read_private_key
from gaitops.signing.canonical import canonical_json
from tests.gait.artifacts.vectors import VECTORS

Files = dict[str, bytes]
_DATE = (1980, 1, 1, 0, 0, 0)


@cache
def producer() -> GaitPrivateKey:
    """The private half of a registered producer key."""
    return read_private_key((VECTORS / "keys" / "checkout-ci_private.key").read_bytes())


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip archive as plain as Gait's: sorted names, deflated, dated 1980."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _DATE)
            info.external_attr = 0o100644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, files[name])
    return buffer.getvalue()


def unzipped(data: bytes) -> Files:
    """The files of a zip archive by name."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def sha256(data: bytes) -> str:
    """Lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def digest(value: object) -> str:
    """Over canonical JSON."""
    return sha256(canonical_json(value))


def signature(content: object) -> dict[str, str]:
    """Gait's signature object over ``content`` by :func:`producer`."""
    signed = hashlib.sha256(canonical_json(content)).digest()
    return {
        "alg": "ed25519",
        "key_id": producer().public.key_id,
        "sig": base64.b64encode(producer().sign(signed)).decode(),
        "signed_digest": signed.hex(),
    }


def manifest_for(
    files: Mapping[str, bytes], pack_type: str, source_ref: str, **members: Any
) -> dict[str, Any]:
    """A manifest that fits ``files``, with its id and without signatures; ``members`` replace what it would say."""
    manifest: dict[str, Any] = {
        "schema_id": "gait.pack.manifest",
        "schema_version": "1.0.0",
        "created_at": "1980-01-01T00:00:00Z",
        "producer_version": "0.0.0-dev",
        "pack_id": "",
        "pack_type": pack_type,
        "source_ref": source_ref,
        "contents": [
            {"path": name, "sha256": sha256(files[name]), "type": _entry_type(name)} for name in sorted(files)
        ],
    }
    manifest |= members
    known = {name: manifest[name] for name in manifest if name not in {"pack_id", "unknown"}}
    return manifest if "pack_id" in members else manifest | {"pack_id": digest(known | {"pack_id": ""})}


def packed(files: Mapping[str, bytes], manifest: dict[str, Any], *, signed: bool = True) -> bytes:
    """The pack of ``files`` under ``manifest``."""
    if signed:
        manifest = manifest | {"signatures": [signature(manifest)]}
    return zipped({**files, "pack_manifest.json": canonical_json(manifest)})


def changed(
    name: str, change: Callable[[Files], object] = lambda files: None, *, signed: bool = True, **members: Any
) -> bytes:
    """A golden pack without proof records after ``change``, rebuilt and signed like an honest one."""
    files = unzipped((VECTORS / "packs" / f"{name}.zip").read_bytes())
    manifest = json.loads(files.pop("pack_manifest.json"))
    files.pop("proof_records.jsonl", None)
    change(files)
    kept = {name: manifest[name] for name in ("pack_type", "source_ref")}
    again = manifest_for(files, **(kept | members))
    return packed(files, again, signed=signed)


def edited(files: Files, name: str, **members: Any) -> None:
    """Replace members of a JSON file; ``None`` removes one."""
    value = json.loads(files[name]) | members
    files[name] = canonical_json({key: item for key, item in value.items() if item is not None})


def relined(files: Files, name: str, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Change the objects of a JSONL file."""
    items = [json.loads(line) for line in files[name].splitlines()]
    change(items)
    files[name] = b"".join(canonical_json(item) + b"\n" for item in items)


GUARD_FILES: Files = {
    "policy_digests.json": b'{"policy_digests":[]}',
    "summary.pdf": b"%PDF-1.7 none",
    "approval_audit_01.json": unzipped((VECTORS / "packs" / "authorization-signed.zip").read_bytes())[
        "evidence/approval_audit.json"
    ],
}
"""What guard packs of the tests hold: a summary, a picture and an artifact."""


def guard_pack(
    files: Files = GUARD_FILES,
    *,
    signed: bool = True,
    more: Files | None = None,
    later: dict[str, Any] | None = None,
    **members: Any,
) -> bytes:
    """A guard pack of ``files``.

    Args:
        files: what the manifest names.
        signed: whether a registered producer signs it.
        more: files that the manifest does not name.
        later: members that are put into the manifest after it was signed.
        members: replace what the manifest would say.
    """
    contents = [{"path": name, "sha256": sha256(files[name]), "type": "evidence"} for name in sorted(files)]
    policies = {"path": "policy_digests.json", "sha256": sha256(GUARD_FILES["policy_digests.json"])}
    manifest: dict[str, Any] = {
        "schema_id": "gait.guard.pack_manifest",
        "schema_version": "1.0.0",
        "created_at": "2026-04-02T08:00:00Z",
        "producer_version": "1.4.0",
        "pack_id": f"pack_{digest({'run_id': 'run_docs_7', 'contents': contents})[:16]}",
        "run_id": "run_docs_7",
        "case_id": "CASE-3",
        "template_id": "soc2",
        "generated_at": "2026-04-02T08:00:00Z",
        "evidence_pointers": [{"pointer_id": "p1", "type": "evidence", **policies}],
        "contents": contents,
    }
    manifest |= members
    if signed:
        manifest["signatures"] = [signature(manifest)]
    manifest |= later or {}
    return zipped({**files, **(more or {}), "pack_manifest.json": canonical_json(manifest)})


def _entry_type(name: str) -> str:
    return {"json": "json", "jsonl": "jsonl", "zip": "zip"}.get(name.rsplit(".", 1)[-1], "blob")
