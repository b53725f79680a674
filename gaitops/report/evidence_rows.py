# SPDX-License-Identifier: Apache-2.0
"""Rows of evidence for people and for programs: tables, JSON values, JSON lines, CSV."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from gaitops.report.tables import table
from gaitops.report.text import Style, counted, styled

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_SHORT: Final = 12
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""First characters that spreadsheets take for the start of a formula."""

_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "artifacts": ("artifact", "kind", "verdict", "repository", "environment", "made_at"),
    "decisions": ("artifact", "decision", "tool_name", "repository", "environment", "verdict", "made_at"),
    "runs": ("artifact", "run_id", "family_id", "repository", "verdict", "made_at"),
    "run_steps": ("artifact", "run_id", "index", "tool_name", "status"),
    "regress_results": ("artifact", "status", "drift_class", "fixtures", "failed", "repository", "made_at"),
    "regress_graders": ("artifact", "fixture", "grader", "status", "reason_codes", "repository"),
    "approvals": ("artifact", "form", "approver", "tool_name", "valid", "error_code", "repository"),
    "inventory_items": ("artifact", "item_kind", "name", "risk_level", "locator", "repository"),
    "findings": ("artifact", "code", "effect", "kind", "repository", "message"),
}  # fmt: skip
"""What text shows of a table; JSON has everything."""


def rows_text(name: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]], total: int) -> str:
    """A table of the most telling columns, and how many rows there are in all."""
    shown = [column for column in _COLUMNS.get(name, ()) if column in columns] or list(columns)
    if set(columns) != set(shown) and "count" in columns:
        shown = list(columns)
    shorter = _without_host(rows) if "repository" in shown else {}
    body = table(
        [column.replace("_", " ") for column in shown],
        [
            [
                shorter.get(row[column], cell(row[column])) if column == "repository" else cell(row[column])
                for column in shown
            ]
            for row in rows
        ],
    )
    more = f"; {counted(total - len(rows), 'more')[:-1]} not shown" if total > len(rows) else ""
    return "\n".join(part for part in (body, styled(f"{counted(total, 'row')}{more}", Style.DIM)) if part)


def _without_host(rows: Sequence[Mapping[str, Any]]) -> dict[Any, str]:
    """Repository → what to show: without the host where all rows have the same."""
    names = {row["repository"] for row in rows} - {None}
    hosts = {name.partition("/")[0] for name in names}
    return {name: name.partition("/")[2] for name in names} if len(hosts) == 1 else {}


def cell(value: Any) -> str:
    """A value in a narrow place: digests shortened, times to the second, lists with commas."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list):
        return ", ".join(map(cell, value)) or "–"
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return text[:_SHORT] if _DIGEST.fullmatch(text) else text


def plain(value: Any) -> Any:
    """A value as JSON has it: times are RFC 3339 in UTC with as many digits as they need."""
    if isinstance(value, datetime):
        text = value.strftime("%Y-%m-%dT%H:%M:%S")
        fraction = f".{value.microsecond:06}".rstrip("0") if value.microsecond else ""
        return f"{text}{fraction}Z"
    return value.isoformat() if isinstance(value, date) else value


def json_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as a JSON object; what is not known is null."""
    return {name: plain(value) for name, value in row.items()}


def json_lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A line per row."""
    for row in rows:
        yield json.dumps(json_row(row), allow_nan=False, separators=(",", ":"))


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Comma-separated values with a heading (RFC 4180, but for the line ends).

    Lists are JSON. Text that a spreadsheet would run as a formula gets an apostrophe in front: artifacts are written by others.
    """
    yield _csv_line(columns)
    for row in rows:
        yield _csv_line([_csv_cell(row[name]) for name in columns])


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = plain(value)
    if isinstance(text, str) and text.startswith(_FORMULA):
        return f"'{text}"
    return str(text)


def _csv_line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()
