# SPDX-License-Identifier: Apache-2.0
"""Families across the fleet: runs with one fingerprint, wherever they ran (design 11).

Gait's own fields come from Gait's rules over the same runs and are never changed; spread, first and last seen, owners and proof stand
beside them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gaitops.documents.times import format_timestamp
from gaitops.gait.artifacts.model import PROVEN
from gaitops.gait.scout import Fingerprint
from gaitops.gait.scout_report import GaitFamily, gait_families
from gaitops.signals.rows import RunRow

REPRESENTATIVES: Final = 10
"""Artifacts that a family or a signal names."""


@dataclass(frozen=True, slots=True)
class Family:
    """One family in the whole fleet."""

    gait: GaitFamily
    """What Gait says of these runs; its artifact pointers are digests."""
    runs: tuple[RunRow, ...]
    """Every run once, by time, then repository and id."""

    @property
    def canonical(self) -> RunRow:
        """The run that Gait calls canonical; of several with that id the first by repository."""
        named = [run for run in self.runs if run.run_id == self.gait.canonical_run_id]
        return min(named, key=lambda run: (run.where.repository, run.artifact))

    @property
    def reasons(self) -> tuple[str, ...]:
        """Gait's reasons; none for runs that went well."""
        return self.runs[0].reason_codes

    @property
    def spread(self) -> dict[str, int]:
        """Repository → runs."""
        return dict(sorted(Counter(run.where.repository for run in self.runs).items()))

    @property
    def environments(self) -> dict[str, int]:
        """Environment → runs; empty text where it is not known."""
        return dict(sorted(Counter(run.where.environment for run in self.runs).items()))

    @property
    def owners(self) -> tuple[str, ...]:
        """Teams whose repositories it was seen in."""
        return tuple(sorted({run.where.team for run in self.runs if run.where.team}))

    @property
    def proven(self) -> int:
        """Runs that a registered key signed; the others are as unsigned as their verdicts say."""
        return sum(run.verdict in PROVEN for run in self.runs)

    @property
    def first_seen(self) -> datetime | None:
        """Time of the first run; ``None`` when no run has a time."""
        return min((run.made_at for run in self.runs if run.made_at is not None), default=None)

    @property
    def last_seen(self) -> datetime | None:
        """Time of the last run."""
        return max((run.made_at for run in self.runs if run.made_at is not None), default=None)

    @property
    def representatives(self) -> tuple[str, ...]:
        """Artifacts that show it best: the canonical run, then the first of each repository, proven ones first."""
        first: dict[str, str] = {}
        for run in sorted(self.runs, key=lambda run: run.verdict not in PROVEN):
            first.setdefault(run.where.repository, run.artifact)
        chosen = dict.fromkeys([self.canonical.artifact, *(first[name] for name in sorted(first))])
        return tuple(chosen)[:REPRESENTATIVES]

    def to_json(self) -> dict[str, Any]:
        """Gait's fields under ``gait``, ours beside them."""
        canonical = self.canonical
        return {
            "gait": self.gait.to_json(),
            "reasons": list(self.reasons),
            "action_sequence": list(canonical.action_sequence),
            "runs": len(self.runs),
            "proven": self.proven,
            "spread": self.spread,
            "environments": self.environments,
            "owners": list(self.owners),
            "first_seen": _time(self.first_seen),
            "last_seen": _time(self.last_seen),
            "canonical": {
                "run_id": canonical.run_id,
                "repository": canonical.where.repository,
                "artifact": canonical.artifact,
            },
            "artifacts": list(self.representatives),
        }


def distinct_runs(rows: Iterable[RunRow]) -> list[RunRow]:
    """Every run once: a runpack and the pack around it are one run, as is what came by two ways.

    Of several artifacts with one run the proven one stays, then the smallest digest; the order is time, repository, id.
    """
    best: dict[tuple[str, str, str], RunRow] = {}
    for row in sorted(rows, key=lambda row: (row.verdict not in PROVEN, row.artifact)):
        best.setdefault((row.where.repository, row.run_id, row.manifest_digest), row)
    return sorted(best.values(), key=_order)


def families(rows: Iterable[RunRow]) -> list[Family]:
    """Families of a fleet in Gait's order: severity and count falling, then id."""
    members: dict[str, list[RunRow]] = {}
    for run in distinct_runs(rows):
        members.setdefault(run.fingerprint, []).append(run)
    judged = gait_families(
        [(run.artifact, _fingerprint(run)) for runs in members.values() for run in runs],
    )
    return [Family(family, tuple(members[family.fingerprint])) for family in judged]


def by_id(found: Sequence[Family]) -> Mapping[str, Family]:
    """Family id → family."""
    return {family.gait.family_id: family for family in found}


def _fingerprint(run: RunRow) -> Fingerprint:
    return Fingerprint(
        run_id=run.run_id,
        fingerprint=run.fingerprint,
        family_id=run.family_id,
        action_sequence=run.action_sequence,
        tool_classes=run.tool_classes,
        target_systems=run.target_systems,
        reason_codes=run.reason_codes,
        receipt_digests=run.receipt_digests,
        max_privilege=run.max_privilege,
    )


def _order(run: RunRow) -> tuple[bool, str, str, str]:
    made = run.made_at
    return made is None, "" if made is None else made.isoformat(), run.where.repository, run.run_id


def _time(value: datetime | None) -> str | None:
    return None if value is None else format_timestamp(value)
