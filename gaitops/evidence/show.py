# SPDX-License-Identifier: Apache-2.0
"""Everything that is known of one artifact, run, decision or token, and what is related to it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, Final

from gaitops.errors import InvalidInputError
from gaitops.evidence.ask import INTERNAL
from gaitops.evidence.queries.counting import ordered
from gaitops.evidence.queries.selection import DIGEST_COLUMNS, sorted_rows
from gaitops.evidence.tables import TABLES

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from gaitops.evidence.engines import Engine

MOST_ARTIFACTS: Final = 200
"""Artifacts that one name may mean, and that are listed as related; more are only counted."""
_PREFIX = re.compile(r"[0-9a-f]{8,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_ID_COLUMNS: Final = (
    "run_id", "trace_id", "event_id", "token_id", "approval_token_ref", "approval_ref", "snapshot_id", "family_id",
)  # fmt: skip
"""Columns with names that people and tools pass on."""
_SHARED: Final = ("trace_id", "token_id", "manifest_digest", "event_key")
"""Columns by which artifacts belong together wherever they were collected."""
_SHARED_IN_REPOSITORY: Final = ("run_id", "intent_digest", "snapshot_id")
"""Columns that mean the same only inside a repository (contract 12)."""


@dataclass(frozen=True, slots=True)
class Related:
    """An artifact that shares something with those that were asked for."""

    artifact: str
    kind: str
    verdict: str
    repository: str | None
    by: tuple[str, ...]
    """Columns that have the same value."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is known of a name."""

    name: str
    found_as: tuple[str, ...]
    """Columns in which the name stands."""
    artifacts: tuple[str, ...]
    """Digests of the artifacts that it means, at most :data:`MOST_ARTIFACTS`."""
    total: int
    """All of them."""
    rows: Mapping[str, list[dict[str, Any]]]
    """Table → their rows; ``artifacts`` has one per delivery."""
    related: tuple[Related, ...]


def show(engine: Engine, name: str) -> Shown:
    """Look a name up: a digest, eight or more of its first digits for an artifact, or an id of Gait's.

    Raises:
        InvalidInputError: ``query.unknown_name``.
        InternalError: ``query.failed``.
    """
    wanted = name.removeprefix("sha256:")
    found = _meanings(engine, wanted)
    if not found:
        raise InvalidInputError.of(
            "query.unknown_name",
            f"no artifact has {name} as its digest or as one of its ids",
            remedy="gaitops evidence query --digest also looks into lists of digests.",
        )
    everything = sorted(found)
    artifacts = tuple(everything[:MOST_ARTIFACTS])
    rows = {table: known for table in TABLES if (known := _rows(engine, table, artifacts))}
    return Shown(
        name,
        tuple(sorted(set().union(*found.values()))),
        artifacts,
        len(everything),
        rows,
        tuple(_related(engine, artifacts, rows)),
    )


def _meanings(engine: Engine, name: str) -> dict[str, set[str]]:
    """Artifact → columns in which the name stands."""
    columns = DIGEST_COLUMNS[1:] if _DIGEST.fullmatch(name) else _ID_COLUMNS
    artifacts = engine.tables["artifacts"]
    itself = artifacts.artifact == name
    if _PREFIX.fullmatch(name):
        itself |= artifacts.artifact.startswith(name)
    rows = engine.rows(artifacts.filter(itself).select("artifact").distinct())
    found = {row["artifact"]: {"artifact"} for row in rows}
    for table in engine.tables.values():
        _note_matches(engine, table, dict.fromkeys(columns, (name,)), found)
    return found


def _note_matches(
    engine: Engine, table: ir.Table, values: Mapping[str, Collection[str]], found: dict[str, set[str]]
) -> None:
    """Add to ``found`` the artifacts of rows with one of these values, and the columns that have it."""
    columns = [column for column in values if column in table.columns]
    if not columns:
        return
    condition = reduce(or_, (table[column].isin(sorted(values[column])) for column in columns))
    for row in engine.rows(table.filter(condition).select("artifact", *columns).distinct()):
        found.setdefault(row["artifact"], set()).update(
            column for column in columns if row[column] in values[column]
        )


def _rows(engine: Engine, table: str, artifacts: Sequence[str]) -> list[dict[str, Any]]:
    rows = engine.tables[table]
    columns = [column for column in rows.columns if column not in INTERNAL]
    return engine.rows(sorted_rows(rows.filter(rows.artifact.isin(artifacts)), table).select(columns))


def _related(
    engine: Engine, artifacts: Sequence[str], rows: Mapping[str, list[dict[str, Any]]]
) -> Iterator[Related]:
    """Other artifacts with the same trace, token, run, intent or snapshot, by digest."""
    values = {
        column: {str(row[column]) for found in rows.values() for row in found if row.get(column)}
        for column in (*_SHARED, *_SHARED_IN_REPOSITORY)
    }
    repositories = {row["repository"] for row in rows.get("artifacts", ())} - {None}
    by: dict[str, set[str]] = {}
    for table in engine.tables.values():
        others = table.filter(table.artifact.notin(artifacts))
        _note_matches(engine, others, {column: values[column] for column in _SHARED if values[column]}, by)
        local = {column: values[column] for column in _SHARED_IN_REPOSITORY if values[column]}
        _note_matches(engine, others.filter(others.repository.isin(sorted(repositories))), local, by)
    chosen = sorted(by)[:MOST_ARTIFACTS]
    known = engine.tables["artifacts"]
    named = known.filter(known.artifact.isin(chosen)) if chosen else known.limit(0)
    columns = ("artifact", "kind", "verdict", "repository")
    seen: set[str] = set()
    for row in engine.rows(ordered(named.select(columns), columns)):
        if row["artifact"] not in seen:
            seen.add(row["artifact"])
            yield Related(
                row["artifact"],
                row["kind"],
                row["verdict"],
                row["repository"],
                tuple(sorted(by[row["artifact"]])),
            )
