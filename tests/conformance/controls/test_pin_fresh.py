# SPDX-License-Identifier: Apache-2.0
"""``pin.fresh``."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gaitops.conformance.model import Outcome
from tests.conformance.conformance_builder import CONFORMING, DAY, HOUR, NOW, Consumer

ID = "pin.fresh"


def test_newest() -> None:
    """The newest release is fresh however old it is."""
    assert Consumer().control(ID, at=NOW + 300 * DAY).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("later", "outcome"),
    [
        (timedelta(0), Outcome.PASS),
        (7 * DAY - timedelta(seconds=1), Outcome.PASS),
        (7 * DAY, Outcome.FAIL),
        (300 * DAY, Outcome.FAIL),
    ],
)
def test_lagging_behind(later: timedelta, outcome: Outcome) -> None:
    """An older release is accepted for exactly ``pinGrace``, counted from the release after it."""
    assert Consumer().control(ID, release=2, at=NOW + HOUR + later).outcome is outcome


def test_alone() -> None:
    """A pin alone cannot be shown to be the newest."""
    assert Consumer().control(ID, release=None).outcome is Outcome.INSUFFICIENT_DATA


def test_no_pin() -> None:
    """Without a pin it cannot tell."""
    assert Consumer(dict(CONFORMING)).control(ID).outcome is Outcome.INSUFFICIENT_DATA
