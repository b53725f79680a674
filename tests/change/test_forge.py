# SPDX-License-Identifier: Apache-2.0
"""Reviews as envelopes name them, and what GitHub and GitLab answer about them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaitops.change.forge import ForgeReview, gitlab_review_id, review_from_json
from gaitops.change.forge_answers import Answer, read_answer
from gaitops.errors import GaitopsError, InvalidInputError
from tests.forge_answers import AUTHOR, github_answer, github_review, gitlab_answer, gitlab_approval

AT = datetime(2026, 11, 1, 10, tzinfo=UTC)
HEAD = "a" * 40
REVIEW = ForgeReview("ci", "github", "github.com", "larkspur/fleet", 12, "80", "583231", "octo-cat", HEAD, AT)


def github(answer: object, host: str = "github.com") -> Answer:
    """Read an answer of GitHub."""
    return read_answer(json.dumps(answer).encode(), "answer.json", "github", host, "ci")


def gitlab(answer: object, host: str = "gitlab.com") -> Answer:
    """Read an answer of GitLab."""
    return read_answer(json.dumps(answer).encode(), "answer.json", "gitlab", host, "ci")


# -- in an envelope -------------------------------------------------------------------------------------------------


def test_a_review_is_read_back_as_it_was_written() -> None:
    """Both kinds of forge, with and without a port, in nested groups, by services of an organization."""
    other = ForgeReview(
        "acme/ci",
        "gitlab",
        "git.example.com:8443",
        "a/b/c/fleet.git-x",
        7,
        gitlab_review_id("155", "42", AT),
        "42",
        "u_42",
        "b" * 64,
        AT,
    )
    for review in (REVIEW, other):
        assert review_from_json(json.loads(json.dumps(review.to_json()))) == review
    assert other.review == "155.42.20261101T100000Z"
    assert (REVIEW.place, other.place) == (
        "github.com/larkspur/fleet#12",
        "git.example.com:8443/a/b/c/fleet.git-x!7",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("attestedBy", ""),
        ("attestedBy", "a/b/c"),
        ("attestedBy", "Ci"),
        ("provider", "gitea"),
        ("provider", ["github"]),
        ("host", "GitHub.com"),
        ("host", "github.com/evil"),
        ("host", "github.com "),
        ("repository", "fleet"),
        ("repository", "larkspur/fl\u0435et"),
        ("change", 0),
        ("change", True),
        ("change", "12"),
        ("review", "080"),
        ("review", "0"),
        ("review", 80),
        ("review", "80\n"),
        ("review", "155.583231.20261101T100000Z"),
        ("reviewer", {"id": "583231"}),
        ("reviewer", {"id": 583231, "login": "octo"}),
        ("reviewer", {"id": "0583231", "login": "octo"}),
        ("reviewer", {"id": "583231", "login": "octo", "node": "x"}),
        ("reviewer", "583231"),
        ("commit", "a" * 39),
        ("commit", "A" * 40),
        ("submittedAt", "2026-11-01T10:00:00+00:00"),
        ("submittedAt", 1),
        ("extra", 1),
    ],
)
def test_anything_else_is_no_review(name: str, value: object) -> None:
    """Every member has one form; an unknown one makes it unreadable."""
    members = {**REVIEW.to_json(), name: value}
    with pytest.raises((ValueError, GaitopsError)):
        review_from_json(members)


@pytest.mark.parametrize("name", sorted(REVIEW.to_json()))
def test_no_member_may_be_missing(name: str) -> None:
    """A review without one of its members names nothing that could be looked up."""
    members = REVIEW.to_json()
    del members[name]
    with pytest.raises(ValueError, match=name):
        review_from_json(members)


def test_a_gitlab_review_is_its_reviewers() -> None:
    """The id of a GitLab approval holds the account, and no other account can be named beside it."""
    members = {**REVIEW.to_json(), "provider": "gitlab", "review": "155.42.20261101T100000Z"}
    with pytest.raises(ValueError, match="not a review of"):
        review_from_json(members)


def test_renaming_the_repository_makes_no_other_review() -> None:
    """Reviews are told apart by host and id."""
    renamed = {**REVIEW.to_json(), "repository": "other/name", "change": 13, "commit": "b" * 40}
    assert review_from_json(renamed).key == REVIEW.key
    assert review_from_json({**REVIEW.to_json(), "host": "github.example.com"}).key != REVIEW.key


# -- GitHub ---------------------------------------------------------------------------------------------------------


def test_github_approvals() -> None:
    """An approval becomes a review with everything that names it; the fork that it came from does not matter."""
    answer = github(github_answer(HEAD, [github_review(80, 583231, HEAD)]))
    assert (answer.head, answer.left_out) == (HEAD, ())
    (review,) = answer.approvals
    assert review == ForgeReview(
        "ci", "github", "github.com", "larkspur/fleet", 12, "80", "583231", "u583231", HEAD, AT
    )


@pytest.mark.parametrize(
    ("states", "approves"),
    [
        (["APPROVED"], True),
        (["APPROVED", "COMMENTED"], True),
        (["CHANGES_REQUESTED", "APPROVED"], True),
        (["APPROVED", "CHANGES_REQUESTED"], False),
        (["APPROVED", "DISMISSED"], False),
        (["DISMISSED"], False),
        (["COMMENTED"], False),
        (["CHANGES_REQUESTED", "COMMENTED"], False),
        (["DISMISSED", "APPROVED"], True),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_the_newest_opinion_counts(states: list[str], order: int, *, approves: bool) -> None:
    """Somebody approves whose newest opinion is an approval, in whatever order the reviews are listed."""
    reviews = [
        github_review(80 + number, 5, HEAD, state=state, at=f"2026-11-01T10:0{number}:00Z")
        for number, state in enumerate(states)
    ]
    answer = github(github_answer(HEAD, reviews[::order]))
    assert bool(answer.approvals) is approves


def test_opinions_of_the_same_second() -> None:
    """Within one second the higher id is the newer review."""
    reviews = [github_review(81, 5, HEAD, state="CHANGES_REQUESTED"), github_review(80, 5, HEAD)]
    assert github(github_answer(HEAD, reviews)).approvals == ()


def test_who_is_no_person_is_left_out() -> None:
    """Bots and deleted accounts approve nothing."""
    ghost = github_review(81, 6, HEAD)
    ghost["user"] = None
    answer = github(github_answer(HEAD, [github_review(80, 5, HEAD, kind="Bot"), ghost]))
    assert answer.approvals == ()
    assert {item.reason for item in answer.left_out} == {
        "the account is not a person's",
        "the account was deleted",
    }


def test_nobody_approves_what_they_opened() -> None:
    """Who opened the change is left out, whether or not the forge allows them to approve it."""
    at_github = github(github_answer(HEAD, [github_review(80, AUTHOR, HEAD)]))
    at_gitlab = gitlab(gitlab_answer(HEAD, [gitlab_approval(AUTHOR)]))
    for answer in (at_github, at_gitlab):
        assert answer.approvals == ()
        assert [item.reason for item in answer.left_out] == ["opened the change"]


def test_an_author_who_is_gone() -> None:
    """A deleted account is nobody's, and bars nobody."""
    answer = github_answer(HEAD, [github_review(80, 5, HEAD)])
    answer["pull_request"]["user"] = None
    assert len(github(answer).approvals) == 1


