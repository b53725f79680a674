# SPDX-License-Identifier: Apache-2.0
"""Waivers: an accepted failure stays visible, ends by itself, and is reported when it does nothing (design 10).

A waiver holds in [issuedAt, expiresAt) at the time of judgement, wherever the result is shown. It changes ``fail`` and
``insufficient_data`` into ``waived`` and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from gaitops.conformance.model import (
    WAIVABLE,
    ControlResult,
    Outcome,
    WaiverNotice,
    WaiverUse,
)
from gaitops.documents.times import format_timestamp

EXPIRING: Final = timedelta(days=7)
"""How long before its end a waiver warns."""


def apply_waivers(
    results: Sequence[ControlResult], waivers: Sequence[WaiverUse], at: datetime
) -> tuple[tuple[ControlResult, ...], tuple[WaiverNotice, ...]]:
    """The results with waivers applied, and what there is to say about the waivers.

    Args:
        results: One per control.
        waivers: All that name the repository and environment, in force or not.
        at: Time of judgement.
    """
    # Of two that hold, the one that holds longer; then by id, so that the answer is the same everywhere.
    in_force = sorted(
        (item for item in waivers if _holds(item, at)), key=lambda item: (item.expires_at, item.id)
    )
    chosen = {item.control: item for item in in_force}
    applied = tuple(_waived(result, chosen.get(result.control)) for result in results)
    notices = [
        notice
        for waiver in sorted(waivers, key=lambda item: item.id)
        for notice in _notices(waiver, applied, at)
    ]
    return applied, tuple(notices)


def _holds(waiver: WaiverUse, at: datetime) -> bool:
    return waiver.issued_at <= at < waiver.expires_at


def _waived(result: ControlResult, waiver: WaiverUse | None) -> ControlResult:
    if waiver is None or result.outcome not in WAIVABLE:
        return result
    return replace(result, outcome=Outcome.WAIVED, would_be=result.outcome, waiver=waiver)


def _notices(waiver: WaiverUse, results: Sequence[ControlResult], at: datetime) -> Iterator[WaiverNotice]:
    result = next((item for item in results if item.control == waiver.control), None)
    until = format_timestamp(waiver.expires_at)
    if result is None:
        yield WaiverNotice("unknown_control", waiver, f"there is no control {waiver.control}")
    elif at >= waiver.expires_at:
        if result.outcome in WAIVABLE:
            yield WaiverNotice("expired", waiver, f"it ended at {until} and waives nothing any more")
    elif not _holds(waiver, at):
        return
    elif result.outcome is not Outcome.WAIVED:
        yield WaiverNotice(
            "orphan", waiver, f"{waiver.control} is {result.outcome.value}: there is nothing to waive"
        )
    elif waiver.expires_at - at <= EXPIRING:
        yield WaiverNotice(
            "expiring", waiver, f"it ends at {until}; {waiver.owner} answers for {waiver.ticket}"
        )
