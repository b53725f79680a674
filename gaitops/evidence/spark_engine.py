# SPDX-License-Identifier: Apache-2.0
"""Queries on Apache Spark: in local mode, or on a cluster that reaches the store's URLs by itself.

A session that exists already is used as it is and left running, so that a job on a cluster can call queries too; one
that this module started ends with the engine.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Final

import ibis
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DataType,
    DoubleType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from gaitops.errors import InternalError, MissingDependencyError
from gaitops.evidence.backends import BackendEngine, conformed, explained
from gaitops.evidence.engines import TableFiles
from gaitops.evidence.tables import TABLES, ColumnType

_TYPES: Final[dict[ColumnType, DataType]] = {
    "string": StringType(),
    "strings": ArrayType(StringType()),
    "int64": LongType(),
    "float64": DoubleType(),
    "bool": BooleanType(),
    "timestamp": TimestampType(),
}
_SETTINGS: Final = (
    "spark.ui.enabled=false",
    "spark.ui.showConsoleProgress=false",
    "spark.log.level=ERROR",
    "spark.sql.session.timeZone=UTC",
    "spark.sql.execution.arrow.pyspark.enabled=true",
)
_LOOPBACK: Final = ("spark.driver.host=127.0.0.1", "spark.driver.bindAddress=127.0.0.1")
"""A local Spark listens to nobody else."""
_FAILURES: Final = (Py4JError, PySparkException)
_views = count()


@contextmanager
def open_tables(files: TableFiles, name: str, options: Mapping[str, str]) -> Iterator[BackendEngine]:
    """An engine over the files of a store; ``options`` are Spark's settings, such as ``spark.executor.memory``.

    Raises:
        MissingDependencyError: ``dependency.java``.
        InternalError: ``query.failed`` when no session can be started or the files cannot be found.
    """
    running = SparkSession.getActiveSession()
    session = running or _session(name, options)
    views: dict[str, str] = {}
    try:
        with explained(name, _FAILURES):
            # Times of the tables are in UTC, and days are days of UTC.
            session.conf.set("spark.sql.session.timeZone", "UTC")
            backend = ibis.pyspark.connect(session)
            for table in TABLES:
                views[table] = _view(session, table, files.table_files(table))
            tables = {table: conformed(backend.table(view), table) for table, view in views.items()}
        yield BackendEngine(name, tables, backend, lambda sql: [session.sql(sql).toArrow()], _FAILURES)
    finally:
        for view in views.values():
            session.catalog.dropTempView(view)
        if running is None:
            session.stop()


@contextmanager
def spark_session(master: str, options: Mapping[str, str] | None = None) -> Iterator[SparkSession]:
    """The session that runs in this process, or one that ends with the context.

    Raises:
        MissingDependencyError: ``dependency.java``.
        InternalError: ``query.failed`` when no session can be started.
    """
    running = SparkSession.getActiveSession()
    session = running or _session(master, options or {})
    try:
        yield session
    finally:
        if running is None:
            session.stop()


def _session(master: str, options: Mapping[str, str]) -> SparkSession:
    settings = (*_SETTINGS, *(_LOOPBACK if master.startswith("local") else ()))
    builder = SparkSession.builder.master(master).appName("gaitops")
    for name, value in [*(setting.split("=", 1) for setting in settings), *options.items()]:
        builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
    except (Py4JError, PySparkException) as error:
        if shutil.which("java") is None:
            raise MissingDependencyError.of(
                "dependency.java",
                "Spark needs Java, and there is no java on PATH",
                remedy="install Java 17 or newer",
            ) from error
        raise InternalError.of("query.failed", f"{master}: {str(error).splitlines()[0][:500]}") from error
    if master.startswith("local"):
        # Spark would run the first python3 on PATH, which need not be the one that has gaitops.
        session.sparkContext.pythonExec = sys.executable
    return session


def _view(session: SparkSession, name: str, paths: Sequence[str]) -> str:
    """A temporary view of a table. The name is new each time: several stores may be open in one session."""
    schema = StructType([StructField(column.name, _TYPES[column.type]) for column in TABLES[name]])
    frame = session.read.schema(schema).parquet(*paths) if paths else session.createDataFrame([], schema)
    view = f"gaitops_{next(_views)}_{name}"
    frame.createOrReplaceTempView(view)
    return view
