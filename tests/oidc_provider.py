# SPDX-License-Identifier: Apache-2.0
"""A real OpenID provider on loopback (npm ``oidc-provider``), and signing in at it as a browser does."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from shutil import which
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, ProxyHandler, Request, build_opener

ROOT = Path(__file__).parents[1]
MODULES = ROOT / "tools" / "node_modules"
CLIENT = "gaitops-tests"
REDIRECT = "http://127.0.0.1/callback"
_FORM = re.compile(r'<form[^>]* action="([^"]+)"')
_PROMPT = re.compile(r'name="prompt" value="(\w+)"')


def available() -> bool:
    """Whether Node.js and the provider are installed."""
    return which("node") is not None and (MODULES / "oidc-provider").is_dir()


@dataclass(frozen=True)
class Tokens:
    """What a sign-in ended with."""

    access_token: str
    id_token: str
    nonce: str


@dataclass(frozen=True)
class OpenIdProvider:
    """A running provider."""

    issuer: str

    def sign_in(self, account: str, *, client: str = CLIENT) -> Tokens:
        """Authorization code flow with PKCE: log in, consent, exchange the code."""
        verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "client_id": client,
            "redirect_uri": REDIRECT,
            "response_type": "code",
            "scope": "openid email profile groups",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "nonce": nonce,
            "prompt": "consent",
        }
        code = self._code(f"{self.issuer}/auth?{urlencode(query)}", account)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "client_id": client,
            "code_verifier": verifier,
        }
        with build_opener(ProxyHandler({})).open(
            f"{self.issuer}/token", urlencode(form).encode()
        ) as response:
            tokens = json.load(response)
        return Tokens(tokens["access_token"], tokens["id_token"], nonce)

    @staticmethod
    def _code(url: str, account: str) -> str:
        """Follow the pages of the provider until it redirects to the client."""
        browser = build_opener(ProxyHandler({}), HTTPCookieProcessor(CookieJar()), _NoRedirect())
        form: dict[str, str] | None = None
        for _ in range(12):
            data = urlencode(form).encode() if form is not None else None
            try:
                with browser.open(url, data) as response:
                    page = response.read().decode()
            except HTTPError as redirect:
                with redirect:
                    url = urljoin(url, redirect.headers["Location"])
                form = None
                if url.startswith(REDIRECT):
                    return parse_qs(urlsplit(url).query)["code"][0]
                continue
            action, prompt = _FORM.search(page), _PROMPT.search(page)
            if action is None or prompt is None:
                raise ValueError(f"a page without a form: {page[:200]}")
            url = urljoin(url, action[1])
            form = {"prompt": prompt[1], "login": account, "password": "any"}
        raise ValueError("the provider never came to an end")


class _NoRedirect(HTTPRedirectHandler):
    """Redirects end as errors, so that each can be looked at."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        """Never followed by itself."""
        return None


@contextmanager
def openid_provider(accounts: Mapping[str, Mapping[str, object]]) -> Iterator[OpenIdProvider]:
    """A running provider with these accounts: claims by ``sub``."""
    command = ["node", str(Path(__file__).with_suffix(".mjs")), str(MODULES), json.dumps(accounts)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise ValueError("no pipes")
        line = process.stdout.readline()
        try:
            yield OpenIdProvider(json.loads(line)["issuer"])
        finally:
            process.stdin.close()
            process.wait()
