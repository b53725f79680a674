# SPDX-License-Identifier: Apache-2.0
"""The action ``check``: verdicts, pending, annotations, statuses, forks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.actions.conftest import VERSION, Site, context
from tests.actions.runner import Annotation, Outcome
from tests.cli.test_approvals import PROJECT


def check(site: Site, github: dict[str, Any] | None = None, /, **inputs: str) -> Outcome:
    """Run the action as the workflow of a fleet does."""
    return site.job(github).run("check", **{"version": VERSION, "trust_root": site.trust_root, **inputs})


def propose(site: Site) -> None:
    site.desk.sign("propose", "alice", "--head", "topic", "--yes")
    site.desk.commit("propose")
    site.push()


def approve(site: Site) -> None:
    site.desk.sign("approve", "bob", "--head", "topic", "--yes")
    site.desk.commit("approve")
    site.push()


def statuses(site: Site) -> list[tuple[str, str, str]]:
    return [
        (path.removeprefix("/statuses/"), body["state"], body["context"])
        for method, path, body in site.forge.calls
        if method == "POST"
    ]


def test_refused(site: Site) -> None:
    """A change that nobody proposed ends with 2, with its problems at the file and in the summary."""
    done = check(site)
    assert (done.code, done.outputs["verdict"], done.outputs["exit-code"]) == (2, "refused", "2")
    assert (done.outputs["pending"], done.outputs["head"], done.outputs["status"]) == (
        "false",
        site.head,
        "none",
    )
    assert ("error", "proposer.unknown") in {(item.level, item.title) for item in done.annotations}
    assert "### gaitops check" in done.summary
    assert json.loads(Path(done.outputs["report"]).read_text())["outcome"] == "refused"
    log = json.loads(Path(done.outputs["sarif"]).read_text())
    assert "proposer.unknown" in {item["ruleId"] for item in log["runs"][0]["results"]}


def test_pending_without_a_status_fails(site: Site) -> None:
    """Where nothing can show pending, the job is red, under a title that says that nothing is wrong."""
    propose(site)
    done = check(site)
    assert (done.code, done.outputs["verdict"], done.outputs["pending"]) == (4, "pending", "true")
    assert done.annotations[-1] == Annotation(
        "error", "Approvals missing (pending)", "Nothing is wrong; see the job summary."
    )
    assert {item.level for item in done.annotations[:-1]} == {"warning"}
    assert "bob, carol" in done.summary


def test_pending_is_a_status_of_its_own(site: Site) -> None:
    """With a token that may set statuses the job is green and the status is pending."""
    propose(site)
    done = check(site, status_token="writer")
    assert (done.code, done.outputs["status"], done.outputs["pending"]) == (0, "published", "true")
    assert statuses(site) == [(site.head, "pending", "gaitops/check")]
    assert site.forge.tokens == {"Bearer writer"}
    assert "writer" not in done.log


@pytest.mark.parametrize(("choice", "code"), [("neutral", 0), ("fail", 4)])
def test_pending_as_the_workflow_wants_it(site: Site, choice: str, code: int) -> None:
    """The input decides whatever else is known."""
    propose(site)
    token = {} if choice == "neutral" else {"status_token": "writer"}
    assert check(site, pending=choice, **token).code == code


def test_authorized(site: Site) -> None:
    """Proposed and approved: success, everywhere."""
    propose(site)
    approve(site)
    done = check(site, status_token="writer", status_context="policies")
    assert (done.code, done.outputs["verdict"]) == (0, "authorized")
    assert statuses(site) == [(site.head, "success", "policies")]


def test_no_choice_makes_a_violation_pass(site: Site) -> None:
    """``neutral`` concerns missing approvals alone, and the status is a failure."""
    done = check(site, pending="neutral", status_token="writer")
    assert done.code == 2
    assert statuses(site) == [(site.head, "failure", "gaitops/check")]


def test_pull_request_of_a_fork(site: Site) -> None:
    """The fork's commit is fetched from the pull request's reference; a token that may only read costs the status alone."""
    propose(site)
    site.desk.git("push", "--quiet", "origin", ":topic")
    site.push("refs/pull/7/head")
    site.forge.read_only = True
    done = check(site, status_token="reader")
    assert (done.code, done.outputs["verdict"], done.outputs["status"]) == (4, "pending", "none")
    assert "No commit status" in {item.title for item in done.annotations}
    approve_and_move = site.desk.sign("approve", "bob", "--head", "topic", "--yes")
    assert approve_and_move.code == 0
    site.desk.commit("approve")
    site.push("refs/pull/7/head")
    assert check(site, status_token="reader").code == 0


def test_nothing_of_the_change_is_checked_out_or_run(site: Site) -> None:
    """Modules that the change puts where Python might look for them stay objects."""
    for name in ("json.py", "venv.py", "workflow.py", "pip/__main__.py", "sitecustomize.py"):
        path = site.desk.repo / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("import os\nos.abort()\n")
        (site.workspace / name).parent.mkdir(exist_ok=True)
        (site.workspace / name).write_text(path.read_text())  # as after a checkout of the change
    site.desk.commit("traps")
    site.push()
    done = check(site)
    assert (done.code, done.outputs["verdict"]) == (2, "refused")


def test_without_trust_root(site: Site) -> None:
    """Documents are validated, and the step never succeeds."""
    done = check(site, trust_root="", pending="neutral", status_token="writer")
    assert (done.code, done.outputs["verdict"], done.outputs["exit-code"]) == (6, "error", "6")
    assert [item.title for item in done.annotations] == ["No trust root"]
    assert statuses(site) == [(site.head, "error", "gaitops/check")]


def test_wrong_trust_root_is_an_error_and_no_verdict(site: Site) -> None:
    """A trust root of another fleet verifies nothing, whatever the exit code stands for elsewhere."""
    done = check(site, trust_root="sha256:" + "ab" * 32, status_token="writer")
    assert (done.code, done.outputs["verdict"]) == (2, "error")
    assert done.outputs["sarif"] == ""
    assert statuses(site) == [(site.head, "error", "gaitops/check")]


def test_the_change_does_not_choose_its_trust_root(site: Site) -> None:
    """A change that brings another root, requirements and workflow is judged from the root of the settings."""
    for name in (
        "trust/root/1.root.json",
        ".github/workflows/gaitops.yml",
        ".github/gaitops-requirements.txt",
    ):
        path = site.desk.repo / name
        path.write_text("{}\n")
    site.desk.commit("mine")
    site.push()
    done = check(site)
    assert (done.code, done.outputs["verdict"]) == (2, "refused")


def test_the_base_is_the_branch_as_it_is_now(site: Site) -> None:
    """What was merged after the job's clone was made takes part in the verdict."""
    site.desk.git("checkout", "--quiet", "main")
    path = site.desk.repo / PROJECT
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("sneaked in\n")
    site.desk.commit("sneak")
    site.desk.git("push", "--quiet", "origin", "main")
    done = check(site)
    assert "history.base_unverified" in {item.title for item in done.annotations}


