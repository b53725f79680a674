# SPDX-License-Identifier: Apache-2.0
"""``gaitops resolve`` and ``gaitops audit`` on a verified history."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.harness import Invoke, Run
from tests.history.rollouts import Fleet
from tests.simulator import World, environment_document, policy_files, project_files


class Story:
    """A fleet with two repositories and one production environment."""

    def __init__(self, gaitops: Invoke, folder: Path) -> None:
        self.gaitops = gaitops
        self.world = World(folder / "fleet")
        files = {**policy_files("guard", "1.0.0", channels={"stable": "1.0.0"}), **project_files()}
        self.world.land(files, by="alice", approvers=["bob"])
        environment = environment_document("production", "production", {"name": "guard", "channel": "stable"})
        path = "orgs/acme/projects/pay/environments/production.yaml"
        self.world.land({path: environment}, by="alice", approvers=["bob", "carol"])

    def run(self, *words: str | Path) -> Run:
        options = ("--repo", self.world.path, "--trust-root", self.world.trust_root)
        return self.gaitops(*words, *options, "--at", f"{self.world.now:%Y-%m-%dT%H:%M:%SZ}")


@pytest.fixture
def story(gaitops: Invoke, tmp_path: Path) -> Story:
    """A verified fleet."""
    return Story(gaitops, tmp_path)


def test_one_repository(story: Story) -> None:
    """A repository is found by id or by any spelling of its URL."""
    for name in (
        "github.com/acme/checkout",
        "https://github.com/acme/checkout.git",
        "git@github.com:acme/checkout",
    ):
        run = story.run("resolve", "--repository", name, "--environment", "production", "--json")
        assert run.code == 0
        (row,) = run.json["assignments"]
        assert row["enforced"] == {"org": "acme", "policy": "guard", "version": "1.0.0"}


def test_everything_as_lines(story: Story) -> None:
    """--all --format jsonl writes one assignment per line."""
    run = story.run("resolve", "--all", "--format", "jsonl")
    rows = [json.loads(line) for line in run.out.splitlines()]
    assert [row["repository"] for row in rows] == ["github.com/acme/checkout", "github.com/acme/ledger"]


def test_candidates_of_a_rollout(gaitops: Invoke, tmp_path: Path) -> None:
    """During a rollout JSON, lines and table carry the candidate and its mode, and only then the table has a column."""
    fleet = Fleet(tmp_path / "fleet")
    world = fleet.world

    def run(*words: str) -> Run:
        options = ("--repo", world.path, "--trust-root", world.trust_root)
        return gaitops("resolve", "--all", *words, *options, "--at", f"{world.now:%Y-%m-%dT%H:%M:%SZ}")

    assert "candidate" not in run().out
    fleet.start()
    rows = run("--json").json["assignments"]
    candidate = {"org": "acme", "policy": "agents", "version": "1.1.0"}
    found = [(row["enforced"]["version"], row["candidate"], row["mode"]) for row in rows]
    assert found.count(("1.0.0", None, "enforce")) == 2
    assert found.count(("1.0.0", candidate, "observe")) == 2
    assert [json.loads(line) for line in run("--format", "jsonl").out.splitlines()] == rows
    table = run().out.splitlines()
    assert table[0].split() == ["repository", "environment", "tier", "enforced", "candidate", "mode"]
    assert sum("acme/agents@1.1.0" in line and line.endswith("observe") for line in table) == 2


def test_nothing_assigned_is_an_error(story: Story) -> None:
    """An unknown repository is exit 6, never an empty success."""
    run = story.run("resolve", "--repository", "github.com/acme/nobody", "--json")
    assert (run.code, run.codes) == (6, ["assignment.none"])


def test_unauthorized_content_resolves_to_nothing(story: Story) -> None:
    """Whoever only pushes to main changes nothing that resolves."""
    path = "orgs/acme/projects/pay/repositories/evil.yaml"
    story.world.commit(
        {path: story.world.read("orgs/acme/projects/pay/repositories/ledger.yaml")}, by="alice"
    )
    run = story.run("resolve", "--all", "--json")
    assert len(run.json["assignments"]) == 2


def test_export_verifies_and_any_change_shows(story: Story, tmp_path: Path) -> None:
    """An export is the history's own log; a changed, dropped or foreign event is found with its line."""
    lines = story.run("audit", "export", "--format", "jsonl").out.splitlines()
    assert len(lines) == len(story.run("audit", "export", "--json").json["events"])
    file = tmp_path / "audit.jsonl"

    def verify(content: list[str]) -> Run:
        file.write_text("".join(line + "\n" for line in content))
        return story.run("audit", "verify", file, "--json")

    assert verify(lines).json["events"] == len(lines)
    assert verify(lines[:2]).code == 0
    event = json.loads(lines[1])
    event["proposers"] = ["mallory"]
    for tampered in ([lines[0], json.dumps(event), *lines[2:]], [lines[0], *lines[2:]], lines[1:]):
        run = verify(tampered)
        assert (run.code, run.codes) == (2, ["audit.mismatch"])


def test_export_is_a_function_of_the_history(story: Story) -> None:
    """Warm and cold runs give the same bytes."""
    first = story.run("audit", "export", "--format", "jsonl").out
    assert first == story.run("audit", "export", "--format", "jsonl").out


def test_a_log_is_not_taken_from_unverified_history(gaitops: Invoke, tmp_path: Path) -> None:
    """Before genesis is authorized there is no log: exit 2."""
    world = World(tmp_path / "fleet", genesis=False)
    run = gaitops(
        "audit",
        "export",
        "--repo",
        world.path,
        "--trust-root",
        world.trust_root,
        "--json",
        "--at",
        "2026-11-02T00:00:00Z",
    )
    assert run.code == 2
    assert "approval.quorum" in run.codes
