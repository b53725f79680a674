# SPDX-License-Identifier: Apache-2.0
"""The step of the action ``check``: judge a change, tell everybody, and set the commit status.

The change is fetched as Git objects and read as such; nothing of it is checked out, imported or run.
"""

from __future__ import annotations

import sys
from typing import Any, Final

import forge
import program
import workflow

VERDICTS: Final = {0: "authorized", 2: "refused", 4: "pending"}
STATES: Final = {"authorized": "success", "refused": "failure", "pending": "pending"}
SENTENCES: Final = {
    "authorized": "This change is authorized and may be merged.",
    "pending": "Nothing is wrong, but approvals are missing.",
    "refused": "This change is refused as it is.",
    "error": "The change could not be judged.",
}
PENDING: Final = ("auto", "neutral", "fail")


def main() -> int:
    """Exit code of the step."""
    repo, token = workflow.given("repo") or ".", workflow.given("token")
    if workflow.given("pending") not in PENDING:
        workflow.stop("Wrong input", f"The input pending is one of {', '.join(PENDING)}.")
    head = workflow.required("head")
    program.fetched_commit(repo, head, token)
    if not workflow.given("trust-root"):
        return _without_trust_root(repo, head)
    base = workflow.required("base")
    if program.COMMIT.fullmatch(base):
        program.fetched_commit(repo, base, token)
        base = program.named(repo, "base", base)
    else:
        base = program.fetched_branch(repo, base, token)
    return _judge(repo, base, head)


def _judge(repo: str, base: str, head: str) -> int:
    folder = workflow.scratch("check")
    arguments = ["check", "--repo", repo, "--base", base, "--head", head]
    arguments += ["--trust-root", workflow.given("trust-root")]
    formats = {"markdown": "report.md", "sarif": "report.sarif"}
    done = program.report(folder, *arguments, formats=formats)
    document = done.json
    if "error_code" in document:
        # Some errors have the exit code of a verdict; without a verdict they are errors all the same.
        verdict, description = "error", program.failed(done)
    else:
        verdict = VERDICTS.get(done.code, "error")
        description = SENTENCES[verdict]
        _tell(document, verdict, repo)
        workflow.summary((folder / "report.md").read_text(encoding="utf-8"))
    published = _publish(head, STATES.get(verdict, "error"), description)
    code = _exit_code(verdict, done.code, published=published)
    sarif = folder / "report.sarif"
    workflow.output(
        verdict=verdict,
        exit_code=done.code,
        pending=verdict == "pending",
        head=head,
        report=folder / "report.json",
        sarif=sarif if sarif.exists() else "",
        status="published" if published else "none",
    )
    return code


def _tell(document: dict[str, Any], verdict: str, repo: str) -> None:
    problems = document["problems"]
    workflow.log(SENTENCES[verdict], *(f"{item['code']}: {item['message']}" for item in problems))
    workflow.annotate_problems("warning" if verdict == "pending" else "error", problems, repo)
    workflow.annotate_problems("notice", document["ignored"], repo)


def _publish(head: str, state: str, description: str) -> bool:
    """Set the commit status when there is a token for it. One that may not write costs the status, not the verdict."""
    token, context = workflow.given("status-token"), workflow.given("status-context")
    if not token:
        return False
    try:
        forge.Forge(token).set_status(head, state, context, description)
    except forge.ForgeError as error:
        workflow.annotate(
            "warning", "No commit status", f"{error}. The job needs the permission statuses: write."
        )
        return False
    return True


def _exit_code(verdict: str, code: int, *, published: bool) -> int:
    """Pending is a state of its own where something shows it; a job alone has only green and red."""
    choice = workflow.given("pending")
    if verdict == "pending" and (choice == "neutral" or (choice == "auto" and published)):
        workflow.annotate("notice", "Approvals missing (pending)", "Do not merge yet; see the job summary.")
        return 0
    if verdict == "pending":
        workflow.annotate("error", "Approvals missing (pending)", "Nothing is wrong; see the job summary.")
    return code


def _without_trust_root(repo: str, head: str) -> int:
    """Documents can be checked without a trust root; nothing else can, so the step never succeeds."""
    done = program.gaitops("validate", "--repo", repo, "--rev", head)
    workflow.log(done.out, done.err)
    workflow.summary(
        "### gaitops check\n\nNo trust root: nothing was verified.\n\n" + workflow.block(done.out)
    )
    _publish(head, "error", "No trust root: nothing was verified.")
    workflow.output(
        verdict="error", exit_code=6, pending=False, head=head, report="", sarif="", status="none"
    )
    workflow.stop(
        "No trust root",
        "The documents were validated, but nothing can be verified: the input trust-root is empty. GitHub gives no "
        "variables to a workflow that a fork's pull request starts by the event pull_request.",
    )


if __name__ == "__main__":
    sys.exit(main())
