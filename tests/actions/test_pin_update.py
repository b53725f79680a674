# SPDX-License-Identifier: Apache-2.0
"""The action ``pin-update``: one branch and one pull request that say what moved."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.actions.conftest import VERSION, context, surroundings
from tests.actions.runner import Job, Outcome
from tests.actions.server import Server
from tests.attacks.release_tools import Scene, scene, story

__all__ = ["scene", "story"]
BRANCH = "gaitops/pin-update"


class Consumer:
    """A consumer repository on a remote, its clone on a runner, and the forge."""

    def __init__(self, scene: Scene, installed: Path, folder: Path, forge: Server) -> None:
        self.scene, self.forge, self.folder = scene, forge, folder
        self.remote = folder / "remote.git"
        self.environ = {**surroundings(folder / "home"), "GITHUB_API_URL": forge.address}
        self.temp = folder / "temp"
        self.temp.mkdir()
        for item in installed.glob("gaitops-*"):
            (self.temp / item.name).symlink_to(item)
        self.git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(self.remote))
        pinned = scene / "pinned"
        self.git(pinned, "init", "--quiet", "--initial-branch=main")
        self.git(pinned, "add", "--all")
        self.commit(pinned, "pin")
        self.git(pinned, "push", "--quiet", str(self.remote), "main")

    def git(self, folder: Path, *arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            env=self.environ,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def commit(self, folder: Path, message: str) -> None:
        who = ("-c", "user.name=dev", "-c", "user.email=dev@example.com")
        self.git(folder, *who, "commit", "--quiet", "--all", "--message", message)

    def tip(self, branch: str = BRANCH) -> str:
        return self.git(self.remote, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")

    def update(self, source: str = "two", **inputs: str) -> Outcome:
        """A run on a fresh clone."""
        workspace = self.folder / f"workspace-{len(list(self.folder.iterdir()))}"
        self.git(self.folder, "clone", "--quiet", str(self.remote), str(workspace))
        # A hook of the repository must not run beside the token.
        hook = workspace / ".git/hooks/pre-commit"
        hook.write_text("#!/bin/sh\nexit 1\n")
        hook.chmod(0o755)
        job = Job(workspace, self.temp, context(), self.environ)
        given = {"from": str(self.scene / source), "trust_root": f"sha256:{self.scene.trust_root}"}
        outcome = job.run("pin-update", version=VERSION, **given, **inputs)
        assert self.git(workspace, "branch", "--show-current") == "main"
        return outcome


@pytest.fixture
def consumer(scene: Scene, installed: Path, tmp_path: Path, forge: Server) -> Consumer:
    """A repository that pinned the first of two releases."""
    (tmp_path / "site").mkdir()
    return Consumer(scene, installed, tmp_path / "site", forge)


def test_a_pull_request_says_what_moved(consumer: Consumer) -> None:
    """The branch holds the new pin on top of main; the pull request names environments before and after."""
    done = consumer.update()
    assert (done.code, done.outputs["changed"], done.outputs["release"]) == (0, "true", "2"), done.log
    assert done.outputs["pull-request-number"] == "9"
    ((method, path, body),) = consumer.forge.calls
    assert (method, path, body["head"], body["base"]) == ("POST", "/pulls", BRANCH, "main")
    assert body["title"] == "Pin release 2 of larkspur"
    assert "| `production` | `acme/guard@1.0.0 (enforce)` | `acme/guard@2.0.0 (enforce)` |" in body["body"]
    assert "from release 1 to release 2" in body["body"]
    assert consumer.git(consumer.remote, "rev-parse", f"{consumer.tip()}^") == consumer.tip("main")
    names = consumer.git(consumer.remote, "diff", "--name-only", "main", BRANCH).splitlines()
    assert names
    assert all(name.startswith(".gaitops/") for name in names)
    clone = consumer.folder / "checked"
    consumer.git(consumer.folder, "clone", "--quiet", "--branch", BRANCH, str(consumer.remote), str(clone))
    assert consumer.scene.run("pin", "verify", "--repo", clone).code == 0


def test_a_second_run_changes_nothing(consumer: Consumer) -> None:
    """The branch stays as it is, and the pull request is updated and not opened again."""
    consumer.update()
    tip = consumer.tip()
    assert consumer.update().code == 0
    assert consumer.tip() == tip
    assert [(method, path) for method, path, _ in consumer.forge.calls] == [
        ("POST", "/pulls"),
        ("PATCH", "/pulls/9"),
    ]


def test_the_branch_follows_main(consumer: Consumer) -> None:
    """When main moved on, the branch starts again from there."""
    consumer.update()
    (consumer.scene / "pinned/new").write_text("x")
    consumer.git(consumer.scene / "pinned", "add", "--all")
    consumer.commit(consumer.scene / "pinned", "more")
    consumer.git(consumer.scene / "pinned", "push", "--quiet", str(consumer.remote), "main")
    assert consumer.update().code == 0
    assert consumer.git(consumer.remote, "rev-parse", f"{consumer.tip()}^") == consumer.tip("main")


def test_nothing_to_do(consumer: Consumer) -> None:
    """A pin that is current leaves no branch and no pull request."""
    done = consumer.update("one")
    assert (done.code, done.outputs["changed"], done.outputs["pull-request-number"]) == (0, "false", "")
    assert (consumer.tip(), consumer.forge.calls) == ("", [])


def test_work_of_somebody_else_is_not_overwritten(consumer: Consumer) -> None:
    """A commit that a person added to the branch ends the run."""
    consumer.update()
    clone = consumer.folder / "person"
    consumer.git(consumer.folder, "clone", "--quiet", "--branch", BRANCH, str(consumer.remote), str(clone))
    (clone / "fix").write_text("x")
    consumer.git(clone, "add", "--all")
    consumer.commit(clone, "fix")
    consumer.git(clone, "push", "--quiet", "origin", BRANCH)
    tip = consumer.tip()
    done = consumer.update()
    assert (done.code, done.annotations[0].title) == (8, "Not ours")
    assert consumer.tip() == tip


def test_token_that_may_not_open_pull_requests(consumer: Consumer) -> None:
    """The run says which permission and which setting are missing."""
    consumer.forge.read_only = True
    done = consumer.update(token="hidden-token")
    assert (done.code, done.annotations[0].title) == (1, "No pull request")
    assert "pull-requests: write" in done.annotations[0].message
    assert "hidden-token" not in done.log


def test_required_signatures(consumer: Consumer) -> None:
    """A release without the signatures that the consumer requires makes no branch and no pull request."""
    done = consumer.update(require="both")
    assert done.code == 2
    assert "pin.keyless_missing" in done.log
    assert (consumer.forge.calls, consumer.tip()) == ([], "")


def test_release_that_does_not_verify(consumer: Consumer) -> None:
    """Another fleet's trust root pins nothing and pushes nothing."""
    consumer.scene.trust_root = "0" * 64
    done = consumer.update()
    assert done.code != 0
    assert (consumer.tip(), consumer.forge.calls) == ("", [])


@pytest.mark.parametrize("inputs", [{"branch": "--force"}, {"branch": "a:b"}, {"base": "-x"}])
def test_wrong_branches(consumer: Consumer, inputs: dict[str, str]) -> None:
    """Names that Git could read as something else are refused."""
    done = consumer.update(**inputs)
    assert (done.code, done.annotations[0].title) == (6, "Wrong input")
