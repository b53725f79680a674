# SPDX-License-Identifier: Apache-2.0
"""The posture of Gait's golden fleet is what another program computed from the same files."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

import pytest

from gaitops.documents.times import format_timestamp
from gaitops.posture.build import posture
from gaitops.posture.report import Basis, PostureReport, RepositoryPosture
from gaitops.posture.states import State
from tests.posture import larkspur
from tests.posture.larkspur import GRACE, STALE, WINDOW, names, repository, truth


@cache
def report(**scope: str) -> PostureReport:
    """The posture at the end of the two weeks."""
    basis = Basis("larkspur", "0" * 64, "1" * 40, WINDOW.until, WINDOW, STALE, GRACE, larkspur.BEFORE, scope)
    return posture(larkspur.inputs(), larkspur.view(), larkspur.line(), basis)


def one(name: str) -> RepositoryPosture:
    """One repository."""
    return next(item for item in report().repositories if item.repository.id == repository(name))


@pytest.mark.parametrize("name", names())
def test_figures_of_a_repository(name: str) -> None:
    """Decisions, verdicts, approvals, coverage and staleness of one repository are the truth's."""
    expected, found = truth()["repos"][f"larkspur/{name}"], one(name)
    tally = found.tally
    assert found.repository.team == expected["team"]
    assert tally.count("events.total") == expected["verified_events"]
    decisions = {decision: tally.count(f"events.{decision}") for decision in expected["by_verdict"]}
    assert decisions == expected["by_verdict"]
    traces = {verdict: tally.count(f"traces.{verdict}") for verdict in expected["trace_status"]}
    traces["verified"] += tally.count("evidence.repeated")
    assert traces == expected["trace_status"]
    assert tally.count("events.without_environment") == expected["events_without_repo"]
    assert tally.count("events.kill_switch") == expected["kill_switch_blocks"]
    assert tally.count("evidence.unsigned_where_required") == expected["unsigned_traces_where_required"]
    assert found.silent is expected["stale"]
    approvals = expected["approvals"]
    assert tally.count("approvals.calls") == approvals["calls_needing_approval"]
    assert tally.count("approvals.granted") == approvals["granted_calls"]
    assert tally.count("approvals.open") == approvals["open_calls"]
    assert tally.count("approvals.tokens") == approvals["tokens"]
    assert tally.count("approvals.tokens_long_lived") == approvals["tokens_longer_than_one_hour"]
    assert tally.oldest_open == larkspur.moment(approvals["oldest_open"])
    assert found.coverage is not None
    assert found.coverage.gait.coverage_percent == expected["gait_coverage_percent"]
    assert found.coverage.gait.high_risk_ungated_tools == expected["high_risk_ungated_tools"]
    results = expected["regress"]
    assert tally.count("regress.results") == len(results)
    assert tally.count("regress.vacuous") == sum(item["vacuous"] for item in results)
    assert tally.count("regress.failed") == sum(item["status"] == "fail" for item in results)


@pytest.mark.parametrize("name", names())
def test_places_of_a_repository(name: str) -> None:
    """Decisions by environment and version, and every drift with its first and last moment, are the truth's."""
    expected = truth()["repos"][f"larkspur/{name}"]
    places = {place.environment: place.tally.count("events.total") for place in one(name).places}
    by_environment = {key: number for key, number in expected["by_environment"].items() if key != "unknown"}
    assert {key: number for key, number in places.items() if number} == by_environment
    drift = [
        {
            "environment": item.environment,
            "policy_digest": item.digest,
            "version": item.versions[0].version if item.versions else "unknown",
            "events": item.events,
            "first_seen": item.first,
            "last_seen": item.last,
        }
        for item in report().drift
        if item.repository == repository(name)
    ]
    wanted = [
        {
            **item,
            "first_seen": larkspur.moment(item["first_seen"]),
            "last_seen": larkspur.moment(item["last_seen"]),
        }
        for item in expected["drift"]
    ]
    assert sorted(drift, key=str) == sorted(wanted, key=str)


def test_totals() -> None:
    """The fleet's numbers add up to the truth's, also by day, by version and by team."""
    totals, found = truth()["totals"], report()
    tally = found.total.tally
    assert tally.count("events.total") == totals["verified_events"]
    assert {name: tally.count(f"events.{name}") for name in totals["by_verdict"]} == totals["by_verdict"]
    assert tally.count("approvals.open") == totals["open_approval_calls"]
    assert {item.digest: item.events for item in found.policies} == totals["by_policy_digest"]
    assert {group.name: group.tally.count("events.total") for group in found.groups["teams"]} == totals[
        "by_team"
    ]
    environments = {group.name: group.tally.count("events.total") for group in found.groups["environments"]}
    environments["unknown"] = tally.count("events.without_environment")
    assert environments == totals["by_environment"]
    packs = {name: tally.count(f"runpacks.{name}") for name in totals["runpack_status"]}
    assert packs == totals["runpack_status"]
    assert found.total.series is not None
    series = found.total.series.to_json()
    days = [sum(series[f"events.{name}"][index] for name in totals["by_verdict"]) for index in range(14)]
    assert dict(zip(found.axis.labels, days, strict=True)) == totals["by_day"]


