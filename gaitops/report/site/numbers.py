# SPDX-License-Identifier: Apache-2.0
"""Cells of the page: values as its script reads them, each number with the proof of its selector."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from gaitops.documents.times import parse_timestamp
from gaitops.posture.catalogue import METRICS
from gaitops.posture.selectors import Scope, selector
from gaitops.report.site.proofs import ArtifactRef, Proof, Proofs, seconds

Cell = Any
"""A JSON value whose form depends on the kind of its column (``assets/06_cells.js``)."""
_MINUTE_METRICS = "approvals.granted"
"""What stands behind a time to approval: the calls that were approved."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a page finds the artifacts behind its numbers."""

    proof: Callable[[str], Proof | None]
    """Selector → proof; ``None`` when nothing is known behind it."""
    artifacts: Callable[[Iterable[str]], Mapping[str, ArtifactRef]]
    """Digests → what is known of those that are known."""


@dataclass(frozen=True, slots=True)
class Book:
    """Evidence, and the proofs that the page has taken from it so far."""

    evidence: Evidence
    proofs: Proofs

    def proof(self, text: str) -> int | None:
        """Position of the proof of a selector, when the page can show one."""
        return self.proofs.add(text, self.evidence.proof(text))

    def refs(self, digests: Iterable[str], command: str = "") -> int | None:
        """Position of a proof that shows these artifacts; with a command when there may be more, which it lists."""
        wanted = list(digests)
        known = self.evidence.artifacts(wanted)
        return self.proofs.some((known[digest] for digest in wanted if digest in known), command)

    def counted(self, number: int | None, text: str) -> list[Cell]:
        """A number with the proof of a selector; zero has nothing behind it."""
        return [number, self.proof(text) if number else None]


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of one scope (:meth:`gaitops.posture.report.PostureReport.to_json`, ``numbers``)."""

    values: Mapping[str, int | float | None]
    scope: Scope
    book: Book
    sparse: bool = False
    """Whether a count that is missing is zero, as in the numbers of a place; otherwise it is not known there."""

    def cell(self, metric: str) -> Cell:
        """One number in the form that its unit has on the page; ``None`` when the scope does not have it."""
        definition = METRICS[metric]
        if metric not in self.values and not self.sparse:
            return None
        if definition.of is not None and definition.over is not None:
            part, whole = self.count(definition.over), self.count(definition.of)
            return [part, whole, self._proof(definition.over) if part else None]
        value = self.values.get(metric, None if definition.unit == "minutes" else 0)
        if definition.unit == "minutes":
            return None if value is None else [round(value * 60), self._proof(_MINUTE_METRICS)]
        return [value, self._proof(metric) if value else None]

    def cells(self, metrics: Iterable[str]) -> list[Cell]:
        """Several numbers."""
        return [self.cell(metric) for metric in metrics]

    def count(self, metric: str) -> int:
        """One count as a plain number; 0 when the scope does not have it."""
        value = self.values.get(metric)
        return value if isinstance(value, int) else 0

    def over_time(
        self, axis: Mapping[str, Any], series: Mapping[str, Sequence[int]], metrics: Iterable[str]
    ) -> dict[str, Any]:
        """Members ``x``, ``v`` and ``p`` of a chart: one list per metric, zero where nothing was counted."""
        labels, unit = axis["labels"], axis["unit"]
        chosen = list(metrics)
        values = [list(series.get(metric, ())) or [0] * len(labels) for metric in chosen]
        proofs = [
            [
                self._proof(metric, unit, name) if number else None
                for name, number in zip(labels, own, strict=True)
            ]
            for metric, own in zip(chosen, values, strict=True)
        ]
        return {"x": labels, "v": values, "p": proofs}

    def _proof(self, metric: str, unit: str = "", name: str = "") -> int | None:
        return self.book.proof(metric + _query(self.scope, unit, name))


@lru_cache(maxsize=1 << 16)
def _query(scope: Scope, unit: str, name: str) -> str:
    """What selectors of a scope end with, narrowed to a day or week; they are asked for by the thousand."""
    return selector("", replace(scope, **{unit: name}) if unit else scope)


def moment(text: str | None) -> int | None:
    """A timestamp of a document as the page wants it."""
    return None if text is None else seconds(parse_timestamp(text))
