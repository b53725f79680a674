# SPDX-License-Identifier: Apache-2.0
"""The outcome of a gate, computed from values and never believed (design 9).

The order of outcomes is error, failure, inconclusive, success: the gate takes the first whose condition holds. The
analyst computes it for the statement that is signed, and the verifier computes it again from the signed values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Final

from gaitops.documents.models.base import Mode
from gaitops.documents.models.rollout import Gate, Metric, Outcome, Threshold
from gaitops.rollout.measure import DECISION_METRICS, OBSERVE_REASON, VERDICT_METRICS

_RATE: Final = (0.0, 1.0)
_DELTA: Final = (-1.0, 1.0)
_COUNT: Final = (0.0, float(2**53))
POSSIBLE: Final[Mapping[Metric, tuple[float, float]]] = {
    "block_rate": _RATE,
    "block_rate_delta": _DELTA,
    "approval_required_rate_delta": _DELTA,
    "unexpected_block_count": _COUNT,
    "regress_pass_rate": _RATE,
    "candidate_coverage": _RATE,
    "unverifiable_evidence_rate": _RATE,
    "kill_switch_activations": _COUNT,
}
"""Lowest and highest value that each metric can have; another one is an error, not a good result."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One metric of a gate: its value, its bounds, and what follows."""

    metric: Metric
    value: float | None
    minimum: float | None
    maximum: float | None
    outcome: Outcome
    reason: str | None
    """Why it is not a success."""


def violation(threshold: Threshold, value: float) -> str | None:
    """How ``value`` lies outside the bounds, which themselves are acceptable; ``None`` when it does not."""
    if threshold.minimum is not None and value < threshold.minimum:
        return f"{threshold.metric} is {value:g}, at least {threshold.minimum:g} expected"
    if threshold.maximum is not None and value > threshold.maximum:
        return f"{threshold.metric} is {value:g}, at most {threshold.maximum:g} expected"
    return None


def judge_metric(
    threshold: Threshold,
    values: Mapping[Metric, float | None],
    *,
    samples: int,
    minimum_samples: int,
    mode: Mode,
    reasons: Mapping[Metric, str] | None = None,
) -> Judged:
    """One metric under its bounds.

    Args:
        threshold: The bounds.
        values: Measured values; a metric that is absent was not measured at all, which is an error.
        samples: Decisions of the candidate.
        minimum_samples: Fewest decisions from which something follows.
        mode: Mode of the step. In observe the candidate's verdicts are unknown, whatever ``values`` say.
        reasons: Why metrics have no value, where that is known.
    """
    metric = threshold.metric
    value = values.get(metric)

    def judged(outcome: Outcome, reason: str | None = None) -> Judged:
        return Judged(metric, value, threshold.minimum, threshold.maximum, outcome, reason)

    if metric not in values:
        return judged("error", "it was not measured")
    if mode == "observe" and metric in VERDICT_METRICS:
        return judged("inconclusive", OBSERVE_REASON)
    if value is None:
        return judged("inconclusive", (reasons or {}).get(metric, "it has no value"))
    lowest, highest = POSSIBLE[metric]
    if not isfinite(value) or not lowest <= value <= highest:
        return judged("error", f"{value:g} is not between {lowest:g} and {highest:g}")
    if metric in DECISION_METRICS and samples < minimum_samples:
        return judged("inconclusive", f"{samples} decisions, at least {minimum_samples} expected")
    outside = violation(threshold, value)
    return judged("success") if outside is None else judged("failure", outside)


def gate_outcome(
    gate: Gate,
    samples: int,
    values: Mapping[Metric, float | None],
    mode: Mode,
    reasons: Mapping[Metric, str] | None = None,
) -> tuple[Outcome, tuple[Judged, ...]]:
    """The outcome of a gate and of each of its metrics. Arguments as for :func:`judge_metric`."""
    metrics = tuple(
        judge_metric(
            threshold,
            values,
            samples=samples,
            minimum_samples=gate.minimum_samples,
            mode=mode,
            reasons=reasons,
        )
        for threshold in gate.metrics
    )
    outcomes = [judged.outcome for judged in metrics]
    if "error" in outcomes:
        return "error", metrics
    if outcomes.count("failure") > gate.failure_limit:
        return "failure", metrics
    if outcomes.count("inconclusive") > gate.inconclusive_limit or samples < gate.minimum_samples:
        return "inconclusive", metrics
    return "success", metrics
