# SPDX-License-Identifier: Apache-2.0
"""What engines share: tables with known columns, results with one idea of time, failures with one code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from gaitops.errors import InternalError
from gaitops.evidence.engines import Tables
from gaitops.evidence.tables import TABLES, ColumnType

if TYPE_CHECKING:
    import ibis.expr.types as ir

BATCH_ROWS: Final = 122_880
"""Rows of a piece; a row group of DuckDB."""
MICROSECONDS: Final = pa.timestamp("us", "UTC")


@dataclass(frozen=True, slots=True)
class BackendEngine:
    """An engine that runs the SQL of a backend of Ibis; see :class:`gaitops.evidence.engines.Engine`.

    The backend compiles and the library fetches: Ibis itself takes some results through pandas, which has no integer
    without a value.
    """

    name: str
    tables: Tables
    backend: ibis.BaseBackend
    fetch: Callable[[str], Iterable[pa.Table]]
    """SQL → the rows of the result, in pieces."""
    failures: tuple[type[BaseException], ...]
    """What the engine's library raises when it cannot run a query."""

    def arrow(self, expression: ir.Table) -> pa.Table:
        """The rows of an expression.

        Raises:
            InternalError: ``query.failed``.
        """
        return pa.concat_tables([_schema(expression).empty_table(), *self.batches(expression)])

    def batches(self, expression: ir.Table) -> Iterator[pa.Table]:
        """The rows of an expression in pieces.

        Raises:
            InternalError: ``query.failed``.
        """
        schema = _schema(expression)
        with explained(self.name, self.failures):
            for piece in self.fetch(self.backend.compile(expression)):
                yield _as(piece, schema)

    def rows(self, expression: ir.Table) -> list[dict[str, Any]]:
        """The rows of an expression as plain values.

        Raises:
            InternalError: ``query.failed``.
        """
        return plain_rows(self.arrow(expression))


@contextmanager
def explained(name: str, failures: tuple[type[BaseException], ...]) -> Iterator[None]:
    """Turn failures of an engine's library into ours; the first line of what it says is enough.

    Raises:
        InternalError: ``query.failed``.
    """
    try:
        yield
    except failures as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InternalError.of("query.failed", f"{name}: {first[:500]}") from error


def conformed(table: ir.Table, name: str) -> ir.Table:
    """``table`` with exactly the columns of table ``name``, in order; those that its files lack are null."""
    if list(table.columns) == [column.name for column in TABLES[name]]:
        return table  # Every layer of an expression is compiled again with each query.
    return table.select(
        table[column.name]
        if column.name in table.columns
        else ibis.null(ibis_type(column.type)).name(column.name)
        for column in TABLES[name]
    )


def ibis_type(kind: ColumnType) -> str:
    """Ibis' name of a column type."""
    return {"strings": "array<string>", "timestamp": "timestamp('UTC', 6)", "bool": "boolean"}.get(kind, kind)


def plain_rows(table: pa.Table) -> list[dict[str, Any]]:
    """The rows of a table as Python values; times are aware, in UTC."""
    rows: list[dict[str, Any]] = table.to_pylist()
    for field in table.schema:
        if pa.types.is_timestamp(field.type):
            for row in rows:
                if row[field.name] is not None:
                    row[field.name] = row[field.name].astimezone(UTC)
    return rows


def _schema(expression: ir.Table) -> pa.Schema:
    """What the columns of an expression are: times in UTC, whatever an engine calls them."""
    return pa.schema(
        [
            pa.field(field.name, MICROSECONDS if pa.types.is_timestamp(field.type) else field.type)
            for field in expression.schema().to_pyarrow()
        ]
    )


def _as(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The same values with the types of ``schema``: sums come wider, times with or without a zone that means UTC."""
    columns = []
    for column, field in zip(table.columns, schema, strict=True):
        if pa.types.is_timestamp(column.type) and column.type.tz is None:
            columns.append(pc.assume_timezone(column, "UTC").cast(field.type))
        else:
            columns.append(column.cast(field.type))
    return pa.Table.from_arrays(columns, schema=schema)
