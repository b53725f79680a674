# SPDX-License-Identifier: Apache-2.0
"""One person as an OpenID provider describes them: discovery, userinfo, and the ID token where there is one.

A provider is only asked about whoever holds the access token, so nobody else ever seems to have left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from gaitops.directory.answer import Answer, Group, User, malformed, optional_text, text_of
from gaitops.directory.http import Client
from gaitops.directory.id_token import verify_id_token
from gaitops.directory.scim_resources import address
from gaitops.errors import InvalidInputError, UnsafeOperationError, VerificationError

_JSON = "application/json"
_MAX_GROUPS = 2_000


@dataclass(frozen=True, slots=True)
class IdToken:
    """An ID token and what it must say (OpenID Connect Core 3.1.3.7)."""

    text: str
    client_id: str
    nonce: str | None
    at: int
    """Time of the judgement in Unix seconds."""


def read_person(
    issuer: str,
    token: str,
    *,
    groups_claim: str,
    userinfo_url: str | None = None,
    id_token: IdToken | None = None,
) -> Answer:
    """The holder of an access token, with their groups.

    Args:
        issuer: of the mapping; discovery must name exactly the same.
        token: access token; it goes to the issuer's host, or to ``userinfo_url``.
        groups_claim: claim that lists groups.
        userinfo_url: userinfo endpoint on another host than the issuer's, named by the mapping.
        id_token: checked as well, when given; then userinfo must be about the same person (5.3.2).

    Raises:
        InvalidInputError: ``directory.malformed``, ``directory.token``.
        UnsafeOperationError: ``directory.redirect``, ``directory.insecure``, ``directory.too_large``.
        VerificationError: ``directory.id_token``.
        InternalError: ``directory.unavailable``.
        MissingDependencyError: ``dependency.oidc``, for an ID token.
    """
    anonymous = Client(issuer, None)
    where = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    configuration = _object(anonymous.get(where, accept=_JSON).body, where)
    if configuration.get("issuer") != issuer:
        raise malformed(f"discovery names another issuer than {issuer}", where)
    subject = None
    if id_token is not None:
        keys = text_of(configuration.get("jwks_uri"), "jwks_uri", where)
        found = _object(Client(keys, None).get(keys, accept=_JSON).body, keys)
        subject = verify_id_token(
            id_token.text, found, issuer, id_token.client_id, id_token.nonce, id_token.at
        )
    named = text_of(configuration.get("userinfo_endpoint"), "userinfo_endpoint", where)
    if userinfo_url is None and urlsplit(named)[:2] != urlsplit(issuer)[:2]:
        raise UnsafeOperationError.of(
            "directory.redirect",
            f"the userinfo endpoint {named} is on another host than the issuer",
            path=where,
            remedy="write it to userinfoUrl of the mapping, if it belongs to the provider",
        )
    endpoint = userinfo_url or named
    claims = _object(Client(endpoint, token).get(endpoint, accept=_JSON).body, endpoint)
    user = _user(claims, endpoint)
    if subject is not None and subject != user.id:
        raise VerificationError.of("directory.id_token", "userinfo is about another person than the ID token")
    groups = tuple(
        Group(name, None, frozenset({user.id})) for name in _groups(claims, groups_claim, endpoint)
    )
    return Answer("oidc", {user.id: user}, groups, complete=False, all_groups=False)


def _user(claims: Mapping[str, object], where: str) -> User:
    """Standard claims (OpenID Connect Core 5.1). An address that the provider did not verify is none: people type it in."""
    subject = text_of(claims.get("sub"), "sub", where)
    try:
        verified = claims.get("email_verified") is True and claims.get("email") is not None
        return User(
            subject,
            display_name=optional_text(claims.get("name"), "name", where),
            emails=(address(claims["email"], where),) if verified else (),
        )
    except InvalidInputError as error:
        return User(subject, flaw=error.problems[0].message)


def _groups(claims: Mapping[str, object], name: str, where: str) -> tuple[str, ...]:
    """Values of the claim: a list of distinct texts. A claim that is absent, not empty, is an answer about nothing."""
    values = claims.get(name)
    if not isinstance(values, list) or len(values) > _MAX_GROUPS:
        raise malformed(f"the claim {name!r} is no list of at most {_MAX_GROUPS} groups", where)
    found = [text_of(value, f"a value of {name!r}", where) for value in values]
    if len(set(found)) != len(found):
        raise malformed(f"a value of {name!r} stands twice", where)
    return tuple(found)


def _object(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise malformed("expected a JSON object", where)
    return value
