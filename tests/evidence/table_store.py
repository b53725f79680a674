# SPDX-License-Identifier: Apache-2.0
"""Tables written by hand: what queries are asked about, without artifacts or ingestion."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from gaitops.evidence.schemas import arrow_schema

START = datetime(2026, 10, 5, tzinfo=UTC)
"""A Monday."""
COLLECTED = datetime(2026, 11, 1, tzinfo=UTC)
Rows = Mapping[str, Iterable[Mapping[str, Any]]]


def at(days: float = 0, seconds: float = 0) -> datetime:
    """A moment after :data:`START`."""
    return START + timedelta(days=days, seconds=seconds)


def digest(text: str) -> str:
    """A digest that is easy to make again."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class FolderTables:
    """Delta tables in a local folder."""

    folder: Path
    filesystem: None = None

    def table_files(self, table: str) -> tuple[str, ...]:
        """Files of the newest version."""
        path = self.folder / table
        return tuple(sorted(DeltaTable(str(path)).file_uris())) if path.exists() else ()


def write_tables(folder: Path, rows: Rows) -> FolderTables:
    """Write rows, completed with what no row lacks."""
    for table, given in rows.items():
        append(folder / table, table, given)
    return FolderTables(folder)


def append(path: Path, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """One more commit of one table."""
    write_deltalake(str(path), as_arrow(table, rows), mode="append")


def as_arrow(table: str, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows as the table's columns; unknown names are an error."""
    schema = arrow_schema(table)
    complete = [{**_PROVENANCE, **row} for row in rows]
    unknown = {name for row in complete for name in row} - set(schema.names)
    if unknown:
        raise ValueError(f"{table} has no {sorted(unknown)}")
    return pa.Table.from_pylist(complete, schema=schema)


_PROVENANCE = {
    "batch": "batch-1",
    "verdict": "verified",
    "collected_at": COLLECTED,
    "attribution": "upload_envelope",
}
