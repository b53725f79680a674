# SPDX-License-Identifier: Apache-2.0
"""GET requests with a token that goes to one host only: no redirect is followed, no answer is read without end.

The only module of the package that uses the network.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError, InvalidHeader, LocationParseError
from urllib3.response import BaseHTTPResponse

from gaitops.documents import strict_json
from gaitops.errors import InternalError, InvalidInputError, UnsafeOperationError

MAX_ANSWER = 8 * 1024 * 1024
"""Bytes of one answer."""
MAX_TOTAL = 256 * 1024 * 1024
"""Bytes of all answers to one client: a directory of a hundred thousand users takes a part of it."""
_UNREAD = 64 * 1024
"""Bytes of an explanation that nobody reads, taken off the connection so that it can be used again."""
_CONNECT_SECONDS = 10.0
_READ_SECONDS = 30.0
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
"""RFC 6750 2.1; nothing else can be sent as one."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that was read to its end."""

    status: int
    etag: str | None
    body: object
    """JSON; ``None`` where there was none to read (304, 404)."""


class Client:
    """Requests to one host.

    Args:
        base: what the token may be sent to: scheme, host and port of this URL, nothing else.
        token: bearer token (RFC 6750); none is sent without one.

    Raises:
        UnsafeOperationError: ``directory.insecure``: plain http to another machine.
        InvalidInputError: ``directory.token``: what was given cannot be a bearer token.
    """

    def __init__(self, base: str, token: str | None) -> None:
        self._origin = _origin(base)
        if token is not None and not _TOKEN.fullmatch(token):
            # Never shown: it is a secret, mistyped or not.
            raise InvalidInputError.of(
                "directory.token",
                "the token has characters that no bearer token has",
                remedy="check its file",
            )
        self._token = token
        self._left = MAX_TOTAL
        timeout = Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS)
        self._pool = PoolManager(num_pools=1, timeout=timeout, retries=Retry(0, redirect=False))

    def get(self, url: str, *, accept: str, headers: Mapping[str, str] | None = None) -> Reply:
        """The answer to one GET request; 200, 304 and 404 are answers, all else is an error.

        Raises:
            InternalError: ``directory.unavailable``: no answer, or one that says to come back later.
            InvalidInputError: ``directory.token`` for 401 and 403, ``directory.malformed``.
            UnsafeOperationError: ``directory.redirect``, ``directory.insecure``, ``directory.too_large``.
        """
        if _origin(url) != self._origin:
            raise UnsafeOperationError.of(
                "directory.redirect",
                f"{_bare(url)} is not on the host that the token is for",
                remedy="name the host in the mapping, if it belongs to the directory",
            )
        # Not compressed: then the limit is one of bytes that are read.
        sent = {"Accept": accept, "Accept-Encoding": "identity", "User-Agent": "gaitops", **(headers or {})}
        if self._token is not None:
            sent["Authorization"] = f"Bearer {self._token}"
        try:
            response = self._pool.request("GET", url, headers=sent, redirect=False, preload_content=False)
            try:
                return self._reply(response, _bare(url))
            finally:
                # A connection is used again only after its answer was read to the end, and closed otherwise.
                response.close()
        except (HTTPError, InvalidHeader, LocationParseError, OSError) as error:
            raise InternalError.of(
                "directory.unavailable", f"no answer from {_bare(url)}: {_reason(error)}", remedy="try again"
            ) from error

    def _reply(self, response: BaseHTTPResponse, where: str) -> Reply:
        status = response.status
        if 300 <= status < 400 and status != 304:
            raise UnsafeOperationError.of(
                "directory.redirect",
                f"{where} redirects, and a token is never sent on",
                remedy="name the address itself in the mapping",
            )
        if status in (401, 403):
            raise InvalidInputError.of(
                "directory.token", f"{where} refuses the token (status {status})", remedy="get another token"
            )
        if status == 429 or status >= 500:
            raise InternalError.of(
                "directory.unavailable", f"{where} answers with status {status}", remedy="try again"
            )
        if status in (304, 404):
            response.read(_UNREAD, decode_content=False)
            return Reply(status, response.headers.get("ETag"), None)
        if status != 200:
            raise InvalidInputError.of(
                "directory.malformed",
                f"{where} answers with status {status}",
                remedy="check address and filter",
            )
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding != "identity":
            raise InvalidInputError.of(
                "directory.malformed", f"{where} answers in an encoding nobody asked for"
            )
        limit = min(MAX_ANSWER, self._left)
        data = response.read(limit + 1, decode_content=False)
        self._left -= len(data)
        if len(data) > limit:
            raise UnsafeOperationError.of(
                "directory.too_large", f"{where} answers with more than {limit} bytes", remedy="use --filter"
            )
        return Reply(status, response.headers.get("ETag"), _json(data, where))


def _json(data: bytes, where: str) -> object:
    try:
        return strict_json.loads(data, where, max_bytes=MAX_ANSWER)
    except InvalidInputError as error:
        problem = error.problems[0]
        raise InvalidInputError.of("directory.malformed", problem.message, path=where) from error


def _origin(url: str) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidInputError.of("directory.malformed", f"{url!r} is not an address") from error
    host = parts.hostname or ""
    if parts.scheme not in ("https", "http") or not host or "@" in parts.netloc:
        raise InvalidInputError.of(
            "directory.malformed", f"{url!r} is not an https address without credentials"
        )
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise UnsafeOperationError.of(
            "directory.insecure",
            f"{_bare(url)} is not encrypted; tokens and answers could be read and changed on the way",
            remedy="use https",
        )
    return parts.scheme, host, port or (443 if parts.scheme == "https" else 80)


def _bare(url: str) -> str:
    """An address without its query, in which there may be names of people."""
    return url.partition("?")[0]


def _reason(error: BaseException) -> str:
    """Why there was no answer, without the request: errors of urllib3 repeat it."""
    cause = getattr(error, "reason", None)
    return type(cause if isinstance(cause, BaseException) else error).__name__
