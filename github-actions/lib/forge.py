# SPDX-License-Identifier: Apache-2.0
"""The few calls of GitHub's REST interface that the actions make, with Python alone.

The token goes to ``GITHUB_API_URL`` in a header and nowhere else: redirects are not followed, and no message
of this module quotes it.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException, HTTPMessage
from typing import IO, Any, Final

_MOST_BYTES: Final = 32 * 1024 * 1024
_SECONDS: Final = 60
_COMMENT_PAGES: Final = 10
"""Of 100 comments each; nobody reads more."""


class ForgeError(Exception):
    """GitHub did not do what was asked; ``status`` is 0 when it could not be reached."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        """Follow nothing: the token is for one server."""


class Forge:
    """The repository of this workflow, in the name of a token."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._root = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}"
        self._opener = urllib.request.build_opener(_NoRedirects)

    def set_status(self, commit: str, state: str, context: str, description: str) -> None:
        """Set a commit status; ``state`` is ``success``, ``pending``, ``failure`` or ``error``."""
        environ = os.environ
        run = f"{environ['GITHUB_SERVER_URL']}/{environ['GITHUB_REPOSITORY']}/actions/runs/{environ['GITHUB_RUN_ID']}"
        body = {"state": state, "context": context, "description": description[:140], "target_url": run}
        self._call("POST", f"/statuses/{commit}", body)

    def pull_request(self, number: int) -> dict[str, Any]:
        """One pull request."""
        return _object(self._call("GET", f"/pulls/{number}"))

    def comments(self, number: int) -> list[dict[str, str]]:
        """The text of the comments on a pull request, oldest first, at most a thousand."""
        found: list[dict[str, str]] = []
        for page in range(1, _COMMENT_PAGES + 1):
            items = _list(self._call("GET", f"/issues/{number}/comments?per_page=100&page={page}"))
            found += [{"body": item["body"]} for item in items if isinstance(item.get("body"), str)]
            if len(items) < 100:
                break
        return found

    def offer(self, branch: str, base: str, title: str, body: str) -> tuple[int, str, bool]:
        """Open a pull request from a branch of this repository, or update the one that is open.

        Returns:
            Its number, its address, and whether it is new.
        """
        owner = os.environ["GITHUB_REPOSITORY"].partition("/")[0]
        query = urllib.parse.urlencode({"state": "open", "head": f"{owner}:{branch}", "base": base})
        for found in _list(self._call("GET", f"/pulls?{query}")):
            # A server that ignores the filter must not make us edit somebody else's pull request.
            if found.get("head", {}).get("ref") == branch and found.get("base", {}).get("ref") == base:
                changed = _object(
                    self._call("PATCH", f"/pulls/{found['number']}", {"title": title, "body": body})
                )
                return int(changed["number"]), str(changed["html_url"]), False
        members = {"title": title, "body": body, "head": branch, "base": base, "maintainer_can_modify": True}
        made = _object(self._call("POST", "/pulls", members))
        return int(made["number"]), str(made["html_url"]), True

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> object:
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self._token}",
            "User-Agent": "gaitops-actions",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self._root + path, data=data, headers=headers, method=method)  # noqa: S310
        what = f"{method} {path.partition('?')[0]}"
        try:
            with self._opener.open(request, timeout=_SECONDS) as answer:
                return json.loads(answer.read(_MOST_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                raise ForgeError(error.code, f"GitHub answered {error.code} to {what}") from error
        except (OSError, HTTPException, ValueError) as error:
            raise ForgeError(0, f"GitHub could not be asked for {what}: {type(error).__name__}") from error


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ForgeError(0, "GitHub's answer is not an object")
    return value


def _list(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ForgeError(0, "GitHub's answer is not a list")
    return value
