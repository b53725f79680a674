# SPDX-License-Identifier: Apache-2.0
"""Counts over time, for charts: by day, or by week where the window is long."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from typing import Final

from gaitops.posture.inputs import Window
from gaitops.posture.regressions import iso_week

MOST_DAYS: Final = 120
"""Windows beyond this are shown by week."""


@dataclass(frozen=True)
class Axis:
    """The points of all series of a report."""

    unit: str
    """``day`` or ``week``."""
    labels: tuple[str, ...]
    """``2026-10-05``, or ``2026-W41``; every one of the window, also without evidence."""

    def label(self, day: date) -> str:
        """The point to which a day belongs."""
        return day.isoformat() if self.unit == "day" else iso_week(day)


def axis_of(window: Window) -> Axis:
    """The points of a window."""
    last = (window.until - timedelta(microseconds=1)).astimezone(UTC).date()
    first = window.since.astimezone(UTC).date()
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    if len(days) <= MOST_DAYS:
        return Axis("day", tuple(day.isoformat() for day in days))
    return Axis("week", tuple(dict.fromkeys(iso_week(day) for day in days)))


@dataclass
class Series:
    """Counts of one scope by metric and point."""

    axis: Axis
    counts: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, metric: str, day: date, number: int) -> None:
        """Count something on a day."""
        own = self.counts.setdefault(metric, {})
        label = self.axis.label(day)
        own[label] = own.get(label, 0) + number

    def merge(self, others: Iterable[Series]) -> None:
        """Add other series of the same axis."""
        for other in others:
            for metric, points in other.counts.items():
                own = self.counts.setdefault(metric, {})
                for label, number in points.items():
                    own[label] = own.get(label, 0) + number

    def to_json(self) -> dict[str, list[int]]:
        """Metric → counts along the axis, without metrics that are zero everywhere."""
        return {
            metric: [points.get(label, 0) for label in self.axis.labels]
            for metric, points in sorted(self.counts.items())
            if any(points.values())
        }
