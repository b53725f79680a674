# SPDX-License-Identifier: Apache-2.0
"""Every threat stands in the threat model once, with modules that exist, codes that are documented, and its test."""

from __future__ import annotations

import re

from tests.docs.attack_tests import NO_TEST, PAGE, ROW, paths_by_id, written
from tests.docs.source_tree import ROOT

IDS = [
    *(f"G{number}" for number in range(1, 15)),
    *(f"T{number}" for number in range(1, 60)),
    *(f"D{number}" for number in range(1, 12)),
    *(f"R{number}" for number in range(1, 13)),
    *(f"O{number}" for number in range(1, 33)),
    *(f"E{number}" for number in range(1, 35)),
]


def rows() -> list[re.Match[str]]:
    """The rows of the seven tables."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return [match for line in lines if (match := ROW.match(line)) is not None]


def test_every_threat_has_one_row() -> None:
    """Nothing is left out, nothing stands twice, and the order is that of the ids."""
    assert [row["id"] for row in rows()] == IDS


def test_every_threat_has_a_test_that_begins_with_its_id() -> None:
    """Each case is executable."""
    known = paths_by_id()
    assert [threat for threat in IDS if threat not in known] == []


def test_no_test_claims_an_unknown_threat() -> None:
    """An id in a docstring is one of the table's."""
    assert sorted(paths_by_id().keys() - set(IDS)) == []


def test_the_test_column_is_what_the_tests_say() -> None:
    """The page is up to date: ``python -m tests.docs.attack_tests`` changes nothing."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == written(page)
    assert [row["id"] for row in rows() if row["test"].strip() == NO_TEST] == []


def test_every_named_module_exists() -> None:
    """What stops an attack is a file that is there."""
    named = {path for row in rows() for path in re.findall(r"`(gaitops/[^`]+)`", row["stops"])}
    assert sorted(path for path in named if not (ROOT / path).exists()) == []
    assert all("gaitops/" in row["stops"] or "`" in row["stops"] or row["stops"].strip() for row in rows())


def test_every_answer_is_a_documented_code() -> None:
    """The codes of the table stand in ``docs/errors.md``, or in ``docs/artifacts.md`` when they are findings."""
    errors = "".join(
        (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("errors.md", "artifacts.md")
    )
    codes = {code for row in rows() for code in re.findall(r"`([a-z_]+\.[a-z_]+)`", row["answer"])}
    assert sorted(code for code in codes if f"| `{code}` |" not in errors) == []
