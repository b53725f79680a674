# SPDX-License-Identifier: Apache-2.0
"""Random walks through rollouts: whatever people try, a warm verdict is the cold one, and nobody outruns the plan."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from gaitops.errors import GaitopsError
from gaitops.fleet.candidates import step_index
from gaitops.rollout.transitions import EDGES
from tests.history.rollouts import BAD, GOOD, PATH, Fleet

TRIGGERS = [
    {"when": "metric", "threshold": {"metric": "block_rate_delta", "maximum": 0.2}},
    {"when": "soak_expired", "after": "5d"},
]
STRAY = (["r0"], "running", "paused", "completed", "half", "2026-11-01T00:00:00Z")
"""Values that somebody may write into a status by hand."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """A fleet with an approved plan."""
    fleet = Fleet(tmp_path_factory.mktemp("template") / "fleet")
    fleet.write_plan(rollbackTriggers=TRIGGERS)
    return fleet


class Walk:
    """Somebody who tries edges at random, honest and not, and takes back what was not authorized."""

    def __init__(self, fleet: Fleet, seed: int) -> None:
        self.fleet = fleet
        self.random = random.Random(seed)  # noqa: S311 - a story, not a secret

    def step(self, number: int) -> None:
        """Time passes, then a repository joins, an analysis arrives, or somebody tries an edge."""
        self.fleet.wait(self.random.choice((0, 0.5, 1, 2, 3)))
        kind = self.random.random()
        if kind < 0.1:
            self.fleet.world.land(self.fleet.repository(f"n{number}"), by="alice", approvers=["bob"])
        elif kind < 0.3 and step_index(self.fleet.rollout()) >= 0:
            self.fleet.analyze(self.random.choice((GOOD, BAD)))
        else:
            self._edge()

    def _edge(self) -> None:
        edge = self.random.choice(EDGES)
        trigger = self.random.choice((None, "metric", "soak_expired")) if edge == "rollback" else None
        try:
            files = self.fleet.files(edge, trigger=trigger)
        except GaitopsError:
            return  # It does not begin here.
        if self.random.random() < 0.15:
            body = json.loads(files[PATH])
            body["status"][self.random.choice(sorted(body["status"]))] = self.random.choice(STRAY)
            files[PATH] = json.dumps(body)
        by = self.random.choice(("rosa", "rosa", "alice", "mallory"))
        before = {path: self.fleet.world.read(path) for path in files}
        try:
            self.fleet.land(files, by=by, approvers=self.random.choice(((), ("bob", "carol"))))
        except GaitopsError:
            self.fleet.world.commit(files, by=by)  # What nobody can sign is pushed all the same.
        if not self.fleet.world.verify().verified:
            self.fleet.world.commit(before, by="mallory", signed=False)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_warm_and_cold_agree_and_steps_come_in_order(template: Fleet, tmp_path: Path, seed: int) -> None:
    """After every commit: the same problems and decisions with and without a checkpoint, and no step skipped."""
    fleet, checkpoint = template.copied(tmp_path / "fleet"), tmp_path / "checkpoint.db"
    walk, reached = Walk(fleet, seed), -1
    for number in range(12):
        walk.step(number)
        warm, cold = fleet.world.verify(checkpoint=checkpoint), fleet.world.verify()
        assert warm.all_problems() == cold.all_problems()
        assert (warm.audit_head, warm.decisions) == (cold.audit_head, cold.decisions)
        index = step_index(fleet.rollout())
        assert index in (reached, reached + 1)
        reached = index
