# SPDX-License-Identifier: Apache-2.0
"""What is required: by a release, by a fleet's verified state, by the pin; and how far a pin lags behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from gaitops.conformance.requirements import ContentRequirements
from gaitops.conformance.timelines import CommitTimeline, ReleaseTimeline
from gaitops.documents.times import format_timestamp, parse_timestamp
from gaitops.errors import VerificationError
from gaitops.release.content import Grace, ReleasedProject
from gaitops.release.statement import MOST_EARLIER, Issue, ReleasePredicate
from tests.conformance.conformance_builder import (
    DAY,
    HOUR,
    NOT_CONSUMER,
    NOW,
    Consumer,
    released,
    releases,
    requirements,
)
from tests.release.release_builder import PAY, TIME, Fleet, commit_id, org, row

A, B, C = ("a" * 40, "b" * 40, "c" * 40)


def test_release() -> None:
    """A release says version, candidate, mode, files and withdrawal, of the required and the pinned versions."""
    required = releases()[2].required(Consumer().subject())
    assert (str(required.enforced), str(required.candidate), required.mode) == (
        "acme/guard@1.1.0",
        "acme/guard@1.2.0",
        "dry_run",
    )
    known = {str(item): item for item in required.known.values()}
    assert sorted(known) == ["acme/guard@1.0.0", "acme/guard@1.1.0", "acme/guard@1.2.0"]
    assert known["acme/guard@1.0.0"].withdrawn_at == NOW + HOUR
    assert sorted(known["acme/guard@1.1.0"].files) == ["gait.policy.yaml", "mcp/trust.json", "version.yaml"]
    assert releases()[2].environments(PAY) == ("production",)


def test_nothing_assigned() -> None:
    """A repository that a release does not know, or an environment, has nothing to enforce."""
    for consumer in (Consumer(repository=NOT_CONSUMER), Consumer(environment="staging")):
        required = releases()[1].required(consumer.subject())
        assert (required.enforced, required.mode, required.waivers) == (None, None, ())
    assert releases()[1].environments(NOT_CONSUMER) == ()


def test_pin_alone() -> None:
    """A pin requires what its own statements say, and cannot say whether that is the newest."""
    required = Consumer().required(None)
    assert required is not None
    assert (required.source, str(required.enforced), required.timeline) == ("pin", "acme/guard@1.0.0", None)
    assert Consumer({}).required(None) is None
    assert Consumer(environment="staging").required(None) is None


def test_grace_of_the_fleet(tmp_path_factory: pytest.TempPathFactory) -> None:
    """``pinGrace`` and ``withdrawnGrace`` of the fleet travel in the statement of the release."""
    from gaitops.release.publish import publish
    from tests.release.release_builder import signer

    fleet = Fleet(tmp_path_factory.mktemp("grace") / "out")
    content = replace(fleet.content(), grace=Grace(2 * DAY, 3 * HOUR))
    publish(content, [signer("pub1")], fleet.out, previous=None, first=True, now=TIME)
    required = requirements(fleet).required(Consumer(trust_root=fleet.trust_root).subject())
    assert (required.pin_grace, required.withdrawn_grace) == (2 * DAY, 3 * HOUR)


def test_a_release_that_does_not_hold_together() -> None:
    """Targets that a release must have and lacks are an error, never an absence of requirements."""
    from gaitops.conformance.requirements import ReleaseRequirements
    from gaitops.release.layout import version_statement
    from gaitops.release.verify import verify_release

    fleet = releases()[0]
    verified = verify_release(fleet.source, fleet.trust_root, None)
    gone = version_statement("acme", "guard", "1.2.0")

    def read(path: str) -> bytes | None:
        return None if path == gone else verified.read_target(path)

    with pytest.raises(VerificationError) as error:
        ReleaseRequirements(read, verified.root).required(Consumer().subject())
    assert error.value.code == "release.invalid"
    with pytest.raises(VerificationError):
        ReleaseRequirements(lambda _path: None, verified.root)


def content_requirements() -> ContentRequirements:
    """Verified state with a third commit, made a day after the second, in which everything moved on."""
    times = {commit_id(number): TIME + number * DAY for number in range(4)}
    acme = org(row(number="2.0.0"), row(environment="staging", number="2.0.0"))
    versions = tuple(released(number) for number in ("1.0.0", "2.0.0"))
    projects = (replace(acme.projects[0]), ReleasedProject("acme", "empty", ()))
    fleet = Fleet.__new__(Fleet)
    fleet.out, fleet.roots, fleet.time = releases()[0].out, releases()[0].roots, TIME
    content = fleet.content(replace(acme, versions=versions, projects=projects), step=3)
    return ContentRequirements(content, 1, times.get)


def test_verified_state() -> None:
    """A fleet's verified state requires what a release of it would."""
    required = content_requirements().required(Consumer().subject())
    assert (required.source, str(required.enforced), required.mode, required.release) == (
        "fleet",
        "acme/guard@2.0.0",
        "enforce",
        None,
    )
    assert sorted(map(str, required.known.values())) == ["acme/guard@1.0.0", "acme/guard@2.0.0"]
    assert content_requirements().environments(PAY) == ("production", "staging")
    nothing = content_requirements().required(Consumer(repository=NOT_CONSUMER).subject())
    assert (nothing.enforced, nothing.mode) == (None, None)


