# SPDX-License-Identifier: Apache-2.0
"""Attacks on the pin that a consumer repository commits, and on the machine that renews it (threats R5, R6)."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gaitops.pin import folder as pin_folder
from tests.attacks.release_tools import (
    DAY,
    NOW,
    UNPRIVILEGED,
    RecentWorld,
    Scene,
    at,
    content,
    edit,
    first_steps,
    members,
    next_roots,
    refused,
    scene,
    story,
    unchanged,
)

__all__ = ["scene", "story"]
PIN = "pinned/.gaitops"


def _git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=dev", "-c", "user.email=dev@example.com")
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _rejected(scene: Scene, exit_code: int, code: str, *arguments: str) -> None:
    """``pin verify`` refuses the pin of the scene and leaves it as it is."""
    with unchanged(scene / "pinned"):
        refused(scene.verify(*arguments), exit_code, code)


# -- R5: edited pins -------------------------------------------------------------------------------------------


def _one_byte(data: bytes) -> bytes:
    return data[:-2] + bytes([data[-2] ^ 1]) + data[-1:]


@pytest.mark.parametrize(
    "change", [_one_byte, lambda data: data + b"\n", lambda data: b"", lambda data: data[:-1]]
)
@pytest.mark.parametrize("file", ["gait.policy.yaml", "version.yaml"])
def test_edited_file(scene: Scene, file: str, change: Callable[[bytes], bytes]) -> None:
    """R5: a consumer's policy file is edited by one byte, cut or emptied."""
    path = scene / PIN / "production/enforced" / file
    path.write_bytes(change(path.read_bytes()))
    _rejected(scene, 2, "pin.mismatch")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("version: 1.0.0", "version: 2.0.0"),
        ("mode: enforce", "mode: observe"),
        ("release: 1", "release: 9"),
        ("since: 1", "since: 9"),
        ("environments:\n  production:", "environments:\n  staging:"),
        ("repository: github.com/acme/checkout", "repository: github.com/acme/ledger"),
        ("project: pay", "project: play"),
        ("fleet: larkspur", "fleet: other"),
    ],
)
def test_edited_pin(scene: Scene, before: str, after: str) -> None:
    """R5: the pin says another version, mode, release, environment, repository, project or fleet than was signed."""
    edit(scene / PIN / "pin.yaml", before, after)
    _rejected(scene, 2, "pin.mismatch")


@pytest.mark.parametrize("key", ["enforced:\n      org", "trustRoot"])
@pytest.mark.parametrize(
    "value", ["../../etc", "/etc/passwd", "a/b", "", "&x [*x]", "!!python/object:os.system x"]
)
def test_traversal_in_the_pin(scene: Scene, key: str, value: str) -> None:
    """R5: paths, aliases and tags where the pin has names and digests."""
    path = scene / PIN / "pin.yaml"
    text = path.read_text()
    start = text.index(key) + len(key) + 2
    path.write_text(text[:start] + value + text[text.index("\n", start) :])
    with unchanged(scene / "pinned"):
        assert scene.verify().code == 6
        assert scene.update(scene / "two").code == 6


def test_whole_pin_of_another_version(scene: Scene) -> None:
    """R5: every file of a newer version, genuine and signed, which nobody assigned to this pin."""
    shutil.copytree(scene / "pinned", scene / "newer")
    assert scene.update(scene / "two", "newer").code == 0
    for part in ("enforced", "enforced.dsse.json"):
        source, target = scene / "newer/.gaitops/production" / part, scene / PIN / "production" / part
        shutil.rmtree(target) if target.is_dir() else target.unlink()
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    _rejected(scene, 2, "pin.mismatch")


def test_pin_of_another_environment(scene: Scene) -> None:
    """R5: the folder of one environment, renamed to another that the repository does not have."""
    (scene / PIN / "production").rename(scene / PIN / "development")
    edit(scene / PIN / "pin.yaml", "production:", "development:")
    _rejected(scene, 2, "pin.mismatch")


