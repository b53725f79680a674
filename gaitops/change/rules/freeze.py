# SPDX-License-Identifier: Apache-2.0
"""Freeze windows: times in which a rule lets nothing through (design 6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

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
        if time_zone(window.spec.timezone) is None:
            yield _refusal(
                operation, f"time zone {window.spec.timezone} of {name} is unknown", "use an IANA name"
            )
        elif is_active(window, at):
            yield _refusal(
                operation, f"freeze window {name} is active: {window.spec.reason}", "wait until it ends"
            )


@lru_cache(maxsize=256)
def time_zone(name: str) -> ZoneInfo | None:
    """A time zone of the ``tzdata`` package: the machine's own database and ``PYTHONTZPATH`` take no part in a verdict."""
    tzdata = resources.files("tzdata")
    if name not in (tzdata / "zones").read_text(encoding="utf-8").split():
        return None
    with tzdata.joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def is_active(window: FreezeWindow, at: datetime) -> bool:
    """Whether ``at`` lies in [start, end) of any window, in the window's own time zone; always, in a zone nobody knows."""
    zone = time_zone(window.spec.timezone)
    return zone is None or any(
        datetime.fromisoformat(item.start).replace(tzinfo=zone)
        <= at
        < datetime.fromisoformat(item.end).replace(tzinfo=zone)
        for item in window.spec.windows
    )


def _refusal(operation: Operation, message: str, remedy: str) -> Problem:
    path = operation.paths[0] if operation.paths else None
    return Problem("approval.freeze_window", f"{operation.kind}: {message}", path=path, remedy=remedy)
