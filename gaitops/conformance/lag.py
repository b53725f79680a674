# SPDX-License-Identifier: Apache-2.0
"""How far a verified pin lags behind: the one rule about time that several controls share.

A consumer may lag behind the newest release for ``pinGrace``, counted from the first release after the one that it
pins. Until then a difference to what is required now is a warning, afterwards a failure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gaitops.conformance.inputs import Context, Required, Subject
from gaitops.documents.times import format_timestamp


@dataclass(frozen=True, slots=True)
class Lag:
    """Since when a pin is not the newest, and until when that is accepted."""

    since: datetime
    until: datetime
    accepted: bool

    def __str__(self) -> str:
        word = "is accepted until" if self.accepted else "was accepted until"
        return f"superseded at {format_timestamp(self.since)}, which {word} {format_timestamp(self.until)}"


def lag_of(subject: Subject, required: Required, context: Context) -> Lag | None:
    """The lag of a verified pin; ``None`` when it holds the newest release, or when nothing newer was asked."""
    pinned = subject.release
    if pinned is None or required.timeline is None:
        return None
    since = required.timeline.superseded_at(pinned)
    if since is None:
        return None
    until = since + required.pin_grace
    return Lag(since, until, context.at < until)
