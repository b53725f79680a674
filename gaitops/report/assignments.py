# SPDX-License-Identifier: Apache-2.0
"""Assignments as JSON, as JSON lines and as a table: fast enough that a large fleet's output does not hold it up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import orjson

from gaitops.fleet.assignments import Assigned, Assignment
from gaitops.report.tables import table

_LINES_A_PIECE: Final = 5000


def assignment_json(row: Assignment) -> dict[str, object]:
    """One assignment for machines."""
    return {
        "org": row.org,
        "project": row.project,
        "repository": row.repository,
        "environment": row.environment,
        "tier": row.tier,
        "enforced": _version(row.enforced),
        "candidate": None if row.candidate is None else _version(row.candidate),
        "mode": row.mode,
    }


def assignment_lines(rows: Sequence[Assignment]) -> Iterator[str]:
    """The same as JSON lines, many lines at a time."""
    for start in range(0, len(rows), _LINES_A_PIECE):
        lines = [orjson.dumps(assignment_json(row)) for row in rows[start : start + _LINES_A_PIECE]]
        yield b"\n".join(lines).decode()


def assignments_table(rows: Sequence[Assignment]) -> str:
    """For people; the column of candidates is there when there is one."""
    if not rows:
        return "no assignments"
    rollout = any(row.candidate is not None for row in rows)
    headings = ["repository", "environment", "tier", "enforced", *(["candidate"] if rollout else []), "mode"]
    cells = [
        [
            row.repository,
            row.environment,
            row.tier,
            str(row.enforced),
            *([str(row.candidate or "–")] if rollout else []),
            row.mode,
        ]
        for row in rows
    ]
    return table(headings, cells)


def _version(assigned: Assigned) -> dict[str, str]:
    return {"org": assigned.org, "policy": assigned.policy, "version": assigned.version}
