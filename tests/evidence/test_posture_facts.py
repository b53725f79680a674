# SPDX-License-Identifier: Apache-2.0
"""From tables to the posture: the same report as from the finest rows, and proofs that count what they prove."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from gaitops.errors import InvalidInputError
from gaitops.evidence.engines import Engine, open_engine
from gaitops.evidence.posture_facts import posture_inputs
from gaitops.evidence.posture_proof import Proofs
from gaitops.posture.build import posture
from gaitops.posture.catalogue import METRICS
from gaitops.posture.expectation import Judge, boundaries
from gaitops.posture.inputs import PostureInputs
from gaitops.posture.report import Basis, PostureReport
from gaitops.posture.selectors import Scope, selector
from tests.evidence.larkspur_tables import larkspur_tables
from tests.evidence.table_store import write_tables
from tests.posture import larkspur
from tests.posture.larkspur import GRACE, STALE, WINDOW

BASIS = Basis("larkspur", "0" * 64, "1" * 40, WINDOW.until, WINDOW, STALE, GRACE, larkspur.BEFORE, {})
MOMENTS = boundaries(larkspur.line(), GRACE, WINDOW)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The golden fleet's tables on DuckDB."""
    with open_engine(write_tables(tmp_path_factory.mktemp("larkspur"), larkspur_tables())) as found:
        yield found


@pytest.fixture(scope="module")
def inputs(engine: Engine) -> PostureInputs:
    """What is counted of them."""
    return posture_inputs(engine, WINDOW, MOMENTS, larkspur.inputs().policies)


@pytest.fixture(scope="module")
def report(inputs: PostureInputs) -> PostureReport:
    """The posture that they make."""
    return posture(inputs, larkspur.view(), larkspur.line(), BASIS)


@pytest.fixture(scope="module")
def proofs(engine: Engine, report: PostureReport) -> Proofs:
    """The artifacts behind it."""
    return Proofs(engine, report, larkspur.view(), Judge(larkspur.line(), GRACE), MOMENTS)


def test_counted_rows_make_the_same_report(report: PostureReport) -> None:
    """Counting first and judging after changes no number, state or drift."""
    fine = posture(replace(larkspur.inputs(), failures=()), larkspur.view(), larkspur.line(), BASIS)
    found, expected = report.to_json(), fine.to_json()
    for name in ("total", "groups", "policies", "drift", "throwawayKeys", "outside"):
        assert _without(found[name]) == _without(expected[name]), name
    states = [[place.state for place in item.places] for item in report.repositories]
    assert states == [[place.state for place in item.places] for item in fine.repositories]
    assert [item.coverage and item.coverage.gait for item in report.repositories] == [
        item.coverage and item.coverage.gait for item in fine.repositories
    ]
    spots = {(spot.failures.repository, spot.team, spot.failures.reasons) for spot in report.hot_spots}
    assert spots == {(larkspur.repository("fraud-scorer"), "checkout", ("unexpected_diff",))}


def _without(value: object) -> object:
    """Without what only whole artifacts have: the other kinds that the tables hold too."""
    if isinstance(value, dict):
        return {key: _without(item) for key, item in value.items() if key != "evidence.other"}
    return [_without(item) for item in value] if isinstance(value, list) else value


ONE_EACH = (
    *("events.total", "events.block", "events.expected", "events.unexpected", "events.unjudged", "events.unknown_policy"),
    *("events.without_environment", "events.kill_switch", "evidence.total", "evidence.unsigned", "evidence.other"),
    *("evidence.unsigned_where_required", "traces.verified", "runpacks.failed", "regress.results", "regress.vacuous"),
)  # fmt: skip
"""Numbers that count one artifact each."""
SOME = (
    *("places.drifted", "places.unknown", "repositories.silent", "evidence.repeated", "evidence.throwaway_keys"),
    *("approvals.open", "approvals.minutes_p90", "approvals.approvers", "approvals.tokens_long_lived", "approvals.refused_expired"),
    *("approvals.tokens_reused", "coverage.gait_share", "regress.pass_share", "events.unexpected_share"),
)  # fmt: skip
"""Numbers of the other kinds."""


def test_a_proof_lists_as_many_artifacts_as_the_number_counts(proofs: Proofs, report: PostureReport) -> None:
    """A count of decisions, artifacts or results has exactly its artifacts behind it."""
    numbers = report.total.tally.numbers()
    assert {name: proofs.count(name) for name in ONE_EACH} == {name: numbers[name] for name in ONE_EACH}


@pytest.mark.parametrize("name", ["price-agent", "infra-live"])
def test_a_proof_of_one_repository_is_of_it_alone(proofs: Proofs, report: PostureReport, name: str) -> None:
    """A scope narrows the proof as it narrows the number."""
    found = next(item for item in report.repositories if item.repository.name == name)
    for metric in (
        "events.unexpected",
        "traces.failed",
        "evidence.unsigned_where_required",
        "regress.results",
    ):
        text = selector(metric, Scope(repository=found.repository.id))
        artifacts = proofs.artifacts(text)
        assert len(artifacts) == found.tally.count(metric), metric
        assert {row["repository"] for row in artifacts} <= {found.repository.id}


def test_other_numbers_have_proofs_too(proofs: Proofs, report: PostureReport) -> None:
    """Shares, people and places lead to artifacts wherever there is anything; at most as many are listed as asked for."""
    numbers = report.total.tally.numbers()
    assert {name: proofs.count(name) > 0 for name in SOME} == {name: bool(numbers[name]) for name in SOME}
    assert len(proofs.artifacts("events.total", limit=3)) == 3


def test_every_number_can_be_asked_for(proofs: Proofs) -> None:
    """No number of the catalogue is without a query for its proof."""
    for name in METRICS:
        assert "artifact" in proofs.rows(name).columns


def test_drift_is_proven_by_its_own_decisions(proofs: Proofs, report: PostureReport) -> None:
    """The selector of a drift lists as many traces as the drift counts, all within its time."""
    for item in report.drift:
        text = str(item.to_json()["proof"])
        rows = proofs.artifacts(text)
        assert len(rows) == item.events
        assert rows[0]["made_at"] == item.first
        assert rows[-1]["made_at"] == item.last


def test_proofs_of_a_day_and_a_week(proofs: Proofs, report: PostureReport) -> None:
    """A number of one day or week is proven by what was made in it."""
    by_day = larkspur.truth()["totals"]["by_day"]
    assert proofs.count("events.total?day=2026-10-12") == by_day["2026-10-12"]
    week = sum(number for day, number in by_day.items() if day >= "2026-10-12")
    assert proofs.count("events.total?week=2026-W42") == week


@pytest.mark.parametrize("text", ["events.nothing", "events.total?colour=red", "events.total?day=1&day=2"])
def test_a_selector_that_means_nothing_is_refused(proofs: Proofs, text: str) -> None:
    """A misspelt selector proves nothing instead of everything."""
    with pytest.raises(InvalidInputError) as refused:
        proofs.rows(text)
    assert refused.value.code == "posture.selector"
