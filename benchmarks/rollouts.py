# SPDX-License-Identifier: Apache-2.0
"""A rollout over the largest project: planning it, and resolving everything while it is under way.

Documents are read once before the clock starts, because what is measured is the arithmetic and not the reading.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.documents import (
    TIERS,
    environment,
    policy,
    policy_version,
    project,
    project_folder,
    repository,
)
from benchmarks.timing import processor_time
from gaitops.documents.layout import rollout_path
from gaitops.documents.writer import write_yaml
from gaitops.fleet.assignments import resolve_all
from gaitops.fleet.state import DocumentCache, FleetState
from gaitops.git.writing import Person, commit_files, init_repository
from gaitops.rollout.plan import make_plan
from gaitops.rollout.prepare import prepare

PLACE = ("acme", "pay", "tighten")
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


def _plan_document(environments: Sequence[str]) -> dict[str, object]:
    sizes = (1, 10, 50, 100)
    steps = [
        {
            "name": f"{mode.replace('_', '-')}-{size}",
            "mode": mode,
            "percent": size,
            "environments": list(environments),
        }
        for size in sizes
        for mode in ("observe", "dry_run", "enforce")
    ]
    spec = {
        "policy": {"name": "guard"},
        "from": "1.0.0",
        "to": "1.1.0",
        "selector": {"all": True},
        "steps": steps,
    }
    return {
        "apiVersion": "gaitops.dev/v1",
        "kind": "Rollout",
        "metadata": {"name": PLACE[2]},
        "spec": spec,
    }


def _files(repositories: int) -> dict[str, bytes]:
    """One project with its environments, two versions of a policy and a plan."""
    org, name, rollout_id = PLACE
    first, parent = policy_version(org, "guard", "1.0.0", 1, None)
    second, _last = policy_version(org, "guard", "1.1.0", 2, parent)
    folder = project_folder(org, name)
    files = {
        **first,
        **second,
        f"orgs/{org}/policies/guard/policy.yaml": policy(org, "guard", "1.0.0"),
        f"{folder}/project.yaml": project(org, name),
        rollout_path(org, name, rollout_id): write_yaml(_plan_document(list(TIERS))),
    }
    for tier in TIERS:
        files[f"{folder}/environments/{tier}.yaml"] = environment(org, name, tier, "guard", version="1.0.0")
    for number in range(repositories):
        files[f"{folder}/repositories/r{number}.yaml"] = repository(org, name, f"r{number}", wave=number % 8)
    return files


def measure_rollouts(folder: Path, repositories: int) -> dict[str, float]:
    """Processor seconds for the plan, and for resolving everything in its middle step, documents at hand."""
    git, cache = init_repository(folder), DocumentCache()
    author = Person("bench", "bench@example.com")

    def state_with(base: str | None, files: Mapping[str, bytes]) -> tuple[str, FleetState]:
        commit = commit_files(git, base, files, message="bench", author=author, when=int(NOW.timestamp()))
        state = FleetState(git.snapshot(commit), cache)
        deque(resolve_all(state), maxlen=0)
        return commit, state

    first, state = state_with(None, _files(repositories))
    rollout = state.rollout(*PLACE)
    assert rollout is not None
    planned = processor_time(lambda: make_plan(state, *PLACE, rollout.spec, started=NOW))
    started = prepare("start", state, PLACE, rollout, now=NOW).rollout
    for _step in range(6):
        started = prepare("advance", state, PLACE, started, now=NOW).rollout
    body = started.model_dump(by_alias=True, mode="json", exclude_none=True)
    _second, active = state_with(first, {rollout_path(*PLACE): write_yaml(body)})
    rows = list(resolve_all(active))
    assert len({row.mode for row in rows}) > 1
    resolved = processor_time(lambda: deque(resolve_all(active), maxlen=0))
    return {"plan": planned, "resolve": resolved, "assignments": len(rows)}
