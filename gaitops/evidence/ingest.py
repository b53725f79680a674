# SPDX-License-Identifier: Apache-2.0
"""From files to rows: each is read once, judged, kept by its hash, and recorded with the place that it came from.

One function does the work for a slice of a listing; worker processes and Spark run the same one. What is safe about many of
them at once is in :mod:`gaitops.evidence.batches`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gaitops.errors import GaitopsError, VerificationError
from gaitops.evidence.attribution import Attributor
from gaitops.evidence.batches import Claim, Step, no_step
from gaitops.evidence.collection import Entry
from gaitops.evidence.log import Log
from gaitops.evidence.rows import Tables
from gaitops.evidence.stores import Files, Store, object_path
from gaitops.fleet.evidence import Registry
from gaitops.gait.artifacts.inspect import inspect
from gaitops.gait.artifacts.limits import MAX_ARTIFACT_BYTES
from gaitops.gait.artifacts.model import Inspection, Keyring
from gaitops.gait.gait_keys import GaitPublicKey

BATCH: Final = 20_000
"""Artifacts that are claimed together; killed in between, so many are judged again."""
_BATCH_ROWS: Final = 200_000
_BATCH_BYTES: Final = 256 * 1024 * 1024
_MOST_READ_AHEAD: Final = 128 * 1024 * 1024
"""Bytes of files that are held while earlier ones are judged, and one file more."""
_MOST_NAMED: Final = 1_000
"""Skipped files that a report names; all are counted."""
_TRACE_ID: Final = re.compile(r"[0-9a-f]{24}")
NO_FLEET: Final = Registry({}, {}, {})

TOO_LARGE: Final = "too_large"
UNREADABLE: Final = "unreadable"
UNRECOGNISED: Final = "unrecognised"
OUTSIDE_LAYOUT: Final = "outside_layout"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was not ingested."""

    source: str
    reason: str
    """``too_large``, ``unreadable``, ``unrecognised`` (nothing that Gait writes) or ``outside_layout``."""
    detail: str


