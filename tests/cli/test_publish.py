# SPDX-License-Identifier: Apache-2.0
"""``gaitops publish``: what it says and writes when nothing is wrong, and which options go together."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gaitops.gait.gait_keys import read_public_key
from gaitops.gait.registry_pack import verify_registry_pack
from gaitops.scaffold.parameters import FleetParameters, FleetPerson
from gaitops.scaffold.repositories import render_publisher
from tests.attacks.release_tools import (
    DAY,
    NOW,
    RecentWorld,
    Scene,
    at,
    content,
    first_steps,
    members,
    mirror,
    refused,
    scene,
    story,
    unchanged,
)

__all__ = ["scene", "story"]


def test_first_release(scene: Scene) -> None:
    """A first release says its number, commit, root and what it holds, and is there at once."""
    said = scene.publish("--first").json
    assert (said["status"], said["number"], said["rootVersion"], said["missingSignatures"]) == (
        "published",
        1,
        1,
        0,
    )
    assert said["commit"] == scene.world().head()
    assert (said["versions"], said["assignments"], said["unverifiedPartitions"]) == (2, 2, [])
    assert said["renewed"] == [
        "org.acme",
        "org.acme.project.pay",
        "org.zephyr",
        "snapshot",
        "targets",
    ]
    assert (scene / "out/metadata/timestamp.json").is_file()


def test_next_release_renews_what_changed(scene: Scene) -> None:
    """The release after the next keeps the metadata of tenants who changed nothing."""
    said = scene.publish("--previous", scene / "one", out="one").json
    assert (said["number"], said["renewed"]) == (
        2,
        ["org.acme", "org.acme.project.pay", "snapshot", "targets"],
    )
    assert content(scene / "one") == content(scene / "two")


def test_previous_release_from_the_web(scene: Scene) -> None:
    """The previous release may be read from its address, and written to a new folder."""
    with mirror(scene / "one") as address:
        assert scene.publish("--previous", address).json["number"] == 2
    assert scene.update(scene / "out").json["release"] == 2


def test_nothing_new(scene: Scene) -> None:
    """A schedule that publishes every hour makes no release while there is nothing to say."""
    with unchanged(scene / "two"):
        said = scene.publish("--previous", scene / "two", out="two").json
    assert (said["status"], said["number"], said["renewed"]) == ("unchanged", 2, [])


def test_nothing_new_but_old(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same content is published again before the life of the release runs out."""
    at(monkeypatch, NOW + 5 * DAY)
    said = scene.publish("--previous", scene / "two", out="two").json
    assert (said["status"], said["number"]) == ("published", 3)


