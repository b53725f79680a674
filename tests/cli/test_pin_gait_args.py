# SPDX-License-Identifier: Apache-2.0
"""``gaitops pin gait-args``, and what every command about pins says of a candidate."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from gaitops.pin.update import init_pin
from tests.cli.harness import Invoke, Run
from tests.pin.pin_builder import NOW, REQUEST
from tests.release.release_builder import Fleet, org, row

CANDIDATE = "--policy .gaitops/production/candidate/gait.policy.yaml"


class Desk:
    """A consumer that has pinned a candidate in a dry run."""

    def __init__(self, gaitops: Invoke, folder: Path) -> None:
        self.gaitops = gaitops
        self.fleet = Fleet(folder / "out", time=NOW)
        self.repo = folder / "consumer"
        self.repo.mkdir()
        self.publish(candidate="1.1.0", mode="dry_run", first=True)
        init_pin(self.repo, self.fleet.source, self.fleet.trust_root, [REQUEST], NOW)

    def publish(self, *, candidate: str | None = None, mode: str = "enforce", first: bool = False) -> None:
        """The next release."""
        rows = row(candidate=candidate, mode=mode)
        self.fleet.publish(org(rows, versions=["1.0.0", "1.1.0"]), step=1 if first else 2, first=first)

    def run(self, *words: str | Path) -> Run:
        """One command about the pin."""
        return self.gaitops("pin", *words, "--repo", self.repo, "--trust-root", self.fleet.trust_root)

    def args(self, *words: str) -> Run:
        """``gait-args`` for production."""
        return self.run("gait-args", "--environment", "production", *words)


@pytest.fixture
def desk(gaitops: Invoke, tmp_path: Path) -> Desk:
    """A pin with a candidate."""
    return Desk(gaitops, tmp_path)


def test_one_line_for_each_run(desk: Desk) -> None:
    """Standard output is for the wrapper: enforced first, then the candidate; what to know goes to standard error."""
    run = desk.args()
    assert run.code == 0
    enforced, candidate = run.out.splitlines()
    assert enforced == "--policy .gaitops/production/enforced/gait.policy.yaml"
    assert candidate.startswith(CANDIDATE)
    assert "oss-prod" in run.err


def test_json_says_the_same(desk: Desk) -> None:
    """The document has the arguments one by one, with the digest that the traces will carry."""
    said = desk.args("--json").json
    assert (said["environment"], said["mode"]) == ("production", "dry_run")
    assert [shlex.join(run["arguments"]) for run in said["runs"]] == desk.args().out.splitlines()
    assert [run["policy"] for run in said["runs"]] == ["acme/guard@1.0.0", "acme/guard@1.1.0"]
    assert len({run["gaitDigest"] for run in said["runs"]}) == 2


def test_candidate_alone(desk: Desk) -> None:
    """--candidate prints the candidate's line, and nothing when there is no candidate."""
    (line,) = desk.args("--candidate").out.splitlines()
    assert line.startswith(CANDIDATE)
    desk.publish()
    assert desk.run("update", "--from", desk.fleet.out).code == 0
    run = desk.args("--candidate")
    assert (run.code, run.out) == (0, "")
    assert desk.args("--candidate", "--json").json["runs"] == []


def test_damaged_pin_prints_nothing(desk: Desk) -> None:
    """The pin verifies first: nobody runs a policy that somebody has edited."""
    (desk.repo / ".gaitops/production/candidate/gait.policy.yaml").write_text("default_verdict: allow\n")
    run = desk.args()
    assert (run.code, run.out) == (2, "")
    assert "pin.mismatch" in run.err


def test_unknown_environment(desk: Desk) -> None:
    """An environment that is not pinned is a mistake of the caller."""
    run = desk.run("gait-args", "--environment", "staging", "--json")
    assert (run.code, run.codes) == (6, ["pin.not_pinned"])


def test_pin_commands_show_the_candidate(desk: Desk) -> None:
    """verify and status name both versions and the mode, for machines and for people."""
    for command in ("verify", "status"):
        (said,) = desk.run(command, "--json").json["environments"]
        assert (said["enforced"], said["candidate"], said["mode"]) == (
            "acme/guard@1.0.0",
            "acme/guard@1.1.0",
            "dry_run",
        )
        assert "acme/guard@1.0.0, candidate acme/guard@1.1.0 (dry_run)" in desk.run(command).out


def test_status_sees_that_the_rollout_went_on(desk: Desk) -> None:
    """A candidate that was rolled back makes the pin outdated."""
    desk.publish()
    said = desk.run("status", "--from", desk.fleet.out, "--json").json
    assert (said["state"], said["newest"]) == ("outdated", 2)
