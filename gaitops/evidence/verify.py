# SPDX-License-Identifier: Apache-2.0
"""Proof that a store still holds everything that was recorded, unaltered, and that the tables say what the artifacts say.

Three passes, each in bounded memory:

1. the log: every position once, every checkpoint the beginning of it;
2. the artifacts, batch by batch: each is there, has the bytes that its name says, and is read again; the rows that come of it are
   the rows in the tables;
3. what is there and should not be: objects without a record, rows of batches that nobody claimed.

What depends on the keys and places of the day (verdicts, attribution) was decided when the artifact was ingested. It must be the
same in all rows of an artifact, and keys, where they are given, must verify everything that is recorded as verified.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any, Final

import pyarrow.compute as pc

from gaitops.documents.models.checkpoint import EvidenceCheckpoint
from gaitops.errors import GaitopsError, InvalidInputError, Problem, VerificationError
from gaitops.evidence import delta
from gaitops.evidence.batches import pending_batches, waiting_rows
from gaitops.evidence.checkpoints import check_checkpoint, roots
from gaitops.evidence.log import ARTIFACTS, Log
from gaitops.evidence.recount import UNCONFIRMED, recount
from gaitops.evidence.rows import FACT_TABLES
from gaitops.evidence.stores import Store, open_store
from gaitops.evidence.tables import TABLES
from gaitops.gait.artifacts.model import Keyring
from gaitops.gait.gait_keys import GaitPublicKey

_TASK: Final = 20_000
"""Artifacts of one task, about: as many whole batches as fit."""

Advance = Callable[[int], None]


LISTS: Final = ("lost", "altered", "disagreeing", "extra_rows", "unconfirmed")
"""Lists of a report that must be empty."""


@dataclass(slots=True)
class StoreReport:
    """What is true of a store. Nothing is wrong when ``problems`` is empty."""

    size: int = 0
    """Artifacts in the log."""
    root: str = ""
    bytes: int = 0
    rows: int = 0
    """Rows of fact tables that were compared."""
    checkpoints: int = 0
    """Checkpoints that the log continues."""
    lost: list[str] = field(default_factory=list)
    """Artifacts that are recorded and gone."""
    altered: list[str] = field(default_factory=list)
    """Artifacts with other bytes than their name says."""
    disagreeing: list[str] = field(default_factory=list)
    """``table: digest`` of artifacts whose rows are not what their bytes say."""
    extra_rows: list[str] = field(default_factory=list)
    """``table: batch`` of rows that belong to no claimed batch, or to no artifact of their batch."""
    unconfirmed: list[str] = field(default_factory=list)
    """Artifacts that are recorded as verified, and that no key at hand verifies."""
    keys: int = 0
    """Keys that verdicts were held to; with none, no signature was looked at."""
    unrecorded: int = 0
    """Objects that no row speaks of: an ingestion was stopped between keeping and claiming. Harmless; the next one records them."""
    pending: int = 0
    """Claimed batches whose rows are not all in the tables yet; the next ingestion completes them."""
    failures: list[Problem] = field(default_factory=list)
    """Checkpoints that the log does not continue, and damage to the log itself."""

    @property
    def problems(self) -> list[Problem]:
        """Everything that has to be put right."""
        found = list(self.failures)
        for names, code, what in (
            (self.lost, "store.object_missing", "artifacts are gone, the first is"),
            (self.altered, "store.object_altered", "artifacts were altered, the first is"),
            (
                self.disagreeing,
                "evidence.rows",
                "artifacts have rows that do not say what they say, the first is",
            ),
            (self.extra_rows, "evidence.rows", "sets of rows belong to no artifact, the first is"),
            (
                self.unconfirmed,
                "evidence.verdicts",
                "artifacts are recorded as verified, and no key at hand verifies them, the first is",
            ),
        ):
            if names:
                found.append(Problem(code, f"{len(names)} {what} {names[0]}"))
        return found

    def add(self, other: StoreReport) -> None:
        """Add what a task found."""
        self.bytes += other.bytes
        self.rows += other.rows
        for name in LISTS:
            getattr(self, name).extend(getattr(other, name))


def verify_store(
    store: Store,
    options: Sequence[str] = (),
    checkpoints: Iterable[EvidenceCheckpoint] = (),
    *,
    keys: Iterable[GaitPublicKey] = (),
    jobs: int = 1,
    advance: Advance = lambda _steps: None,
) -> StoreReport:
    """Verify everything.

    Args:
        store: the store.
        options: with which it was opened, for other processes.
        checkpoints: of this store; others are refused.
        keys: must verify what is recorded as verified; without any, nobody asks.
        jobs: processes.
        advance: told how many artifacts were read.

    Raises:
        VerificationError: ``evidence.checkpoint``: there is no log at all.
        InternalError: ``store.unreadable``.
    """
    checkpoints, known = list(checkpoints), tuple(keys)
    log = opened_log(store, checkpoints)
    report = StoreReport(size=log.positions, pending=sum(pending_batches(store).values()), keys=len(known))
    _verify_log(store, log, checkpoints, report)
    batches = _batches(store, log)
    tasks = list(_tasks(batches))
    if jobs == 1 or len(tasks) == 1:
        for task in tasks:
            report.add(verify_batches(store, task, known))
            advance(sum(batches[batch] for batch in task))
    else:
        with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
            running = {
                pool.submit(_verify_elsewhere, store.url, tuple(options), task, known): task for task in tasks
            }
            for future in as_completed(running):
                report.add(future.result())
                advance(sum(batches[batch] for batch in running[future]))
    _verify_rest(store, log, set(batches), report)
    for name in LISTS:
        getattr(report, name).sort()
    return report


def opened_log(store: Store, checkpoints: Sequence[EvidenceCheckpoint]) -> Log:
    """The log of a store.

    Raises:
        InvalidInputError: ``store.absent``: there is none, and nobody says that there was one.
        VerificationError: ``evidence.checkpoint``: a checkpoint says that there was one.
    """
    try:
        return Log(store)
    except InvalidInputError as error:
        if not checkpoints:
            raise
        most = max(checkpoints, key=lambda item: item.size)
        raise VerificationError.of(
            "evidence.checkpoint",
            f"the log had {most.size} artifacts at {most.made_at}, and there is no log now",
            path=store.url,
            remedy="Restore the tables from a copy; look who could write to them.",
        ) from error


def _verify_log(store: Store, log: Log, checkpoints: list[EvidenceCheckpoint], report: StoreReport) -> None:
    try:
        found = roots(store, log, (report.size, *(item.size for item in checkpoints)))
    except VerificationError as error:
        report.failures += error.problems
        return
    report.root = found[report.size]
    for checkpoint in checkpoints:
        try:
            check_checkpoint(store, checkpoint, found.get(checkpoint.size), report.size)
        except VerificationError as error:
            report.failures += error.problems
        else:
            report.checkpoints += 1


def _batches(store: Store, log: Log) -> dict[str, int]:
    """Batch → rows of it in the log."""
    counts: Counter[str] = Counter()
    for piece in delta.scan(store, log.files, ("batch",)):
        for item in pc.value_counts(piece["batch"]).to_pylist():
            counts[item["values"]] += item["counts"]
    return dict(sorted(counts.items()))


def _tasks(batches: dict[str, int]) -> Iterator[tuple[str, ...]]:
    task: list[str] = []
    held = 0
    for batch, count in batches.items():
        task.append(batch)
        held += count
        if held >= _TASK:
            yield tuple(task)
            task, held = [], 0
    if task:
        yield tuple(task)


def _verify_elsewhere(
    url: str, options: tuple[str, ...], batches: tuple[str, ...], keys: tuple[GaitPublicKey, ...]
) -> StoreReport:
    store = open_store(url, options)
    try:
        return verify_batches(store, batches, keys)
    finally:
        store.close()


def verify_batches(store: Store, batches: Sequence[str], keys: Sequence[GaitPublicKey] = ()) -> StoreReport:
    """Read the artifacts of some batches again, and compare their rows."""
    report = StoreReport()
    keyring = Keyring(keys) if keys else None
    recorded = [row for row in _rows(store, ARTIFACTS, batches) if not row["duplicate"]]
    rows: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for table in FACT_TABLES:
        rows[table] = {}
        for row in _rows(store, table, batches):
            rows[table].setdefault(row["artifact"], []).append(row)
            report.rows += 1
    waiting = waiting_rows(store)
    for item in recorded:
        artifact = item["artifact"]
        found = {table: rows[table].pop(artifact, []) for table in FACT_TABLES}
        try:
            data = store.get(artifact)
        except GaitopsError as error:
            if error.code not in {"store.object_missing", "store.object_altered"}:
                raise
            (report.lost if error.code == "store.object_missing" else report.altered).append(artifact)
            continue
        report.bytes += len(data)
        to_come = frozenset(table for table, batch in waiting if batch == item["batch"])
        wrong = set(recount(item, data, found, keyring, to_come))
        report.unconfirmed += [artifact] * (UNCONFIRMED in wrong)
        report.disagreeing += [f"{table}: {artifact}" for table in sorted(wrong - {UNCONFIRMED})]
    report.extra_rows += [f"{table}: {artifact}" for table, left in rows.items() for artifact in sorted(left)]
    return report


def _rows(store: Store, table: str, batches: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Rows of some batches."""
    opened = delta.open_table(store, table)
    if opened is None:
        return
    first, last = min(batches), max(batches)
    files = [
        item
        for item in delta.data_files(store, opened)
        if item.least.get("batch", first) <= last and item.greatest.get("batch", last) >= first
    ]
    columns = [column.name for column in TABLES[table]]
    for piece in delta.scan(store, files, columns, pc.field("batch").isin(list(batches))):
        yield from piece.to_pylist()


