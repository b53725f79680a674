# SPDX-License-Identifier: Apache-2.0
"""What is known of one artifact, run, decision or token, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from gaitops.report.evidence_rows import cell, json_row, rows_text
from gaitops.report.tables import fields, table
from gaitops.report.text import Style, counted, styled

if TYPE_CHECKING:
    from gaitops.evidence.show import Shown

_MOST_ROWS: Final = 20
"""Rows of one table that text shows; JSON has all."""
_BAD: Final = frozenset({"failed", "rejected"})
_HEAD: Final = ("kind", "verdict", "gait_verdict", "repository", "environment", "team", "attribution", "producer", "key_id", "made_at",
                "collected_at", "producer_version", "size", "source")  # fmt: skip


def shown_json(shown: Shown) -> dict[str, object]:
    """As JSON: every row of every table."""
    return {
        "name": shown.name,
        "found_as": list(shown.found_as),
        "total": shown.total,
        "artifacts": list(shown.artifacts),
        "rows": {name: [json_row(row) for row in rows] for name, rows in shown.rows.items()},
        "related": [
            {"artifact": item.artifact, "kind": item.kind, "verdict": item.verdict, "repository": item.repository, "by": list(item.by)}
            for item in shown.related
        ],
    }  # fmt: skip


def shown_text(shown: Shown) -> str:
    """For people: one artifact in full, several as a table, then facts, findings and what is related."""
    return "\n\n".join(_parts(shown))


def _parts(shown: Shown) -> Iterator[str]:
    deliveries = shown.rows.get("artifacts", [])
    means = f"{shown.name} is found as {', '.join(shown.found_as)} in {counted(shown.total, 'artifact')}"
    yield means + (f"; the first {len(shown.artifacts)} follow" if shown.total > len(shown.artifacts) else "")
    if len(shown.artifacts) == 1 and deliveries:
        yield _one(shown.artifacts[0], deliveries)
    else:
        yield _several("artifacts", deliveries)
    for name, rows in shown.rows.items():
        if name != "artifacts":
            yield f"{styled(name.replace('_', ' '), Style.BOLD)}\n{_several(name, rows)}"
    if shown.related:
        related = [
            [item.artifact[:12], item.kind, item.verdict, item.repository or "–", ", ".join(item.by)]
            for item in shown.related
        ]
        yield f"{styled('related', Style.BOLD)}\n" + table(
            ("artifact", "kind", "verdict", "repository", "same"), related
        )


def _one(artifact: str, deliveries: list[dict[str, Any]]) -> str:
    first = next((row for row in deliveries if not row["duplicate"]), deliveries[0])
    verdict = styled(str(first["verdict"]), Style.RED if first["verdict"] in _BAD else Style.BOLD)
    pairs = [("artifact", artifact), *((name.replace("_", " "), cell(first[name])) for name in _HEAD)]
    claimed = _claims(first)
    if claimed:
        pairs.append(("claims", claimed))
    if len(deliveries) > 1:
        pairs.append(
            ("deliveries", f"{len(deliveries)}: {', '.join(str(row['source']) for row in deliveries)}")
        )
    return f"{first['kind']}: {verdict}\n{fields(pairs)}"


def _claims(row: Mapping[str, Any]) -> str:
    """What the artifact says of itself where it differs from what it was attributed to."""
    named = (("repository", "claimed_repository"), ("environment", "claimed_environment"))
    return ", ".join(
        f"{name} {row[claimed]}" for name, claimed in named if row[claimed] and row[claimed] != row[name]
    )


def _several(name: str, rows: list[dict[str, Any]]) -> str:
    columns = list(rows[0]) if rows else []
    return rows_text(name, columns, rows[:_MOST_ROWS], len(rows))
