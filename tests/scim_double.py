# SPDX-License-Identifier: Apache-2.0
"""A SCIM 2.0 service provider on loopback that follows RFC 7644, with faults that tests switch on.

Paging by startIndex and count, ``eq`` filters joined by ``and``, entity tags on resources and pages with If-None-Match,
error responses (3.12), bearer tokens. Users and groups are dictionaries that a test changes as it likes.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
TOKEN = "scim-token-1"
_COMPARISON = re.compile(r'(\w+) eq ("[^"]*"|true|false)')

Resource = dict[str, Any]


@dataclass
class Answer:
    """What the double is about to send; a fault may change anything of it."""

    path: str
    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    """Sent in the place of the body's JSON."""


@dataclass
class ScimDouble:
    """Users and groups by id, what is wrong with the server, and what it was asked."""

    url: str = ""
    users: dict[str, Resource] = field(default_factory=dict)
    groups: dict[str, Resource] = field(default_factory=dict)
    token: str = TOKEN
    page: int = 100
    """Most resources that it puts on a page."""
    fault: Callable[[Answer], None] | None = None
    before: Callable[[str], None] | None = None
    """Called with each path before it is answered: what other people do meanwhile."""
    asked: list[str] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)

    def add(self, name: str, *, active: bool = True, groups: tuple[str, ...] = (), **more: Any) -> str:
        """A user with an address at example.com, in groups that exist; the id."""
        identifier = f"id-{name}"
        self.users[identifier] = {
            "userName": name,
            "displayName": name.capitalize(),
            "active": active,
            "emails": [{"value": f"{name}@example.com", "primary": True}],
            **more,
        }
        for group in groups:
            self.groups.setdefault(group, {"displayName": group.capitalize(), "members": []})
            self.groups[group]["members"].append({"value": identifier, "type": "User"})
        return identifier

    def remove(self, name: str) -> None:
        """Delete a user, who is then in no group either."""
        identifier = f"id-{name}"
        del self.users[identifier]
        for group in self.groups.values():
            group["members"] = [item for item in group["members"] if item["value"] != identifier]

    def answer(self, target: str, authorization: str | None, condition: str | None) -> Answer:
        """What a GET request is answered with."""
        parts = urlsplit(target)
        self.asked.append(target)
        self.tokens.append(authorization)
        if self.before is not None:
            self.before(target)
        if authorization != f"Bearer {self.token}":
            found = self._error(parts.path, 401, "no such token")
        else:
            found = self._found(parts.path, parse_qs(parts.query))
        if condition is not None and condition == found.headers.get("ETag"):
            found = Answer(parts.path, 304, None, found.headers)
        if self.fault is not None:
            self.fault(found)
        return found

    def _found(self, path: str, query: dict[str, list[str]]) -> Answer:
        kind, _, identifier = path.removeprefix("/scim/v2/").partition("/")
        kinds = {"Users": (self.users, USER), "Groups": (self.groups, GROUP)}
        if kind not in kinds:
            return self._error(path, 404, "no such endpoint")
        table, schema = kinds[kind]
        if identifier:
            known = table.get(unquote(identifier))
            if known is None:
                return self._error(path, 404, "no such resource")
            body = self._resource(unquote(identifier), known, schema)
            return Answer(path, 200, body, {"ETag": body["meta"]["version"]})
        everything = [self._resource(key, value, schema) for key, value in table.items()]
        try:
            fitting = [item for item in everything if _fits(item, query.get("filter", [""])[0])]
        except ValueError:
            return self._error(path, 400, "invalidFilter")
        start = max(int(query.get("startIndex", ["1"])[0]), 1)
        count = min(int(query.get("count", [str(self.page)])[0]), self.page)
        shown = fitting[start - 1 : start - 1 + count]
        body = {
            "schemas": [LIST],
            "totalResults": len(fitting),
            "startIndex": start,
            "itemsPerPage": len(shown),
            "Resources": shown,
        }
        return Answer(path, 200, body, {"ETag": f'"{_digest(body)}"'})

    @staticmethod
    def _resource(identifier: str, value: Resource, schema: str) -> Resource:
        version = f'W/"{_digest(value)}"'
        return {"schemas": [schema], "id": identifier, **value, "meta": {"version": version}}

    @staticmethod
    def _error(path: str, status: int, detail: str) -> Answer:
        return Answer(path, status, {"schemas": [ERROR], "status": str(status), "detail": detail})


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _fits(resource: Resource, text: str) -> bool:
    """Whether a resource fits a filter of comparisons joined by ``and``; ValueError for any other filter."""
    if not text:
        return True
    for part in text.split(" and "):
        match = _COMPARISON.fullmatch(part)
        if match is None:
            raise ValueError(text)
        if resource.get(match[1]) != json.loads(match[2]):
            return False
    return True


@contextmanager
def scim_double() -> Iterator[ScimDouble]:
    """A running double."""
    double = ScimDouble()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found = double.answer(
                self.path, self.headers.get("Authorization"), self.headers.get("If-None-Match")
            )
            data = (
                found.raw
                if found.raw is not None
                else b""
                if found.body is None
                else json.dumps(found.body).encode()
            )
            self.send_response(found.status)
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/scim+json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: Any) -> None:
            """Nothing is printed."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *args: Any) -> None:
            """A client may hang up when it has seen enough."""
            if not isinstance(sys.exc_info()[1], ConnectionError):
                super().handle_error(*args)

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    double.url = f"http://127.0.0.1:{server.server_address[1]}/scim/v2"
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
