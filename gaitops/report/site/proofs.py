# SPDX-License-Identifier: Apache-2.0
"""The artifacts behind the numbers of a page, each written once however many numbers it stands behind.

A page of a large fleet cannot hold every digest: a proof says how many artifacts there are, lists the newest, and carries the
selector with which ``gaitops posture --proof`` lists all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gaitops.report.text import safe

MOST_ARTIFACTS: Final = 60_000
"""Artifacts that one page lists: about 8 MB. Proofs that come when it is full list what the page knows already."""
_HEX_DIGEST: Final = 64
_EPOCH_YEAR: Final = 1970


@dataclass(frozen=True, slots=True)
class ArtifactRef:
    """What the page says of one artifact."""

    digest: str
    """SHA-256 of its bytes, 64 lower-case hex digits."""
    kind: str
    verdict: str
    made_at: datetime | None
    source: str
    """Where it was collected; may be empty."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What stands behind one number."""

    total: int
    """How many artifacts there are."""
    listed: tuple[ArtifactRef, ...]
    """The newest of them, newest first."""


@dataclass
class Proofs:
    """Collects proofs while a page is built; positions in it are what cells of the page refer to."""

    most: int = MOST_ARTIFACTS
    _proofs: list[tuple[str, int | None, list[int]]] = field(default_factory=list)
    _by_selector: dict[str, int] = field(default_factory=dict)
    _artifacts: dict[str, int] = field(default_factory=dict)
    _refs: list[ArtifactRef] = field(default_factory=list)

    def add(self, selector: str, proof: Proof | None) -> int | None:
        """Position of the proof of ``selector``; ``None`` when nothing stands behind the number."""
        if proof is None or not proof.total:
            return None
        known = self._by_selector.get(selector)
        if known is not None:
            return known
        return self._append(selector, proof.total, proof.listed)

    def some(self, refs: Iterable[ArtifactRef], command: str = "") -> int | None:
        """Position of a proof that shows these artifacts; with a command when there may be more, which it lists."""
        listed = tuple(refs)
        return self._append(command, None if command else len(listed), listed) if listed else None

    def _append(self, selector: str, total: int | None, listed: Iterable[ArtifactRef]) -> int:
        position = len(self._proofs)
        positions = [at for ref in listed if (at := self._position(ref)) is not None]
        self._proofs.append((safe(selector), total, positions))
        self._by_selector[selector] = position
        return position

    def _position(self, ref: ArtifactRef) -> int | None:
        if len(ref.digest) != _HEX_DIGEST:
            raise ValueError(f"not a SHA-256 in hex: {ref.digest!r}")
        found = self._artifacts.get(ref.digest)
        if found is None and len(self._refs) < self.most:
            found = self._artifacts[ref.digest] = len(self._refs)
            self._refs.append(ref)
        return found

    def to_json(self) -> dict[str, object]:
        """The members ``proofs`` and ``artifacts`` of the page's document: columns, with repeated words written once."""
        kinds, verdicts, folders = _Words(), _Words(), _Words()
        columns: dict[str, list[object]] = {
            name: [] for name in ("kind", "verdict", "made", "folder", "name")
        }
        for ref in self._refs:
            folder, slash, name = safe(ref.source).rpartition("/")
            columns["kind"].append(kinds.position(safe(ref.kind)))
            columns["verdict"].append(verdicts.position(safe(ref.verdict)))
            columns["made"].append(seconds(ref.made_at))
            columns["folder"].append(folders.position(folder + slash))
            columns["name"].append(name)
        digests = "".join(ref.digest for ref in self._refs)
        words = {"kinds": kinds.words, "verdicts": verdicts.words, "folders": folders.words}
        parts = _Words()
        proofs = [
            [*map(parts.position, _parts(selector)), total, *listed]
            for selector, total, listed in self._proofs
        ]
        return {
            "proofs": proofs,
            "selectors": parts.words,
            "artifacts": {"digests": digests, **columns, **words},
        }


def _parts(selector: str) -> tuple[str, str, str]:
    """Metric, scope, and day or week: each repeats in many selectors, and together they are the selector."""
    metric, mark, query = selector.partition("?")
    rest, joint, last = query.rpartition("&")
    if last.startswith(("day=", "week=")):
        return metric, mark + rest, joint + last
    return metric, mark + query, ""


class _Words:
    """Words by position, in the order of their first use."""

    def __init__(self) -> None:
        self._positions: dict[str, int] = {}

    def position(self, word: str) -> int:
        return self._positions.setdefault(word, len(self._positions))

    @property
    def words(self) -> list[str]:
        return list(self._positions)


def seconds(moment: datetime | None) -> int | None:
    """Whole seconds since 1970, as the page's script wants times; ``None`` also for times before."""
    return None if moment is None or moment.year < _EPOCH_YEAR else int(moment.timestamp())
