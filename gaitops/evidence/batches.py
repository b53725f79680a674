# SPDX-License-Identifier: Apache-2.0
"""How a batch of rows reaches the tables: whole, once, whatever is killed when, and however many write at once.

1. Every artifact of the batch is in the store, under the hash of its bytes.
2. *Stage*: the rows of the fact tables are written to ``pending/<batch>/``. Nobody reads them as evidence.
3. *Claim*: one commit to ``artifacts``. It is refused if another claim was made since the tables were last looked at; then what
   the other one brought is looked up, rows that it made repetitions are dropped or marked, and the batch is staged and claimed
   again under another id. The claim gives positions; from here on the batch is part of the log.
4. *Complete*: each fact table gets its rows in one commit that carries the id of the batch, so that a second one is refused.
5. The staged rows are removed.

Killed before 3, the batch never was; its artifacts lie in the store, and the next run finds them there and no row, and goes on.
Killed after 3, whoever ingests next completes it. A staged batch that nobody claims is *abandoned* by a claim of nothing under
its id, so that its owner, should it only have slept, is refused and stages again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gaitops.errors import InternalError
from gaitops.evidence import delta
from gaitops.evidence.delta import DataFile
from gaitops.evidence.log import APPLICATION, ARTIFACTS, Log
from gaitops.evidence.rows import FACT_TABLES, Tables
from gaitops.evidence.schemas import arrow_schema

if TYPE_CHECKING:
    from gaitops.evidence.stores import Store

PENDING: Final = "pending"
ABANDONED_AFTER: Final = timedelta(hours=24)
"""A staged batch older than this is abandoned; its owner is gone, or will be told."""
_CLAIMED: Final = 1
_ABANDONED: Final = 0
_TIME: Final = "%Y%m%dT%H%M%SZ"
_MOST_STAGED_BYTES: Final = 4 * 1024 * 1024 * 1024

Step = Callable[[str], None]
"""Told what was just done: ``object``, ``staged``, ``claimed``, the name of a fact table, ``removed``. Tests kill here."""


def no_step(_name: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What became of a batch."""

    batch: str
    new: int
    duplicates: int
    known: int
    """Deliveries that another process had already recorded."""
    repeats: int
    """Decisions whose emission was known from other bytes."""


def new_batch_id(now: datetime) -> str:
    """Sortable by time, and of nobody else."""
    return f"{now.astimezone(UTC).strftime(_TIME)}-{secrets.token_hex(8)}"


