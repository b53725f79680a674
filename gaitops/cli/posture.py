# SPDX-License-Identifier: Apache-2.0
"""``gaitops posture show``: what the evidence says about a fleet, and the artifacts behind every number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gaitops.cli.command import command
from gaitops.cli.output import Result
from gaitops.cli.posture_sources import Request, opened_posture, request_options

if TYPE_CHECKING:
    from gaitops.evidence.posture_proof import Proofs
    from gaitops.posture.report import PostureReport


@command(
    "show",
    example="gaitops posture show --store evidence --fleet-repo ../fleet\n"
    "gaitops posture show --store s3://acme/gait --fleet-repo ../fleet --team payments --format csv\n"
    "gaitops posture show --store evidence --fleet-repo ../fleet --proof events.unexpected",
    formats=("text", "json", "markdown", "csv", "openmetrics"),
)
@request_options
@click.option(
    "--proof",
    metavar="SELECTOR",
    help="List the artifacts behind one number, e.g. events.block or events.block?repository=github.com/acme/pay.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    metavar="N",
    help="With --proof, how many artifacts to list.",
)
def show(*, proof: str | None, limit: int, **arguments: Any) -> Result:
    """Show the posture of a fleet: states, decisions, versions, evidence, approvals, coverage, regressions.

    What is not known comes first and is never part of another number; every share says of what. The fleet's verified
    state says what should have run where and when. With --proof, shows where one number comes from instead.
    """
    request = Request.taken(arguments)
    with opened_posture(request) as (report, proofs):
        return _report(report) if proof is None else _proof(proofs, proof, limit)


def _report(report: PostureReport) -> Result:
    from gaitops.report.posture import posture_text
    from gaitops.report.posture_markdown import posture_markdown
    from gaitops.report.posture_openmetrics import posture_openmetrics
    from gaitops.report.posture_rows import posture_csv

    return Result(
        "posture",
        report.to_json,
        lambda: posture_text(report),
        {
            "markdown": lambda: posture_markdown(report),
            "csv": lambda: posture_csv(report),
            "openmetrics": lambda: posture_openmetrics(report),
        },
    )


def _proof(proofs: Proofs, selector: str, limit: int) -> Result:
    from gaitops.report.posture_proofs import proof_csv, proof_json, proof_markdown, proof_text

    rows = proofs.artifacts(selector, limit)
    total = proofs.count(selector) if len(rows) == limit else len(rows)

    def refused() -> str:
        raise click.UsageError("--proof lists artifacts, which are no metrics: choose another --format")

    return Result(
        "posture-proof",
        proof_json(selector, total, rows),
        lambda: proof_text(selector, total, rows),
        {
            "markdown": lambda: proof_markdown(selector, total, rows),
            "csv": lambda: proof_csv(rows),
            "openmetrics": refused,
        },
    )
