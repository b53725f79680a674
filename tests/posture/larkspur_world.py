# SPDX-License-Identifier: Apache-2.0
"""The golden fleet as a real repository with a history, and its evidence in a store, as the command line makes it."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from gaitops.cli.main import program
from gaitops.demo import agents
from tests.cli.harness import Run
from tests.posture.larkspur import (
    BEFORE,
    CHANGE,
    VECTORS,
    WINDOW,
    environments,
    policy_versions,
    rollout,
    tenancy,
)
from tests.simulator import World, document

AT = WINDOW.until.strftime("%Y-%m-%dT%H:%M:%SZ")
SINCE = WINDOW.since.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Larkspur:
    """A fleet repository and a store."""

    fleet: Path
    store: Path
    trust_root: str

    def posture(self, *arguments: str) -> Run:
        """``gaitops posture`` at the end of the two weeks."""
        return run(
            "posture", *arguments,
            *("--store", str(self.store), "--fleet-repo", str(self.fleet), "--trust-root", self.trust_root),
            *("--at", AT, "--since", SINCE),
        )  # fmt: skip


def run(*arguments: str) -> Run:
    """One run of the command line."""
    result = CliRunner().invoke(program, list(arguments))
    return Run(result.exit_code, result.stdout, result.stderr)


def producers() -> dict[str, str]:
    """The registered keys, each for every repository."""
    references = [
        f"larkspur/{team}/{name.removeprefix('larkspur/')}"
        for team, names in rollout()["teams"].items()
        for name in names
    ]
    files = {}
    for producer in ("checkout-ci", "platform-runner"):
        key = (VECTORS.parent / "keys" / f"{producer}_public.key").read_text(encoding="ascii").strip()
        spec = {
            "keyId": hashlib.sha256(base64.b64decode(key)).hexdigest(),
            "publicKey": key,
            "repositories": references,
        }
        files[f"evidence/producers/{producer}.yaml"] = document("Producer", producer, spec)
    return files


def world_of(path: Path, start: datetime) -> World:
    """The fleet as the plan wants it, moved forward at the plan's own time."""
    fleet = {"fleet.yaml": document("Fleet", "larkspur", {"rules": 1, "pinGrace": "24h"})}
    files = {**fleet, **policy_versions(), **tenancy(), **environments(start), **producers()}
    extra = {name: text.encode() for name, text in files.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.simulator.START", start)
        world = World(path, orgs=("larkspur",), extra=extra)
    assert world.verify().verified, world.verify().all_problems()
    world.now = CHANGE - timedelta(minutes=4)
    later = {name: text for name, text in environments(CHANGE).items() if files[name] != text}
    world.land(later, by="alice", approvers=["bob", "carol"])
    world.now = WINDOW.until
    assert world.verify().verified, world.verify().all_problems()
    return world


@contextmanager
def away_from_the_user(folder: Path) -> Iterator[None]:
    """The user's own settings have no part in what runs here; ``folder`` is home and current folder."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "GAITOPS_TRUST_ROOT"):
            patch.delenv(variable, raising=False)
        patch.setenv("HOME", str(folder / "home"))
        patch.chdir(folder)
        yield


@contextmanager
def larkspur_world(factory: pytest.TempPathFactory) -> Iterator[Larkspur]:
    """The fleet and its evidence, ingested by the command line. Nobody may change it.

    Made once for all tests, by whichever process needs it first: it takes longer than most of what is asked of it.
    """
    shared = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    with (shared / "larkspur.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder, done = shared / "larkspur", shared / "larkspur.trust-root"
        if not done.exists():
            folder.mkdir()
            with away_from_the_user(folder):
                trust_root = _made(folder)
            done.write_text(trust_root)
        trust_root = done.read_text()
    with away_from_the_user(factory.mktemp("away")):
        yield Larkspur(folder / "fleet", folder / "store", trust_root)


def _made(folder: Path) -> str:
    world = world_of(folder / "fleet", BEFORE)
    agents.collect()
    ingested = run(
        *("evidence", "ingest", "--json", "--store", str(folder / "store"), "--from", str(folder / agents.COLLECTED)),
        *("--layout", "{owner}/{name}/**", "--repository-prefix", "github.com", "--at", AT),
        *("--fleet-repo", str(folder / "fleet"), "--trust-root", world.trust_root),
    )  # fmt: skip
    assert ingested.code == 0, ingested.out
    assert json.loads(ingested.out)
    return world.trust_root
