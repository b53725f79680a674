# SPDX-License-Identifier: Apache-2.0
"""Earlier verified states of a history: what each decision made verified, and when (design 5).

The audit events say which partition advanced to which commit at what time; nothing is judged again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from gaitops.content import Snapshot
from gaitops.documents.times import parse_timestamp
from gaitops.fleet.composite import CompositeSnapshot
from gaitops.fleet.state import FleetState
from gaitops.history.audit import events_of
from gaitops.history.events import Event
from gaitops.history.session import History
from gaitops.history.trees import FLEET_PARTITION


@dataclass(frozen=True, slots=True)
class Advance:
    """One step of verified state."""

    time: datetime
    """When the evidence was weighed that authorized it."""
    partition: str
    commit: str
    """Commit whose content of the partition became verified."""


def advances(history: History) -> list[Advance]:
    """Every advance of a history, oldest first; genesis is the first."""
    found: list[Advance] = []
    commits: dict[str, str] = {}
    for event in events_of(history):
        partition = event["partition"]
        if found and _is_affirmation(history, event, commits.get(partition, found[0].commit)):
            continue
        commits[partition] = event["changeCommit"]
        advance = Advance(parse_timestamp(event["time"]), partition, event["changeCommit"])
        if not found or found[-1] != advance:
            found.append(advance)
    return found


def _is_affirmation(history: History, event: Event, verified: str) -> bool:
    """Whether people only stood by content that was verified: nothing advanced, whatever waits at that commit.

    Nobody proposes it, and the paths are as they were; a change alters every path that its operation names.
    """
    paths = event["operation"]["paths"]
    if event["proposers"] or not paths:
        return False
    before, after = (history.fold.trees.snapshot(commit) for commit in (verified, event["changeCommit"]))
    return all(before.entry(path) == after.entry(path) for path in paths)


def verified_states(history: History, since: datetime | None = None) -> Iterator[tuple[datetime, FleetState]]:
    """The verified states of a history from ``since`` on, each with the time from which it held, oldest first.

    The state that held at ``since`` comes first, under its own time. All share the documents that were read before.
    """
    steps = advances(history)
    commits: dict[str, str] = {}
    for index, step in enumerate(steps):
        if index == 0:  # Genesis is one change from nothing: the fleet and every organization.
            commits = dict.fromkeys(history.fold.trees.orgs(step.commit), step.commit)
        commits[step.partition] = step.commit
        following = steps[index + 1] if index + 1 < len(steps) else None
        if following is not None and following.time == step.time:
            continue
        if since is not None and following is not None and following.time <= since:
            continue
        yield step.time, _state(history, commits)


def _state(history: History, commits: dict[str, str]) -> FleetState:
    trees = history.fold.trees
    fleet = trees.snapshot(commits[FLEET_PARTITION])
    orgs: dict[str, Snapshot] = {
        name: trees.snapshot(commit) for name, commit in commits.items() if name != FLEET_PARTITION
    }
    return FleetState(CompositeSnapshot(fleet, orgs), history.fold.cache)
