# SPDX-License-Identifier: Apache-2.0
"""Start-up is a feature: what ``gaitops --help`` and ``--version`` may import is fixed here (design 14)."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from gaitops.cli.main import run
import click
before = set(sys.modules)
code = run(sys.argv[1:])
print(code, *sorted(name for name in sys.modules if name.partition(".")[0] in {HEAVY} or name.startswith("gaitops")))
"""
HEAVY = {
    "pydantic", "pygit2", "cryptography", "securesystemslib", "tuf", "yaml", "orjson", "rfc8785", "jsonschema",
    "json", "unicodedata", "tomllib", "urllib",
}  # fmt: skip
"""Packages that are expensive, or that help and version have no business with."""


def imported(*arguments: str) -> tuple[str, set[str]]:
    program = PROGRAM.replace("{HEAVY}", repr(HEAVY))
    result = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    code, *modules = result.stdout.splitlines()[-1].split(" ")
    return code, set(modules)


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["policy", "--help"]])
def test_help_and_version_import_nothing_but_click(arguments: list[str]) -> None:
    """Help of the program and of its nouns, and the version, load only click and the command table."""
    code, modules = imported(*arguments)
    assert code == "0"
    assert modules == {
        "gaitops",
        "gaitops.cli",
        "gaitops.cli.exit_codes",
        "gaitops.cli.lazy",
        "gaitops.cli.main",
        "gaitops.cli.table",
    }
