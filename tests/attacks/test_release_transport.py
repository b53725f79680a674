# SPDX-License-Identifier: Apache-2.0
"""Endless root chains, crooked answers of web servers, and addresses that lead elsewhere (threats R2, R6, R8)."""

from __future__ import annotations

import subprocess

import pytest

from tests.attacks.release_tools import (
    DAY,
    NOW,
    Answer,
    Scene,
    body,
    mirror,
    next_roots,
    redirect,
    refused,
    rejected,
    scene,
    story,
    unchanged,
)
from tests.simulator import Actor

__all__ = ["scene", "story"]


# -- roots -----------------------------------------------------------------------------------------------------


def _with_roots(scene: Scene, count: int) -> None:
    """Publish release 2 under a chain of ``1 + count`` roots."""
    world = scene.world()
    chain = next_roots(world.root, count, world.actors, NOW + 300 * DAY)
    for version, root in enumerate(chain, start=2):
        (scene / f"two/metadata/{version}.root.json").write_bytes(root)


def test_three_hundred_roots(scene: Scene) -> None:
    """R8: a chain of 300 root versions, each validly signed, is longer than any client follows."""
    _with_roots(scene, 299)
    rejected(scene, scene / "two", 2, "release.invalid")


def test_expired_root(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """R2: the newest root has expired; nothing below it counts."""
    world = scene.world()
    (root,) = next_roots(world.root, 1, world.actors, NOW - DAY)
    (scene / "two/metadata/2.root.json").write_bytes(root)
    rejected(scene, scene / "two", 2, "trust.root_expired")


def test_root_of_strangers(scene: Scene) -> None:
    """R6: a mirror appends a root that names its own publisher, signed by its own people."""
    world = scene.world()
    strangers = {name: Actor(name, f"evil {name}") for name in world.actors}
    (root,) = next_roots(world.root, 1, strangers, NOW + DAY)
    (scene / "two/metadata/2.root.json").write_bytes(root)
    rejected(scene, scene / "two", 2, "trust.root_rotation")


# -- crooked transports ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "exit_code", "code"),
    [
        (redirect("file:///etc/hostname"), 1, "release.unavailable"),
        (redirect("gopher://127.0.0.1/"), 1, "release.unavailable"),
        (redirect("/metadata/timestamp.json"), 1, "release.unavailable"),
        (redirect("http://127.0.0.1:1/"), 1, "release.unavailable"),
        (body(b"{}", length=50), 1, "release.unavailable"),
        (body(b"not gzip", Content_Encoding="gzip"), 1, "release.unavailable"),
        (body(b'{"signed": {}}', length=5), 2, "release.invalid"),
        (body(b"zz\r\n", Transfer_Encoding="chunked"), 1, "release.unavailable"),
    ],
    ids=["file", "gopher", "loop", "dead-end", "too-short", "no-gzip", "cut", "chunks"],
)
def test_crooked_answers(scene: Scene, answer: Answer, exit_code: int, code: str) -> None:
    """R8: redirects out of the web and in circles, and lengths that lie, end in an error that says so."""
    with mirror(scene / "two", {"metadata/timestamp.json": answer}) as address:
        rejected(scene, address, exit_code, code)


@pytest.mark.parametrize(
    "address",
    [
        "http://[::1",
        "http://",
        "http://127.0.0.1:99999/",
        "file:///%00",
        "ftp://example.com/x",
        "git+ext::sh -c id#main",
        "git+https://example.com/x",
        "git+file:///x\n[core]#main",
        "https://user:hunter2@example.invalid/x",
        "https://example.invalid/x?token=hunter2",
        "git+https://hunter2@127.0.0.1:1/x#",
    ],
)
def test_addresses_that_are_none(scene: Scene, address: str) -> None:
    """An address that cannot be read, or that carries a password, is refused, and no password is repeated."""
    run = scene.update(address)
    refused(run, 6, "release.address")
    assert "hunter2" not in run.out + run.err


def test_token_before_a_git_host(scene: Scene) -> None:
    """A token that Git needs in the address is used, and no message repeats it."""
    run = scene.update("git+https://hunter2@127.0.0.1:1/x#main")
    refused(run, 1, "git.remote_failed")
    assert "hunter2" not in run.out + run.err


def test_git_mirror_with_links(scene: Scene) -> None:
    """R3: on a branch, symbolic links stand in for metadata; links are no files of a release."""
    root = scene / "two/metadata/timestamp.json"
    root.rename(scene / "two/elsewhere.json")
    root.symlink_to("../elsewhere.json")
    for arguments in (
        ("init", "--quiet", "--initial-branch=main", "."),
        ("add", "--all"),
        ("-c", "user.name=m", "-c", "user.email=m@example.com", "commit", "--quiet", "--message", "x"),
    ):
        subprocess.run(["git", "-C", str(scene / "two"), *arguments], check=True)
    refused(scene.update(f"git+file://{scene / 'two'}#main"), 2, "release.invalid")


@pytest.mark.parametrize(
    "repository", ["../../etc/passwd", "github.com/acme/../../x", "github.com/acme/checkout\n", ""]
)
def test_names_that_lead_elsewhere(scene: Scene, repository: str) -> None:
    """R5: names with dots and line breaks ask for nothing outside of the release."""
    arguments = ("--repository", repository, "--environment", "production")
    with unchanged(scene / "two"):
        run = scene.run("pin", "init", "--repo", scene.folder, "--from", scene / "two", *arguments)
    refused(run, 6, "repository.url")
