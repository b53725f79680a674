# SPDX-License-Identifier: Apache-2.0
"""GitLab code quality reports: every entry has what GitLab asks for, and no two share a fingerprint."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from gaitops.report.code_quality import code_quality
from gaitops.report.findings import Finding
from gaitops.report.text import for_terminal

ANY = st.text(st.characters(codec=None), max_size=30)
FINDINGS = st.lists(
    st.builds(
        Finding,
        st.sampled_from(["pin.fresh", "document.type"]),
        st.sampled_from(["error", "warning", "note"]),
        ANY,
        st.none() | ANY.filter(bool),
        st.none() | st.integers(1, 10**6),
        st.none() | st.integers(1, 100),
        st.none() | ANY,
        st.tuples(ANY),
    ),
    max_size=8,
)


def test_entries() -> None:
    """An entry says what is wrong, how to clear it, how bad it is and where."""
    findings = [
        Finding(
            "pin.fresh", "warning", "40 days old", remedy="gaitops pin update", fingerprint_parts=("pin",)
        ),
        Finding("document.type", "error", "expected a name", "orgs/acme/org.yaml", 4, 3, None, ("org",)),
    ]
    first, second = json.loads(code_quality(findings, default_path=".gaitops/pin.yaml"))
    assert first == {
        "description": "40 days old Fix: gaitops pin update",
        "check_name": "pin.fresh",
        "fingerprint": findings[0].fingerprint,
        "severity": "minor",
        "location": {"path": ".gaitops/pin.yaml", "lines": {"begin": 1}},
    }
    assert second["severity"] == "critical"
    assert second["location"] == {"path": "orgs/acme/org.yaml", "lines": {"begin": 4}}


def test_nothing_found_is_an_empty_list() -> None:
    """GitLab compares reports, so that there is one even when nothing was found."""
    assert json.loads(code_quality([], default_path="fleet.yaml")) == []


@given(findings=FINDINGS)
def test_every_text_gives_a_report_that_gitlab_takes(findings: list[Finding]) -> None:
    """Fingerprints are unique, places are complete, and no character reaches a terminal or page raw."""
    text = code_quality(findings, default_path="fleet.yaml")
    entries = json.loads(text)
    assert len({entry["fingerprint"] for entry in entries}) == len(entries) == len(findings)
    for entry in entries:
        assert entry["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert entry["location"]["path"]
        assert entry["location"]["lines"]["begin"] >= 1
        shown = entry["description"] + entry["location"]["path"]
        assert for_terminal(shown, colour=False) == shown


@given(findings=FINDINGS, seed=st.randoms())
def test_the_order_of_findings_does_not_matter(findings: list[Finding], seed: object) -> None:
    """The same findings are the same bytes."""
    shuffled = list(findings)
    seed.shuffle(shuffled)  # type: ignore[attr-defined]
    assert code_quality(shuffled, default_path="x") == code_quality(findings, default_path="x")