def test_findings() -> None:
    """What the truth finds wrong is found in the right repositories and nowhere else."""
    findings, found = truth()["findings"], report()

    def where(metric: str) -> list[str]:
        return [f"larkspur/{item.repository.name}" for item in found.repositories if item.tally.count(metric)]

    kinds: dict[str, set[str]] = {}
    for item in found.drift:
        kinds.setdefault(item.kind, set()).add(item.repository.removeprefix("github.com/"))
    assert sorted(kinds["other_version"]) == findings["policy_drift"]
    assert sorted(kinds["unknown_policy"]) == findings["unknown_policy"]
    assert where("events.unknown_policy") == findings["unknown_policy"]
    assert where("repositories.silent") == findings["stale"]
    assert where("traces.unverifiable") == findings["unverifiable_traces"]
    assert where("traces.failed") == findings["failed_or_rejected_traces"]
    assert where("evidence.unsigned_where_required") == findings["unsigned_where_required"]
    assert where("evidence.repeated") == findings["duplicate_deliveries"]
    assert where("events.kill_switch") == findings["kill_switch_used"]
    assert where("regress.failed") == findings["failing_regress"]
    assert where("events.without_environment") == findings["events_without_repo"]
    assert [item.repository.removeprefix("github.com/") for item in found.keys] == findings[
        "unverifiable_traces"
    ]
    backlog = [
        f"larkspur/{item.repository.name}"
        for item in found.repositories
        if (item.tally.share("approvals.granted_share") or 0) < 0.5
    ]
    assert backlog == findings["approval_backlog"]


def test_states_hide_nothing() -> None:
    """Every place has exactly one state, drift that is over is not drift now, and silence is its own state."""
    found = report()
    places = [place for item in found.repositories for place in item.places]
    assert len(places) == 36
    states = {
        (item.repository.name, place.environment): place.state
        for item in found.repositories
        for place in item.places
    }
    assert states["search-index", "prod"] is State.DRIFTED
    assert states["price-agent", "prod"] is State.DRIFTED
    assert states["promo-writer", "staging"] is not State.DRIFTED
    assert {state for (name, _), state in states.items() if name == "secrets-rotator"} == {State.SILENT}
    assert states["cart-api", "prod"] is State.ENFORCED
    tally = found.total.tally
    assert sum(tally.count(f"places.{state.value}") for state in State) == tally.count("places.total") == 36


def test_a_narrow_report_holds_its_scope_alone() -> None:
    """Narrowed to one environment, numbers that no environment has are left out, and the rest adds up to the whole."""
    whole = report()
    parts = [report(environment=name) for name in larkspur.TIERS]
    blocked = sum(item.total.tally.count("events.block") for item in parts)
    nowhere = sum(
        row.events for row in larkspur.inputs().decisions if not row.environment and row.decision == "block"
    )
    assert blocked + nowhere == whole.total.tally.count("events.block")
    document = parts[0].total.to_json()
    assert "coverage.gait_share" not in document["numbers"]  # type: ignore[operator]
    team = report(team="platform")
    assert team.total.tally.count("events.total") == truth()["totals"]["by_team"]["platform"]
    assert {item.repository.team for item in team.repositories} == {"platform"}


def test_the_document_is_plain_and_deterministic() -> None:
    """Two reports of the same inputs are equal, and every time in it is a timestamp of one form."""
    import json

    text = json.dumps(report().to_json(), sort_keys=True, allow_nan=False)
    basis = report().basis
    again = posture(larkspur.inputs(), larkspur.view(), larkspur.line(), basis)
    assert json.dumps(again.to_json(), sort_keys=True) == text
    assert format_timestamp(WINDOW.until) in text


def test_the_middle_and_nine_tenths_of_delays() -> None:
    """Quantiles of the whole are taken over all calls, not over the quantiles of repositories."""
    delays = sorted(row.minutes for row in larkspur.inputs().approvals if row.minutes is not None)
    numbers = report().total.tally.numbers()
    assert numbers["approvals.minutes_median"] == delays[-(-len(delays) // 2) - 1]
    assert numbers["approvals.minutes_p90"] == delays[-(-len(delays) * 9 // 10) - 1]
    assert timedelta(minutes=delays[0]) >= timedelta(0)
