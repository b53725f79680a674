# SPDX-License-Identifier: Apache-2.0
"""Whether the rows in the tables are those that the bytes of an artifact give, as far as no key is needed to say so."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from gaitops.evidence.attribution import UNKNOWN, Attribution
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


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the log says of an artifact."""

    artifact: str
    kind: str
    verdict: str
    size: int
    ids: str
    digests: str


def recount(
    recorded: Recorded, data: bytes, rows: Mapping[str, Sequence[Mapping[str, Any]]]
) -> Iterator[str]:
    """Tables in which the rows of an artifact are not what ``data`` says, ``artifacts`` among them."""
    inspection = inspect(data, _NO_KEYS, sha256=recorded.artifact)
    if recorded.kind != inspection.kind or recorded.size != inspection.size:
        yield "artifacts"
        return
    if recorded.verdict == Verdict.REJECTED:
        # A registered key can be the reason to reject, so without keys there may be facts again; in the tables there are none.
        yield from (table for table in COMPARED if rows[table])
        return
    if orjson.loads(recorded.ids) != dict(inspection.ids) or orjson.loads(recorded.digests) != dict(
        inspection.digests
    ):
        yield "artifacts"
    tables = Tables()
    tables.add(inspection, _UNKNOWN, batch="", collected_at=_SOME_TIME, source="")
    for table, names in COMPARED.items():
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
