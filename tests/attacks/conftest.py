# SPDX-License-Identifier: Apache-2.0
"""Worlds and the command line for hostile stories; every test has a home folder and a clock of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from gaitops.cli.main import program
from tests.attacks.evidence_tools import Fleet, Site, clean_settings, make_fleet
from tests.attacks.story import Commands
from tests.cli.harness import Run
from tests.simulator import START, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Alice, Bob and Carol hold root keys and every human role; one organization, ``acme``."""
    return World(tmp_path / "fleet")


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """The command line in-process, with an empty home folder, at the world's time."""
    home = tmp_path / "home"
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    for variable in ("XDG_CONFIG_HOME", "GAITOPS_TRUST_ROOT", "GAITOPS_DEBUG"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    clock: dict[str, datetime] = {"now": START}
    # What imports the clock while it is replaced keeps the replacement, so those modules come first.
    for module in ("delivery", "opening", "pin", "clock"):
        monkeypatch.setattr(f"gaitops.cli.{module}.now", lambda: clock["now"])

    def invoke(*arguments: str | Path, stdin: str | None = None) -> Run:
        result = CliRunner().invoke(program, [str(argument) for argument in arguments], input=stdin)
        return Run(result.exit_code, result.stdout, result.stderr)

    return Commands(invoke, clock, scratch)


@pytest.fixture(scope="session")
def evidence_fleet(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """A fleet with two repositories and the keys that sign their evidence; nobody changes it."""
    return make_fleet(tmp_path_factory.mktemp("evidence") / "fleet")


@pytest.fixture
def site(tmp_path: Path, evidence_fleet: Fleet) -> Iterator[Site]:
    """An empty folder for a store and for what is collected, known to the fleet, at the story's time."""
    with clean_settings(tmp_path):
        (tmp_path / "site").mkdir()
        yield Site(tmp_path / "site", evidence_fleet)
