# SPDX-License-Identifier: Apache-2.0
"""Session journals: one header, then events and checkpoints line by line (Gait contract 5.1).

Events are neither signed nor hashed: a journal shows what a program noted, and its checkpoints how many events there were. Gait
drops events that a checkpoint covers when it compacts a journal. It takes every missing event before a checkpoint for that, and
here only those are which compaction can have dropped (contract 16.12).
"""

from __future__ import annotations

from typing import Final

from gaitops.gait.artifacts.digests import bare
from gaitops.gait.artifacts.documents import HEAD, other_facts
from gaitops.gait.artifacts.fields import (
    RELATIONSHIP,
    Integer,
    Obj,
    Object,
    Objs,
    Spec,
    Text,
    Texts,
    Time,
    checked,
    extras,
)
from gaitops.gait.artifacts.hygiene import lines, read_object
from gaitops.gait.artifacts.limits import MAX_LINE_BYTES
from gaitops.gait.artifacts.model import Inspection
from gaitops.gait.artifacts.reading import Notes, Source, member, number, text
from gaitops.gait.artifacts.refusals import ArtifactError
from gaitops.gait.artifacts.session_checkpoints import (
    CHECKPOINT,
    Checkpoint,
    Session,
    checkpoint_of,
    identity_findings,
    link_findings,
)
from gaitops.gait.quoting import quote

EVENT: Final = Spec(
    **HEAD,
    session_id=Text(always=True),
    run_id=Text(always=True),
    sequence=Integer(always=True),
    intent_id=Text(),
    tool_name=Text(),
    intent_digest=Text(),
    policy_digest=Text(),
    policy_id=Text(),
    policy_version=Text(),
    matched_rule_ids=Texts(),
    trace_id=Text(),
    trace_path=Text(),
    verdict=Text(),
    reason_codes=Texts(),
    violations=Texts(),
    relationship=Obj(RELATIONSHIP),
    safety_invariant_version=Text(),
    safety_invariant_hash=Text(),
)
"""``gait.runpack.session_event``."""

HEADER: Final = Spec(
    **HEAD,
    session_id=Text(always=True),
    run_id=Text(always=True),
    started_at=Time(),
    events=Objs(EVENT, always=True),
    checkpoints=Objs(CHECKPOINT),
)
"""``gait.runpack.session_journal``; both lists are empty in a journal, whose lines hold what would be in them."""

RECORD: Final = Spec(
    record_type=Text(always=True), header=Obj(HEADER), event=Obj(EVENT), checkpoint=Obj(CHECKPOINT)
)
"""One line."""

_SCHEMAS: Final = {
    "header": "gait.runpack.session_journal",
    "event": "gait.runpack.session_event",
    "checkpoint": "gait.runpack.session_checkpoint",
}
"""Type of record, which is also the member that holds it → its schema id."""
_NOT_JSON: Final = frozenset({"json.syntax", "json.trailing_text", "json.encoding", "json.not_an_object"})
_MAX_EXTRAS: Final = 50
_MAX_FINDINGS: Final = 100


def read(source: Source) -> Inspection:
    """Judge a whole journal, one line in memory at a time."""
    journal = _Journal()
    for at, line in lines(source.data):
        try:
            record = checked(RECORD, read_object(line, limit=MAX_LINE_BYTES), f"line {at}")
        except ArtifactError as error:
            journal.unreadable(at, error)
        else:
            journal.take(at, record)
        if journal.hopeless:
            break
    return journal.conclude(source)


class _Journal:
    """Follows a journal line by line."""

    def __init__(self) -> None:
        self._notes = Notes()
        self._header: Object | None = None
        self._session = Session("", "")
        self._next: int | None = 1
        """Sequence of the event that must come next; ``None`` behind a line that nobody can tell."""
        self._events = 0
        self._last: Checkpoint | None = None
        self._orphaned = False
        """Whether there is nothing more to say about a missing header."""
        self._extras: set[str] = set()

    @property
    def hopeless(self) -> bool:
        """Whether so much is wrong that nobody would read more of it."""
        return len(self._notes.findings) >= _MAX_FINDINGS

    def unreadable(self, at: int, error: ArtifactError) -> None:
        """A line that is not JSON was torn while writing; one with two readings is refused."""
        # What it said would be a guess, and so would be what it does to the lines behind it.
        self._next = None
        self._orphaned = True
        if error.code in _NOT_JSON:
            self._notes.fails("session.line_unreadable", f"line {at}: {error.message}", gait=True)
        else:
            self._notes.add(type(error)(error.code, f"line {at}: {error.message}", gait=error.gait).finding())

    def take(self, at: int, record: Object) -> None:
        """Judge one line."""
        if len(self._extras) < _MAX_EXTRAS:
            self._extras.update(extras(RECORD, record))
        kind = text(record, "record_type")
        if kind not in _SCHEMAS:
            message = f"line {at} has the record type {quote(kind)}, which Gait does not know"
            self._notes.fails("session.record_type", message, gait=True)
            return
        if record.get(kind) is None:
            self._notes.fails("session.record_empty", f"line {at} has no {kind}", gait=True)
            return
        value = member(record, kind)
        self._notes.expect_schema(value, _SCHEMAS[kind])
        if kind == "header":
            self._take_header(at, value)
        elif self._header is None:
            if not self._orphaned:
                self._notes.fails("session.header_missing", f"line {at} comes before any header", gait=True)
            self._orphaned = True
        elif kind == "event":
            self._take_event(at, value)
        else:
            self._take_checkpoint(checkpoint_of(value))

    def conclude(self, source: Source) -> Inspection:
        """The inspection of everything that was taken."""
        if self._header is None and not self._orphaned:
            self._notes.fails("session.header_missing", "the journal has no header", gait=True)
        self._notes.extras(self._extras)
        return self._notes.conclude(
            "session_journal",
            source,
            ids={"session_id": self._session.session_id, "run_id": self._session.run_id},
            digests={"checkpoint_digest": bare(self._last.digest)} if self._last else {},
            facts=other_facts(self._header) if self._header else None,
        )

    def _take_header(self, at: int, value: dict[str, object]) -> None:
        if self._header is not None:
            self._notes.fails("session.duplicate_header", f"line {at} is another header", gait=True)
            return
        self._header = value
        self._session = Session(text(value, "session_id"), text(value, "run_id"))
        if not (self._session.session_id and self._session.run_id):
            message = "the header names no session or no run"
            self._notes.fails("session.identity_missing", message, gait=True)

    def _take_event(self, at: int, value: Object) -> None:
        sequence = number(value, "sequence")
        if self._next not in {None, sequence}:
            message = f"line {at}: expected event {self._next}, found {sequence}"
            self._notes.fails("session.sequence_mismatch", message, gait=True)
        found = Session(text(value, "session_id"), text(value, "run_id"))
        for finding in identity_findings(found, self._session, f"line {at}", gait=True):
            self._notes.add(finding)
        self._events += 1
        self._next = sequence + 1

    def _take_checkpoint(self, checkpoint: Checkpoint) -> None:
        for finding in link_findings(self._last, checkpoint, self._session, journal=True):
            self._notes.add(finding)
        # Compaction drops all events up to the last checkpoint of that moment, and leaves the checkpoints in front.
        if self._next is not None and self._next <= checkpoint.end and self._events:
            message = f"the events {self._next} to {checkpoint.end} are missing before checkpoint {checkpoint.index}"
            self._notes.fails("session.sequence_gap", message)
        self._next = max(self._next or 0, checkpoint.end + 1)
        self._last = checkpoint
