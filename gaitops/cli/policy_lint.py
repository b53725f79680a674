# SPDX-License-Identifier: Apache-2.0
"""``gaitops policy lint``: what Gait accepts and an author would regret."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from gaitops.cli.command import command
from gaitops.cli.exit_codes import GATE_FAILED, INVALID_INPUT, SUCCESS
from gaitops.cli.output import Result

_SEVERITIES = ("low", "medium", "high")
"""Lowest first."""


@command(example="gaitops policy lint gait.policy.yaml\ngaitops policy lint --fail-on high policies/*.yaml")
@click.argument("file", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--fail-on",
    type=click.Choice(_SEVERITIES),
    help="Exit with 5 when there is a finding of this severity or above.",
)
def lint(*, file: tuple[Path, ...], fail_on: str | None) -> Result:
    """Find mistakes in each policy FILE that Gait does not complain about.

    For example rules that can never match, approvals on an allow, or a default of allow; each finding has an id,
    a line and advice. Findings do not fail the command unless `--fail-on` asks for it; a file that Gait rejects
    does, with exit code 6.
    """
    from gaitops.cli.files import read_bytes
    from gaitops.errors import Problem
    from gaitops.gait.policy_digest import digest_policy
    from gaitops.gait.policy_lint import lint as lint_policy
    from gaitops.report.lint import finding_lines
    from gaitops.report.problems import problem_lines

    rows: list[dict[str, object]] = []
    blocks: list[str] = []
    severities: set[str] = set()
    unreadable = False
    for path in file:
        reading = digest_policy(read_bytes(path))
        problems = [replace(problem, path=str(path)) for problem in reading.problems]
        if reading.reason is not None:
            problems.append(
                Problem("policy.not_computed", f"not read with certainty: {reading.reason}", path=str(path))
            )
        findings = lint_policy(reading)
        severities.update(found.severity for found in findings)
        unreadable = unreadable or bool(problems)
        rows.append(
            {
                "file": str(path),
                "outcome": reading.outcome,
                "findings": [found.to_json() for found in findings],
                "problems": [problem.to_json() for problem in problems],
            }
        )
        blocks += [*finding_lines(str(path), findings), *([problem_lines(problems)] if problems else [])]
    failing = set(_SEVERITIES[_SEVERITIES.index(fail_on) :]) if fail_on else set()
    code = INVALID_INPUT if unreadable else GATE_FAILED if failing & severities else SUCCESS
    return Result("policy-lint", {"files": rows}, "\n".join(blocks) or "no findings", exit_code=code)
