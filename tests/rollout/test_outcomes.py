# SPDX-License-Identifier: Apache-2.0
"""The lattice of outcomes: error, failure, inconclusive, success."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gaitops.documents.models.base import Mode
from gaitops.documents.models.rollout import Gate, Metric, Outcome, Threshold
from gaitops.rollout.measure import METRICS, VERDICT_METRICS
from gaitops.rollout.outcomes import POSSIBLE, gate_outcome, judge_metric, violation

RANK: dict[Outcome, int] = {"success": 0, "inconclusive": 1, "failure": 2, "error": 3}
GOOD: dict[Metric, float | None] = {
    "block_rate": 0.01,
    "block_rate_delta": 0.0,
    "approval_required_rate_delta": 0.0,
    "unexpected_block_count": 0.0,
    "regress_pass_rate": 1.0,
    "candidate_coverage": 1.0,
    "unverifiable_evidence_rate": 0.0,
    "kill_switch_activations": 0.0,
}
BOUNDS: dict[Metric, dict[str, float]] = {
    "block_rate": {"maximum": 0.1},
    "block_rate_delta": {"maximum": 0.02},
    "approval_required_rate_delta": {"maximum": 0.02},
    "unexpected_block_count": {"maximum": 3},
    "regress_pass_rate": {"minimum": 0.9},
    "candidate_coverage": {"minimum": 0.9},
    "unverifiable_evidence_rate": {"maximum": 0.05},
    "kill_switch_activations": {"maximum": 1},
}


def gate(*metrics: Metric, **members: Any) -> Gate:
    """A gate over some metrics with sensible bounds."""
    thresholds = [{"metric": metric, **BOUNDS[metric]} for metric in metrics or METRICS]
    return Gate.model_validate(
        {"name": "calm", "window": "24h", "minimumSamples": 100, "metrics": thresholds, **members}
    )


def outcome(judged: Gate, samples: int = 1000, mode: Mode = "dry_run", **changes: float | None) -> Outcome:
    """The outcome with good values, some of them changed."""
    values = {metric: changes.get(metric, value) for metric, value in GOOD.items()}
    return gate_outcome(judged, samples, values, mode)[0]


def test_good_values_succeed() -> None:
    """With enough samples, and in either mode that knows verdicts."""
    assert outcome(gate()) == outcome(gate(), mode="enforce") == "success"


def test_bounds_themselves_are_acceptable() -> None:
    """Below the minimum and above the maximum fail; the bounds do not."""
    both = Threshold.model_validate({"metric": "block_rate", "minimum": 0.1, "maximum": 0.2})
    assert violation(both, 0.1) is None
    assert violation(both, 0.2) is None
    assert violation(both, 0.09) == "block_rate is 0.09, at least 0.1 expected"
    assert violation(both, 0.21) == "block_rate is 0.21, at most 0.2 expected"


def test_failures_come_before_inconclusive() -> None:
    """One failure too many fails, whatever else is unknown; within the limit it does not."""
    assert outcome(gate(), block_rate=0.5, regress_pass_rate=None) == "failure"
    assert outcome(gate(failureLimit=1), block_rate=0.5) == "success"
    assert outcome(gate(failureLimit=1), block_rate=0.5, regress_pass_rate=None) == "inconclusive"


def test_inconclusive_limit() -> None:
    """As many as the limit may be unknown, never one more."""
    assert outcome(gate(inconclusiveLimit=1), block_rate=None) == "success"
    assert outcome(gate(inconclusiveLimit=1), block_rate=None, regress_pass_rate=None) == "inconclusive"


def test_too_few_samples() -> None:
    """No limit makes a success of too little evidence, even where no metric of the gate needs decisions."""
    assert outcome(gate(), samples=99) == "inconclusive"
    assert outcome(gate("regress_pass_rate", inconclusiveLimit=100), samples=99) == "inconclusive"
    assert outcome(gate("block_rate"), samples=99, block_rate=0.5) == "inconclusive"
    assert outcome(gate("regress_pass_rate"), samples=99, regress_pass_rate=0.1) == "failure"


def test_observe_never_believes_verdicts() -> None:
    """Whatever values a statement claims: in observe Gait records no verdict of the candidate."""
    assert outcome(gate(), mode="observe") == "inconclusive"
    _, judged = gate_outcome(gate(), 1000, GOOD, "observe")
    assert {one.metric for one in judged if one.outcome == "inconclusive"} == VERDICT_METRICS
    assert outcome(gate("candidate_coverage"), mode="observe") == "success"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), -0.1, 1.1])
def test_impossible_values_are_errors(value: float) -> None:
    """A rate beyond all rates is no good result; errors come first, and no limit forgives them."""
    assert outcome(gate(failureLimit=100, inconclusiveLimit=100), block_rate=value) == "error"


def test_what_was_not_measured_is_an_error() -> None:
    """Absent is not the same as unknown."""
    found, judged = gate_outcome(gate("block_rate"), 1000, {}, "dry_run")
    assert (found, judged[0].outcome, judged[0].value) == ("error", "error", None)


def test_reasons_are_carried() -> None:
    """A metric without value says why, as far as that is known; a success says nothing."""
    threshold = gate("block_rate").metrics[0]
    judged = judge_metric(
        threshold,
        {"block_rate": None},
        samples=1000,
        minimum_samples=1,
        mode="dry_run",
        reasons={"block_rate": "the candidate decided nothing"},
    )
    assert (judged.outcome, judged.reason) == ("inconclusive", "the candidate decided nothing")
    assert (judged.minimum, judged.maximum) == (None, 0.1)
    assert all(one.reason is None for one in gate_outcome(gate(), 1000, GOOD, "dry_run")[1])


MODES: st.SearchStrategy[Mode] = st.sampled_from(("observe", "dry_run", "enforce"))
SAMPLES = st.integers(0, 300)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Gate, int, dict[Metric, float | None], Mode]:
    """Any gate over any possible or unknown values."""
    chosen = draw(st.lists(st.sampled_from(METRICS), min_size=1, unique=True))
    found = gate(*chosen, failureLimit=draw(st.integers(0, 3)), inconclusiveLimit=draw(st.integers(0, 3)))
    values: dict[Metric, float | None] = {
        metric: draw(st.one_of(st.none(), st.floats(POSSIBLE[metric][0], min(POSSIBLE[metric][1], 10))))
        for metric in METRICS
    }
    return found, draw(SAMPLES), values, draw(MODES)


@given(cases(), st.sampled_from(METRICS), st.floats(0, 1))
def test_a_worse_value_never_helps(
    case: tuple[Gate, int, dict[Metric, float | None], Mode], metric: Metric, share: float
) -> None:
    """Moving one known value away from its bound never improves the outcome of the metric or of the gate."""
    judged, samples, values, mode = case
    value = values[metric]
    assume(value is not None)
    lowest, highest = POSSIBLE[metric]
    edge = min(highest, 10.0) if "maximum" in BOUNDS[metric] else lowest
    worse = min(max((value or 0.0) + share * (edge - (value or 0.0)), lowest), highest)
    assume((worse >= (value or 0.0)) == ("maximum" in BOUNDS[metric]) or worse == value)
    before, _ = gate_outcome(judged, samples, values, mode)
    after, _ = gate_outcome(judged, samples, {**values, metric: worse}, mode)
    assert RANK[after] >= RANK[before]


@given(cases(), SAMPLES)
def test_fewer_samples_never_make_a_success(
    case: tuple[Gate, int, dict[Metric, float | None], Mode], fewer: int
) -> None:
    """What succeeds with fewer decisions succeeds with more, unless the decisions themselves say otherwise."""
    judged, samples, values, mode = case
    assume(fewer <= samples)
    if gate_outcome(judged, fewer, values, mode)[0] == "success":
        assert fewer >= judged.minimum_samples
        assert gate_outcome(judged, samples, values, mode)[0] == "success"


@given(cases(), st.sampled_from(METRICS))
def test_losing_a_value_never_makes_a_success(
    case: tuple[Gate, int, dict[Metric, float | None], Mode], metric: Metric
) -> None:
    """Where no metric may be inconclusive, hiding a value never turns another outcome into success."""
    judged, samples, values, mode = case
    strict = judged.model_copy(update={"inconclusive_limit": 0})
    before, _ = gate_outcome(strict, samples, values, mode)
    after, _ = gate_outcome(strict, samples, {**values, metric: None}, mode)
    assert after != "success" or before == "success"


@given(cases())
def test_tighter_limits_never_help(case: tuple[Gate, int, dict[Metric, float | None], Mode]) -> None:
    """A gate that forgives less never has a better outcome."""
    judged, samples, values, mode = case
    before = gate_outcome(judged, samples, values, mode)[0]
    for tighter in ({"failure_limit": 0}, {"inconclusive_limit": 0}, {"minimum_samples": 250}):
        if judged.minimum_samples <= tighter.get("minimum_samples", 250):
            after = gate_outcome(judged.model_copy(update=tighter), samples, values, mode)[0]
            if "minimum_samples" in tighter:
                assert after != "success" or before == "success"
            else:
                assert RANK[after] >= RANK[before]


@given(cases())
def test_success_means_what_it_says(case: tuple[Gate, int, dict[Metric, float | None], Mode]) -> None:
    """A success has enough samples, no error, and no more failures and unknowns than the gate allows."""
    judged, samples, values, mode = case
    found, metrics = gate_outcome(judged, samples, values, mode)
    outcomes = [one.outcome for one in metrics]
    if found == "success":
        assert samples >= judged.minimum_samples
        assert "error" not in outcomes
        assert outcomes.count("failure") <= judged.failure_limit
        assert outcomes.count("inconclusive") <= judged.inconclusive_limit
    assert [one.metric for one in metrics] == [threshold.metric for threshold in judged.metrics]
