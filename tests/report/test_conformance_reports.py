# SPDX-License-Identifier: Apache-2.0
"""Conformance as text, Markdown, SARIF, code quality and JUnit: all say the same, and nothing others wrote can act."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from gaitops.conformance.model import Outcome, RepositoryResult
from gaitops.conformance.registry import CONTROLS
from gaitops.report.conformance import conformance_markdown, conformance_text, summary_line
from gaitops.report.conformance_findings import (
    conformance_code_quality,
    conformance_junit,
    conformance_sarif,
    findings,
)
from gaitops.report.text import for_terminal, plain, width
from tests.conformance.conformance_builder import DAY, HOUR, NOW, Consumer, waived

SCHEMA = Path(__file__).parents[1] / "vectors/standards/sarif-schema-2.1.0.json"


@cache
def mixed() -> RepositoryResult:
    """A result with every outcome."""
    consumer = Consumer()
    del consumer.files["gait.yaml"]
    del consumer.files[".gait/config.yaml"]
    waivers = [waived("regress.fixtures", ends=2 * DAY), waived("ci.wired", name="orphan")]
    result = consumer.judge(release=2, at=NOW + HOUR, waivers=waivers)
    controls = [*result.controls]
    controls[-1] = replace(controls[-1], outcome=Outcome.NOT_APPLICABLE, remedy=None)
    found = replace(result, controls=tuple(controls))
    assert {item.outcome for item in found.controls} == set(Outcome)
    return found


def sarif_of(*results: RepositoryResult) -> dict[str, Any]:
    """The one run, valid for the OASIS schema."""
    log = json.loads(conformance_sarif(results, "1.2.3"))
    jsonschema.Draft4Validator(json.loads(SCHEMA.read_text())).validate(log)
    (run,) = log["runs"]
    return dict(run)


def test_summary_line_counts_unknowns() -> None:
    """Passes, failures and unknowns are always counted, the rest where there is something."""
    counts = mixed().counts()
    assert f"{counts[Outcome.INSUFFICIENT_DATA]} unknown" in summary_line(mixed())
    assert "1 waived" in summary_line(mixed())
    assert summary_line(replace(mixed(), controls=())) == "0 passed, 0 failed, 0 unknown"


def test_text() -> None:
    """The text has verdict, reasons, remedies and waivers, and its tables fit a terminal."""
    text = plain(conformance_text([mixed()]))
    assert text.startswith("NOT conformant: github.com/acme/pay, environment production\n")
    assert "waived by acme/payments/w (SEC-1) until" in text
    assert "waiver: acme/payments/orphan: ci.wired is pass: there is nothing to waive" in text
    table = text.split("\n\n")[2]
    assert max(map(width, table.splitlines())) <= 100
    assert plain(conformance_text([Consumer().judge()])).startswith("conformant: ")


def test_markdown() -> None:
    """The summary for a pull request has the same facts, and a table of waivers with their ends."""
    text = conformance_markdown([mixed()])
    assert text.startswith("## Not conformant: `github.com/acme/pay`, environment `production`\n")
    assert "| waiver | control | owner | ticket | until |" in text
    assert "waived (fail)" in text


def test_hostile_texts_stay_texts() -> None:
    """What a repository puts into reasons cannot move a cursor, forge a heading or become a link."""
    hostile = "\x1b[2J\n## Conformant\n[x](https://evil.example) @admin \u202e"
    controls = tuple(replace(item, reason=hostile, remedy=hostile, path="a\nb") for item in mixed().controls)
    result = replace(mixed(), controls=controls, repository=hostile)
    for text in (conformance_text([result]), conformance_markdown([result])):
        assert "\n## Conformant" not in text
        assert "\x1b[2J" not in for_terminal(text, colour=True)
        assert "\u202e" not in text
    assert not re.search(r"(?<!\\)\]\(https", conformance_markdown([replace(result, repository="r")]))
    sarif_of(result)
    ET.fromstring(conformance_junit([result]))  # noqa: S314  (our own output)


def test_sarif() -> None:
    """Every control is a rule; what did not pass is a result of the fitting level, waived ones as notes."""
    run = sarif_of(mixed())
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == {
        "waiver",
        *(item.id for item in CONTROLS),
    }
    levels = {item["ruleId"]: item["level"] for item in run["results"] if item["ruleId"] != "waiver"}
    assert levels["gait.config"] == "error"
    assert levels["policy.enforced"] == "warning"
    assert levels["evidence.recent"] == "warning"
    assert levels["regress.fixtures"] == "note"
    assert "pin.present" not in levels
    assert sum(item["ruleId"] == "waiver" for item in run["results"]) == 2


def test_fingerprints_are_stable() -> None:
    """The same finding has the same fingerprint another day, and another one in another environment."""

    def prints(result: RepositoryResult) -> set[str]:
        return {item["partialFingerprints"]["gaitops/v1"] for item in sarif_of(result)["results"]}

    first = Consumer({}).judge()
    later = replace(Consumer({}).judge(at=NOW + DAY), trust_root="00" * 32)
    assert prints(first) == prints(later)
    assert not prints(first) & prints(replace(first, environment="staging"))


def test_code_quality() -> None:
    """GitLab gets the same findings."""
    entries = json.loads(conformance_code_quality([mixed()]))
    assert sorted(entry["check_name"] for entry in entries) == sorted(
        item.rule_id for item in findings([mixed()])
    )


@pytest.mark.parametrize(
    ("outcome", "element"),
    [
        (Outcome.PASS, None),
        (Outcome.WARN, None),
        (Outcome.FAIL, "failure"),
        (Outcome.INSUFFICIENT_DATA, "error"),
        (Outcome.WAIVED, "skipped"),
        (Outcome.NOT_APPLICABLE, "skipped"),
    ],
)
def test_junit(outcome: Outcome, element: str | None) -> None:
    """A test for each control; what cannot be told is an error and never a pass."""
    suite = ET.fromstring(conformance_junit([mixed()]))[0]  # noqa: S314  (our own output)
    cases = {case.attrib["name"]: case for case in suite}
    assert len(cases) == len(CONTROLS)
    for item in mixed().with_outcome(outcome):
        assert [child.tag for child in cases[item.control]] == ([element] if element else [])
