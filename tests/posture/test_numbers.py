# SPDX-License-Identifier: Apache-2.0
"""Numbers add up, shares have denominators, selectors are unambiguous, expectations are judged exactly."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaitops.errors import InvalidInputError
from gaitops.fleet.assignments import Assigned
from gaitops.fleet.evidence import Expected
from gaitops.fleet.timeline import Span, Timeline
from gaitops.gait.policy_tools import read_tool_policy
from gaitops.posture.catalogue import COUNTS, METRICS, SHARES
from gaitops.posture.coverage import repository_coverage
from gaitops.posture.expectation import Judge, Judgement, boundaries
from gaitops.posture.inputs import Inventory, Window
from gaitops.posture.selectors import Scope, parse_selector, selector
from gaitops.posture.series import axis_of
from gaitops.posture.tally import Tally, quantile
from tests.posture.larkspur import inputs

START = datetime(2026, 10, 1, tzinfo=UTC)
PLACE = ("r", "prod")


def test_every_share_has_counts_behind_it() -> None:
    """Numerator and denominator of a share are counts of the catalogue."""
    for name in SHARES:
        metric = METRICS[name]
        assert {metric.of, metric.over} <= set(COUNTS), name


_TALLIES = st.lists(
    st.builds(
        lambda counts, delays, people: Tally(Counter(counts), Counter(delays), set(people)),
        st.dictionaries(st.sampled_from(COUNTS), st.integers(0, 9)),
        st.dictionaries(st.integers(0, 99), st.integers(1, 5)),
        st.sets(st.sampled_from(("dana", "eve", "finn"))),
    ),
    max_size=5,
)


@given(_TALLIES)
def test_the_whole_is_the_sum_of_its_parts(tallies: list[Tally]) -> None:
    """Counts of a sum are sums of counts, people are counted once, and quantiles are of all values."""
    whole = Tally.sum(tallies)
    for name in COUNTS:
        assert whole.count(name) == sum(item.count(name) for item in tallies)
    numbers = whole.numbers()
    assert numbers["approvals.approvers"] == len({name for item in tallies for name in item.approvers})
    values = sorted(value for item in tallies for value in item.delays.elements())
    assert numbers["approvals.minutes_median"] == (values[(len(values) - 1) // 2] if values else None)


@given(_TALLIES)
def test_a_share_is_missing_exactly_where_its_denominator_is_zero(tallies: list[Tally]) -> None:
    """No denominator, no share: neither 0 nor 1."""
    whole = Tally.sum(tallies)
    for name in SHARES:
        assert (whole.share(name) is None) == (whole.count(METRICS[name].of or "") == 0)


def test_quantiles_are_values_that_occur() -> None:
    """Nearest rank: no value is made up between two others."""
    assert quantile(Counter({1: 1, 100: 1}), 0.5) == 1
    assert quantile(Counter({1: 9, 100: 1}), 0.9) == 1
    assert quantile(Counter({1: 8, 100: 2}), 0.9) == 100
    assert quantile(Counter(), 0.5) is None


_SCOPES = st.builds(
    Scope,
    **{
        name: st.none() | st.text(max_size=8)
        for name in ("org", "project", "team", "repository", "environment", "policy", "day", "week", "tier")
    },
)


@given(st.sampled_from(sorted(METRICS)), _SCOPES)
def test_a_selector_is_read_as_it_was_written(metric: str, scope: Scope) -> None:
    """Whatever names hold, the selector means the same number and scope."""
    assert parse_selector(selector(metric, scope)) == (metric, scope)


@pytest.mark.parametrize(
    "text", ["events.total?colour=red", "events.total?day=1&day=2", "events", "", "events.total?day"]
)
def test_selectors_that_mean_nothing(text: str) -> None:
    """A selector that cannot be understood is an error."""
    with pytest.raises(InvalidInputError):
        parse_selector(text)


# -- expectations -------------------------------------------------------------------------------------------------

_DIGESTS = ("a" * 64, "b" * 64, "c" * 64)


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    """Spans of one place, some with gaps between them, in whole hours."""
    hour, spans = draw(st.integers(0, 20)), []
    for index in range(draw(st.integers(1, 4))):
        length = draw(st.integers(1, 40))
        digest, candidate = draw(st.sampled_from(_DIGESTS)), draw(st.none() | st.sampled_from(_DIGESTS))
        version = Assigned("acme", "guard", f"{index}.0.0")
        expected = Expected(version, digest, version if candidate else None, candidate)
        end = START + timedelta(hours=hour + length)
        spans.append(Span(START + timedelta(hours=hour), end, expected))
        hour += length + draw(st.integers(0, 20))
    return Timeline({PLACE: spans}, spans[0].start)


@given(timelines(), st.sampled_from(_DIGESTS), st.integers(0, 30), st.integers(0, 200 * 60))
def test_judging_follows_the_definition(line: Timeline, digest: str, grace: int, minute: int) -> None:
    """Expected is what was assigned at the moment or within the grace before it, read off the spans naively."""
    moment, length = START + timedelta(minutes=minute), timedelta(hours=grace)
    spans = line.spans[PLACE]
    expected = any(
        digest in span.expected.digests
        and span.start <= moment
        and span.end is not None
        and moment < span.end + length
        for span in spans
    )
    assigned = any(span.start <= moment and span.end is not None and moment < span.end for span in spans)
    found = Judge(line, length).of(*PLACE, digest, moment)
    wanted = Judgement.EXPECTED if expected else Judgement.UNEXPECTED if assigned else Judgement.UNJUDGED
    assert found is wanted
    assert (digest in line.expected_at(PLACE, moment, length)) is expected


@given(timelines(), st.integers(0, 30), st.data())
def test_between_two_boundaries_nothing_changes(line: Timeline, grace: int, data: Any) -> None:
    """Any two moments with no boundary between them are judged alike, so decisions can be counted first."""
    window, length = Window(START, START + timedelta(hours=300)), timedelta(hours=grace)
    moments = [window.since, *boundaries(line, length, window), window.until]
    index = data.draw(st.integers(0, len(moments) - 2))
    minutes = int((moments[index + 1] - moments[index]).total_seconds() // 60)
    one, other = (
        moments[index] + timedelta(minutes=data.draw(st.integers(0, max(0, minutes - 1)))) for _ in "ab"
    )
    judge = Judge(line, length)
    for digest in _DIGESTS:
        assert judge.of(*PLACE, digest, one) is judge.of(*PLACE, digest, other)


# -- coverage and time --------------------------------------------------------------------------------------------


def test_a_policy_that_cannot_be_read_gates_nothing_strictly() -> None:
    """Strict coverage is never better for what is not known."""
    inventory: Inventory = inputs().inventories[0]
    policies = inputs().policies
    known = sorted(policies)[:1]
    whole = repository_coverage(inventory, known, policies)
    partly = repository_coverage(inventory, [*known, "f" * 64], policies)
    assert whole.strictly_gated > 0
    assert partly.strictly_gated == 0
    assert partly.unread == ("f" * 64,)
    assert partly.gait.gated_tools == whole.gait.gated_tools


def test_strict_coverage_needs_every_enforced_version() -> None:
    """A tool that one environment's version lets through is not strictly gated."""
    strict = read_tool_policy(b"default_verdict: block\n")
    loose = read_tool_policy(b"default_verdict: allow\n")
    policies = {"a": strict, "b": loose}
    inventory: Inventory = inputs().inventories[0]
    assert repository_coverage(inventory, ["a"], policies).strictly_gated == len(inventory.items)
    assert repository_coverage(inventory, ["a", "b"], policies).strictly_gated == 0


def test_axes() -> None:
    """Short windows have a point for each day, long ones for each week, also without evidence."""
    days = axis_of(Window(START, START + timedelta(days=14)))
    assert (days.unit, len(days.labels), days.labels[0]) == ("day", 14, "2026-10-01")
    weeks = axis_of(Window(START, START + timedelta(days=365)))
    assert (weeks.unit, weeks.labels[0], len(weeks.labels)) == ("week", "2026-W40", 53)
    assert weeks.label(START.date()) == "2026-W40"
