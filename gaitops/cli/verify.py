# SPDX-License-Identifier: Apache-2.0
"""``gaitops verify``: prove from the commits that every change of a fleet was authorized."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.exit_codes import VERIFICATION_FAILED
from gaitops.cli.output import Result


@command(
    example="gaitops verify --trust-root sha256:5f0c…\ngaitops verify --repo fleet.git --rev main --org acme --json"
)
@options.repo
@click.option(
    "--rev", default="main", show_default=True, metavar="REV", help="Branch, tag or full commit id to judge."
)
@click.option("--org", metavar="ORG", help="Judge one organization and what it depends on.")
@options.trust_root
@options.at
@click.option(
    "--no-cache", is_flag=True, help="Judge the whole history again; neither read nor write the checkpoint."
)
@click.option(
    "--from-release",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Start from a release that you trust instead of genesis; the verdict says so.",
)
def verify(
    *,
    repo: Path,
    rev: str,
    org: str | None,
    trust_root: str,
    at: datetime | None,
    no_cache: bool,
    from_release: Path | None,
) -> Result:
    """Verify the first-parent history of a fleet repository from its pinned trust root.

    Succeeds when all protected content at the revision was authorized by the people, keys and rules of the
    verified state before it. What is not is listed with the reason and the remedy (exit code 2).
    """
    from gaitops.cli.opening import opened
    from gaitops.report.verdicts import verdict_text

    with opened(repo, rev, trust_root, at=at, cache=not no_cache, from_release=from_release) as history:
        verdict = history.verdict()
        if org is not None:
            verdict = verdict.only(org)
        code = 0 if verdict.verified else VERIFICATION_FAILED
        return Result("verify", verdict.to_json(), verdict_text(verdict), exit_code=code)
