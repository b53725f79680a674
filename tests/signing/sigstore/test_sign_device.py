# SPDX-License-Identifier: Apache-2.0
"""The device flow: against a real OpenID provider where Node has one, and against one that misbehaves on request."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.request import urlopen

import pytest

from gaitops.errors import GaitopsError
from gaitops.signing.sigstore.device import MAX_LIFETIME, Prompt, device_token
from gaitops.signing.sigstore.tokens import read_token
from tests.sigstore_double.double import SigstoreDouble
from tests.sigstore_double.identities import Someone

SCRIPT = Path(__file__).with_name("device_provider.mjs")
LIBRARY = Path(__file__).parents[3] / "tools/node_modules/oidc-provider"
DANA = Someone("dana@acme.example")


def nothing(*_: object) -> None:
    """Neither wait nor show."""


@pytest.fixture(scope="module")
def double() -> Iterator[SigstoreDouble]:
    """The double's provider, listening."""
    with SigstoreDouble(lambda: datetime(2026, 11, 1, 9, tzinfo=UTC)) as started:
        yield started


@pytest.fixture(scope="module")
def real() -> Iterator[str]:
    """Issuer of a real provider; skipped where it is not installed."""
    node = shutil.which("node")
    if node is None or not LIBRARY.is_dir():
        pytest.skip("needs Node and the oidc-provider of tools/")
    with subprocess.Popen(
        [node, str(SCRIPT), str(LIBRARY)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        stream = process.stdout
        if stream is None:  # Cannot be: it is a pipe.
            raise RuntimeError
        issuer = next((line.strip() for line in stream if line.startswith("http://127.0.0.1")), "")
        try:
            yield issuer
        finally:
            process.terminate()


def decide(issuer: str, action: str, prompt: Prompt) -> None:
    """What a person does with the code."""
    with urlopen(f"{issuer}/test/{action}?code={prompt.code}", data=b"") as answer:  # noqa: S310 - loopback
        assert answer.read() == b"done"


@pytest.mark.parametrize("after", [0, 2])
def test_a_real_provider_gives_a_token(real: str, after: int) -> None:
    """Whoever enters the code gets in, at once or after some questions, and the token names them."""
    prompts: list[Prompt] = []
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == after + 1:
            decide(real, "approve", prompts[0])

    token = read_token(
        device_token(real, "sigstore", prompts.append, sleep), audience="sigstore", at=datetime.now(UTC)
    )
    assert (token.issuer, token.subject) == (real, "dana@acme.example")
    assert waits == [5] * (after + 1)
    assert prompts[0].url == f"{real}/device"
    assert prompts[0].lifetime == 600


def test_a_real_provider_passes_on_a_refusal(real: str) -> None:
    """Whoever says no ends it."""
    with pytest.raises(GaitopsError, match="refused") as caught:
        device_token(real, "sigstore", lambda prompt: decide(real, "deny", prompt), nothing)
    assert caught.value.code == "sigstore.login"


def test_a_real_provider_does_not_know_every_client(real: str) -> None:
    """Its own word for the refusal is told."""
    with pytest.raises(GaitopsError, match="'stranger': invalid_client") as caught:
        device_token(real, "stranger", nothing, nothing)
    assert caught.value.code == "sigstore.login"


@pytest.mark.parametrize(
    ("answers", "waits"),
    [
        ([], [5]),
        (["authorization_pending"] * 2, [5, 5, 5]),
        (["slow_down", "authorization_pending", "slow_down"], [5, 10, 10, 15]),
    ],
)
def test_the_provider_sets_the_pace(double: SigstoreDouble, answers: list[str], waits: list[int]) -> None:
    """``slow_down`` adds five seconds for good, and nothing makes it faster."""
    double.provider.device_answers = list(answers)
    waited: list[float] = []
    token = device_token(double.issuer_url, "sigstore", nothing, waited.append)
    assert double.provider.claims(token)["email"] == "dana@acme.example"
    assert waited == waits


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (["access_denied"], "the sign-in was refused"),
        (["expired_token"], "nobody entered the code in time"),
        (["authorization_pending", "invalid_grant"], "gives no token: invalid_grant"),
    ],
)
def test_refusals_end_it(double: SigstoreDouble, answers: list[str], reason: str) -> None:
    """Every other answer is final."""
    double.provider.device_answers = [*answers, "never asked for"]
    with pytest.raises(GaitopsError, match=reason) as caught:
        device_token(double.issuer_url, "sigstore", nothing, nothing)
    assert caught.value.code == "sigstore.login"
    assert double.provider.device_answers == ["never asked for"]
    double.provider.device_answers.clear()


def test_it_ends_when_the_code_does(double: SigstoreDouble) -> None:
    """Nobody waits longer than the code lives, however often the provider says to."""
    double.provider.device_answers = ["authorization_pending"] * 1000
    double.provider.device_lifetime = 23
    waited: list[float] = []
    with pytest.raises(GaitopsError, match="in time"):
        device_token(double.issuer_url, "sigstore", nothing, waited.append)
    assert waited == [5] * 4
    double.provider.device_lifetime = 10**9
    double.provider.device_interval = 10**9
    prompts: list[Prompt] = []
    waited.clear()
    with pytest.raises(GaitopsError, match="in time"):
        device_token(double.issuer_url, "sigstore", prompts.append, waited.append)
    assert prompts[0].lifetime == MAX_LIFETIME
    assert waited == [60] * 30
    double.provider.device_answers.clear()
    double.provider.device_lifetime, double.provider.device_interval = 600, 5


