# SPDX-License-Identifier: Apache-2.0
"""The step of the action ``deploy-gate``: may this repository be deployed to this environment now?"""

from __future__ import annotations

import sys

import program
import workflow

VERDICTS = {0: "open", 3: "closed"}


def main() -> int:
    """Exit code of the step."""
    folder, fleet = workflow.scratch("gate"), workflow.required("fleet")
    arguments = ["gate", "deploy", f"--fleet-repo={fleet}"]
    arguments += [
        f"--{name}={workflow.required(name)}" for name in ("repository", "environment", "trust-root")
    ]
    given = {name: workflow.given(name) for name in ("consumer", "evidence", "require")}
    arguments += [f"--{name}={value}" for name, value in given.items() if value]
    done = program.report(folder, *arguments, formats={"markdown": "report.md"})
    if "error_code" in done.json:
        program.failed(done)
        workflow.output(verdict="error", exit_code=done.code, report=folder / "report.json")
        return done.code
    markdown = (folder / "report.md").read_text(encoding="utf-8")
    workflow.log(markdown)
    workflow.summary(markdown)
    if done.code != 0:
        workflow.annotate("error", "Deployment gate closed", "The job summary says why, and how to clear it.")
    workflow.output(
        verdict=VERDICTS.get(done.code, "error"), exit_code=done.code, report=folder / "report.json"
    )
    return done.code


if __name__ == "__main__":
    sys.exit(main())
