# SPDX-License-Identifier: Apache-2.0
"""Attacks on whoever publishes: unverified state, forks, other bytes, races and crashes (threats R4, R7, R10-R12)."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from gaitops.scaffold.parameters import FleetParameters
from gaitops.scaffold.repositories import render_fleet, render_publisher
from tests.attacks.release_tools import (
    DAY,
    NOW,
    UNPRIVILEGED,
    RecentWorld,
    Scene,
    at,
    content,
    first_steps,
    forge,
    refused,
    scene,
    story,
    unchanged,
)
from tests.simulator import Actor, policy_files

__all__ = ["scene", "story"]


@pytest.fixture(scope="module")
def pair_template(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A fleet whose root names two publishers, both of whom must sign."""
    folder = tmp_path_factory.mktemp("pair")
    world = RecentWorld(folder / "fleet", publishers=("publisher", "second"))
    world.save_keys(folder / "keys")
    first_steps(world)
    return Scene(folder, world.trust_root)


@pytest.fixture
def pair(pair_template: Scene, tmp_path: Path) -> Scene:
    """A copy of it."""
    folder = tmp_path / "pair"
    shutil.copytree(pair_template.folder, folder)
    return Scene(folder, pair_template.trust_root)


# -- R7: what is published -------------------------------------------------------------------------------------


def test_first_tree_that_nobody_signed(scene: Scene) -> None:
    """R7: publishing from a state that is not verified: the fleet's people never vouched for its first tree."""
    world = RecentWorld(scene / "unsigned", genesis=False)
    other = Scene(scene.folder, world.trust_root)
    with unchanged(scene / "unsigned"):
        refused(other.publish("--first", fleet="unsigned"), 2, "release.unverified_state")
    assert not (scene / "out").exists()


