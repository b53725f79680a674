# SPDX-License-Identifier: Apache-2.0
"""The order of version numbers is that of Semantic Versioning 2.0.0."""

from __future__ import annotations

import itertools

import pytest

from gaitops.fleet.semver import precedence

# Section 11 of the specification, with numbers that text order would get wrong.
ASCENDING = [
    "0.9.9", "1.0.0-0", "1.0.0-2", "1.0.0-11", "1.0.0--", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta",
    "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0-a.b.c.1", "2.0.0", "10.0.0",
]  # fmt: skip


@pytest.mark.parametrize(("lower", "higher"), list(itertools.pairwise(ASCENDING)))
def test_order(lower: str, higher: str) -> None:
    """Every version of the list is lower than the next one; as keys are tuples, that orders them all."""
    assert precedence(lower) < precedence(higher)


@pytest.mark.parametrize(
    "text",
    ["", "1", "1.0", "1.0.0.0", "v1.0.0", "01.0.0", "1.00.0", "1.0.0-", "1.0.0-01", "1.0.0-a..b", "1.0.0+build", "1.0.0\n",
     "1.0.0-é", "\u0661.0.0", "-1.0.0", "1.0.0 ", "1.0.0-" + "a" * 128, "9" * 5000 + ".0.0"],
)  # fmt: skip
def test_not_a_version(text: str) -> None:
    """Anything that is not strict semver, or carries build metadata, is refused."""
    with pytest.raises(ValueError, match="is not a semantic version"):
        precedence(text)
