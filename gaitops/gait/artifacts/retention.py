# SPDX-License-Identifier: Apache-2.0
"""Retention reports: what Gait deleted, or would have (Gait contract 8.2)."""

from __future__ import annotations

from typing import Final

from gaitops.gait.artifacts.documents import HEAD, Format, expect_word
from gaitops.gait.artifacts.fields import Flag, Integer, Objs, Spec, Text, Time
from gaitops.gait.artifacts.model import Inspection
from gaitops.gait.artifacts.reading import Source, number, objects

_FILE: Final = Spec(
    path=Text(always=True),
    kind=Text(always=True),
    modified_at=Time(),
    age_seconds=Integer(always=True),
    action=Text(always=True),
)
RETENTION_REPORT: Final = Format(
    "retention_report",
    "gait.guard.retention_report",
    Spec(
        **HEAD,
        root_path=Text(always=True),
        dry_run=Flag(always=True),
        trace_ttl_seconds=Integer(always=True),
        pack_ttl_seconds=Integer(always=True),
        scanned_files=Integer(always=True),
        deleted_files=Objs(_FILE, always=True),
        kept_files=Objs(_FILE, always=True),
    ),
)


def read(source: Source) -> Inspection:
    """Judge a retention report. A dry run still says *deleted* of every file: only ``dry_run`` tells."""
    value, notes = RETENTION_REPORT.opened(source)
    deleted, kept = objects(value, "deleted_files"), objects(value, "kept_files")
    for file in (*deleted, *kept):
        expect_word(notes, file, "kind", ("trace", "pack"))
    if number(value, "scanned_files") < len(deleted) + len(kept):
        notes.forged("retention.counts_mismatch", "more files are listed than were scanned")
    if deleted and value.get("dry_run") is True:
        notes.notes("retention.dry_run", f"{len(deleted)} files would have been deleted")
    elif deleted:
        notes.notes("retention.deleted", f"{len(deleted)} files were deleted")
    return RETENTION_REPORT.concluded(source, value, notes)
