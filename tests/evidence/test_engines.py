# SPDX-License-Identifier: Apache-2.0
"""Engines: what they are called and given, and clear words when one cannot run. Spark itself is in test_spark.py."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

import fsspec
import pyarrow.parquet as pq
import pytest

from gaitops.errors import GaitopsError, InternalError, InvalidInputError, MissingDependencyError
from gaitops.evidence.engines import check_engine, is_spark, open_engine
from gaitops.evidence.queries import decisions
from gaitops.evidence.queries.selection import sorted_rows
from gaitops.evidence.schemas import arrow_schema
from gaitops.evidence.tables import TABLES
from tests.evidence.table_store import FolderTables, write_tables
from tests.evidence.world import WORLD


@pytest.mark.parametrize(
    "name", ["local", "local[4]", "local[*]", "spark://host:7077", "yarn", "k8s://https://host"]
)
def test_masters_of_spark(name: str) -> None:
    """What Spark calls a master is a name of an engine."""
    assert is_spark(check_engine(name))


def test_an_engine_that_nobody_knows() -> None:
    """The message says what there is."""
    with pytest.raises(InvalidInputError) as failure:
        check_engine("sparc://host")
    assert failure.value.code == "query.engine"


def test_a_setting_that_duckdb_does_not_have(tmp_path: Path) -> None:
    """Settings go to the engine unread, and it says which it does not know."""
    with (
        pytest.raises(InvalidInputError) as failure,
        open_engine(FolderTables(tmp_path), options={"colour": "blue"}),
    ):
        pytest.fail("it opened")
    assert failure.value.code == "query.setting"


def test_settings_reach_duckdb_but_cannot_bring_the_network_back(tmp_path: Path) -> None:
    """A query never downloads an extension, whatever the settings say."""
    options = {"threads": "1", "autoload_known_extensions": "true"}
    with open_engine(FolderTables(tmp_path), options=options) as opened:
        sql = opened.backend.raw_sql  # type: ignore[attr-defined]
        settings = "SELECT current_setting('threads'), current_setting('autoload_known_extensions')"
        assert sql(settings).fetchall() == [(1, False)]


@pytest.mark.parametrize(
    ("library", "engine", "code", "extra"),
    [
        ("duckdb", "duckdb", "dependency.evidence", "gaitops[evidence]"),
        ("pyspark", "local", "dependency.spark", "gaitops[spark]"),
    ],
)
def test_a_library_that_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str, engine: str, code: str, extra: str
) -> None:
    """Exit code 7, and which extra to install."""
    for name in ("gaitops.evidence.duckdb_engine", "gaitops.evidence.spark_engine"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name in [name for name in sys.modules if name.split(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingDependencyError) as failure, open_engine(FolderTables(tmp_path), engine):
        pytest.fail("it opened")
    assert failure.value.code == code
    assert extra in str(failure.value.problems[0].remedy)


def test_a_file_that_is_gone_or_damaged(tmp_path: Path) -> None:
    """The query fails with the engine's words, in one line; it does not leave rows out."""
    store = write_tables(tmp_path, {"decisions": WORLD["decisions"]})
    with open_engine(store) as opened:
        for file in store.table_files("decisions"):
            Path(file).write_bytes(b"PAR1 not a table PAR1")
        with pytest.raises(GaitopsError) as failure:
            opened.rows(decisions.policies_in_use(opened.tables).table)
    assert isinstance(failure.value, InternalError)
    assert failure.value.code == "query.failed"
    assert "\n" not in failure.value.problems[0].message


@dataclass(frozen=True)
class MemoryTables:
    """Files in a filesystem of fsspec."""

    folder: str
    filesystem: fsspec.AbstractFileSystem

    def table_files(self, table: str) -> list[str]:
        """All files of the table, as URLs."""
        return [
            f"memory://{path}" for path in sorted(self.filesystem.glob(f"{self.folder}/{table}/*.parquet"))
        ]


def test_files_that_only_a_filesystem_can_open(tmp_path: Path) -> None:
    """Object stores are read through their filesystem; DuckDB needs no extension."""
    local = write_tables(tmp_path, WORLD)
    memory = fsspec.filesystem("memory")
    folder = f"/{tmp_path.name}"
    for table in TABLES:
        for file in local.table_files(table):
            memory.pipe_file(f"{folder}/{table}/{Path(file).name}", Path(file).read_bytes())
    with open_engine(local) as one, open_engine(MemoryTables(folder, memory)) as other:
        query = decisions.decision_counts
        assert other.rows(query(other.tables).table) == one.rows(query(one.tables).table) != []


def test_columns_that_old_files_lack_are_null(tmp_path: Path) -> None:
    """A table written before a column was added can still be asked."""
    store = write_tables(tmp_path, {"decisions": WORLD["decisions"]})
    (file,) = store.table_files("decisions")
    pq.write_table(pq.read_table(file).drop_columns(["kill_switch", "violations"]), file)
    with open_engine(store) as opened:
        rows = opened.rows(opened.tables["decisions"])
        assert {row["kill_switch"] for row in rows} == {None}
        assert list(rows[0]) == arrow_schema("decisions").names
        assert opened.rows(decisions.kill_switch_stops(opened.tables).table) == []


def test_results_come_in_pieces_with_times_in_utc(tmp_path: Path) -> None:
    """Pieces together are the whole, with the types of the tables."""
    store = write_tables(tmp_path, WORLD)
    with open_engine(store) as opened:
        expression = sorted_rows(opened.tables["decisions"], "decisions")
        pieces = list(opened.batches(expression))
        assert [row for piece in pieces for row in piece.to_pylist()] == opened.arrow(expression).to_pylist()
        assert pieces[0].schema.types == arrow_schema("decisions").types
        times = [row["made_at"] for row in opened.rows(expression)]
        assert {time.tzinfo for time in times if time is not None} == {UTC}
