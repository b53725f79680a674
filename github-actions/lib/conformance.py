# SPDX-License-Identifier: Apache-2.0
"""The step of the action ``conformance``: does this repository run what the fleet requires of it?"""

from __future__ import annotations

import sys

import program
import workflow

VERDICTS = {0: "conformant", 3: "non-conformant"}


def main() -> int:
    """Exit code of the step."""
    repo, folder = workflow.given("repo") or ".", workflow.scratch("conformance")
    arguments = ["conformance", f"--repo={repo}", f"--trust-root={workflow.required('trust-root')}"]
    given = {
        name: workflow.given(name)
        for name in ("environment", "release", "fleet-repo", "evidence", "rev", "require")
    }
    # A genuine pin that was copied from another repository is noticed only by whoever knows which one this is.
    given["repository"] = workflow.given("repository") or workflow.this_repository()
    once, statement = [], ""
    if workflow.given("key"):
        statement = str(folder / "vsa.json")
        once = [f"--vsa={statement}", f"--key={workflow.given('key')}"]
        given["rev"] = given["rev"] or "HEAD"  # A statement is about a commit.
    arguments += [f"--{name}={value}" for name, value in given.items() if value]
    if workflow.flag("strict"):
        arguments.append("--strict")
    formats = {"markdown": "report.md", "sarif": "report.sarif", "junit": "report.xml"}
    done = program.report(folder, *arguments, formats=formats, once=once)
    if "error_code" in done.json:
        program.failed(done)
        workflow.output(
            verdict="error", exit_code=done.code, report=folder / "report.json", sarif="", junit="", vsa=""
        )
        return done.code
    markdown = (folder / "report.md").read_text(encoding="utf-8")
    workflow.log(markdown)
    workflow.summary(markdown)
    if done.code != 0:
        workflow.annotate("error", "Not conformant", "The job summary names each control and its remedy.")
    workflow.output(
        verdict=VERDICTS.get(done.code, "error"),
        exit_code=done.code,
        report=folder / "report.json",
        sarif=folder / "report.sarif",
        junit=folder / "report.xml",
        vsa=statement,
    )
    return 0 if workflow.flag("report-only") and done.code == 3 else done.code


if __name__ == "__main__":
    sys.exit(main())