def test_lag_by_commits() -> None:
    """A pinned commit was superseded when the next commit of the fleet was made."""
    timeline = CommitTimeline([A, B, C], {B: NOW, C: None}.get)
    pinned = pinned_release(release=1, commit=A)
    assert timeline.superseded_at(pinned) == NOW
    assert timeline.superseded_at(replaced(pinned, commit=B)) == parse_timestamp(pinned.issued)
    assert timeline.superseded_at(replaced(pinned, commit=C)) is None
    assert [timeline.is_behind(replaced(pinned, commit=oid)) for oid in (A, C, "d" * 40)] == [
        False,
        False,
        True,
    ]


def pinned_release(release: int, commit: str = "a" * 40, issued: datetime = NOW - DAY) -> ReleasePredicate:
    """A release as a pin holds it."""
    moment = format_timestamp(issued)
    return ReleasePredicate(
        fleet="f",
        trust_root="0" * 64,
        root_version=1,
        release=release,
        commit=commit,
        time=moment,
        issued=moment,
        audit_head="",
    )


def replaced(said: ReleasePredicate, **members: object) -> ReleasePredicate:
    """The same with other members."""
    return said.model_copy(update=members)


def test_lag_by_releases() -> None:
    """The first release after the pinned one counts; where it is not listed any more, the pinned one's own issue."""
    earlier = tuple(Issue(release=n, issued=f"2030-01-{n:02}T00:00:00Z") for n in (8, 7, 6))
    timeline = ReleaseTimeline(replaced(pinned_release(9), earlier=earlier))
    assert timeline.superseded_at(pinned_release(9)) is None
    assert timeline.superseded_at(pinned_release(8)) == NOW - DAY
    assert timeline.superseded_at(pinned_release(5)) == parse_timestamp("2030-01-06T00:00:00Z")
    assert timeline.superseded_at(pinned_release(4, issued=NOW - 9 * DAY)) == NOW - 9 * DAY
    assert [timeline.is_behind(pinned_release(number)) for number in (8, 9, 10)] == [False, False, True]


def test_releases_list_those_before_them() -> None:
    """Each release names the one before it and what that named, newest first and bounded."""
    assert [(item.release, item.issued) for item in releases()[2].release.earlier] == [
        (1, releases()[1].release.issued)
    ]
    from gaitops.fleet.root import root_chain
    from gaitops.release.statement import read_statement, release_statement

    fleet = releases()[0]
    root = root_chain(fleet.roots, fleet.trust_root)
    said = None
    for number in range(1, MOST_EARLIER + 4):
        payload = release_statement(fleet.content(), root, number, "2030-01-01T00:00:00Z", said)
        said = read_statement(payload, ReleasePredicate, root, "p")[1]
    assert said is not None
    assert [item.release for item in said.earlier] == [*range(MOST_EARLIER + 2, 2, -1)]
