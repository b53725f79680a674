# SPDX-License-Identifier: Apache-2.0
"""``docs/posture.md`` defines exactly the numbers that there are, and the states in the order in which they are judged."""

from __future__ import annotations

import re

from gaitops.posture import states
from gaitops.posture.catalogue import METRICS
from tests.docs.source_tree import ROOT

PAGE = (ROOT / "docs" / "posture.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([a-z_.0-9]+)` \| ([a-z]+) \| (.+) \|$", re.MULTILINE)


def test_every_number_is_defined_as_in_the_catalogue() -> None:
    """Same ids in the same order, with the same unit and meaning; shares name numerator and denominator."""
    expected = []
    for metric in METRICS.values():
        share = f" `{metric.over}` of `{metric.of}`." if metric.of else ""
        expected.append((metric.id, metric.unit, metric.meaning.replace("|", "\\|") + share))
    assert ROW.findall(PAGE) == expected


def test_states_are_listed_in_the_order_of_their_precedence() -> None:
    """The page and the module that judges number the same states."""
    page = re.findall(r"^\| (\d) \| (\w+) \|", PAGE, re.MULTILINE)
    module = re.findall(r"^\((\d)\) \*(\w+)\*", states.__doc__ or "", re.MULTILINE)
    assert page == module
    assert {name for _number, name in page} == {state.value for state in states.State}
