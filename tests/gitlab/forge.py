# SPDX-License-Identifier: Apache-2.0
"""A stand-in for a GitLab server on the loopback interface: Git over HTTP, push options, and a few API answers.

Git itself answers Git (``git http-backend``); projects are bare repositories below one folder.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "glpat-write"
"""What whoever pushes, or asks the API, must present."""
_POST_RECEIVE = """#!/bin/sh
i=0
while [ "$i" -lt "${GIT_PUSH_OPTION_COUNT:-0}" ]; do
  eval "echo \\"\\$GIT_PUSH_OPTION_$i\\"" >> push-options
  i=$((i + 1))
done
"""
_SETTINGS = """
[http]
	receivepack = true
[receive]
	advertisePushOptions = true
"""
"""``http-backend`` knows no users: the server below asks who pushes."""
_NO_SETTINGS = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}


@dataclass
class Forge:
    """One server.

    Attributes:
        folder: Where the projects are.
        url: Address of the server.
        answers: API answers by path and query below ``/api/v4``; lists are answered page by page. Questions that
            bring a body are accepted.
        asked: What was brought to the API: paths and bodies.
        pushed_by: User names with which somebody pushed.
    """

    folder: Path
    url: str = ""
    answers: dict[str, list[Any]] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    pushed_by: list[str] = field(default_factory=list)

    def project(self, path: str, source: Path | None = None) -> Path:
        """A bare project, with the branches of the repository ``source``."""
        bare = self.folder / f"{path}.git"
        bare.parent.mkdir(parents=True, exist_ok=True)
        git("init", "--quiet", "--bare", "--initial-branch=main", str(bare))
        with (bare / "config").open("a") as config:
            config.write(_SETTINGS)
        hook = bare / "hooks/post-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(_POST_RECEIVE)
        hook.chmod(0o755)
        if source is not None:
            git("-C", str(source), "push", "--quiet", str(bare), "+refs/heads/*:refs/heads/*")
        return bare

    def push_options(self, path: str) -> list[str]:
        """Push options that the project has seen."""
        file = self.folder / f"{path}.git/push-options"
        return file.read_text().splitlines() if file.exists() else []

    def clone(self, path: str, to: Path, branch: str = "main") -> Path:
        """What a runner checks out."""
        git("clone", "--quiet", "--branch", branch, f"{self.url}/{path}.git", str(to))
        return to


def git(*arguments: str) -> str:
    """Run ``git`` without anybody's settings."""
    settings = {**os.environ, **_NO_SETTINGS}
    command = ["git", "-c", "user.name=somebody", "-c", "user.email=somebody@example.com", *arguments]
    done = subprocess.run(command, env=settings, check=True, capture_output=True, encoding="utf-8")
    return done.stdout


@contextmanager
def serving(folder: Path) -> Iterator[Forge]:
    """A forge that answers until the block ends."""
    forge = Forge(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(forge))
    server.daemon_threads = True
    forge.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield forge
    finally:
        server.shutdown()
        server.server_close()


def _handler(forge: Forge) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path.startswith("/api/v4/"):
                self._api()
            else:
                self._git(b"")

        def do_POST(self) -> None:
            body = self._body()
            if self.path.startswith("/api/v4/"):
                forge.asked.append((self.path.removeprefix("/api/v4"), json.loads(body)))
                self._say(201, {})
            else:
                self._git(body)

        def log_message(self, *_arguments: object) -> None:
            """Nothing: the tests read what the jobs print."""

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "") == "chunked":
                chunks = []
                while size := int(self.rfile.readline(), 16):
                    chunks.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(chunks)
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))

        def _api(self) -> None:
            parts = urlsplit(self.path.removeprefix("/api/v4"))
            query = parse_qs(parts.query)
            first = (int(query["page"][0]) - 1) * int(query["per_page"][0])
            if parts.path not in forge.answers:
                self._say(404, {"message": "404 Not Found"})
            else:
                self._say(200, forge.answers[parts.path][first : first + int(query["per_page"][0])])

        def _say(self, status: int, value: object) -> None:
            if self.headers.get("PRIVATE-TOKEN") != TOKEN:
                status, value = 401, {"message": "401 Unauthorized"}
            self._answer(status, {"Content-Type": "application/json"}, json.dumps(value).encode())

        def _git(self, body: bytes) -> None:
            parts = urlsplit(self.path)
            if "git-receive-pack" in self.path and not self._may_push():
                self._answer(401, {"WWW-Authenticate": 'Basic realm="forge"'}, b"")
                return
            environ = {
                "PATH": os.environ["PATH"],
                **_NO_SETTINGS,
                "GIT_PROJECT_ROOT": str(forge.folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": parts.path,
                "QUERY_STRING": parts.query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }
            done = subprocess.run(
                ["git", "http-backend"], input=body, env=environ, stdout=subprocess.PIPE, check=False
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            self._answer(int(headers.pop("Status", "200").split()[0]), headers, content)

        def _may_push(self) -> bool:
            kind, _, value = self.headers.get("Authorization", "").partition(" ")
            user, _, password = base64.b64decode(value).decode().partition(":")
            if kind != "Basic" or password != TOKEN:
                return False
            forge.pushed_by.append(user)
            return True

        def _answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler
