# SPDX-License-Identifier: Apache-2.0
"""The score: explained, ruled by privilege, tier and radius, and by volume only where those are equal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaitops.signals.priority import MOST_VOLUME, PRIVILEGE_WEIGHT, TIER_WEIGHT, score
from gaitops.signals.queue import queue
from gaitops.signals.rows import DecisionGroup, Evidence, Seen, Where

AT = datetime(2026, 11, 2, tzinfo=UTC)
TIERS = {"dev": "development", "staging": "staging", "prod": "production"}

privileges = st.sampled_from(sorted(PRIVILEGE_WEIGHT))
tiers = st.lists(st.sampled_from(sorted(TIER_WEIGHT)), min_size=1, max_size=3)
repositories = st.lists(
    st.integers(0, 40).map("github.com/acme/r{}".format), min_size=1, max_size=30, unique=True
)


def group(repository: str, environment: str, tool: str, decision: str, count: int) -> DecisionGroup:
    where = Where(repository, environment, "team", TIERS[environment])
    seen = Seen(count, AT - timedelta(days=1), AT, (f"{repository}-{tool}-{environment}",))
    return DecisionGroup(where, tool, decision, "d" * 64, kill_switch=False, seen=seen)


@pytest.mark.parametrize("low", ["read_cart", "list_tickets", "apply_infra"])
@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_one_destructive_production_block_outranks_a_thousand_low_risk_ones(
    low: str, environment: str
) -> None:
    """However many repositories a thousand blocks of reading or executing tools are spread over."""
    rows = [group(f"github.com/acme/r{index}", environment, low, "block", 10) for index in range(100)]
    rows.append(group("github.com/acme/pay", "prod", "drop_table", "block", 1))
    first, second = queue(Evidence(AT, decisions=rows)).signals
    assert (first.repositories, first.events) == (("github.com/acme/pay",), 1)
    assert second.events == 1000
    assert first.score.total > second.score.total


@given(privilege=privileges, where=tiers, spread=repositories, few=st.integers(1, 50))
def test_volume_never_outweighs_anything_else(
    privilege: int, where: list[str], spread: list[str], few: int
) -> None:
    """Any number of events stays below the next larger product of the other terms."""
    small = score(privilege=privilege, tiers=where, repositories=spread, events=few)
    large = score(privilege=privilege, tiers=where, repositories=spread, events=10**12)
    assert large.volume.value == MOST_VOLUME
    assert 0 <= large.total - small.total < 10
    product = small.privilege.value * small.tier.value * small.radius.value
    assert small.total // 10 == product


@given(
    privilege=privileges,
    where=tiers,
    spread=repositories,
    more=repositories,
    sensitivity=st.sampled_from([1, 2, 3]),
    events=st.integers(1, 10_000),
)
def test_more_of_anything_never_lowers_a_score(
    privilege: int, where: list[str], spread: list[str], more: list[str], sensitivity: int, events: int
) -> None:
    """A higher class, a further tier, further repositories, more sensitive systems or more events."""
    base = score(
        privilege=privilege, tiers=where, repositories=spread, sensitivity=sensitivity, events=events
    )
    for larger in (
        score(privilege=4, tiers=where, repositories=spread, sensitivity=sensitivity, events=events),
        score(privilege=privilege, tiers=[*where, "production"], repositories=spread, sensitivity=sensitivity, events=events),
        score(privilege=privilege, tiers=where, repositories=[*spread, *more], sensitivity=sensitivity, events=events),
        score(privilege=privilege, tiers=where, repositories=spread, sensitivity=3, events=events),
        score(privilege=privilege, tiers=where, repositories=spread, sensitivity=sensitivity, events=events + 1),
    ):  # fmt: skip
        assert larger.total >= base.total


@given(spread=repositories, where=tiers, sensitivity=st.sampled_from([1, 2, 3]))
def test_a_destructive_production_signal_outranks_every_reading_or_executing_one(
    spread: list[str], where: list[str], sensitivity: int
) -> None:
    """Nothing that radius, tier and volume can do lifts a low privilege above it."""
    top = score(privilege=4, tiers=["production"], repositories=["github.com/acme/pay"])
    for privilege in (1, 2):
        low = score(
            privilege=privilege, tiers=where, repositories=spread, sensitivity=sensitivity, events=10**9
        )
        assert low.total < top.total


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_order_does_not_matter(data: st.DataObject) -> None:
    """The same rows in any order give the same queue, byte for byte."""
    rows = [
        group(f"github.com/acme/r{index % 7}", environment, tool, decision, 1 + index)
        for index, (environment, tool, decision) in enumerate(
            (environment, tool, decision)
            for environment in TIERS
            for tool in ("drop_table", "write_price", "read_cart")
            for decision in ("block", "allow")
        )
    ]
    mixed = data.draw(st.permutations(rows))
    assert queue(Evidence(AT, decisions=mixed)).to_json() == queue(Evidence(AT, decisions=rows)).to_json()


def test_what_is_unknown_is_said_and_counted() -> None:
    """Unknown tools count as writing, an unknown tier between staging and production; both are in the explanation."""
    found = score(privilege=0, tiers=[], repositories=["r"])
    assert [term.value for term in found.terms] == [10, 3, 1, 0]
    assert found.privilege.because == "tools unknown, counted as write"
    assert found.tier.because == "tier unknown"
    assert found.to_json()["total"] == 300


def test_terms_explain_the_total() -> None:
    """Total and terms are one value in two forms."""
    found = score(
        privilege=4, tiers=["staging", "production"], repositories=["a", "b"], sensitivity=3, events=9
    )
    assert [term.value for term in found.terms] == [40, 4, 4, 4]
    assert found.total == 40 * 4 * 4 * 10 + 4
    assert found.radius.because == "2 repositories, sensitive systems"
    assert found.volume.because == "9 events"


def test_what_the_gate_stopped_reached_nothing() -> None:
    """Blocked calls have the smallest radius, in however many repositories."""
    found = score(privilege=4, tiers=["production"], repositories=list("abcdef"), sensitivity=3, stopped=True)
    assert (found.radius.value, found.total) == (1, 1600)
