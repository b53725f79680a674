# SPDX-License-Identifier: Apache-2.0
"""The component ``publish`` in a publisher project: first release, next release, refreshed timestamp."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.attacks.release_tools import Scene
from tests.gitlab.forge import TOKEN, Forge, git
from tests.gitlab.pipelines import COMMIT, Pipeline, run

FLEET, PUBLISHER = "acme/fleet", "acme/publisher"


class Publisher:
    """``acme/publisher`` beside the fleet of the story, which has two releases' worth of history."""

    def __init__(self, forge: Forge, scene: Scene, folder: Path) -> None:
        self.forge, self.scene = forge, scene
        self._folder = folder
        self.world = scene.world()
        component = f"$CI_SERVER_FQDN/acme/gaitops-ci/publish@{COMMIT}"
        entry = {"component": component, "inputs": {"requirement": "", "fleet": FLEET}}
        work = folder / "publisher-work"
        work.mkdir()
        (work / ".gitlab-ci.yml").write_text(json.dumps({"include": [entry]}))
        git("init", "--quiet", "--initial-branch=main", str(work))
        git("-C", str(work), "add", "--all")
        git("-C", str(work), "commit", "--quiet", "--message", "pipeline")
        self.bare = forge.project(PUBLISHER, work)
        self.key = folder / "key"
        shutil.copy(scene / "keys/publisher.pem", self.key)
        self.key.chmod(0o666)  # as runners write variables of type File

    def run(self, source: str, *jobs: str, **variables: str) -> Pipeline:
        """One pipeline of the default branch."""
        self.forge.project(FLEET, self.world.path)
        clone = self._folder / "checkout"
        shutil.rmtree(clone, ignore_errors=True)
        self.forge.clone(PUBLISHER, clone)
        settings = {
            "CI_PIPELINE_SOURCE": source,
            "CI_PIPELINE_ID": "7",
            "GAITOPS_TRUST_ROOT": f"sha256:{self.scene.trust_root}",
            "GAITOPS_KEY_FILE": str(self.key),
            "GAITOPS_PUSH_TOKEN": TOKEN,
        }
        return run(clone, {**settings, **variables}, *jobs)

    def schedule(self, description: str = "publish", **variables: str) -> Pipeline:
        """A scheduled pipeline."""
        return self.run("schedule", CI_PIPELINE_SCHEDULE_DESCRIPTION=description, **variables)

    def first(self) -> Pipeline:
        """Somebody starts the job of the very first release."""
        return self.run("web", "gaitops-publish-first")

    def releases(self) -> int:
        """Commits on the branch of releases."""
        return int(git("-C", str(self.bare), "rev-list", "--count", "release"))

    def pinned(self, name: str) -> int:
        """The release that a consumer pins now."""
        source = self._folder / name
        git("clone", "--quiet", "--branch", "release", str(self.bare), str(source))
        shutil.rmtree(source / ".git")
        return int(self.scene.init(source, repo=f"consumer-{name}").json["release"])


@pytest.fixture
def publisher(forge: Forge, scene: Scene, tmp_path: Path) -> Publisher:
    """A publisher project without a release."""
    return Publisher(forge, scene, tmp_path)


def test_releases_follow_each_other(publisher: Publisher) -> None:
    """The first release is made by hand, the next by a schedule, and the timestamp is signed again."""
    first = publisher.first()
    assert first.jobs == {"gaitops-publish-first": ("PASS", 0)}, first.log
    assert publisher.pinned("one") == 1
    assert publisher.forge.push_options(PUBLISHER) == ["ci.skip"]
    publisher.world.land({"fleet.yaml": _longer(publisher)}, by="alice", approvers=["bob", "carol"])
    following = publisher.schedule()
    assert following.jobs == {"gaitops-publish": ("PASS", 0)}, following.log
    assert publisher.pinned("two") == 2
    refreshed = publisher.schedule("refresh the timestamp daily")
    assert refreshed.jobs == {"gaitops-publish": ("PASS", 0)}, refreshed.log
    assert publisher.releases() == 3
    assert publisher.first().jobs["gaitops-publish-first"][0] == "FAIL"
    assert publisher.releases() == 3


def _longer(publisher: Publisher) -> str:
    return publisher.world.read("fleet.yaml").decode().replace("pinGrace: 7d", "pinGrace: 8d")


def test_unauthorized_part_is_reported_after_the_rest_is_published(publisher: Publisher) -> None:
    """One organization's unauthorized commit holds up nobody else, but the job does not end green."""
    path = "orgs/acme/org.yaml"
    edited = publisher.world.read(path).decode().replace("acme", "Acme", 1)
    publisher.world.commit({path: edited}, by="alice", message="quietly")
    assert publisher.first().jobs == {"gaitops-publish-first": ("FAIL", 2)}
    assert publisher.releases() == 1


def test_without_a_release_the_schedule_makes_none(publisher: Publisher) -> None:
    """Starting over (R11) takes a person; and neither key nor token shows in the log or stays on the disk."""
    pipeline = publisher.schedule()
    assert pipeline.jobs["gaitops-publish"][0] == "FAIL"
    assert git("-C", str(publisher.bare), "branch", "--list", "release") == ""
    first = publisher.first()
    assert TOKEN not in first.log.replace("GAITOPS_PUSH_TOKEN", "")
    assert "PRIVATE KEY" not in first.log
    assert not list((publisher.key.parent / "runner").rglob("key.pem"))