def test_refresh(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refresh replaces the timestamp and nothing else, and needs no fleet repository."""
    at(monkeypatch, NOW + 3 * DAY)
    before = content(scene / "two")
    key = scene / "keys/publisher.pem"
    said = scene.run("publish", "--out", scene / "two", "--key", key, "--refresh").json
    assert (said["status"], said["number"], said["timestampVersion"]) == ("refreshed", 2, 3)
    assert said["timestampExpires"] == f"{NOW + 10 * DAY:%Y-%m-%dT%H:%M:%SZ}"
    after = content(scene / "two")
    assert [name for name in after if after[name] != before[name]] == ["metadata/timestamp.json"]
    assert after.keys() == before.keys()


def test_two_publishers(tmp_path: Path) -> None:
    """With a threshold of two, a release is staged until the second publisher cosigns; so is the next one."""
    world = RecentWorld(tmp_path / "fleet", publishers=("publisher", "second"))
    world.save_keys(tmp_path / "keys")
    first_steps(world)
    pair = Scene(tmp_path, world.trust_root)
    said = pair.publish("--first").json
    assert (said["status"], said["missingSignatures"], said["timestampExpires"]) == ("staged", 1, None)
    assert not (pair / "out/metadata").exists()
    assert pair.publish("--cosign", key="second").json["status"] == "published"
    assert pair.init(pair / "out").json["release"] == 1

    world.commit({"README.md": "more\n"}, by="alice")
    assert pair.publish("--previous", pair / "out").json["status"] == "staged"
    assert pair.update(pair / "out", "consumer").json["changed"] == []
    said = pair.publish("--cosign", "--previous", pair / "out", key="second").json
    assert (said["status"], said["number"]) == ("published", 2)
    assert pair.update(pair / "out", "consumer").json["release"] == 2
    refused(pair.publish("--cosign", "--previous", pair / "out", key="second"), 6, "release.nothing_staged")


def test_gait_registry_packs(scene: Scene) -> None:
    """With ``--gait-key`` each version has a pack that Gait's own rules accept, with the digests of its files."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    (scene / "gait.key").write_bytes(base64.b64encode(key.private_bytes_raw() + public) + b"\n")
    said = scene.publish("--previous", scene / "two", "--gait-key", scene / "gait.key", out="two").json
    assert (said["number"], said["renewed"]) == (3, ["org.acme", "snapshot", "targets"])
    packs = sorted((scene / "two/targets/orgs/acme/policies/guard/packs").iterdir())
    assert [pack.name.partition(".")[2] for pack in packs if pack.name.endswith("2.0.0.json")] == [
        "2.0.0.json"
    ]
    reader = read_public_key(base64.b64encode(public))
    for pack in packs:
        verification = verify_registry_pack(pack.read_bytes(), reader)
        assert verification.status == "verified", verification.reason
        assert verification.pack is not None
        assert {item.path for item in verification.pack.artifacts} == {"gait.policy.yaml", "version.yaml"}
    assert scene.update(scene / "two").json["release"] == 3


def test_gait_key_that_is_none(scene: Scene) -> None:
    """A file that holds no Gait key ends the command before anything is written."""
    with unchanged(scene / "two"):
        run = scene.publish(
            "--previous", scene / "two", "--gait-key", scene / "keys/publisher.pem", out="two"
        )
        refused(run, 6, "gait_key.malformed")


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--first", "--previous", "two"),
        ("--first", "--refresh"),
        ("--previous", "two", "--refresh"),
        ("--cosign", "--refresh"),
        ("--cosign", "--first", "--previous", "two"),
        ("--refresh", "--gait-key", "keys/publisher.pem"),
    ],
)
def test_options_that_exclude_each_other(scene: Scene, options: tuple[str, ...]) -> None:
    """Exactly one of first, previous and refresh; a refresh signs nothing but a timestamp."""
    arguments = [scene / word if not word.startswith("--") else word for word in options]
    with unchanged(scene / "two"):
        refused(scene.publish(*arguments, out="two"), 6, "cli.usage")


def test_cosign_of_nothing(scene: Scene) -> None:
    """There is nothing to cosign in an empty folder."""
    refused(scene.publish("--cosign"), 6, "release.nothing_staged")


def test_text_for_people(scene: Scene) -> None:
    """Without ``--json`` people read the number, the content and the expiry."""
    from click.testing import CliRunner

    from gaitops.cli.main import program

    shutil.copytree(scene / "one", scene / "out")
    arguments = ["--repo", scene / "fleet", "--out", scene / "out", "--key", scene / "keys/publisher.pem"]
    command = ["publish", *arguments, "--previous", scene / "out"]
    result = CliRunner().invoke(program, [str(word) for word in command], env=scene.environment())
    assert result.exit_code == 0
    assert "2 (published)" in result.stdout
    assert "2 policy versions, 2 assignments" in result.stdout


def test_workflow_of_the_publisher(scene: Scene) -> None:
    """The workflow that ``gaitops init`` gives a publisher speaks to the real program: first, publish, refresh."""
    steps = yaml.safe_load(_publisher_workflow(scene))["jobs"]["publish"]["steps"]
    (script,) = [step["run"] for step in steps if step["name"] == "Verify and sign"]
    installed = scene / "temp/gaitops/bin/gaitops"
    installed.parent.mkdir(parents=True)
    installed.write_text(f'#!/bin/sh\nexec {sys.executable} -m gaitops.cli.main "$@"\n')
    installed.chmod(0o755)
    variables = {
        **{name: value for name, value in scene.environment().items() if value is not None},
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "RUNNER_TEMP": str(scene / "temp"),
        "GITHUB_OUTPUT": str(scene / "output"),
        "KEY_URI": "",
        "KEY_PEM": (scene / "keys/publisher.pem").read_text(),
    }
    for mode in ("first", "publish", "refresh"):
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        done = subprocess.run(
            command,
            env=variables | {"MODE": mode},
            cwd=scene.folder,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert members(scene / "release/metadata/timestamp.json")["signed"]["version"] == 2
    assert scene.init(scene / "release").json["release"] == 1


def _publisher_workflow(scene: Scene) -> bytes:
    alice = scene.world().actors["alice"]
    parameters = FleetParameters(
        fleet="larkspur",
        people=(FleetPerson("alice", alice.pem, (alice.email,)),),
        threshold=1,
        publishers=("publisher",),
        trust_root=scene.trust_root,
        version="0.1.0",
        orgs=("acme",),
        solo=True,
    )
    return render_publisher(parameters)[".github/workflows/publish.yml"]
