# SPDX-License-Identifier: Apache-2.0
"""An OpenID provider speaks for one person, and only as far as it verified what they say."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gaitops.directory.answer import Answer
from gaitops.directory.id_token import verify_id_token
from gaitops.directory.oidc import IdToken, read_person
from gaitops.errors import GaitopsError, VerificationError
from tests.key_services import Answer as Sent
from tests.key_services import Request, loopback
from tests.oidc_provider import CLIENT, OpenIdProvider, Tokens, available, openid_provider

ACCOUNTS: dict[str, dict[str, Any]] = {
    "248289": {
        "email": "dana@example.com",
        "email_verified": True,
        "preferred_username": "dana",
        "name": "Dana",
        "groups": ["g-pay", "g-other"],
    },
    "typed-in": {
        "email": "dana@example.com",
        "email_verified": False,
        "preferred_username": "eve",
        "groups": [],
    },
    "no-groups": {"email": "erin@example.com", "email_verified": True},
    "text-groups": {"groups": "g-pay"},
    "number-groups": {"groups": ["g-pay", 7]},
    "nested-groups": {"groups": [["g-pay"]]},
    "joined-groups": {"groups": ["g-sec,g-pay", "g-pay g-sec", "G-PAY", "g-p\u0430y"]},
    "hidden-groups": {"groups": ["g-pay\u200b"]},
    "newline-groups": {"groups": ["x\ng-pay"]},
    "twice-groups": {"groups": ["g-pay", "g-pay"]},
    "empty-groups": {"groups": [""]},
}


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIdProvider]:
    """npm's oidc-provider with a few accounts."""
    if not available():
        pytest.skip("needs Node.js and `npm ci --prefix tools`")
    with openid_provider(ACCOUNTS) as running:
        yield running


@pytest.fixture(scope="module")
def signed_in(provider: OpenIdProvider) -> Tokens:
    """Dana's tokens."""
    return provider.sign_in("248289")


def read(provider: OpenIdProvider, tokens: Tokens, **more: Any) -> Answer:
    """What the provider says of whoever holds the tokens."""
    return read_person(provider.issuer, tokens.access_token, groups_claim="groups", **more)


def id_token(tokens: Tokens) -> IdToken:
    """The ID token and what it must say."""
    return IdToken(tokens.id_token, CLIENT, tokens.nonce, int(time.time()))


def test_somebody_who_signed_in_is_described(provider: OpenIdProvider, signed_in: Tokens) -> None:
    """Subject, verified address and groups; a user name that people choose for themselves is left out."""
    answer = read(provider, signed_in, id_token=id_token(signed_in))
    user = answer.users["248289"]
    assert (user.user_name, user.display_name, user.emails) == (None, "Dana", ("dana@example.com",))
    assert {group.id: group.members for group in answer.groups} == {
        "g-pay": frozenset({"248289"}),
        "g-other": frozenset({"248289"}),
    }
    assert (answer.gone, answer.complete, answer.all_groups) == (frozenset(), False, False)


def test_an_address_that_was_only_typed_in_is_none(provider: OpenIdProvider) -> None:
    """Everybody can call themselves dana@example.com; the provider says that it did not check."""
    assert read(provider, provider.sign_in("typed-in")).users["typed-in"].emails == ()


@pytest.mark.parametrize(
    "account",
    [name for name in ACCOUNTS if name.endswith("-groups") and name != "joined-groups"],
)
def test_a_claim_that_is_no_list_of_groups_is_refused(provider: OpenIdProvider, account: str) -> None:
    """Nor is one that is absent: it may be another claim's name, and nobody must lose groups by it."""
    with pytest.raises(GaitopsError) as caught:
        read(provider, provider.sign_in(account))
    assert caught.value.code == "directory.malformed"


def test_group_values_are_not_taken_apart(provider: OpenIdProvider) -> None:
    """Separators, case and look-alikes make other groups, none of which is in a mapping."""
    groups = read(provider, provider.sign_in("joined-groups")).groups
    assert "g-pay" not in {group.id for group in groups}


def test_the_id_token_must_be_about_the_same_person(provider: OpenIdProvider, signed_in: Tokens) -> None:
    """An access token of somebody else is not this sign-in."""
    other = provider.sign_in("typed-in")
    with pytest.raises(VerificationError) as caught:
        read(provider, replace(other, id_token=signed_in.id_token), id_token=id_token(signed_in))
    assert caught.value.code == "directory.id_token"


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "somebody-else"},
        {"nonce": "another"},
        {"at": int(time.time()) + 86_400},
        {"at": int(time.time()) - 86_400},
        {"text": "no.token.atall"},
    ],
)
def test_an_id_token_is_for_one_client_one_request_and_one_time(
    provider: OpenIdProvider, signed_in: Tokens, wrong: dict[str, Any]
) -> None:
    """Audience, nonce and times are what the caller says."""
    with pytest.raises(VerificationError) as caught:
        read(provider, signed_in, id_token=replace(id_token(signed_in), **wrong))
    assert caught.value.code == "directory.id_token"


def test_a_wrong_access_token_is_refused(provider: OpenIdProvider) -> None:
    """The provider says 401, and the message does not hold the token."""
    with pytest.raises(GaitopsError) as caught:
        read_person(provider.issuer, "not-a-token", groups_claim="groups")
    assert caught.value.code == "directory.token"
    assert "not-a-token" not in str(caught.value)


