# SPDX-License-Identifier: Apache-2.0
"""Guard packs: the evidence of a run put together for auditors or for an incident (Gait contract 8.1).

They share the name of their manifest with other packs and nothing else. Gait looks at them with less care: it neither recomputes
the id nor minds files that nobody declared. Incident packs are never signed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from gaitops.gait.artifacts.digests import digest
from gaitops.gait.artifacts.documents import HEAD, other_facts
from gaitops.gait.artifacts.fields import (
    SIGNATURE,
    Integer,
    Obj,
    Object,
    Objs,
    Spec,
    Text,
    Texts,
    Time,
    checked,
    project,
)
from gaitops.gait.artifacts.hygiene import read_object
from gaitops.gait.artifacts.inspect import inspect_source
from gaitops.gait.artifacts.limits import MAX_DOCUMENT_BYTES
from gaitops.gait.artifacts.model import Effect, Finding, Inspection, Verdict
from gaitops.gait.artifacts.pack import MANIFEST_NAME, judge_entries
from gaitops.gait.artifacts.reading import Notes, Source, objects, text
from gaitops.gait.artifacts.refusals import ArtifactError
from gaitops.gait.artifacts.signatures import judge
from gaitops.gait.quoting import quote

_TEXT: Final = Text(always=True)
MANIFEST: Final = Spec(
    **HEAD,
    pack_id=_TEXT,
    run_id=_TEXT,
    case_id=Text(),
    template_id=Text(),
    generated_at=Time(),
    control_index=Objs(Spec(control_id=_TEXT, title=_TEXT, evidence_paths=Texts(always=True))),
    evidence_pointers=Objs(Spec(pointer_id=_TEXT, path=_TEXT, type=_TEXT, sha256=_TEXT)),
    incident_window=Obj(
        Spec(from_=Time(), to=Time(), window_seconds=Integer(always=True), selection_anchor=Text())
    ),
    rendered_artifacts=Objs(Spec(format=_TEXT, path=_TEXT, sha256=_TEXT)),
    contents=Objs(Spec(path=_TEXT, sha256=_TEXT, type=_TEXT), always=True),
    signatures=Objs(SIGNATURE),
)
"""``pack_manifest.json``, ``gait.guard.pack_manifest``."""

MEMBER_KINDS: Final = frozenset({"inventory_snapshot", "approval_audit", "broker_record"})
"""Artifacts that guard packs hold whole; their other files are summaries, which replace nothing (contract 8.1)."""
_ID_DIGITS: Final = 16


def read(source: Source) -> Inspection:
    """Judge a guard pack.

    Raises:
        ArtifactError: it has no manifest with one reading.
    """
    manifest = checked(MANIFEST, read_object(source.archive.read(MANIFEST_NAME, MAX_DOCUMENT_BYTES)))
    notes = Notes(judge(manifest, MANIFEST, source.keys, member="signatures"))
    notes.expect_schema(manifest, "gait.guard.pack_manifest")
    entries = {text(entry, "path"): text(entry, "sha256") for entry in objects(manifest, "contents")}
    if len(entries) != len(objects(manifest, "contents")):
        notes.rejects("pack.duplicate_entry", "the manifest names a file twice")
    judge_entries(source, entries, notes, strict=False)
    if text(manifest, "pack_id") != pack_id(manifest):
        message = f"pack_id is {quote(text(manifest, 'pack_id'))}, run and contents give {pack_id(manifest)}"
        notes.forged("guard.id_mismatch", message)
    for finding in _pointer_findings(manifest, entries):
        notes.add(finding)
    return notes.conclude(
        "guard_pack",
        source,
        ids={name: text(manifest, name) for name in ("pack_id", "run_id", "case_id")},
        facts=other_facts(manifest),
        members=_members(source, entries) if notes.verdict() is not Verdict.REJECTED else (),
    )


def pack_id(manifest: Object) -> str:
    """What ``pack_id`` must be: it covers run and contents, not the rest of the manifest (contract 8.1)."""
    known = project(MANIFEST, manifest)
    return f"pack_{digest({name: known[name] for name in ('run_id', 'contents')})[:_ID_DIGITS]}"


def _pointer_findings(manifest: Object, entries: Mapping[str, str]) -> Iterator[Finding]:
    """What the manifest says of a file twice, it says alike."""
    for name in ("evidence_pointers", "rendered_artifacts"):
        for item in objects(manifest, name):
            path, named = text(item, "path"), text(item, "sha256")
            if named.lower() != entries.get(path, named).lower():
                message = f"{name} and contents disagree about {quote(path)}"
                yield Finding("guard.pointer_mismatch", message, Effect.FAILS)


def _members(source: Source, entries: Mapping[str, str]) -> tuple[Inspection, ...]:
    """The artifacts among the files, as far as they are the declared ones and small enough together."""
    found = []
    left = MAX_DOCUMENT_BYTES
    for path in entries:
        member = source.archive.members.get(path)
        if member is None or member.size > left or not path.endswith(".json"):
            continue
        left -= member.size
        try:
            inspection = inspect_source(source.inside(source.archive.read(path, member.size)))
        except ArtifactError:
            # judge_entries() has met the same damage, and said so.
            continue
        if inspection.kind in MEMBER_KINDS and inspection.sha256 == entries[path].lower():
            found.append(inspection)
    return tuple(found)