class Claim:
    """One batch on its way into the tables."""

    def __init__(self, store: Store, log: Log, tables: Tables, now: datetime, step: Step = no_step) -> None:
        self._store, self._log, self._now, self._step = store, log, now, step
        self._artifacts = tables.rows[ARTIFACTS].columns
        self._facts = {name: tables.rows[name].arrow() for name in FACT_TABLES if len(tables.rows[name])}
        self._batch = new_batch_id(now)
        self._staged: list[str] = []
        self._known = 0
        self._repeats = 0
        decisions = tables.rows["decisions"].columns
        self._events = {key for key in decisions["event_key"] if key is not None}

    def settle(self, added: Sequence[DataFile] = ()) -> Claimed:
        """Stage, claim and complete the batch.

        Args:
            added: files that came into the log since the artifacts of the batch were looked for.

        Raises:
            InternalError: ``store.unwritable``, ``store.unreadable``. Running the same again goes on from there.
        """
        # Artifacts that are new to the store may be known to the log: somebody lost the object.
        alike = self._log.made_at(self._artifacts["made_at"])
        self._drop_known(self._log.deliveries(self._artifacts["artifact"], alike))
        known_events = self._log.events(self._events, alike)
        self._mark_repeats(known_events)
        while True:
            added = (*added, *self._log.refresh())
            if added:
                self._drop_known(self._log.deliveries(self._artifacts["artifact"], added))
                known_events |= self._log.events(self._events, added)
                self._mark_repeats(known_events)
            if not self._artifacts["artifact"]:
                self._unstage()
                return Claimed(self._batch, 0, 0, self._known, 0)
            if delta.application_version(self._log.table, self._batch) is not None:
                self._unstage()  # somebody took us for dead
            self._stage()
            if self._commit():
                break
            added = ()
        self._step("claimed")
        for name, rows in self._facts.items():
            _append(self._store, name, self._batch, rows)
            self._step(name)
        self._unstage()
        self._step("removed")
        duplicates = sum(self._artifacts["duplicate"])
        new = len(self._artifacts["artifact"]) - duplicates
        return Claimed(self._batch, new, duplicates, self._known, self._repeats)

    def _commit(self) -> bool:
        rows, positions = self._numbered()
        marks = {APPLICATION: positions, self._batch: _CLAIMED}
        return delta.commit_once(self._store, ARTIFACTS, self._log.table, rows, marks)

    def _numbered(self) -> tuple[pa.Table, int]:
        """The rows of the log, and how many positions are taken after them."""
        following = self._log.positions
        positions: list[int | None] = []
        for duplicate in self._artifacts["duplicate"]:
            positions.append(None if duplicate else following)
            following += not duplicate
        count = len(positions)
        columns = {**self._artifacts, "position": positions, "batch": [self._batch] * count}
        return pa.table(columns, schema=arrow_schema(ARTIFACTS)), following

    def _drop_known(self, known: dict[str, set[str]]) -> None:
        """Artifacts that somebody else recorded meanwhile are repeated deliveries, or no news at all."""
        if not known:
            return
        artifacts, sources = self._artifacts["artifact"], self._artifacts["source"]
        keep = [
            source not in known.get(digest, ()) for digest, source in zip(artifacts, sources, strict=True)
        ]
        self._known += keep.count(False)
        for name, values in self._artifacts.items():
            self._artifacts[name] = [value for value, kept in zip(values, keep, strict=True) if kept]
        self._artifacts["duplicate"] = [
            was or digest in known
            for was, digest in zip(self._artifacts["duplicate"], self._artifacts["artifact"], strict=True)
        ]
        self._unstage()
        gone = pa.array(sorted(known), pa.string())
        for name, rows in list(self._facts.items()):
            left = rows.filter(pc.invert(pc.is_in(rows["artifact"], value_set=gone)))
            if left.num_rows:
                self._facts[name] = left
            else:
                del self._facts[name]

    def _mark_repeats(self, known: set[str]) -> None:
        decisions = self._facts.get("decisions")
        if decisions is None:
            return
        seen = set(known)
        repeat = []
        for key in decisions["event_key"].to_pylist():
            repeat.append(key is not None and key in seen)
            if key is not None:
                seen.add(key)
        self._repeats = sum(repeat)
        if repeat == decisions["repeat"].to_pylist():
            return
        self._unstage()
        index = decisions.schema.get_field_index("repeat")
        self._facts["decisions"] = decisions.set_column(
            index, decisions.schema.field(index), pa.array(repeat, pa.bool_())
        )

    def _stage(self) -> None:
        if self._staged:
            return  # as it stands: a lost race that brought nothing of ours changes no row
        self._batch = new_batch_id(self._now)
        for name, rows in self._facts.items():
            self._facts[name] = _with_batch(rows, self._batch)
            path = f"{PENDING}/{self._batch}/{name}.parquet"
            self._staged.append(path)
            self._store.files.create(path, _parquet(self._facts[name]))
        # Before the claim speaks of them, objects and rows are on the disk.
        self._store.files.flush()
        self._step("staged")

    def _unstage(self) -> None:
        """Remove the staged rows; what is staged next has another id."""
        for path in self._staged:
            self._store.files.remove(path)
        self._staged = []


