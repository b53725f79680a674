# SPDX-License-Identifier: Apache-2.0
"""The documents and the two jobs of ``docs/identity/forge-approvals.md`` do what the page says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from gaitops.change.forge_answers import read_answer
from gaitops.documents.load import load_document
from gaitops.documents.models.trust import ApprovalRule, Principal
from tests.docs.source_tree import ROOT
from tests.forge_answers import github_answer, github_review, gitlab_answer, gitlab_approval

BLOCKS = re.findall(
    r"```yaml\n(.*?)```", (ROOT / "docs/identity/forge-approvals.md").read_text(encoding="utf-8"), re.DOTALL
)
needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="the jobs use jq")


def block(start: str) -> str:
    """The block that starts with this."""
    found: str
    (found,) = [text for text in BLOCKS if text.startswith(start) or f"\nkind: {start}\n" in text]
    return found


def test_the_documents_load() -> None:
    """The principal has an account, and the rule names a service for it."""
    person = load_document(block("Principal").encode(), "trust/principals/dana.yaml")
    assert isinstance(person, Principal)
    assert person.spec.identities[0].type == "forge"
    rule = load_document(block("ApprovalRule").encode(), "trust/approvals/reviews-in-development.yaml")
    assert isinstance(rule, ApprovalRule)
    assert rule.spec.require.forge_attesters == ("review-bot",)


class Bench:
    """Programs that a job calls, as scripts that answer from files and write down what they were told."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.bin = folder, folder / "bin"
        self.bin.mkdir()
        for name in ("work", "tmp", "answers"):
            (folder / name).mkdir()

    def program(self, name: str, body: str) -> None:
        """Put a program on the path."""
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        path.chmod(0o755)

    def answer(self, address: str, value: object) -> None:
        """What the forge answers at an address; slashes and marks become dashes."""
        (self.folder / "answers" / re.sub(r"[^A-Za-z0-9]", "-", f"at{address}")).write_text(
            value if isinstance(value, str) else json.dumps(value)
        )

    def run(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a script as a runner does."""
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.folder / "work",
            env={
                "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
                "RUNNER_TEMP": str(self.folder / "tmp"),
                "TMPDIR": str(self.folder / "tmp"),
                "BENCH": str(self.folder),
                **environment,
            },
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def calls(self) -> list[list[str]]:
        """What gaitops was called with, call by call."""
        log = self.folder / "calls"
        if not log.exists():
            return []
        return [line.split("\x1f")[:-1] for line in log.read_text().splitlines()]


FROM_FILES = """
for last; do
  case "$last" in
    repos/*|https://*) name=$(printf %s "at${last#"$DROP"}" | tr -c 'A-Za-z0-9' '-') ;;
  esac
done
[ -z "$name" ] || cat "$BENCH/answers/$name"
"""
GAITOPS = """
printf '%s\\037' "$@" >> "$BENCH/calls"
echo >> "$BENCH/calls"
cp answer.json "$BENCH/answer-$(wc -l < "$BENCH/calls" | tr -d ' ').json"
exit "${EXIT:-0}"
"""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A bench with a git that does nothing and a gaitops that writes down its arguments."""
    made = Bench(tmp_path)
    made.program("git", "exit 0")
    made.program("gaitops", GAITOPS)
    return made


def github(bench: Bench) -> str:
    """A pull request with a review and one of a fork; the script of the workflow."""
    bench.program("gh", f'[ "$1" = api ] || exit 0\nDROP=\nname=\n{FROM_FILES}')
    listed = "repos/acme/fleet/pulls?state=open&base=main&per_page=100"
    bench.answer(listed, "12\n13\n")
    whole = github_answer("a" * 40, [], repository="acme/fleet")["pull_request"]
    own = {**whole, "head": {**whole["head"], "ref": "topic", "repo": {"full_name": "acme/fleet"}}}
    bench.answer("repos/acme/fleet/pulls/12", own)
    bench.answer("repos/acme/fleet/pulls/13", {**whole, "number": 13})
    review = github_review(80, 5, "a" * 40, repository="acme/fleet")
    bench.answer("repos/acme/fleet/pulls/12/reviews?per_page=100", [[review], []])
    workflow: dict[object, Any] = yaml.safe_load(block("# .github/workflows/attest-reviews.yml"))
    job = workflow["jobs"]["attest"]
    assert job["permissions"] == {"contents": "read", "id-token": "write"}
    assert set(workflow[True]) == {"schedule", "workflow_dispatch"}
    script: str = job["steps"][-1]["run"]
    assert "${{" not in script
    return script


@needs_jq
def test_the_workflow_gives_gaitops_what_it_reads(bench: Bench) -> None:
    """The answer holds pull request and reviews; a fork is left out; the branch is one argument."""
    script = github(bench)
    done = bench.run(script, FLEET="acme/fleet")
    assert done.returncode == 0, done.stderr
    (call,) = bench.calls()
    assert call[0] == "attest"
    assert {"--sigstore", "--branch=topic", "--push", "--yes"} <= set(call)
    data = (bench.folder / "answer-1.json").read_bytes()
    (review,) = read_answer(data, "answer.json", "github", "github.com", "review-bot").approvals
    assert (review.review, review.account_id) == ("80", "5")


@needs_jq
@pytest.mark.parametrize(("code", "fails"), [("6", False), ("2", True), ("1", True)])
def test_only_exit_code_6_is_passed_over(bench: Bench, code: str, *, fails: bool) -> None:
    """A change whose rules count no reviews does not stop the job; everything else does."""
    script = github(bench)
    bench.program("gaitops", f"EXIT={code}\n{GAITOPS}")
    assert (bench.run(script, FLEET="acme/fleet").returncode != 0) is fails


@needs_jq
def test_the_job_gives_gaitops_what_it_reads(bench: Bench) -> None:
    """The answer holds merge request, approvals and versions; a fork is left out."""
    job = yaml.safe_load(block("# .gitlab-ci.yml of the bot project"))["attest-reviews"]
    (script,) = job["script"]
    api = "https://gitlab.com/api/v4/projects/3"
    bench.program("curl", f'DROP="{api}"\nname=\n{FROM_FILES}')
    bench.answer("", {"http_url_to_repo": "https://gitlab.com/group/fleet.git"})
    whole = gitlab_answer("a" * 40, [gitlab_approval(42)])
    own = {
        **whole["merge_request"],
        "source_project_id": 3,
        "target_project_id": 3,
        "source_branch": "-topic",
    }
    bench.answer("/merge_requests?state=opened&target_branch=main&per_page=100", [{"iid": 7}, {"iid": 8}])
    bench.answer("/merge_requests/7", own)
    bench.answer("/merge_requests/8", {**own, "iid": 8, "source_project_id": 4})
    bench.answer("/merge_requests/7/approvals", whole["approvals"])
    bench.answer("/merge_requests/7/versions?per_page=100", whole["versions"])
    done = bench.run(
        script,
        CI_API_V4_URL="https://gitlab.com/api/v4",
        FLEET_ID="3",
        CI_SERVER_URL="https://gitlab.com",
        CI_SERVER_FQDN="gitlab.com",
        GAITOPS_FLEET_TOKEN="token",
    )
    assert done.returncode == 0, done.stderr
    (call,) = bench.calls()
    assert "--branch=-topic" in call
    data = (bench.folder / "answer-1.json").read_bytes()
    (review,) = read_answer(data, "answer.json", "gitlab", "gitlab.com", "review-bot").approvals
    assert review.account_id == "42"
