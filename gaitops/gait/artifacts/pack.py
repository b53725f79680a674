# SPDX-License-Identifier: Apache-2.0
"""Packs: a manifest that names every file by digest, signed or not, around a run, a job, a call or an authorization (contract 4).

Gait checks the manifest and, for most types, a part of what is inside. Verdicts here are stricter: what is inside must be
what the manifest and the summary say, and must hold by itself. ``gait_verdict`` leaves those checks out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from gaitops.gait.artifacts import pack_authorization, pack_call, pack_job, pack_run
from gaitops.gait.artifacts.digests import digest
from gaitops.gait.artifacts.documents import HEAD
from gaitops.gait.artifacts.facts import PackFacts
from gaitops.gait.artifacts.fields import SIGNATURE, Object, Objs, Spec, Text, checked, project
from gaitops.gait.artifacts.hygiene import read_object
from gaitops.gait.artifacts.limits import MAX_DOCUMENT_BYTES
from gaitops.gait.artifacts.model import Inspection
from gaitops.gait.artifacts.pack_contents import Contents, Payload
from gaitops.gait.artifacts.pack_rules import empties, is_digest, is_written_digest, not_a_digest, unset
from gaitops.gait.artifacts.proof_records import NAME as PROOF_RECORDS
from gaitops.gait.artifacts.proof_records import read_proof
from gaitops.gait.artifacts.reading import Notes, Source, objects, text
from gaitops.gait.artifacts.refusals import ArtifactError
from gaitops.gait.artifacts.signatures import judge
from gaitops.gait.artifacts.strict import shown, unknown_members
from gaitops.gait.go_text import trim
from gaitops.gait.quoting import quote

MANIFEST_NAME: Final = "pack_manifest.json"
MANIFEST: Final = Spec(
    **HEAD,
    pack_id=Text(always=True),
    pack_type=Text(always=True),
    source_ref=Text(always=True),
    contents=Objs(
        always=True, spec=Spec(path=Text(always=True), sha256=Text(always=True), type=Text(always=True))
    ),
    signatures=Objs(SIGNATURE),
)
"""``pack_manifest.json``, ``gait.pack.manifest`` (contract 4.1)."""

PAYLOADS: Final[Mapping[str, Callable[[Contents], Payload]]] = {
    "run": pack_run.read,
    "job": pack_job.read,
    "call": pack_call.read,
    "authorization": pack_authorization.read,
}
"""Type of pack → who knows what is inside."""


def read(source: Source) -> Inspection:
    """Judge a pack.

    Raises:
        ArtifactError: it has no manifest with one reading.
    """
    manifest = checked(MANIFEST, read_object(source.archive.read(MANIFEST_NAME, MAX_DOCUMENT_BYTES)))
    notes = Notes(judge(manifest, MANIFEST, source.keys, member="signatures"))
    _judge_manifest(manifest, notes)
    entries = {text(entry, "path"): text(entry, "sha256") for entry in objects(manifest, "contents")}
    whole = judge_entries(source, entries, notes)
    payload = Payload()
    try:
        _judge_proof(source, manifest, entries, notes)
        # Like Gait, nothing is said of the content of files that are not the declared ones.
        if whole and (reader := PAYLOADS.get(text(manifest, "pack_type"))):
            payload = reader(Contents(source, notes, text(manifest, "source_ref")))
    except ArtifactError as error:
        notes.add(error.finding())
    return notes.conclude(
        "pack",
        source,
        ids={"pack_id": text(manifest, "pack_id"), "source_ref": text(manifest, "source_ref"), **payload.ids},
        digests=payload.digests,
        facts=_facts(manifest, payload),
        members=payload.members,
    )


def _facts(manifest: Object, payload: Payload) -> PackFacts:
    return PackFacts(
        pack_id=text(manifest, "pack_id"),
        pack_type=text(manifest, "pack_type"),
        source_ref=text(manifest, "source_ref"),
        producer_version=text(manifest, "producer_version"),
        run=payload.run,
        trace=payload.trace,
        job_status=payload.job_status,
        job_reason=payload.job_reason,
    )


def _judge_manifest(manifest: dict[str, object], notes: Notes) -> None:
    notes.expect_schema(manifest, "gait.pack.manifest", gait=True)
    if unknown := shown(unknown_members(MANIFEST, manifest)):
        notes.fails(
            "pack.unknown_member", f"the manifest has members that Gait refuses: {unknown}", gait=True
        )
    for message in _contract(manifest):
        notes.rejects("pack.manifest_invalid", message, gait=True)
    entries = objects(manifest, "contents")
    if len({text(entry, "path") for entry in entries}) != len(entries):
        notes.rejects("pack.duplicate_entry", "the manifest names a file twice")
    if not all(
        map(is_written_digest, (text(manifest, "pack_id"), *(text(entry, "sha256") for entry in entries)))
    ):
        notes.forged("pack.digest_shape", "a digest of the manifest is not in the form that Gait writes")
    signable = {name: value for name, value in manifest.items() if name != "signatures"}
    pack_id = digest(project(MANIFEST, signable | {"pack_id": ""}))
    if pack_id != text(manifest, "pack_id").lower():
        message = f"pack_id is {quote(text(manifest, 'pack_id'))}, the manifest has {pack_id}"
        notes.fails("pack.id_mismatch", message, gait=True)


def _contract(manifest: Object) -> Iterator[str]:
    """What Gait refuses in a manifest besides its schema (contract 4.3)."""
    if text(manifest, "pack_type") not in PAYLOADS:
        yield f"the pack type {quote(text(manifest, 'pack_type'))} is not known"
    if unset(manifest, "created_at"):
        yield "the manifest has no created_at"
    if manifest.get("contents") is None:
        yield "the manifest has no contents"
    yield from empties(manifest, ("source_ref", "producer_version"), "the manifest")
    yield from not_a_digest(manifest, "pack_id", "the manifest")
    for entry in objects(manifest, "contents"):
        yield from empties(entry, ("path", "type"), "an entry of the manifest")
        yield from not_a_digest(entry, "sha256", "an entry of the manifest")
    for signature in objects(manifest, "signatures"):
        yield from empties(signature, ("alg", "key_id", "sig"), "a signature of the manifest")
        signed = text(signature, "signed_digest")
        if trim(signed) and not is_digest(signed):
            yield "signed_digest of the manifest is not a SHA-256"


def judge_entries(source: Source, entries: Mapping[str, str], notes: Notes, *, strict: bool = True) -> bool:
    """Whether the files of the archive are the declared ones, byte for byte; everything else is a finding.

    Args:
        source: the pack.
        entries: path and SHA-256 of the declared files.
        notes: where findings go.
        strict: whether a file that nobody declared breaks the pack, or is only not to be used.
    """
    before = len(notes.findings)
    archive = source.archive
    for path, expected in entries.items():
        if path not in archive.members:
            notes.fails("pack.file_missing", f"the pack has no {quote(path)}", gait=True)
            continue
        try:
            actual = archive.digest(path)
        except ArtifactError as error:
            notes.add(error.finding())
            continue
        if actual != expected.lower():
            message = f"{quote(path)} has the SHA-256 {actual}, declared is {quote(expected)}"
            notes.fails("pack.file_mismatch", message, gait=True)
    undeclared = archive.members.keys() - entries.keys() - {MANIFEST_NAME}
    if undeclared and not strict:
        notes.extras(undeclared, where="archive")
    elif undeclared:
        notes.fails("pack.file_undeclared", f"the manifest does not name {shown(undeclared)}", gait=True)
    return len(notes.findings) == before


def _judge_proof(source: Source, manifest: Object, entries: Mapping[str, str], notes: Notes) -> None:
    """The records, where there are any and they are the declared ones (contract 4.5)."""
    archive = source.archive
    if (
        PROOF_RECORDS not in archive.members
        or archive.digest(PROOF_RECORDS) != entries.get(PROOF_RECORDS, "").lower()
    ):
        return
    proof = read_proof(archive.read(PROOF_RECORDS, MAX_DOCUMENT_BYTES), entries, source.keys)
    for finding in proof.findings:
        notes.add(finding)
    if proof.signed and not objects(manifest, "signatures"):
        # Gait signs both or neither.
        message = "the proof records are signed and the manifest is not: its signature was removed"
        notes.notes("pack.signature_removed", message)
