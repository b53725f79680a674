# SPDX-License-Identifier: Apache-2.0
"""``gaitops rollout plan``: what a rollout would do, before anything is committed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.exit_codes import POLICY_BLOCKED
from gaitops.cli.output import Result
from gaitops.cli.rollouts import Place, rollout_argument

if TYPE_CHECKING:
    from gaitops.documents.models.rollout import Rollout
    from gaitops.history.session import History
    from gaitops.report.rollout_plans import PlanReport


@command(
    example="gaitops rollout plan acme/pay/tighten\n"
    "gaitops rollout plan acme/pay/tighten --file draft.yaml --format markdown",
    formats=("text", "json", "markdown"),
)
@rollout_argument
@options.repo
@click.option(
    "--rev",
    default="main",
    show_default=True,
    metavar="REV",
    help="The protected branch, whose verified state the plan is worked out against.",
)
@click.option(
    "--file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="The Rollout document; default: the one in the working tree, else that of the branch.",
)
@options.trust_root
def plan(*, rollout: Place, repo: Path, rev: str, file: Path | None, trust_root: str) -> Result:
    """Show what a rollout would do, step by step, before anything is committed.

    ROLLOUT is ORG/PROJECT/ID. For every step: which repositories enter, stay and leave in which environment, limits, soak, gates and the
    earliest date; and who must approve the start, which approves the plan. Ends with exit code 3 when starting it
    would be refused.
    """
    from gaitops.cli.opening import opened
    from gaitops.report.rollout_plans import plan_json, plan_markdown, plan_text

    with opened(repo, rev, trust_root) as history:
        report = _report(history, repo, rollout, file)
    return Result(
        "rollout-plan",
        lambda: plan_json(report),
        lambda: plan_text(report),
        {"markdown": lambda: plan_markdown(report)},
        exit_code=POLICY_BLOCKED if report.problems else 0,
    )


def _report(history: History, repo: Path, rollout: Place, file: Path | None) -> PlanReport:
    from gaitops.cli.rollout_change import impediments, judged_start
    from gaitops.documents.times import parse_timestamp
    from gaitops.report.rollout_plans import PlanReport
    from gaitops.rollout.plan import make_plan

    document, source = _document(history, repo, rollout, file)
    status, state = document.status, history.state()
    if status.phase != "pending":
        started = parse_timestamp(status.started_at) if status.started_at is not None else None
        made = make_plan(state, *rollout, document.spec, order=status.repositories, started=started)
        return PlanReport(made, (), (), status.phase)
    made = make_plan(state, *rollout, document.spec, started=history.at)
    judgements = judged_start(history, repo, rollout, document, source)
    return PlanReport(
        made,
        tuple(item for judgement in judgements for item in judgement.decisions),
        impediments(judgements),
    )


def _document(
    history: History, repo: Path, rollout: Place, file: Path | None
) -> tuple[Rollout, bytes | None]:
    from gaitops.cli.files import read_bytes
    from gaitops.cli.rollout_change import document_before
    from gaitops.documents.layout import rollout_path
    from gaitops.documents.load import load_document
    from gaitops.documents.models.rollout import Rollout

    if file is None:
        return document_before(history, repo, rollout, "start")
    data = read_bytes(file)
    document = load_document(data, rollout_path(*rollout))
    if not isinstance(document, Rollout):  # Cannot happen: the path decides the kind.
        raise TypeError(type(document).__name__)
    return document, data
