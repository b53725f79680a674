# SPDX-License-Identifier: Apache-2.0
"""Whether the rows in the tables are those that the bytes of an artifact give, as far as no key is needed to say so."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import orjson

from gaitops.evidence.attribution import UNKNOWN, Attribution
from gaitops.evidence.recorded import Row, contradictions, is_confirmed
from gaitops.evidence.rows import FACT_TABLES, Tables
from gaitops.evidence.tables import PROVENANCE, TABLES
from gaitops.gait.artifacts.inspect import inspect
from gaitops.gait.artifacts.model import Keyring, Verdict

_NO_KEYS: Final = Keyring()
_UNKNOWN: Final = Attribution(UNKNOWN)
_SOME_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
_KEY_DEPENDENT: Final = frozenset({"event_key", "repeat"})
COMPARED: Final = {
    table: tuple(
        name
        for name in ("made_at", *(column.name for column in TABLES[table][len(PROVENANCE) :]))
        if name not in _KEY_DEPENDENT
    )
    for table in FACT_TABLES
    if table != "findings"
}
"""Table → columns that follow from the bytes alone. Findings depend on keys and places."""
UNCONFIRMED: Final = "verdict"
"""Stands for a table where no key at hand verifies what is recorded as verified."""


def recount(
    recorded: Row,
    data: bytes,
    rows: Mapping[str, Sequence[Row]],
    keys: Keyring | None = None,
    to_come: Collection[str] = (),
) -> Iterator[str]:
    """Tables in which the rows of an artifact are not what ``data`` says, ``artifacts`` among them.

    Args:
        recorded: the artifact's row in the log.
        data: the bytes of the artifact.
        rows: its rows in the fact tables.
        keys: must verify what is recorded as verified; without them nobody asks.
        to_come: fact tables that the rows of the batch are not in yet.
    """
    inspection = inspect(data, _NO_KEYS, sha256=recorded["artifact"])
    if recorded["kind"] != inspection.kind or recorded["size"] != inspection.size:
        yield "artifacts"
        return
    yield from contradictions(recorded, inspection, rows, to_come)
    if keys is not None and not is_confirmed(recorded, data, rows, keys):
        yield UNCONFIRMED
    if recorded["verdict"] == Verdict.REJECTED:
        # A registered key can be the reason to reject, so without keys there may be facts again; in the tables there are none.
        yield from (table for table in COMPARED if rows[table])
        return
    if any(orjson.loads(recorded[name]) != dict(getattr(inspection, name)) for name in ("ids", "digests")):
        yield "artifacts"
    tables = Tables()
    tables.add(inspection, _UNKNOWN, batch="", collected_at=_SOME_TIME, source="")
    for table, names in COMPARED.items():
        if table in to_come:
            continue
        columns = tables.rows[table].columns
        expected = [
            tuple(_plain(columns[name][index]) for name in names) for index in range(len(tables.rows[table]))
        ]
        found = [tuple(_plain(row[name]) for name in names) for row in rows[table]]
        if sorted(expected, key=repr) != sorted(found, key=repr):
            yield table


def _plain(value: object) -> object:
    """A value as it comes back from a table."""
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, float) and math.isnan(value):
        return None
    return value
