# SPDX-License-Identifier: Apache-2.0
"""What GitHub and GitLab answer about the reviews of a change, and which of them approve it.

Sources: GitHub REST API, *Get a pull request* and *List reviews for a pull request*; GitLab REST API, *Retrieve a merge
request*, *Merge request approvals* and *Merge request diff versions*. Members that are not needed are ignored; those
that are must be there, of the right type, and about one and the same change at the host that the caller names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from gaitops.change.forge import ForgeReview, Provider, gitlab_review_id, review_from_json
from gaitops.documents.strict_json import loads
from gaitops.errors import InvalidInputError

MAX_BYTES: Final = 8 * 1024 * 1024
"""Of an answer; a pull request with hundreds of reviews has a tenth of it."""
_OPINIONS: Final = frozenset({"APPROVED", "CHANGES_REQUESTED", "DISMISSED"})
"""States of a GitHub review that replace what its author said before; a comment does not."""


_OWN: Final = "opened the change"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Somebody whose review is not attested, and why."""

    login: str
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A pull or merge request as a forge tells it."""

    head: str
    """Its newest commit."""
    approvals: tuple[ForgeReview, ...]
    """The reviews by which somebody approves it now."""
    left_out: tuple[LeftOut, ...]


def read_answer(data: bytes, path: str, provider: Provider, host: str, service: str) -> Answer:
    """Read what a forge answered. Nothing about it is verified: it is as good as the way it came.

    Args:
        data: JSON: for ``github`` an object with ``pull_request`` and ``reviews``, for ``gitlab`` one with
            ``merge_request``, ``approvals`` and ``versions``, each as the REST API gives it.
        path: where it came from, for messages.
        provider: kind of forge.
        host: host that the change must be at.
        service: principal that will attest the reviews.

    Raises:
        InvalidInputError: ``attest.answer``, or a ``document.*`` code of the strict JSON reader.
    """
    value = _Members(loads(data, path, max_bytes=MAX_BYTES), "", path)
    answer = _github(value, host, service) if provider == "github" else _gitlab(value, host, service)
    for review in answer.approvals:
        try:
            review_from_json(review.to_json())  # What nobody could read back must not be signed.
        except ValueError as error:
            raise value.error("", f"review {review.review}: {error}") from error
    return answer


class _Members:
    """Typed access to an object, with errors that say where."""

    def __init__(self, value: object, where: str, path: str) -> None:
        self._where, self._path = where, path
        if not isinstance(value, dict):
            raise self.error("", "an object is expected")
        self._value: Mapping[str, object] = value

    def error(self, name: str, message: str) -> InvalidInputError:
        field = ".".join(part for part in (self._where, name) if part) or None
        remedy = "give it as the REST API answers, put together as the command's help says"
        return InvalidInputError.of("attest.answer", message, path=self._path, field=field, remedy=remedy)

    def get(self, name: str) -> object:
        return self._value.get(name)

    def text(self, name: str) -> str:
        value = self._value.get(name)
        if not isinstance(value, str):
            raise self.error(name, "a text is expected")
        return value

    def number(self, name: str) -> int:
        value = self._value.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self.error(name, "a positive whole number is expected")
        return value

    def time(self, name: str) -> datetime:
        text = self.text(name)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise self.error(name, f"{text!r} is not a time") from error
        if moment.tzinfo is None:
            raise self.error(name, f"{text!r} has no time zone")
        return moment.astimezone(UTC)

    def inner(self, name: str) -> _Members:
        return _Members(self._value.get(name), f"{self._where}.{name}".lstrip("."), self._path)

    def each(self, name: str) -> Iterator[_Members]:
        values = self._value.get(name)
        if not isinstance(values, list):
            raise self.error(name, "a list is expected")
        for number, value in enumerate(values):
            yield _Members(value, f"{self._where}.{name}[{number}]".lstrip("."), self._path)

    def author(self, name: str) -> int | None:
        """Account of who opened the change; ``None`` when it was deleted, which the answer then says."""
        if name not in self._value:
            raise self.error(name, "the account of who opened the change is expected")
        return None if self._value[name] is None else self.inner(name).number("id")

    def expect(self, name: str, expected: str | int) -> None:
        value = self._value.get(name)
        if value != expected or isinstance(value, bool):
            raise self.error(name, f"{value!r} found, {expected!r} expected")


def _github(answer: _Members, host: str, service: str) -> Answer:
    pull = answer.inner("pull_request")
    number, head = pull.number("number"), pull.inner("head").text("sha")
    repository = pull.inner("base").inner("repo").text("full_name")
    pull.expect("html_url", f"https://{host}/{repository}/pull/{number}")
    newest: dict[int, tuple[tuple[datetime, int], _Members]] = {}
    left_out: list[LeftOut] = []
    for review in answer.each("reviews"):
        url = review.text("pull_request_url")
        if not url.endswith(f"/repos/{repository}/pulls/{number}"):
            raise review.error("pull_request_url", f"a review of {repository}#{number} is expected")
        if review.get("user") is None:
            left_out.append(LeftOut("ghost", "the account was deleted"))
        elif review.text("state") in _OPINIONS:
            account, when = (
                review.inner("user").number("id"),
                (review.time("submitted_at").replace(microsecond=0), review.number("id")),
            )
            if account not in newest or newest[account][0] < when:
                newest[account] = (when, review)
    approvals = []
    author = pull.author("user")
    for account, ((submitted, identifier), review) in sorted(newest.items()):
        user, state = review.inner("user"), review.text("state")
        login = user.text("login")
        if state != "APPROVED":
            left_out.append(LeftOut(login, f"the newest review is {state.lower().replace('_', ' ')}"))
        elif account == author:
            left_out.append(LeftOut(login, _OWN))
        elif user.text("type") != "User":
            left_out.append(LeftOut(login, "the account is not a person's"))
        else:
            commit = review.text("commit_id")
            approvals.append(
                ForgeReview(
                    service,
                    "github",
                    host,
                    repository,
                    number,
                    str(identifier),
                    str(account),
                    login,
                    commit,
                    submitted,
                )
            )
    return Answer(head, tuple(approvals), tuple(left_out))


def _gitlab(answer: _Members, host: str, service: str) -> Answer:
    request, approvals = answer.inner("merge_request"), answer.inner("approvals")
    number, head, identifier = request.number("iid"), request.text("sha"), request.number("id")
    repository = _gitlab_path(request, host, number)
    for name in ("id", "iid", "project_id"):
        approvals.expect(name, request.number(name))
    pushed, author = _pushed(answer, request, head), request.author("author")
    found: list[ForgeReview] = []
    left_out: list[LeftOut] = []
    for approval in approvals.each("approved_by"):
        user, when = approval.inner("user"), approval.time("approved_at")
        account, login = str(user.number("id")), user.text("username")
        if user.number("id") == author:
            left_out.append(LeftOut(login, _OWN))
            continue
        if when < pushed:
            left_out.append(LeftOut(login, "approved before the newest commit was pushed"))
            continue
        when = when.replace(microsecond=0)
        review = gitlab_review_id(str(identifier), account, when)
        found.append(
            ForgeReview(service, "gitlab", host, repository, number, review, account, login, head, when)
        )
    return Answer(head, tuple(found), tuple(left_out))


def _gitlab_path(request: _Members, host: str, number: int) -> str:
    url = request.text("web_url")
    start, end = f"https://{host}/", f"/-/merge_requests/{number}"
    if not url.startswith(start) or not url.endswith(end) or len(url) <= len(start) + len(end):
        raise request.error(
            "web_url", f"a merge request {number} at https://{host}/ is expected, {url!r} found"
        )
    return url[len(start) : -len(end)]


def _pushed(answer: _Members, request: _Members, head: str) -> datetime:
    """When the newest commit came: GitLab does not say of an approval which commit it is of."""
    versions = sorted(answer.each("versions"), key=lambda item: item.number("id"))
    if not versions:
        raise answer.error("versions", "at least one version is expected")
    newest = versions[-1]
    newest.expect("merge_request_id", request.number("id"))
    newest.expect("head_commit_sha", head)
    return newest.time("created_at")
