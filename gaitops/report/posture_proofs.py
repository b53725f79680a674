# SPDX-License-Identifier: Apache-2.0
"""The artifacts behind one number of a posture report, for people and programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from gaitops.documents.times import format_timestamp
from gaitops.report import markdown

Artifacts = Sequence[Mapping[str, Any]]
"""Rows with ``artifact``, ``kind``, ``verdict``, ``repository``, ``environment``, ``made_at``, ``source``; all but the first may be null."""
_COLUMNS: Final = ("artifact", "kind", "verdict", "repository", "environment", "made_at", "source")


def proof_json(selector: str, total: int, rows: Artifacts) -> dict[str, object]:
    """The document: the selector, how many artifacts there are, and those that are listed."""
    members = {"made_at": "madeAt"}
    listed = [{members.get(name, name): _plain(row[name]) for name in _COLUMNS} for row in rows]
    return {"selector": selector, "total": total, "artifacts": listed}


def proof_text(selector: str, total: int, rows: Artifacts) -> str:
    """One whole digest per line, since digests are there to be copied."""
    lines = [f"{row['artifact']}  {row['kind']} {row['verdict']}  {_time(row['made_at'])}" for row in rows]
    return "\n".join([_headline(selector, total, rows), *lines])


def proof_markdown(selector: str, total: int, rows: Artifacts) -> str:
    """A table."""
    cells = [
        [
            markdown.code(str(row["artifact"])),
            str(row["kind"]),
            str(row["verdict"]),
            markdown.escape(str(row["repository"] or "")),
            _time(row["made_at"]),
        ]
        for row in rows
    ]
    heading = markdown.escape(_headline(selector, total, rows))
    body = markdown.table(["artifact", "kind", "verdict", "repository", "made at"], cells)
    return f"{heading}\n\n{body}" if body else heading


def proof_csv(rows: Artifacts) -> str:
    """CSV with a heading."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows([_plain(row[name]) or "" for name in _COLUMNS] for row in rows)
    return buffer.getvalue()


def _headline(selector: str, total: int, rows: Artifacts) -> str:
    listed = f"; the first {len(rows)} of them" if len(rows) < total else ""
    return f"{selector}: {total:,} artifacts{listed}"


def _plain(value: object) -> object:
    return format_timestamp(value) if isinstance(value, datetime) else value


def _time(value: object) -> str:
    return format_timestamp(value) if isinstance(value, datetime) else "no time"
