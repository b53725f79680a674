# SPDX-License-Identifier: Apache-2.0
"""Ingestion as a Spark job: slices of a listing, each ingested where Spark runs it.

Store and place must be reachable from there, and gaitops installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

from gaitops.errors import GaitopsError, InternalError
from gaitops.evidence.collection import Entry
from gaitops.evidence.ingest import IngestReport
from gaitops.evidence.jobs import Job, run_slice
from gaitops.evidence.spark_engine import spark_session


def run_slices(job: Job, cut: Callable[[int], Iterator[list[Entry]]], master: str) -> Iterator[IngestReport]:
    """Ingest a listing; one report for each slice.

    The listing is worked off in rounds of twice as many slices as Spark runs at once, so that one of any length is
    never held whole.

    Args:
        job: what to do.
        cut: the slices, given how many Spark runs at once.
        master: where Spark runs; a session that exists already is used instead.

    Raises:
        GaitopsError: what a slice raised.
        MissingDependencyError: ``dependency.java``.
        InternalError: ``query.failed`` when Spark cannot start or loses the job.
    """
    with spark_session(master) as session:
        context = session.sparkContext
        at_once = max(1, context.defaultParallelism)
        waiting = cut(at_once)
        while round_ := list(islice(waiting, 2 * at_once)):
            try:
                outcomes = context.parallelize(round_, len(round_)).map(partial(_outcome, job)).collect()
            except (Py4JError, PySparkException) as error:
                raise InternalError.of(
                    "query.failed",
                    f"{master}: the Spark job failed: {_cause(error)}",
                    remedy="see Spark's log; the same command again goes on where this one stopped",
                ) from error
            for outcome in outcomes:
                if isinstance(outcome, GaitopsError):
                    raise outcome
                yield outcome


def _outcome(job: Job, piece: list[Entry]) -> IngestReport | GaitopsError:
    """What Spark runs. A failure is returned: raised, Spark would wrap it in pages of text and try in vain again."""
    try:
        return run_slice(job, piece)
    except GaitopsError as error:
        return error


def _cause(error: Exception) -> str:
    """The last thing said, apart from stacks: Python and Java both name the cause there."""
    said = [line for line in str(error).splitlines() if line.strip() and not line[0].isspace()]
    return said[-1][:500] if said else type(error).__name__
