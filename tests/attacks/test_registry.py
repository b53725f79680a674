# SPDX-License-Identifier: Apache-2.0
"""Every registered case has a test that says so in its docstring."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.attacks.ids import REGISTERED
from tests.docs.attack_tests import ELSEWHERE

_ID = re.compile(r"([GTDROE][1-9][0-9]?): ")


def claimed() -> dict[str, list[str]]:
    """Case id → tests whose docstring starts with it, in this folder or beside what they need."""
    found: dict[str, list[str]] = {}
    for path in sorted([*Path(__file__).parent.glob("test_*.py"), *ELSEWHERE]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                match = _ID.match(ast.get_docstring(node) or "")
                if match is not None:
                    found.setdefault(match[1], []).append(f"{path.name}::{node.name}")
    return found


def test_every_registered_case_is_executable() -> None:
    """A line of the threat tables without a test would be an unchecked promise."""
    assert sorted(set(REGISTERED) - set(claimed())) == []


def test_no_test_claims_a_case_that_does_not_exist() -> None:
    """A docstring with an unknown id is a typing error or a case that nobody wrote down."""
    assert sorted(set(claimed()) - set(REGISTERED)) == []
