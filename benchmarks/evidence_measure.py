# SPDX-License-Identifier: Apache-2.0
"""One measurement of the evidence plane in a fresh process: ``python -m benchmarks.evidence_measure WHAT DIR [...]``.

Prints JSON. ``cpu`` is processor time of the whole process with all its threads and with what the kernel does for it, which
is what "per core" means on a machine that others use too.
"""

from __future__ import annotations

import argparse
import base64
import gc
import hashlib
import io
import json
import resource
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from benchmarks import gait_artifacts
from benchmarks.evidence_tables import DAYS
from gaitops.evidence import delta, posture_queries, signal_queries
from gaitops.evidence.checkpoints import make_checkpoint
from gaitops.evidence.collection import Place
from gaitops.evidence.engines import open_engine
from gaitops.evidence.ingest import IngestReport
from gaitops.evidence.jobs import Job, Listing, run_slice
from gaitops.evidence.posture_facts import posture_inputs
from gaitops.evidence.queries import decisions, families
from gaitops.evidence.stores import open_store
from gaitops.evidence.verify import verify_store
from gaitops.gait.artifacts.inspect import inspect
from gaitops.gait.artifacts.model import Keyring, Verdict
from gaitops.posture.inputs import Window

LAYOUT = "{owner}/{name}/**"


@contextmanager
def _clock(result: dict[str, Any]) -> Iterator[None]:
    gc.collect()
    start, cpu = time.perf_counter(), time.process_time()
    yield
    result["seconds"], result["cpu"] = time.perf_counter() - start, time.process_time() - cpu


def bare(folder: Path) -> dict[str, Any]:
    """SHA-256 of every file and one Ed25519 check for it, with bytes, keys and signatures at hand."""
    known = {
        key.public.key_id: Ed25519PublicKey.from_public_bytes(key.public.raw)
        for key in gait_artifacts.signing_keys()
    }
    work = []
    for data in _read(folder):
        signature = _signature(data)
        sig, message = base64.b64decode(signature["sig"]), bytes.fromhex(signature["signed_digest"])
        work.append((data, known[signature["key_id"]], sig, message))
    result: dict[str, Any] = {"files": len(work)}
    with _clock(result):
        for data, key, sig, message in work:
            hashlib.sha256(data).digest()
            key.verify(sig, message)
    return result


def judged(folder: Path) -> dict[str, Any]:
    """Inspection alone, with the bytes in memory."""
    keys = Keyring(key.public for key in gait_artifacts.signing_keys())
    files = _read(folder)
    for data in files[:50]:  # imports
        inspect(data, keys)
    verdicts: Counter[str] = Counter()
    result: dict[str, Any] = {"files": len(files)}
    with _clock(result):
        for data in files:
            verdicts[inspect(data, keys).verdict.value] += 1
    assert set(verdicts) == {Verdict.VERIFIED.value}, verdicts
    return result


def ingested(folder: Path, store: Path) -> dict[str, Any]:
    """All of ingestion in one process: listing, reading, judging, keeping, claiming, appending."""
    delta.create_tables(open_store(str(store), create=True))
    job = Job(
        str(store),
        Place(str(folder), layout=LAYOUT, prefix="github.com"),
        gait_artifacts.NOW,
        registry=gait_artifacts.registry(),
    )
    result: dict[str, Any] = {}
    with _clock(result):
        listing = Listing(job)
        report = run_slice(job, listing.entries(IngestReport()))
    assert report.new == report.files == listing.total, report
    assert {verdict for _kind, verdict in report.counts} == {Verdict.VERIFIED.value}, report.counts
    result["files"], result["peak"] = report.files, _peak()
    return result


def queried(store: Path, threads: int) -> dict[str, Any]:
    """Every query on DuckDB, from the expression to the rows; seconds by name, and what posture and families need together."""
    window = Window(gait_artifacts.START - timedelta(days=DAYS), gait_artifacts.START)
    boundaries = [window.since + timedelta(days=30 * number) for number in range(1, 3)]
    times: dict[str, dict[str, Any]] = {}
    with open_engine(open_store(str(store)), options={"threads": str(threads)}) as engine:
        tables = engine.tables
        asked: dict[str, Callable[[], Any]] = {
            "posture: decisions by place, policy, day": lambda: posture_queries.decision_counts(
                tables, window, boundaries
            ),
            "posture: artifacts by place, kind, verdict, day": lambda: posture_queries.artifact_counts(
                tables, window
            ),
            "posture: time to approval": lambda: posture_queries.approval_delays(tables, window),
            "posture: tokens": lambda: posture_queries.token_counts(tables, window),
            "posture: approvers": lambda: posture_queries.approvers(tables, window),
            "posture: tokens used twice": lambda: posture_queries.reused_tokens(tables, window),
            "posture: expired tokens": lambda: posture_queries.expired_tokens(tables, window),
            "posture: unregistered keys": lambda: posture_queries.unregistered_keys(tables, window),
            "families across the fleet": lambda: families.families(tables),
            "policies in use": lambda: decisions.policies_in_use(tables).table,
            "decisions by tool": lambda: decisions.tool_decisions(tables).table,
            "signals: decisions by place, tool, policy": lambda: signal_queries.decision_groups(
                signal_queries.Asked.of(engine).tables, window, boundaries
            ),
        }
        for name, make in asked.items():
            times[name] = {}
            with _clock(times[name]):
                times[name]["rows"] = engine.arrow(make()).num_rows
            print(name, times[name], f"peak {_peak() >> 20} MiB", file=sys.stderr, flush=True)
        whole: dict[str, Any] = {}
        with _clock(whole):
            posture_inputs(engine, window, boundaries, {})
    return {"queries": times, "posture": whole, "peak": _peak()}


def checkpointed(store: Path) -> dict[str, Any]:
    """A checkpoint of the log: the Merkle root over all artifacts."""
    opened = open_store(str(store))
    result: dict[str, Any] = {}
    with _clock(result):
        result["files"] = make_checkpoint(opened, "2026-11-01T00:00:00Z").size
    result["peak"] = _peak()
    return result


def verified(store: Path) -> dict[str, Any]:
    """All of ``evidence verify``: every artifact read, hashed, judged again, and compared with its rows."""
    keys = [key.public for key in gait_artifacts.signing_keys()]
    result: dict[str, Any] = {}
    with _clock(result):
        report = verify_store(open_store(str(store)), keys=keys)
    assert not report.problems, report.problems[:3]
    result["files"], result["peak"] = report.size, _peak()
    return result


def _read(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]


def _signature(data: bytes) -> dict[str, str]:
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            manifest = orjson.loads(archive.read("manifest.json"))
        found: dict[str, str] = manifest["signatures"][0]
    else:
        found = orjson.loads(data)["signature"]
    return found


def _peak() -> int:
    """Most memory that the process has held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Run one measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["bare", "judged", "ingested", "queried", "checkpointed", "verified"])
    parser.add_argument("path", type=Path)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    runs: dict[str, Callable[[], dict[str, Any]]] = {
        "bare": lambda: bare(options.path),
        "judged": lambda: judged(options.path),
        "ingested": lambda: ingested(options.path, options.store),
        "queried": lambda: queried(options.path, options.threads),
        "checkpointed": lambda: checkpointed(options.path),
        "verified": lambda: verified(options.path),
    }
    print(json.dumps(runs[options.what]()))


if __name__ == "__main__":
    main()
