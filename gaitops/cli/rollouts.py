# SPDX-License-Identifier: Apache-2.0
"""What the commands about rollouts share: which rollout is meant, and where it stands in verified state."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gaitops.errors import InvalidInputError

if TYPE_CHECKING:
    from gaitops.change.context import Occasion
    from gaitops.documents.models.rollout import Rollout
    from gaitops.history.session import History
    from gaitops.rollout.gates import Stay

Place = tuple[str, str, str]
"""(org, project, rollout id)."""
_Function = TypeVar("_Function", bound=Callable[..., Any])


def place(text: str) -> Place:
    """Argument type ``ORG/PROJECT/ID``."""
    import re

    from gaitops.documents.models.base import NAME_PATTERN

    parts = text.split("/")
    if len(parts) != 3 or not all(re.match(NAME_PATTERN, part) for part in parts):
        raise click.BadParameter(f"{text!r} is not ORG/PROJECT/ID")
    return parts[0], parts[1], parts[2]


def rollout_argument(function: _Function) -> _Function:
    """The argument ``ROLLOUT`` as ``rollout: tuple[str, str, str]``."""
    return click.argument("rollout", type=place, metavar="ROLLOUT")(function)


def find_rollout(history: History, rollout: Place) -> Rollout:
    """The rollout in verified state.

    Raises:
        InvalidInputError: ``rollout.unknown``.
    """
    from gaitops.documents.layout import rollout_path

    found = history.state().rollout(*rollout)
    if found is None:
        raise InvalidInputError.of(
            "rollout.unknown",
            f"verified state has no rollout {'/'.join(rollout)}",
            path=rollout_path(*rollout),
            remedy="check the name, and that the change that adds it was approved and merged",
        )
    return found


def occasion_of(history: History) -> Occasion:
    """Here and now: behind the newest commit, at the time of judgement."""
    from gaitops.change.context import Occasion

    return Occasion(history.standing.position + 1, history.at)


def stay_in_step(history: History, rollout: Place, document: Rollout) -> Stay:
    """The stay of a rollout that has started in its current step, as the history knows it."""
    from gaitops.change.rollout_evidence import stay_of

    people = history.fold.people((rollout[0],))
    return stay_of(rollout, document, people, history.fold.facts, occasion_of(history))
