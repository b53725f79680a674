# SPDX-License-Identifier: Apache-2.0
"""``gaitops pin init --ci``: the pipelines of a forge and Gait's settings, beside what is there already."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gaitops.conformance.ci import wirings
from gaitops.content import MemorySnapshot
from tests.attacks.release_tools import CHECKOUT, Scene, mirror, refused, scene, story, unchanged
from tests.cli.harness import Run

__all__ = ["scene", "story"]
SOURCE = "acme/gaitops@" + "0123456789" * 4


class Consumer:
    """A repository without a pin, and a web server with releases."""

    def __init__(self, scene: Scene, web: str) -> None:
        self.folder = scene / "consumer"
        self.folder.mkdir()
        self._scene, self._web = scene, web

    def init(self, *arguments: str, source: str | None = None) -> Run:
        """``gaitops pin init``."""
        what = ("--repository", CHECKOUT, "--environment", "production")
        place = ("--repo", self.folder, "--from", source or self._web)
        return self._scene.run("pin", "init", *place, *what, *arguments)


@pytest.fixture
def consumer(scene: Scene) -> Iterator[Consumer]:
    """A consumer that may read releases from the loopback interface."""
    with mirror(scene / "one") as web:
        yield Consumer(scene, web)


@pytest.mark.parametrize("forge", ["github", "gitlab"])
def test_pipelines_come_with_the_pin(consumer: Consumer, forge: str) -> None:
    """What was written is listed, checks conformance at the commit that was named, and lies beside a verified pin."""
    said = consumer.init("--ci", forge, "--ci-from", SOURCE).json
    written = {path: (consumer.folder / path).read_bytes() for path in said["files"]}
    assert ".gait/config.yaml" in written
    assert [item.problem for item in wirings(MemorySnapshot(written))] == [None]
    assert (consumer.folder / ".gaitops/pin.yaml").is_file()


def test_without_ci_nothing_but_the_pin_is_written(consumer: Consumer) -> None:
    """Pipelines are written when they are asked for."""
    assert consumer.init().json["files"] == []
    assert [path.name for path in consumer.folder.iterdir()] == [".gaitops"]


def test_what_exists_stays(consumer: Consumer) -> None:
    """A pipeline that is there is not replaced; the proposal lies beside it, and an equal file needs none."""
    own = consumer.folder / ".gitlab-ci.yml"
    own.write_text("stages: [test]\n")
    said = consumer.init("--ci", "gitlab", "--ci-from", SOURCE).json
    assert ".gitlab-ci.yml.gaitops-new" in said["files"]
    assert own.read_text() == "stages: [test]\n"
    assert "conformance@" in own.with_name(".gitlab-ci.yml.gaitops-new").read_text()


@pytest.mark.parametrize(
    ("arguments", "source", "code"),
    [
        (("--ci", "gitlab"), None, "cli.usage"),
        (("--ci-from", SOURCE), None, "cli.usage"),
        (("--ci", "gitlab", "--ci-from", "acme/gaitops@main"), None, "init.ci_source"),
        (("--ci", "gitlab", "--ci-from", SOURCE), "one", "init.release_address"),
    ],
)
def test_what_ci_could_not_use_is_refused(
    consumer: Consumer, arguments: tuple[str, ...], source: str | None, code: str
) -> None:
    """A branch instead of a commit, or a folder of this machine, is refused before anything is written."""
    with unchanged(consumer.folder):
        refused(consumer.init(*arguments, source=source and str(Path(source))), 6, code)
