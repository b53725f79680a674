# SPDX-License-Identifier: Apache-2.0
"""Spark: the answers that DuckDB gives, and jobs that ingest what one process would.

All tests of Spark are in one file, so that they run in one process, which starts it once.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from gaitops.errors import InternalError, InvalidInputError
from gaitops.evidence import delta, jobs
from gaitops.evidence.batches import pending_batches
from gaitops.evidence.ingest import IngestReport
from gaitops.evidence.jobs import Listing, ingest, run_slice, slices
from gaitops.evidence.spark_engine import spark_session
from gaitops.evidence.spark_jobs import run_slices
from gaitops.evidence.stores import open_store
from tests.evidence.collected import contents, ingested, job, lay_out, positions
from tests.evidence.questions import answers
from tests.evidence.table_store import write_tables
from tests.evidence.world import WORLD

QUICK = {
    "spark.sql.shuffle.partitions": "1",
    "spark.default.parallelism": "2",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}
"""Spark and Java spend their time on compiling; for a few rows that is for nothing."""


@pytest.fixture(scope="module", autouse=True)
def spark() -> Iterator[SparkSession]:
    """Spark in this process; gaitops uses the session that is there, and starts none."""
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, and there is no java on PATH")
    with spark_session("local[2]", QUICK) as session:
        yield session


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A collected folder of two repositories, one with damaged artifacts."""
    return lay_out(tmp_path / "collected", "infra-live", "cart-api", most=9)


def test_duckdb_and_spark_give_the_same_answers(tmp_path: Path) -> None:
    """The whole suite on both: values, nulls, lists, times, days, types, and their order."""
    store = write_tables(tmp_path, {**WORLD, "inventory_items": []})
    here = answers(store, "duckdb")
    there = answers(store, "local[2]")
    assert here.keys() == there.keys()
    for name, rows in here.items():
        assert there[name] == rows, name
    assert sum(len(rows) > 0 for rows in here.values()) > 30


def test_spark_ingests_what_one_process_would(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several slices and rounds in worker processes of Spark: the tables of an undisturbed run, nothing left over."""
    monkeypatch.setattr(jobs, "_LEAST_SLICE", 1)
    undisturbed = ingested(tmp_path / "one", source)
    task = job(tmp_path / "many", source, batch_size=5)
    done: list[int] = []
    report = ingest(task, Listing(task), engine="local[2]", advance=done.append)
    assert len(done) > 4, "more slices than one round has"
    assert sum(done) == report.files == undisturbed.files
    assert (report.new, report.counts) == (undisturbed.new, undisturbed.counts)
    assert contents(tmp_path / "many") == contents(tmp_path / "one")
    assert positions(tmp_path / "many") == list(range(undisturbed.new))
    assert pending_batches(open_store(str(tmp_path / "many"))) == {}
    again = ingest(task, Listing(task), engine="local[2]")
    assert (again.new, again.known) == (0, undisturbed.new)


def test_what_a_slice_says_about_its_failure_is_what_the_caller_reads(source: Path, tmp_path: Path) -> None:
    """The error of a worker arrives with its code and its advice, not wrapped in Java's."""
    task = job(tmp_path / "nowhere", source)
    wanted = list(Listing(task).entries(IngestReport()))
    with pytest.raises(InvalidInputError) as here:
        run_slice(task, wanted)
    with pytest.raises(InvalidInputError) as there:
        list(run_slices(task, lambda _workers: slices(wanted, 5), "local[2]"))
    assert there.value.code == "store.absent"
    assert there.value.problems == here.value.problems
    assert str(there.value) == str(here.value)


def test_a_job_that_spark_loses_is_an_error_in_one_line(source: Path, tmp_path: Path) -> None:
    """Whatever Spark and Java write about it, the caller reads one line and what to do."""
    task = job(tmp_path / "store", source, batch_size=None)
    delta.create_tables(open_store(task.store, create=True))
    wanted = list(Listing(task).entries(IngestReport()))
    with pytest.raises(InternalError) as failure:
        list(run_slices(task, lambda _workers: slices(wanted, 5), "local[2]"))
    assert failure.value.code == "query.failed"
    assert "TypeError" in failure.value.problems[0].message
    assert "\n" not in failure.value.problems[0].message
