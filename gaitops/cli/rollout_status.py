# SPDX-License-Identifier: Apache-2.0
"""``gaitops rollout status``: where rollouts stand, what may happen next, and what must be rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.exit_codes import GATE_FAILED
from gaitops.cli.output import Result
from gaitops.cli.rollouts import Place, place

if TYPE_CHECKING:
    from gaitops.documents.models.rollout import Rollout
    from gaitops.history.session import History
    from gaitops.report.rollout_status import GateView, RolloutView
    from gaitops.rollout.gates import Stay


@command(
    example="gaitops rollout status\ngaitops rollout status acme/pay/tighten --exit-code",
    formats=("text", "json", "markdown"),
)
@click.argument("rollout", type=place, metavar="[ROLLOUT]", required=False)
@options.repo
@click.option(
    "--rev", default="main", show_default=True, metavar="REV", help="Revision whose verified state is read."
)
@click.option("--all", "everything", is_flag=True, help="Also those that are planned or over.")
@click.option(
    "--exit-code",
    is_flag=True,
    help="End with 5 when something must be rolled back, or a gate of a current step failed.",
)
@options.trust_root
@options.at
def status(
    *,
    rollout: Place | None,
    repo: Path,
    rev: str,
    everything: bool,
    exit_code: bool,
    trust_root: str,
    at: datetime | None,
) -> Result:
    """Show where rollouts stand: steps, modes, soak, gates with their newest analysis, and triggers.

    ROLLOUT is ORG/PROJECT/ID; without it, all that are under way. Everything comes from verified state and from analyses whose signature
    counts; triggers that fired say what must be rolled back, with the command that prepares it.
    """
    from gaitops.cli.opening import opened
    from gaitops.cli.rollouts import find_rollout
    from gaitops.report.rollout_status import status_json, status_markdown, status_text

    with opened(repo, rev, trust_root, at=at) as history:
        if rollout is not None:
            views = [_view(history, rollout, find_rollout(history, rollout))]
        else:
            found = _rollouts(history, everything=everything)
            views = [_view(history, where, document) for where, document in found]
    attention = any(view.needs_attention for view in views)
    return Result(
        "rollout-status",
        status_json(views),
        status_text(views),
        {"markdown": lambda: status_markdown(views)},
        exit_code=GATE_FAILED if exit_code and attention else 0,
    )


def _rollouts(history: History, *, everything: bool) -> Iterator[tuple[Place, Rollout]]:
    from gaitops.fleet.candidates import ACTIVE

    state = history.state()
    for org in state.orgs():
        for project in state.projects(org):
            for name, document in state.rollouts(org, project):
                if everything or document.status.phase in ACTIVE:
                    yield (org, project, name), document


def _view(history: History, where: Place, document: Rollout) -> RolloutView:
    from gaitops.change.permissions import OPERATOR
    from gaitops.change.rollout_evidence import fired_triggers
    from gaitops.cli.rollouts import occasion_of, stay_in_step
    from gaitops.fleet.candidates import ACTIVE
    from gaitops.fleet.scopes import project_scope
    from gaitops.report.rollout_status import RolloutView
    from gaitops.rollout.plan import make_plan

    people = history.fold.people((where[0],))
    active = document.status.phase in ACTIVE
    stay = stay_in_step(history, where, document) if active else None
    fired = (
        fired_triggers(where, document, people, history.fold.facts, occasion_of(history)) if active else []
    )
    return RolloutView(
        reference="/".join(where),
        rollout=document,
        plan=make_plan(
            history.state(), *where, document.spec, order=document.status.repositories, started=None
        ),
        stay=stay,
        gates=tuple(_gates(stay)) if stay is not None else (),
        fired=tuple(fired),
        operators=tuple(sorted(people.holders(frozenset({OPERATOR}), project_scope(*where[:2])))),
    )


def _gates(stay: Stay) -> Iterator[GateView]:
    from gaitops.report.rollout_status import GateView

    for gate in stay.gates():
        newest = stay.about(gate.name)[-1:]
        if newest:
            reasons = tuple(item.reason for item in newest[0].metrics if item.reason is not None)
            yield GateView(gate.name, stay.outcome(newest[0]), newest[0].payload_digest, reasons)
            continue
        refused = [item for item in stay.analyses if item.gate == gate.name and item.subject == stay.subject]
        reasons = tuple(
            f"analysis {item.payload_digest[:12]} does not count: {'; '.join(stay.faults(item))}"
            for item in refused
        )
        yield GateView(gate.name, None, None, reasons)