def _at(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    """An edit that puts a value at a place."""

    def edit(answer: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        node: Any = answer
        for name in parents:
            node = node[int(name) if name.isdigit() else name]
        node[int(last) if last.isdigit() else last] = value

    return edit


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("pull_request", None),
        ("pull_request.number", "12"),
        ("pull_request.number", 13),
        ("pull_request.html_url", "https://github.example.com/larkspur/fleet/pull/12"),
        ("pull_request.html_url", "http://github.com/larkspur/fleet/pull/12"),
        ("pull_request.base.repo.full_name", "larkspur/other"),
        ("pull_request.head.sha", 1),
        ("pull_request.user", {"login": "author"}),
        ("reviews", {}),
        ("reviews.0", "APPROVED"),
        ("reviews.0.id", -80),
        ("reviews.0.id", 80.5),
        ("reviews.0.state", None),
        ("reviews.0.user", []),
        ("reviews.0.user.id", "5"),
        ("reviews.0.user.id", True),
        ("reviews.0.user.login", "a b"),
        ("reviews.0.user.type", None),
        ("reviews.0.commit_id", None),
        ("reviews.0.commit_id", "main"),
        ("reviews.0.submitted_at", None),
        ("reviews.0.submitted_at", "yesterday"),
        ("reviews.0.submitted_at", "2026-11-01T10:00:00"),
        ("reviews.0.pull_request_url", "https://api.github.com/repos/larkspur/fleet/pulls/13"),
        ("reviews.0.pull_request_url", "https://api.github.com/repos/larkspur/other/pulls/12"),
    ],
)
def test_github_answers_are_read_strictly(path: str, value: object) -> None:
    """What is missing, of another type or about another change ends the reading with the place named."""
    answer = github_answer(HEAD, [github_review(80, 5, HEAD)])
    _at(path, value)(answer)
    with pytest.raises(InvalidInputError) as caught:
        github(answer)
    assert caught.value.code == "attest.answer"
    assert caught.value.problems[0].path == "answer.json"


