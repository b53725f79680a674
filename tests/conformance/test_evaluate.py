# SPDX-License-Identifier: Apache-2.0
"""The whole judgement: what a conforming repository looks like, what it rests on, and that nothing upsets it."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaitops.conformance.model import Outcome
from gaitops.conformance.registry import CONTROLS
from gaitops.scaffold.consumer import ConsumerParameters, Forge, render_consumer
from tests.conformance.conformance_builder import (
    CONFORMING,
    HOUR,
    NOW,
    SHA,
    Consumer,
    decided,
    pinned_files,
    summary,
)
from tests.release.release_builder import PAY


def test_perfect() -> None:
    """With evidence nothing is unknown, and nothing is left to do."""
    result = Consumer().judge(evidence=summary(decided("1.0.0")))
    assert (result.conformant, result.complete) == (True, True)
    assert {item.outcome for item in result.controls} == {Outcome.PASS, Outcome.NOT_APPLICABLE}
    assert [item.remedy for item in result.controls] == [None] * len(CONTROLS)


def test_nothing_there() -> None:
    """An empty repository fails where something must be there, and what cannot be told is no pass."""
    result = Consumer({}).judge(release=None)
    outcomes = {item.control: item.outcome for item in result.controls}
    assert {name for name, outcome in outcomes.items() if outcome is Outcome.FAIL} == {
        "pin.present",
        "ci.wired",
        "regress.fixtures",
    }
    assert not result.with_outcome(Outcome.PASS)
    assert all(item.remedy for item in result.controls)


def test_what_a_result_rests_on() -> None:
    """The statements of pin and release, and the evidence, are named by their digests."""
    consumer = Consumer()
    result = consumer.judge(evidence=summary(decided("1.0.0")))
    inputs = {item.uri: item.sha256 for item in result.inputs}
    for name in ("pin.yaml", "release.dsse.json", "production/assignments.dsse.json"):
        path = f".gaitops/{name}"
        assert inputs.pop(path) == hashlib.sha256(consumer.files[path]).hexdigest()
    assert sorted(inputs) == ["evidence-summary", "release:acme-fleet/1"]


def test_same_inputs_same_result() -> None:
    """The judgement is a function of its arguments."""
    first, second = (Consumer().judge(release=2, at=NOW + HOUR) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("forge", ["github", "gitlab"])
def test_consumer_templates_conform(forge: Forge) -> None:
    """What ``gaitops pin init`` writes for either forge passes the controls that look at it."""
    parameters = ConsumerParameters(
        repository=PAY,
        environments=("production",),
        release="https://releases.example.com/fleet",
        source=f"acme/gaitops@{SHA}",
        version="0.1.0",
    )
    consumer = Consumer({**pinned_files(), **render_consumer(parameters, forge)})
    assert consumer.control("ci.wired").outcome is Outcome.PASS
    assert consumer.control("gait.config").outcome is Outcome.PASS


EDITABLE = sorted({*CONFORMING, ".gitlab-ci.yml", ".gait.yaml", ".gaitops/pin.yaml", ".gaitops/1.root.json"})
PIECES = st.sampled_from(
    [
        *CONFORMING.values(),
        b"&a ",
        b"*a",
        b"{",
        b"[",
        b"- ",
        b": ",
        b"\n",
        b"\0",
        b"gate",
        b"policy",
        b"jobs",
        b"on: push\n",
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(EDITABLE), st.binary(max_size=40) | st.lists(PIECES, max_size=8).map(b"".join))
def test_hostile_files(path: str, data: bytes) -> None:
    """Whatever a repository holds, every control says something and none raises."""
    consumer = Consumer()
    consumer.files[path] = data
    for release in (1, None):
        assert len(consumer.judge(release=release).controls) == len(CONTROLS)
