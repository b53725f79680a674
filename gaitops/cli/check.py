# SPDX-License-Identifier: Apache-2.0
"""``gaitops check``: what a pull request changes, which rule asks for what, who has signed, who still may."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.exit_codes import APPROVAL_REQUIRED, VERIFICATION_FAILED
from gaitops.cli.output import Result


@command(
    example="gaitops check --base origin/main --head HEAD\ngaitops check --base main --head topic --format markdown",
    formats=("text", "json", "markdown"),
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
            {"markdown": lambda: proposal_markdown(proposal)},
            exit_code=code,
        )
