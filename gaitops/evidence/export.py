# SPDX-License-Identifier: Apache-2.0
"""Tables as files: the same rows give the same bytes, on every engine, with a manifest that names them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from gaitops.errors import UnsafeOperationError
from gaitops.evidence.backends import plain_rows
from gaitops.evidence.queries.selection import Selection, select, sorted_rows
from gaitops.evidence.schemas import arrow_schema

if TYPE_CHECKING:
    from gaitops.evidence.engines import Engine

Format = Literal["parquet", "jsonl", "csv"]
Row = Mapping[str, Any]
Lines = Callable[[Sequence[str], Iterable[Row]], Iterator[str]]
"""(columns, rows) → lines of text without their ends."""
MANIFEST: Final = "manifest.json"
SCHEMA: Final = "gaitops.dev/evidence-export/v1"
_GROUP_ROWS: Final = 122_880
"""Rows of a Parquet row group: fixed, so that the bytes do not depend on the pieces in which an engine delivers."""


@dataclass(frozen=True, slots=True)
class ExportedTable:
    """One file of an export."""

    table: str
    file: str
    rows: int
    size: int
    sha256: str

    def to_json(self) -> dict[str, object]:
        """As the manifest has it."""
        return {
            "table": self.table, "file": self.file, "rows": self.rows, "size": self.size, "sha256": self.sha256,
        }  # fmt: skip


def export(
    engine: Engine,
    tables: Sequence[str],
    selection: Selection,
    folder: Path,
    file_format: Format,
    lines: Lines,
    advance: Callable[[int], None],
) -> list[ExportedTable]:
    """Write the selected rows of tables into a new or empty folder.

    Args:
        engine: Where the rows come from.
        tables: Names of tables.
        selection: Which rows.
        folder: Made if it is not there.
        file_format: Of every file.
        lines: How rows become lines of text, for formats other than Parquet.
        advance: Told how many rows were written.

    Raises:
        UnsafeOperationError: ``input.exists`` when the folder has something in it.
        InternalError: ``query.failed``.
        OSError: the disk is full, or the folder may not be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise UnsafeOperationError.of(
            "input.exists", "the folder is not empty, and nothing is overwritten", path=str(folder)
        )
    return [_table(engine, name, selection, folder, file_format, lines, advance) for name in tables]


def manifest(store: str, where: Mapping[str, object], exported: Sequence[ExportedTable]) -> bytes:
    """What was exported, from which store, with which conditions; nothing in it depends on when."""
    members = {
        "schema": SCHEMA,
        "store": store,
        "where": dict(where),
        "tables": [item.to_json() for item in exported],
    }
    return json.dumps(members, indent=2, sort_keys=True).encode() + b"\n"


def _table(
    engine: Engine,
    name: str,
    selection: Selection,
    folder: Path,
    file_format: Format,
    lines: Lines,
    advance: Callable[[int], None],
) -> ExportedTable:
    file = folder / f"{name}.{file_format}"
    expression = sorted_rows(select(engine.tables, name, selection), name)
    pieces = _counted(engine.batches(expression), advance)
    rows = _parquet(file, name, pieces) if file_format == "parquet" else _text(file, name, pieces, lines)
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return ExportedTable(name, file.name, rows, file.stat().st_size, digest)


def _counted(pieces: Iterable[pa.Table], advance: Callable[[int], None]) -> Iterator[pa.Table]:
    for piece in pieces:
        yield piece
        advance(piece.num_rows)


def _parquet(file: Path, name: str, pieces: Iterable[pa.Table]) -> int:
    # Nullable throughout: an engine does not say which columns it found values in.
    schema = pa.schema([field.with_nullable(nullable=True) for field in arrow_schema(name)])
    rows = 0
    with pq.ParquetWriter(str(file), schema, compression="zstd") as writer:
        for group in _groups(pieces, schema):
            rows += group.num_rows
            writer.write_table(group, row_group_size=_GROUP_ROWS)
    return rows


def _groups(pieces: Iterable[pa.Table], schema: pa.Schema) -> Iterator[pa.Table]:
    """The same rows in pieces of one size."""
    held = schema.empty_table()
    for piece in pieces:
        held = pa.concat_tables([held, piece.cast(schema)])
        while held.num_rows >= _GROUP_ROWS:
            yield held.slice(0, _GROUP_ROWS).combine_chunks()
            held = held.slice(_GROUP_ROWS)
    if held.num_rows:
        yield held.combine_chunks()


def _text(file: Path, name: str, pieces: Iterable[pa.Table], lines: Lines) -> int:
    rows = 0

    def each() -> Iterator[Row]:
        nonlocal rows
        for piece in pieces:
            for row in plain_rows(piece):
                rows += 1
                yield row

    with file.open("x", encoding="utf-8", newline="") as stream:
        for line in lines(arrow_schema(name).names, each()):
            stream.write(f"{line}\n")
    return rows
