# SPDX-License-Identifier: Apache-2.0
"""``gaitops rollout start``, ``advance``, ``pause``, ``resume``, ``rollback`` and ``abort``: prepare one edge.

Each writes the documents of the change and says what is still needed. None signs, pushes or merges anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gaitops.cli import options
from gaitops.cli.command import command
from gaitops.cli.output import Result
from gaitops.cli.rollouts import Place, rollout_argument

if TYPE_CHECKING:
    from gaitops.rollout.transitions import EdgeKind

_F = TypeVar("_F", bound=Callable[..., Any])


def _edge_options(function: _F) -> _F:
    """What the six commands share."""
    for decorate in reversed(
        (
            rollout_argument,
            options.repo,
            click.option(
                "--rev",
                default="main",
                show_default=True,
                metavar="REV",
                help="The protected branch, from whose verified state the edge is taken.",
            ),
            options.trust_root,
            click.option(
                "--branch",
                metavar="NEW",
                help="Commit the documents on this new branch instead of writing them into the working tree.",
            ),
        )
    ):
        function = decorate(function)
    return function


_reason = click.option("--reason", metavar="TEXT", help="Why, for those who read the rollout later.")
_analyses = click.option(
    "--analysis",
    "analyses",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    metavar="FILE",
    help="Signed analysis to add with the change; repeat for several gates.",
)
_across = click.option(
    "--across-gates",
    is_flag=True,
    help="Leave the step although a gate did not succeed; approvers must sign exactly that.",
)


@command(
    example="gaitops rollout start acme/pay/tighten\ngaitops rollout start acme/pay/tighten --branch start-tighten"
)
@_edge_options
def start(**given: Any) -> Result:
    """Prepare the start of a rollout: its first step, and the order of its repositories.

    ROLLOUT is ORG/PROJECT/ID. The plan is the document in the working tree, or the one of verified state. Approving the start approves the plan.
    """
    return _take("start", **given)


@command(
    example="gaitops rollout advance acme/pay/tighten --branch canary\n"
    "gaitops rollout advance acme/pay/tighten --analysis error-rate.json"
)
@_edge_options
@_analyses
@_across
def advance(**given: Any) -> Result:
    """Prepare the next step of a rollout, or its completion after the last.

    ROLLOUT is ORG/PROJECT/ID. Refused before the soak of the current step is over (exit code 3) and while one of its gates has no successful
    analysis (exit code 5, unless --across-gates).
    """
    return _take("advance", **given)


@command(example="gaitops rollout pause acme/pay/tighten --reason 'INC-12: too many blocks'")
@_edge_options
@_reason
def pause(**given: Any) -> Result:
    """Prepare holding a rollout where it is; ROLLOUT is ORG/PROJECT/ID. Nothing that runs changes."""
    return _take("pause", **given)


@command(example="gaitops rollout resume acme/pay/tighten")
@_edge_options
def resume(**given: Any) -> Result:
    """Prepare going on with a paused rollout; ROLLOUT is ORG/PROJECT/ID. The soak of its step begins anew."""
    return _take("resume", **given)


@command(
    example="gaitops rollout rollback acme/pay/tighten --branch rollback --reason INC-12\n"
    "gaitops rollout rollback acme/pay/tighten --trigger none"
)
@_edge_options
@_reason
@click.option(
    "--trigger",
    default="auto",
    show_default=True,
    type=click.Choice(("auto", "none", "metric", "regress_failure", "revoked_version", "soak_expired")),
    help="Trigger of the plan that the rollback follows; with one, an operator needs no approver.",
)
def rollback(**given: Any) -> Result:
    """Prepare putting every repository back to exactly what it ran before the rollout.

    ROLLOUT is ORG/PROJECT/ID. Possible from every step and after completion; one approver is enough, within the fleet's rollback window once
    the rollout is completed.
    """
    return _take("rollback", **given)


@command(example="gaitops rollout abort acme/pay/tighten --reason 'replaced by tighten-2'")
@_edge_options
@_reason
def abort(**given: Any) -> Result:
    """Prepare giving up a rollout before anything is enforced; ROLLOUT is ORG/PROJECT/ID. Afterwards, roll back."""
    return _take("abort", **given)


def _take(
    edge: EdgeKind,
    *,
    rollout: Place,
    repo: Path,
    rev: str,
    trust_root: str,
    branch: str | None,
    reason: str | None = None,
    analyses: Sequence[Path] = (),
    across_gates: bool = False,
    trigger: str = "none",
) -> Result:
    from gaitops.cli.opening import opened
    from gaitops.cli.rollout_change import delivered, drafted

    with opened(repo, rev, trust_root) as history:
        draft = drafted(
            history,
            repo,
            rollout,
            edge,
            reason=reason,
            analyses=analyses,
            across_gates=across_gates,
            trigger=trigger,
        )
        where = delivered(history, repo, draft, branch)
        return Result("rollout-edge", draft.to_json(where), draft.text(where, rev))
