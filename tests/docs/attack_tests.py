# SPDX-License-Identifier: Apache-2.0
"""Which test executes which threat: ``python -m tests.docs.attack_tests`` writes it into the threat model.

Tests in ``tests/attacks/`` begin their docstring with the id of their case, for example ``T9: an old approval …``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.docs.source_tree import ROOT

PAGE = ROOT / "docs" / "enterprise" / "threat_model.md"
ATTACKS = ROOT / "tests" / "attacks"
ELSEWHERE = tuple(
    ROOT / "tests" / name
    for name in (
        "history/test_commit_signatures.py",
        "pin/test_keyless.py",
        "signing/sigstore/test_gitsign.py",
    )
)
"""Modules with cases that lie beside what they need."""

ROW = re.compile(
    r"^\| (?P<id>[GTDROE]\d+) \|(?P<attack>[^|]*)\|(?P<answer>[^|]*)\|(?P<stops>[^|]*)\|(?P<test>[^|]*)\|(?P<rest>.*)\|$"
)
BEGINS_WITH_ID = re.compile(r"(?P<id>[GTDROE]\d+)(?:\b|(?=[a-z]\b))")
NO_TEST = "–"


def ids_in(path: Path) -> Iterator[str]:
    """Ids with which docstrings of test functions and classes begin."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name.lower().startswith("test"):
            match = BEGINS_WITH_ID.match(ast.get_docstring(node) or "")
            if match is not None:
                yield match["id"]


def paths_by_id() -> dict[str, tuple[str, ...]]:
    """Id → paths of the test modules that execute it, sorted."""
    found: dict[str, set[str]] = {}
    for path in sorted([*ATTACKS.rglob("test_*.py"), *ELSEWHERE]):
        for threat in ids_in(path):
            found.setdefault(threat, set()).add(path.relative_to(ROOT).as_posix())
    return {threat: tuple(sorted(paths)) for threat, paths in found.items()}


def cell(paths: tuple[str, ...]) -> str:
    """The column *test* of one row."""
    return ", ".join(f"`{path}`" for path in paths) or NO_TEST


def written(page: str) -> str:
    """The page with the column *test* taken from the tests."""
    tests = paths_by_id()
    lines = []
    for line in page.splitlines():
        match = ROW.match(line)
        if match is None:
            lines.append(line)
        else:
            column = cell(tests.get(match["id"], ()))
            parts = [match["id"], match["attack"], match["answer"], match["stops"], column, match["rest"]]
            lines.append("| " + " | ".join(part.strip() for part in parts) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
