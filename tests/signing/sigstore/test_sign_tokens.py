# SPDX-License-Identifier: Apache-2.0
"""What tokens say about their owner, and tokens that are none."""

from __future__ import annotations

import base64
import json
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaitops.errors import InvalidInputError, MissingDependencyError
from gaitops.signing.sigstore.tokens import MAX_TOKEN, Token, ambient, from_browser, read_token
from tests.sigstore_double.double import SigstoreDouble
from tests.sigstore_double.identities import GitHubRun, GitLabJob, Signer, Someone

NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)
GOOD = {
    "iss": "https://accounts.example.com",
    "sub": "1",
    "aud": "sigstore",
    "exp": int(NOW.timestamp()) + 60,
}


def encoded(claims: object) -> str:
    """A token with these claims and no signature."""
    data = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return f"e30.{base64.urlsafe_b64encode(data).rstrip(b'=').decode()}.AA"


def read(raw: str) -> Token:
    """Read it at the time of the story."""
    return read_token(raw, audience="sigstore", at=NOW)


@pytest.mark.parametrize(
    ("signer", "issuer", "subject"),
    [
        (Someone("dana@acme.example"), "https://accounts.example.com", "dana@acme.example"),
        (
            Someone("dana@acme.example", "https://github.com/login/oauth", via="https://oauth2.example/auth"),
            "https://github.com/login/oauth",
            "dana@acme.example",
        ),
        (
            GitHubRun(),
            "https://token.actions.githubusercontent.com",
            "https://github.com/acme/publisher/.github/workflows/publish.yml@refs/heads/main",
        ),
        (
            GitLabJob(),
            "https://gitlab.com",
            "https://gitlab.com/acme/publisher//.gitlab-ci.yml@refs/heads/main",
        ),
    ],
)
def test_tokens_say_what_certificates_will(signer: Signer, issuer: str, subject: str) -> None:
    """Issuer and subject are those that the certificate authority writes down."""
    token = read(SigstoreDouble(lambda: NOW).token(signer) + "\n")
    assert (token.issuer, token.subject, token.audience) == (issuer, subject, "sigstore")
    assert token.raw not in repr(token)
    assert not token.raw.endswith("\n")


def test_without_an_address_it_is_the_subject() -> None:
    """A provider that tells no address is shown with what it tells."""
    assert read(encoded(GOOD)).subject == "1"
    assert read(encoded({**GOOD, "aud": ["other", "sigstore"]})).issuer == GOOD["iss"]


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({**GOOD, "aud": "other"}, "is for the audience 'other', expected 'sigstore'"),
        ({**GOOD, "aud": None}, "is for the audience None"),
        ({**GOOD, "exp": int(NOW.timestamp())}, "expired at 2026-11-01T09:00:00Z"),
        ({**GOOD, "exp": -(2**52)}, "expired at a time before all times"),
        ({**GOOD, "exp": "later"}, "when it expires"),
        ({**GOOD, "exp": True}, "when it expires"),
        ({**GOOD, "iss": ""}, "no 'iss'"),
        ({**GOOD, "sub": 7}, "no 'sub'"),
        ({**GOOD, "email": None}, "no 'email'"),
        ({**GOOD, "email": "bob@example.com\n  who signed in at https://x"}, "cannot be shown"),
        ({**GOOD, "iss": "https://x.example\x1b[2J"}, "cannot be shown"),
        ([], "no identity token"),
        (b"{", "no identity token"),
        (b'{"iss":"a","iss":"b"}', "no identity token"),
        (b"\xff", "no identity token"),
    ],
)
def test_tokens_that_cannot_be_used(claims: object, reason: str) -> None:
    """What is wrong is said, and the token is not."""
    with pytest.raises(InvalidInputError, match=reason) as caught:
        read(encoded(claims))
    assert caught.value.code == "sigstore.token"
    assert encoded(claims) not in str(caught.value)


@pytest.mark.parametrize("raw", ["", "a.b", "a.b.c.d", "a.é.c", "e30.!.AA", "x" * (MAX_TOKEN + 1)])
def test_texts_that_are_no_tokens(raw: str) -> None:
    """Three parts, in ASCII, of a bounded size."""
    with pytest.raises(InvalidInputError, match="no identity token"):
        read(raw)


@given(st.text(max_size=60))
def test_any_text_is_refused_in_one_way(raw: str) -> None:
    """Whatever lies in a token file, there is one kind of error."""
    with pytest.raises(InvalidInputError):
        read(raw)


def test_signing_in_fails_in_one_way() -> None:
    """A provider that is not there is a sign-in that failed."""
    with pytest.raises(InvalidInputError, match=r"signing in at http://127\.0\.0\.1:1 failed") as caught:
        from_browser("http://127.0.0.1:1", "sigstore")
    assert caught.value.code == "sigstore.login"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://sso.example", "is not encrypted"),
        ("https://user:secret@sso.example", "not an https address"),
        ("file:///etc/passwd", "not an https address"),
        ("https://", "not an https address"),
        ("http://[::1", "is none"),
    ],
)
def test_providers_are_reached_safely_or_not_at_all(url: str, reason: str) -> None:
    """A token travels encrypted, except on this machine."""
    with pytest.raises(InvalidInputError, match=reason) as caught:
        from_browser(url, "sigstore")
    assert caught.value.code == "sigstore.login"


def test_the_library_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without sigstore-python one is told what to install."""
    monkeypatch.delitem(sys.modules, "gaitops.signing.sigstore.client", raising=False)
    monkeypatch.setattr("gaitops.signing.sigstore.client", None, raising=False)
    monkeypatch.delattr("gaitops.signing.sigstore.client")
    monkeypatch.setitem(sys.modules, "sigstore.dsse", None)
    with pytest.raises(MissingDependencyError, match=r"needs sigstore-python") as caught:
        ambient("sigstore")
    assert caught.value.problems[0].remedy == "pip install 'gaitops[sigstore]'"


def test_expiry_is_an_instant() -> None:
    """A second before, the token is good."""
    assert read_token(encoded(GOOD), audience="sigstore", at=NOW + timedelta(seconds=59)).subject == "1"
