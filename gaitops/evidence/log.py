# SPDX-License-Identifier: Apache-2.0
"""The evidence log: the table ``artifacts``, in which every new artifact has a position, and every delivery a row.

It is asked two things, both about few of many millions of rows: which of these artifacts are known, and which of these
decisions. Files that cannot hold an answer are not opened, and of the others only the columns that decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from gaitops.errors import InvalidInputError
from gaitops.evidence import delta
from gaitops.evidence.delta import DataFile

if TYPE_CHECKING:
    from gaitops.evidence.stores import Store

ARTIFACTS: Final = "artifacts"
APPLICATION: Final = "gaitops.ingest"
"""Application id of every claim: its number is how many positions are taken. So claims come one after the other."""
_COARSE: Final = timedelta(milliseconds=1)
"""The log of a Delta table cuts times to milliseconds."""


class Log:
    """The table ``artifacts`` at one version, brought up to date on demand."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.table = self._opened()
        self._files = {item.path: item for item in delta.data_files(store, self.table)}

    def _opened(self) -> DeltaTable:
        table = delta.open_table(self._store, ARTIFACTS)
        if table is None:
            raise InvalidInputError.of(
                "store.absent",
                "the store has no tables yet",
                path=self._store.url,
                remedy="`gaitops evidence ingest` makes them.",
            )
        return table

    @property
    def positions(self) -> int:
        """How many positions are taken."""
        return delta.application_version(self.table, APPLICATION) or 0

    @property
    def files(self) -> list[DataFile]:
        """Files of this version."""
        return list(self._files.values())

    def refresh(self) -> list[DataFile]:
        """Go to the newest version; the files that it has and the one before had not."""
        newest = self._opened()
        if newest.version() == self.table.version():
            return []
        files = {item.path: item for item in delta.data_files(self._store, newest)}
        added = [item for path, item in files.items() if path not in self._files]
        self.table, self._files = newest, files
        return added

    def deliveries(
        self, digests: Iterable[str], files: Sequence[DataFile] | None = None
    ) -> dict[str, set[str]]:
        """Artifact → places it was collected from, for those of ``digests`` that are in ``files`` (all by default)."""
        wanted = pa.array(sorted(set(digests)), pa.string())
        found: dict[str, set[str]] = {}
        if len(wanted):
            where = pc.field("artifact").isin(wanted)
            for piece in delta.scan(
                self._store, self.files if files is None else files, ("artifact", "source"), where
            ):
                for digest, source in zip(
                    piece["artifact"].to_pylist(), piece["source"].to_pylist(), strict=True
                ):
                    found.setdefault(digest, set()).add(source)
        return found

    def events(self, keys: Iterable[str], files: Sequence[DataFile] | None = None) -> set[str]:
        """Those event keys that an artifact in ``files`` (all by default) already has."""
        wanted = pa.array(sorted(set(keys)), pa.string())
        if not len(wanted):
            return set()
        where = pc.field("event_key").isin(wanted)
        return {
            key
            for piece in delta.scan(
                self._store, self.files if files is None else files, ("event_key",), where
            )
            for key in piece["event_key"].to_pylist()
        }

    def made_at(self, moments: Iterable[datetime | None]) -> list[DataFile]:
        """The files with an artifact that was made at one of these very times, or at no known time if one of these is none.

        Equal bytes were made at one time, and so were equal emissions, whose id depends on it: what is known of new artifacts
        is in these files, and in the usual case of evidence that comes in as it is made there are none. Their log says
        which reach into the times; of those only the times are read, which are few bytes.
        """
        times = set(moments)
        known = sorted(moment for moment in times if moment is not None)
        found = [item for item in self.files if None in times and item.nulls.get("made_at", 1)]
        if known:
            wanted = pc.field("made_at").isin(pa.array(known, pa.timestamp("us", "UTC")))
            found += [
                item
                for item in self.files
                if item not in found and _reaches(item, known[0], known[-1]) and self._has(item, wanted)
            ]
        return found

    def _has(self, item: DataFile, where: pc.Expression) -> bool:
        """Whether a row of a file has such a time."""
        return any(piece.num_rows for piece in delta.scan(self._store, [item], ("made_at",), where))


def _reaches(item: DataFile, first: datetime, last: datetime) -> bool:
    least, greatest = item.least.get("made_at"), item.greatest.get("made_at")
    if least is None or greatest is None:
        return True
    return bool(least - _COARSE <= last and greatest + _COARSE >= first)
