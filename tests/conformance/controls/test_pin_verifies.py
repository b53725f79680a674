# SPDX-License-Identifier: Apache-2.0
"""``pin.verifies``."""

from __future__ import annotations

import pytest

from gaitops.conformance.model import Outcome
from tests.conformance.conformance_builder import CONFORMING, NOT_CONSUMER, Consumer

ID = "pin.verifies"


def test_whole_pin() -> None:
    """A pin as it was written verifies."""
    assert Consumer().control(ID).outcome is Outcome.PASS


@pytest.mark.parametrize("name", ["production/enforced/gait.policy.yaml", "production/extra", "pin.yaml"])
def test_edited(name: str) -> None:
    """One more byte anywhere, or one more file, and it does not."""
    consumer = Consumer()
    path = f".gaitops/{name}"
    consumer.files[path] = consumer.files.get(path, b"") + b"#\n"
    expected = (
        Outcome.PASS if name == "pin.yaml" else Outcome.FAIL
    )  # a comment changes nothing that the pin says
    assert consumer.control(ID).outcome is expected


def test_all_reasons_are_counted() -> None:
    """The first reason is told in full, with its file, and the others are counted."""
    consumer = Consumer()
    consumer.files[".gaitops/production/enforced/gait.policy.yaml"] = b"x"
    consumer.files[".gaitops/z"] = b"x"
    result = consumer.control(ID)
    assert result.path == ".gaitops/production/enforced/gait.policy.yaml"
    assert result.reason.endswith("and 1 more")


def test_copied_from_another_repository() -> None:
    """A genuine pin of somebody else is not this repository's."""
    assert Consumer(repository=NOT_CONSUMER).control(ID, release=None).outcome is Outcome.FAIL


def test_no_pin() -> None:
    """Without a pin there is nothing to verify, and that is no pass."""
    assert Consumer(dict(CONFORMING)).control(ID).outcome is Outcome.INSUFFICIENT_DATA
