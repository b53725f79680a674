# SPDX-License-Identifier: Apache-2.0
"""Findings as SARIF: valid for the OASIS schema, stable, and nothing in it that others wrote can act."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaitops.errors import Problem
from gaitops.report.findings import Finding, RuleInfo, problem_finding, problem_rules
from gaitops.report.sarif import sarif
from gaitops.report.text import for_terminal

SCHEMA = Path(__file__).parents[1] / "vectors/standards/sarif-schema-2.1.0.json"
RULE = RuleInfo("pin.mismatch", "pin: mismatch", "https://gaitops.dev/docs/errors", "restore the folder")
ANY = st.text(st.characters(codec=None), max_size=30)
FINDINGS = st.builds(
    Finding,
    st.sampled_from(["pin.mismatch", "other.rule"]),
    st.sampled_from(["error", "warning", "note"]),
    ANY,
    st.none() | ANY,
    st.none() | st.integers(1, 10**6),
    st.none() | st.integers(1, 10**6),
    st.none() | ANY,
    st.lists(ANY, max_size=3).map(tuple),
)


@cache
def _validator() -> jsonschema.Draft4Validator:
    return jsonschema.Draft4Validator(
        json.loads(SCHEMA.read_text()), format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER
    )


def _log(*findings: Finding, ok: bool = True, default_path: str | None = None) -> dict[str, Any]:
    text = sarif(findings, [RULE], tool_version="0.1.0", invocation_ok=ok, default_path=default_path)
    assert text.isascii()
    assert for_terminal(text, colour=False) == text
    log: dict[str, Any] = json.loads(text)
    _validator().validate(log)
    return log


def _results(*findings: Finding, default_path: str | None = None) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = _log(*findings, default_path=default_path)["runs"][0]["results"]
    return results


def _finding(path: str | None = "a.yaml", line: int | None = 3, **members: Any) -> Finding:
    given_ = {"rule_id": "pin.mismatch", "level": "error", "message": "wrong", **members}
    return Finding(path=path, line=line, **given_)


def test_no_findings() -> None:
    """A clean run is a run with its rules and without results, not an empty document."""
    (run,) = _log()["runs"]
    assert run["results"] == []
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["pin.mismatch"]
    assert run["invocations"] == [{"executionSuccessful": True}]


def test_a_check_that_did_not_end() -> None:
    """A run that could not be finished says so, whatever it found before."""
    assert _log(ok=False)["runs"][0]["invocations"] == [{"executionSuccessful": False}]


def test_one_finding() -> None:
    """Rule, level, message with remedy, place."""
    (result,) = _results(_finding(column=7, remedy="run gaitops pin update"))
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("pin.mismatch", 0, "error")
    assert result["message"]["text"] == "wrong\n\nFix: run gaitops pin update"
    assert result["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "a.yaml", "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": 3, "startColumn": 7},
            }
        }
    ]


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("orgs/acme/a b.yaml", "orgs/acme/a%20b.yaml"),
        ("a:b#c?d%e", "a%3Ab%23c%3Fd%25e"),
        ("é/中.yaml", "%C3%A9/%E4%B8%AD.yaml"),
        ("back\\slash\n", "back%5Cslash%0A"),
        ("not-utf8-\udcff", "not-utf8-%FF"),
    ],
)
def test_paths_are_uris(path: str, uri: str) -> None:
    """Relative paths are percent-encoded byte by byte; no name becomes a scheme, a query or a fragment."""
    (result,) = _results(_finding(path))
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_absolute_paths_have_no_base() -> None:
    """A path outside of the source root is not said to lie in it."""
    (result,) = _results(_finding("/srv/x"))
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "/srv/x"}


def test_default_path() -> None:
    """A finding about no file is shown where the caller says, without a line; or nowhere."""
    (result,) = _results(_finding(None), default_path="fleet.yaml")
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "fleet.yaml", "uriBaseId": "%SRCROOT%"}
    }
    assert "locations" not in _results(_finding(None))[0]


def test_fingerprints_ignore_lines_and_words() -> None:
    """The same finding of tomorrow has the same fingerprint, although lines moved and words changed."""
    before = _results(_finding(line=3, fingerprint_parts=("x",)))[0]["partialFingerprints"]
    after = _results(_finding(line=90, message="still wrong", fingerprint_parts=("x",)))[0]
    assert after["partialFingerprints"] == before
    assert set(before) == {"gaitops/v1", "primaryLocationLineHash"}


def test_fingerprints_differ() -> None:
    """Other parts, the same text split otherwise, and a second finding in the same place are other findings."""
    parts = [("a", "b"), ("ab",), ("a", "b", ""), ("a,b",)]
    findings = [_finding(fingerprint_parts=item) for item in parts] + [
        _finding(line=5, fingerprint_parts=("ab",))
    ]
    prints = [item["partialFingerprints"]["gaitops/v1"] for item in _results(*findings)]
    assert len(set(prints)) == len(findings)


def test_messages_make_no_links() -> None:
    """What others wrote cannot put a link into code scanning."""
    (result,) = _results(_finding(message="[click](https://evil.example)", remedy="spec.steps[0] is wrong"))
    assert result["message"]["text"] == "\\[click\\](https://evil.example)\n\nFix: spec.steps[0] is wrong"


@given(st.lists(FINDINGS, max_size=4))
def test_always_valid(findings: list[Finding]) -> None:
    """Whatever the text: the log is valid, and does not depend on the order in which findings were made."""
    log = _log(*findings)
    fingerprints = [item["partialFingerprints"]["gaitops/v1"] for item in log["runs"][0]["results"]]
    assert len(set(fingerprints)) == len(findings)
    again = sarif(reversed(findings), [RULE], tool_version="0.1.0", invocation_ok=True)
    assert sorted(map(str, json.loads(again)["runs"][0]["results"])) == sorted(
        map(str, log["runs"][0]["results"])
    )


def test_problems_as_findings() -> None:
    """A problem keeps its place and remedy; file and field identify it, its line and its words do not."""
    problem = Problem("document.type", "expected text", "a.yaml", 3, 9, "spec.name", "quote it")
    finding = problem_finding(problem)
    assert (finding.rule_id, finding.level, finding.path, finding.line) == (
        "document.type",
        "error",
        "a.yaml",
        3,
    )
    assert finding.remedy == "quote it"
    moved = Problem("document.type", "expected a text", "a.yaml", 8, 9, "spec.name")
    assert problem_finding(moved).fingerprint == finding.fingerprint
    bare = [problem_finding(Problem("trust.expired", words)) for words in ("root 1", "root 2")]
    assert bare[0].fingerprint != bare[1].fingerprint
    assert [rule.id for rule in problem_rules([finding, *bare])] == ["document.type", "trust.expired"]
