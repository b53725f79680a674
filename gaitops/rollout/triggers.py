# SPDX-License-Identifier: Apache-2.0
"""When a rollout must be rolled back (design 9). Firing decides nothing: it says what an operator may do alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gaitops.documents.models.rollout import Metric, RollbackTrigger, RolloutSpec
from gaitops.documents.times import format_timestamp, parse_duration
from gaitops.rollout.outcomes import violation


@dataclass(frozen=True, slots=True)
class Fired:
    """A trigger of the plan that applies now."""

    trigger: RollbackTrigger
    reason: str


def fired(
    spec: RolloutSpec,
    *,
    observed: Mapping[Metric, float | None] | None,
    withdrawn: bool,
    entered: datetime,
    now: datetime,
) -> list[Fired]:
    """The triggers that apply, in the order of the plan.

    Args:
        spec: The plan.
        observed: Values of the newest analysis of the current step; ``None`` without one. A metric without a value
            fires nothing: the gate is what holds a rollout that nothing is known about.
        withdrawn: Whether the version that the rollout goes to has been revoked.
        entered: When the current step was entered.
        now: The time of judgement.
    """
    values = observed or {}
    reasons = (
        (trigger, _reason(trigger, values, withdrawn, entered, now)) for trigger in spec.rollback_triggers
    )
    return [Fired(trigger, reason) for trigger, reason in reasons if reason is not None]


def _reason(
    trigger: RollbackTrigger,
    values: Mapping[Metric, float | None],
    withdrawn: bool,
    entered: datetime,
    now: datetime,
) -> str | None:
    """Why one trigger applies; ``None`` when it does not."""
    if trigger.threshold is not None:
        value = values.get(trigger.threshold.metric)
        return None if value is None else violation(trigger.threshold, value)
    if trigger.after is not None:
        due = entered + parse_duration(trigger.after)
        stayed = f"the step was entered at {format_timestamp(entered)} and may last {trigger.after}"
        return f"{stayed}, until {format_timestamp(due)}" if now > due else None
    if trigger.when == "revoked_version":
        return "the version that is rolled out has been revoked" if withdrawn else None
    rate = values.get("regress_pass_rate")
    return f"regress fixtures fail: {rate:.2%} pass" if rate is not None and rate < 1 else None