def test_pin_of_another_repository(scene: Scene) -> None:
    """R5: a genuine pin, copied from a repository with another policy; only the caller knows whose it should be."""
    (scene / "ledger").mkdir()
    what = ("--repository", "github.com/acme/ledger", "--environment", "production")
    assert scene.run("pin", "init", "--repo", scene / "ledger", "--from", scene / "one", *what).code == 0
    shutil.rmtree(scene / PIN)
    shutil.copytree(scene / "ledger/.gaitops", scene / PIN)
    assert scene.verify().code == 0
    _rejected(scene, 2, "pin.mismatch", "--repository", "https://github.com/acme/checkout.git")


@pytest.mark.parametrize(
    "name", ["extra.yaml", "production/enforced/extra.yaml", "staging/x", "2.root.jsonx", ".hidden"]
)
def test_stowaways(scene: Scene, name: str) -> None:
    """R5: a file that nothing signed accounts for, though Gait might read it one day."""
    (scene / PIN / name).parent.mkdir(exist_ok=True)
    (scene / PIN / name).write_text("default_verdict: allow\n")
    _rejected(scene, 2, "pin.mismatch")


@pytest.mark.parametrize("name", ["pin.yaml", "production/enforced/gait.policy.yaml", "1.root.json"])
def test_links_in_the_pin(scene: Scene, name: str) -> None:
    """R5: a symbolic link to the very bytes that were signed is refused: tomorrow it leads to others."""
    file = scene / PIN / name
    file.rename(scene / "elsewhere")
    file.symlink_to(scene / "elsewhere")
    _rejected(scene, 2, "pin.mismatch")


def test_pin_that_is_a_link(scene: Scene) -> None:
    """R5: the whole folder is a link out of the repository."""
    (scene / PIN).rename(scene / "elsewhere")
    (scene / PIN).symlink_to(scene / "elsewhere")
    _rejected(scene, 2, "pin.mismatch")
    with unchanged(scene / "elsewhere"):
        refused(scene.update(scene / "two"), 8, "pin.unsafe_folder")
        refused(scene.init(scene / "two", repo="pinned"), 8, "pin.unsafe_folder")


@pytest.mark.parametrize("name", [".gaitops.next", ".gaitops.last"])
def test_link_where_the_pin_is_written(scene: Scene, name: str) -> None:
    """R5: a repository brings a link where the next pin is put together, to have files written elsewhere."""
    (scene / "victim").mkdir()
    (scene / "victim/keep").write_text("mine")
    (scene / "pinned" / name).symlink_to(scene / "victim")
    with unchanged(scene / "victim", scene / "pinned"):
        refused(scene.update(scene / "two"), 8, "pin.unsafe_folder")


def test_pipe_in_the_pin(scene: Scene) -> None:
    """R5: a pipe that would let the verifier wait forever."""
    os.mkfifo(scene / PIN / "production/enforced/pipe")
    refused(scene.verify(), 2, "pin.mismatch")


def test_huge_root_in_the_pin(scene: Scene) -> None:
    """R8: 100 MB of root metadata in the pin."""
    with (scene / PIN / "2.root.json").open("wb") as stream:
        stream.truncate(100 * 2**20)
    refused(scene.verify(), 2, "pin.mismatch")


@pytest.mark.parametrize("signatures", [[], [{"keyid": "0" * 64, "sig": "AAAA"}]])
@pytest.mark.parametrize("name", ["release", "production/assignments", "production/enforced"])
def test_unsigned_statement_in_the_pin(scene: Scene, name: str, signatures: list[dict[str, str]]) -> None:
    """R4: a statement in the pin whose signature is removed or is nobody's."""
    file = scene / PIN / f"{name}.dsse.json"
    file.write_text(json.dumps({**members(file), "signatures": signatures}))
    _rejected(scene, 2, "signature.invalid")


def test_statement_by_another_key(scene: Scene) -> None:
    """R4: a statement signed anew, with every byte of it kept, by somebody who is no publisher."""
    from gaitops.release.statement import seal_statement
    from gaitops.signing.dsse import parse_envelope
    from tests.simulator import Actor

    file = scene / PIN / "production/enforced.dsse.json"
    payload = parse_envelope(file.read_bytes(), "x").payload
    file.write_bytes(seal_statement(payload, [Actor("mallory").signer]))
    _rejected(scene, 2, "signature.invalid")


