# SPDX-License-Identifier: Apache-2.0
"""An envelope counts for an operation exactly when operation ⊆ envelope ⊆ change (design 6)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gaitops.history.proposal import propose
from gaitops.history.signable import Signable, of_proposal
from tests.history.stories import project
from tests.simulator import World

NAMES = ("one", "two", "three", "four")


@pytest.fixture(scope="module")
def split() -> Iterator[tuple[World, Signable, Signable]]:
    """A branch with four independent changes, and a second one in which the fourth has other bytes."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "fleet")
        same: dict[str, str] = {}
        for name in NAMES:
            same |= project(name)
        world.commit(same, by="alice", branch="topic")
        world.commit({**same, **project("four", summary="other bytes")}, by="alice", branch="other")
        yield world, world.signables("topic")[0], world.signables("other")[0]


def part(signable: Signable, names: Sequence[str]) -> Signable:
    """What an approver signs who approves only some of the files: consistent in itself."""
    judgement = signable.judgement
    wanted = {path for name in names for path in project(name)}
    deltas = tuple(item for item in judgement.change.deltas if item.path in wanted)
    decisions = tuple(item for item in judgement.decisions if set(item.operation.paths) <= wanted)
    return replace(
        signable,
        judgement=replace(judgement, change=replace(judgement.change, deltas=deltas), decisions=decisions),
    )


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["bob", "carol"]), st.sets(st.sampled_from(NAMES), min_size=1), st.booleans()
        ),
        max_size=4,
    )
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_coverage(
    split: tuple[World, Signable, Signable], envelopes: list[tuple[str, set[str], bool]]
) -> None:
    """Any envelopes over any subsets, some with a file of other bytes than the branch has."""
    world, topic, other = split
    expected: dict[str, set[str]] = {name: set() for name in NAMES}
    files: dict[str, bytes | str | None] = {}
    for principal, names, foreign in envelopes:
        source = other if foreign else topic
        files.update(world.envelopes([part(source, sorted(names))], principal, "approve"))
        if not (foreign and "four" in names):
            for name in names:
                expected[name].add(principal)
    branch = f"b{world.now:%d%H%M%S}"
    world.move(branch, world.head("topic"))
    world.commit(files, by="alice", branch=branch)
    with world.history() as history:
        proposal = propose(history, history.repository.resolve(branch))
        (judgement,) = proposal.judgements
        assert of_proposal(history, proposal)
    found = {
        str(item.operation.details["title"]).removeprefix("add "): {
            one.principal for one in item.approvals.counted
        }
        for item in judgement.decisions
    }
    assert found == expected
    assert proposal.authorized is all(expected.values())
