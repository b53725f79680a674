# SPDX-License-Identifier: Apache-2.0
"""Waivers: what they change, when they end, and what is said about them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gaitops.conformance.model import ControlResult, Outcome
from gaitops.conformance.waivers import apply_waivers
from tests.conformance.conformance_builder import DAY, NOW, Consumer, waived

FIXTURES = "regress.fixtures"


def consumer() -> Consumer:
    """A consumer without regress fixtures."""
    found = Consumer()
    del found.files["gait.yaml"]
    return found


def test_waived_shows_what_it_would_be() -> None:
    """A waived failure is no failure, and still says that it would be one."""
    plain = consumer().judge()
    result = consumer().judge(waivers=[waived(FIXTURES)])
    assert (plain.conformant, result.conformant) == (False, True)
    found = next(item for item in result.controls if item.control == FIXTURES)
    assert (found.outcome, found.would_be) == (Outcome.WAIVED, Outcome.FAIL)
    assert found.reason == "there is no gait.yaml"
    assert result.waivers == (found.waiver,)
    assert result.counts()[Outcome.WAIVED] == 1


def test_unknown_is_waived_too() -> None:
    """A waiver of a control that cannot tell makes the result complete, and names the unknown."""
    waivers = [waived("evidence.recent"), waived("evidence.verifiable", name="v")]
    result = Consumer().judge(waivers=waivers)
    assert result.complete
    assert {item.would_be for item in result.with_outcome(Outcome.WAIVED)} == {Outcome.INSUFFICIENT_DATA}


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.WARN, Outcome.NOT_APPLICABLE])
def test_nothing_else_is_changed(outcome: Outcome) -> None:
    """A waiver never touches what is no failure; there it is an orphan."""
    before = [ControlResult(FIXTURES, outcome, "reason")]
    after, notices = apply_waivers(before, [waived(FIXTURES)], NOW)
    assert list(after) == before
    assert [(item.kind, item.waiver.id) for item in notices] == [("orphan", "acme/payments/w")]


@pytest.mark.parametrize(
    ("begins", "ends", "outcome", "notices"),
    [
        (timedelta(0), 8 * DAY, Outcome.WAIVED, []),
        (-DAY, 7 * DAY + timedelta(seconds=1), Outcome.WAIVED, []),
        (-DAY, 7 * DAY, Outcome.WAIVED, ["expiring"]),
        (-DAY, timedelta(seconds=1), Outcome.WAIVED, ["expiring"]),
        (-DAY, timedelta(0), Outcome.FAIL, ["expired"]),
        (-9 * DAY, -DAY, Outcome.FAIL, ["expired"]),
        (timedelta(seconds=1), 8 * DAY, Outcome.FAIL, []),
    ],
)
def test_time(begins: timedelta, ends: timedelta, outcome: Outcome, notices: list[str]) -> None:
    """A waiver holds in [issuedAt, expiresAt), warns in its last week, and afterwards waives nothing."""
    result = consumer().judge(waivers=[waived(FIXTURES, begins=begins, ends=ends)])
    assert next(item for item in result.controls if item.control == FIXTURES).outcome is outcome
    assert [item.kind for item in result.notices] == notices


def test_expired_and_mended() -> None:
    """A waiver that has ended needs no word once nothing is left of what it waived."""
    assert Consumer().judge(waivers=[waived(FIXTURES, ends=-DAY, begins=-9 * DAY)]).notices == ()


def test_the_longest_of_two() -> None:
    """Of two waivers of one control the one that holds longer is applied, whatever their order."""
    short, long = waived(FIXTURES, name="a", ends=3 * DAY), waived(FIXTURES, name="b", ends=30 * DAY)
    for waivers in ([short, long], [long, short]):
        result = consumer().judge(waivers=waivers)
        assert [item.id for item in result.waivers] == ["acme/payments/b"]


def test_unknown_control() -> None:
    """A waiver of a control that does not exist is reported: it is a spelling mistake, or older than this version."""
    result = consumer().judge(waivers=[waived("regress.fixture")])
    assert [item.kind for item in result.notices] == ["unknown_control"]
    assert not result.conformant


def test_pin_carries_waivers(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Waivers travel in the signed assignments, reach the environments that they name, and count without a network."""
    from dataclasses import replace

    from gaitops.conformance.inputs import Subject
    from gaitops.conformance.pinned import read_pinned
    from gaitops.conformance.requirements import required_by_pin
    from gaitops.content import MemorySnapshot
    from gaitops.documents.times import format_timestamp
    from gaitops.fleet.waivers import Waived
    from gaitops.pin.update import PinRequest, fetch_pin
    from tests.conformance.conformance_builder import requirements
    from tests.release.release_builder import PAY, Fleet, org, row

    times = format_timestamp(NOW - DAY), format_timestamp(NOW + DAY)
    everywhere = Waived("acme/payments/a", FIXTURES, None, "acme/bob", "SEC-1", *times, "ab" * 32)
    staging = replace(everywhere, id="acme/payments/b", environment="staging")
    fleet = Fleet(tmp_path_factory.mktemp("release") / "out", time=NOW)
    acme = org(row(), row(environment="staging"))
    project = replace(acme.projects[0], waivers={PAY: (everywhere, staging)})
    fleet.publish(replace(acme, projects=(project,)), first=True)
    places = [PinRequest("production", PAY), PinRequest("staging", PAY)]
    pin = fetch_pin(fleet.source, fleet.trust_root, places, NOW)
    snapshot = MemorySnapshot({f".gaitops/{path}": data for path, data in pin.items()})
    reading = read_pinned(snapshot, fleet.trust_root, PAY)
    for environment, count in (("production", 1), ("staging", 2)):
        subject = Subject(snapshot, PAY, environment, reading)
        own, newest = required_by_pin(subject), requirements(fleet).required(subject)
        assert own is not None
        assert own.waivers == newest.waivers
        assert len(own.waivers) == count