def test_lower_release_in_a_change(scene: Scene) -> None:
    """R1: a pull request brings back an older pin, genuine and complete; ``--base`` refuses it."""
    repository = scene / "pinned"
    shutil.copytree(repository / ".gaitops", scene / "old")
    assert scene.update(scene / "two").code == 0
    _git(repository, "init", "--quiet", "--initial-branch=main")
    _git(repository, "add", "--all")
    _git(repository, "commit", "--quiet", "--message", "pin")
    assert scene.verify("--base", "main").code == 0
    shutil.rmtree(repository / ".gaitops")
    shutil.copytree(scene / "old", repository / ".gaitops")
    assert scene.verify().code == 0
    refused(scene.verify("--base", "main"), 2, "release.rollback")
    refused(scene.verify("--base", "nowhere"), 6, "git.unknown_revision")


# -- R6: another fleet -----------------------------------------------------------------------------------------


@pytest.fixture
def impostor(scene: Scene) -> Scene:
    """An attacker's fleet with the same names, other keys, and a release of its own."""
    world = RecentWorld(scene / "evil-fleet", seed="evil ")
    world.save_keys(scene / "evil/keys")
    first_steps(world)
    (scene / "evil-fleet").rename(scene / "evil/fleet")
    evil = Scene(scene / "evil", world.trust_root)
    assert evil.publish("--first").code == 0
    assert evil.init(evil / "out", repo="pinned").code == 0
    return evil


def test_whole_pin_of_another_fleet(scene: Scene, impostor: Scene) -> None:
    """R6: the pin's own trust root is replaced together with everything below it; the caller's root wins."""
    shutil.rmtree(scene / PIN)
    shutil.copytree(impostor / "pinned/.gaitops", scene / PIN)
    _rejected(scene, 2, "trust.root_mismatch")
    edit(scene / PIN / "pin.yaml", f"trustRoot: {impostor.trust_root}", f"trustRoot: {scene.trust_root}")
    _rejected(scene, 2, "trust.root_mismatch")
    with unchanged(scene / "pinned"):
        refused(scene.update(impostor / "out"), 2, "trust.root_mismatch")


def test_nobody_names_a_trust_root(scene: Scene) -> None:
    """R6: with no trust root from the caller nothing is verified, whatever the pin says of itself."""
    scene.trust_root = ""
    _rejected(scene, 6, "trust.root_missing")
    with unchanged(scene / "pinned"):
        refused(scene.update(scene / "two"), 6, "trust.root_missing")


def test_release_of_another_fleet(scene: Scene, impostor: Scene) -> None:
    """R6: the mirror serves another fleet's release, beginning with its root."""
    with unchanged(scene / "pinned"):
        refused(scene.update(impostor / "out"), 2, "trust.root_mismatch")


def test_root_chain_with_gaps(scene: Scene) -> None:
    """R6: a root that follows nothing, and one whose people are strangers."""
    shutil.copy(scene / PIN / "1.root.json", scene / PIN / "3.root.json")
    _rejected(scene, 2, "pin.mismatch")
    (scene / PIN / "3.root.json").rename(scene / PIN / "2.root.json")
    _rejected(scene, 2, "trust.root_rotation")


def test_statements_older_than_the_root(scene: Scene) -> None:
    """R6: a newer root appended to a pin whose statements were made under the one before."""
    world = scene.world()
    (root,) = next_roots(world.root, 1, world.actors, NOW + DAY)
    (scene / PIN / "2.root.json").write_bytes(root)
    _rejected(scene, 2, "pin.mismatch")


