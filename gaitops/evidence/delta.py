# SPDX-License-Identifier: Apache-2.0
"""The tables of a store as Delta tables: creating, appending exactly once, and reading few columns of few files.

Exactly once rests on one property of Delta's log, which a test of ours holds the library to: of two commits that carry the same
application id, the one that has not seen the other is refused. :mod:`gaitops.evidence.batches` builds the protocol on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from pyarrow.fs import FSSpecHandler, PyFileSystem

from gaitops.errors import InternalError
from gaitops.evidence.schemas import arrow_schema
from gaitops.evidence.tables import TABLES

if TYPE_CHECKING:
    from gaitops.evidence.stores import Store

_CONFIGURATION: Final = {
    "delta.checkpointInterval": "50",  # an opened table reads at most so many entries of the log
    "delta.appendOnly": "true",  # rows are facts
}
_ATTEMPTS: Final = 200
"""Commits are retried at once: whoever loses a race has seen somebody else win it."""
_REMEDY: Final = "Make room, give permission or reach the server, then run the same command again: it goes on where it stopped."


@dataclass(frozen=True, slots=True)
class DataFile:
    """One Parquet file of a table, with what the log says of it."""

    path: str
    """As its library opens it."""
    rows: int
    least: dict[str, Any]
    """Column → least value, where the log knows it."""
    greatest: dict[str, Any]
    nulls: dict[str, int]
    """Column → rows without a value, where the log knows it."""


def open_table(store: Store, table: str) -> DeltaTable | None:
    """The newest version of a table; ``None`` when there is none.

    Raises:
        InternalError: ``store.unreadable``.
    """
    try:
        return DeltaTable(store.table_uri(table), storage_options=store.table_options or None)
    except TableNotFoundError:
        return None
    except (DeltaError, OSError) as error:
        raise _failed("store.unreadable", error, store, table) from error


def create_tables(store: Store) -> None:
    """Create the tables that are not there yet.

    Raises:
        InternalError: ``store.unwritable``.
    """
    for table in TABLES:
        if open_table(store, table) is not None:
            continue
        try:
            DeltaTable.create(
                store.table_uri(table),
                arrow_schema(table),
                mode="ignore",
                configuration=_CONFIGURATION,
                storage_options=store.table_options or None,
            )
        except (DeltaError, OSError) as error:
            # Two processes may create it at once; one of them is told that it was late.
            if open_table(store, table) is None:
                raise _failed("store.unwritable", error, store, table) from error


def application_version(table: DeltaTable, application: str) -> int | None:
    """What the last commit of this application said; ``None`` when there is none."""
    version: int | None = table.transaction_version(application)
    return version


def commit_once(store: Store, table: str, opened: DeltaTable, rows: pa.Table, marks: dict[str, int]) -> bool:
    """Append ``rows`` in one commit; ``False``, with nothing written, if another commit with one of the marks came in between.

    Args:
        store: the store.
        table: name of the table.
        opened: the version that the caller has looked at.
        rows: what to append; may be empty, the marks are recorded all the same.
        marks: application id → number, recorded with the rows.

    Raises:
        InternalError: ``store.unwritable``.
    """
    seen = {name: application_version(opened, name) for name in marks}
    properties = CommitProperties(
        app_transactions=[Transaction(name, number) for name, number in marks.items()],
        max_commit_retries=_ATTEMPTS,
    )
    try:
        if rows.num_rows:
            write_deltalake(
                opened, rows, mode="append", commit_properties=properties, writer_properties=_writing()
            )
        else:
            opened.create_write_transaction([], "append", opened.schema(), commit_properties=properties)
    except CommitFailedError as error:
        newer = open_table(store, table)
        if newer is None or all(application_version(newer, name) == seen[name] for name in marks):
            raise _failed("store.unwritable", error, store, table) from error
        return False
    except (DeltaError, OSError) as error:
        raise _failed("store.unwritable", error, store, table) from error
    return True


def data_files(store: Store, opened: DeltaTable) -> list[DataFile]:
    """The files of one version of a table."""
    actions = pa.table(opened.get_add_actions(flatten=True)).to_pylist()
    base = opened.table_uri.rstrip("/")
    return [
        DataFile(
            _openable(store, f"{base}/{unquote(action['path'])}"),
            action["num_records"] or 0,
            _statistics(action, "min."),
            _statistics(action, "max."),
            _statistics(action, "null_count."),
        )
        for action in actions
    ]


def _statistics(action: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {
        name.removeprefix(prefix): value
        for name, value in action.items()
        if name.startswith(prefix) and value is not None
    }


def scan(
    store: Store, files: Sequence[DataFile], columns: Sequence[str], where: pc.Expression | None = None
) -> Iterator[pa.RecordBatch]:
    """Rows of some files, a piece at a time; only ``columns``.

    Raises:
        InternalError: ``store.unreadable``: a file of the table is gone or damaged.
    """
    if not files:
        return
    try:
        dataset = ds.dataset(
            [item.path for item in files], filesystem=_arrow_filesystem(store), format="parquet"
        )
        yield from dataset.to_batches(
            columns=list(columns), filter=where, batch_readahead=2, fragment_readahead=1
        )
    except (pa.ArrowException, OSError) as error:
        raise InternalError.of(
            "store.unreadable", " ".join(str(error).split())[:300], path=store.url, remedy=_REMEDY
        ) from error


def _openable(store: Store, uri: str) -> str:
    filesystem = store.filesystem
    if filesystem is None:
        return unquote(uri.removeprefix("file://"))
    stripped: str = filesystem._strip_protocol(uri)  # noqa: SLF001  # how every user of fsspec turns URLs into paths
    return stripped


def _arrow_filesystem(store: Store) -> Any:
    if store.filesystem is None:
        return None
    return PyFileSystem(FSSpecHandler(store.filesystem))


def _writing() -> WriterProperties:
    return WriterProperties(compression="ZSTD", compression_level=1)


def _failed(code: str, error: Exception, store: Store, table: str) -> InternalError:
    text = " ".join(str(error).split())[:300]
    return InternalError.of(code, f"table {table}: {text}", path=store.url, remedy=_REMEDY)