def test_merge_group(site: Site) -> None:
    """In a merge queue both ends are commit ids."""
    propose(site)
    approve(site)
    base = site.desk.git("rev-parse", "main")
    github = context(merge_group={"base_sha": base, "head_sha": site.head})
    done = check(site, github, status_token="writer")
    assert done.code == 0
    assert statuses(site) == [(site.head, "success", "gaitops/check")]


def test_text_of_the_change_cannot_command_the_runner(site: Site) -> None:
    """Workflow commands in the names and documents of a change are text in annotations, log and outputs."""
    path = site.desk.repo / "orgs/acme/projects/pay/project.yaml"
    path.write_text("kind: 'x\n\n\n  ::error::gotcha %0A::set-output name=verdict::authorized'\n")
    site.desk.commit("inject\n\n::error::gotcha\n\nverdict=authorized")
    strange = site.desk.repo / "orgs/acme/projects/pay/a%0A::error::gotcha,line=1.yaml"
    strange.write_text("x: 1\n")
    site.desk.commit("::error::gotcha")
    site.push()
    done = check(site)
    assert done.outputs["verdict"] == "refused"
    assert [item for item in done.annotations if item.message.startswith("gotcha")] == []
    assert all(item.title.count(".") == 1 for item in done.annotations if item.level == "error")
    assert any("%0A::error::gotcha,line=1" in item.file for item in done.annotations)


def test_upload_only_when_wanted(site: Site) -> None:
    """Code scanning gets the problems for the pull request's own commit, also when the step has failed."""
    assert check(site).used == []
    ((action, given),) = check(site, upload_sarif="true", sarif_ref="refs/pull/7/head").used
    assert action.startswith("github/codeql-action/upload-sarif@")
    assert given["sha"] == site.head
    assert given["ref"] == "refs/pull/7/head"
    assert Path(given["sarif_file"]).exists()


@pytest.mark.parametrize(
    "inputs",
    [
        {"head": "HEAD"},
        {"head": "--upload-pack=touch /tmp/x"},
        {"base": "main:refs/heads/other"},
        {"base": "--upload-pack=x"},
        {"pending": "pass"},
    ],
)
def test_wrong_inputs(site: Site, inputs: dict[str, str]) -> None:
    """Whatever is not a commit id or a branch name is refused before Git or gaitops sees it."""
    done = check(site, **inputs)
    assert (done.code, done.annotations[0].title) == (6, "Wrong input")


def test_a_commit_that_is_nowhere(site: Site) -> None:
    """A head that the remote does not have is an error of its own."""
    assert check(site, head="ab" * 20).code == 1


def test_the_copy_in_a_fleet_repository_runs(site: Site) -> None:
    """What ``gaitops init`` put into the fleet judges a change with the requirements that lie beside it."""
    propose(site)
    folder = site.workspace / ".github/actions/check"
    done = site.job().run(folder, version=VERSION, trust_root=site.trust_root, status_token="writer")
    assert (done.code, done.outputs["verdict"]) == (0, "pending")
