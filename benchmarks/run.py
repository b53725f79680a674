# SPDX-License-Identifier: Apache-2.0
"""``make bench``: generate the fleets, measure the table of design 14 in one run, print it as Markdown.

These are not tests: ratios are reported, nothing fails. Options: ``--repeats N``, ``--quick`` (a tenth of every size,
to see that it works), ``--reuse`` (keep repositories of an earlier run).
"""

from __future__ import annotations

import argparse
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

from benchmarks import bundles, cases
from benchmarks.cases import Row
from benchmarks.fleet_conformance import Mirrored, fleet_conformance, write_mirrors
from benchmarks.generate import write_fleet, write_history
from benchmarks.processes import measured
from benchmarks.writer import Written

_PACKAGES = (
    "pygit2",
    "cryptography",
    "pydantic",
    "securesystemslib",
    "orjson",
    "PyYAML",
    "click",
    "sigstore",
)


def _repository(path: Path, write: Callable[[Path], Written], *, reuse: bool) -> Written:
    if reuse and path.with_name(path.name + ".json").exists():
        return Written.load(path)
    _note(f"generating {path.name}")
    return write(path)


def rows(work: Path, *, repeats: int, quick: bool, reuse: bool) -> Iterator[Row]:
    """Every row, in the order of design 14."""
    part = 10 if quick else 1
    suffix = "-quick" if quick else ""
    long = _repository(
        work / f"history-long{suffix}",
        lambda path: write_history(path, commits=10_000 // part, changes=2_000 // part),
        reuse=reuse,
    )
    short = _repository(
        work / f"history-short{suffix}",
        lambda path: write_history(path, commits=1_000 // part, changes=200 // part),
        reuse=reuse,
    )
    repositories, projects, versions = 10_000 // part, 50 // part, 1_000 // part
    fleet = _repository(
        work / f"fleet{suffix}",
        lambda path: write_fleet(path, repositories=repositories, projects=projects, versions=versions),
        reuse=reuse,
    )
    _note("cold verification")
    yield from cases.cold_history(long, repeats)
    _note("verification with a checkpoint")
    yield from cases.one_more_commit(short, long, work, repeats)
    _note("gaitops check")
    size = f"{repositories:,} repositories, {versions:,} policy versions"
    yield from cases.check_pull_request(fleet, size, work / f"state{suffix}", 3 * repeats)
    _note("start-up")
    yield from cases.start_up(3 * repeats)
    _note("resolving")
    checkpoint = work / f"checkpoint-fleet{suffix}" / "main.db"
    checkpoint.unlink(missing_ok=True)
    measured("warm", fleet.path, "--checkpoint", checkpoint)
    yield from cases.resolve_all(fleet, checkpoint, repeats)
    _note("rollouts")
    yield from cases.rollouts(work / f"rollouts{suffix}", repositories, repeats)
    _note("Sigstore bundles")
    yield from bundles.verification(repeats)
    consumers = 1_000 // part
    mirrors = work / f"mirrors{suffix}"
    if not (reuse and (mirrors / "trust-root").exists()):
        _note("generating mirrors")
        shutil.rmtree(mirrors, ignore_errors=True)
        write_mirrors(mirrors, consumers)
    _note("fleet conformance")
    yield from fleet_conformance(Mirrored.load(mirrors), consumers, repeats)


def machine() -> str:
    """What the figures were measured with."""
    git = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    ssh = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=True).stderr.strip()
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line for line in cpuinfo.read_text(encoding="utf-8").splitlines() if line.startswith("model name")
        ]
        model = f"{len(names)} × {names[0].partition(':')[2].strip()}" if names else model
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return f"{model}; {platform.system()}; CPython {platform.python_version()}; {git}; {ssh}; {packages}"


def _note(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--reuse", action="store_true")
    parser.add_argument(
        "--work", type=Path, default=Path(".bench"), help="folder for repositories and checkpoints"
    )
    options = parser.parse_args()
    work = options.work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    print(machine(), "\n", flush=True)
    print(
        "| work | gaitops | peer in the same run | measured | bar | |\n|---|---|---|---|---|---|", flush=True
    )
    for row in rows(work, repeats=options.repeats, quick=options.quick, reuse=options.reuse):
        print("| " + " | ".join(row.cells()) + " |", flush=True)


if __name__ == "__main__":
    main()
