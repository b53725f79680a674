# SPDX-License-Identifier: Apache-2.0
"""Selectors: what goes in comes out, whatever is in it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gaitops.signals.selectors import selector_of, values_of


@given(values=st.lists(st.text(alphabet="a,%2C5", max_size=8), min_size=1, max_size=4))
def test_values_survive(values: list[str]) -> None:
    """Commas and percent signs inside values do not make other values."""
    assert values_of(selector_of({"tool_name": values})["tool_name"]) == values


def test_one_value_is_one_value() -> None:
    """A text stands for itself."""
    assert selector_of({"table": "runs", "tool_name": "drop,all"}) == {
        "table": "runs",
        "tool_name": "drop%2Call",
    }
