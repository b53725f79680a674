# SPDX-License-Identifier: Apache-2.0
"""Queries on DuckDB, in this process.

Extensions are neither installed nor loaded: a query never reaches for a network. Local files are read by DuckDB itself,
others through the store's own filesystem. What does not fit into memory spills into a folder of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import duckdb
import ibis
import pyarrow as pa

from gaitops.errors import InvalidInputError
from gaitops.evidence.backends import BATCH_ROWS, BackendEngine, conformed, explained, ibis_type
from gaitops.evidence.engines import TableFiles
from gaitops.evidence.tables import TABLES

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from ibis.backends.duckdb import Backend

_MACROS: Final = (
    "create temp macro unix_micros(t) as epoch_us(t)",
    "create temp macro date_from_unix_date(n) as date '1970-01-01' + n",
)
"""Functions of :mod:`gaitops.evidence.queries.counting` that have another name here."""
_OFFLINE: Final = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


@contextmanager
def open_tables(files: TableFiles, name: str, options: Mapping[str, str]) -> Iterator[BackendEngine]:
    """An engine over the files of a store; ``options`` are DuckDB's settings, such as ``memory_limit`` or ``threads``.

    Raises:
        InvalidInputError: ``query.setting`` for a setting that DuckDB does not have or take.
        InternalError: ``query.failed`` when a file of a table is gone or damaged.
    """
    with TemporaryDirectory(prefix="gaitops-duckdb-") as spill:
        settings = {"temp_directory": spill, **options, **_OFFLINE}
        try:
            backend = ibis.duckdb.connect(**settings)
        except duckdb.Error as error:
            raise InvalidInputError.of("query.setting", str(error).splitlines()[0]) from error
        try:
            filesystem = files.filesystem
            if filesystem is not None:
                backend.register_filesystem(filesystem)
            with explained(name, (duckdb.Error,)):
                for macro in _MACROS:
                    backend.con.execute(macro)
                tables = {
                    table: conformed(_table(backend, table, files.table_files(table)), table)
                    for table in TABLES
                }
            yield BackendEngine(name, tables, backend, partial(_fetch, backend), (duckdb.Error,))
        finally:
            backend.disconnect()


def _table(backend: Backend, name: str, paths: Sequence[str]) -> ir.Table:
    if paths:
        # Not Ibis's own way: for some URLs that installs an extension of DuckDB first, although the filesystem is registered.
        backend.con.read_parquet(list(paths)).create_view(name)
        return backend.table(name)
    schema = ibis.schema({column.name: ibis_type(column.type) for column in TABLES[name]})
    return backend.create_table(name, schema=schema, temp=True)


def _fetch(backend: Backend, sql: str) -> Iterator[pa.Table]:
    for batch in backend.con.sql(sql).to_arrow_reader(BATCH_ROWS):
        yield pa.Table.from_batches([batch])
