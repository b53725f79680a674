# SPDX-License-Identifier: Apache-2.0
"""The newest artifacts behind many numbers of one report at once, for pages that show thousands of numbers.

:class:`gaitops.evidence.posture_proof.Proofs` answers for one number with one query. Here one query answers for a whole family
of numbers: it counts artifacts by everything that tells numbers or scopes apart, and brings the newest of each such group.
What a selector names is then picked out of the groups in memory. Both say the same; a test compares them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import ibis

from gaitops.evidence import posture_queries as queries
from gaitops.evidence.listing_rules import Marks, family_of, rule_of
from gaitops.evidence.queries.counting import is_true
from gaitops.posture.catalogue import METRICS
from gaitops.posture.regressions import iso_week
from gaitops.posture.selectors import parse_selector

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from gaitops.evidence.posture_proof import Proofs

_DETAILS: Final = ("kind", "verdict", "made_at", "source")
_AT_ONCE: Final = 5_000
"""Digests that one query names."""
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


class ListedArtifact(NamedTuple):
    """One artifact of a listing."""

    artifact: str
    """SHA-256 of its bytes."""
    kind: str
    verdict: str
    made_at: datetime | None
    source: str
    """Where it was collected first."""


@dataclass(frozen=True, slots=True)
class Found:
    """The artifacts behind one number."""

    total: int
    listed: tuple[ListedArtifact, ...]
    """The newest of them, newest first."""


class _Family(NamedTuple):
    """Rows behind a family of numbers."""

    rows: Callable[[Proofs], ir.Table]
    columns: tuple[str, ...]
    """What selectors narrow: of ``repository``, ``environment``, ``policy_digest``, ``day``."""
    marks: tuple[str, ...] = ()
    """What tells the numbers of the family apart."""


_PLACE: Final = ("repository", "environment")
_FAMILIES: Final[Mapping[str, _Family]] = {
    "events": _Family(
        lambda asked: queries.judged_decisions(
            asked.engine.tables, asked.report.basis.window, asked.boundaries
        ),
        (*_PLACE, "policy_digest", "day"),
        ("decision", "kill_switch", "segment"),
    ),
    "evidence": _Family(
        lambda asked: queries.placed_artifacts(asked.engine.tables, asked.report.basis.window),
        (*_PLACE, "day"),
        ("kind", "verdict", "duplicate"),
    ),
    "regress": _Family(
        lambda asked: queries.regress_deliveries(asked.engine.tables, asked.report.basis.window),
        ("repository", "day"),
        ("status", "vacuous", "drift_class"),
    ),
    "coverage": _Family(
        lambda asked: queries.snapshots(asked.engine.tables, asked.report.basis.window), ("repository",)
    ),
}


class _Group(NamedTuple):
    """Rows that are alike in everything that a selector or a number can tell apart."""

    members: Mapping[str, str]
    """Members of scopes."""
    marks: Marks
    artifacts: int
    newest: Sequence[ListedArtifact]


@dataclass
class Listing:
    """Lists artifacts behind the numbers of one report, at most ``limit`` for each."""

    proofs: Proofs
    limit: int
    _groups: dict[str, tuple[tuple[str, ...], list[_Group]]] = field(default_factory=dict)
    _found: dict[tuple[str, tuple[str, ...]], dict[tuple[str, ...], Found]] = field(default_factory=dict)

    def find(self, selector: str) -> Found | None:
        """The artifacts behind a number; ``None`` when there are none.

        Raises:
            InvalidInputError: ``posture.selector``.
            InternalError: ``query.failed``.
        """
        metric, scope = parse_selector(selector)
        numerator = METRICS[metric].over or metric
        columns, groups = self._asked(numerator)
        wanted = scope.members()
        names = tuple(name for name in wanted if _RESTS_ON.get(name, name) in columns)
        key = (numerator, names)
        if key not in self._found:
            self._found[key] = self._by_scope(numerator, groups, names)
        return self._found[key].get(tuple(wanted[name] for name in names))

    def artifacts(self, digests: Iterable[str]) -> dict[str, ListedArtifact]:
        """What is known of some artifacts, by digest; those that are not known are missing.

        Raises:
            InternalError: ``query.failed``.
        """
        wanted = sorted(set(digests))
        found: dict[str, ListedArtifact] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            table = self._delivered()
            rows = table.filter(table.artifact.isin(wanted[start : start + _AT_ONCE]))
            found |= {row["artifact"]: _listed(row) for row in self.proofs.engine.rows(rows)}
        return found

    def _by_scope(
        self, metric: str, groups: Iterable[_Group], names: tuple[str, ...]
    ) -> dict[tuple[str, ...], Found]:
        rule = rule_of(metric, self.proofs)
        found: dict[tuple[str, ...], list[_Group]] = {}
        for group in groups:
            if rule(group.marks):
                found.setdefault(tuple(group.members.get(name, "") for name in names), []).append(group)
        return {values: self._joined(own) for values, own in found.items()}

    def _joined(self, groups: Sequence[_Group]) -> Found:
        newest = sorted({item for group in groups for item in group.newest}, key=_age)
        return Found(sum(group.artifacts for group in groups), tuple(newest[: self.limit]))

    def _asked(self, metric: str) -> tuple[tuple[str, ...], list[_Group]]:
        """The groups of a metric's family; of a metric that has rows of its own, those."""
        name = family_of(metric)
        if name not in self._groups:
            family = _FAMILIES.get(name)
            rows = self.proofs.rows(metric) if family is None else family.rows(self.proofs)
            columns = tuple(column for column in _PLACE if column in rows.columns)
            family = family or _Family(lambda _proofs: rows, columns)
            self._groups[name] = (family.columns, self._queried(rows, family))
        return self._groups[name]

    def _queried(self, rows: ir.Table, family: _Family) -> list[_Group]:
        if "day" in family.columns:
            rows = rows.mutate(day=rows["at"].date().cast("string"))
        keys = [*family.columns, *family.marks]
        texts = {name: rows[name].fill_null("") for name in family.columns}
        rows = rows.select("artifact", *family.marks, **texts).distinct()
        rows = rows.inner_join(self._delivered(), "artifact", rname="delivered_{name}")
        described = {
            name: rows[f"delivered_{name}"] for name in _DETAILS if f"delivered_{name}" in rows.columns
        }
        rows = rows.mutate(**{f"shown_{name}": described.get(name, rows[name]) for name in _DETAILS})
        order = [rows.shown_made_at.desc(nulls_first=False), rows.artifact.asc()]
        rows = rows.mutate(
            place=ibis.row_number().over(ibis.window(group_by=keys, order_by=order)),
            artifacts=rows.count().over(ibis.window(group_by=keys)),
        )
        rows = rows.filter(rows.place < self.limit)
        return list(self._groups_of(self.proofs.engine.rows(rows), family))

    def _groups_of(self, rows: Iterable[Mapping[str, Any]], family: _Family) -> Iterable[_Group]:
        inside = {item.repository.id for item in self.proofs.report.repositories}
        found: dict[tuple[object, ...], tuple[Mapping[str, Any], list[ListedArtifact]]] = {}
        for row in rows:
            if row["repository"] in inside:
                key = tuple(row[name] for name in (*family.columns, *family.marks))
                found.setdefault(key, (row, []))[1].append(_listed(row, "shown_"))
        for first, listed in found.values():
            members = self._members({name: first[name] for name in family.columns})
            if self.proofs.report.basis.scope.get("environment") in {None, members.get("environment")}:
                listed.sort(key=_age)
                marks = {name: first[name] for name in family.marks}
                yield _Group(
                    members, {**members, **marks, "at": listed[0].made_at}, first["artifacts"], listed
                )

    def _members(self, row: Mapping[str, str]) -> dict[str, str]:
        """Everything by which a selector can narrow these rows."""
        view = self.proofs.view
        members = {"policy" if name == "policy_digest" else name: value for name, value in row.items()}
        known = view.repositories.get(row["repository"])
        if known is not None:
            members |= {"org": known.org, "project": f"{known.org}/{known.project}", "team": known.team}
        for place in view.places.get(row["repository"], ()):
            if place.environment == row.get("environment"):
                members["tier"] = place.tier
        return members | ({"week": iso_week(date.fromisoformat(row["day"]))} if row.get("day") else {})

    def _delivered(self) -> ir.Table:
        """First deliveries, one row per artifact."""
        artifacts = self.proofs.engine.tables["artifacts"]
        return artifacts.filter(~is_true(artifacts.duplicate)).select("artifact", *_DETAILS)


_RESTS_ON: Final = {
    "org": "repository",
    "project": "repository",
    "team": "repository",
    "tier": "environment",
    "policy": "policy_digest",
    "week": "day",
}
"""Member of a scope → the column that it is taken from; the others are columns themselves."""


def _listed(row: Mapping[str, Any], prefix: str = "") -> ListedArtifact:
    kind, verdict, made_at, source = (row[f"{prefix}{name}"] for name in _DETAILS)
    return ListedArtifact(row["artifact"], kind, verdict, made_at, source or "")


def _age(item: ListedArtifact) -> tuple[float, str]:
    """Newest first; those without a time last."""
    return (-(item.made_at or _LONG_AGO).timestamp(), item.artifact)
