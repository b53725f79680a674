# SPDX-License-Identifier: Apache-2.0
"""Limits: the lowest counts, and small fleets can still move."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaitops.documents.models.base import Caps
from gaitops.rollout.limits import combined, exceeded


def caps(**members: int) -> Caps:
    """Caps by the names of the document."""
    return Caps.model_validate(members)


LIMIT = st.one_of(st.none(), st.integers(1, 100))
ANY_CAPS = st.builds(
    lambda repositories, percent, production: caps(
        **{
            name: value
            for name, value in (
                ("maxRepositoriesPerStep", repositories),
                ("maxPercentPerStep", percent),
                ("maxProductionPerStep", production),
            )
            if value is not None
        }
    ),
    LIMIT,
    LIMIT,
    LIMIT,
)


def test_the_lowest_of_each_counts() -> None:
    """Each limit on its own; absent means no limit from there."""
    found = combined(
        caps(maxRepositoriesPerStep=10, maxPercentPerStep=50), caps(maxRepositoriesPerStep=20), caps()
    )
    assert found == caps(maxRepositoriesPerStep=10, maxPercentPerStep=50)
    assert combined() == caps()


@pytest.mark.parametrize(
    ("limits", "counts", "sentences"),
    [
        ({}, {"entering": 900, "production": 900, "listed": 900}, []),
        ({"maxRepositoriesPerStep": 5}, {"entering": 5, "production": 0, "listed": 10}, []),
        (
            {"maxRepositoriesPerStep": 5},
            {"entering": 6, "production": 0, "listed": 10},
            ["6 repositories would change at once, at most 5 may"],
        ),
        (
            {"maxPercentPerStep": 25},
            {"entering": 3, "production": 0, "listed": 11},
            ["3 repositories would change at once, at most 2 may (25% of 11)"],
        ),
        ({"maxPercentPerStep": 1}, {"entering": 1, "production": 1, "listed": 3}, []),
        (
            {"maxPercentPerStep": 1},
            {"entering": 2, "production": 0, "listed": 3},
            ["2 repositories would change at once, at most 1 may (1% of 3)"],
        ),
        (
            {"maxRepositoriesPerStep": 1, "maxProductionPerStep": 1},
            {"entering": 2, "production": 2, "listed": 9},
            [
                "2 repositories would change at once, at most 1 may",
                "2 production repositories would change at once, at most 1 may",
            ],
        ),
    ],
)
def test_what_is_exceeded(limits: dict[str, int], counts: dict[str, int], sentences: list[str]) -> None:
    """Every limit that does not hold is named, with what was found and what is allowed."""
    assert exceeded(caps(**limits), **counts) == sentences


@given(ANY_CAPS, ANY_CAPS, st.integers(0, 100), st.integers(0, 100), st.integers(0, 100))
def test_combining_never_allows_more(
    one: Caps, other: Caps, entering: int, production: int, rest: int
) -> None:
    """What one of two documents refuses, both together refuse."""
    counts: dict[str, Any] = {
        "entering": entering,
        "production": min(production, entering),
        "listed": entering + rest,
    }
    both = combined(one, other)
    assert both == combined(other, one)
    assert bool(exceeded(both, **counts)) == bool(exceeded(one, **counts) or exceeded(other, **counts))
