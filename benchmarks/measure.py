# SPDX-License-Identifier: Apache-2.0
"""One measurement in a fresh process: ``python -m benchmarks.measure WHAT DIR [...]`` prints seconds as JSON.

A fresh process for every repetition keeps caches, collected garbage and parsed documents of one run out of the next;
imports are done before the clock starts.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.bare import Check, check_all, collect
from benchmarks.rollouts import measure_rollouts
from benchmarks.timing import processor_time
from benchmarks.writer import Written
from gaitops.documents.layout import root_path
from gaitops.fleet.assignments import resolve_all
from gaitops.fleet.people import Directory, directory
from gaitops.fleet.root import verify_first_root
from gaitops.fleet.state import DocumentCache, FleetState
from gaitops.git.repository import Repository
from gaitops.history.proposal import propose
from gaitops.history.session import open_history
from gaitops.history.signatures import SignatureChecks
from gaitops.report.proposals import proposal_text

# Loaded by the engine when first needed; a start-up cost, which the whole-process rows measure.
import gaitops.release.ceremony  # noqa: F401  # isort: skip


def cold(fleet: Written, branch: str) -> dict[str, float]:
    """Verification from genesis, without a checkpoint."""
    return _verify(fleet, branch, None)


def warm(fleet: Written, branch: str, checkpoint: Path) -> dict[str, float]:
    """Verification from a checkpoint, which is brought up to date."""
    return _verify(fleet, branch, checkpoint)


def _verify(fleet: Written, branch: str, checkpoint: Path | None) -> dict[str, float]:
    start, cpu = time.perf_counter(), time.process_time()
    repository = Repository.open(Path(fleet.path))
    with open_history(
        repository, repository.resolve(branch), fleet.trust_root, at=datetime.now(UTC), checkpoint=checkpoint
    ) as history:
        verdict = history.verdict()
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    assert verdict.verified, verdict.all_problems()[:3]
    return {"seconds": seconds, "cpu": cpu, "folded": verdict.folded, "decisions": verdict.decisions}


def bare(fleet: Written) -> dict[str, float]:
    """The same signatures with keys and messages at hand, on one thread."""
    repository = Repository.open(Path(fleet.path))
    checks: list[Check] = collect(repository, fleet.signed_commits)
    gc.collect()
    start = time.perf_counter()
    check_all(checks)
    return {"seconds": time.perf_counter() - start, "signatures": len(checks)}


def signatures(fleet: Written, count: int) -> dict[str, float]:
    """The newest commit signatures, read and checked as the engine does, from opening the repository on."""
    people = _people(fleet)
    start = time.perf_counter()
    repository = Repository.open(Path(fleet.path))
    with SignatureChecks() as checks:
        signers = [checks.commit(repository.commit(oid), people) for oid in fleet.signed_commits[-count:]]
    seconds = time.perf_counter() - start
    assert all(signer.identities for signer in signers)
    return {"seconds": seconds, "signatures": len(signers)}


def _people(fleet: Written) -> Directory:
    """Everybody in the newest tree, whose signatures the commits carry."""
    repository = Repository.open(Path(fleet.path))
    state = FleetState(repository.snapshot(fleet.signed_commits[-1]), DocumentCache())
    entry = state.snapshot.entry(root_path(1))
    assert entry is not None
    root = verify_first_root(state.snapshot.read(entry.oid), fleet.trust_root)
    return directory(state, root, state.orgs())


def resolve(fleet: Written, branch: str, checkpoint: Path) -> dict[str, float]:
    """All assignments of a large fleet: first with every document still to be read, then with documents at hand."""
    repository = Repository.open(Path(fleet.path))
    head = repository.resolve(branch)
    with open_history(
        repository, head, fleet.trust_root, at=datetime.now(UTC), checkpoint=checkpoint, writable=False
    ) as history:
        state = history.state()
        reading = processor_time(lambda: list(resolve_all(state)))
        gc.collect()
        count = sum(1 for _ in resolve_all(state))
        seconds = processor_time(lambda: deque(resolve_all(state), maxlen=0))
    return {"seconds": seconds, "reading": reading, "assignments": count}


def check(fleet: Written, checkpoint: Path) -> dict[str, float]:
    """``gaitops check`` of the branch ``pull`` without process start."""
    start = time.perf_counter()
    repository = Repository.open(Path(fleet.path))
    with open_history(
        repository, repository.resolve("main"), fleet.trust_root, at=datetime.now(UTC), checkpoint=checkpoint
    ) as history:
        proposal = propose(history, repository.resolve("pull"))
        proposal_text(proposal, history.fold.facts.ignored)
    assert proposal.pending, proposal.all_problems()
    return {"seconds": time.perf_counter() - start}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "what", choices=["cold", "warm", "bare", "signatures", "resolve", "check", "rollouts"]
    )
    parser.add_argument("path", type=Path)
    parser.add_argument("--branch", default="main")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--checkpoint", type=Path)
    options = parser.parse_args(arguments)
    if options.what == "rollouts":
        print(json.dumps(measure_rollouts(options.path, options.count)))
        return
    fleet = Written.load(options.path)
    runs: dict[str, Callable[[], dict[str, float]]] = {
        "cold": lambda: cold(fleet, options.branch),
        "warm": lambda: warm(fleet, options.branch, options.checkpoint),
        "bare": lambda: bare(fleet),
        "signatures": lambda: signatures(fleet, options.count),
        "resolve": lambda: resolve(fleet, options.branch, options.checkpoint),
        "check": lambda: check(fleet, options.checkpoint),
    }
    print(json.dumps(runs[options.what]()))


if __name__ == "__main__":
    main()
