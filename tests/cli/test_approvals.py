# SPDX-License-Identifier: Apache-2.0
"""``gaitops propose``, ``approve``, ``withdraw`` and ``check`` on a fleet with real key files and a real remote."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from gaitops.change.attestation import read_attestation
from gaitops.git.writing import init_repository
from tests.cli.fleets import Fleet
from tests.cli.harness import Invoke, Run
from tests.simulator import document

PROJECT = "orgs/acme/projects/pay/project.yaml"
SARIF_SCHEMA = Path(__file__).parents[1] / "vectors/standards/sarif-schema-2.1.0.json"
TEXT = document("Project", "pay", {"summary": "payments", "owners": ["alice"]}, org="acme")


class Desk:
    """A fleet with a topic branch that adds a project, and a bare remote."""

    def __init__(self, gaitops: Invoke, folder: Path) -> None:
        self.gaitops = gaitops
        self.fleet = Fleet(gaitops, folder, "--org", "acme")
        self.repo = self.fleet.path
        self.remote = folder / "remote.git"
        init_repository(self.remote, bare=True)
        self.git("config", "user.name", "Somebody")
        self.git("config", "user.email", "somebody@example.com")
        self.git("remote", "add", "origin", str(self.remote))
        self.git("checkout", "-q", "-b", "topic")
        path = self.repo / PROJECT
        path.parent.mkdir(parents=True)
        path.write_text(TEXT)
        self.git("add", "-A")
        self.git("commit", "-q", "--no-gpg-sign", "-m", "add a project")
        self.git("push", "-q", "origin", "main", "topic")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.repo), *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def sign(self, intent: str, who: str, *options: str, key: str | None = None) -> Run:
        return self.gaitops(
            intent,
            "--repo",
            self.repo,
            "--as",
            who,
            "--key",
            self.fleet.key(key or who),
            "--trust-root",
            self.fleet.trust_root,
            *options,
        )

    def check(self, *options: str, head: str = "topic") -> Run:
        return self.gaitops(
            "check",
            "--repo",
            self.repo,
            "--base",
            "main",
            "--head",
            head,
            "--trust-root",
            self.fleet.trust_root,
            *options,
        )

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--no-gpg-sign", "-m", message)


@pytest.fixture
def desk(gaitops: Invoke, tmp_path: Path) -> Desk:
    """A change that waits for a proposal and an approval."""
    return Desk(gaitops, tmp_path)


def test_from_unknown_proposer_to_authorized(desk: Desk) -> None:
    """An unsigned commit is nobody's; a proposal and an approval of somebody else authorize it."""
    assert desk.check("--json").code == 2
    assert "proposer.unknown" in desk.check("--json").codes
    run = desk.sign("propose", "alice", "--head", "topic", "--yes", "--json")
    assert run.code == 0
    assert run.json["delivered"] == "files"
    desk.commit("propose")
    pending = desk.check("--json")
    assert (pending.code, pending.json["outcome"]) == (4, "pending")
    assert pending.codes == ["approval.quorum"]
    assert pending.json["partitions"][0]["decisions"][0]["maySign"] == ["bob", "carol"]
    assert desk.sign("approve", "bob", "--head", "topic", "--yes", "--reason", "CHG-1").code == 0
    desk.commit("approve")
    done = desk.check("--json")
    assert (done.code, done.json["outcome"], done.json["problems"]) == (0, "authorized", [])
    desk.git("checkout", "-q", "main")
    desk.git("merge", "-q", "--no-ff", "--no-gpg-sign", "-m", "merge", "topic")
    verdict = desk.gaitops("verify", "--repo", desk.repo, "--trust-root", desk.fleet.trust_root, "--json")
    assert (verdict.code, verdict.json["verified"]) == (0, True)


def test_what_is_signed_is_shown_first(desk: Desk) -> None:
    """Operations, the difference, contributors and who may sign are on standard error before the envelope."""
    run = desk.sign("propose", "alice", "--head", "topic", "--yes")
    for expected in ("project.change", '+  "kind": "Project"', "may sign", PROJECT):
        assert expected in run.err
    assert run.out.startswith("wrote approvals/")


def test_nothing_is_signed_without_a_yes(desk: Desk) -> None:
    """Without a terminal and without --yes the command ends with exit code 6 and writes nothing."""
    run = desk.sign("approve", "bob", "--head", "topic", "--json")
    assert (run.code, run.codes) == (6, ["cli.confirmation"])
    assert desk.git("status", "--porcelain") == ""


def test_a_key_of_somebody_else_is_refused(desk: Desk) -> None:
    """Bob cannot sign as Alice."""
    run = desk.sign("approve", "alice", "--head", "topic", "--yes", "--json", key="bob")
    assert (run.code, run.codes) == (6, ["key.not_principals"])


def test_withdrawing_takes_an_approval_back(desk: Desk) -> None:
    """A withdrawn approval no longer counts; approving again does; there must be one to withdraw."""
    desk.sign("propose", "alice", "--head", "topic", "--yes")
    assert desk.sign("withdraw", "bob", "--head", "topic", "--yes", "--json").codes == ["approval.none"]
    desk.sign("approve", "bob", "--head", "topic", "--yes")
    desk.commit("signed")
    assert desk.check("--json").code == 0
    assert desk.sign("withdraw", "bob", "--head", "topic", "--yes").code == 0
    desk.commit("withdrawn")
    run = desk.check("--json")
    assert run.code == 4
    assert "approval.withdrawn" in run.codes