def test_expired_root(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """R7: the fleet's root has expired: neither a release nor a timestamp is signed."""
    at(monkeypatch, NOW + 400 * DAY)
    with unchanged(scene / "two"):
        refused(scene.publish("--previous", scene / "two", out="two"), 2, "trust.root_expired")
        refused(scene.publish("--refresh", out="two"), 2, "trust.root_expired")


def test_unauthorized_content_is_left_out(scene: Scene) -> None:
    """R7: what nobody approved is not in the release; its partition is published as it was verified last."""
    world = scene.world()
    world.commit(policy_files("sneaky", "1.0.0"), by="alice")
    run = scene.publish("--previous", scene / "two", out="two")
    assert (run.code, run.json["unverifiedPartitions"]) == (0, ["acme"])
    assert not [name for name in content(scene / "two") if "sneaky" in name]


def test_previous_release_of_a_rewritten_history(scene: Scene) -> None:
    """R7: the previous release was made from a commit that the history no longer has."""
    world = scene.world()
    old = world.repository.first_parents(world.head())[3]
    world.move("rewritten", old)
    world.commit({"README.md": "another past\n"}, by="alice", branch="rewritten")
    with unchanged(scene / "two"):
        run = scene.publish("--previous", scene / "two", "--rev", "rewritten", out="two")
        refused(run, 2, "history.not_descendant")


def test_commit_from_the_future(scene: Scene) -> None:
    """R7: a commit dated next year would give every expiry a year more; nothing is published from it."""
    scene.world().commit({"README.md": "hello\n"}, by="alice", when=NOW + 365 * DAY)
    with unchanged(scene / "two"):
        run = scene.publish("--previous", scene / "two", out="two")
    assert run.code == 2
    assert run.json["error_code"] in {"release.unverified_state", "history.future"}


def test_key_of_a_stranger(scene: Scene) -> None:
    """R4: a key that the root does not name signs nothing, not even a timestamp."""
    key = scene / "keys/mallory.pem"
    key.write_bytes(Actor("mallory").private_pem)
    key.chmod(0o600)
    with unchanged(scene / "two"):
        for arguments in (("--previous", scene / "two"), ("--refresh",)):
            refused(scene.publish(*arguments, out="two", key="mallory"), 6, "release.publisher")


def test_key_of_a_root_person(scene: Scene) -> None:
    """R4: whoever holds a root key is no publisher for that."""
    key = scene / "keys/alice.pem"
    key.write_bytes(Actor("alice").private_pem)
    key.chmod(0o600)
    refused(scene.publish("--first", key="alice"), 6, "release.publisher")
    assert not (scene / "out").exists()


# -- R3: the previous release is hostile input ----------------------------------------------------------------


@pytest.mark.parametrize("file", ["timestamp.json", "2.snapshot.json", "2.targets.json", "2.org.acme.json"])
def test_previous_release_of_another_key(scene: Scene, file: str) -> None:
    """R4: metadata of the previous release that is not the publisher's continues nothing and is not refreshed."""
    forge(scene / "two/metadata" / file, lambda signed: None, Actor("mallory").signer)
    with unchanged(scene / "two"):
        refused(scene.publish("--previous", scene / "two", out="two"), 2, "release.invalid")
        refused(scene.publish("--refresh", out="two"), 2, "release.invalid")


def test_refresh_of_an_expired_release(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """R2: a fresh timestamp over a snapshot that has expired would hide that publishing has stopped."""
    at(monkeypatch, NOW + 60 * DAY)
    with unchanged(scene / "two"):
        refused(scene.publish("--refresh", out="two"), 2, "release.expired")


# -- R10: two publishers ---------------------------------------------------------------------------------------


def test_one_of_two_publishers_is_deceived(pair: Scene) -> None:
    """R10: the second publisher sees another history than the first, and signs nothing."""
    assert pair.publish("--first").json["missingSignatures"] == 1
    shutil.copytree(pair / "fleet", pair / "other")
    world = RecentWorld(pair / "unused", publishers=("publisher", "second"))
    world.path = pair / "other"
    from gaitops.git.repository import Repository

    world.repository = Repository.open(pair / "other")
    world.now = NOW - DAY / 2
    world.commit({"README.md": "later\n"}, by="alice")
    with unchanged(pair / "out"):
        refused(pair.publish("--cosign", key="second", fleet="other"), 2, "release.invalid")


@pytest.mark.parametrize(
    ("pattern", "before", "after"),
    [
        ("*.gait.policy.yaml", b"block", b"allow"),
        ("*.gait.policy.yaml", b"\n", b"\r\n"),
        ("1.targets.json", b"larkspur", b"larkspar"),
        ("1.org.acme.json", b'"length":', b'"length":1'),
        ("1.snapshot.json", b'"version":1', b'"version":2'),
        ("1.root.json", b"}\n", b"} \n"),
        ("*.dsse.json", b'"payload":"ey', b'"payload":"fy'),
        ("*.dsse.json", b"{", b""),
    ],
)
def test_staged_bytes_were_changed(pair: Scene, pattern: str, before: bytes, after: bytes) -> None:
    """R10: somebody edits the staged release between the two publishers."""
    assert pair.publish("--first").code == 0
    file = min((pair / "out/staged").rglob(pattern))
    assert before in file.read_bytes()
    file.write_bytes(file.read_bytes().replace(before, after))
    with unchanged(pair / "out"):
        refused(pair.publish("--cosign", key="second"), 2, "release.invalid")


def test_staged_white_space(pair: Scene) -> None:
    """R10: what no signature covers makes no difference: the release is that of two publishers side by side."""
    second = ("--key", pair / "keys/second.pem")
    assert pair.publish("--first", *second, out="together").json["status"] == "published"
    assert pair.publish("--first").code == 0
    for file in (*(pair / "out/staged").rglob("*.dsse.json"), pair / "out/staged/metadata/1.targets.json"):
        file.write_bytes(file.read_bytes() + b" ")
    assert pair.publish("--cosign", key="second").json["status"] == "published"
    for folder in ("out", "together"):
        # One publisher is enough for the timestamp, which is signed in its own run.
        (pair / folder / "metadata/timestamp.json").unlink()
    assert content(pair / "out") == content(pair / "together")


@pytest.mark.parametrize("name", ["metadata/1.evil.json", "targets/x", "x"])
def test_staged_stowaway(pair: Scene, name: str) -> None:
    """R10: a file that only the staged release has, or lacks."""
    assert pair.publish("--first").code == 0
    (pair / "out/staged" / name).write_text("{}")
    with unchanged(pair / "out"):
        refused(pair.publish("--cosign", key="second"), 2, "release.invalid")


def test_one_publisher_signs_twice(pair: Scene) -> None:
    """R4: the first publisher cosigns its own release; that is still one signature."""
    assert pair.publish("--first").code == 0
    run = pair.publish("--cosign")
    assert (run.code, run.json["status"], run.json["missingSignatures"]) == (0, "staged", 1)
    (pair / "consumer").mkdir()
    refused(pair.init(pair / "out"), 6, "release.not_found")


def test_one_signature_where_two_are_needed(pair: Scene) -> None:
    """R4: the staged files, put in place by hand with a timestamp: below the threshold, whoever reads them."""
    assert pair.publish("--first").code == 0
    shutil.copytree(pair / "out/staged", pair / "half")
    from gaitops.release.publish import signed_timestamp

    root = (pair / "half/metadata/1.root.json").read_bytes()
    (pair / "half/metadata/timestamp.json").write_bytes(
        signed_timestamp(root, 1, 1, NOW + DAY, [pair.publisher])
    )
    (pair / "consumer").mkdir()
    with unchanged(pair / "consumer"):
        refused(pair.init(pair / "half"), 2, "release.invalid")


# -- R11: races and lost folders -------------------------------------------------------------------------------


def test_deleted_folder(scene: Scene) -> None:
    """R11: the output folder was deleted and publishing starts over: never without saying so."""
    shutil.rmtree(scene / "two")
    refused(scene.publish("--previous", scene / "two", out="two"), 6, "release.not_found")
    refused(scene.publish(out="two"), 6, "cli.usage")
    refused(scene.publish("--refresh", out="two"), 6, "release.not_found")
    assert not (scene / "two").exists()


def test_second_first_release(scene: Scene) -> None:
    """R11: a first release where there is one already."""
    with unchanged(scene / "two"):
        refused(scene.publish("--first", out="two"), 8, "history.fork")


def test_lost_race(scene: Scene) -> None:
    """R11: somebody else has published since the previous release was read."""
    with unchanged(scene / "two"):
        refused(scene.publish("--previous", scene / "one", out="two"), 2, "history.fork")


def test_two_publishers_at_once(scene: Scene) -> None:
    """R11: two publishers race into one folder: one release, and one who is told to start again."""
    shutil.copytree(scene / "one", scene / "out")
    arguments = (
        "--repo",
        scene / "fleet",
        "--key",
        scene / "keys/publisher.pem",
        "--previous",
        scene / "one",
    )
    runs = [scene.start("publish", "--out", scene / "out", *arguments) for _ in range(2)]
    results = []
    for run in runs:
        out, _ = run.communicate()
        results.append((run.returncode, json.loads(out).get("error_code")))
    assert sorted(results, key=str) == [(0, None), (2, "history.fork")]
    assert content(scene / "out").keys() == content(scene / "two").keys()
    assert scene.update(scene / "out").json["release"] == 2


# -- links in the folder ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [".incoming", "targets/orgs", "metadata", "envelopes"])
def test_link_to_a_folder(scene: Scene, place: str) -> None:
    """A checkout of the release branch brings a link, to have the publisher write elsewhere."""
    shutil.copytree(scene / "one", scene / "out")
    victim = scene / "victim"
    if (scene / "out" / place).exists():
        (scene / "out" / place).rename(victim)
    else:
        victim.mkdir()
    (victim / "file").write_text("precious")
    (scene / "out" / place).symlink_to(victim)
    with unchanged(victim, scene / "out"):
        refused(scene.publish("--previous", scene / "one", out="out"), 8, "release.unsafe_folder")


def test_link_to_a_file(scene: Scene) -> None:
    """The timestamp itself is a link to a file of the publisher."""
    shutil.copytree(scene / "one", scene / "out")
    (scene / "out/metadata/timestamp.json").rename(scene / "victim.json")
    (scene / "out/metadata/timestamp.json").symlink_to(scene / "victim.json")
    with unchanged(scene.folder):
        refused(scene.publish("--refresh"), 8, "release.unsafe_folder")


def test_link_where_a_release_is_staged(pair: Scene) -> None:
    """A link where a release would be staged."""
    (pair / "victim").mkdir()
    (pair / "out").mkdir()
    (pair / "out/staged").symlink_to(pair / "victim")
    with unchanged(pair / "victim", pair / "out"):
        refused(pair.publish("--first"), 8, "release.unsafe_folder")


# -- the machine -----------------------------------------------------------------------------------------------

KILLED = """
import os
from pathlib import Path
from gaitops.release import folder
steps = iter(range(10**6))
def step(function):
    def wrapped(*arguments, **options):
        if next(steps) == {at}:
            os.kill(os.getpid(), 9)
        return function(*arguments, **options)
    return wrapped
folder.write_durably = step(folder.write_durably)
folder.sync_folder = step(folder.sync_folder)
Path.replace = step(Path.replace)
"""


@pytest.mark.parametrize("at_step", [0, 1, 9, 28, 29, 30, 31])
def test_killed_while_publishing(scene: Scene, at_step: int) -> None:
    """A publisher that dies at any step leaves the old release or the new one, and the next run makes the new one."""
    shutil.copytree(scene / "one", scene / "out")
    arguments = (
        "--repo",
        scene / "fleet",
        "--key",
        scene / "keys/publisher.pem",
        "--previous",
        scene / "out",
    )
    run = scene.start("publish", "--out", scene / "out", *arguments, before=KILLED.format(at=at_step))
    out, err = run.communicate()
    assert run.returncode == -9, out + err
    assert scene.update(scene / "out").code == 0
    assert scene.publish("--previous", scene / "out").code == 0
    assert content(scene / "out") == content(scene / "two")


@pytest.mark.parametrize("size", [0, 400, 1500])
def test_full_disk_while_publishing(scene: Scene, size: int) -> None:
    """No space left: exit 1, readers keep the old release, nothing lies around, and the next run succeeds."""
    shutil.copytree(scene / "one", scene / "out")
    timestamp = (scene / "out/metadata/timestamp.json").read_bytes()
    arguments = (
        "--repo",
        scene / "fleet",
        "--key",
        scene / "keys/publisher.pem",
        "--previous",
        scene / "out",
    )
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))"
    run = scene.start("publish", "--out", scene / "out", *arguments, before=limit)
    out, err = run.communicate()
    assert run.returncode == 1, out + err
    assert json.loads(out)["error_code"] in {"release.io", "history.io", "internal.os"}
    assert (scene / "out/metadata/timestamp.json").read_bytes() == timestamp
    assert not (scene / "out/.incoming").exists()
    assert scene.update(scene / "out").json["release"] == 1
    assert scene.publish("--previous", scene / "out").code == 0


