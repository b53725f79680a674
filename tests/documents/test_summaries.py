# SPDX-License-Identifier: Apache-2.0
"""Evidence summaries: read strictly, and described by a published schema that says the same."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gaitops.documents.schema import SUMMARY, schema, schema_name
from gaitops.documents.summaries import MAX_SUMMARY_BYTES, read_summary
from gaitops.errors import InvalidInputError, Problem

OLD, NEW = "1" * 64, "2" * 64
EXAMPLE: dict[str, Any] = {
    "schema": "gaitops.dev/evidence-summary/v1",
    "trustRoot": "a" * 64,
    "generatedAt": "2026-11-22T11:00:00Z",
    "window": {"start": "2026-11-21T10:00:00Z", "end": "2026-11-22T10:00:00Z"},
    "repositories": [
        {
            "repository": "github.com/acme/pay",
            "environment": "prod",
            "lastEvidenceAt": "2026-11-22T09:59:59Z",
            "artifacts": {"verified": 40, "unsigned": 1},
            "policies": [
                {"gaitPolicyDigest": OLD, "allow": 30, "block": 1, "requireApproval": 2, "dryRun": 0},
                {"gaitPolicyDigest": NEW, "allow": 29, "lastAt": "2026-11-22T09:00:00Z"},
            ],
            "comparisons": [{"enforced": OLD, "candidate": NEW, "both": 29, "unexpectedBlocks": 0}],
            "regress": {"results": 1, "fixtures": 4, "passed": 4, "vacuous": 1},
            "killSwitchActivations": 0,
        },
        {"repository": "github.com/acme/pay", "environment": "test"},
    ],
}

Edit = Callable[[dict[str, Any]], object]


def problems(value: object) -> tuple[Problem, ...]:
    """What the reader finds; empty when it reads it."""
    try:
        read_summary(json.dumps(value).encode(), "summary.json")
    except InvalidInputError as error:
        return error.problems
    return ()


def edited(edit: Edit) -> dict[str, Any]:
    """The example with a change."""
    value = copy.deepcopy(EXAMPLE)
    edit(value)
    return value


def test_a_summary_is_read() -> None:
    """Values as written, zeros where nothing is written."""
    found = read_summary(json.dumps(EXAMPLE).encode(), "summary.json")
    first, second = found.repositories
    assert (first.policies[0].total, first.artifacts.total, first.artifacts.unproven) == (33, 41, 1)
    assert (second.environment, second.artifacts.total, second.last_evidence_at) == ("test", 0, None)


@pytest.mark.parametrize(
    ("edit", "code", "field"),
    [
        (lambda value: value.pop("trustRoot"), "document.missing_field", "trustRoot"),
        (lambda value: value.update(more=1), "document.unknown_field", "more"),
        (lambda value: value["repositories"][0].update(x=1), "document.unknown_field", "repositories[0].x"),
        (lambda value: value.update(schema="gaitops.dev/evidence-summary/v2"), "document.value", "schema"),
        (lambda value: value["window"].update(start="yesterday"), "document.value", "window.start"),
        (
            lambda value: value["repositories"][0].update(killSwitchActivations="3"),
            "document.type",
            "repositories[0].killSwitchActivations",
        ),
        (
            lambda value: value["repositories"][0].update(killSwitchActivations=-3),
            "document.value",
            "repositories[0].killSwitchActivations",
        ),
        (
            lambda value: value["repositories"][1].update(lastEvidenceAt=None),
            "document.type",
            "repositories[1].lastEvidenceAt",
        ),
    ],
)
def test_reader_and_schema_refuse_alike(edit: Edit, code: str, field: str) -> None:
    """One problem, at its field; the schema sees it too."""
    value = edited(edit)
    (problem,) = problems(value)
    assert (problem.code, problem.field, problem.path) == (code, field, "summary.json")
    assert not Draft202012Validator(schema(SUMMARY)).is_valid(value)


@pytest.mark.parametrize(
    "edit",
    [
        lambda value: value["window"].update(end=value["window"]["start"]),
        lambda value: value["repositories"].append(value["repositories"][1]),
        lambda value: value["repositories"][0]["policies"].append({"gaitPolicyDigest": OLD}),
        lambda value: value["repositories"][0]["regress"].update(passed=5),
    ],
)
def test_rules_across_fields(edit: Edit) -> None:
    """What no schema can say: a window forwards, nothing twice, no more passed than there are."""
    assert [problem.code for problem in problems(edited(edit))] == ["document.value"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"[]", "document.type"),
        (b"null", "document.type"),
        (b'{"schema": 1, "schema": 2}', "document.duplicate_key"),
        (b'{"schema": NaN}', "document.forbidden_syntax"),
        (b"schema: yes", "document.syntax"),
        (b" " * (MAX_SUMMARY_BYTES + 1), "document.too_large"),
    ],
)
def test_json_that_is_no_summary(data: bytes, code: str) -> None:
    """Refused by the strict reader, or because it is no object."""
    with pytest.raises(InvalidInputError) as caught:
        read_summary(data, "summary.json")
    assert caught.value.code == code


def test_many_problems_are_cut_off() -> None:
    """Somebody else's file of a million mistakes does not make a million messages."""
    value = {**EXAMPLE, "repositories": [{"repository": "x"}] * 500}
    assert len(problems(value)) == 100


def test_the_schema_accepts_the_example() -> None:
    """It is a schema, it has its name, and every field of it is described."""
    value = schema(SUMMARY)
    Draft202012Validator.check_schema(value)
    assert value["$id"] == f"https://gaitops.dev/schemas/{schema_name(SUMMARY)}"
    assert value["$id"].endswith("/evidence-summary.schema.json")
    assert list(Draft202012Validator(value).iter_errors(EXAMPLE)) == []
    for name, model in {SUMMARY: value, **value["$defs"]}.items():
        for field, described in model["properties"].items():
            assert described.get("description"), f"{name}.{field}"
