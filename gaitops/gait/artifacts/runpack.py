# SPDX-License-Identifier: Apache-2.0
"""Runpacks: a recorded run in a zip archive with a signed manifest (contract 3).

Gait hashes the members and verifies the manifest; it does not look into them. Here they are read as well, because a
runpack whose members belong to different runs is no evidence of any.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Final

from gaitops.gait.artifacts.archive import Archive
from gaitops.gait.artifacts.digests import bare, digest, digest_or_none
from gaitops.gait.artifacts.fields import SIGNATURE, Objs, Spec, Text, Time, checked, extras, project
from gaitops.gait.artifacts.hygiene import read_object
from gaitops.gait.artifacts.limits import MAX_DOCUMENT_BYTES
from gaitops.gait.artifacts.model import Inspection, Verdict
from gaitops.gait.artifacts.reading import Notes, Source, objects, text
from gaitops.gait.artifacts.refusals import DamagedError, RejectedError
from gaitops.gait.artifacts.run_content import PARSED_BYTES, RunContent, read_content
from gaitops.gait.artifacts.signatures import Judgement, judge_digests, signatures_of
from gaitops.gait.quoting import quote

MANIFEST_NAME: Final = "manifest.json"
STANDARD_FILES: Final = ("intents.jsonl", "refs.json", "results.jsonl", "run.json")
"""Every runpack declares these (contract 3.3)."""

MANIFEST: Final = Spec(
    schema_id=Text(always=True),
    schema_version=Text(always=True),
    created_at=Time(),
    producer_version=Text(always=True),
    run_id=Text(always=True),
    capture_mode=Text(always=True),
    files=Objs(Spec(path=Text(always=True), sha256=Text(always=True)), always=True),
    manifest_digest=Text(always=True),
    signatures=Objs(SIGNATURE),
)
"""Contract 3.1."""


def read(source: Source) -> Inspection:
    """Judge a runpack in Gait's order: manifest, declared files, manifest digest, signatures; then what is in the files.

    Raises:
        RejectedError: ``runpack.manifest_missing``, and what the archive or the manifest refuses.
    """
    archive = source.archive
    if MANIFEST_NAME not in archive.members:
        raise RejectedError("runpack.manifest_missing", "the archive has no manifest.json")
    value = checked(MANIFEST, read_object(archive.read(MANIFEST_NAME, MAX_DOCUMENT_BYTES)))
    judgement = _signatures(value, source)
    notes = Notes(judgement)
    if judgement.verdict is Verdict.UNSIGNED:
        notes.extras(extras(MANIFEST, value), where="manifest")
    notes.expect_schema(value, "gait.runpack.manifest", gait=True)
    if not value.get("run_id"):
        notes.rejects("runpack.run_id_missing", "the manifest has no run_id", gait=True)
    intact = _check_files(value, archive, notes)
    _check_manifest_digest(value, notes)
    declared = {text(file, "path") for file in objects(value, "files")}
    notes.extras(sorted(archive.members.keys() - declared - {MANIFEST_NAME}), where="archive")
    content = read_content(intact, text(value, "run_id"), notes)
    return _concluded(value, content, notes, source)


def _signatures(value: dict[str, object], source: Source) -> Judgement:
    """The signatures cover the manifest as it stands, and nothing but that (contract 0.3)."""
    found = signatures_of(value, "signatures")
    if not found:
        return judge_digests((), (), source.keys)
    content = {name: item for name, item in value.items() if name != "signatures"}
    return judge_digests(found, (digest_or_none(content),), source.keys)


def _check_files(value: dict[str, object], archive: Archive, notes: Notes) -> dict[str, bytes]:
    """Content of the standard files whose hash is as declared; findings for everything else that was declared."""
    intact: dict[str, bytes] = {}
    declared = Counter(text(file, "path") for file in objects(value, "files"))
    for file in objects(value, "files"):
        path, expected = text(file, "path"), text(file, "sha256")
        if declared[path] > 1:
            notes.forged("runpack.declared_twice", f"the manifest declares {quote(path)} more than once")
        if path not in archive.members:
            notes.fails("runpack.file_missing", f"{quote(path)} is declared and absent", gait=True)
            continue
        try:
            content = archive.read(path, PARSED_BYTES) if path in STANDARD_FILES else None
            found = archive.digest(path) if content is None else hashlib.sha256(content).hexdigest()
        except DamagedError as damage:
            notes.add(damage.finding())
            continue
        if found != expected.lower():
            message = f"{quote(path)} has SHA-256 {found}, declared is {quote(expected)}"
            notes.fails("runpack.file_digest", message, gait=True)
        elif content is not None:
            intact[path] = content
    for path in STANDARD_FILES:
        if path not in declared:
            notes.fails("runpack.file_undeclared", f"the manifest does not declare {path}", gait=True)
    return intact


def _check_manifest_digest(value: dict[str, object], notes: Notes) -> None:
    """``manifest_digest`` is over what Gait knows of the manifest, without signatures and with itself empty (contract 3.2)."""
    content = {name: item for name, item in value.items() if name != "signatures"} | {"manifest_digest": ""}
    found, expected = digest(project(MANIFEST, content)), text(value, "manifest_digest")
    if found == expected.lower():
        return
    if digest_or_none(content) == expected.lower():
        # A newer producer's optional member, inside both digest and signature (contract 16.10).
        notes.only_gait(
            "runpack.manifest_digest_newer",
            "manifest_digest covers members that this version of Gait does not know, and Gait refuses it",
        )
        return
    message = f"manifest_digest is {quote(expected)}, the manifest gives {found}"
    notes.fails("runpack.manifest_digest", message, gait=True)


def _concluded(value: dict[str, object], content: RunContent, notes: Notes, source: Source) -> Inspection:
    manifest_digest = bare(value.get("manifest_digest"))
    return notes.conclude(
        "runpack",
        source,
        ids={"run_id": value.get("run_id")},
        digests={"manifest_digest": manifest_digest, "context_set_digest": content.context_set_digest},
        facts=content.facts(value, manifest_digest),
    )
