# SPDX-License-Identifier: Apache-2.0
"""The columns of :mod:`gaitops.evidence.tables` as Arrow knows them."""

from __future__ import annotations

from functools import cache
from typing import Final

import pyarrow as pa

from gaitops.evidence.tables import REQUIRED, TABLES, ColumnType

_TYPES: Final[dict[ColumnType, pa.DataType]] = {
    "string": pa.string(),
    "strings": pa.list_(pa.string()),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
}


@cache
def arrow_schema(table: str) -> pa.Schema:
    """Schema of one table; columns that no row lacks may not be null."""
    return pa.schema(
        [
            pa.field(column.name, _TYPES[column.type], nullable=column.name not in REQUIRED)
            for column in TABLES[table]
        ]
    )