def recover(store: Store, now: datetime) -> int:
    """Complete what others had claimed and not finished, and clear away what nobody will claim; how many batches were completed.

    Raises:
        InternalError: ``store.unwritable``, ``store.unreadable``.
    """
    staged: dict[str, list[str]] = {}
    for path, _size in store.files.list(PENDING):
        parts = path.split("/")
        if len(parts) == 3:
            staged.setdefault(parts[1], []).append(path)
    completed = 0
    for batch, paths in sorted(staged.items()):
        state = _state(store, batch)
        if state is None and _is_old(batch, now):
            state = _abandon(store, batch)
        if state == _CLAIMED:
            for path in paths:
                _complete(store, batch, path)
            completed += 1
        if state is not None:
            for path in paths:
                store.files.remove(path)
    return completed


def pending_batches(store: Store) -> dict[str, bool]:
    """Staged batches → whether they are claimed, and so miss rows in the fact tables until somebody completes them."""
    batches = sorted({parts[1] for parts in _staged(store)})
    return {batch: _state(store, batch) == _CLAIMED for batch in batches}


def waiting_rows(store: Store) -> frozenset[tuple[str, str]]:
    """(fact table, batch) of rows that are claimed and staged, and not in their table yet."""
    staged = {(parts[1], parts[2]) for parts in _staged(store)}
    found = set()
    for batch, name in staged:
        table = name.removesuffix(".parquet")
        if table in FACT_TABLES and _state(store, batch) == _CLAIMED:
            opened = delta.open_table(store, table)
            if opened is None or delta.application_version(opened, batch) is None:
                found.add((table, batch))
    return frozenset(found)


def _staged(store: Store) -> Iterator[list[str]]:
    """Paths in ``pending/``, in parts: the folder, a batch, a file."""
    paths = (path.split("/") for path, _size in store.files.list(PENDING))
    return (parts for parts in paths if len(parts) == 3)


def _state(store: Store, batch: str) -> int | None:
    table = delta.open_table(store, ARTIFACTS)
    return None if table is None else delta.application_version(table, batch)


def _abandon(store: Store, batch: str) -> int:
    """Claim nothing under the id of a batch, unless its owner is quicker; what came of it."""
    while True:
        log = Log(store)
        state = delta.application_version(log.table, batch)
        if state is not None:
            return state
        delta.commit_once(
            store, ARTIFACTS, log.table, arrow_schema(ARTIFACTS).empty_table(), {batch: _ABANDONED}
        )


def _is_old(batch: str, now: datetime) -> bool:
    try:
        made = datetime.strptime(batch.partition("-")[0], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return False  # no batch of ours
    return now - made > ABANDONED_AFTER


def _complete(store: Store, batch: str, path: str) -> None:
    name = path.rpartition("/")[2].removesuffix(".parquet")
    if name not in FACT_TABLES:
        return
    try:
        data = store.files.read(path, _MOST_STAGED_BYTES)
    except FileNotFoundError:
        return  # its owner lives, and has just finished
    try:
        rows = pq.read_table(BytesIO(data), schema=arrow_schema(name))
    except (pa.ArrowException, OSError) as error:
        raise InternalError.of(
            "store.unreadable",
            f"rows of a claimed batch are damaged: {' '.join(str(error).split())[:200]}",
            path=f"{store.url}/{path}",
            remedy="Restore this file from a copy of the store; look who could write to it.",
        ) from error
    _append(store, name, batch, rows)


def _append(store: Store, name: str, batch: str, rows: pa.Table) -> None:
    """Append the rows of a batch to a fact table, unless they are there."""
    while True:
        table = delta.open_table(store, name)
        if table is None:
            delta.create_tables(store)
            continue
        done = delta.application_version(table, batch) is not None
        if done or delta.commit_once(store, name, table, rows, {batch: _CLAIMED}):
            return


def _with_batch(rows: pa.Table, batch: str) -> pa.Table:
    index = rows.schema.get_field_index("batch")
    column: Any = pa.array([batch], pa.string()).take(pa.array([0] * rows.num_rows, pa.int32()))
    return rows.set_column(index, rows.schema.field(index), column)


def _parquet(rows: pa.Table) -> bytes:
    buffer = BytesIO()
    pq.write_table(rows, buffer, compression="zstd", compression_level=1)
    return buffer.getvalue()
