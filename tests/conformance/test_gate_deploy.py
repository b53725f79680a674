# SPDX-License-Identifier: Apache-2.0
"""``gaitops gate deploy`` on a verified fleet: only what is authorized guards, or opens, an environment."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from gaitops.cli import opening
from gaitops.cli.main import program
from gaitops.documents.times import format_timestamp
from gaitops.report.text import width
from tests.cli.harness import Run
from tests.simulator import World, document, policy_files, project_files

REPOSITORY = "https://github.com/acme/checkout"
Ask = Callable[..., Run]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A fleet with the project ``pay``, its environments ``dev`` and ``prod``, and no gate."""
    world = World(tmp_path / "fleet")
    guard = {"name": "guard", "version": "1.0.0"}
    files = policy_files("guard", "1.0.0")
    world.land(files, by="alice", approvers=["bob"])
    files = project_files("pay", environments={"dev": ("development", guard), "prod": ("production", guard)})
    world.land(files, by="alice", approvers=["bob", "carol"])
    return world


@pytest.fixture
def ask(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Ask:
    """``ask("prod")`` runs the command at the story's time."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "GAITOPS_TRUST_ROOT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(opening, "now", lambda: world.now)

    def run(environment: str, *options: str | Path) -> Run:
        words: list[str | Path] = ["gate", "deploy", "--repository", REPOSITORY, "--environment", environment]
        words += ["--fleet-repo", world.path, "--trust-root", world.trust_root, *options]
        result = CliRunner().invoke(program, [str(word) for word in words])
        return Run(result.exit_code, result.stdout, result.stderr)

    return run


def gate(**require: object) -> dict[str, str]:
    """A gate for prod."""
    spec = {"environments": ["prod"], "require": require}
    text = document("DeploymentGate", "careful", spec, org="acme", project="pay")
    return {"orgs/acme/projects/pay/gates/careful.yaml": text}


def land(world: World, files: dict[str, str | None]) -> None:
    """An approved change."""
    world.land(files, by="alice", approvers=["bob", "carol"])


def freeze(world: World, end: datetime) -> dict[str, str]:
    """A freeze window that has begun."""
    windows = [{"start": "2026-10-01T00:00:00", "end": end.strftime("%Y-%m-%dT%H:%M:%S")}]
    spec = {"timezone": "UTC", "windows": windows, "reason": "year end"}
    return {"trust/freeze-windows/year-end.yaml": document("FreezeWindow", "year-end", spec)}


def test_an_unguarded_environment(ask: Ask) -> None:
    """Without a gate the deployment is allowed, and the answer says that nothing guards it."""
    run = ask("prod", "--json")
    assert (run.code, run.json["allowed"], run.json["guarded"]) == (0, True, False)
    assert "no gate guards this environment" in ask("prod").out


def test_blocked_and_cleared(ask: Ask, world: World) -> None:
    """A freeze window blocks with exit code 3 and says until when; after its end the same command succeeds."""
    end = datetime(2026, 11, 20, tzinfo=world.now.tzinfo)
    world.land(freeze(world, end), by="alice", approvers=["alice", "bob"])
    land(world, {**gate(freezeWindows=["year-end"])})
    run = ask("prod", "--json")
    assert (run.code, [item["code"] for item in run.json["blockers"]]) == (3, ["gate.freeze_window"])
    assert "2026-11-20T00:00:00" in run.json["blockers"][0]["remedy"]
    assert ask("dev").code == 0
    world.now = end
    assert ask("prod").code == 0


def test_an_unapproved_gate_neither_guards_nor_opens(ask: Ask, world: World) -> None:
    """Adding, weakening or removing a gate without approval changes nothing: verified state decides."""
    path = "orgs/acme/projects/pay/gates/careful.yaml"
    land(world, {**gate(conformance={})})
    world.commit({path: None}, by="alice")
    run = ask("prod", "--json")
    assert (run.code, run.json["gates"]) == (3, ["acme/pay/careful"])


def test_conformance_of_a_checkout(ask: Ask, world: World, tmp_path: Path) -> None:
    """With a checkout its conformance is judged against verified state; without one, missing data blocks."""
    land(world, {**gate(conformance={"controls": ["pin.present"]})})
    assert [item["code"] for item in ask("prod", "--json").json["blockers"]] == ["gate.missing_data"]
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    run = ask("prod", "--json", "--consumer", checkout)
    blocker = run.json["blockers"][0]
    assert (run.code, blocker["code"], blocker["subject"]) == (3, "gate.conformance", "pin.present")
    assert "gaitops pin init" in blocker["remedy"]


def test_every_reason_at_once(ask: Ask, world: World, tmp_path: Path) -> None:
    """All reasons are shown together, in every format, each with its way out, on 100 columns or wrapped by none."""
    land(world, {**gate(conformance={}, regression={"minimumPassRate": 1, "maxAge": "1d"})})
    summary = tmp_path / "summary.json"
    summary.write_text(json.dumps(_summary(world)))
    run = ask("prod", "--json", "--evidence", summary)
    assert [item["requires"] for item in run.json["blockers"]] == ["conformance", "regression"]
    text = ask("prod", "--evidence", summary).out
    assert "BLOCKED, 2 reasons" in text
    assert text.count("fix:") == 2
    page = ask("prod", "--evidence", summary, "--format", "markdown").out
    assert page.count("| conformance |") == page.count("| regression |") == 1
    assert width(text.splitlines()[0]) <= 100


def test_names_that_the_fleet_does_not_know(ask: Ask) -> None:
    """A mistyped environment ends with exit code 6."""
    run = ask("prd", "--json")
    assert (run.code, run.json["error_code"]) == (6, "gate.unknown_environment")


def test_the_consumers_revision_needs_a_consumer(ask: Ask) -> None:
    """Options that mean nothing alone are refused."""
    assert ask("prod", "--json", "--consumer-rev", "HEAD").code == 6


def _summary(world: World) -> dict[str, object]:
    now = format_timestamp(world.now)
    regress = {"results": 1, "fixtures": 2, "passed": 1, "lastAt": now}
    row = {"repository": "github.com/acme/checkout", "environment": "prod", "regress": regress}
    window = {"start": "2026-10-01T00:00:00Z", "end": now}
    return {
        "schema": "gaitops.dev/evidence-summary/v1",
        "trustRoot": world.trust_root,
        "generatedAt": now,
        "window": window,
        "repositories": [row],
    }
