# SPDX-License-Identifier: Apache-2.0
"""``python -m benchmarks.evidence``: the evidence plane against its bars; part of ``make bench``.

These are not tests: ratios are reported, nothing fails. ``--quick`` takes a twentieth of every size; what was generated is kept and used again; ``--work`` should name a
folder in memory where neighbours use the disk.
"""

from __future__ import annotations

import argparse
import base64
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks import gait_artifacts
from benchmarks.cases import Row
from benchmarks.evidence_tables import fill
from benchmarks.processes import GAITOPS, environment
from benchmarks.run import machine
from benchmarks.timing import interleave, ratio
from tests.gait.artifacts.hostile import HOSTILE

_PACKAGES: Final = ("deltalake", "pyarrow", "duckdb", "ibis-framework", "cryptography", "orjson")
_GAIT_FILES: Final = 100
"""Files that are each given to a process of Gait."""
_MIB: Final = 1024 * 1024
_PEAK = """
import sys
from gaitops.cli.main import run
code = run(sys.argv[1:])
sys.stderr.write(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")))
sys.exit(code)
"""


def measured(what: str, folder: Path, *options: str | Path) -> dict[str, Any]:
    """One measurement of :mod:`benchmarks.evidence_measure` in its own process."""
    command = [sys.executable, "-m", "benchmarks.evidence_measure", what, str(folder), *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{what} of {folder} failed:\n{done.stderr[-3000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def judging(work: Path, what: str, collected: Path, repeats: int) -> Iterator[Row]:
    """Inspection alone, and all of ingestion into a fresh store, against bare checks and hashing of the same bytes."""
    store = work / "fresh"

    def ingested() -> float:
        shutil.rmtree(store, ignore_errors=True)
        return _each("ingested", collected, "--store", store)

    times = interleave(
        {
            "bare": lambda: _each("bare", collected),
            "judged": lambda: _each("judged", collected),
            "ingested": ingested,
        },
        repeats,
    )
    shutil.rmtree(store, ignore_errors=True)
    peer = f"one Ed25519 check and SHA-256 each: {_rate(times['bare'])}"
    yield Row(
        f"inspect {what}, bytes at hand",
        _rate(times["judged"]),
        peer,
        ratio(times["judged"], times["bare"]),
        2.5,
    )
    yield Row(
        f"ingest {what} into a fresh store",
        _rate(times["ingested"]),
        peer,
        ratio(times["ingested"], times["bare"]),
        2.5,
    )


def against_gait(collected: Path, repeats: int) -> Iterator[Row]:
    """``evidence inspect`` of some traces, process start included, against a process of Gait for each of them."""
    program = shutil.which("gait")
    # Gait takes one key, so these are the traces that it signed.
    key_id = gait_artifacts.signing_keys()[0].public.key_id.encode()
    signed = (file for file in sorted(collected.rglob("*.json")) if key_id in file.read_bytes())
    files = list(islice(signed, _GAIT_FILES))
    what = f"`evidence inspect` of {len(files)} traces, process start included"
    key = collected.with_name("public.key")
    key.write_text(_public_key_text(), encoding="utf-8")
    own = [str(GAITOPS), "evidence", "inspect", "--json", "--key", str(key), *map(str, files)]
    if program is None:
        seconds = [_seconds(own, {0}) for _ in range(repeats)]
        yield Row(
            what,
            f"{median(seconds):.2f} s",
            "no `gait` on PATH: not compared",
            median(seconds),
            None,
            unit="s",
        )
        return

    def gait() -> float:
        return sum(
            _seconds([program, "trace", "verify", str(file), "--public-key", str(key)], {0}) for file in files
        )

    times = interleave({"own": lambda: _seconds(own, {0}), "gait": gait}, repeats)
    yield Row(what, f"{median(times['own']):.2f} s", f"`gait trace verify` one by one: {median(times['gait']):.2f} s",
              ratio(times["gait"], times["own"]), None, at_least=True)  # fmt: skip


def queries(store: Path, rows: int, repeats: int) -> Iterator[Row]:
    """Posture and family queries over all decisions of a store, on two threads of DuckDB.

    The bar is in seconds, and neighbours only ever add to them: the best of the repetitions is held against it.
    """
    runs = [measured("queried", store, "--threads", "2") for _ in range(repeats)]
    for name in runs[0]["queries"]:
        seconds = [run["queries"][name]["seconds"] for run in runs]
        cpu = min(run["queries"][name]["cpu"] for run in runs)
        result = f"{runs[0]['queries'][name]['rows']:,} rows; processor time {cpu:.2f} s"
        median_ = f"median {median(seconds):.2f} s"
        yield Row(f"{name}, {rows:,} decisions", result, median_, min(seconds), 2, unit="s")
    seconds = [run["posture"]["seconds"] for run in runs]
    cpu = min(run["posture"]["cpu"] for run in runs)
    result = f"processor time {cpu:.2f} s"
    yield Row("… all queries of `posture`, one after the other", result, "", min(seconds), None, unit="s")
    peak = max(run["peak"] for run in runs) / _MIB / 1024
    yield Row("… memory of the process with all of these", "", "", peak, 4, unit="GiB")


def growing(
    stores: Mapping[int, Path | None], collected: Path, files: int, work: Path, repeats: int
) -> Iterator[Row]:
    """Ingestion of one batch of new traces by how much the tables hold."""
    target = work / "grown"

    def run(source: Path | None) -> float:
        shutil.rmtree(target, ignore_errors=True)
        if source is not None:
            # The library replaces files and never writes into one, so links are copies.
            subprocess.run(["cp", "-al", str(source), str(target)], check=True)
        return _each("ingested", collected, "--store", target)

    times = interleave({str(rows): partial(run, source) for rows, source in stores.items()}, repeats)
    shutil.rmtree(target, ignore_errors=True)
    for rows in stores:
        bar = 1.25 if rows else None
        yield Row(f"ingest {files:,} traces into tables of {rows:,} rows", _rate(times[str(rows)]),
                  f"into an empty store: {_rate(times['0'])}", ratio(times[str(rows)], times["0"]), bar)  # fmt: skip


def proving(large: Path, rows: int, collected: Path, work: Path, repeats: int) -> Iterator[Row]:
    """A checkpoint of a long log, and the verification of a whole store."""
    runs = [measured("checkpointed", large) for _ in range(repeats)]
    seconds = median(run["cpu"] / run["files"] * 1e6 for run in runs)
    yield Row(f"checkpoint of a log of {rows:,} artifacts, per million", f"peak {max(run['peak'] for run in runs) / _MIB:.0f} MiB",
              "processor time", seconds, None, unit="s")  # fmt: skip
    store = work / "verified"
    shutil.rmtree(store, ignore_errors=True)
    measured("ingested", collected, "--store", store)
    runs = [measured("verified", store) for _ in range(repeats)]
    shutil.rmtree(store, ignore_errors=True)
    seconds = median(run["cpu"] / run["files"] * 1e6 for run in runs)
    peak = max(run["peak"] for run in runs) / _MIB
    yield Row(f"`evidence verify` of {runs[0]['files']:,} artifacts, per million (extrapolated)", f"peak {peak:.0f} MiB",
              "processor time", seconds, None, unit="s")  # fmt: skip


def inspecting(collected: Path, files: int, work: Path, repeats: int) -> Iterator[Row]:
    """``evidence inspect`` over a folder of good traces, and over hostile files."""
    key = collected.with_name("public.key")
    key.write_text(_public_key_text(), encoding="utf-8")
    command = [str(GAITOPS), "evidence", "inspect", "--json", "--key", str(key), str(collected)]
    seconds = [_seconds(command, {0}) for _ in range(repeats)]
    yield Row(f"`evidence inspect` of {files:,} traces, process start included", f"{median(seconds):.1f} s", "",
              files / median(seconds), None, unit="files/s")  # fmt: skip
    hostile = work / "hostile"
    shutil.rmtree(hostile, ignore_errors=True)
    hostile.mkdir(parents=True)
    for name, (make, _kind, _code) in HOSTILE.items():
        (hostile / name).write_bytes(make())
    size = sum(file.stat().st_size for file in hostile.iterdir())
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, "evidence", "inspect", "--json", str(hostile)],
        capture_output=True, text=True, env=environment(), check=False,
    )  # fmt: skip
    took = time.perf_counter() - start
    assert done.returncode == 2, done.stderr
    shutil.rmtree(hostile)
    peak = int(done.stderr.split()[-2]) / 1024
    yield Row(f"`evidence inspect` of {len(HOSTILE)} hostile files of {size / _MIB:.0f} MiB: memory", f"{took:.1f} s", "",
              peak, 256, unit="MiB")  # fmt: skip


@dataclass(frozen=True)
class Bench:
    """What is measured, how large and how often."""

    work: Path
    traces: int
    rows: int
    repeats: int

    def sections(self) -> dict[str, Callable[[], Iterator[Row]]]:
        """Name → rows, in the order of the issue."""
        return {
            "judging": self.judging,
            "queries": lambda: queries(self.filled(self.rows), self.rows, self.repeats),
            "growing": self.growing,
            "proving": self.proving,
            "inspecting": lambda: inspecting(self.collected("traces"), self.traces, self.work, self.repeats),
        }

    def judging(self) -> Iterator[Row]:
        """Inspection and ingestion of traces and of runpacks, and Gait's own verification."""
        traces, runpacks = self.collected("traces"), self.collected("runpacks")
        yield from judging(self.work, f"{self.traces:,} traces", traces, self.repeats)
        yield from judging(self.work, f"{self.traces // 10:,} runpacks", runpacks, self.repeats)
        yield from against_gait(traces, self.repeats)

    def growing(self) -> Iterator[Row]:
        """Ingestion by size of the tables."""
        stores: dict[int, Path | None] = {
            0: None,
            **{rows: self.filled(rows) for rows in (self.rows // 10, self.rows)},
        }
        yield from growing(stores, self.collected("traces"), self.traces, self.work, self.repeats)

    def proving(self) -> Iterator[Row]:
        """Checkpoints and verification."""
        rows = self.rows // 10
        yield from proving(self.filled(rows), rows, self.collected("traces"), self.work, self.repeats)

    def collected(self, kind: str) -> Path:
        """A folder with that many artifacts of a kind, made when it is not there."""
        folder = self.work / f"{kind}-{self.traces}"
        if not folder.with_suffix(".done").exists():
            _note(f"generating {kind}")
            shutil.rmtree(folder, ignore_errors=True)
            counts = (self.traces, 0) if kind == "traces" else (0, self.traces // 10)
            gait_artifacts.write_collected(folder, *counts)
            folder.with_suffix(".done").touch()
        return folder

    def filled(self, rows: int) -> Path:
        """A store whose tables have that many decisions, made when it is not there."""
        folder = self.work / f"rows-{rows}"
        if not folder.with_suffix(".done").exists():
            _note(f"generating {rows:,} decisions")
            shutil.rmtree(folder, ignore_errors=True)
            fill(folder, rows)
            folder.with_suffix(".done").touch()
        return folder


def _each(what: str, folder: Path, *options: str | Path) -> float:
    """Processor seconds per file."""
    result = measured(what, folder, *options)
    return float(result["cpu"] / result["files"])


def _rate(seconds: list[float]) -> str:
    return f"{1 / median(seconds):,.0f}/s per core"


def _seconds(command: list[str], codes: set[int]) -> float:
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, env=environment(), check=False)
    seconds = time.perf_counter() - start
    if done.returncode not in codes:
        raise RuntimeError(f"{command[:4]} ended with {done.returncode}:\n{done.stderr[-2000:]!r}")
    return seconds


def _public_key_text() -> str:
    return base64.b64encode(gait_artifacts.signing_keys()[0].public.raw).decode() + "\n"


def _note(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument(
        "--traces", type=int, default=20_000, help="traces; there are a tenth as many runpacks"
    )
    parser.add_argument("--rows", type=int, default=10_000_000, help="decisions in the large store")
    parser.add_argument(
        "--only", action="append", help="section: judging, queries, growing, proving, inspecting"
    )
    parser.add_argument(
        "--work", type=Path, default=Path(".bench/evidence"), help="folder for artifacts and stores"
    )
    options = parser.parse_args()
    traces, rows = (1_000, 500_000) if options.quick else (options.traces, options.rows)
    bench = Bench(options.work.absolute(), traces, rows, options.repeats)
    bench.work.mkdir(parents=True, exist_ok=True)
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    print(f"{machine()}; {packages}\n", flush=True)
    print(
        "| work | gaitops | peer in the same run | measured | bar | |\n|---|---|---|---|---|---|", flush=True
    )
    for name, section in bench.sections().items():
        if not options.only or name in options.only:
            _note(name)
            for row in section():
                print("| " + " | ".join(row.cells()) + " |", flush=True)


if __name__ == "__main__":
    main()