def test_a_name_that_stands_twice() -> None:
    """The reader refuses what parsers read differently."""
    data = json.dumps(github_answer(HEAD, [])).replace('"reviews"', '"reviews": [], "reviews"').encode()
    with pytest.raises(InvalidInputError) as caught:
        read_answer(data, "answer.json", "github", "github.com", "ci")
    assert caught.value.code == "document.duplicate_key"


# -- GitLab ---------------------------------------------------------------------------------------------------------


def test_gitlab_approvals() -> None:
    """An approval given after the newest push is of the newest commit; its id is made of what never comes again."""
    answer = gitlab(gitlab_answer(HEAD, [gitlab_approval(42, "2026-11-01T11:00:00.987+01:00")]))
    (review,) = answer.approvals
    assert review == ForgeReview(
        "ci", "gitlab", "gitlab.com", "group/sub/fleet", 7, "155.42.20261101T100000Z", "42", "u42", HEAD, AT
    )


def test_gitlab_approvals_from_before_the_push() -> None:
    """GitLab may keep an approval over a push; it is not of what was pushed."""
    answer = gitlab(
        gitlab_answer(
            HEAD, [gitlab_approval(42, "2026-11-01T10:00:00.000Z")], pushed="2026-11-01T10:00:00.001Z"
        )
    )
    assert answer.approvals == ()
    assert [item.login for item in answer.left_out] == ["u42"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("merge_request.web_url", "https://gitlab.com/-/merge_requests/7"),
        ("merge_request.web_url", "https://gitlab.example.com/group/fleet/-/merge_requests/7"),
        ("merge_request.web_url", "https://gitlab.com/group/fleet/-/merge_requests/8"),
        ("merge_request.sha", None),
        ("merge_request.author", 1),
        ("approvals.id", 156),
        ("approvals.iid", 8),
        ("approvals.project_id", 4),
        ("approvals.project_id", None),
        ("approvals.approved_by", None),
        ("approvals.approved_by.0.user", None),
        ("approvals.approved_by.0.user.id", "42"),
        ("approvals.approved_by.0.approved_at", None),
        ("versions", []),
        ("versions", None),
        ("versions.0.head_commit_sha", "b" * 40),
        ("versions.0.merge_request_id", 156),
        ("versions.0.created_at", None),
        ("versions.1.id", 112),
    ],
)
def test_gitlab_answers_are_read_strictly(path: str, value: object) -> None:
    """All three answers must be about one merge request, and the newest version of it must be its head."""
    answer = gitlab_answer(HEAD, [gitlab_approval(42)])
    _at(path, value)(answer)
    with pytest.raises(InvalidInputError) as caught:
        gitlab(answer)
    assert caught.value.code == "attest.answer"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from(
        [
            "pull_request.head",
            "pull_request.base",
            "reviews.0",
            "reviews.0.user",
            "reviews.0.state",
            "reviews.0.submitted_at",
            "reviews.0.pull_request_url",
        ]
    ),
    _JSON,
)
@settings(max_examples=80, deadline=None)
def test_whatever_stands_there_is_an_error_or_no_approval(path: str, value: object) -> None:
    """No answer makes the reader fail in a way of its own, or find an approval that was not there."""
    answer = github_answer(HEAD, [github_review(80, 5, HEAD, state="COMMENTED")])
    _at(path, value)(answer)
    try:
        found = github(answer).approvals
    except GaitopsError:
        return
    assert found == ()
