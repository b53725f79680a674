# SPDX-License-Identifier: Apache-2.0
"""The component ``pin-update`` in a consumer repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attacks.release_tools import Scene
from tests.gitlab.consumers import BRANCH, PROJECT, Consumer
from tests.gitlab.forge import Forge, git


@pytest.fixture
def consumer(forge: Forge, scene: Scene, tmp_path: Path) -> Consumer:
    """A consumer repository that looks for newer releases."""
    found = Consumer(forge, scene, tmp_path)
    found.include("pin-update", release=str(scene / "two"))
    return found


def test_a_newer_release_becomes_a_merge_request(consumer: Consumer) -> None:
    """The pin is renewed on a branch of the job's own, and push options ask for the merge request."""
    pipeline = consumer.pipeline("schedule")
    assert pipeline.jobs == {"gaitops-pin-update": ("PASS", 0)}, pipeline.log
    assert "merge_request.create" in consumer.forge.push_options(PROJECT)
    assert "merge_request.title=Update agent policies to release 2" in consumer.forge.push_options(PROJECT)
    assert "merge_request.target=main" in consumer.forge.push_options(PROJECT)
    assert consumer.forge.pushed_by[-1] == "oauth2"
    changed = git("-C", str(consumer.bare), "diff", "--name-only", "main", BRANCH).splitlines()
    assert changed
    assert all(path.startswith(".gaitops/") for path in changed)
    renewed = consumer.forge.clone(PROJECT, consumer.scene / "renewed", BRANCH)
    assert consumer.scene.verify("--base", "origin/main", repo=renewed.name).json["release"] == 2


def test_an_open_merge_request_is_left_alone_until_something_moves(consumer: Consumer) -> None:
    """The same release on the same ``main`` is pushed once; when ``main`` moves, the branch follows."""
    consumer.pipeline("schedule")
    first = consumer.offered()
    again = consumer.pipeline("schedule")
    assert "open already" in again.log
    assert consumer.offered() == first
    consumer.push("something else")
    moved = consumer.pipeline("schedule")
    assert moved.jobs == {"gaitops-pin-update": ("PASS", 0)}
    assert consumer.offered() != first


def test_nothing_new_pushes_nothing(consumer: Consumer) -> None:
    """With the newest release pinned the job passes and there is no branch."""
    consumer.include("pin-update", release=str(consumer.scene / "one"))
    pipeline = consumer.pipeline("schedule")
    assert pipeline.jobs == {"gaitops-pin-update": ("PASS", 0)}
    assert "up to date" in pipeline.log
    assert consumer.offered() == ""


def test_a_release_that_does_not_verify_is_not_offered(consumer: Consumer) -> None:
    """A mirror that serves something else fails the job, and nobody gets a merge request of it."""
    pipeline = consumer.pipeline("schedule", GAITOPS_TRUST_ROOT="sha256:" + "0" * 64)
    assert pipeline.jobs["gaitops-pin-update"][0] == "FAIL"
    assert consumer.offered() == ""


def test_a_missing_token_is_told(consumer: Consumer) -> None:
    """Without the variable the job says so, and does not try the job's own token, whose pushes start nothing."""
    pipeline = consumer.pipeline("schedule", GAITOPS_PUSH_TOKEN="")
    assert pipeline.jobs == {"gaitops-pin-update": ("FAIL", 6)}
    assert "GAITOPS_PUSH_TOKEN is not set" in pipeline.log
    assert consumer.offered() == ""
