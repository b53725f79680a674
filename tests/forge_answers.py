# SPDX-License-Identifier: Apache-2.0
"""What GitHub and GitLab answer about a change, cut down to members that matter and some that must not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]

AUTHOR = 1
"""Account of who opened the change."""


def github_review(
    identifier: int,
    account: int,
    commit: str | None,
    *,
    state: str = "APPROVED",
    at: str = "2026-11-01T10:00:00Z",
    kind: str = "User",
    repository: str = "larkspur/fleet",
    number: int = 12,
) -> Json:
    """One element of *List reviews for a pull request*."""
    return {
        "id": identifier,
        "node_id": "PRR_x",
        "user": {"login": f"u{account}", "id": account, "type": kind, "site_admin": False},
        "body": "approved, state: DISMISSED",
        "state": state,
        "html_url": f"https://github.com/{repository}/pull/{number}#pullrequestreview-{identifier}",
        "pull_request_url": f"https://api.github.com/repos/{repository}/pulls/{number}",
        "submitted_at": at,
        "commit_id": commit,
        "author_association": "MEMBER",
    }


def github_answer(
    head: str,
    reviews: Sequence[Json],
    *,
    repository: str = "larkspur/fleet",
    number: int = 12,
    host: str = "github.com",
) -> Json:
    """Answers of *Get a pull request* and *List reviews for a pull request*, put together."""
    return {
        "pull_request": {
            "number": number,
            "state": "open",
            "user": {"login": "author", "id": AUTHOR, "type": "User"},
            "html_url": f"https://{host}/{repository}/pull/{number}",
            "head": {"ref": "topic", "sha": head, "repo": {"full_name": "fork/fleet"}},
            "base": {"ref": "main", "sha": "0" * 40, "repo": {"full_name": repository}},
        },
        "reviews": list(reviews),
    }


def gitlab_approval(account: int, at: str = "2026-11-01T10:00:00.123Z") -> Json:
    """One element of ``approved_by``."""
    return {"user": {"id": account, "username": f"u{account}", "state": "active"}, "approved_at": at}


def gitlab_answer(
    head: str,
    approvals: Sequence[Json],
    *,
    pushed: str = "2026-11-01T09:30:00.456Z",
    path: str = "group/sub/fleet",
    host: str = "gitlab.com",
) -> Json:
    """Answers about a merge request, its approvals and its versions, put together."""
    names = {"id": 155, "iid": 7, "project_id": 3}
    return {
        "merge_request": {
            **names,
            "state": "opened",
            "author": {"id": AUTHOR, "username": "author"},
            "sha": head,
            "web_url": f"https://{host}/{path}/-/merge_requests/7",
        },
        "approvals": {**names, "approved": True, "approved_by": list(approvals)},
        "versions": [
            {"id": 111, "head_commit_sha": head, "created_at": pushed, "merge_request_id": 155},
            {
                "id": 110,
                "head_commit_sha": "1" * 40,
                "created_at": "2026-11-01T09:00:00.000Z",
                "merge_request_id": 155,
            },
        ],
    }