def test_read_only_folder(scene: Scene) -> None:
    """A folder that may not be written to."""
    for folder in (scene / "two").rglob("*"):
        folder.chmod(0o555 if folder.is_dir() else 0o444)
    (scene / "two").chmod(0o555)
    arguments = ("--out", scene / "two", "--key", scene / "keys/publisher.pem", "--refresh")
    with unchanged(scene / "two"):
        run = scene.start("publish", *arguments, before=UNPRIVILEGED)
        out, err = run.communicate()
        assert (run.returncode, json.loads(out)["error_code"]) == (1, "release.io"), out + err
    for folder in (scene / "two", *(scene / "two").rglob("*")):
        folder.chmod(0o755)


# -- R12: credentials ------------------------------------------------------------------------------------------


def test_fleet_repository_has_nothing_to_sign_with(scene: Scene) -> None:
    """R12: a push to the fleet repository edits its workflow; there is no credential that the workflow could use."""
    person = scene.world().actors["alice"]
    from gaitops.scaffold.parameters import FleetPerson

    parameters = FleetParameters(
        fleet="larkspur",
        people=(FleetPerson("alice", person.pem, (person.email,)),),
        threshold=1,
        publishers=("publisher",),
        trust_root=scene.trust_root,
        version="0.1.0",
        orgs=("acme",),
        solo=True,
    )
    names = (".github/workflows/gaitops.yml", ".gitlab-ci.yml")
    pipelines = {path: data for path, data in render_fleet(parameters).items() if path in names}
    assert len(pipelines) == len(names)
    for path, data in pipelines.items():
        assert (
            re.findall(rb"secrets\.|id-token|(?<!statuses): write|GAITOPS_KEY|publish --|environment:", data)
            == []
        ), path
    publisher = render_publisher(parameters)[".github/workflows/publish.yml"]
    assert b"pull_request" not in publisher.replace(b"# ", b"")
    assert b"secrets.GAITOPS_KEY_PEM" in publisher
