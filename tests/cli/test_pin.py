# SPDX-License-Identifier: Apache-2.0
"""``gaitops pin``: pinning, renewing, verifying and asking how old a pin is, from every kind of source."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.attacks.release_tools import (
    CHECKOUT,
    DAY,
    NOW,
    Scene,
    at,
    content,
    mirror,
    refused,
    scene,
    story,
    unchanged,
)
from tests.simulator import environment_document

__all__ = ["scene", "story"]
FILES = [
    ".gitattributes",
    "1.root.json",
    "pin.yaml",
    "production/assignments.dsse.json",
    "production/enforced.dsse.json",
    "production/enforced/gait.policy.yaml",
    "production/enforced/version.yaml",
    "release.dsse.json",
]
ENFORCED = {
    "environment": "production",
    "repository": CHECKOUT,
    "enforced": "acme/guard@1.0.0",
    "candidate": None,
    "mode": "enforce",
}


def _branch(folder: Path, name: str = "release") -> str:
    """Commit a release to a branch of its own; the address to read it from."""
    for words in (
        ("init", "--quiet", f"--initial-branch={name}", "."),
        ("add", "--all"),
        ("-c", "user.name=p", "-c", "user.email=p@example.com", "commit", "--quiet", "--message", "release"),
    ):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    return f"git+file://{folder}#{name}"


def test_init(scene: Scene) -> None:
    """A new pin says what it pinned and holds the policy as the fleet has it."""
    said = scene.init(scene / "one").json
    assert (said["fleet"], said["release"], said["previousRelease"], said["changed"]) == (
        "larkspur",
        1,
        None,
        FILES,
    )
    assert said["environments"] == [ENFORCED]
    policy = (scene / "consumer/.gaitops/production/enforced/gait.policy.yaml").read_bytes()
    assert policy == scene.world().read("orgs/acme/policies/guard/versions/1.0.0/gait.policy.yaml")


def test_init_twice(scene: Scene) -> None:
    """A pin that is there is not replaced by another."""
    with unchanged(scene / "pinned"):
        refused(scene.init(scene / "two", repo="pinned"), 8, "pin.exists")


def test_repository_as_people_write_it(scene: Scene) -> None:
    """The repository's clone address is as good as its id."""
    run = scene.run(
        *("pin", "init", "--repo", scene / "consumer", "--from", scene / "one"),
        *("--repository", "git@github.com:acme/checkout.git", "--environment", "production"),
    )
    assert run.code == 6  # the folder is not there yet
    (scene / "consumer").mkdir()
    run = scene.run(
        *("pin", "init", "--repo", scene / "consumer", "--from", scene / "one"),
        *("--repository", "git@github.com:acme/checkout.git", "--environment", "production"),
    )
    assert run.json["environments"] == [ENFORCED]


@pytest.mark.parametrize(
    ("repository", "environment"), [("github.com/acme/other", "production"), (CHECKOUT, "staging")]
)
def test_nothing_is_assigned(scene: Scene, repository: str, environment: str) -> None:
    """A repository or environment that the fleet does not know is a mistake of the caller, and nothing is written."""
    (scene / "consumer").mkdir()
    what = ("--repository", repository, "--environment", environment)
    with unchanged(scene / "consumer"):
        run = scene.run("pin", "init", "--repo", scene / "consumer", "--from", scene / "one", *what)
        refused(run, 6, "pin.not_assigned")


def test_update(scene: Scene) -> None:
    """Renewing tells what changed; doing it again changes nothing."""
    said = scene.update(scene / "two").json
    assert (said["previousRelease"], said["release"]) == (1, 2)
    assert said["changed"] == [name for name in FILES if name not in {".gitattributes", "1.root.json"}]
    with unchanged(scene / "pinned"):
        assert scene.update(scene / "two").json["changed"] == []
    assert scene.verify().json["environments"] == [{**ENFORCED, "enforced": "acme/guard@2.0.0"}]


