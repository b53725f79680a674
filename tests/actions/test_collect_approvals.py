# SPDX-License-Identifier: Apache-2.0
"""The action ``collect-approvals``: from comments that anybody may write to a commit that anybody may check."""

from __future__ import annotations

from typing import Any

import pytest

from tests.actions.conftest import VERSION, Site, context
from tests.actions.runner import Outcome


def pull_request(site: Site, *, repository: str = "acme/fleet", **changes: Any) -> None:
    head = {"sha": site.head, "ref": "topic", "repo": {"full_name": repository} if repository else None}
    site.forge.pulls.append({"number": 7, "state": "open", "base": {"ref": "main"}, "head": head, **changes})


def comment(site: Site, intent: str, who: str) -> None:
    run = site.desk.sign(intent, who, "--head", "topic", "--print", "--yes")
    site.forge.comments.append({"id": len(site.forge.comments), "body": f"Here:\r\n\r\n{run.out}\r\nBye"})


def collect(site: Site, **inputs: str) -> Outcome:
    github = context(issue={"number": 7}, comment={"body": "$(touch gotcha)"})
    return site.job(github).run("collect-approvals", version=VERSION, trust_root=site.trust_root, **inputs)


def tip(site: Site, branch: str) -> str:
    return site.desk.git("ls-remote", "origin", f"refs/heads/{branch}").partition("\t")[0]


def test_envelopes_become_a_commit_that_authorizes(site: Site) -> None:
    """Among a hundred comments the two that count are committed, and the check of the new commit succeeds."""
    pull_request(site)
    site.forge.comments += [{"id": 1, "body": "::error::gotcha `rm -rf /`"}] * 120
    comment(site, "propose", "alice")
    comment(site, "approve", "bob")
    site.forge.comments.append({"id": 2, "body": "-----BEGIN GAITOPS ENVELOPE-----\n::error::x\n"})
    done = collect(site)
    assert (done.code, done.outputs["taken"]) == (0, "2"), done.log
    commit = done.outputs["commit"]
    assert (done.outputs["head"], done.outputs["branch"]) == (commit, "topic")
    assert tip(site, "topic") == commit
    site.desk.git("fetch", "--quiet", "origin", "topic")
    author = site.desk.git("show", "--no-patch", "--format=%an <%ae>", commit)
    assert author == "github-actions[bot] <41898282+github-actions[bot]@users.noreply.github.com>"
    names = site.desk.git("diff", "--name-only", site.head, commit).splitlines()
    assert all(name.startswith("approvals/") for name in names)
    assert "armor.malformed" in done.summary
    assert done.annotations == []
    check = site.job().run("check", version=VERSION, trust_root=site.trust_root, head=commit)
    assert (check.code, check.outputs["verdict"]) == (0, "authorized")


def test_nothing_to_take(site: Site) -> None:
    """Comments without envelopes change nothing; the head to check is that of the pull request."""
    pull_request(site)
    site.forge.comments.append({"id": 1, "body": "LGTM"})
    done = collect(site)
    assert (done.code, done.outputs["taken"], done.outputs["commit"]) == (0, "0", "")
    assert done.outputs["head"] == site.head == tip(site, "topic")
    assert "No comment holds an envelope." in done.summary


def test_pull_request_of_a_fork(site: Site) -> None:
    """Nobody here may push to a fork: the envelopes get a branch and a pull request of their own, once."""
    head = site.head
    site.desk.git("push", "--quiet", "origin", ":topic")
    site.push("refs/pull/7/head")
    pull_request(site, repository="stranger/fleet")
    comment(site, "propose", "alice")
    done = collect(site)
    assert (done.code, done.outputs["branch"], done.outputs["head"]) == (0, "gaitops/approvals-7", head), (
        done.log
    )
    assert done.outputs["pull-request-url"].endswith("/pull/9")
    assert tip(site, "gaitops/approvals-7") == done.outputs["commit"]
    ((method, path, body),) = site.forge.calls
    assert (method, path, body["head"], body["base"]) == ("POST", "/pulls", "gaitops/approvals-7", "main")
    assert collect(site).outputs["taken"] == "0"
    assert len(site.forge.calls) == 1


def test_fork_that_is_gone(site: Site) -> None:
    """A pull request whose fork was deleted is treated like one of a fork."""
    pull_request(site, repository="")
    comment(site, "propose", "alice")
    assert collect(site).outputs["branch"] == "gaitops/approvals-7"


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({"state": "closed"}, "Not open"),
        ({"base": {"ref": "other"}}, "Another base"),
    ],
)
def test_refused(site: Site, changes: dict[str, Any], title: str) -> None:
    """Only an open pull request to the protected branch is served."""
    pull_request(site, **changes)
    done = collect(site)
    assert (done.code, done.annotations[0].title) == (6, title)


def test_the_protected_branch_is_never_pushed_to(site: Site) -> None:
    """A pull request whose branch has the name of the protected one, in this repository, is refused."""
    pull_request(site)
    site.forge.pulls[0]["head"]["ref"] = "main"
    assert collect(site).code == 6


def test_forge_that_fails(site: Site) -> None:
    """An answer other than expected ends the step without a token in the log."""
    done = collect(site, pull_request="7", token="hidden-token")
    assert done.code == 1
    assert "hidden-token" not in done.log


def test_number_is_a_number(site: Site) -> None:
    """The number becomes part of an address, so it is checked first."""
    done = collect(site, pull_request="7/../../other")
    assert (done.code, done.annotations[0].title) == (6, "Wrong input")
