# SPDX-License-Identifier: Apache-2.0
"""``gaitops resolve``: what a repository must run, according to verified state."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.output import Result
from gaitops.errors import InvalidInputError


@command(
    example="gaitops resolve --repository github.com/acme/pay --environment production\ngaitops resolve --all --format jsonl",
    formats=("text", "json", "jsonl"),
)
@options.repo
@click.option(
    "--rev", default="main", show_default=True, metavar="REV", help="Revision whose verified state is read."
)
@click.option("--repository", metavar="URL", help="Repository URL or id, e.g. github.com/acme/pay.")
@click.option("--environment", metavar="ENV", help="Environment name; all of the repository's without it.")
@click.option("--all", "everything", is_flag=True, help="All assignments of the fleet.")
@options.trust_root
@options.at
def resolve(
    *,
    repo: Path,
    rev: str,
    repository: str | None,
    environment: str | None,
    everything: bool,
    trust_root: str,
    at: datetime | None,
) -> Result:
    """Resolve which policy versions each repository must run in each environment, and in which mode.

    A candidate and its mode are there while a rollout is under way; without one the mode is enforce.
    The answer comes from verified state: content that nobody authorized has no effect on it.
    """
    from gaitops.cli.opening import opened
    from gaitops.documents.models.tenancy import repository_name
    from gaitops.fleet.assignments import resolve_all
    from gaitops.report.assignments import assignment_json, assignment_lines, assignments_table

    if everything == (repository is not None):
        raise click.UsageError("name one --repository, or ask for --all")
    wanted = repository_name(repository) if repository is not None else None
    with opened(repo, rev, trust_root, at=at) as history:
        rows = [
            row
            for row in resolve_all(history.state())
            if (wanted is None or row.repository == wanted) and environment in (None, row.environment)
        ]
    if wanted is not None and not rows:
        raise InvalidInputError.of(
            "assignment.none",
            f"nothing is assigned to {wanted}" + (f" in {environment}" if environment else ""),
            remedy="Check the name, the environment's selector, and that the change is verified.",
        )
    return Result(
        "resolve",
        lambda: {"assignments": [assignment_json(row) for row in rows]},
        lambda: assignments_table(rows),
        {"jsonl": lambda: assignment_lines(rows)},
    )
