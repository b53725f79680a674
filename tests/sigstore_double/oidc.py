# SPDX-License-Identifier: Apache-2.0
"""An OpenID provider that lets in whoever it is told to: tokens, the authorization code flow and the device flow.

Sources: OpenID Connect Core 1.0 and Discovery 1.0, RFC 6749, RFC 7636 (PKCE), RFC 8628 (device flow). GitHub's token
service for runs of workflows is here as well.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode

import jwt

from .identities import Claims, GitHubRun, Signer, Someone
from .keys import ECKey, key_id, new_key, spki
from .log import Json

AUDIENCE = "sigstore"
HOUR = timedelta(hours=1)
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class OAuthError(Exception):
    """An error that the token endpoint answers (RFC 6749 5.2, RFC 8628 3.5)."""

    def __init__(self, code: str, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


@dataclass
class Provider:
    """One provider. Everything that comes to it signs in as :attr:`signed_in`."""

    now: Callable[[], datetime]
    key: ECKey = field(default_factory=new_key)
    signed_in: Signer = field(default_factory=lambda: Someone("dana@acme.example"))
    """Who sits at the browser."""
    run: Signer = field(default_factory=GitHubRun)
    """Whose run it is that asks for a token of GitHub Actions."""
    device_answers: list[str] = field(default_factory=list)
    """Errors that polling gets, one each, before it gets a token; for example ``authorization_pending``."""
    device_lifetime: int = 600
    """Seconds that a device code lives, as the provider says."""
    device_interval: int | None = 5
    """Seconds between polls, as the provider says; left out when ``None``."""
    has_device_flow: bool = True
    audience: str = AUDIENCE
    """What Fulcio expects its tokens to be for."""
    polls: int = 0
    """How often a token was asked for with a device code."""
    request_token: str = field(default_factory=lambda: secrets.token_hex(8))
    """``ACTIONS_ID_TOKEN_REQUEST_TOKEN``."""
    _codes: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    _devices: set[str] = field(default_factory=set)

    def token(self, signer: Signer, audience: str | None = None, lifetime: timedelta = HOUR) -> str:
        """An ID token, signed with ES256."""
        at = self.now()
        claims = {
            **signer.claims,
            "aud": audience or self.audience,
            "iat": int(at.timestamp()),
            "nbf": int(at.timestamp()),
            "exp": int((at + lifetime).timestamp()),
        }
        return jwt.encode(claims, self.key, algorithm="ES256", headers={"kid": key_id(self.key).hex()})

    def claims(self, token: str) -> Claims:
        """The claims of a token of this provider that is valid now, and for Fulcio.

        Raises:
            jwt.InvalidTokenError: It is not.
        """
        claims: Mapping[str, object] = jwt.decode(
            token,
            self.key.public_key(),
            algorithms=["ES256"],
            audience=self.audience,
            # By our own clock instead, below.
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
        if not int(str(claims["nbf"])) <= self.now().timestamp() < int(str(claims["exp"])):
            raise jwt.InvalidTokenError("the token is not valid now")
        return claims

    # -- endpoints ---------------------------------------------------------------------------------------

    def configuration(self, url: str) -> Json:
        """Discovery 1.0, 3."""
        document: Json = {
            "issuer": url,
            "authorization_endpoint": f"{url}/authorize",
            "token_endpoint": f"{url}/token",
            "jwks_uri": f"{url}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "code_challenge_methods_supported": ["S256"],
        }
        if self.has_device_flow:
            document["device_authorization_endpoint"] = f"{url}/device"
        return document

    def keys(self) -> Json:
        """The public key as a JSON Web Key Set."""
        point = spki(self.key)[-64:]
        x, y = (base64.urlsafe_b64encode(half).rstrip(b"=").decode() for half in (point[:32], point[32:]))
        return {"keys": [{"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": key_id(self.key).hex()}]}

    def authorize(self, query: Mapping[str, str]) -> str:
        """Let the person at the browser in; the address to send the browser to."""
        code = secrets.token_urlsafe()
        self._codes[code] = (query["client_id"], query["redirect_uri"], query["code_challenge"])
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def device(self, form: Mapping[str, str], url: str) -> Json:
        """RFC 8628, 3.2."""
        if not form.get("client_id"):
            raise OAuthError("invalid_client", 401)
        code = secrets.token_urlsafe()
        self._devices.add(code)
        answer: Json = {
            "device_code": code,
            "user_code": "WDJB-MJHT",
            "verification_uri": f"{url}/enter",
            "verification_uri_complete": f"{url}/enter?user_code=WDJB-MJHT",
            "expires_in": self.device_lifetime,
        }
        if self.device_interval is not None:
            answer["interval"] = self.device_interval
        return answer

    def exchange(self, form: Mapping[str, str], client: str) -> Json:
        """The token endpoint.

        Raises:
            OAuthError: There is no token.
        """
        if form.get("grant_type") == DEVICE_GRANT:
            self.polls += 1
            if form.get("device_code") not in self._devices:
                raise OAuthError("invalid_grant")
            if self.device_answers:
                raise OAuthError(self.device_answers.pop(0))
            self._devices.remove(form["device_code"])
        else:
            asked = self._codes.pop(form.get("code", ""), None)
            verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
            if asked != (client, form.get("redirect_uri"), challenge):
                raise OAuthError("invalid_grant")
        token = self.token(self.signed_in, form.get("client_id") or client)
        return {"access_token": token, "id_token": token, "token_type": "Bearer", "expires_in": 3600}

    def actions(self, authorization: str, audience: str) -> Json:
        """GitHub's token service.

        Raises:
            OAuthError: The run is not the one it claims to be.
        """
        if authorization.lower() != f"bearer {self.request_token}":
            raise OAuthError("access_denied", 403)
        return {"value": self.token(self.run, audience)}
