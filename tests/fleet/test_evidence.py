# SPDX-License-Identifier: Apache-2.0
"""What the evidence plane learns of a fleet: keys, places, digests, and what was expected when."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gaitops.content import MemorySnapshot
from gaitops.fleet.evidence import FleetView, fleet_view
from gaitops.fleet.state import DocumentCache, FleetState
from gaitops.fleet.timeline import Timeline, timeline
from gaitops.history.advances import advances, verified_states
from tests.simulator import (
    POLICY,
    World,
    document,
    environment_document,
    policy_files,
    project_files,
    repository_document,
    version_digest_of,
)

KEY = bytes(range(32))
KEY_ID = hashlib.sha256(KEY).hexdigest()
CHECKOUT, LEDGER = "github.com/acme/checkout", "github.com/acme/ledger"
ENVIRONMENT = "orgs/acme/projects/pay/environments/dev.yaml"
OTHER = "default_verdict: block\n"


def producer(name: str, *repositories: str, **more: object) -> dict[str, str]:
    """A producer's document."""
    spec = {
        "keyId": KEY_ID,
        "publicKey": base64.b64encode(KEY).decode(),
        "repositories": [f"acme/pay/{item}" for item in repositories],
        **more,
    }
    return {f"evidence/producers/{name}.yaml": document("Producer", name, spec)}


def state_of(files: dict[str, str]) -> FleetState:
    """A state from documents alone."""
    snapshot = MemorySnapshot({path: text.encode() for path, text in files.items()})
    return FleetState(snapshot, DocumentCache())


def fleet_files(version: str = "1.0.0") -> dict[str, str]:
    """One project with two repositories, one environment and two versions of one policy."""
    first = policy_files("agents", "1.0.0")
    digest = version_digest_of(
        first["orgs/acme/policies/agents/versions/1.0.0/version.yaml"], "agents", "1.0.0"
    )
    return {
        **first,
        **policy_files("agents", "1.1.0", text=OTHER, parents=[("1.0.0", digest)], risk=None),
        **project_files(environments={"dev": ("staging", {"name": "agents", "version": version})}),
    }


def view_of(files: dict[str, str]) -> FleetView:
    """The view of a state from documents alone."""
    return fleet_view(state_of(files))


def test_a_view_names_places_teams_and_digests() -> None:
    """Every repository is known with its team, its environments, and what Gait prints for what it should run."""
    files = fleet_files()
    path = "orgs/acme/projects/pay/repositories/ledger.yaml"
    files[path] = repository_document("ledger", labels={"team": "books"})
    view = view_of(files)
    (place,) = view.places[LEDGER]
    assert (place.org, place.project, place.environment, place.tier, place.team) == (
        "acme",
        "pay",
        "dev",
        "staging",
        "books",
    )
    assert view.repositories[CHECKOUT].team == "pay"
    expected = view.expected[CHECKOUT, "dev"]
    assert [str(item) for item in view.versions[expected.enforced_digest or ""]] == ["acme/agents@1.0.0"]
    assert expected.digests == {expected.enforced_digest}
    assert len(view.versions) == 2


def test_a_repository_without_an_environment_is_known_and_has_no_place() -> None:
    """What no environment selects can send evidence all the same."""
    files = fleet_files()
    files[ENVIRONMENT] = environment_document(
        "dev", "staging", {"name": "agents", "version": "1.0.0"}, selector={"names": ["ledger"]}
    )
    view = view_of(files)
    assert CHECKOUT in view.repositories
    assert CHECKOUT not in view.places


def test_an_assignment_to_a_missing_version_expects_nothing() -> None:
    """A channel that points nowhere names no digest, and so nothing can be mistaken for it."""
    files = fleet_files()
    files[ENVIRONMENT] = environment_document("dev", "staging", {"name": "agents", "channel": "stable"})
    assert view_of(files).expected[CHECKOUT, "dev"].digests == frozenset()


def test_producers_are_bound_to_repositories_and_times() -> None:
    """A key is named by Gait's id and counts from its first moment up to, not including, its last."""
    until = "2026-11-01T00:00:00Z"
    view = view_of({**fleet_files(), **producer("ci", "ledger", environments=["dev"], validUntil=until)})
    key = view.producers[KEY_ID]
    assert (key.id, key.public_key, key.repositories, key.environments) == (
        "ci",
        KEY,
        frozenset({LEDGER}),
        frozenset({"dev"}),
    )
    end = datetime(2026, 11, 1, tzinfo=UTC)
    assert key.is_valid(end - timedelta(microseconds=1))
    assert not key.is_valid(end)


def test_documents_of_one_key_count_together() -> None:
    """A key that two documents register may sign wherever one of them says so."""
    until = "2026-11-01T00:00:00Z"
    files = {
        **fleet_files(),
        **producer("a", "ledger", environments=["dev"], validUntil=until),
        **producer("b", "checkout"),
    }
    key = view_of(files).producers[KEY_ID]
    assert key.id == "a"
    assert key.repositories == {LEDGER, CHECKOUT}
    assert key.environments == frozenset()
    assert key.valid_until is None


