# SPDX-License-Identifier: Apache-2.0
"""One question to one table: its rows, counts by columns, or the artifacts behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from gaitops.errors import InvalidInputError
from gaitops.evidence.queries.counting import day_of, ordered, week_of
from gaitops.evidence.queries.selection import EVERYTHING, Selection, select, sorted_rows
from gaitops.evidence.tables import TABLES

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from gaitops.evidence.engines import Engine

PERIODS: Final = ("day", "week")
"""Groups that are no column: the day of a row, and the Monday of its ISO week, in UTC."""
COUNT: Final = "count"
ARTIFACTS: Final = "artifacts"
INTERNAL: Final = frozenset({"batch"})
"""Columns that say how a row was written and nothing about what it means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What somebody wants to know."""

    table: str
    selection: Selection = EVERYTHING
    group_by: tuple[str, ...] = ()
    """Columns, ``day`` or ``week``; count the rows of each combination."""
    count: bool = False
    """Count all rows instead of listing them."""
    proof: bool = False
    """Name the artifacts: alone, or behind each count."""
    limit: int | None = None
    """Most rows of the answer; the rest is only counted."""

    def with_selection(self, selection: Selection) -> Question:
        """The same question about these rows."""
        return replace(self, selection=selection)


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of an answer, and how many there are in all."""

    columns: tuple[str, ...]
    rows: list[dict[str, Any]] = field(repr=False)
    total: int


def ask(engine: Engine, question: Question) -> Answer:
    """Answer a question; the order of rows depends on what they say alone.

    Raises:
        InvalidInputError: ``query.table``, ``query.column``.
        InternalError: ``query.failed``.
    """
    check(question)
    rows = select(engine.tables, question.table, question.selection)
    if question.group_by or question.count:
        return _grouped(engine, rows, question)
    if question.proof:
        found = ordered(rows.select("artifact").distinct(), ("artifact",))
        return _limited(engine, found, question.limit)
    shown = [column for column in rows.columns if column not in INTERNAL]
    return _limited(engine, sorted_rows(rows, question.table).select(shown), question.limit)


def check(question: Question) -> None:
    """Refuse a table or a column that there is not.

    Raises:
        InvalidInputError: ``query.table``, ``query.column``.
    """
    if question.table not in TABLES:
        raise InvalidInputError.of(
            "query.table", f"there is no table {question.table}", remedy=f"Name one of {', '.join(TABLES)}."
        )
    known = groupable(question.table)
    unknown = [name for name in question.group_by if name not in known]
    if unknown:
        raise InvalidInputError.of(
            "query.column",
            f"{question.table} cannot be grouped by {', '.join(unknown)}",
            remedy=f"Group by {', '.join(known)}.",
        )


def groupable(table: str) -> tuple[str, ...]:
    """What rows of a table can be grouped by."""
    columns = (column.name for column in TABLES[table] if column.type in {"string", "int64", "bool"})
    return (*PERIODS, *(name for name in columns if name not in INTERNAL))


def _grouped(engine: Engine, rows: ir.Table, question: Question) -> Answer:
    periods = {"day": day_of, "week": week_of}
    rows = rows.mutate(**{name: periods[name](rows) for name in question.group_by if name in periods})
    by = list(dict.fromkeys(question.group_by))
    if not by:
        counted = engine.rows(rows.aggregate(**{COUNT: rows.count()}))
    else:
        counted = engine.rows(ordered(rows.group_by(by).agg(**{COUNT: rows.count()}), by))
    shown = counted if question.limit is None else counted[: question.limit]
    if question.proof:
        digests = engine.rows(ordered(rows.select(*by, "artifact").distinct(), [*by, "artifact"]))
        behind = {
            group: [row["artifact"] for row in found]
            for group, found in groupby(digests, key=lambda row: tuple(row[name] for name in by))
        }
        for row in shown:
            row[ARTIFACTS] = behind.get(tuple(row[name] for name in by), [])
    return Answer((*by, COUNT, *((ARTIFACTS,) if question.proof else ())), shown, len(counted))


def _limited(engine: Engine, rows: ir.Table, limit: int | None) -> Answer:
    columns = tuple(rows.columns)
    if limit is None:
        found = engine.rows(rows)
        return Answer(columns, found, len(found))
    found = engine.rows(rows.limit(limit + 1))
    if len(found) <= limit:
        return Answer(columns, found, len(found))
    (counted,) = engine.rows(rows.aggregate(**{COUNT: rows.count()}))
    return Answer(columns, found[:limit], counted[COUNT])


def group_columns(texts: Sequence[str]) -> tuple[str, ...]:
    """Columns out of options that may each hold several, separated by commas."""
    return tuple(name.strip() for text in texts for name in text.split(",") if name.strip())
