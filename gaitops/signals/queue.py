# SPDX-License-Identifier: Apache-2.0
"""The queue: every signal of a window, the most important first, and how much it was before it was put together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gaitops.documents.times import format_timestamp
from gaitops.signals.families import Family, families
from gaitops.signals.from_artifacts import from_doubts, from_findings, from_repositories
from gaitops.signals.from_decisions import from_decisions, from_drift, from_waiting
from gaitops.signals.from_runs import from_regress, from_runs
from gaitops.signals.kinds import DEFAULT_THRESHOLDS, Thresholds
from gaitops.signals.model import Fix, Signal
from gaitops.signals.rows import Evidence


@dataclass(frozen=True, slots=True)
class Queue:
    """Signals by falling score; of equal score by kind, then key."""

    at: datetime
    signals: tuple[Signal, ...]
    families: tuple[Family, ...]
    """All families of two or more runs, also those that went well."""
    runs: int
    """Distinct runs that were looked at."""

    @property
    def before(self) -> dict[str, int]:
        """Events by kind of signal: the queue if each were an entry of its own."""
        counts: Counter[str] = Counter()
        for signal in self.signals:
            counts[signal.kind] += signal.events
        return dict(sorted(counts.items()))

    @property
    def after(self) -> dict[str, int]:
        """Entries by kind of signal."""
        return dict(sorted(Counter(signal.kind for signal in self.signals).items()))

    def only(self, signals: Sequence[Signal]) -> Queue:
        """The queue of some of its signals, with their counts."""
        return replace(self, signals=tuple(signals))

    def find(self, identifier: str) -> Signal | None:
        """The signal with this id, or the only one whose id begins so; ``None`` when there is none or there are several."""
        exact = [signal for signal in self.signals if signal.id == identifier]
        found = exact or [signal for signal in self.signals if signal.id.startswith(identifier)]
        return found[0] if len(found) == 1 else None

    def to_json(self, top: int | None = None) -> dict[str, Any]:
        """The document that commands print and pages show; ``top`` limits the entries, not the counts."""
        ranked = enumerate(self.signals[:top], 1)
        return {
            "at": format_timestamp(self.at),
            "before": {"total": sum(self.before.values()), "by_kind": self.before},
            "after": {"total": len(self.signals), "by_kind": self.after},
            "runs": self.runs,
            "signals": [{"rank": rank, **signal.to_json()} for rank, signal in ranked],
            "families": [family.to_json() for family in self.families],
        }


def queue(evidence: Evidence, thresholds: Thresholds = DEFAULT_THRESHOLDS) -> Queue:
    """Every signal in ``evidence``."""
    found: Sequence[Signal] = [
        *from_runs(evidence),
        *from_regress(evidence.regress),
        *from_drift(evidence),
        *from_decisions(evidence.decisions, thresholds),
        *from_waiting(evidence.waiting, thresholds),
        *from_doubts(evidence.doubts),
        *from_findings(evidence.findings),
        *from_repositories(evidence.repositories, evidence.at, thresholds),
    ]
    ordered = sorted(found, key=lambda signal: (-signal.score.total, signal.kind, signal.key))
    every = families(evidence.runs)
    repeated = tuple(family for family in every if len(family.runs) > 1)
    return Queue(evidence.at, tuple(ordered), repeated, sum(len(family.runs) for family in every))


def with_fixes(made: Queue, propose: Callable[[Signal], tuple[Fix, ...]]) -> Queue:
    """The same queue with what ``propose`` says of each signal."""
    return replace(made, signals=tuple(replace(one, fixes=propose(one)) for one in made.signals))
