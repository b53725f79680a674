# SPDX-License-Identifier: Apache-2.0
"""Whatever is killed when, and however many write at once: nothing is lost, and nothing is there twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from gaitops.errors import InternalError
from gaitops.evidence import batches, delta
from gaitops.evidence.batches import pending_batches, recover
from gaitops.evidence.local_files import LocalFiles
from gaitops.evidence.schemas import arrow_schema
from gaitops.evidence.stores import open_store
from tests.docs.source_tree import ROOT
from tests.evidence.collected import NOW, contents, ingest_with, ingested, lay_out, positions, rows

STEPS = ("object", "staged", "claimed", "decisions", "runs", "run_steps", "removed")


class KilledError(BaseException):
    """Stands for the end of the process: nothing catches it."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collected folder of two repositories, one with damaged artifacts."""
    return lay_out(tmp_path_factory.mktemp("collected"), "infra-live", "cart-api", most=12)


@pytest.fixture(scope="module")
def undisturbed(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that nothing happened to."""
    store = tmp_path_factory.mktemp("undisturbed") / "store"
    ingested(store, source, batch_size=10)
    return store


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("time", [1, 2])
def test_a_run_that_dies_anywhere_goes_on_to_the_same_tables(
    name: str, time: int, source: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """Stopped at any step of a batch, then run again: the tables of a run that nothing stopped."""
    seen = 0

    def step(done: str) -> None:
        nonlocal seen
        seen += done == name
        if seen == time and done == name:
            raise KilledError

    with pytest.raises(KilledError):
        ingest_with(tmp_path / "store", source, step, batch_size=10)
    report = ingested(tmp_path / "store", source, batch_size=10)
    assert contents(tmp_path / "store") == contents(undisturbed)
    assert positions(tmp_path / "store") == list(range(len(positions(undisturbed))))
    claimed = name not in {"object", "staged", "removed"}
    assert report.completed == claimed
    left = pending_batches(open_store(str(tmp_path / "store")))
    assert list(left.values()) == ([False] if name == "staged" else [])


def test_a_killed_process_leaves_a_store_that_goes_on(
    source: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """A real SIGKILL between claim and rows is completed by the next run."""
    script = (
        "import os, signal, sys\n"
        "from tests.evidence.collected import ingest_with\n"
        "def step(name):\n"
        "    if name == 'claimed': os.kill(os.getpid(), signal.SIGKILL)\n"
        "ingest_with(sys.argv[1], sys.argv[2], step, batch_size=10)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "store"), str(source)], cwd=ROOT, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert ingested(tmp_path / "store", source, batch_size=10).completed == 1
    assert contents(tmp_path / "store") == contents(undisturbed)


def test_eight_processes_at_once_lose_nothing_and_double_nothing(
    source: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """Eight processes ingest the same listing into one store: artifacts, positions and decisions are there once."""
    script = (
        "import sys\n"
        "from tests.evidence.collected import ingest_with\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "ingest_with(sys.argv[1], sys.argv[2], batch_size=int(sys.argv[3]))\n"
    )
    store = tmp_path / "store"
    open_store(str(store), create=True)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(store), str(source), str(15 + number)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for number in range(8)
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
    for process in running:
        process.communicate()
    assert [process.returncode for process in running] == [0] * 8
    assert contents(store) == contents(undisturbed)
    assert positions(store) == list(range(len(positions(undisturbed))))
    assert pending_batches(open_store(str(store))) == {}


def test_of_two_commits_with_one_mark_the_blind_one_is_refused(tmp_path: Path) -> None:
    """The property of Delta's log that everything else rests on."""
    store = open_store(str(tmp_path), create=True)
    delta.create_tables(store)
    nothing = arrow_schema("findings").empty_table()
    one, other = delta.open_table(store, "findings"), delta.open_table(store, "findings")
    assert one is not None
    assert other is not None
    assert delta.commit_once(store, "findings", one, nothing, {"a": 1, "b": 7})
    assert not delta.commit_once(store, "findings", other, nothing, {"b": 8})
    newest = delta.open_table(store, "findings")
    assert newest is not None
    assert [delta.application_version(newest, name) for name in "abc"] == [1, 7, None]


def test_marks_survive_checkpoints_of_the_log(tmp_path: Path) -> None:
    """What was claimed stays claimed however long the log grows."""
    store = open_store(str(tmp_path), create=True)
    delta.create_tables(store)
    for number in range(55):
        table = delta.open_table(store, "findings")
        assert table is not None
        delta.commit_once(store, "findings", table, arrow_schema("findings").empty_table(), {f"b{number}": 1})
    assert list((tmp_path / "tables" / "findings" / "_delta_log").glob("*.checkpoint.parquet"))
    newest = delta.open_table(store, "findings")
    assert newest is not None
    assert delta.application_version(newest, "b0") == 1


def test_an_abandoned_batch_is_staged_again_under_another_id(
    source: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """An owner that slept for days is told that its batch was cleared away, and loses nothing."""
    store = tmp_path / "store"

    def step(name: str) -> None:
        if name == "staged" and not abandoned:
            abandoned.append(True)
            recover(open_store(str(store)), NOW + batches.ABANDONED_AFTER + timedelta(seconds=1))

    abandoned: list[bool] = []
    ingest_with(store, source, step, batch_size=10)
    assert abandoned
    assert contents(store) == contents(undisturbed)
    assert pending_batches(open_store(str(store))) == {}


def test_a_staged_batch_of_a_dead_run_is_cleared_away_in_time(source: Path, tmp_path: Path) -> None:
    """It may still be claimed for a day; after that it goes, and nothing of it counts."""

    def step(name: str) -> None:
        if name == "staged":
            raise KilledError

    with pytest.raises(KilledError):
        ingest_with(tmp_path, source, step)
    store = open_store(str(tmp_path))
    recover(store, NOW + timedelta(hours=1))
    assert len(pending_batches(store)) == 1
    recover(store, NOW + timedelta(days=2))
    assert pending_batches(store) == {}
    assert rows(tmp_path, "artifacts") == []


@pytest.mark.parametrize("after", [0, 3, 11])
def test_a_full_disk_is_an_error_that_can_be_repaired(
    after: int, source: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No room is told with a remedy; with room again the same command completes the work."""
    written = 0
    write = LocalFiles._write

    def full(self: LocalFiles, folder: int, name: str, data: bytes) -> None:
        nonlocal written
        written += 1
        if written > after + 1:
            raise OSError(28, os.strerror(28))
        write(self, folder, name, data)

    with monkeypatch.context() as patch:
        patch.setattr(LocalFiles, "_write", full)
        with pytest.raises(InternalError) as error:
            ingested(tmp_path / "store", source, batch_size=10)
    assert error.value.code == "store.unwritable"
    assert "No space left" in str(error.value)
    ingested(tmp_path / "store", source, batch_size=10)
    assert contents(tmp_path / "store") == contents(undisturbed)