def test_push_commits_envelopes_only(desk: Desk) -> None:
    """--branch --push adds one commit under approvals/ to the remote branch and leaves the work tree alone."""
    run = desk.sign("propose", "alice", "--branch", "topic", "--push", "--yes", "--json")
    assert (run.code, run.json["delivered"]) == (0, "pushed")
    desk.git("fetch", "-q", "origin")
    names = desk.git("diff", "--name-only", "topic", "origin/topic").splitlines()
    assert names == run.json["envelopes"]
    assert desk.git("rev-parse", "origin/topic") == run.json["commit"]
    assert desk.git("status", "--porcelain") == ""


def test_a_remote_that_nobody_configured(desk: Desk) -> None:
    """--remote names a configured remote; a folder of that name is not taken for one."""
    init_repository(desk.repo / "upstream", bare=True)
    words = ("--branch", "topic", "--push", "--remote", "upstream", "--yes", "--json")
    run = desk.sign("propose", "alice", *words)
    assert (run.code, run.codes) == (6, ["git.unknown_remote"])
    assert "git remote" in run.json["hint"]


def test_push_follows_a_branch_that_moved(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """When somebody pushes between fetch and push, the envelope is committed on top of the new head."""
    from gaitops.git.remote import GitProgram

    original = GitProgram.push
    moved: list[str] = []

    def push_after_another(
        self: GitProgram, commit: str, branch: str, remote: str, expected: str | None
    ) -> None:
        if not moved:
            (desk.repo / "docs").mkdir(exist_ok=True)
            (desk.repo / "docs/note.md").write_text("note\n")
            desk.commit("somebody else")
            desk.git("push", "-q", "origin", "topic")
            moved.append(desk.git("rev-parse", "topic"))
        original(self, commit, branch, remote, expected)

    monkeypatch.setattr(GitProgram, "push", push_after_another)
    run = desk.sign("propose", "alice", "--branch", "topic", "--push", "--yes", "--json")
    assert run.code == 0
    desk.git("fetch", "-q", "origin")
    assert desk.git("rev-parse", "origin/topic~1") == moved[0]


def test_printed_envelope_is_the_envelope(desk: Desk) -> None:
    """--print gives armored text whose body is the envelope, and writes nothing."""
    run = desk.sign("propose", "alice", "--head", "topic", "--print", "--yes")
    assert run.code == 0
    body = run.out.split("\n\n", 1)[1].split("-----END")[0]
    path = run.out.splitlines()[1].removeprefix("# ")
    attestation = read_attestation(base64.b64decode(body), path)
    assert (attestation.intent, attestation.principal) == ("propose", "alice")
    assert desk.git("status", "--porcelain") == ""


@pytest.mark.parametrize("words", [("--push",), ("--push", "--print", "--branch", "topic")])
def test_contradicting_options(desk: Desk, words: tuple[str, ...]) -> None:
    """--push needs --branch and excludes --print."""
    assert desk.sign("approve", "bob", *words, "--yes", "--json").codes == ["cli.usage"]


def test_markdown_for_the_pull_request(desk: Desk) -> None:
    """The Markdown names the operation, what is missing and who may sign, and exits like the text."""
    desk.sign("propose", "alice", "--head", "topic", "--yes")
    desk.commit("propose")
    run = desk.check("--format", "markdown")
    assert run.code == 4
    assert "| pending | project.change" in run.out
    assert "bob, carol" in run.out


def test_reports_for_code_scanning_and_ci(desk: Desk) -> None:
    """SARIF and JUnit tell refused (error, failure) from pending (warning, skipped) from authorized (nothing, passed)."""

    def report() -> tuple[int, list[dict[str, Any]], ET.Element]:
        run, tests = desk.check("--format", "sarif"), desk.check("--format", "junit")
        assert run.code == tests.code
        log = json.loads(run.out)
        jsonschema.Draft4Validator(json.loads(SARIF_SCHEMA.read_text())).validate(log)
        return run.code, log["runs"][0]["results"], ET.fromstring(tests.out)  # noqa: S314 - our own output

    code, results, suites = report()
    assert (code, {item["level"] for item in results}, suites.attrib["failures"]) == (2, {"error"}, "1")
    assert "proposer.unknown" in {item["ruleId"] for item in results}
    desk.sign("propose", "alice", "--head", "topic", "--yes")
    desk.commit("propose")
    code, results, suites = report()
    assert (code, [(item["ruleId"], item["level"]) for item in results]) == (
        4,
        [("approval.quorum", "warning")],
    )
    place = results[0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": PROJECT, "uriBaseId": "%SRCROOT%"}
    assert (suites.attrib["failures"], suites.attrib["skipped"]) == ("0", "1")
    desk.sign("approve", "bob", "--head", "topic", "--yes")
    desk.commit("approve")
    code, results, suites = report()
    assert (code, results, suites.attrib["tests"], suites.attrib["skipped"]) == (0, [], "1", "0")


def test_a_branch_behind_a_changed_path_must_be_rebased(desk: Desk) -> None:
    """A path that the protected branch changed too is refused before anybody signs."""
    desk.git("checkout", "-q", "main")
    path = desk.repo / PROJECT
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TEXT.replace("payments", "other"))
    desk.commit("sneak")
    run = desk.check("--json")
    assert run.code == 2
    assert {"change.rebase_needed", "history.base_unverified"} <= set(run.codes)


def test_old_and_future_times_of_judgement(desk: Desk) -> None:
    """--at in the future is refused (exit 6); at a time before the envelopes nothing counts."""
    run = desk.check("--at", "2090-01-01T00:00:00Z", "--json")
    assert (run.code, run.codes) == (6, ["history.future"])
