# SPDX-License-Identifier: Apache-2.0
"""Where queries run: DuckDB in this process by default, Spark by configuration; the same expressions on both (design 11).

A query is a function from tables to an Ibis expression and knows no engine. An engine reads the Parquet files that the
Delta log names; it never reads the log itself, so that no engine needs a plug-in for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

from gaitops.errors import InvalidInputError
from gaitops.evidence.extras import load

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa
    from fsspec import AbstractFileSystem

DUCKDB: Final = "duckdb"
"""Name of the default engine."""
_SPARK_MASTERS: Final = ("spark://", "k8s://", "local[")

Tables = Mapping[str, "ir.Table"]
"""Name → table, with exactly the columns of :data:`gaitops.evidence.tables.TABLES`."""


class TableFiles(Protocol):
    """What an engine needs of a store."""

    def table_files(self, table: str) -> Sequence[str]:
        """Paths or URLs of the Parquet files of the newest version, sorted; none when nothing was written yet."""

    @property
    def filesystem(self) -> AbstractFileSystem | None:
        """What opens those URLs; ``None`` when they are local paths."""


class Engine(Protocol):
    """An engine with the tables of one store, as they were when it was opened."""

    @property
    def name(self) -> str:
        """``duckdb``, or the Spark master."""

    @property
    def tables(self) -> Tables:
        """What queries are asked about."""

    def arrow(self, expression: ir.Table) -> pa.Table:
        """The rows of an expression; times in UTC with microseconds.

        Raises:
            InternalError: ``query.failed``: a file is gone or damaged, or the memory does not suffice.
        """

    def batches(self, expression: ir.Table) -> Iterator[pa.Table]:
        """As :meth:`arrow`, in pieces, for results that need not fit into memory; until the last, ask nothing else."""

    def rows(self, expression: ir.Table) -> list[dict[str, Any]]:
        """As :meth:`arrow`, as plain values; times are aware, in UTC."""


def is_spark(engine: str) -> bool:
    """Whether the name of an engine is a Spark master."""
    return engine in {"local", "yarn"} or engine.startswith(_SPARK_MASTERS)


def check_engine(engine: str) -> str:
    """The name of an engine, if it can be one.

    Raises:
        InvalidInputError: ``query.engine``.
    """
    if engine != DUCKDB and not is_spark(engine):
        raise InvalidInputError.of(
            "query.engine",
            f"there is no engine {engine!r}",
            remedy="Name duckdb, or a Spark master such as local[*] or spark://host:7077.",
        )
    return engine


@contextmanager
def open_engine(
    files: TableFiles, engine: str = DUCKDB, options: Mapping[str, str] | None = None
) -> Iterator[Engine]:
    """Open the tables of a store in an engine.

    Args:
        files: The store.
        engine: ``duckdb``, or a Spark master: ``local``, ``local[4]``, ``spark://host:7077``, ``yarn``, ``k8s://…``.
        options: Settings of the engine itself, passed on unread.

    Raises:
        InvalidInputError: ``query.engine``, or ``query.setting``.
        MissingDependencyError: ``dependency.evidence``, ``dependency.spark``, ``dependency.java``.
        InternalError: ``query.failed``.
    """
    if check_engine(engine) == DUCKDB:
        module = load("gaitops.evidence.duckdb_engine", "evidence")
    else:
        module = load("gaitops.evidence.spark_engine", "spark")
    opening: Callable[..., AbstractContextManager[Engine]] = module.open_tables
    with opening(files, engine, options or {}) as opened:
        yield opened
