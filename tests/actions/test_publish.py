# SPDX-License-Identifier: Apache-2.0
"""The action ``publish``: signs in a publisher repository, and refuses everywhere else."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.actions.conftest import VERSION, context, surroundings
from tests.actions.runner import Job, Outcome
from tests.attacks.release_tools import Scene, scene, story

__all__ = ["scene", "story"]


class Publisher:
    """The workspace of a publisher repository with a clone of the fleet in it."""

    def __init__(self, scene: Scene, installed: Path, folder: Path) -> None:
        self.scene = scene
        self.workspace, self.temp = folder / "workspace", folder / "temp"
        for item in (self.workspace, self.temp):
            item.mkdir()
        for item in installed.glob("gaitops-*"):
            (self.temp / item.name).symlink_to(item)
        self.environ = surroundings(folder / "home") | {
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_EVENT_NAME": "schedule",
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_REPOSITORY": "acme/publisher",
        }
        clone = ["git", "clone", "--quiet", str(scene / "fleet"), str(self.workspace / "fleet")]
        subprocess.run(clone, check=True, env={"PATH": os.environ["PATH"]})
        shutil.copytree(scene / "one", self.workspace / "release")

    def publish(self, environ: dict[str, str] | None = None, /, **inputs: str) -> Outcome:
        job = Job(self.workspace, self.temp, context(), {**self.environ, **(environ or {})})
        given = {
            "version": VERSION,
            "trust_root": f"sha256:{self.scene.trust_root}",
            "key_pem": (self.scene / "keys/publisher.pem").read_text(),
        }
        return job.run("publish", **{**given, **inputs})


@pytest.fixture
def publisher(scene: Scene, installed: Path, tmp_path: Path) -> Publisher:
    """A publisher who has made the first release of a fleet that has moved on."""
    return Publisher(scene, installed, tmp_path)


def test_publish_and_refresh(publisher: Publisher) -> None:
    """A new release, then its timestamp again; the private key was a file only meanwhile."""
    done = publisher.publish()
    assert (done.code, done.outputs["number"], done.outputs["verified"]) == (0, "2", "true"), done.log
    assert publisher.publish(mode="refresh").outputs["status"] == "refreshed"
    assert list(publisher.temp.glob("gaitops-key-*/*")) == []
    assert "PRIVATE KEY" not in done.log + done.summary


def test_key_by_address(publisher: Publisher) -> None:
    """A signer's URI instead of a secret."""
    key = f"file:{publisher.scene / 'keys/publisher.pem'}"
    assert publisher.publish(key=key, key_pem="").code == 0


def test_first(publisher: Publisher) -> None:
    """Starting over a release that is there is refused by gaitops itself."""
    assert publisher.publish(mode="first").code != 0
    shutil.rmtree(publisher.workspace / "release")
    assert publisher.publish(mode="first").outputs["number"] == "1"


@pytest.mark.parametrize(
    "environ",
    [
        {"GITHUB_EVENT_NAME": "pull_request"},
        {"GITHUB_EVENT_NAME": "pull_request_target"},
        {"GITHUB_EVENT_NAME": "issue_comment"},
        {"GITHUB_EVENT_NAME": "workflow_run"},
        {"GITHUB_EVENT_NAME": "push"},
        {"GITHUB_REF": "refs/heads/other"},
        {"GITHUB_REF": "refs/tags/main"},
    ],
)
def test_refuses_what_strangers_can_start(publisher: Publisher, environ: dict[str, str]) -> None:
    """Only the clock and the publisher's people start a release, and only on the protected branch."""
    done = publisher.publish(environ)
    assert (done.code, done.annotations[0].title) == (8, "Not here")
    assert not (publisher.workspace / "release/metadata/2.snapshot.json").exists()


def test_refuses_the_fleet_repository(publisher: Publisher) -> None:
    """Neither as the workspace, nor as a folder of it, nor as the origin of the clone."""
    assert publisher.publish(fleet=".").code == 8
    fleet = publisher.workspace / "fleet"
    origin = [
        "git",
        "-C",
        str(fleet),
        "remote",
        "set-url",
        "origin",
        "https://github.test/Acme/Publisher.git",
    ]
    subprocess.run(origin, check=True)
    assert publisher.publish().code == 8
    (publisher.workspace / "trust/root").mkdir(parents=True)
    (publisher.workspace / "trust/root/1.root.json").write_text("{}")
    assert publisher.publish().code == 8


@pytest.mark.parametrize(
    "inputs", [{"key": "file:x"}, {"key_pem": ""}, {"mode": "sign"}, {"trust_root": ""}, {"fleet": ""}]
)
def test_wrong_inputs(publisher: Publisher, inputs: dict[str, str]) -> None:
    """Two keys, none, an unknown mode, nothing to trust, nothing to publish."""
    assert publisher.publish(**inputs).code == 6


def test_unverified_part(publisher: Publisher) -> None:
    """The verified part is published, and the output says that something is not authorized."""
    fleet = publisher.workspace / "fleet"
    (fleet / "orgs/acme/notes.txt").write_text("x")
    who = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    for words in (("add", "--all"), ("commit", "--quiet", "--message", "sneak")):
        subprocess.run(["git", "-C", str(fleet), *who, *words], check=True)
    done = publisher.publish()
    assert (done.code, done.outputs["verified"], done.outputs["verify-exit-code"]) == (0, "false", "2")
    assert done.annotations


def test_as_a_workload(publisher: Publisher) -> None:
    """Signing as the workflow is for releases whose root names it; a refreshed timestamp never asks for it."""
    done = publisher.publish(sigstore="true")
    assert done.code == 6
    assert "release.keyless" in done.log
    assert publisher.publish(mode="refresh", sigstore="true").code == 0
