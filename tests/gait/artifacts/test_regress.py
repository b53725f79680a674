# SPDX-License-Identifier: Apache-2.0
"""Regress results: every golden case, drift classes, vacuous passes, and the command's output told apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gaitops.gait.artifacts.facts import GraderFacts, RegressFacts
from gaitops.gait.artifacts.model import Verdict
from gaitops.gait.artifacts.refusals import RejectedError
from gaitops.gait.artifacts.regress import with_fixtures
from gaitops.gait.regress_drift import (
    DRIFT_CLASSES,
    compared_fixtures,
    drift_class,
    drift_class_of_error,
    is_vacuous,
)
from tests.gait.artifacts.documents import judged
from tests.gait.artifacts.vectors import VECTORS, codes, lines

Json = dict[str, Any]
CASES = [line for line in lines("regress.jsonl") if line["result"]]
ERRORS = [line for line in lines("regress.jsonl") if not line["result"]]
FLEET = [
    {**(line := json.loads(text)), "result": f"fleet/{line['result']}"}
    for file in sorted((VECTORS / "fleet").glob("*/regress.jsonl"))
    for text in file.read_text(encoding="utf-8").splitlines()
]


def facts(path: str) -> RegressFacts:
    """Facts of a result of the vectors."""
    found = judged((VECTORS / path).read_bytes()).facts
    assert isinstance(found, RegressFacts)
    return found


def fixtures(case: str) -> dict[str, bytes]:
    """Descriptions of the fixtures of a case."""
    folder = VECTORS / "regress" / case / "fixtures"
    return {path.parent.name: path.read_bytes() for path in folder.glob("*/fixture.json")}


def name_of(line: Json) -> str:
    """Name of a case, for the test's id."""
    return str(line["result"]).removesuffix("/regress_result.json")


def grader(**values: Any) -> GraderFacts:
    """A failing diff grader, changed."""
    defaults: Json = {
        "name": "f/diff",
        "fixture": "f",
        "grader": "diff",
        "status": "fail",
        "reason_codes": (),
        "run_id": "r",
        "context_conformance": "",
        "candidate": None,
    }
    return GraderFacts(**{**defaults, **values})


@pytest.mark.parametrize("line", [*CASES, *FLEET], ids=name_of)
def test_every_case_means_what_its_vector_says(line: Json) -> None:
    """Class of drift, vacuity, and comparison per fixture, from the result alone."""
    result = facts(line["result"])
    assert (result.status, result.fixture_set) == (line["status"], line["fixture_set"])
    assert len(result.graders) == line["graders_total"]
    assert result.drift_class == line["drift_class"]
    assert result.vacuous is line["vacuous"]
    assert compared_fixtures(result.graders) == line["compared_with_candidate"]
    failing = [item["name"] for item in line["failing"]]
    assert [item.name for item in result.graders if item.status != "pass"] == failing


@pytest.mark.parametrize("line", CASES, ids=lambda line: line["case"])
def test_the_fixtures_say_the_same(line: Json) -> None:
    """The descriptions confirm what was told from the result."""
    result = facts(line["result"])
    described = with_fixtures(result, fixtures(line["case"]))
    assert compared_fixtures(described.graders) == line["compared_with_candidate"]
    assert described.vacuous is line["vacuous"]
    assert all(item.candidate is not None for item in described.graders)


@pytest.mark.parametrize("line", [*CASES, *FLEET], ids=name_of)
def test_results_are_unsigned_and_their_output_is_another_kind(line: Json) -> None:
    """The two files of one name are told apart by content."""
    inspection = judged((VECTORS / line["result"]).read_bytes())
    assert (inspection.kind, inspection.verdict) == ("regress_result", Verdict.UNSIGNED)
    assert ("regress.vacuous_pass" in codes(inspection)) is line["vacuous"]
    if "cli" in line:
        output = judged(line["cli"])
        assert (output.kind, output.verdict) == ("regress_cli_output", Verdict.UNSIGNED)
        assert not isinstance(output.facts, RegressFacts)