@dataclass(slots=True)
class IngestReport:
    """What became of a listing. Reports of slices are added up."""

    files: int = 0
    bytes: int = 0
    new: int = 0
    duplicates: int = 0
    """Further deliveries of known bytes, from another place."""
    known: int = 0
    """Deliveries that were recorded before: same bytes, same place."""
    repeats: int = 0
    """Decisions whose emission was known from other bytes."""
    batches: int = 0
    completed: int = 0
    """Batches of others that were claimed and not finished, and now are."""
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    """(kind, verdict) → new artifacts and further deliveries that were judged."""
    skipped_counts: dict[str, int] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    """The first thousand."""

    def skip(self, source: str, reason: str, detail: str) -> None:
        """Count a file that is not ingested."""
        self.skipped_counts[reason] = self.skipped_counts.get(reason, 0) + 1
        if len(self.skipped) < _MOST_NAMED:
            self.skipped.append(Skipped(source, reason, detail))

    def add(self, other: IngestReport) -> None:
        """Add what another slice did."""
        for name in ("files", "bytes", "new", "duplicates", "known", "repeats", "batches", "completed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for key, count in other.counts.items():
            self.counts[key] = self.counts.get(key, 0) + count
        for reason, count in other.skipped_counts.items():
            self.skipped_counts[reason] = self.skipped_counts.get(reason, 0) + count
        self.skipped += other.skipped[: _MOST_NAMED - len(self.skipped)]


@dataclass(frozen=True, slots=True)
class _Read:
    """A file that was read, or why it was not."""

    entry: Entry
    data: bytes = b""
    digest: str = ""
    present: bool = False
    """Whether the store had these bytes already."""
    reason: str = ""
    detail: str = ""


class Ingestion:
    """Ingests entries of one place into one store, batch by batch."""

    def __init__(
        self,
        store: Store,
        files: Files,
        keys: Iterable[GaitPublicKey],
        registry: Registry = NO_FLEET,
        *,
        now: datetime,
        batch_size: int = BATCH,
        step: Step = no_step,
    ) -> None:
        self._store, self._files, self._now, self._step = store, files, now, step
        registered = (GaitPublicKey(producer.public_key) for producer in registry.producers.values())
        self._keys = Keyring((*registered, *keys))
        self._attributor = Attributor(registry)
        self._batch_size = batch_size
        self._log = Log(store)
        self._tables = Tables()
        self._deferred: list[tuple[Entry, str]] = []
        self._looked_at = self._held_bytes = 0
        self.report = IngestReport()

    def run(
        self, entries: Iterable[Entry], advance: Callable[[int], None] = lambda _steps: None
    ) -> IngestReport:
        """Ingest all of them.

        Raises:
            InternalError: ``store.unwritable``, ``store.unreadable``; what was claimed before stays, and the same run again goes on.
        """
        for read in self._reads(entries):
            self._take(read)
            advance(1)
            if self._is_full():
                self._settle()
        self._settle()
        return self.report

    def _is_full(self) -> bool:
        """Whether the batch is as large as one may be: artifacts choose how many rows, and how much text, they are."""
        if self._looked_at >= self._batch_size or self._held_bytes >= _BATCH_BYTES:
            return True
        return sum(map(len, self._tables.rows.values())) >= _BATCH_ROWS

    def _take(self, read: _Read) -> None:
        report, entry = self.report, read.entry
        report.files += 1
        if read.reason:
            report.skip(entry.envelope.source, read.reason, read.detail)
            return
        report.bytes += len(read.data)
        self._held_bytes += len(read.data)
        if read.present:
            # Whether it is known, all deferred ones are asked together.
            self._deferred.append((entry, read.digest))
            self._looked_at += 1
            return
        inspection = self._inspect(entry, read.data, read.digest)
        if inspection.kind == "unknown":
            report.skip(
                entry.envelope.source, UNRECOGNISED, ", ".join(sorted({f.code for f in inspection.findings}))
            )
            return
        if self._store.put(read.digest, read.data):
            self._record(entry, inspection, duplicate=False)
        else:
            self._deferred.append(
                (entry, read.digest)
            )  # somebody was quicker, or the same bytes lie there twice
        self._looked_at += 1
        self._step("object")

    def _inspect(self, entry: Entry, data: bytes, digest: str) -> Inspection:
        return inspect(data, self._keys, FolderNeighbours(self._files, entry.path), sha256=digest)

    def _record(self, entry: Entry, inspection: Inspection, *, duplicate: bool) -> None:
        inspection, attribution = self._attributor.attribute(inspection, entry.envelope, self._now)
        self._tables.add(
            inspection,
            attribution,
            batch="",
            collected_at=self._now,
            source=entry.envelope.source,
            duplicate=duplicate,
        )
        key = (inspection.kind, inspection.verdict.value)
        self.report.counts[key] = self.report.counts.get(key, 0) + 1

    def _settle(self) -> None:
        """Look up what the store had already, and claim the batch."""
        added = self._log.refresh()
        self._resolve_deferred()
        if len(self._tables.rows["artifacts"]):
            claimed = Claim(self._store, self._log, self._tables, self._now, self._step).settle(added)
            self.report.new += claimed.new
            self.report.duplicates += claimed.duplicates
            self.report.known += claimed.known
            self.report.repeats += claimed.repeats
            self.report.batches += 1
        self._tables, self._deferred, self._looked_at, self._held_bytes = Tables(), [], 0, 0

    def _resolve_deferred(self) -> None:
        if not self._deferred:
            return
        recorded = self._log.deliveries(digest for _entry, digest in self._deferred)
        here = self._tables.rows["artifacts"].columns
        for digest, source in zip(here["artifact"], here["source"], strict=True):
            recorded.setdefault(digest, set()).add(source)
        for entry, digest in self._deferred:
            sources = recorded.setdefault(digest, set())
            if entry.envelope.source in sources:
                self.report.known += 1
                continue
            data = self._kept(entry, digest)
            if data is not None:
                self._record(entry, self._inspect(entry, data, digest), duplicate=bool(sources))
                sources.add(entry.envelope.source)

    def _kept(self, entry: Entry, digest: str) -> bytes | None:
        """The artifact from the store; where that has other bytes under its name, once more from where it was delivered."""
        try:
            return self._store.get(digest)
        except VerificationError:
            again = self._read(entry)
        if again.digest != digest:
            self.report.skip(entry.envelope.source, UNREADABLE, "changed while it was ingested")
            return None
        self._store.files.remove(object_path(digest))
        self._store.put(digest, again.data)
        return again.data

    def _reads(self, entries: Iterable[Entry]) -> Iterator[_Read]:
        """Read the files, several at once where each takes long."""
        at_once = max(self._files.parallel, self._store.files.parallel)
        if at_once == 1:
            yield from map(self._read, entries)
            return
        waiting = iter(entries)
        with ThreadPoolExecutor(at_once) as pool:
            while chunk := _chunk(waiting, at_once * 2):
                yield from pool.map(self._read, chunk)

    def _read(self, entry: Entry) -> _Read:
        if entry.size > MAX_ARTIFACT_BYTES:
            return _Read(
                entry, reason=TOO_LARGE, detail=f"{entry.size} bytes; at most {MAX_ARTIFACT_BYTES} are read"
            )
        try:
            data = self._files.read(entry.path, MAX_ARTIFACT_BYTES)
        except (OSError, GaitopsError) as error:
            return _Read(entry, reason=UNREADABLE, detail=_said(error))
        if len(data) > MAX_ARTIFACT_BYTES:
            return _Read(entry, reason=TOO_LARGE, detail=f"more than {MAX_ARTIFACT_BYTES} bytes")
        digest = hashlib.sha256(data).hexdigest()
        return _Read(entry, data, digest, present=self._store.files.size(object_path(digest)) == len(data))


def _chunk(waiting: Iterator[Entry], most: int) -> list[Entry]:
    """The next entries, as many as may be held in memory together."""
    chunk: list[Entry] = []
    held = 0
    while len(chunk) < most and held < _MOST_READ_AHEAD:
        entry = next(waiting, None)
        if entry is None:
            break
        chunk.append(entry)
        held += min(entry.size, MAX_ARTIFACT_BYTES)
    return chunk


class FolderNeighbours:
    """Artifacts beside the one that is inspected, in the place where it was collected."""

    def __init__(self, files: Files, path: str) -> None:
        self._files = files
        self._folder = path.rpartition("/")[0]

    def trace(self, trace_id: str) -> bytes | None:
        """The file in the same folder that has the name which Gait gives the trace of this id."""
        if not _TRACE_ID.fullmatch(trace_id):
            return None  # a path of its own making
        prefix = f"{self._folder}/" if self._folder else ""
        try:
            data = self._files.read(f"{prefix}trace_{trace_id}.json", MAX_ARTIFACT_BYTES)
        except (OSError, GaitopsError):
            return None  # an audit record without its trace stands alone
        return data if len(data) <= MAX_ARTIFACT_BYTES else None

    def runpack(self, manifest_digest: str, name: str) -> bytes | None:  # noqa: ARG002  # files have names
        """The file of this base name in the same folder, or in ``runpacks`` beside it."""
        base = name.replace("\\", "/").rpartition("/")[2]
        if base in {"", ".", ".."}:
            return None
        prefix = f"{self._folder}/" if self._folder else ""
        for path in (f"{prefix}{base}", f"{prefix}runpacks/{base}"):
            try:
                data = self._files.read(path, MAX_ARTIFACT_BYTES)
            except (OSError, GaitopsError):
                continue  # not there; the chain's reader says that it is missing
            if len(data) <= MAX_ARTIFACT_BYTES:
                return data
        return None


def _said(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return str(error)[:300]
