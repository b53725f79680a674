# SPDX-License-Identifier: Apache-2.0
"""Which rows somebody asks for: by run, digest, policy, family, place, verdict, kind, decision, tool, finding or time.

A condition on a column that a table lacks is a condition on the artifact: ``decision=block`` over ``artifacts`` means the
artifacts with a blocked call in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Final

from gaitops.evidence.queries.counting import is_true, ordered, proven, within
from gaitops.evidence.tables import TABLES

if TYPE_CHECKING:
    import ibis.expr.types as ir

DIGEST_COLUMNS: Final = (
    "artifact", "key_id", "policy_digest", "intent_digest", "args_digest", "result_digest", "context_set_digest", "manifest_digest",
    "fingerprint", "event_key",
)  # fmt: skip
"""Columns that hold one digest in bare hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Conditions that must all hold; an empty one holds for everything."""

    run_id: tuple[str, ...] = ()
    digest: tuple[str, ...] = ()
    """Any digest of the row, in bare hex: of the artifact, its key, policy, intent, arguments, result, references, manifest."""
    policy_digest: tuple[str, ...] = ()
    family: tuple[str, ...] = ()
    """Gait's family ids."""
    org: tuple[str, ...] = ()
    project: tuple[str, ...] = ()
    repository: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    team: tuple[str, ...] = ()
    verdict: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    decision: tuple[str, ...] = ()
    tool: tuple[str, ...] = ()
    finding: tuple[str, ...] = ()
    """Codes of findings."""
    since: datetime | None = None
    until: datetime | None = None
    """[since, until) of the time at which the fact was made, or collected where it does not say."""
    proven: bool = False
    """Only what a known key signed, each emission and each delivery once."""

    @property
    def empty(self) -> bool:
        """Whether it holds for everything."""
        return not any(getattr(self, item.name) for item in fields(self))


EVERYTHING: Final = Selection()

_COLUMNS: Final = {
    "run_id": "run_id",
    "policy_digest": "policy_digest",
    "family": "family_id",
    "org": "org",
    "project": "project",
    "repository": "repository",
    "environment": "environment",
    "team": "team",
    "verdict": "verdict",
    "kind": "kind",
    "decision": "decision",
    "tool": "tool_name",
    "finding": "code",
}
"""Condition → column."""


def select(tables: Mapping[str, ir.Table], name: str, selection: Selection = EVERYTHING) -> ir.Table:
    """Rows of table ``name`` for which the selection holds, with all its columns."""
    table = within(tables[name], selection.since, selection.until)
    for condition, column in _COLUMNS.items():
        values: tuple[str, ...] = getattr(selection, condition)
        if values:
            table = _holding(tables, table, name, column, values)
    if selection.digest:
        table = _with_digest(tables, table, name, selection.digest)
    return _once_and_proven(table) if selection.proven else table


def _once_and_proven(table: ir.Table) -> ir.Table:
    for column in ("duplicate", "repeat"):
        if column in table.columns:
            table = table.filter(~is_true(table[column]))
    return table.filter(proven(table))


def sorted_rows(table: ir.Table, name: str) -> ir.Table:
    """Rows in an order that depends on their content alone."""
    leading = [column for column in ("made_at", "artifact", "index") if column in table.columns]
    rest = [
        column.name
        for column in TABLES[name]
        if column.type != "strings" and column.name not in {*leading, "batch", "collected_at"}
    ]
    return ordered(table, [*leading, *rest])


def _holding(
    tables: Mapping[str, ir.Table], table: ir.Table, name: str, column: str, values: tuple[str, ...]
) -> ir.Table:
    if column in table.columns:
        return table.filter(table[column].isin(values))
    others = [other for other in TABLES if other != name and column in tables[other].columns]
    found = None
    for other in others:
        rows = tables[other]
        part = rows.filter(rows[column].isin(values)).select("artifact")
        found = part if found is None else found.union(part)
    if found is None:  # Cannot be: every condition names a column of some table.
        raise ValueError(f"no table has a column {column}")
    return table.semi_join(found.distinct(), "artifact")


def _with_digest(
    tables: Mapping[str, ir.Table], table: ir.Table, name: str, digests: tuple[str, ...]
) -> ir.Table:
    columns = [column for column in DIGEST_COLUMNS if column in table.columns]
    condition = table[columns[0]].isin(digests)
    for column in columns[1:]:
        condition |= table[column].isin(digests)
    if name == "artifacts":
        for digest in digests:
            condition |= table.digests.contains(digest)
        return table.filter(condition)
    named = tables["artifacts"]
    mentions = named.artifact.isin(digests)
    for digest in digests:
        mentions |= named.digests.contains(digest)
    whole = named.filter(is_true(mentions)).select(found="artifact").distinct()
    joined = table.left_join(whole, table.artifact == whole.found)
    return joined.filter(is_true(condition) | joined.found.notnull()).drop("found")
