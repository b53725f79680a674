# SPDX-License-Identifier: Apache-2.0
"""One listing, ingested by several processes or by a Spark job: each takes slices and runs the same function.

Nothing is shared but the store, which is safe with any number of writers (:mod:`gaitops.evidence.batches`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from multiprocessing import get_context
from typing import Final

from gaitops.evidence import delta
from gaitops.evidence.batches import Step, no_step, recover
from gaitops.evidence.collection import Entry, Place, entries
from gaitops.evidence.engines import is_spark
from gaitops.evidence.extras import load
from gaitops.evidence.ingest import BATCH, NO_FLEET, OUTSIDE_LAYOUT, UNREADABLE, Ingestion, IngestReport
from gaitops.evidence.stores import open_files, open_store
from gaitops.fleet.evidence import Registry
from gaitops.gait.gait_keys import GaitPublicKey

_LEAST_SLICE: Final = 500
"""Smaller slices are not worth their commits."""
_MOST_LISTED: Final = 1_000_000
"""Files that are listed before work begins, so that their number is known; beyond, listing goes on while others work."""

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that a process needs to ingest a slice; plain values, so that it can be sent."""

    store: str
    place: Place
    now: datetime
    keys: tuple[GaitPublicKey, ...] = ()
    """Keys beside those of the registry; they are bound to nothing."""
    registry: Registry = NO_FLEET
    store_options: tuple[str, ...] = ()
    place_options: tuple[str, ...] = ()
    """``files.KEY=VALUE`` for the file system of the place."""
    batch_size: int = BATCH


class Listing:
    """The files of a place, listed once; at most a million of them are held."""

    def __init__(self, job: Job) -> None:
        files = open_files(job.place.url, options=job.place_options)
        self._rest = entries(files, job.place)
        self._first = list(islice(self._rest, _MOST_LISTED))
        self.total = len(self._first) if len(self._first) < _MOST_LISTED else None
        """Number of files; ``None`` when there are more than were listed."""
        self._base = job.place.url.rstrip("/")

    def entries(self, report: IngestReport) -> Iterator[Entry]:
        """The files to ingest; what is left out is counted in ``report``."""
        for listing in (self._first, self._rest):
            for item in listing:
                if isinstance(item, Entry):
                    yield item
                    continue
                report.files += 1
                source = f"{self._base}/{item.path}"
                if item.reason:
                    report.skip(source, UNREADABLE, item.reason)
                else:
                    report.skip(source, OUTSIDE_LAYOUT, "the layout does not know this path")


def ingest(
    job: Job,
    listing: Listing,
    *,
    jobs: int = 1,
    engine: str | None = None,
    advance: Advance = lambda _steps: None,
) -> IngestReport:
    """Ingest a listing, after completing what earlier runs left.

    Args:
        job: what to do.
        listing: of the same job.
        jobs: processes on this machine.
        engine: a Spark master, in the place of ``jobs``.
        advance: told how many files are done.

    Raises:
        InvalidInputError: ``store.*``, ``evidence.layout``.
        InternalError: ``store.unwritable``, ``store.unreadable``; the same run again goes on where this one stopped.
            ``query.failed`` when Spark cannot start or loses the job.
        MissingDependencyError: ``dependency.*``.
    """
    store = open_store(job.store, job.store_options, create=True)
    delta.create_tables(store)
    report = IngestReport(completed=recover(store, job.now))
    store.close()
    wanted = listing.entries(report)
    if engine is not None and is_spark(engine):
        run = load("gaitops.evidence.spark_jobs", "spark").run_slices
        parts = run(job, lambda workers: slices(wanted, _slice_size(listing.total, workers * 4, job)), engine)
    elif jobs > 1:
        parts = _in_processes(job, slices(wanted, _slice_size(listing.total, jobs * 4, job)), jobs)
    else:
        report.add(run_slice(job, wanted, advance))
        return report
    for part in parts:
        report.add(part)
        advance(part.files)
    return report


def run_slice(
    job: Job, wanted: Iterable[Entry], advance: Advance = lambda _steps: None, step: Step = no_step
) -> IngestReport:
    """Ingest some files in this process; the store and its tables exist."""
    store = open_store(job.store, job.store_options)
    files = open_files(job.place.url, options=job.place_options)
    try:
        ingestion = Ingestion(
            store,
            files,
            job.keys,
            job.registry,
            now=job.now,
            batch_size=job.batch_size,
            step=step,
        )
        return ingestion.run(wanted, advance)
    finally:
        files.close()
        store.close()


def slices(wanted: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    """Consecutive pieces of a listing."""
    waiting = iter(wanted)
    while piece := list(islice(waiting, size)):
        yield piece


def _slice_size(total: int | None, pieces: int, job: Job) -> int:
    return job.batch_size if total is None else max(min(total // pieces + 1, job.batch_size), _LEAST_SLICE)


def _in_processes(job: Job, pieces: Iterator[list[Entry]], jobs: int) -> Iterator[IngestReport]:
    # Spawned, not forked: the libraries of the tables have threads that do not survive a fork.
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        running: set[Future[IngestReport]] = set()
        try:
            for piece in pieces:
                running.add(pool.submit(run_slice, job, piece))
                if len(running) > jobs:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