def test_withdrawn_versions_are_marked() -> None:
    """A digest that somebody took back is still known, as withdrawn."""
    spec = {
        "revokes": "policy_version",
        "cause": "error",
        "policyVersion": {"org": "acme", "policy": "agents", "version": "1.0.0"},
        "reason": "wrong",
    }
    files = {**fleet_files(), "trust/revocations/r1.yaml": document("Revocation", "r1", spec)}
    versions = [item for refs in view_of(files).versions.values() for item in refs]
    assert {item.version: item.withdrawn for item in versions} == {"1.0.0": True, "1.1.0": False}


def moments(*versions: str | None) -> Timeline:
    """A timeline with one state per day; ``None`` for a day without the environment."""
    states = []
    for day, version in enumerate(versions):
        files = fleet_files(version or "1.0.0")
        if version is None:
            del files[ENVIRONMENT]
        states.append((datetime(2026, 10, 1 + day, tzinfo=UTC), state_of(files)))
    return timeline(states)


def test_a_digest_is_expected_while_assigned_and_for_the_grace_after() -> None:
    """The old version stays expected for the grace, the new one from its first moment."""
    line = moments("1.0.0", "1.0.0", "1.1.0")
    place, change = (CHECKOUT, "dev"), datetime(2026, 10, 3, tzinfo=UTC)
    old = line.at(place, datetime(2026, 10, 1, tzinfo=UTC))
    new = line.at(place, change)
    assert old is not None
    assert new is not None
    assert len(line.spans[place]) == 2
    grace = timedelta(hours=24)
    assert line.expected_at(place, change - timedelta(seconds=1), grace) == old.digests
    assert line.expected_at(place, change, grace) == old.digests | new.digests
    assert line.expected_at(place, change + grace, grace) == new.digests


@pytest.mark.parametrize(("grace_days", "pieces"), [(0, 2), (2, 1)])
def test_coming_back_within_the_grace_leaves_no_gap(grace_days: int, pieces: int) -> None:
    """What was assigned, left and assigned again is drift in between only where the gap is longer than the grace."""
    line = moments("1.0.0", "1.1.0", "1.0.0")
    place = (CHECKOUT, "dev")
    first = line.at(place, datetime(2026, 10, 1, tzinfo=UTC))
    assert first is not None
    assert first.enforced_digest is not None
    intervals = line.intervals(place, timedelta(days=grace_days))
    assert len(intervals[first.enforced_digest]) == pieces


def test_a_place_that_is_taken_away_leaves_a_gap() -> None:
    """Where nothing is assigned nothing is expected."""
    line = moments("1.0.0", None, "1.1.0")
    place = (CHECKOUT, "dev")
    assert line.at(place, datetime(2026, 10, 2, 12, tzinfo=UTC)) is None
    assert line.at(place, datetime(2026, 9, 30, tzinfo=UTC)) is None
    assert line.since == datetime(2026, 10, 1, tzinfo=UTC)


def test_states_of_a_history_follow_its_decisions(tmp_path: Path) -> None:
    """What was expected changes when the change was decided, and what waits for approval changes nothing."""
    world = World(tmp_path / "fleet")
    files = fleet_files()
    world.land(files, by="alice", approvers=["bob", "carol"])
    world.now = datetime(2026, 11, 5, 12, tzinfo=UTC)
    changed = {ENVIRONMENT: environment_document("dev", "staging", {"name": "agents", "version": "1.1.0"})}
    world.commit(changed, by="alice", branch="move")
    world.merge("move")
    world.now = datetime(2026, 11, 6, 12, tzinfo=UTC)
    with world.history() as history:
        waiting = timeline(verified_states(history))
    assert len(waiting.spans[CHECKOUT, "dev"]) == 1
    world.land({ENVIRONMENT: fleet_files()[ENVIRONMENT]}, by="alice", branch="back")
    world.land(changed, by="alice", approvers=["bob"], branch="again")
    with world.history() as history:
        line = timeline(verified_states(history))
        assert advances(history)[0].partition == "fleet"
        newest = fleet_view(history.state())
        recent = timeline(verified_states(history, world.now))
    spans = line.spans[CHECKOUT, "dev"]
    assert [span.expected.enforced.version for span in spans] == ["1.0.0", "1.1.0"]
    assert datetime(2026, 11, 6, 12, tzinfo=UTC) < spans[1].start <= world.now
    assert spans[1].expected == newest.expected[CHECKOUT, "dev"]
    assert [span.expected for span in recent.spans[CHECKOUT, "dev"]] == [spans[1].expected]
    assert POLICY != OTHER
