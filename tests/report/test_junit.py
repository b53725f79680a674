# SPDX-License-Identifier: Apache-2.0
"""Results as JUnit XML: well-formed whatever the text, deterministic, and nothing counted as passed that is not."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from gaitops.report.junit import Case, Suite, junit
from gaitops.report.text import for_terminal

ANY = st.text(st.characters(codec=None), max_size=30)
CASES = st.builds(
    Case, ANY, ANY, st.sampled_from(["passed", "failed", "error", "skipped"]), ANY, ANY, ANY, st.none() | ANY
)


def _parsed(*suites: Suite) -> ET.Element:
    text = junit(suites)
    assert text.isascii()
    assert for_terminal(text, colour=False) == text
    return ET.fromstring(text)  # noqa: S314 - our own output


def test_counts_and_elements() -> None:
    """Every outcome has its element and is counted once, in its suite and in all."""
    root = _parsed(
        Suite(
            "pin",
            (
                Case("present", "gaitops.pin"),
                Case(
                    "fresh",
                    "gaitops.pin",
                    "failed",
                    "pin.fresh",
                    "too old",
                    "40 d\nfix: update",
                    ".gaitops/pin.yaml",
                ),
                Case("evidence", "gaitops.pin", "skipped", "evidence.recent", "no summary"),
            ),
        ),
        Suite("waivers", (Case("read", "gaitops.waivers", "error", "document.type", "unreadable"),)),
    )
    assert root.attrib == {"name": "gaitops", "tests": "4", "failures": "1", "errors": "1", "skipped": "1"}
    first, second = root
    assert first.attrib == {"name": "pin", "tests": "3", "failures": "1", "errors": "0", "skipped": "1"}
    assert [[child.tag for child in case] for case in first] == [[], ["failure"], ["skipped"]]
    failure = first[1][0]
    assert first[1].attrib == {"name": "fresh", "classname": "gaitops.pin", "file": ".gaitops/pin.yaml"}
    assert (failure.attrib, failure.text) == (
        {"message": "too old", "type": "pin.fresh"},
        "40 d\nfix: update",
    )
    assert [child.tag for child in second[0]] == ["error"]


def test_no_suites() -> None:
    """Nothing judged is a document without tests."""
    assert _parsed().attrib["tests"] == "0"


def test_text_of_others() -> None:
    """Markup, control characters and invisible characters stay text that can be seen."""
    case = Case("<b>&\"'", "g", "failed", "x.y", "\x1b[2J\x00\ufffe", "]]>\u202e\x0c")
    root = _parsed(Suite("s", (case,)))
    assert root[0][0].attrib["name"] == "<b>&\"'"
    assert root[0][0][0].attrib["message"] == "\\x1b[2J\\x00"
    assert root[0][0][0].text == "]]>\\u202e\\x0c"


@given(st.lists(st.builds(Suite, ANY, st.lists(CASES, max_size=3).map(tuple)), max_size=3))
def test_always_well_formed(suites: list[Suite]) -> None:
    """Any text gives well-formed XML, and the same bytes each time."""
    assert len(_parsed(*suites)) == len(suites)
    assert junit(suites) == junit(suites)
