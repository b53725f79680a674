# SPDX-License-Identifier: Apache-2.0
"""Regress results: passes that mean something, passes that compare with nothing, kinds of drift (contract 6).

Gait does not sign regress results; they count when they are well formed. Their time is that of the first fixture's run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaitops.evidence.queries.artifacts import PLACE
from gaitops.evidence.queries.counting import Aggregate, count_where, is_true, readable, week_of, when
from gaitops.evidence.queries.selection import EVERYTHING, Selection, select

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from gaitops.evidence.engines import Tables


def regress_results(tables: Tables, selection: Selection = EVERYTHING) -> Aggregate:
    """Results by place, ISO week, status and kind of drift; fixtures in them, failed, and in vacuous passes."""
    rows = select(tables, "regress_results", selection)
    rows = rows.filter(readable(rows))
    rows = rows.mutate(week=week_of(rows), vacuous=is_true(rows.vacuous))
    return Aggregate(
        rows,
        (*PLACE, "week", "fixture_set", "status", "drift_class", "vacuous"),
        {
            "results": rows.count(),
            "fixtures": rows.fixtures.sum().fill_null(0),
            "failed_fixtures": rows.failed.sum().fill_null(0),
            "last_at": when(rows).max(),
            "last_collected_at": rows.collected_at.max(),
        },
    )


def regress_graders(tables: Tables, selection: Selection = EVERYTHING) -> Aggregate:
    """Graders by place, fixture, grader and status, to find the ones that fail most."""
    rows = select(tables, "regress_graders", selection)
    rows = rows.filter(readable(rows))
    return Aggregate(
        rows,
        (*PLACE, "fixture_set", "fixture", "grader", "status"),
        {"graded": rows.count(), "first_at": when(rows).min(), "last_at": when(rows).max()},
    )


def regress_fixtures(tables: Tables, selection: Selection = EVERYTHING) -> ir.Table:
    """Fixtures of each result: whether all graders passed, and whether one compared with a candidate.

    ``compared`` is false when a grader says that there was no candidate and none says that there was one, null when no
    grader can tell.
    """
    rows = select(tables, "regress_graders", selection)
    rows = rows.filter(readable(rows), rows.fixture.notnull())
    found = rows.group_by(["artifact", "repository", "environment", "fixture"]).agg(
        failing=count_where(rows.status != "pass"),
        with_candidate=count_where(rows.candidate),
        without_candidate=count_where(~rows.candidate),
        at=when(rows).max(),
        collected_at=rows.collected_at.max(),
    )
    return found.select(
        "artifact", "repository", "environment", "fixture", "at", "collected_at",
        passed=found.failing == 0,
        vacuous=(found.failing == 0) & (found.with_candidate == 0) & (found.without_candidate > 0),
    )  # fmt: skip
