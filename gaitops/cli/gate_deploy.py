# SPDX-License-Identifier: Apache-2.0
"""``gaitops gate deploy``: whether a repository may be deployed now, by the gates of the fleet."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.exit_codes import POLICY_BLOCKED, SUCCESS
from gaitops.cli.output import Result
from gaitops.cli.require import require as require_option

if TYPE_CHECKING:
    from gaitops.conformance.inputs import Context
    from gaitops.conformance.model import RepositoryResult
    from gaitops.history.session import History
    from gaitops.pin.require import Require

_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@command(
    "deploy",
    example="gaitops gate deploy --repository github.com/a/pay --environment prod --fleet-repo fleet\n"
    "gaitops gate deploy --repository github.com/a/pay --environment prod --fleet-repo f --consumer .",
    formats=("text", "json", "markdown"),
)
@click.option("--repository", required=True, metavar="URL", help="URL or id of the repository to deploy.")
@click.option("--environment", required=True, metavar="ENV", help="Environment to deploy into.")
@click.option(
    "--fleet-repo",
    type=_FOLDER,
    required=True,
    metavar="DIR",
    help="The fleet repository, whose verified state has the gates; fetch it first.",
)
@click.option("--rev", default="main", show_default=True, metavar="REV", help="Revision of --fleet-repo.")
@options.trust_root
@require_option
@click.option(
    "--consumer",
    type=_FOLDER,
    metavar="DIR",
    help="Checkout of what is to be deployed, for gates that ask for conformance.",
)
@click.option(
    "--consumer-rev", metavar="REV", help="Judge this commit of --consumer; the working tree by default."
)
@click.option(
    "--evidence",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Evidence summary, for gates that ask for regress results or evidence.",
)
@options.at
def deploy(
    *,
    repository: str,
    environment: str,
    fleet_repo: Path,
    rev: str,
    trust_root: str,
    require: Require,
    consumer: Path | None,
    consumer_rev: str | None,
    evidence: Path | None,
    at: datetime | None,
) -> Result:
    """Ask the deployment gates of the fleet whether a repository may be deployed into an environment now.

    Every DeploymentGate of the project that names the environment must agree. What it asks for and cannot be looked
    at stops the deployment, too. Exit code 3: blocked; each reason says how to clear it. Where no gate guards the
    environment, the deployment is allowed, and the answer says so.
    """
    from gaitops.cli.conformance_sources import read_evidence
    from gaitops.cli.opening import judged_at, opened
    from gaitops.conformance.gate import DeploymentFacts, judge_deployment
    from gaitops.conformance.inputs import Context
    from gaitops.documents.models.tenancy import repository_name
    from gaitops.report.gates import gate_json, gate_markdown, gate_text

    if consumer_rev is not None and consumer is None:
        raise click.UsageError("--consumer-rev is a revision of --consumer")
    name, moment = repository_name(repository), judged_at(at)
    summary, sha256 = read_evidence(evidence)
    with opened(fleet_repo, rev, trust_root, at=at) as history:
        state = history.state()
        result = None
        if consumer is not None:
            context = Context(trust_root, moment, summary, sha256, require)
            result = _conformance(history, name, environment, consumer, consumer_rev, context)
        facts = DeploymentFacts(name, environment, trust_root, moment, result, summary)
        decision = judge_deployment(state, facts)
    return Result(
        "gate-deploy",
        gate_json(decision),
        gate_text(decision),
        {"markdown": lambda: gate_markdown(decision)},
        exit_code=SUCCESS if decision.allowed else POLICY_BLOCKED,
    )


def _conformance(
    history: History, repository: str, environment: str, consumer: Path, rev: str | None, context: Context
) -> RepositoryResult:
    """Conformance of a checkout with what verified state requires."""
    from gaitops.cli.conformance_sources import consumer_content, content_requirements
    from gaitops.conformance.evaluate import evaluate
    from gaitops.conformance.inputs import Subject
    from gaitops.conformance.pinned import read_pinned

    snapshot, commit = consumer_content(consumer, rev)
    reading = read_pinned(snapshot, context.trust_root, repository, context.require)
    subject = Subject(snapshot, repository, environment, reading, commit)
    return evaluate(subject, content_requirements(history).required(subject), context)
