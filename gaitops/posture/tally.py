# SPDX-License-Identifier: Apache-2.0
"""Numbers that add up from places and repositories to the fleet, and what is made of them where they are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gaitops.posture.catalogue import COUNTS, METRICS

Value = int | float | None
"""``None`` where the denominator is zero: not known, and neither 0 nor 100%."""
MEDIAN: Final = 0.5
NINE_TENTHS: Final = 0.9


@dataclass
class Tally:
    """Counts of one place, repository, project or fleet."""

    counts: Counter[str] = field(default_factory=Counter)
    """Metric id → count."""
    delays: Counter[int] = field(default_factory=Counter)
    """Minutes to approval → calls."""
    approvers: set[str] = field(default_factory=set)
    last_decision: datetime | None = None
    last_evidence: datetime | None = None
    """When the newest proven artifact was made."""
    oldest_open: datetime | None = None
    """When the oldest call was asked that is still open."""

    def add(self, other: Tally) -> None:
        """Add another tally to this one."""
        self.counts.update(other.counts)
        self.delays.update(other.delays)
        self.approvers |= other.approvers
        self.last_decision = newest(self.last_decision, other.last_decision)
        self.last_evidence = newest(self.last_evidence, other.last_evidence)
        self.oldest_open = oldest(self.oldest_open, other.oldest_open)

    @classmethod
    def sum(cls, tallies: Iterable[Tally]) -> Tally:
        """The sum of tallies."""
        total = cls()
        for item in tallies:
            total.add(item)
        return total

    def count(self, metric: str) -> int:
        """One count."""
        return self.counts[metric]

    def share(self, metric: str) -> float | None:
        """One share; ``None`` without a denominator."""
        definition = METRICS[metric]
        whole = self.counts[definition.of or ""]
        return self.counts[definition.over or ""] / whole if whole else None

    def numbers(self) -> dict[str, Value]:
        """Every metric by id, in the order of the registry."""
        values: dict[str, Value] = {name: self.counts[name] for name in COUNTS}
        values["approvals.approvers"] = len(self.approvers)
        values["approvals.minutes_median"] = quantile(self.delays, MEDIAN)
        values["approvals.minutes_p90"] = quantile(self.delays, NINE_TENTHS)
        return {
            name: self.share(name) if metric.unit == "ratio" else values[name]
            for name, metric in METRICS.items()
        }


def quantile(values: Counter[int], share: float) -> int | None:
    """The smallest value that is no smaller than ``share`` of all (nearest rank); ``None`` without values."""
    total = values.total()
    rank, seen = share * total, 0
    for value in sorted(values):
        seen += values[value]
        if seen >= rank:
            return value
    return None


def newest(one: datetime | None, other: datetime | None) -> datetime | None:
    """The later of two moments that may be missing."""
    return max((item for item in (one, other) if item is not None), default=None)


def oldest(one: datetime | None, other: datetime | None) -> datetime | None:
    """The earlier of two moments that may be missing."""
    return min((item for item in (one, other) if item is not None), default=None)
