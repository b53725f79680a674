# SPDX-License-Identifier: Apache-2.0
"""``gaitops check``: what a pull request changes, which rule asks for what, who has signed, who still may."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.exit_codes import APPROVAL_REQUIRED, VERIFICATION_FAILED
from gaitops.cli.output import Result
from gaitops.errors import Problem

if TYPE_CHECKING:
    from gaitops.history.proposal import Proposal

_EVERYTHING = "fleet.yaml"
"""Where code scanning shows a finding about no single file."""


@command(
    example="gaitops check --base origin/main --head HEAD\ngaitops check --base main --head topic --format markdown",
    formats=("text", "json", "markdown", "sarif", "junit", "code-quality"),
)
@options.repo
@options.base_and_head
@options.trust_root
@options.at
@options.include_pending
@click.option("--no-cache", is_flag=True, help="Judge the base's whole history again.")
def check(
    *,
    repo: Path,
    base: str,
    head: str,
    trust_root: str,
    at: datetime | None,
    include_pending: bool,
    no_cache: bool,
) -> Result:
    """Judge the change that merging HEAD into BASE would make.

    The change is judged against the verified state reached from BASE under the trust root, with the approvals on
    BASE and on HEAD. Exit code 0: it may be merged; 4: only approvals are missing; 2: something is wrong with it.
    """
    from gaitops.cli.opening import opened
    from gaitops.history.proposal import propose
    from gaitops.report.proposals import proposal_json, proposal_markdown, proposal_text

    with opened(repo, base, trust_root, at=at, cache=not no_cache) as history:
        proposal = propose(history, history.repository.resolve(head), include_pending=include_pending)
        code = 0 if proposal.authorized else APPROVAL_REQUIRED if proposal.pending else VERIFICATION_FAILED
        ignored = history.fold.facts.ignored
        return Result(
            "check",
            proposal_json(proposal, ignored),
            proposal_text(proposal, ignored),
            {
                "markdown": lambda: proposal_markdown(proposal),
                "sarif": lambda: _sarif(proposal, ignored),
                "junit": lambda: _junit(proposal),
                "code-quality": lambda: _code_quality(proposal, ignored),
            },
            exit_code=code,
        )


def _sarif(proposal: Proposal, ignored: Sequence[Problem]) -> str:
    from gaitops import __version__
    from gaitops.report.check_results import proposal_findings
    from gaitops.report.findings import problem_rules
    from gaitops.report.sarif import sarif

    found = proposal_findings(proposal, ignored)
    rules = problem_rules(found)
    return sarif(found, rules, tool_version=__version__, invocation_ok=True, default_path=_EVERYTHING)


def _code_quality(proposal: Proposal, ignored: Sequence[Problem]) -> str:
    from gaitops.report.check_results import proposal_findings
    from gaitops.report.code_quality import code_quality

    return code_quality(proposal_findings(proposal, ignored), default_path=_EVERYTHING)


def _junit(proposal: Proposal) -> str:
    from gaitops.report.check_results import proposal_suites
    from gaitops.report.junit import junit

    return junit(proposal_suites(proposal))
