# SPDX-License-Identifier: Apache-2.0
"""Tables line up, fit 100 columns, and stay tables whatever their cells contain."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gaitops.report.tables import MAX_WIDTH, fields, table
from gaitops.report.text import plain, width


def test_table() -> None:
    """Columns are as wide as their widest cell, headings included."""
    text = plain(table(["name", "n"], [["a", "1"], ["longer", "22"]]))
    assert text == "name    n\na       1\nlonger  22"
    assert table(["name"], []) == ""


def test_fields_are_never_shortened() -> None:
    """Digests and keys are shown in full, whatever their length."""
    assert plain(fields([("key", "f" * 200), ("longer", "x")])) == f"key     {'f' * 200}\nlonger  x"
    assert fields([]) == ""


@given(st.lists(st.lists(st.text(), min_size=3, max_size=3), min_size=1, max_size=5))
def test_tables_fit(rows: list[list[str]]) -> None:
    """Every line fits, and every row is one line."""
    lines = plain(table(["one", "two", "three"], rows)).split("\n")
    assert len(lines) == len(rows) + 1
    assert all(width(line) <= MAX_WIDTH for line in lines)


def test_long_cells_end_in_an_ellipsis() -> None:
    """The widest column gives way, and one sees that something is missing."""
    line = plain(table(["a", "b"], [["short", "x" * 300]])).splitlines()[1]
    assert line == "short  " + "x" * 92 + "…"
