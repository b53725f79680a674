# SPDX-License-Identifier: Apache-2.0
"""What a control is: an id that never changes, its documentation, and a pure function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gaitops.conformance.inputs import Context, Required, Subject
from gaitops.conformance.model import Assessment, Outcome

Evaluation = Callable[[Subject, Required | None, Context], Assessment]


@dataclass(frozen=True, slots=True)
class Control:
    """One check. Its texts are the reference page ``docs/reference/controls.md``."""

    id: str
    """Stable: waivers, gates and dashboards name it."""
    title: str
    """What holds when it passes; one line without a full stop."""
    why: str
    measured: str
    """How it is measured, including when it warns and when it cannot tell."""
    remedy: str
    evaluate: Evaluation


def passed(reason: str) -> Assessment:
    """It holds."""
    return Assessment(Outcome.PASS, reason)


def failed(
    reason: str, remedy: str | None = None, *, path: str | None = None, line: int | None = None
) -> Assessment:
    """It does not hold."""
    return Assessment(Outcome.FAIL, reason, remedy, path, line)


def warned(reason: str, remedy: str | None = None, *, path: str | None = None) -> Assessment:
    """It holds, and somebody should act."""
    return Assessment(Outcome.WARN, reason, remedy, path)


def unknown(reason: str, remedy: str | None = None, *, path: str | None = None) -> Assessment:
    """What would tell is missing."""
    return Assessment(Outcome.INSUFFICIENT_DATA, reason, remedy, path)


def not_applicable(reason: str) -> Assessment:
    """There is nothing to judge."""
    return Assessment(Outcome.NOT_APPLICABLE, reason)
