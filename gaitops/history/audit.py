# SPDX-License-Identifier: Apache-2.0
"""The audit log as a whole: reading it from a history, writing it, checking an export against it.

An export is the log, a beginning of it, or a selection. A beginning holds together by its hash chain, and so can be
held against a history or against the audit head that a release was signed with. A selection leaves events out; it is
proven by making it again from the history.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from gaitops.documents.models.base import scope_contains
from gaitops.documents.strict_json import loads
from gaitops.documents.times import parse_timestamp
from gaitops.errors import InvalidInputError, Problem
from gaitops.history.events import FIRST, Event, event_hash
from gaitops.history.ledger import EVENT, sequence_key
from gaitops.history.session import History
from gaitops.signing.canonical import canonical_json

MAX_EXPORT_BYTES = 1 << 30
"""Of an event, too: genesis names every path of the first tree."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events somebody wants to see; what is ``None`` selects nothing away."""

    scope: str | None = None
    """Operations in this scope and below."""
    principal: str | None = None
    """Decisions that this principal proposed, contributed to or approved."""
    since: datetime | None = None
    """Decided at this time or later."""
    until: datetime | None = None
    """Decided before this time."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return self == Selection()

    def of(self, events: Iterable[Event]) -> list[Event]:
        """The selected events, in their order."""
        return [event for event in events if self._holds(event)]

    def _holds(self, event: Event) -> bool:
        time = parse_timestamp(event["time"])
        people = {*event["proposers"], *event["contributors"]}
        people.update(item["principal"] for item in event["approvals"])
        return (
            (self.scope is None or scope_contains(self.scope, event["operation"]["scope"]))
            and (self.principal is None or self.principal in people)
            and (self.since is None or time >= self.since)
            and (self.until is None or time < self.until)
        )


def events_of(history: History) -> list[Event]:
    """All events of a history, oldest first."""
    return [event for _key, event in history.fold.ledger.items(EVENT, sequence_key(0))]


def event_line(event: Event) -> bytes:
    """One event as a line of an export: canonical JSON, so that equal logs have equal bytes."""
    return canonical_json(event)


def read_events(data: bytes, path: str) -> list[Event]:
    """Read an export.

    Raises:
        InvalidInputError: ``audit.malformed`` with the line.
    """
    events: list[Event] = []
    for number, line in enumerate(data.splitlines(), start=1):
        value = loads(line, path, max_bytes=MAX_EXPORT_BYTES)
        if not isinstance(value, dict):
            raise InvalidInputError.of("audit.malformed", "an event is a JSON object", path=path, line=number)
        events.append(value)
    if not events:
        raise InvalidInputError.of(
            "audit.malformed",
            "the export holds no events",
            path=path,
            remedy="write it with gaitops audit export --format jsonl",
        )
    return events


def compare(given: Sequence[Event], own: Sequence[Event], path: str) -> tuple[Problem, ...]:
    """Why an export is not this history's log or a beginning of it; empty when it is."""
    previous = FIRST
    for number, event in enumerate(given, start=1):
        if event.get("previous") != previous or event.get("hash") != event_hash(event):
            return (
                mismatch(
                    path, number, "the hash chain is broken here: an event was changed, dropped or inserted"
                ),
            )
        if number > len(own) or own[number - 1]["hash"] != event["hash"]:
            return (mismatch(path, number, "the history has no such decision at this place"),)
        previous = str(event["hash"])
    return ()


def compare_selection(given: Sequence[Event], own: Sequence[Event], path: str) -> tuple[Problem, ...]:
    """Why an export is not exactly this selection of the history's events; empty when it is."""
    for number, event in enumerate(given, start=1):
        if (
            number > len(own)
            or event_hash(event) != event.get("hash")
            or event["hash"] != own[number - 1]["hash"]
        ):
            return (mismatch(path, number, "the selection has no such decision at this place"),)
    if len(given) < len(own):
        return (
            mismatch(path, len(given) + 1, f"{len(own) - len(given)} decisions of the selection are missing"),
        )
    return ()


def compare_head(given: Sequence[Event], head: str, path: str) -> tuple[Problem, ...]:
    """Why an export is not the log that ends with the event whose hash is ``head``; empty when it is.

    The hash of the last event commits to all events before it, so nothing but the export is needed.
    """
    problems = compare(given, given, path)
    if problems or given[-1]["hash"] == head:
        return problems
    for number, event in enumerate(given, start=1):
        if event["hash"] == head:
            return (
                mismatch(
                    path, number + 1, f"the release ends at line {number} and says nothing of what follows"
                ),
            )
    return (mismatch(path, len(given), f"no event has the hash {head} that the release was signed with"),)


def mismatch(path: str, line: int, message: str) -> Problem:
    """``audit.mismatch``: from this line on, an export is not what the history gives."""
    return Problem("audit.mismatch", message, path=path, line=line, remedy="export the log again and compare")
