# SPDX-License-Identifier: Apache-2.0
"""Results as JSON, and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gaitops.conformance.model import Outcome
from gaitops.conformance.result_json import read_result
from gaitops.errors import InvalidInputError
from tests.conformance.conformance_builder import HOUR, NOW, Consumer, decided, summary, waived


@pytest.mark.parametrize("release", [1, 2, None])
def test_round_trip(release: int | None) -> None:
    """What is read back is what was written, with and without candidate, waiver, notice and evidence."""
    evidence = summary(decided("1.0.0"))
    waivers = [waived("ci.wired"), waived("evidence.recent", name="x", ends=HOUR * 30)]
    for result in (
        Consumer().judge(release=release, at=NOW + HOUR, evidence=evidence),
        Consumer({}).judge(release=release, waivers=waivers),
    ):
        text = json.dumps(result.to_json())
        again = read_result(json.loads(text), "r")
        assert json.dumps(again.to_json()) == text
        assert (again.controls, again.waivers, again.requirement) == (
            result.controls,
            result.waivers,
            result.requirement,
        )


def test_counts_name_every_outcome() -> None:
    """Zeros are there: whoever adds up need not know which outcomes exist."""
    result = Consumer().judge()
    assert set(result.counts()) == set(Outcome)
    assert sum(result.counts().values()) == len(result.controls)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("controls", [{"control": "a", "outcome": "passed", "reason": ""}]),
        ("at", "2026-11-22T21:00:00"),
        ("at", "yesterday"),
        ("requirement", {}),
        ("repository", 3),
    ],
)
def test_not_a_result(member: str, value: Any) -> None:
    """What is no result is refused, with the place."""
    document = {**Consumer().judge().to_json(), member: value}
    with pytest.raises(InvalidInputError) as error:
        read_result(document, "r")
    assert error.value.code == "document.value"


def test_conclusions_are_made_anew() -> None:
    """What a document says about being conformant is never believed."""
    consumer = Consumer({})
    document = {**consumer.judge().to_json(), "conformant": True, "complete": True, "unknown": 1}
    assert not read_result(document, "r").conformant
