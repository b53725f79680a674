# SPDX-License-Identifier: Apache-2.0
"""A review that somebody gave at a forge, as a service attests it (design 6, assurance).

What stands here is the word of the service: the engine sees neither the forge nor the commit that was reviewed. It can
see whose word it is, that a review is used once, and that everything else holds that holds for approvals.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from gaitops.documents.times import format_timestamp, parse_timestamp
from gaitops.fleet.credentials import ForgeAccount

Provider = Literal["github", "gitlab"]

PROVIDERS: Final[tuple[Provider, ...]] = ("github", "gitlab")

_NUMBER = r"[1-9][0-9]{0,18}"
_TEXTS: Final = {
    "attestedBy": r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)?",
    "host": r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[0-9]{1,5})?",
    "repository": r"[A-Za-z0-9_.-]{1,255}(/[A-Za-z0-9_.-]{1,255}){1,20}",
    "commit": r"[0-9a-f]{40}|[0-9a-f]{64}",
}
_REVIEW_IDS: Final[Mapping[Provider, str]] = {
    "github": _NUMBER,
    # GitLab gives approvals no id: that of the merge request, of the account, and the time are one together.
    "gitlab": rf"{_NUMBER}\.(?P<account>{_NUMBER})\.[0-9]{{8}}T[0-9]{{6}}Z",
}
_LOGIN = r"[A-Za-z0-9_.-]{1,255}(\[bot\])?"


@dataclass(frozen=True, slots=True)
class ForgeReview:
    """One approving review, and the service that says so."""

    attested_by: str
    """Principal of the service."""
    provider: Provider
    host: str
    repository: str
    """Path of the repository at the host when it was reviewed."""
    change: int
    """Number of the pull or merge request."""
    review: str
    """Id of the review, never given again at its host; see :func:`gitlab_review_id` for GitLab's."""
    account_id: str
    login: str
    """Name of the account, for people; the id decides."""
    commit: str
    """Commit that was reviewed."""
    submitted_at: datetime

    @property
    def account(self) -> ForgeAccount:
        """Whose review it is."""
        return ForgeAccount(self.provider, self.host, self.account_id)

    @property
    def key(self) -> str:
        """Names the review for as long as its host exists; renaming the repository does not make it another one."""
        return f"{self.provider}/{self.host}/{self.review}"

    @property
    def place(self) -> str:
        """Where it can be looked up, for people."""
        return f"{self.host}/{self.repository}{'#' if self.provider == 'github' else '!'}{self.change}"

    def to_json(self) -> dict[str, object]:
        """Member ``forge`` of the predicate; reports and the audit log repeat it."""
        return {
            "attestedBy": self.attested_by,
            "provider": self.provider,
            "host": self.host,
            "repository": self.repository,
            "change": self.change,
            "review": self.review,
            "reviewer": {"id": self.account_id, "login": self.login},
            "commit": self.commit,
            "submittedAt": format_timestamp(self.submitted_at),
        }


def gitlab_review_id(merge_request: str, account: str, approved_at: datetime) -> str:
    """What names one approval at a GitLab: approving again after taking it back is another one."""
    when = format_timestamp(approved_at).replace("-", "").replace(":", "")
    return f"{merge_request}.{account}.{when}"


def review_from_json(members: Mapping[str, object]) -> ForgeReview:
    """Read the member ``forge`` of a predicate; unlike the predicate around it, it has no unknown members.

    Raises:
        ValueError: what is wrong, in words.
    """
    expected = {*_TEXTS, "provider", "change", "review", "reviewer", "submittedAt"}
    if set(members) != expected:
        odd = sorted(set(members) ^ expected)
        raise ValueError(f"forge has missing or unknown members: {', '.join(map(ascii, odd[:3]))}")
    provider = next((name for name in PROVIDERS if name == members["provider"]), None)
    if provider is None:
        raise ValueError(f"forge.provider is not one of {', '.join(PROVIDERS)}")
    change = members["change"]
    if not isinstance(change, int) or isinstance(change, bool) or change < 1:
        raise ValueError("forge.change is not the number of a pull or merge request")
    texts = {name: _text(name, members[name], rule) for name, rule in _TEXTS.items()}
    account, login = _reviewer(members["reviewer"])
    review = _text("review", members["review"], _REVIEW_IDS[provider])
    named = re.fullmatch(_REVIEW_IDS[provider], review)
    if named is not None and named.groupdict().get("account", account) != account:
        raise ValueError("forge.review is not a review of forge.reviewer")
    return ForgeReview(
        attested_by=texts["attestedBy"],
        provider=provider,
        host=texts["host"],
        repository=texts["repository"],
        change=change,
        review=review,
        account_id=account,
        login=login,
        commit=texts["commit"],
        submitted_at=parse_timestamp(_text("submittedAt", members["submittedAt"], r"[0-9TZ:-]{20}")),
    )


def _reviewer(value: object) -> tuple[str, str]:
    if not isinstance(value, dict) or set(value) != {"id", "login"}:
        raise ValueError("forge.reviewer does not consist of id and login")
    return (
        _text("reviewer id", value["id"], _NUMBER),
        _text("reviewer login", value["login"], _LOGIN),
    )


def _text(name: str, value: object, rule: str) -> str:
    if not isinstance(value, str) or re.fullmatch(rule, value) is None:
        raise ValueError(f"{name} of the forge has an impossible value")
    return value
