# SPDX-License-Identifier: Apache-2.0
"""Listings of many numbers at once say what the proof of each single number says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gaitops.errors import InvalidInputError
from gaitops.evidence.engines import Engine, open_engine
from gaitops.evidence.posture_facts import posture_inputs
from gaitops.evidence.posture_listing import Listing
from gaitops.evidence.posture_proof import Proofs
from gaitops.posture.build import posture
from gaitops.posture.catalogue import COUNTS
from gaitops.posture.expectation import Judge, boundaries
from gaitops.posture.report import Basis
from gaitops.posture.selectors import Scope, selector
from tests.evidence.larkspur_tables import larkspur_tables
from tests.evidence.table_store import write_tables
from tests.posture import larkspur
from tests.posture.larkspur import GRACE, STALE, WINDOW

EVERYTHING = 100_000
PRICE, INFRA = larkspur.repository("price-agent"), larkspur.repository("infra-live")
SCOPES = (
    ("events.unexpected", Scope(repository=PRICE, environment="prod")),
    ("events.total", Scope(team="platform", tier="production")),
    ("events.block", Scope(org="larkspur", day="2026-10-08")),
    ("events.unexpected", Scope(project="larkspur/merchandising", week="2026-W42")),
    ("events.total", Scope(policy="7332c72e121d912a7ea635fc0fe0e4d859d7d3c53be492ef426ea46a9122da9b")),
    ("events.unexpected_share", Scope(repository=PRICE)),
    ("evidence.failed", Scope(repository=INFRA)),
    ("evidence.unsigned", Scope(day="2026-10-05")),
    ("runpacks.unsigned", Scope(environment="prod")),
    ("approvals.open", Scope(team="checkout")),
    ("approvals.tokens", Scope(repository=INFRA)),
    ("regress.vacuous", Scope(team="checkout", week="2026-W41")),
    ("coverage.gated_tools", Scope(repository=PRICE)),
    ("places.drifted", Scope(tier="production")),
    ("repositories.silent", Scope(org="larkspur")),
    ("events.total", Scope(org="nobody")),
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The golden fleet's tables on DuckDB."""
    with open_engine(write_tables(tmp_path_factory.mktemp("larkspur"), larkspur_tables())) as found:
        yield found


@pytest.fixture(scope="module")
def proofs(engine: Engine) -> Proofs:
    """The artifacts behind its posture, number by number."""
    moments = boundaries(larkspur.line(), GRACE, WINDOW)
    basis = Basis("larkspur", "0" * 64, "1" * 40, WINDOW.until, WINDOW, STALE, GRACE, larkspur.BEFORE, {})
    inputs = posture_inputs(engine, WINDOW, moments, larkspur.inputs().policies)
    report = posture(inputs, larkspur.view(), larkspur.line(), basis)
    return Proofs(engine, report, larkspur.view(), Judge(larkspur.line(), GRACE), moments)


@pytest.fixture(scope="module")
def listing(proofs: Proofs) -> Listing:
    """Everything behind every number."""
    return Listing(proofs, EVERYTHING)


def expected(proofs: Proofs, text: str) -> list[dict[str, Any]]:
    """What the proof of the single number lists."""
    return proofs.artifacts(text)


@pytest.mark.parametrize(("metric", "scope"), SCOPES)
def test_a_narrowed_number_lists_its_own_artifacts(
    proofs: Proofs, listing: Listing, metric: str, scope: Scope
) -> None:
    """Each scope picks exactly the artifacts that its own query finds."""
    text = selector(metric, scope)
    found = listing.find(text)
    listed = [] if found is None else [item.artifact for item in found.listed]
    assert sorted(listed) == sorted(row["artifact"] for row in expected(proofs, text))
    assert len(listed) == (0 if found is None else found.total)


@pytest.mark.parametrize("metric", COUNTS[::7])
def test_a_count_of_the_fleet_lists_its_artifacts(proofs: Proofs, listing: Listing, metric: str) -> None:
    """No number of the fleet has other artifacts here than there."""
    found = listing.find(metric)
    listed = [] if found is None else [item.artifact for item in found.listed]
    assert sorted(listed) == sorted(row["artifact"] for row in expected(proofs, metric))


def test_a_limited_listing_has_the_newest_and_counts_all(proofs: Proofs) -> None:
    """The limit shortens the list, newest first, and never the total."""
    found = Listing(proofs, 3).find("events.total")
    rows = expected(proofs, "events.total")
    assert found is not None
    assert found.total == len(rows) == 1436
    assert [item.artifact for item in found.listed] == [row["artifact"] for row in reversed(rows[-3:])]


def test_artifacts_are_described_and_unknown_ones_left_out(listing: Listing) -> None:
    """What is known of an artifact by digest is what the listing says; a digest that is not there is missing."""
    found = listing.find("evidence.failed")
    assert found is not None
    assert listing.artifacts([found.listed[0].artifact, "f" * 64]) == {
        found.listed[0].artifact: found.listed[0]
    }


def test_a_number_that_does_not_exist_is_an_error(listing: Listing) -> None:
    """A selector of no metric is refused like everywhere."""
    with pytest.raises(InvalidInputError) as error:
        listing.find("events.nothing")
    assert [problem.code for problem in error.value.problems] == ["posture.selector"]