def test_update_with_one_more_environment(scene: Scene) -> None:
    """An environment that the fleet added later joins the pin; the others stay."""
    document = environment_document("staging", "staging", {"name": "guard", "version": "1.0.0"})
    path = "orgs/acme/projects/pay/environments/staging.yaml"
    scene.world().land({path: document}, by="alice", approvers=["bob", "carol"])
    assert scene.publish("--previous", scene / "two", out="two").json["number"] == 3
    arguments = ("--repository", CHECKOUT, "--environment", "staging")
    run = scene.run("pin", "update", "--repo", scene / "pinned", "--from", scene / "two", *arguments)
    assert [item["environment"] for item in run.json["environments"]] == ["production", "staging"]
    assert scene.verify().code == 0


def test_update_repairs(scene: Scene) -> None:
    """A damaged pin is made whole again from the release that it pins."""
    before = content(scene / "pinned")
    (scene / "pinned/.gaitops/production/enforced/gait.policy.yaml").write_text("default_verdict: allow\n")
    (scene / "pinned/.gaitops/extra").write_text("x")
    said = scene.update(scene / "one").json
    assert said["changed"] == ["extra", "production/enforced/gait.policy.yaml"]
    assert content(scene / "pinned") == before


@pytest.mark.parametrize("kind", ["folder", "file", "http", "git"])
def test_sources(scene: Scene, kind: str) -> None:
    """The same pin comes from a folder, a file URL, a web server and a branch."""
    assert scene.init(scene / "two", repo="direct").code == 0
    with mirror(scene / "two") as web:
        source = {
            "folder": str(scene / "two"),
            "file": f"file://{scene / 'two'}",
            "http": f"{web}/",
            "git": _branch(scene / "two"),
        }[kind]
        assert scene.update(source).json["release"] == 2
    assert content(scene / "pinned") == content(scene / "direct")


def test_branch_that_is_not_there(scene: Scene) -> None:
    """A branch that the remote does not have is told from a remote that cannot be reached."""
    address = _branch(scene / "two")
    refused(scene.update(address.replace("#release", "#other")), 6, "git.unknown_revision")
    refused(scene.update("git+file:///nowhere/at/all#release"), 1, "git.remote_failed")


def test_verify(scene: Scene) -> None:
    """A verified pin says what it is."""
    said = scene.verify("--repository", "https://github.com/acme/checkout").json
    assert (said["verified"], said["fleet"], said["release"], said["rootVersion"]) == (True, "larkspur", 1, 1)
    assert (said["solo"], said["environments"], said["withdrawn"]) == (False, [ENFORCED], [])


def test_there_is_no_pin(scene: Scene) -> None:
    """Every command that needs a pin says how to make one."""
    (scene / "consumer").mkdir()
    for words in (("verify",), ("status",), ("update", "--from", scene / "one")):
        run = scene.run("pin", *words, "--repo", scene / "consumer")
        refused(run, 6, "pin.not_found")
        assert "pin init" in run.json["hint"]
    assert list((scene / "consumer").iterdir()) == []


def test_status(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Status tells the age, and with a source whether renewing would change the pin."""
    status = ("pin", "status", "--repo", scene / "pinned")
    said = scene.run(*status).json
    assert (said["state"], said["release"], said["newest"], said["rootExpired"]) == (
        "unknown",
        1,
        None,
        False,
    )
    said = scene.run(*status, "--from", scene / "one").json
    assert (said["state"], said["newest"]) == ("current", 1)
    said = scene.run(*status, "--from", scene / "two").json
    assert (said["state"], said["newest"]) == ("outdated", 2)
    at(monkeypatch, NOW + 40 * DAY)
    assert scene.run(*status).json["ageSeconds"] > 40 * 86400


def test_options_of_update(scene: Scene) -> None:
    """A repository without an environment asks for nothing."""
    run = scene.run(
        "pin", "update", "--repo", scene / "pinned", "--from", scene / "two", "--repository", CHECKOUT
    )
    refused(run, 6, "cli.usage")


def test_pin_that_nobody_can_read(scene: Scene) -> None:
    """A broken ``pin.yaml`` is reported with line and column, and renewing does not guess what it meant."""
    shutil.copy(scene / "pinned/.gaitops/1.root.json", scene / "pinned/.gaitops/pin.yaml")
    run = scene.verify()
    assert run.code == 6
    assert run.json["error_code"].startswith("document.")
    with unchanged(scene / "pinned"):
        assert scene.update(scene / "two").code == 6
