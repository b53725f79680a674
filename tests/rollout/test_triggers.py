# SPDX-License-Identifier: Apache-2.0
"""Triggers: when the plan says that it must be rolled back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gaitops.documents.models.rollout import Metric, RolloutSpec
from gaitops.rollout.triggers import fired

MakeSpec = Callable[..., RolloutSpec]

ENTERED = datetime(2026, 11, 22, 9, tzinfo=UTC)
TRIGGERS = [
    {"when": "metric", "threshold": {"metric": "block_rate", "maximum": 0.2}},
    {"when": "regress_failure"},
    {"when": "revoked_version"},
    {"when": "soak_expired", "after": "14d"},
]
QUIET: dict[str, Any] = {
    "observed": {"block_rate": 0.2, "regress_pass_rate": 1.0},
    "withdrawn": False,
    "entered": ENTERED,
    "now": ENTERED + timedelta(days=14),
}


@pytest.mark.parametrize(
    ("facts", "when", "reason"),
    [
        ({"observed": {"block_rate": 0.21}}, "metric", "block_rate is 0.21, at most 0.2 expected"),
        ({"observed": {"regress_pass_rate": 0.5}}, "regress_failure", "regress fixtures fail: 50.00% pass"),
        ({"withdrawn": True}, "revoked_version", "the version that is rolled out has been revoked"),
        (
            {"now": ENTERED + timedelta(days=14, seconds=1)},
            "soak_expired",
            "the step was entered at 2026-11-22T09:00:00Z and may last 14d, until 2026-12-06T09:00:00Z",
        ),
    ],
)
def test_each_trigger(make_spec: MakeSpec, facts: dict[str, Any], when: str, reason: str) -> None:
    """It fires when its fact holds, and alone."""
    spec = make_spec(rollbackTriggers=TRIGGERS)
    (found,) = fired(spec, **{**QUIET, **facts})
    assert (found.trigger.when, found.reason) == (when, reason)


@pytest.mark.parametrize(
    "observed", [None, {}, {"block_rate": None, "regress_pass_rate": None}, QUIET["observed"]]
)
def test_nothing_fires_on_what_is_unknown_or_fine(make_spec: MakeSpec, observed: Any) -> None:
    """No analysis, no value, or values within their bounds; the bounds and the last moment count as fine."""
    assert fired(make_spec(rollbackTriggers=TRIGGERS), **{**QUIET, "observed": observed}) == []


def test_only_what_the_plan_lists(make_spec: MakeSpec) -> None:
    """A plan without triggers has none, whatever happens."""
    worst = {**QUIET, "withdrawn": True, "now": ENTERED + timedelta(days=400)}
    assert fired(make_spec(), **worst) == []


def test_all_in_the_order_of_the_plan(make_spec: MakeSpec) -> None:
    """Everything that applies is said."""
    spec = make_spec(rollbackTriggers=TRIGGERS)
    observed: dict[Metric, float | None] = {"block_rate": 1.0, "regress_pass_rate": 0.0}
    late = ENTERED + timedelta(days=15)
    found = fired(spec, observed=observed, withdrawn=True, entered=ENTERED, now=late)
    assert [one.trigger for one in found] == list(spec.rollback_triggers)
    assert all(one.reason for one in found)
