# SPDX-License-Identifier: Apache-2.0
"""ID tokens (OpenID Connect Core 3.1.3.7), verified with the keys of their provider."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import ModuleType
from typing import Final

from gaitops.directory.answer import malformed, text_of
from gaitops.errors import MissingDependencyError, VerificationError

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
"""Signatures with public keys only: never ``none``, never one with a shared secret."""
_SKEW_SECONDS = 60


def verify_id_token(
    token: str, keys: Mapping[str, object], issuer: str, client_id: str, nonce: str | None, at: int
) -> str:
    """The ``sub`` of an ID token that is what it says.

    Args:
        token: compact JWS.
        keys: JSON Web Key Set (RFC 7517) of the provider.
        issuer: who must have issued it.
        client_id: whom it must be for; with several audiences, ``azp`` as well.
        nonce: what was sent with the request, where the caller sent one.
        at: Unix seconds.

    Raises:
        VerificationError: ``directory.id_token``; the message never holds the token.
        InvalidInputError: ``directory.malformed``: there is no key set.
        MissingDependencyError: ``dependency.oidc``.
    """
    jwt = _library()
    claims = _claims(jwt, token, _key(jwt, token, keys), issuer, client_id)
    subject = text_of(claims.get("sub"), "sub", "ID token")
    expires, issued = claims.get("exp"), claims.get("iat")
    if not isinstance(expires, int | float) or at >= expires + _SKEW_SECONDS:
        raise _refused("the ID token has expired")
    if not isinstance(issued, int | float) or issued > at + _SKEW_SECONDS:
        raise _refused("the ID token was issued in the future")
    audience = claims.get("aud")
    authorized = claims.get("azp")
    if (isinstance(audience, list) and len(audience) > 1 and authorized is None) or authorized not in (
        None,
        client_id,
    ):
        raise _refused(f"the ID token was issued to another client than {client_id}")
    if nonce is not None and claims.get("nonce") != nonce:
        raise _refused("the ID token has another nonce than the request")
    return subject


def _library() -> ModuleType:
    try:
        import jwt  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingDependencyError.of(
            "dependency.oidc",
            "ID tokens need PyJWT, which is not installed",
            remedy="pip install 'gaitops[oidc]'",
        ) from error
    return jwt


def _key(jwt: ModuleType, token: str, keys: Mapping[str, object]) -> object:
    """The one key that the header names; where it names none, the only one for its algorithm."""
    listed = keys.get("keys")
    if not isinstance(listed, list):
        raise malformed("expected a key set", "jwks_uri")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.exceptions.InvalidTokenError as error:
        raise _refused("what was given is no ID token") from error
    if header.get("alg") not in ALGORITHMS:
        raise _refused(
            f"the ID token is signed with {header.get('alg')!r}, expected one of {', '.join(ALGORITHMS)}"
        )
    fitting = [
        item
        for item in listed
        if isinstance(item, dict)
        and (header.get("kid") is None or item.get("kid") == header["kid"])
        and item.get("use", "sig") == "sig"
        and item.get("alg", header["alg"]) == header["alg"]
    ]
    if len(fitting) != 1:
        raise _refused(f"{len(fitting)} keys of the provider fit the ID token, expected one")
    try:
        return jwt.PyJWK(fitting[0], algorithm=header["alg"]).key
    except (jwt.exceptions.PyJWTError, ValueError, TypeError, json.JSONDecodeError) as error:
        raise _refused("the key of the ID token cannot be used") from error


def _claims(jwt: ModuleType, token: str, key: object, issuer: str, client_id: str) -> Mapping[str, object]:
    # Times are compared with the caller's clock, not with that of the library.
    options = {
        "verify_exp": False,
        "verify_iat": False,
        "verify_nbf": False,
        "require": ["iss", "sub", "aud", "exp", "iat"],
    }
    try:
        claims: Mapping[str, object] = jwt.decode(
            token, key=key, algorithms=list(ALGORITHMS), issuer=issuer, audience=client_id, options=options
        )
    except (jwt.exceptions.PyJWTError, ValueError, TypeError) as error:
        raise _refused(f"the ID token does not verify: {error}") from error
    return claims


def _refused(message: str) -> VerificationError:
    return VerificationError.of("directory.id_token", message, remedy="sign in again")
