# SPDX-License-Identifier: Apache-2.0
"""What counts, when it was, and how a number and its proof come from the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

import ibis

from gaitops.gait.artifacts.model import PROVEN, Verdict

if TYPE_CHECKING:
    import ibis.expr.types as ir

PROVEN_VERDICTS: Final = tuple(sorted(verdict.value for verdict in PROVEN))
"""Verdicts whose facts are signed by a known key."""
READABLE_VERDICTS: Final = tuple(
    sorted({verdict.value for verdict in Verdict} - {Verdict.FAILED.value, Verdict.REJECTED.value})
)
"""Verdicts whose facts hold together, whoever wrote them."""
ROW_ID: Final = "artifact"
_DAY: Final = 86_400_000_000


def when(table: ir.Table) -> ir.TimestampValue:
    """When a row's fact was made, or else collected: placeholders of Gait are null (contract 0.5)."""
    return ibis.coalesce(table.made_at, table.collected_at)


def day_of(table: ir.Table) -> ir.DateValue:
    """Day of :func:`when`, in UTC."""
    return date_from_unix_date(day_number(when(table)).cast("int32"))


def day_number(at: ir.TimestampValue) -> ir.IntegerValue:
    """Days since 1970 in UTC, which engines compute many times faster than the date of a time with a zone."""
    return (unix_micros(at) // _DAY).cast("int64")


def week_of(table: ir.Table) -> ir.DateValue:
    """Monday of the ISO week of :func:`when`, in UTC."""
    return when(table).truncate("W").date()


def proven(table: ir.Table) -> ir.BooleanValue:
    """Whether a known key signed the row's artifact."""
    return table.verdict.isin(PROVEN_VERDICTS)


def readable(table: ir.Table) -> ir.BooleanValue:
    """Whether the row's artifact holds together, signed or not."""
    return table.verdict.isin(READABLE_VERDICTS)


def counted_decisions(tables: Mapping[str, ir.Table]) -> ir.Table:
    """Decisions that count: of proven traces, each emission once (contract 2.2)."""
    decisions = tables["decisions"]
    return decisions.filter(proven(decisions), ~is_true(decisions["repeat"]))


@ibis.udf.scalar.builtin(name="unix_micros", signature=(("timestamp('UTC', 6)",), "int64"))  # type: ignore[untyped-decorator]
def unix_micros(at: datetime) -> int:  # type: ignore[empty-body]
    """Microseconds since 1970; by a name of Spark's that our DuckDB knows too.

    What Ibis has for it goes through a time without a zone, which costs DuckDB more than all the rest of a query.
    """


@ibis.udf.scalar.builtin(name="date_from_unix_date", signature=(("int32",), "date"))  # type: ignore[untyped-decorator]
def date_from_unix_date(day: int) -> date:  # type: ignore[empty-body]
    """The date of a number of days since 1970; by a name as :func:`unix_micros` is."""


@ibis.udf.scalar.builtin(name="hash", signature=(("string", "string", "string"), "int64"))  # type: ignore[untyped-decorator]
def hashed(one: str, two: str, three: str) -> int:  # type: ignore[empty-body]
    """A number of three texts, another one in each engine: to find what may be equal before it is compared."""


def is_true(condition: ir.BooleanValue) -> ir.BooleanValue:
    """Whether a condition holds; not if it is null."""
    return condition.fill_null(False)  # noqa: FBT003 - the library names no such parameter


def count_where(condition: ir.BooleanValue) -> ir.IntegerScalar:
    """How many rows meet a condition; 0 and never null for none."""
    # Counting is cheaper than adding, for which engines take integers of 128 bits.
    return condition.ifelse(1, ibis.null("int64")).count()


def equal_or_null(column: ir.Column, value: object) -> ir.BooleanValue:
    """``column`` is ``value``, where ``None`` means that it is null."""
    return column.isnull() if value is None else column == value


def ordered(table: ir.Table, columns: Sequence[str]) -> ir.Table:
    """Sorted by these columns, nulls last, as every engine can."""
    return table.order_by([table[name].asc(nulls_first=False) for name in columns])


@dataclass(frozen=True)
class Aggregate:
    """Numbers by group, and the artifacts behind each of them."""

    counted: ir.Table
    """The rows that count, with the columns of ``by`` and ``artifact``."""
    by: tuple[str, ...]
    """Columns that make a group."""
    measures: Mapping[str, ir.Scalar] = field(default_factory=dict)
    """Name → what is computed over the rows of a group, as an expression over ``counted``."""

    @property
    def table(self) -> ir.Table:
        """One row per group, sorted by it."""
        if not self.by:
            return self.counted.aggregate(**self.measures)
        return ordered(self.counted.group_by(list(self.by)).agg(**self.measures), self.by)

    def proof(self, group: Mapping[str, Any] | None = None) -> ir.Table:
        """Digests of the artifacts behind the groups that have these values; one column, sorted.

        Args:
            group: Column → value, ``None`` for groups in which it is null; all groups without it.
        """
        rows = self.counted
        for name, value in (group or {}).items():
            if name not in self.by:
                raise ValueError(f"groups have no {name}, only {', '.join(self.by)}")
            rows = rows.filter(equal_or_null(rows[name], value))
        return ordered(rows.select(ROW_ID).distinct(), (ROW_ID,))


def within(table: ir.Table, since: datetime | None, until: datetime | None) -> ir.Table:
    """Rows of [since, until) by :func:`when`."""
    if since is not None:
        table = table.filter(when(table) >= moment(since))
    if until is not None:
        table = table.filter(when(table) < moment(until))
    return table


def moment(value: datetime) -> ir.TimestampScalar:
    """A time as a literal of the column's own type."""
    return ibis.literal(value, type="timestamp('UTC', 6)")