def test_expired_root_keeps_an_archived_pin(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Verification has no clock: a pin out of an archive verifies after its root expired, and status shows it."""
    at(monkeypatch, NOW + 4000 * DAY)
    assert scene.verify().code == 0
    assert scene.run("pin", "status", "--repo", scene / "pinned").json["rootExpired"] is True


# -- the machine -----------------------------------------------------------------------------------------------


def test_verification_is_offline(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing opens a socket while a pin is verified, and no program is started."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("somebody asked for the network or for a program")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    assert scene.verify().code == 0


def test_line_endings_of_another_platform(scene: Scene) -> None:
    """R5: Git with ``core.autocrlf`` and hostile attributes of the repository hands out the bytes that were signed."""
    repository = scene / "pinned"
    (repository / ".gitattributes").write_text("* text eol=crlf ident\n*.yaml filter=upper\n")
    _git(repository, "init", "--quiet", "--initial-branch=main")
    _git(repository, "config", "filter.upper.smudge", "tr a-z A-Z")
    _git(repository, "-c", "core.autocrlf=true", "add", "--all")
    _git(repository, "-c", "core.autocrlf=true", "commit", "--quiet", "--message", "pin")
    before = content(repository / ".gaitops")
    shutil.rmtree(repository / ".gaitops")
    _git(repository, "-c", "core.autocrlf=true", "checkout", "--", ".")
    assert content(repository / ".gaitops") == before
    assert scene.verify().code == 0


def test_other_attributes(scene: Scene) -> None:
    """R5: the one file that nobody signs has one possible content."""
    with (scene / PIN / ".gitattributes").open("a") as stream:
        stream.write("*.yaml filter=evil\n")
    _rejected(scene, 2, "pin.mismatch")


KILLED = """
import os
from pathlib import Path
steps = iter(range(10**6))
def step(function):
    def wrapped(*arguments, **options):
        if next(steps) == {at}:
            os.kill(os.getpid(), 9)
        return function(*arguments, **options)
    return wrapped
"""
KILLED_PIN = (
    KILLED
    + """
import shutil
from gaitops.pin import folder
folder.write_durably = step(folder.write_durably)
folder.sync_folder = step(folder.sync_folder)
Path.rename = step(Path.rename)
shutil.rmtree = step(shutil.rmtree)
"""
)


@pytest.mark.parametrize("at", [0, 5, 13, 14, 15, 16, 17])
def test_killed_while_updating(scene: Scene, at: int) -> None:
    """A run that dies at any step leaves a whole pin, or one that the next run takes back, and that run succeeds."""
    old = content(scene / PIN)
    run = scene.start(
        "pin", "update", "--repo", scene / "pinned", "--from", scene / "two", before=KILLED_PIN.format(at=at)
    )
    run.communicate()
    assert run.returncode == -9
    if (scene / PIN).exists():
        assert scene.verify().code == 0
    else:
        assert content(scene / "pinned/.gaitops.last") == old
    assert scene.update(scene / "two").code == 0
    assert scene.verify().json["release"] == 2
    assert sorted(path.name for path in (scene / "pinned").iterdir()) == [".gaitops"]


FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))"


@pytest.mark.parametrize("size", [0, 1000, 3000])
def test_full_disk_while_updating(scene: Scene, size: int) -> None:
    """No space for the temporary files or for the pin: exit 1, and the old pin stays."""
    with unchanged(scene / "pinned"):
        run = scene.start(
            "pin",
            "update",
            "--repo",
            scene / "pinned",
            "--from",
            scene / "two",
            before=FULL.format(size=size),
        )
        out, err = run.communicate()
        assert run.returncode == 1, out + err
        assert json.loads(out)["error_code"] in {"pin.io", "release.io", "internal.os"}


def test_full_disk_at_the_last_step(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new folder cannot be made durable: the old pin comes back."""

    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pin_folder, "sync_folder", full)
    refused(scene.update(scene / "two"), 1, "pin.io")
    assert scene.verify().code == 0


def test_read_only_repository(scene: Scene) -> None:
    """A repository that may not be written to keeps its pin, and the error says why."""
    repository = scene / "pinned"
    repository.chmod(0o555)
    with unchanged(repository):
        run = scene.start("pin", "update", "--repo", repository, "--from", scene / "two", before=UNPRIVILEGED)
        out, err = run.communicate()
        assert (run.returncode, json.loads(out)["error_code"]) == (1, "pin.io"), out + err
    repository.chmod(0o755)


def test_two_updates_at_once(scene: Scene) -> None:
    """Of two updates at the same time one waits; what is left is one whole pin of the newest release."""
    arguments = ("pin", "update", "--repo", scene / "pinned", "--from")
    runs = [scene.start(*arguments, scene / source) for source in ("two", "one", "two")]
    codes = []
    for run in runs:
        out, _ = run.communicate()
        codes.append((run.returncode, json.loads(out).get("error_code")))
    assert codes[0] == codes[2] == (0, None)
    # The older mirror either came first, when it changed nothing, or was refused.
    assert codes[1] in {(0, None), (2, "release.rollback")}
    assert scene.verify().json["release"] == 2
    assert sorted(path.name for path in (scene / "pinned").iterdir()) == [".gaitops"]
