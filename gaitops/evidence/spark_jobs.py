# SPDX-License-Identifier: Apache-2.0
"""Ingestion as a Spark job: slices of a listing, each ingested where Spark runs it. The store must be reachable from there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from gaitops.evidence.collection import Entry
from gaitops.evidence.ingest import IngestReport
from gaitops.evidence.jobs import Job, run_slice
from gaitops.evidence.spark_engine import spark_session

_AT_ONCE: Final = 1_000
"""Slices of one Spark job; a listing of any length is worked off in rounds."""


def run_slices(job: Job, pieces: Iterable[list[Entry]], master: str) -> Iterator[IngestReport]:
    """Ingest all slices; one report for each.

    Raises:
        MissingDependencyError: ``dependency.java``.
        InternalError: ``engine.failed``.
    """
    waiting = iter(pieces)
    with spark_session(master) as session:
        while round_ := list(islice(waiting, _AT_ONCE)):
            parts = session.sparkContext.parallelize(round_, len(round_))
            yield from parts.map(lambda piece: run_slice(job, piece)).collect()
