# SPDX-License-Identifier: Apache-2.0
"""Every artifact behind a signal, found by its selector: the same rows that were counted, by the same conditions."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from gaitops.evidence import signal_queries as queries
from gaitops.evidence.posture_queries import judged_decisions, regress_rows
from gaitops.evidence.queries.counting import is_true, ordered
from gaitops.evidence.queries.decisions import KILL_SWITCH_ACTIVE
from gaitops.evidence.signal_facts import Fleet, Places, unexpected
from gaitops.evidence.signal_queries import Asked
from gaitops.posture.counting import SIGNATURES_REQUIRED
from gaitops.signals.selectors import values_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from gaitops.evidence.engines import Engine
    from gaitops.posture.inputs import Window

_MARKS: Final = frozenset(
    {
        "table", "unexpected", "waiting", "duplicate", "unclaimed", "newest", "required", "tier", "kill_switch", "vacuous",
        "not_repository",
    }
)  # fmt: skip
"""Members of a selector that are not values of a column of the table."""


def signal_proof(engine: Engine, window: Window, fleet: Fleet, selector: Mapping[str, str]) -> list[str]:
    """SHA-256 of all artifacts behind a signal, sorted.

    Args:
        engine: the tables that the signal was made from.
        window: its window.
        fleet: what was known of the fleet.
        selector: the signal's own.

    Raises:
        InternalError: ``query.failed``.
    """
    asked = queries.Asked.of(engine)
    rows = _rows(asked, window, fleet, selector)
    for column, values in selector.items():
        if column not in _MARKS:
            rows = rows.filter(rows[column].fill_null("").isin(values_of(values)))
    if selector.get("kill_switch"):
        rows = rows.filter(rows.kill_switch == KILL_SWITCH_ACTIVE)
    if selector.get("vacuous"):
        rows = rows.filter(is_true(rows.vacuous))
    if "not_repository" in selector:
        rows = rows.filter(~rows.repository.isin(values_of(selector["not_repository"])))
    if "tier" in selector:
        rows = _in_tiers(rows, Places(fleet.registry), {selector["tier"]}, asked)
    if selector.get("required"):
        rows = rows.filter(rows.environment != "")
        rows = _in_tiers(rows, Places(fleet.registry), SIGNATURES_REQUIRED, asked)
    if selector.get("unexpected"):
        rows = _unexpected(rows, asked, window, fleet, selector["policy_digest"])
    found = ordered(rows.select("artifact").distinct(), ("artifact",))
    return [row["artifact"] for row in asked.rows(found)]


def _rows(asked: Asked, window: Window, fleet: Fleet, selector: Mapping[str, str]) -> ir.Table:
    """The rows that signals of a table are counted over."""
    tables, table = asked.tables, selector["table"]
    if selector.get("duplicate"):
        return queries.repetitions(tables, window)
    if selector.get("unclaimed"):
        return queries.unnamed_decisions(tables, window)
    if selector.get("newest"):
        return queries.last_evidence(tables, window)
    if selector.get("waiting"):
        return queries.requests(tables, window)
    if table == "decisions":
        rows = judged_decisions(tables, window, fleet.boundaries(window))
        if selector.get("decision") == "block":
            rows = rows.filter(~is_true(rows.kill_switch == KILL_SWITCH_ACTIVE))
        return rows
    if table == "runs":
        return queries.run_rows(tables, window)
    if table == "regress_results":
        return regress_rows(tables["regress_results"], window)
    if table == "findings":
        return queries.origin_findings(tables, window)
    return queries.doubtful(tables, window)


def _in_tiers(rows: ir.Table, places: Places, tiers: Container[str], asked: Asked) -> ir.Table:
    """Rows of the places that have one of these tiers, found among the places that the rows name."""
    named = asked.rows(rows.select("repository", "environment").distinct())
    wanted = [row for row in named if places.of(row).tier in tiers]
    return _any(rows, [{name: row[name] for name in ("repository", "environment")} for row in wanted])


def _unexpected(rows: ir.Table, asked: Asked, window: Window, fleet: Fleet, digest: str) -> ir.Table:
    """Decisions of the places and stretches of time in which a policy was not expected."""
    view, judge = fleet.view, fleet.judge()
    if view is None or judge is None:
        return rows.limit(0)
    groups = asked.rows(queries.decision_groups(asked.tables, window, fleet.boundaries(window)))
    own = [row for row in groups if row["policy_digest"] == digest and unexpected(row, view, judge)]
    return _any(rows, [{name: row[name] for name in ("repository", "environment", "segment")} for row in own])


def _any(rows: ir.Table, wanted: Iterable[Mapping[str, Any]]) -> ir.Table:
    """Rows that agree with one of these combinations of values."""
    condition: ir.BooleanValue | None = None
    for values in {tuple(sorted(one.items())) for one in wanted}:
        part: ir.BooleanValue | None = None
        for name, value in values:
            equal = rows[name] == value
            part = equal if part is None else part & equal
        if part is not None:
            condition = part if condition is None else condition | part
    return rows.limit(0) if condition is None else rows.filter(condition)
