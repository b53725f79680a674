# SPDX-License-Identifier: Apache-2.0
"""Every query that there is, and what an engine says to it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from gaitops.evidence import posture_queries, signal_queries
from gaitops.evidence.engines import Tables, open_engine
from gaitops.evidence.queries import approvals, artifacts, decisions, families, findings, inventory, regress
from gaitops.evidence.queries.counting import Aggregate
from gaitops.evidence.queries.selection import Selection, select, sorted_rows
from gaitops.posture.inputs import Window
from tests.evidence.table_store import FolderTables, at, digest
from tests.evidence.world import CART, FAMILY, OLD

SELECTION = Selection(repository=(CART["repository"],), since=at(0), until=at(30))
WINDOW = Window(at(0), at(30))
BOUNDARIES = (at(1), at(3), at(10))


def suite() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every query that there is."""
    for module in (approvals, artifacts, decisions, families, findings, inventory, regress):
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and not name.startswith("_"):
                yield name, function


def questions(tables: Tables) -> Iterator[tuple[str, Any]]:
    """Expressions with a defined order, by name."""
    for name, query in suite():
        found = query(tables)
        yield name, found.table if isinstance(found, Aggregate) else found
    yield "selected", decisions.policies_in_use(tables, SELECTION).table
    yield "proof", decisions.policies_in_use(tables).proof({"policy_digest": OLD, "environment": "prod"})
    yield "proof without a place", decisions.decision_counts(tables, SELECTION).proof({"environment": None})
    for table in ("decisions", "runs"):
        yield table, sorted_rows(select(tables, table), table)
    yield "by family", sorted_rows(select(tables, "artifacts", Selection(family=(FAMILY,))), "artifacts")
    yield (
        "by digest",
        sorted_rows(select(tables, "run_steps", Selection(digest=(digest("manifest 1"),))), "run_steps"),
    )


def windowed(tables: Tables) -> Iterator[tuple[str, Any]]:
    """What posture and signals ask about a window, by module and name, in no order of their own."""
    given = {
        "tables": tables,
        "window": WINDOW,
        "boundaries": BOUNDARIES,
        "manifests": (digest("manifest 1"),),
    }
    for module in (posture_queries, signal_queries):
        for name, function in inspect.getmembers(module, inspect.isfunction):
            wanted = list(inspect.signature(function).parameters)
            if function.__module__ == module.__name__ and not name.startswith("_") and wanted[0] == "tables":
                yield f"{module.__name__}.{name}", function(*(given[name] for name in wanted))


_UNORDERED = frozenset(
    {"known_artifacts", "decided", "readable_runs", "newest_snapshots", "regress_fixtures", "calls"}
)
"""Parts of other queries, in whatever order they come."""


def answers(store: FolderTables, engine: str) -> dict[str, list[dict[str, Any]]]:
    """What an engine says to every question."""
    found = {}
    with open_engine(store, engine) as opened:
        for name, expression in questions(opened.tables):
            rows = opened.rows(expression)
            found[name] = sorted(rows, key=repr) if name in _UNORDERED else rows
        for name, expression in windowed(opened.tables):
            found[name] = sorted(opened.rows(expression), key=repr)
    return found
