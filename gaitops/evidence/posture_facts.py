# SPDX-License-Identifier: Apache-2.0
"""The bridge from the tables of a store to what the posture is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from gaitops.evidence import posture_queries as queries
from gaitops.gait.artifacts.facts import InventoryItemFacts
from gaitops.posture.inputs import (
    ApprovalDelay,
    Approver,
    ArtifactCount,
    DecisionCount,
    GraderFailures,
    Inventory,
    KeyUse,
    PostureInputs,
    RegressCount,
    RepositoryCount,
    TokenCount,
    Window,
)

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from gaitops.evidence.engines import Engine
    from gaitops.gait.policy_tools import ToolPolicy

Row = TypeVar("Row")
_EPOCH = date(1970, 1, 1).toordinal()


def posture_inputs(
    engine: Engine,
    window: Window,
    boundaries: Sequence[datetime],
    policies: Mapping[str, ToolPolicy],
) -> PostureInputs:
    """Count everything that the posture of a window is made of.

    Args:
        engine: the tables.
        window: which facts are looked at.
        boundaries: moments at which something begins or ceases to be expected
            (:func:`gaitops.posture.expectation.boundaries`).
        policies: tools of the versions that the fleet enforces, by Gait digest.

    Raises:
        InternalError: ``query.failed``.
    """
    tables = engine.tables

    def rows(make: Callable[..., Row], columns: Sequence[str], expression: ir.Table) -> list[Row]:
        return list(_made(engine, make, columns, expression))

    return PostureInputs(
        decisions=rows(
            _decision,
            (
                "repository",
                "environment",
                "policy_digest",
                "decision",
                "day",
                "events",
                "kill_switch",
                "first",
                "last",
            ),
            queries.decision_counts(tables, window, boundaries),
        ),
        artifacts=rows(ArtifactCount, ArtifactCount._fields, queries.artifact_counts(tables, window)),
        approvals=rows(ApprovalDelay, ApprovalDelay._fields, queries.approval_delays(tables, window)),
        tokens=rows(TokenCount, TokenCount._fields, queries.token_counts(tables, window)),
        approvers=rows(Approver, Approver._fields, queries.approvers(tables, window)),
        reused_tokens=rows(RepositoryCount, RepositoryCount._fields, queries.reused_tokens(tables, window)),
        expired_tokens=rows(RepositoryCount, RepositoryCount._fields, queries.expired_tokens(tables, window)),
        keys=rows(KeyUse, KeyUse._fields, queries.unregistered_keys(tables, window)),
        regress=rows(RegressCount, RegressCount._fields, queries.regress_counts(tables, window)),
        failures=_failures(engine, window),
        inventories=_inventories(engine, window),
        policies=policies,
    )


def _made(
    engine: Engine, make: Callable[..., Row], columns: Sequence[str], expression: ir.Table
) -> Iterator[Row]:
    """Rows column by column, which is several times faster than a dictionary for each."""
    table = engine.arrow(expression)
    values = [_values(name, table.column(name).to_pylist()) for name in columns]
    return (make(*row) for row in zip(*values, strict=True))


def _values(name: str, column: list[Any]) -> list[Any]:
    if name == "day":
        days = {number: date.fromordinal(_EPOCH + number) for number in set(column)}
        return [days[number] for number in column]
    if column and isinstance(next((item for item in column if item is not None), None), datetime):
        return [item.astimezone(UTC) if item is not None else None for item in column]
    return column


def _decision(
    repository: str,
    environment: str,
    digest: str,
    decision: str,
    day: date,
    events: int,
    kill_switch: int,
    first: datetime,
    last: datetime,
) -> DecisionCount:
    return DecisionCount(
        repository, environment, digest or "", decision or "", day, first, events, kill_switch, first, last
    )


def _failures(engine: Engine, window: Window) -> list[GraderFailures]:
    reasons: dict[tuple[str, str, str], set[str]] = {}
    for row in engine.rows(queries.grader_reasons(engine.tables, window)):
        key = (row["repository"], row["fixture"], row["grader"])
        reasons.setdefault(key, set()).add(row["reason"])
    return [
        GraderFailures(
            row["repository"],
            row["fixture"],
            row["grader"],
            row["failures"],
            tuple(sorted(reasons.get((row["repository"], row["fixture"], row["grader"]), ()))),
            row["last"],
        )
        for row in engine.rows(queries.grader_failures(engine.tables, window))
    ]


def _inventories(engine: Engine, window: Window) -> list[Inventory]:
    items: dict[str, list[dict[str, Any]]] = {}
    for row in engine.rows(queries.inventory_items(engine.tables, window)):
        items.setdefault(row["artifact"], []).append(row)
    return [
        _inventory(row["repository"] or "", row["artifact"], items.get(row["artifact"], []))
        for row in engine.rows(queries.snapshots(engine.tables, window))
    ]


def _inventory(repository: str, artifact: str, rows: Sequence[Mapping[str, Any]]) -> Inventory:
    facts = tuple(
        InventoryItemFacts(
            row["item_id"] or "",
            row["item_kind"] or "",
            row["name"] or "",
            row["locator"] or "",
            row["risk_level"] or "",
            tuple(row["tags"] or ()),
            "",
        )
        for row in sorted(rows, key=lambda row: str(row["item_id"]))
    )
    return Inventory(repository, rows[0]["snapshot_id"] if rows else "", artifact, facts)