def test_without_an_interval_it_is_five_seconds(double: SigstoreDouble) -> None:
    """RFC 8628 3.2."""
    double.provider.device_interval = None
    waited: list[float] = []
    device_token(double.issuer_url, "sigstore", nothing, waited.append)
    assert waited == [5]
    double.provider.device_interval = 5


def test_providers_without_a_device_flow(double: SigstoreDouble) -> None:
    """They are told apart from ones that fail."""
    double.provider.has_device_flow = False
    with pytest.raises(GaitopsError, match="offers no device flow"):
        device_token(double.issuer_url, "sigstore", nothing, nothing)
    double.provider.has_device_flow = True


class Scripted(BaseHTTPRequestHandler):
    """Answers by path with whatever a test wrote down."""

    def do_GET(self) -> None:
        self.respond()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.respond()

    def respond(self) -> None:
        script = cast("dict[str, Any]", self.server.script)  # type: ignore[attr-defined]
        status, body = script[self.path]
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


Script = Callable[..., str]
DEVICE = {
    "device_code": "d",
    "user_code": "ABCD",
    "verification_uri": "https://x.example/d",
    "expires_in": 60,
}


@pytest.fixture(scope="module")
def provider() -> Iterator[Script]:
    """``provider(device=…, token=…, discovery=…)`` sets answers, and returns the issuer."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    issuer = f"http://127.0.0.1:{server.server_port}"

    def answer(
        device: object = (200, DEVICE), token: object = (200, {"id_token": "t"}), **discovery: object
    ) -> str:
        document = {
            "issuer": issuer,
            "device_authorization_endpoint": f"{issuer}/device",
            "token_endpoint": f"{issuer}/token",
            **discovery,
        }
        server.script = {  # type: ignore[attr-defined]
            "/.well-known/openid-configuration": (200, document),
            "/device": device,
            "/token": token,
        }
        return issuer

    yield answer
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_script_is_fine_as_it_is(provider: Script) -> None:
    """What the cases below break works unbroken."""
    assert device_token(provider(), "sigstore", nothing, nothing) == "t"


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"issuer": "https://other.example"}, "says that it is 'https://other.example'"),
        ({"token_endpoint": None}, "names no token endpoint"),
        ({"token_endpoint": "http://sso.example/token"}, "is not encrypted"),
        ({"token_endpoint": "ftp://sso.example/token"}, "not an https address"),
        ({"device_authorization_endpoint": "https://user@sso.example/"}, "not an https address"),
        ({"device_authorization_endpoint": "http://[::1"}, "address of the OpenID provider is none"),
        ({"device": (302, {})}, "status 302"),
        ({"device": (200, b"<html>")}, "does not answer with a JSON object"),
        ({"device": (200, [])}, "does not answer with a JSON object"),
        ({"device": (200, b'{"a":1,"a":2}')}, "does not answer with a JSON object"),
        ({"device": (200, b'{"a":"' + b"x" * 70_000 + b'"}')}, "at most 65536 bytes"),
        ({"device": (400, {"error": "bad\x1b[31m"})}, "status 400"),
        ({"device": (200, {**DEVICE, "user_code": None})}, "lacks a code"),
        ({"device": (200, {**DEVICE, "user_code": "A\x1b[2J"})}, "cannot be shown"),
        ({"device": (200, {**DEVICE, "verification_uri_complete": "x" * 600})}, "cannot be shown"),
        ({"device": (200, {**DEVICE, "expires_in": None})}, "how long its code lives"),
        ({"device": (200, {**DEVICE, "expires_in": True})}, "how long its code lives"),
        ({"device": (200, {**DEVICE, "interval": "5"})}, "how long its code lives"),
        ({"token": (200, {"access_token": "t"})}, "gives no ID token"),
        ({"token": (302, {})}, "status 302"),
        ({"token": (500, b"")}, "in time"),
    ],
)
def test_answers_that_are_no_good(provider: Script, answers: dict[str, Any], reason: str) -> None:
    """A provider that misbehaves is refused with one kind of error, and nothing of it reaches a terminal raw."""
    with pytest.raises(GaitopsError, match=reason.replace("[", r"\[")) as caught:
        device_token(provider(**answers), "sigstore", nothing, nothing)
    assert caught.value.code == "sigstore.login"
    assert str(caught.value).isprintable()


def test_nobody_there_is_worth_another_try() -> None:
    """No connection is no refusal."""
    with pytest.raises(GaitopsError) as caught:
        device_token("http://127.0.0.1:1", "sigstore", nothing, nothing)
    assert caught.value.code == "sigstore.unavailable"


def test_a_provider_that_goes_away_is_asked_less_often(provider: Script) -> None:
    """RFC 8628 3.5: without an answer, wait twice as long."""
    issuer = provider(token_endpoint="http://127.0.0.1:1/token")
    waited: list[float] = []
    with pytest.raises(GaitopsError, match="in time"):
        device_token(issuer, "sigstore", nothing, waited.append)
    assert waited == [5, 10, 20]