# -- a provider that lies -----------------------------------------------------------------------------------------


def nothing(_request: Request) -> Sent:
    """Until the address of the server is known."""
    return 404, {}


def lying(change: Callable[[dict[str, Any], str], None]) -> Callable[[str], Callable[[Request], Sent]]:
    """Answers of a provider whose discovery document ``change`` spoils."""

    def answers(url: str) -> Callable[[Request], Sent]:
        def answer(request: Request) -> Sent:
            if request.path.startswith("/.well-known/"):
                document = {"issuer": url, "userinfo_endpoint": f"{url}/me", "jwks_uri": f"{url}/jwks"}
                change(document, url)
                return 200, document
            return 200, {"sub": "248289", "groups": []}

        return answer

    return answers


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda document, url: document.update(issuer="https://accounts.example.com"), "directory.malformed"),
        (lambda document, url: document.update(issuer=url + "/"), "directory.malformed"),
        (lambda document, url: document.pop("userinfo_endpoint"), "directory.malformed"),
        (
            lambda document, url: document.update(userinfo_endpoint=url.replace("127.0.0.1", "localhost")),
            "directory.redirect",
        ),
        (
            lambda document, url: document.update(userinfo_endpoint="https://evil.example.com/me"),
            "directory.redirect",
        ),
    ],
)
def test_discovery_cannot_send_the_token_elsewhere(
    change: Callable[[dict[str, Any], str], None], code: str
) -> None:
    """The token goes to the issuer's host, or where the mapping says."""
    with loopback(nothing) as server:
        server.answer = lying(change)(server.url)
        with pytest.raises(GaitopsError) as caught:
            read_person(server.url, "token", groups_claim="groups")
        assert caught.value.code == code
        assert [request.path for request in server.requests] == ["/.well-known/openid-configuration"]
        assert "Authorization" not in server.requests[0].headers


def test_the_mapping_can_name_another_host_for_userinfo() -> None:
    """Then the token goes there and nowhere else."""
    with (
        loopback(lambda _request: (200, {"sub": "248289", "groups": ["g-pay"]})) as other,
        loopback(nothing) as server,
    ):
        server.answer = lying(lambda document, _url: document.update(userinfo_endpoint=f"{other.url}/me"))(
            server.url
        )
        found = read_person(server.url, "token", groups_claim="groups", userinfo_url=f"{other.url}/me")
        assert list(found.users) == ["248289"]
        assert all("Authorization" not in request.headers for request in server.requests)
        assert other.requests[0].headers["Authorization"] == "Bearer token"


# -- ID tokens that lie -------------------------------------------------------------------------------------------

KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
AT = 1_795_000_000
CLAIMS: dict[str, Any] = {
    "iss": "https://a.example",
    "sub": "1",
    "aud": "us",
    "exp": AT + 60,
    "iat": AT,
    "nonce": "n",
}


def key_set(*keys: ec.EllipticCurvePrivateKey, **more: str) -> Mapping[str, object]:
    """A key set with public halves."""
    algorithm = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256)
    return {
        "keys": [{**json.loads(algorithm.to_jwk(key.public_key())), "kid": "one", **more} for key in keys]
    }


def judged(claims: Mapping[str, object], keys: Mapping[str, object] | None = None, **header: str) -> str:
    """The subject of a token with these claims."""
    token = jwt.encode(dict(claims), KEY, algorithm="ES256", headers={"kid": "one", **header})
    return verify_id_token(token, keys or key_set(KEY), "https://a.example", "us", "n", AT)


def test_an_honest_token_is_believed() -> None:
    """The baseline of what follows."""
    assert judged(CLAIMS) == "1"
    assert judged({**CLAIMS, "aud": ["us", "them"], "azp": "us"}) == "1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://b.example"},
        {"aud": "them"},
        {"aud": ["us", "them"]},
        {"azp": "them"},
        {"exp": AT - 61},
        {"exp": "soon"},
        {"iat": AT + 61},
        {"nonce": "other"},
        {"sub": None},
    ],
)
def test_a_token_with_a_wrong_claim_is_refused(wrong: dict[str, Any]) -> None:
    """Each claim of OpenID Connect Core 3.1.3.7 is looked at."""
    claims = {name: value for name, value in {**CLAIMS, **wrong}.items() if value is not None}
    with pytest.raises(VerificationError) as caught:
        judged(claims)
    assert caught.value.code == "directory.id_token"


@pytest.mark.parametrize(
    "keys",
    [
        key_set(OTHER_KEY),
        key_set(KEY, OTHER_KEY),
        key_set(KEY, use="enc"),
        key_set(KEY, alg="ES384"),
        {"keys": []},
    ],
)
def test_the_key_must_be_the_one_that_is_named(keys: Mapping[str, object]) -> None:
    """Another key, two of one name, one for something else, none."""
    with pytest.raises(VerificationError):
        judged(CLAIMS, keys)


def test_a_token_without_a_real_signature_is_refused() -> None:
    """Neither ``none`` nor a shared secret, which the public key could be mistaken for."""
    for token in (
        jwt.encode(CLAIMS, "", algorithm="none"),
        jwt.encode(CLAIMS, "x" * 32, algorithm="HS256", headers={"kid": "one"}),
    ):
        with pytest.raises(VerificationError, match="is signed with"):
            verify_id_token(token, key_set(KEY), "https://a.example", "us", "n", AT)
