# SPDX-License-Identifier: Apache-2.0
"""The step of the action ``verify``: prove that a commit of the protected branch is what people approved."""

from __future__ import annotations

import sys

import program
import workflow


def main() -> int:
    """Exit code of the step."""
    repo, commit = workflow.given("repo") or ".", workflow.required("rev")
    program.fetched_commit(repo, commit, workflow.given("token"))
    folder = workflow.scratch("verify")
    state = {"XDG_STATE_HOME": str(folder / "state")}
    arguments = ["verify", "--repo", repo, "--rev", program.named(repo, "rev", commit)]
    arguments += ["--trust-root", workflow.required("trust-root")]
    if workflow.given("org"):
        arguments += ["--org", workflow.given("org")]
    done = program.gaitops(*arguments, "--json", variables=state)
    (folder / "report.json").write_text(done.out, encoding="utf-8")
    document = done.json
    if "error_code" in document:
        program.failed(done)
        verdict = "error"
    else:
        verdict = "verified" if document["verified"] else "unverified"
        text = program.gaitops(*arguments, variables=state).out
        workflow.log(text)
        workflow.summary(f"### gaitops verify: {verdict}\n\n{workflow.block(text)}")
        workflow.annotate_problems("error", document["problems"], repo)
    workflow.output(verdict=verdict, exit_code=done.code, report=folder / "report.json")
    return done.code


if __name__ == "__main__":
    sys.exit(main())
