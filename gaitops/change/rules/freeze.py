# SPDX-License-Identifier: Apache-2.0
"""Freeze windows: times in which a rule lets nothing through (design 6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gaitops.change.operations import Operation
from gaitops.change.requirements import Requirement
from gaitops.documents.models.trust import FreezeWindow
from gaitops.errors import Problem
from gaitops.fleet.state import FleetState


def check_freeze(
    operation: Operation, needed: Requirement, state: FleetState, at: datetime
) -> Iterator[Problem]:
    """Refuse an operation inside a window that a matching rule names. A window that is missing refuses too."""
    for name in needed.freeze_windows:
        window = state.freeze_window(name)
        if window is None:
            yield _refusal(
                operation, f"freeze window {name} does not exist", f"add trust/freeze-windows/{name}.yaml"
            )
            continue
        try:
            active = is_active(window, at)
        except ZoneInfoNotFoundError:
            zone = window.spec.timezone
            yield _refusal(
                operation, f"time zone {zone} of {name} is unknown here", "use an IANA name; install tzdata"
            )
            continue
        if active:
            yield _refusal(
                operation, f"freeze window {name} is active: {window.spec.reason}", "wait until it ends"
            )


def is_active(window: FreezeWindow, at: datetime) -> bool:
    """Whether ``at`` lies in [start, end) of any window, in the window's own time zone."""
    zone = ZoneInfo(window.spec.timezone)
    return any(
        datetime.fromisoformat(item.start).replace(tzinfo=zone)
        <= at
        < datetime.fromisoformat(item.end).replace(tzinfo=zone)
        for item in window.spec.windows
    )


def _refusal(operation: Operation, message: str, remedy: str) -> Problem:
    path = operation.paths[0] if operation.paths else None
    return Problem("approval.freeze_window", f"{operation.kind}: {message}", path=path, remedy=remedy)
