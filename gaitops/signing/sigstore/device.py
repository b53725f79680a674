# SPDX-License-Identifier: Apache-2.0
"""Signing in where there is no browser: the OAuth 2.0 device authorization grant (RFC 8628).

sigstore-python has none. A code is shown, somebody enters it on any other machine, and meanwhile we ask for the token,
as often as the provider allows and no longer than it says. Waiting is the caller's: ``sleep`` is handed in.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn
from urllib.parse import urlencode

from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError, LocationValueError

from gaitops.documents import strict_json
from gaitops.errors import GaitopsError, InternalError, InvalidInputError
from gaitops.signing.sigstore.tokens import require_safe

GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
SCOPE: Final = "openid email"
MAX_ANSWER: Final = 64 * 1024
"""Bytes of one answer."""
MAX_LIFETIME: Final = 1800
"""Seconds that we wait at most, whatever the provider says; RFC 8628's example has as many."""
_INTERVAL: Final = 5
"""Seconds between two questions where the provider names none, and what is added when it says ``slow_down`` (3.5)."""
_MAX_INTERVAL: Final = 60
_TIMEOUT: Final = Timeout(connect=10.0, read=30.0)


@dataclass(frozen=True, slots=True)
class Prompt:
    """What to show to the person who signs in."""

    code: str
    """To be entered, or compared."""
    url: str
    """Where."""
    complete_url: str | None
    """The same with the code in it, where the provider gives it."""
    lifetime: int
    """Seconds until the code is worthless."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: Mapping[str, object]


def device_token(
    issuer: str,
    client_id: str,
    show: Callable[[Prompt], None],
    sleep: Callable[[float], None],
) -> str:
    """An ID token for whoever enters the code that is shown.

    Raises:
        InvalidInputError: ``sigstore.login``: the provider has no device flow, answers malformed or refuses the client,
            the person refused, or nobody came in time.
        InternalError: ``sigstore.unavailable``: no answer.
    """
    with _pool() as pool:
        endpoints = _discover(pool, issuer)
        # RFC 7636, which binds the code to us; a provider without it passes over the parameters (RFC 6749 3.2).
        verifier = secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        started = _post(
            pool,
            endpoints.device,
            {
                "client_id": client_id,
                "scope": SCOPE,
                "code_challenge": challenge,
                "code_challenge_method": "S256",
            },
        )
        if started.status != 200:
            _refuse(f"{issuer} does not start a device flow for {client_id!r}: {_error(started)}")
        prompt, code, interval = _prompt(started.body)
        show(prompt)
        form = {
            "grant_type": GRANT,
            "device_code": code,
            "client_id": client_id,
            "code_verifier": verifier,
        }
        return _poll(pool, endpoints.token, form, prompt.lifetime, interval, sleep)


def _poll(
    pool: PoolManager,
    url: str,
    form: Mapping[str, str],
    lifetime: int,
    interval: int,
    sleep: Callable[[float], None],
) -> str:
    """Ask until there is an answer (3.5). Time is what was waited, so that it ends whatever the clock does."""
    waited = 0
    while waited + interval <= lifetime:
        sleep(interval)
        waited += interval
        try:
            answer = _post(pool, url, form)
        except InternalError:
            # 3.5: on a time-out of the connection, ask less often.
            interval = min(2 * interval, _MAX_INTERVAL)
            continue
        if answer.status == 200:
            token = answer.body.get("id_token")
            if not isinstance(token, str):
                _refuse("the provider gives no ID token")
            return token
        error = answer.body.get("error")
        if error == "slow_down":
            interval += _INTERVAL
        elif error == "access_denied":
            _refuse("the sign-in was refused")
        elif error == "expired_token":
            break
        elif error != "authorization_pending" and answer.status < 500:
            _refuse(f"the provider gives no token: {_error(answer)}")
    raise _refusal("nobody entered the code in time")


@dataclass(frozen=True, slots=True)
class _Endpoints:
    device: str
    token: str


def _discover(pool: PoolManager, issuer: str) -> _Endpoints:
    """OpenID Connect Discovery 1.0, 4."""
    answer = _request(pool, "GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration", None)
    if answer.status != 200:
        _refuse(f"{issuer} is no OpenID provider: it answers with status {answer.status}")
    if answer.body.get("issuer") != issuer:
        # 4.3: otherwise one provider could speak for another.
        _refuse(f"{issuer} says that it is {answer.body.get('issuer')!r:.200}")
    device = answer.body.get("device_authorization_endpoint")
    token = answer.body.get("token_endpoint")
    if not isinstance(device, str):
        _refuse(f"{issuer} offers no device flow", "sign in with a browser, without --oidc-device")
    if not isinstance(token, str):
        _refuse(f"{issuer} names no token endpoint")
    return _Endpoints(device, token)


def _prompt(body: Mapping[str, object]) -> tuple[Prompt, str, int]:
    """What to show, the device code, and the seconds between two questions (3.2)."""
    code, user_code, url = (body.get(name) for name in ("device_code", "user_code", "verification_uri"))
    if not (isinstance(code, str) and isinstance(user_code, str) and isinstance(url, str)):
        _refuse("the provider's answer lacks a code or an address")
    complete = body.get("verification_uri_complete")
    shown = (user_code, url, complete) if isinstance(complete, str) else (user_code, url)
    if any(not text.isprintable() or len(text) > 512 for text in shown):
        _refuse("the provider's code or address cannot be shown")
    lifetime, interval = body.get("expires_in"), body.get("interval", _INTERVAL)
    if not _is_count(lifetime) or not _is_count(interval):
        _refuse("the provider does not say how long its code lives")
    prompt = Prompt(
        user_code,
        url,
        complete if isinstance(complete, str) else None,
        min(int(str(lifetime)), MAX_LIFETIME),
    )
    return prompt, code, min(max(int(str(interval)), 1), _MAX_INTERVAL)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


# -- HTTP ------------------------------------------------------------------------------------------------


def _pool() -> PoolManager:
    return PoolManager(timeout=_TIMEOUT, retries=Retry(0, redirect=False))


def _post(pool: PoolManager, url: str, form: Mapping[str, str]) -> _Answer:
    return _request(pool, "POST", url, urlencode(form).encode())


def _request(pool: PoolManager, method: str, url: str, body: bytes | None) -> _Answer:
    """One exchange. No redirect is followed, and no answer read without end."""
    require_safe(url)
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "gaitops"}
    if body is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        response = pool.request(
            method, url, body=body, headers=headers, redirect=False, preload_content=False
        )
        try:
            data = response.read(MAX_ANSWER + 1, decode_content=False)
        finally:
            response.close()
    except LocationValueError as error:
        raise _refusal(f"{_bare(url)} is not an address") from error
    except (HTTPError, OSError) as error:
        raise InternalError.of(
            "sigstore.unavailable",
            f"no answer from {_bare(url)}: {type(error).__name__}",
            remedy="check address and network, and try again",
        ) from error
    return _Answer(response.status, _json(data, response.status, url))


def _json(data: bytes, status: int, url: str) -> Mapping[str, object]:
    """The answer's object; of a failure's there need not be any."""
    try:
        value = strict_json.loads(data, _bare(url), max_bytes=MAX_ANSWER)
    except InvalidInputError:
        value = None
    if isinstance(value, dict):
        return value
    if status == 200:
        _refuse(f"{_bare(url)} does not answer with a JSON object of at most {MAX_ANSWER} bytes")
    return {}


def _bare(url: str) -> str:
    return f"{url.partition('?')[0]:.200}"


def _error(answer: _Answer) -> str:
    """The provider's own code (RFC 6749 5.2); its description is free text, and not repeated."""
    code = answer.body.get("error")
    return (
        code if isinstance(code, str) and code.isprintable() and len(code) < 64 else f"status {answer.status}"
    )


def _refuse(message: str, remedy: str = "sign in again") -> NoReturn:
    raise _refusal(message, remedy)


def _refusal(message: str, remedy: str = "sign in again") -> GaitopsError:
    return InvalidInputError.of("sigstore.login", message, remedy=remedy)
