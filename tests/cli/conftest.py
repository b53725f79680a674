# SPDX-License-Identifier: Apache-2.0
"""Running gaitops in-process, with real exit codes and a home folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from gaitops.cli.main import program
from tests.cli.harness import Invoke, Run


@pytest.fixture
def gaitops(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """``gaitops("policy", "digest", path)`` runs the command line; the user's environment has no part in it."""
    home = tmp_path_factory.mktemp("home")
    for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "GAITOPS_TRUST_ROOT", "GAITOPS_DEBUG", "NO_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(home))

    def invoke(*arguments: str | Path, stdin: str | None = None) -> Run:
        result = CliRunner().invoke(program, [str(argument) for argument in arguments], input=stdin)
        return Run(result.exit_code, result.stdout, result.stderr)

    return invoke
