# SPDX-License-Identifier: Apache-2.0
"""``pin.present``."""

from __future__ import annotations

from gaitops.conformance.model import Outcome
from gaitops.content import SYMLINK_MODE, Entry, MemorySnapshot
from tests.conformance.conformance_builder import CONFORMING, Consumer, pinned_files

ID = "pin.present"


def test_pinned() -> None:
    """A pin that names the environment is there."""
    assert Consumer().control(ID).outcome is Outcome.PASS


def test_no_pin() -> None:
    """Without a pin it fails, with the command that makes one."""
    result = Consumer(dict(CONFORMING)).control(ID)
    assert result.outcome is Outcome.FAIL
    assert result.remedy == (
        "gaitops pin init --from RELEASE --repository github.com/acme/pay --environment production"
    )


def test_other_environment() -> None:
    """A pin for production is none for staging."""
    result = Consumer(environment="staging").control(ID)
    assert (result.outcome, result.path) == (Outcome.FAIL, ".gaitops/pin.yaml")
    assert result.remedy is not None
    assert result.remedy.startswith("gaitops pin update")


def test_unreadable() -> None:
    """A pin that nobody can read pins nothing, and the line at fault is named."""
    consumer = Consumer()
    consumer.files[".gaitops/pin.yaml"] = b"apiVersion: gaitops.dev/v1\nkind: [Pin\n"
    result = consumer.control(ID)
    assert (result.outcome, result.path, result.line) == (Outcome.FAIL, ".gaitops/pin.yaml", 3)


def test_link() -> None:
    """A folder that is a link, to wherever, is no pin."""

    class Linked(MemorySnapshot):
        def entry(self, path: str) -> Entry | None:
            return Entry(SYMLINK_MODE, "x") if path == ".gaitops" else super().entry(path)

    from gaitops.conformance.pinned import read_pinned

    reading = read_pinned(Linked(pinned_files()), Consumer().trust_root)
    assert reading.pin is None
    assert [problem.code for problem in reading.problems] == ["pin.mismatch"]