def _verify_rest(store: Store, log: Log, batches: set[str], report: StoreReport) -> None:
    """Objects without a record, and rows of batches that are not in the log."""
    for table in FACT_TABLES:
        opened = delta.open_table(store, table)
        found: set[str] = set()
        for piece in delta.scan(store, delta.data_files(store, opened) if opened else [], ("batch",)):
            found.update(pc.unique(piece["batch"]).to_pylist())
        report.extra_rows += [f"{table}: {batch}" for batch in sorted(found - batches)]
    _verify_repeats(store, report)
    for digit in "0123456789abcdef":
        where = pc.starts_with(pc.field("artifact"), digit)
        known: set[str] = set()
        for piece in delta.scan(store, log.files, ("artifact",), where):
            known.update(piece["artifact"].to_pylist())
        for following in "0123456789abcdef":
            report.unrecorded += sum(
                digest not in known for digest, _size in store.objects(digit + following)
            )


def _verify_repeats(store: Store, report: StoreReport) -> None:
    """Of every emission, exactly one row counts: a sixteenth of them at a time."""
    opened = delta.open_table(store, "decisions")
    files = delta.data_files(store, opened) if opened else []
    to_come = any(table == "decisions" for table, _batch in waiting_rows(store))
    for digit in "0123456789abcdef":
        where = pc.starts_with(pc.field("event_key"), digit)
        first: dict[str, str] = {}
        counted: set[str] = set()
        for piece in delta.scan(store, files, ("event_key", "repeat", "artifact"), where):
            for key, repeat, artifact in zip(*(column.to_pylist() for column in piece.columns), strict=True):
                first.setdefault(key, artifact)
                if not repeat and key in counted:
                    report.disagreeing.append(f"decisions: {artifact}")
                elif not repeat:
                    counted.add(key)
        if not to_come:
            report.disagreeing += [f"decisions: {first[key]}" for key in sorted(first.keys() - counted)]
