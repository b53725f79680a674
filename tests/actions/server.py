# SPDX-License-Identifier: Apache-2.0
"""GitHub's REST interface on the loopback device, as far as the actions use it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Server:
    """What GitHub knows, and what it was asked to do."""

    def __init__(self) -> None:
        self.address = ""
        self.calls: list[tuple[str, str, Any]] = []
        """Method, path without the repository, body; of everything that changes something."""
        self.tokens: set[str] = set()
        self.pulls: list[dict[str, Any]] = []
        self.comments: list[dict[str, Any]] = []
        self.read_only = False

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Status and body for one request."""
        address = urlsplit(path.removeprefix("/repos/acme/fleet"))
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        if method != "GET":
            if self.read_only:
                return 403, {"message": "Resource not accessible by integration"}
            self.calls.append((method, address.path, body))
        match address.path.strip("/").split("/"):
            case ["statuses", _commit]:
                return 201, {}
            case ["pulls"] if method == "GET":
                return 200, [item for item in self.pulls if self._asked(item, query)]
            case ["pulls"]:
                made = {"number": 9, "html_url": "https://github.test/acme/fleet/pull/9", "state": "open"}
                self.pulls.append(
                    {
                        **made,
                        "head": {"ref": body["head"]},
                        "base": {"ref": body["base"]},
                        "title": body["title"],
                    }
                )
                return 201, made
            case ["pulls", number]:
                found = [item for item in self.pulls if item["number"] == int(number)]
                return (
                    (200, {"html_url": f"https://github.test/acme/fleet/pull/{number}", **found[0]})
                    if found
                    else (404, {})
                )
            case ["issues", _number, "comments"]:
                first = (int(query["page"]) - 1) * 100
                return 200, self.comments[first : first + 100]
        return 404, {}

    @staticmethod
    def _asked(item: dict[str, Any], query: dict[str, str]) -> bool:
        same: bool = (
            query["head"].partition(":")[2] == item["head"]["ref"] and item["state"] == query["state"]
        )
        return same


@contextmanager
def serve() -> Iterator[Server]:
    """A running server."""
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            server.tokens.add(self.headers["Authorization"])
            status, answer = server.answer(self.command, self.path, body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = _do  # noqa: N815 - names of the base class

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - name of the base class
            """Say nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    server.address = f"http://127.0.0.1:{http.server_port}"
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