@pytest.mark.parametrize("line", ERRORS, ids=lambda line: line["case"])
def test_runs_that_ended_without_a_result(line: Json) -> None:
    """Gait stops at a damaged recording and prints only a text."""
    assert drift_class_of_error(line["error"]) == line["drift_class"]
    assert drift_class_of_error("read regress config: no such file") == "configuration"


def test_details_of_a_grader() -> None:
    """Fixture, grader and run are told apart."""
    result = facts("regress/mixed-two-fixtures/regress_result.json")
    beta = next(item for item in result.graders if item.name == "beta/diff")
    assert (beta.fixture, beta.grader, beta.status) == ("beta", "diff", "fail")
    assert beta.reason_codes == ("unexpected_diff",)
    assert beta.run_id == "run_larkspur_nightly_224"
    assert beta.candidate is True


@pytest.mark.parametrize("line", FLEET, ids=name_of)
def test_the_fixtures_of_the_fleet_say_the_same(line: Json) -> None:
    """The one description beside each result names a candidate, or none, as the result shows."""
    data = (VECTORS / line["result"]).with_name("fixture.json").read_bytes()
    described = with_fixtures(facts(line["result"]), {json.loads(data)["name"]: data})
    assert compared_fixtures(described.graders) == line["compared_with_candidate"]
    assert described.vacuous is line["vacuous"]


def test_a_recording_named_as_its_own_candidate_is_compared_with_itself() -> None:
    """The description names a candidate, and it is the recording."""
    result = facts("regress/pass-same-candidate/regress_result.json")
    fixture = json.loads(fixtures("pass-same-candidate")["nightly"])
    fixture["candidate_runpack"] = "./runpack.zip"
    assert with_fixtures(result, {"nightly": json.dumps(fixture).encode()}).vacuous


def test_a_description_that_cannot_be_read_is_refused() -> None:
    """Nothing is concluded from a fixture with two readings."""
    result = facts("regress/pass-same-candidate/regress_result.json")
    with pytest.raises(RejectedError):
        with_fixtures(result, {"nightly": b'{"name":"a","Name":"b"}'})


@pytest.mark.parametrize(
    ("graders", "expected"),
    [
        ((), "none"),
        ((grader(reason_codes=("unexpected_diff",)), grader(reason_codes=("hash_mismatch",))), "integrity"),
        (
            (grader(reason_codes=("unexpected_diff",)), grader(reason_codes=("candidate_path_invalid",))),
            "behavioural",
        ),
        ((grader(reason_codes=("reason_of_a_later_gait",)),), "behavioural"),
        ((grader(grader="schema_validation", reason_codes=("new",)),), "integrity"),
        ((grader(grader="new_grader", reason_codes=()),), "behavioural"),
        ((grader(status="pass", reason_codes=("unexpected_diff",)),), "none"),
        ((grader(status="pass", context_conformance="semantic"),), "data_semantic"),
        (
            (grader(grader="context_conformance", context_conformance="missing", reason_codes=("new",)),),
            "evidence_missing",
        ),
        ((grader(reason_codes=("grader_error",)),), "configuration"),
    ],
)
def test_drift_classes(graders: tuple[GraderFacts, ...], expected: str) -> None:
    """The class that says most wins; reasons of passing graders do not count, their context does."""
    assert drift_class(graders) == expected
    assert expected in DRIFT_CLASSES


def test_vacuity_needs_a_pass_and_no_candidate_at_all() -> None:
    """One compared fixture is enough; a result without graders compared nothing."""
    assert is_vacuous("pass", ())
    assert is_vacuous("pass", (grader(candidate=None), grader(candidate=False)))
    assert not is_vacuous("pass", (grader(candidate=False), grader(candidate=True)))
    assert not is_vacuous("fail", ())


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": "pass"}, "regress.status_mismatch"),
        ({"status": "maybe"}, "artifact.word"),
        ({"graders": []}, "regress.status_mismatch"),
    ],
)
def test_results_that_contradict_themselves_fail(changes: Json, code: str) -> None:
    """The status follows from the graders."""
    path = Path(VECTORS / "regress" / "fail-diff" / "regress_result.json")
    inspection = judged({**json.loads(path.read_text()), **changes})
    assert inspection.verdict is Verdict.FAILED
    assert code in codes(inspection)
