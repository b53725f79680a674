# SPDX-License-Identifier: Apache-2.0
"""OIDC identity tokens: where they come from, and who they say somebody is.

Nothing is verified here: Fulcio verifies a token, and verified state decides who its owner is. A token is a secret
until it expires, so none is ever part of a message.

``device`` has the flow for machines without a browser.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import ModuleType
from typing import Final, NoReturn
from urllib.parse import urlsplit

from gaitops.documents import strict_json
from gaitops.errors import InvalidInputError, MissingDependencyError

CLIENT_ID: Final = "sigstore"
"""What Fulcio expects as the audience of tokens, unless an instance is configured for another one."""
MAX_TOKEN: Final = 16 * 1024
"""Bytes of a token; GitHub's have about 2,000."""
_AGAIN: Final = "sign in again"
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and what it says about its owner."""

    raw: str = field(repr=False)
    issuer: str
    """As the certificate will name it: of a provider that passes others on, the one behind it."""
    subject: str
    """As the certificate will name it: an e-mail address, or the URI of a workflow."""
    audience: str


def read_token(raw: str, *, audience: str, at: datetime) -> Token:
    """What an unverified token says (RFC 7519 3.1; OpenID Connect Core 2; sigstore/fulcio docs/oidc.md).

    Raises:
        InvalidInputError: ``sigstore.token``: it is malformed, for another audience, or has expired at ``at``.
    """
    claims = _claims(raw.strip())
    audiences = claims.get("aud")
    if audience not in (audiences if isinstance(audiences, list) else [audiences]):
        _refuse(
            f"the token is for the audience {audiences!r:.120}, expected {audience!r}",
            f"ask for a token for {audience!r}, or name the client with --oidc-client-id",
        )
    expires = claims.get("exp")
    if not isinstance(expires, int) or isinstance(expires, bool):
        _refuse("the token does not say when it expires")
    if expires <= at.timestamp():
        _refuse(f"the token expired at {_time(expires)}")
    issuer = _text(claims, "iss")
    federated = claims.get("federated_claims")
    if isinstance(federated, dict) and isinstance(federated.get("connector_id"), str):
        issuer = federated["connector_id"]
    subject = _subject(claims)
    if not (issuer.isprintable() and subject.isprintable()):
        _refuse("the token names somebody with characters that cannot be shown")
    return Token(raw.strip(), issuer, subject, audience)


def from_browser(issuer: str, client_id: str) -> str:
    """Let somebody sign in with a browser on this machine, and wait for it.

    Raises:
        InvalidInputError: ``sigstore.login``.
        MissingDependencyError: ``dependency.sigstore``.
    """
    require_safe(issuer)
    library = client()
    try:
        token: str = library.browser_token(issuer, client_id)
    except Exception as error:
        raise InvalidInputError.of(
            "sigstore.login", f"signing in at {issuer} failed: {reason_of(error)}", remedy=_AGAIN
        ) from error
    return token


def require_safe(url: str) -> None:
    """Refuse an address that a token must not be sent to or come from.

    Raises:
        InvalidInputError: ``sigstore.login``: it is no https address without credentials; plain http is for this machine.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as error:
        raise InvalidInputError.of(
            "sigstore.login", "the address of the OpenID provider is none", remedy="correct it"
        ) from error
    bare = f"{url.partition('?')[0]!r:.200}"
    if "@" in parts.netloc or not host or parts.scheme not in {"https", "http"}:
        message = f"{bare} is not an https address without credentials"
    elif parts.scheme == "http" and host not in _LOOPBACK:
        message = f"{bare} is not encrypted: a token could be read on the way"
    else:
        return
    raise InvalidInputError.of("sigstore.login", message, remedy="use https")


def ambient(audience: str) -> str | None:
    """The token that the CI system around us gives its jobs; ``None`` outside of one.

    sigstore-python knows where each of them keeps it, and reads the environment for that.

    Raises:
        InvalidInputError: ``sigstore.token``: there should be one, and it cannot be had.
        MissingDependencyError: ``dependency.sigstore``.
    """
    library = client()
    try:
        token: str | None = library.ambient_token(audience)
    except Exception as error:
        raise InvalidInputError.of(
            "sigstore.token",
            f"the CI system gives no token: {reason_of(error)}",
            remedy="give the job the permission (GitHub: `id-token: write`; GitLab: `id_tokens`)",
        ) from error
    return token


def client() -> ModuleType:
    """The module around sigstore-python, which nobody loads who does not sign with it.

    Raises:
        MissingDependencyError: ``dependency.sigstore``.
    """
    try:
        from gaitops.signing.sigstore import client as library  # noqa: PLC0415
    except ImportError as error:
        raise MissingDependencyError.of(
            "dependency.sigstore",
            f"signing without a key needs sigstore-python: {error}",
            remedy="pip install 'gaitops[sigstore]'",
        ) from error
    return library


def _claims(raw: str) -> dict[str, object]:
    """The middle part of a JSON Web Token."""
    parts = raw.split(".")
    if len(raw) > MAX_TOKEN or len(parts) != 3 or not raw.isascii():
        _refuse("this is no identity token (JSON Web Token)")
    try:
        data = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims = strict_json.loads(data, "token", max_bytes=MAX_TOKEN)
    except (binascii.Error, ValueError, InvalidInputError):
        _refuse("this is no identity token (JSON Web Token)")
    if not isinstance(claims, dict):
        _refuse("this is no identity token (JSON Web Token)")
    return claims


def _subject(claims: dict[str, object]) -> str:
    """As Fulcio derives it for pipelines and people."""
    workflow, pipeline = claims.get("job_workflow_ref"), claims.get("ci_config_ref_uri")
    if isinstance(workflow, str):
        return f"https://github.com/{workflow}"
    if isinstance(pipeline, str):
        return f"https://{pipeline}"
    return _text(claims, "email" if "email" in claims else "sub")


def _text(claims: dict[str, object], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        _refuse(f"the token has no {name!r}")
    return value


def _time(seconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (OverflowError, ValueError, OSError):
        return "a time before all times"


def reason_of(error: BaseException) -> str:
    """What sigstore-python says, in one line: addresses and claims, but no token, as its errors repeat no headers."""
    return f"{' '.join((str(error) or type(error).__name__).split()):.240}"


def _refuse(message: str, remedy: str = _AGAIN) -> NoReturn:
    raise InvalidInputError.of("sigstore.token", message, remedy=remedy)
