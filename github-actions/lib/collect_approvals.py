# SPDX-License-Identifier: Apache-2.0
"""The step of the action ``collect-approvals``: envelopes in comments become files on the branch.

Comments, titles and names of branches are strangers' text. They reach gaitops through a file or as one argument
after a name that they cannot change. What gaitops takes is signed by people whom the fleet knows, and lies under approvals/.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import Any

import forge
import program
import workflow


@dataclass(frozen=True)
class Place:
    """Where the change is, and where its envelopes go."""

    number: int
    base: str
    head: str
    branch: str
    is_fork: bool


def main() -> int:
    """Exit code of the step."""
    number, token = workflow.required("pull-request"), workflow.required("token")
    if not number.isdecimal():
        workflow.stop("Wrong input", "The input pull-request is a number.")
    try:
        github = forge.Forge(token)
        place = _place(github.pull_request(int(number)))
        comments = github.comments(place.number)
        done = _collect(place, comments, token)
        document = done.json
        if "error_code" in document:
            program.failed(done)
            return done.code
        _tell(document)
        commit = document["commit"] or ""
        address = _offer(github, place) if place.is_fork and commit else ""
    except forge.ForgeError as error:
        workflow.stop("GitHub", str(error), 1)
    workflow.output(
        taken=document["taken"],
        commit=commit,
        head=place.head if place.is_fork or not commit else commit,
        branch=place.branch,
        pull_request_url=address,
    )
    return 0


def _place(found: dict[str, Any]) -> Place:
    """Refuses everything but an open pull request to the branch that the workflow serves."""
    base, head = found["base"]["ref"], found["head"]
    if found["state"] != "open":
        workflow.stop("Not open", "The pull request is closed; there is nothing to collect for.")
    if base != workflow.required("base"):
        workflow.stop("Another base", "The pull request is not meant for the protected branch.")
    same = (head.get("repo") or {}).get("full_name") == os.environ["GITHUB_REPOSITORY"]
    branch = head["ref"] if same else f"gaitops/approvals-{found['number']}"
    if branch == base:
        workflow.stop("No branch", "The pull request's branch is the protected branch itself.")
    return Place(int(found["number"]), base, head["sha"], branch, not same)


def _collect(place: Place, comments: list[dict[str, str]], token: str) -> program.Done:
    repo, folder = workflow.given("repo") or ".", workflow.scratch("collect")
    program.fetched_commit(repo, place.head, token)
    file = folder / "comments.json"
    file.write_text(json.dumps(comments), encoding="utf-8")
    return program.gaitops(
        "collect",
        f"--repo={repo}",
        f"--from={file}",
        "--comments",
        f"--base={place.base}",
        f"--head={place.head}",
        f"--branch={place.branch}",
        "--push",
        f"--trust-root={workflow.required('trust-root')}",
        "--json",
        variables={
            "XDG_STATE_HOME": str(folder / "state"),
            **program.bot(),
            **program.credentials(token),
        },
    )


def _tell(document: dict[str, Any]) -> None:
    lines = []
    for item in document["envelopes"]:
        words = [item["outcome"], item.get("intent", ""), item.get("principal", ""), item["source"]]
        if "problem" in item:
            words.append(f"{item['problem']['message']} [{item['problem']['code']}]")
        lines.append("  ".join(word for word in words if word))
    text = "\n".join(lines) or "No comment holds an envelope."
    workflow.log(text)
    workflow.summary(f"### gaitops collect: {document['taken']} taken\n\n{workflow.block(text)}")


def _offer(github: forge.Forge, place: Place) -> str:
    """A pull request of the envelopes alone, because nobody here may push to a fork (design 6)."""
    title = f"Approvals for #{place.number}"
    body = (
        f"Envelopes that were collected from the comments on #{place.number}, whose branch is in a fork.\n\n"
        "This adds files under `approvals/` and nothing else. Merge it before the other one."
    )
    number, address, _new = github.offer(place.branch, place.base, title, body)
    workflow.annotate("notice", "Approvals", f"Merge #{number} first: it holds the envelopes.")
    return address


if __name__ == "__main__":
    sys.exit(main())
