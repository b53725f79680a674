# SPDX-License-Identifier: Apache-2.0
"""Rollouts in a history that begins at a release: what it does not tell is not taken from whoever writes documents."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from gaitops.fleet.root import verify_first_root
from gaitops.history.anchor import Anchor
from gaitops.history.session import open_history
from tests.history.rollouts import BAD, PATH, Fleet
from tests.history.test_rollout_walks import Walk
from tests.simulator import World


class Release:
    """A release of everything that is verified now."""

    def __init__(self, world: World) -> None:
        self.world = world
        commit = world.head()
        root = verify_first_root(world.root, world.trust_root)
        partitions = dict.fromkeys(("fleet", "acme"), commit)
        self.anchor = Anchor("release 1", root, commit, partitions, world.now)

    def codes(self) -> set[str]:
        """Codes of everything against main, judged from the release on."""
        world, anchor = self.world, self.anchor
        with open_history(
            world.repository, world.head(), world.trust_root, at=world.now, anchor=anchor
        ) as history:
            return {item.code for item in history.verdict().all_problems()}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """A rollout whose first step is over."""
    fleet = Fleet(tmp_path_factory.mktemp("template") / "fleet")
    fleet.start(rollbackTriggers=[{"when": "soak_expired", "after": "5d"}])
    fleet.wait(1)
    return fleet


@pytest.fixture
def fleet(template: Fleet, tmp_path: Path) -> Fleet:
    """The same in a folder of its own."""
    return template.copied(tmp_path / "fleet")


def test_an_honest_rollout_goes_on_from_a_release(fleet: Fleet) -> None:
    """Steps that were entered and analyses that were made before the release count after it."""
    fleet.take("advance")
    fleet.wait(2)
    fleet.analyze()
    release = Release(fleet.world)
    fleet.wait(0.1)
    fleet.take("advance")
    assert fleet.codes() == set()
    assert release.codes() == set()


@pytest.mark.parametrize("claimed", ["2026-10-25T00:00:00Z", "0001-01-01T00:00:00Z"])
def test_the_document_does_not_say_when_a_step_was_entered(fleet: Fleet, claimed: str) -> None:
    """An operator who writes an early time down gains nothing where the history of the entry is not judged again."""
    body = json.loads(fleet.files("advance")[PATH])
    body["status"]["stepStartedAt"] = claimed
    fleet.land({PATH: json.dumps(body)})
    release = Release(fleet.world)
    fleet.world.tick(timedelta(hours=1))
    fleet.push(fleet.files("advance"))
    assert "rollout.soak" in fleet.codes()
    assert release.codes() == fleet.codes()


@pytest.mark.parametrize("phase", ["paused", "completed"])
def test_the_document_makes_no_stay_expire(fleet: Fleet, phase: str) -> None:
    """The same holds for the trigger of a stay that lasted too long."""
    body = json.loads(fleet.files("advance")[PATH])
    body["status"]["stepStartedAt"] = "0001-01-01T00:00:00Z"
    fleet.land({PATH: json.dumps(body)})
    if phase == "paused":
        fleet.take("pause")
    else:
        for _step in range(2):
            fleet.wait(2)
            fleet.analyze()
            fleet.take("advance")
        fleet.take("complete")
    assert fleet.codes() == set()
    release = Release(fleet.world)
    fleet.world.tick(timedelta(hours=1))
    fleet.push(fleet.files("rollback", trigger="soak_expired"))
    assert "rollout.transition" in fleet.codes()
    assert release.codes() >= fleet.codes()


def test_an_analysis_that_was_removed_before_the_release_still_counts(fleet: Fleet) -> None:
    """Nobody authorized its removal, so an older success does not come back to life in a shorter history."""
    fleet.take("advance")
    fleet.wait(2)
    fleet.analyze()
    files = fleet.files("advance")
    fleet.world.tick(timedelta(hours=1))
    bad = fleet.analysis(BAD)
    fleet.world.commit(bad, by="ana")
    verified = fleet.world.head()
    fleet.world.commit(dict.fromkeys(bad), by="mallory")
    release = Release(fleet.world)
    release.anchor = Anchor(
        "release 1",
        release.anchor.root,
        release.anchor.commit,
        {"fleet": verified, "acme": release.anchor.commit},
        fleet.world.now,
    )
    fleet.push(files)
    assert "rollout.gate" in fleet.codes()
    assert "rollout.gate" in release.codes()


@pytest.mark.parametrize("seed", [4, 5])
def test_a_release_never_lets_through_what_the_whole_history_refuses(
    template: Fleet, tmp_path: Path, seed: int
) -> None:
    """Whatever people try: what is verified from some release on is verified from genesis on."""
    fleet = template.copied(tmp_path / "fleet")
    walk, releases = Walk(fleet, seed), [Release(fleet.world)]
    for number in range(8):
        walk.step(number)
        cold = fleet.codes()
        assert all(release.codes() for release in releases[-2:]) or not cold
        if not cold:
            releases.append(Release(fleet.world))
    assert len(releases) > 2
