# SPDX-License-Identifier: Apache-2.0
"""The audit log as a whole: reading it from a history, writing it, checking an export against it."""

from __future__ import annotations

from collections.abc import Sequence

from gaitops.documents.strict_json import loads
from gaitops.errors import InvalidInputError, Problem
from gaitops.history.events import FIRST, Event, event_hash
from gaitops.history.ledger import EVENT, sequence_key
from gaitops.history.session import History
from gaitops.signing.canonical import canonical_json

MAX_EXPORT_BYTES = 1 << 30
"""Of an event, too: genesis names every path of the first tree."""


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
                _broken(
                    path, number, "the hash chain is broken here: an event was changed, dropped or inserted"
                ),
            )
        if number > len(own) or own[number - 1]["hash"] != event["hash"]:
            return (_broken(path, number, "the history has no such decision at this place"),)
        previous = str(event["hash"])
    return ()


def _broken(path: str, line: int, message: str) -> Problem:
    return Problem("audit.mismatch", message, path=path, line=line, remedy="export the log again and compare")
