# SPDX-License-Identifier: Apache-2.0
"""The audit log is a function of the history, and an export that differs from it does not pass."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gaitops.errors import InvalidInputError
from gaitops.history.audit import compare, event_line, read_events
from gaitops.history.events import FIRST, Event, event_hash
from tests.history.stories import approve_main, by_root, events, hire, project, rule
from tests.simulator import World


def told(world: World) -> list[Event]:
    """A few decisions."""
    hire(world, "dave")
    world.land(project(), by="alice", approvers=["bob"])
    by_root(world, rule("two", ["project.*"], quorum=2))
    world.commit(project("ledger"), by="alice")
    approve_main(world, "bob", "carol")
    return events(world)


def exported(log: list[Event]) -> bytes:
    """An export in JSON lines."""
    return b"\n".join(event_line(item) for item in log)


def test_events_form_a_chain(world: World) -> None:
    """Numbered from 0, each with the hash of the one before, in the order of decisions."""
    log = told(world)
    assert [item["sequence"] for item in log] == list(range(len(log)))
    assert [item["previous"] for item in log] == [FIRST, *(item["hash"] for item in log[:-1])]
    assert all(event_hash(item) == item["hash"] for item in log)
    assert world.verify().audit_head == log[-1]["hash"]


def test_the_log_is_a_function_of_the_history(world: World, tmp_path: Path) -> None:
    """The same story told again gives the same bytes; an unauthorized commit adds nothing."""
    log = exported(told(world))
    world.commit(project(summary="x"), by="mallory", signed=False)
    assert exported(events(world)) == log
    assert exported(told(World(tmp_path / "again"))) == log


def test_events_say_who_decided_on_which_evidence(world: World) -> None:
    """Proposers, approvals with keys and payloads, the rules that asked, and the keys that were admitted."""
    log = told(world)
    admission = next(item for item in log if item["operation"]["kind"] == "principal.change")
    assert len(admission["admits"]) == 1
    last = log[-1]
    assert last["proposers"] == ["alice"]
    assert [item["principal"] for item in last["approvals"]] == ["bob", "carol"]
    assert last["requirement"]["quorum"] == 2
    assert "two" in last["requirement"]["rules"]
    assert all(len(item["payload"]) == 64 for item in last["approvals"])


def test_an_export_and_its_beginnings_pass(world: World) -> None:
    """An export made earlier is a beginning of today's log."""
    log = told(world)
    for length in range(1, len(log) + 1):
        given = read_events(exported(log[:length]), "audit.jsonl")
        assert compare(given, log, "audit.jsonl") == ()


def test_an_empty_export_is_no_export() -> None:
    """A file without events proves nothing, and says how to write one that does."""
    with pytest.raises(InvalidInputError) as refused:
        read_events(b"", "audit.jsonl")
    assert refused.value.code == "audit.malformed"


def _changed(log: list[Event]) -> list[Event]:
    return [{**item, "proposers": ["mallory"]} if item["sequence"] == 1 else item for item in log]


def _changed_and_rehashed(log: list[Event]) -> list[Event]:
    forged: list[Event] = []
    previous = FIRST
    for item in _changed(log):
        event = {**item, "previous": previous}
        event["hash"] = previous = event_hash(event)
        forged.append(event)
    return forged


def _dropped(log: list[Event]) -> list[Event]:
    return [item for item in log if item["sequence"] != 1]


def _swapped(log: list[Event]) -> list[Event]:
    return [log[1], log[0], *log[2:]]


def _repeated(log: list[Event]) -> list[Event]:
    return [log[0], log[0], *log[1:]]


def _longer(log: list[Event]) -> list[Event]:
    event = {**log[-1], "sequence": len(log), "previous": log[-1]["hash"]}
    return [*log, {**event, "hash": event_hash(event)}]


@pytest.mark.parametrize("tamper", [_changed, _changed_and_rehashed, _dropped, _swapped, _repeated, _longer])
def test_a_tampered_export_fails(world: World, tamper: Callable[[list[Event]], list[Event]]) -> None:
    """Changed, also with every hash made anew; dropped, swapped, repeated or prolonged."""
    log = told(world)
    problems = compare(tamper(log), log, "audit.jsonl")
    assert [problem.code for problem in problems] == ["audit.mismatch"]
    assert problems[0].line is not None


def test_an_export_of_another_fleet_fails(world: World, tmp_path: Path) -> None:
    """A sound chain, but not this history's."""
    other = World(tmp_path / "other", people=("alice", "bob", "carol", "dave"))
    assert compare(events(other), told(world), "audit.jsonl")


@pytest.mark.parametrize("line", [b"[]", b"{", b'{"a":1,"a":2}', b"\xff"])
def test_a_line_that_is_no_event(world: World, line: bytes) -> None:
    """Malformed lines are refused with the strict reader's reasons."""
    with pytest.raises(InvalidInputError):
        read_events(exported(told(world)) + b"\n" + line, "audit.jsonl")


def test_lines_are_canonical(world: World) -> None:
    """Equal logs have equal bytes, whatever wrote them."""
    for item in told(world):
        assert event_line(json.loads(event_line(item))) == event_line(item)
