# SPDX-License-Identifier: Apache-2.0
"""``gaitops posture`` from a fleet's history and ingested artifacts: what comes out is the truth of the golden fleet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest

from gaitops.report.text import width
from tests.posture.larkspur import moment, truth
from tests.posture.larkspur_world import AT, Larkspur, larkspur_world, run


@pytest.fixture(scope="module")
def larkspur(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Larkspur]:
    """The golden fleet, ingested by the command line."""
    with larkspur_world(tmp_path_factory) as found:
        yield found


@pytest.fixture(scope="module")
def report(larkspur: Larkspur) -> dict[str, Any]:
    """Its posture as a document, valid against the schema."""
    return larkspur.posture("--json").json


def by_name(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Repositories as the truth names them."""
    return {f"larkspur/{item['name']}": item for item in report["repositories"]}


def test_the_fleet_adds_up_to_the_truth(report: dict[str, Any]) -> None:
    """Decisions, verdicts, versions and open calls of the whole fleet."""
    totals, numbers = truth()["totals"], report["total"]["numbers"]
    assert numbers["events.total"] == totals["verified_events"]
    assert {name: numbers[f"events.{name}"] for name in totals["by_verdict"]} == totals["by_verdict"]
    assert numbers["approvals.open"] == totals["open_approval_calls"]
    packs = {name: numbers[f"runpacks.{name}"] for name in totals["runpack_status"]}
    assert packs == totals["runpack_status"]
    assert {item["digest"]: item["events"] for item in report["policies"]} == totals["by_policy_digest"]
    assert {item["name"]: item["numbers"]["events.total"] for item in report["groups"]["teams"]} == totals[
        "by_team"
    ]
    series = report["total"]["series"]
    decisions = [f"events.{name}" for name in totals["by_verdict"]]
    days = [sum(series[name][index] for name in decisions) for index in range(14)]
    assert dict(zip(report["axis"]["labels"], days, strict=True)) == totals["by_day"]


def test_every_repository_is_as_the_truth_says(report: dict[str, Any]) -> None:
    """Figures of single repositories, by environment too."""
    for name, found in by_name(report).items():
        expected, numbers = truth()["repos"][name], found["numbers"]
        assert found["team"] == expected["team"]
        assert numbers["events.total"] == expected["verified_events"], name
        traces = {verdict: numbers[f"traces.{verdict}"] for verdict in expected["trace_status"]}
        traces["verified"] += expected["duplicate_deliveries"]
        assert traces == expected["trace_status"], name
        packs = expected["runpacks"]
        assert {verdict: numbers[f"runpacks.{verdict}"] for verdict in packs["status"]} == packs["status"]
        assert numbers["evidence.unsigned_where_required"] == (
            expected["unsigned_traces_where_required"] + packs["unsigned_where_required"]
        ), name
        assert numbers["events.without_environment"] == expected["events_without_repo"]
        assert numbers["events.kill_switch"] == expected["kill_switch_blocks"]
        assert found["silent"] is expected["stale"]
        assert found["coverage"]["gait"]["coverage_percent"] == expected["gait_coverage_percent"]
        assert numbers["coverage.high_risk_ungated"] == expected["high_risk_ungated_tools"]
        approvals = expected["approvals"]
        assert numbers["approvals.calls"] == approvals["calls_needing_approval"]
        assert numbers["approvals.open"] == approvals["open_calls"]
        assert numbers["approvals.tokens_long_lived"] == approvals["tokens_longer_than_one_hour"]
        assert numbers["regress.results"] == len(expected["regress"]), name
        assert numbers["regress.vacuous"] == sum(item["vacuous"] for item in expected["regress"])
        places = {place["environment"]: place["numbers"].get("events.total", 0) for place in found["places"]}
        known = {key: number for key, number in expected["by_environment"].items() if key != "unknown"}
        assert {key: number for key, number in places.items() if number} == known


def test_every_drift_and_no_other(report: dict[str, Any]) -> None:
    """Drift by place and version with its first and last moment, from the history's own assignments."""
    found = {
        (item["repository"].removeprefix("github.com/"), item["environment"], item["digest"]): (
            item["events"],
            item["first"],
            item["last"],
        )
        for item in report["drift"]
    }
    expected = {
        (name, item["environment"], item["policy_digest"]): (
            item["events"],
            moment(item["first_seen"]).strftime("%Y-%m-%dT%H:%M:%SZ"),
            moment(item["last_seen"]).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        for name, repository in truth()["repos"].items()
        for item in repository["drift"]
    }
    assert found == expected


def test_text_says_first_what_is_not_known(larkspur: Larkspur) -> None:
    """The text fits a terminal, and what is not known stands before any number."""
    shown = larkspur.posture()
    assert (shown.code, shown.err) == (0, "")
    assert max(map(width, shown.out.splitlines())) <= 100
    assert shown.out.index("not known") < shown.out.index("decisions  1,436")
    assert "larkspur/search-index prod" in shown.out


def test_a_number_is_proven_by_its_artifacts(larkspur: Larkspur, report: dict[str, Any]) -> None:
    """``--proof`` lists the artifacts behind a drift: as many as it counts, all traces, with whole digests."""
    drift = report["drift"][0]
    proof = larkspur.posture("--json", "--proof", drift["proof"]).json
    assert proof["total"] == drift["events"] == len(proof["artifacts"])
    assert {item["kind"] for item in proof["artifacts"]} == {"trace"}
    listed = larkspur.posture("--format", "csv", "--limit", "3", "--proof", "traces.failed")
    rows = list(csv.DictReader(io.StringIO(listed.out)))
    assert {row["verdict"] for row in rows} == {"failed"}
    assert all(len(row["artifact"]) == 64 for row in rows)


def test_a_scope_narrows_everything(larkspur: Larkspur) -> None:
    """One team in one environment: other repositories and places are not in it, nor numbers that no environment has."""
    found = larkspur.posture("--team", "platform", "--environment", "prod", "--json").json
    assert {place["environment"] for item in found["repositories"] for place in item["places"]} == {"prod"}
    expected = sum(
        item["by_environment"].get("prod", 0)
        for item in truth()["repos"].values()
        if item["team"] == "platform"
    )
    assert found["total"]["numbers"]["events.total"] == expected
    assert "regress.results" not in found["total"]["numbers"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--team", "nobody"), "posture.scope"),
        (("--until", "2026-10-20T00:00:00Z"), "posture.window"),
        (("--proof", "events.nothing"), "posture.selector"),
    ],
)
def test_mistakes_are_refused(larkspur: Larkspur, arguments: tuple[str, ...], code: str) -> None:
    """A scope that holds nothing, a window that is not over and an unknown number are errors, never empty reports."""
    shown = larkspur.posture("--json", *arguments)
    assert shown.code == 6
    assert shown.codes == [code]


def test_a_store_that_is_not_there(larkspur: Larkspur) -> None:
    """A misspelt store is an error and is not made."""
    shown = run(
        *("posture", "show", "--json", "--store", str(larkspur.store / "other"), "--fleet-repo", str(larkspur.fleet)),
        *("--trust-root", larkspur.trust_root, "--at", AT),
    )  # fmt: skip
    assert shown.code == 6
    assert shown.codes == ["store.absent"]


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_the_noun_alone_means_show_but_for_help(flag: str) -> None:
    """Help of the noun lists its verbs; everything else without a verb is the verb that it means alone."""
    assert "Without a command: show." in run("posture", flag).out
    assert "--stale-after" in run("posture", "show", flag).out
    missing = run("posture", "--json")
    assert missing.code == 6
    assert "--store" in missing.json["error"]
