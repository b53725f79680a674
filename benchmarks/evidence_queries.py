# SPDX-License-Identifier: Apache-2.0
"""Ten million decisions on DuckDB: how long posture and family queries take, and how much memory.

``python -m benchmarks.evidence_queries --work .bench``; ``--quick`` has a tenth of everything, ``--reuse`` keeps the tables.
Times are of one query each in a process of its own with the tables open, written to disk as ingestion and a compaction
leave them; memory is the most that the process held. The peer is a bare count of the same file's rows by one column.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, write_deltalake

from benchmarks.cases import Row
from benchmarks.processes import environment
from gaitops.evidence.engines import Tables, open_engine
from gaitops.evidence.queries import approvals, decisions, families
from gaitops.evidence.queries.counting import Aggregate
from gaitops.evidence.queries.selection import Selection
from gaitops.evidence.schemas import arrow_schema

DECISIONS: Final = 10_000_000
CHUNK: Final = 500_000
"""Rows that are made and written at once."""
REPOSITORIES: Final = 500
POLICIES: Final = 40
CALLS_AGAIN: Final = 3
"""Each call is decided about this often."""
FINGERPRINTS: Final = 20_000
BAR_SECONDS: Final = 2.0
BAR_GIGABYTES: Final = 4.0
_DAYS: Final = 90
_START: Final = 1_780_000_000_000_000
"""Microseconds of the first decision."""


@dataclass(frozen=True)
class LargeTables:
    """The tables in a local folder."""

    folder: Path
    filesystem: None = None

    def table_files(self, table: str) -> list[str]:
        """Files of the newest version."""
        path = self.folder / table
        return sorted(DeltaTable(str(path)).file_uris()) if path.exists() else []


def write(folder: Path, rows: int) -> None:
    """Write decisions, and a run for every tenth of them."""
    shutil.rmtree(folder, ignore_errors=True)
    chance = np.random.default_rng(4)
    for start in range(0, rows, CHUNK):
        count = min(CHUNK, rows - start)
        _append(folder, "decisions", _decisions(chance, start, count, rows))
        _append(folder, "runs", _runs(chance, start // 10, count // 10))


def _append(folder: Path, name: str, columns: Mapping[str, Any]) -> None:
    schema = arrow_schema(name)
    count = len(next(iter(columns.values())))
    arrays = [
        pa.array(columns[field.name]).cast(field.type)
        if field.name in columns
        else pa.nulls(count, field.type)
        for field in schema
    ]
    write_deltalake(str(folder / name), pa.Table.from_arrays(arrays, schema=schema), mode="append")


def _named(prefix: str, numbers: Any) -> pa.Array:
    return pc.binary_join_element_wise(prefix, pa.array(numbers).cast(pa.string()), "")


def _digests(salt: int, numbers: Any) -> pa.Array:
    """64 hex characters for each number, as hard to compress as digests are."""
    mixed = [np.asarray(numbers, dtype=np.uint64) + np.uint64(salt * 4 + part) for part in range(4)]
    words = []
    for part in mixed:
        once = (part ^ (part >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        twice = (once ^ (once >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        words.append(twice ^ (twice >> np.uint64(31)))
    data = np.stack(words, axis=1).astype(">u8").tobytes().hex()
    offsets = np.arange(0, len(data) + 1, 64, dtype=np.int32)
    return pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data.encode()))


def _place(repositories: Any, environments: Any) -> dict[str, Any]:
    teams = repositories % 25
    return {
        "org": _named("org-", repositories % 4),
        "project": _named("project-", teams),
        "team": _named("team-", teams),
        "repository": _named("github.com/acme/service-", repositories),
        "environment": pa.array(["dev", "staging", "prod"]).take(pa.array(environments)),
        "attribution": pa.array(["signed_field"] * len(repositories)),
        "batch": _named("batch-", np.zeros(len(repositories), dtype=np.int64)),
        "verdict": pa.array(["verified"] * 95 + ["unverifiable"] * 3 + ["unsigned", "failed"]).take(
            pa.array(np.arange(len(repositories)) % 100)
        ),
    }


def _times(first: int, count: int, whole: int) -> pa.Array:
    """Evenly over the window, as evidence comes in."""
    step = _DAYS * 86_400_000_000 // whole
    return pa.array(_START + (first + np.arange(count)) * step).cast(pa.timestamp("us", "UTC"))


def _decisions(chance: np.random.Generator, first: int, count: int, whole: int) -> dict[str, Any]:
    numbers = np.arange(first, first + count)
    # Neighbours in time are about the same calls: asked, answered, repeated.
    calls = numbers // CALLS_AGAIN
    repositories = (calls * 7919) % REPOSITORIES
    environments = (calls // REPOSITORIES) % 3
    kinds = pa.array(["allow"] * 70 + ["block"] * 12 + ["require_approval"] * 10 + ["dry_run"] * 8)
    times = _times(first, count, whole)
    return {
        **_place(repositories, environments),
        "artifact": _digests(1, numbers),
        "kind": pa.array(["trace"] * count),
        "key_id": _digests(2, repositories % 60),
        "made_at": times,
        "collected_at": times,
        "trace_id": _named("trace-", calls),
        "event_key": _digests(3, numbers),
        "repeat": pa.array(chance.random(count) < 0.01),
        "policy_digest": _digests(4, (repositories + chance.integers(0, 2, count)) % POLICIES),
        "intent_digest": _digests(5, calls),
        "tool_name": _named("tool_", chance.integers(0, 60, count)),
        "decision": kinds.take(pa.array(chance.integers(0, 100, count))),
        "run_id": _named("run_", numbers // 10),
        "latency_ms": pa.array(chance.random(count)),
    }


def _runs(chance: np.random.Generator, first: int, count: int) -> dict[str, Any]:
    numbers = np.arange(first, first + count)
    repositories = (numbers * 7919) % REPOSITORIES
    # A few families are everywhere, most are rare.
    family = (chance.pareto(1.2, count) * 10).astype(np.int64) % FINGERPRINTS
    times = _times(first, count, DECISIONS // 10)
    return {
        **_place(repositories, (numbers // REPOSITORIES) % 3),
        "artifact": _digests(6, numbers),
        "kind": pa.array(["runpack"] * count),
        "made_at": times,
        "collected_at": times,
        "run_id": _named("run_", numbers),
        "manifest_digest": _digests(7, numbers),
        "embedded": pa.array([False] * count),
        "steps": pa.array(chance.integers(1, 30, count)),
        "fingerprint": _digests(8, family),
        "family_id": _named("fam_", family),
        "max_privilege": pa.array(chance.integers(1, 5, count)),
    }


_WEEK: Final = Selection(
    since=datetime.fromtimestamp(_START / 1e6 + 50 * 86_400, UTC),
    until=datetime.fromtimestamp(_START / 1e6 + 57 * 86_400, UTC),
)
QUERIES: Final[Mapping[str, Callable[[Tables], Any]]] = {
    "decisions by place, policy, decision and day": decisions.decision_counts,
    "policies in use": decisions.policies_in_use,
    "what does not count": decisions.decisions_by_verdict,
    "calls that needed an approval": approvals.approval_calls,
    "calls that two policies judged, of a week": lambda tables: decisions.comparisons(tables, _WEEK),
    "incident families": families.families,
    "one run": lambda tables: decisions.tool_decisions(tables, Selection(run_id=("run_12345",))),
    "one repository": lambda tables: decisions.policies_in_use(
        tables, Selection(repository=("github.com/acme/service-77",))
    ),
    "one day": lambda tables: decisions.policies_in_use(
        tables, Selection(since=_WEEK.since, until=datetime.fromtimestamp(_START / 1e6 + 51 * 86_400, UTC))
    ),
}


def measure(folder: Path, name: str, threads: int) -> dict[str, float]:
    """Seconds of one query with the tables open, and the most memory of this process in gigabytes."""
    with open_engine(LargeTables(folder), options={"threads": str(threads)}) as engine:
        table = engine.tables["decisions"]
        start = time.perf_counter()
        engine.arrow(table.group_by("decision").agg(n=table.count()))
        bare = time.perf_counter() - start
        query = QUERIES[name](engine.tables)
        expression = query.table if isinstance(query, Aggregate) else query
        start = time.perf_counter()
        rows = engine.arrow(expression).num_rows
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024
    return {"seconds": seconds, "bare": bare, "rows": rows, "gigabytes": peak}


def evidence_queries(folder: Path, repeats: int, bar_share: float = 1.0) -> Iterator[Row]:
    """A row for each query, and one for the most memory of any of them."""
    most = 0.0
    for name in QUERIES:
        found = [_in_a_process(folder, name) for _ in range(repeats)]
        most = max(most, *(item["gigabytes"] for item in found))
        yield Row(
            f"10 million decisions on DuckDB, 2 threads: {name}",
            f"{found[0]['rows']:,.0f} rows",
            f"bare count: {median(item['bare'] for item in found):.2f} s",
            median(item["seconds"] for item in found),
            BAR_SECONDS * bar_share,
            unit="s",
        )
    yield Row("the most memory of any of them", "", "", most, BAR_GIGABYTES, unit="GiB")


def _in_a_process(folder: Path, name: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.evidence_queries", "--folder", str(folder), "--query", name]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{name} failed:\n{done.stderr[-3000:]}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, default=Path(".bench"))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--reuse", action="store_true")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--query", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.query is not None:
        print(json.dumps(measure(options.folder, options.query, threads=2)))
        return
    folder = options.work.absolute() / f"decisions{'-quick' if options.quick else ''}"
    if not (options.reuse and folder.exists()):
        print("… writing tables", file=sys.stderr, flush=True)
        write(folder, DECISIONS // 10 if options.quick else DECISIONS)
    print(
        "| work | gaitops | peer in the same run | measured | bar | |\n|---|---|---|---|---|---|", flush=True
    )
    for row in evidence_queries(folder, options.repeats):
        print("| " + " | ".join(row.cells()) + " |", flush=True)


if __name__ == "__main__":
    main()
