# SPDX-License-Identifier: Apache-2.0
"""Whether what the tables say beside the content of an artifact holds together: place, key, verdict, findings.

The bytes of an artifact do not say where it was collected or which keys were registered then. But its own row in the log says it
once, every other row has to agree with that, and what is recorded as proven must be signed by a key that somebody can name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from gaitops.evidence.attribution import made_at
from gaitops.evidence.rows import FACT_TABLES, event_key
from gaitops.evidence.tables import PROVENANCE
from gaitops.gait.artifacts.inspect import inspect
from gaitops.gait.artifacts.model import PROVEN, Inspection, Keyring, Verdict

Row = Mapping[str, Any]
_OF_THE_INSIDE: Final = ("verdict", "key_id", "made_at")
"""Columns in which what lies inside an artifact may differ from it."""
_OF_THE_ARTIFACT: Final = tuple(column.name for column in PROVENANCE if column.name not in _OF_THE_INSIDE)
_POSSIBLE: Final[Mapping[Verdict, frozenset[Verdict]]] = {
    Verdict.UNSIGNED: frozenset({Verdict.UNSIGNED}),
    Verdict.REJECTED: frozenset({Verdict.REJECTED}),
    # Another signature, of a key that was registered, may hold.
    Verdict.FAILED: PROVEN | {Verdict.FAILED, Verdict.REJECTED},
    Verdict.UNVERIFIABLE: PROVEN | {Verdict.UNVERIFIABLE, Verdict.FAILED, Verdict.REJECTED},
}
"""Verdict without any key → verdicts that keys can make of it."""
_BESIDE_OTHERS: Final = frozenset({"session_chain"})
"""Kinds whose verdict depends on what was collected with them."""


def contradictions(
    recorded: Row,
    inspection: Inspection,
    rows: Mapping[str, Sequence[Row]],
    to_come: Collection[str] = (),
) -> Iterator[str]:
    """Tables that contradict the artifact's own row in the log, ``artifacts`` where that is impossible by itself.

    Args:
        recorded: the artifact's row.
        inspection: of its bytes, without any key.
        rows: its rows in the fact tables.
        to_come: fact tables that its rows are not in yet.
    """
    if not _is_possible(recorded, inspection):
        yield "artifacts"
    for table in FACT_TABLES:
        own = table == "findings" or not inspection.members
        if not all(_agrees(row, recorded, own=own) for row in rows[table]):
            yield table
    codes = Counter(row["code"] for row in rows["findings"])
    if "findings" not in to_come and codes != Counter(recorded["codes"] or ()):
        yield "findings"
    if not all(row["event_key"] == _event_key(row) for row in rows["decisions"]):
        yield "decisions"
    keys = (row["event_key"] for row in rows["decisions"])
    first = next((key for key in keys if key is not None), None)
    if "decisions" not in to_come and recorded["event_key"] != first:
        yield "artifacts"


def is_confirmed(recorded: Row, data: bytes, rows: Mapping[str, Sequence[Row]], keys: Keyring) -> bool:
    """Whether ``keys`` verify everything that is recorded of an artifact as verified."""
    claimed = {row["key_id"] for table in FACT_TABLES for row in rows[table] if row["verdict"] in PROVEN}
    whole = recorded["verdict"] in PROVEN
    if not whole and not claimed:
        return True
    inspection = inspect(data, keys, sha256=recorded["artifact"])
    if whole and (inspection.verdict not in PROVEN or inspection.key_id != recorded["key_id"]):
        return False
    signed = (item for item in (inspection, *inspection.members) if item.verdict in PROVEN)
    return claimed <= {item.key_id for item in signed}


def _is_possible(recorded: Row, inspection: Inspection) -> bool:
    if recorded["kind"] in _BESIDE_OTHERS:
        return True
    if recorded["verdict"] not in _POSSIBLE[inspection.verdict]:
        return False
    rejected: bool = recorded["verdict"] == Verdict.REJECTED
    return rejected or bool(recorded["made_at"] == made_at(inspection.facts))


def _agrees(row: Row, recorded: Row, *, own: bool) -> bool:
    """Whether a row has the provenance of its artifact; ``own`` when it is not about something inside it."""
    names = (*_OF_THE_ARTIFACT, *_OF_THE_INSIDE) if own else _OF_THE_ARTIFACT
    return all(row[name] == recorded[name] for name in names)


def _event_key(row: Row) -> str | None:
    if row["verdict"] not in PROVEN or row["key_id"] is None or not row["event_id"]:
        return None
    return event_key(row["key_id"], row["event_id"])
