# SPDX-License-Identifier: Apache-2.0
"""Earlier verified states are those that the fold went through, whatever waited beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gaitops.history.advances import advances, verified_states
from tests.attacks.story import hire, project
from tests.attacks.test_trust_revocation import PAY, affirm, revoke_since, stolen
from tests.simulator import World


@pytest.fixture
def staffed(tmp_path: Path) -> World:
    """Dave and Erin have every role, beside the holders of the root."""
    world = World(tmp_path / "fleet", orgs=("acme", "beta"))
    hire(world, "dave", "erin")
    return world


def files(world: World) -> tuple[dict[str, str], dict[str, str]]:
    """Protected files of the newest earlier state, and of the verified state itself."""
    with world.history() as history:
        states = list(verified_states(history))
        assert [time for time, _state in states] == sorted(time for time, _state in states)
        both = (states[-1][1].snapshot, history.state().snapshot)
        found = tuple(
            {
                path: entry.oid
                for path, entry in snapshot.walk("")
                if not path.startswith(("approvals/", "docs/", "README"))
            }
            for snapshot in both
        )
    return found[0], found[1]


def test_the_newest_of_them_is_the_verified_state(staffed: World) -> None:
    """With several organizations, changes that wait and changes that were decided later."""
    staffed.land(project(), by="alice", approvers=["bob"])
    staffed.commit(project("ledger"), by="alice", branch="waits")
    staffed.merge("waits")
    earlier, verified = files(staffed)
    assert earlier == verified
    assert PAY in verified
    assert not [path for path in verified if "ledger" in path]


def test_an_affirmation_advances_nothing(staffed: World) -> None:
    """Standing by a doubtful file while another change waits does not make the other change verified."""
    since = stolen(staffed)
    revoke_since(staffed, since)
    staffed.commit(project("books"), by="alice", branch="waits")
    staffed.merge("waits")
    affirm(staffed, PAY, "bob")
    with staffed.history() as history:
        assert not history.standing.doubtful
        commits = [item.commit for item in advances(history)]
        assert history.standing.head not in commits
    earlier, verified = files(staffed)
    assert earlier == verified
    assert not [path for path in verified if "books" in path]


def test_states_from_a_moment_on(staffed: World) -> None:
    """The state that held at the moment comes first, and nothing before it."""
    staffed.land(project(), by="alice", approvers=["bob"])
    moment = staffed.now
    staffed.land(project("ledger"), by="alice", approvers=["bob"], branch="next")
    with staffed.history() as history:
        everything = [time for time, _state in verified_states(history)]
        recent = [time for time, _state in verified_states(history, moment)]
    assert recent == everything[-2:]
    assert recent[0] <= moment < recent[1]
