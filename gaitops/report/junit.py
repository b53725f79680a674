# SPDX-License-Identifier: Apache-2.0
"""Results as JUnit XML, which GitLab, GitHub actions and most CI servers show as tests.

There are no times and no host names in it, so the same results are the same bytes. Output is ASCII: other characters
are character references, those that XML 1.0 (section 2.2) cannot carry at all are escaped as for a terminal or removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from xml.etree import ElementTree as ET

from gaitops.report.text import safe

Outcome = Literal["passed", "failed", "error", "skipped"]
"""``error``: nobody could tell. ``skipped``: nothing to judge yet, or not asked; never a pass."""

_ELEMENTS: Final = {"failed": "failure", "error": "error", "skipped": "skipped"}
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that was judged."""

    name: str
    group: str
    """Dotted name under which viewers group cases (``classname``)."""
    outcome: Outcome = "passed"
    kind: str = ""
    """Code of the problem or id of the control, for every outcome but ``passed``."""
    message: str = ""
    """One line, shown beside the name."""
    details: str = ""
    """Further lines."""
    path: str | None = None
    """File that the case is about."""


@dataclass(frozen=True, slots=True)
class Suite:
    """Cases that belong together, in the order in which they are shown."""

    name: str
    cases: tuple[Case, ...]


def junit(suites: Iterable[Suite]) -> str:
    """One JUnit document with a ``testsuite`` for each suite."""
    shown = list(suites)
    root = ET.Element(
        "testsuites", {"name": "gaitops", **_counts([case for one in shown for case in one.cases])}
    )
    for suite in shown:
        element = ET.SubElement(root, "testsuite", {"name": _line(suite.name), **_counts(suite.cases)})
        for case in suite.cases:
            _case(element, case)
    ET.indent(root)
    text: str = ET.tostring(root, encoding="us-ascii").decode("ascii")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'


def _counts(cases: Sequence[Case]) -> dict[str, str]:
    names = {"failures": "failed", "errors": "error", "skipped": "skipped"}
    counted = {name: sum(case.outcome == outcome for case in cases) for name, outcome in names.items()}
    return {name: str(number) for name, number in {"tests": len(cases), **counted}.items()}


def _case(suite: ET.Element, case: Case) -> None:
    attributes = {"name": _line(case.name), "classname": _line(case.group)}
    if case.path is not None:
        attributes["file"] = _line(case.path)
    element = ET.SubElement(suite, "testcase", attributes)
    if case.outcome == "passed":
        return
    reason = ET.SubElement(element, _ELEMENTS[case.outcome], {"message": _line(case.message)})
    if case.kind and case.outcome != "skipped":  # The schemas in use give ``skipped`` no type.
        reason.set("type", _line(case.kind))
    if case.details:
        reason.text = "\n".join(_line(line) for line in case.details.split("\n"))


def _line(value: str) -> str:
    return _NOT_XML.sub("", safe(value))
