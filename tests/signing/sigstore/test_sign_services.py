# SPDX-License-Identifier: Apache-2.0
"""sigstore-python itself signs with the double's services, over HTTP."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from sigstore.dsse import Statement
from sigstore.models import ClientTrustConfig
from sigstore.oidc import IdentityToken
from sigstore.sign import SigningContext

from gaitops.signing.envelopes import read_envelope
from gaitops.signing.sigstore.verify import TrustedRootFile, verify_blob, verify_bundle
from tests.sigstore_double.double import SigstoreDouble
from tests.sigstore_double.identities import GitHubRun, GitLabJob, Signer, Someone

STATEMENT = json.dumps(
    {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "x", "digest": {"sha256": "0" * 64}}],
        "predicateType": "https://example.com/p/v1",
        "predicate": {},
    }
).encode()


@pytest.fixture(scope="module", params=[1, 2])
def double(request: pytest.FixtureRequest) -> Iterator[SigstoreDouble]:
    """An instance of either version of the log, at the time of this machine."""
    with SigstoreDouble(lambda: datetime.now(UTC), log_version=request.param) as started:
        yield started


@pytest.mark.parametrize(
    ("signer", "subject"),
    [
        (Someone("dana@acme.example"), "dana@acme.example"),
        (
            GitHubRun(),
            "https://github.com/acme/publisher/.github/workflows/publish.yml@refs/heads/main",
        ),
        (GitLabJob(), "https://gitlab.com/acme/publisher//.gitlab-ci.yml@refs/heads/main"),
    ],
)
def test_the_real_client_signs(double: SigstoreDouble, signer: Signer, subject: str) -> None:
    """Certificate, log entry and timestamp that the real client fetched verify, for envelopes and files."""
    config = ClientTrustConfig.from_json(double.client_trust_config.decode())
    context = SigningContext.from_trust_config(config)
    with context.signer(IdentityToken(double.token(signer))) as signing:
        envelope = signing.sign_dsse(Statement(STATEMENT)).to_json().encode()
        blob = signing.sign_artifact(b"data").to_json().encode()
    data = double.trusted_root_bytes
    root = TrustedRootFile(data, hashlib.sha256(data).hexdigest())
    verified = verify_bundle(read_envelope(envelope), root)
    assert verified.claims.subject == subject
    assert verified.source == ("rfc3161" if double.log_version == 2 else "rekor")
    assert verify_blob(blob, b"data", root).claims == verified.claims


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("nonsense", "the token is not good"),
        ("another", "Signature verification failed"),
        ("expired", "the token is not valid now"),
    ],
)
def test_fulcio_takes_good_tokens_only(double: SigstoreDouble, token: str, reason: str) -> None:
    """A token that the provider did not sign, or that is over, gets no certificate."""
    tokens = {
        "another": SigstoreDouble(lambda: datetime.now(UTC)).token(Someone("eve@evil.example")),
        "expired": double.token(Someone("dana@acme.example"), lifetime=timedelta(seconds=-1)),
    }
    request = Request(  # noqa: S310 - loopback
        f"{double.base}/api/v2/signingCert",
        data=b"{}",
        headers={"Authorization": f"Bearer {tokens.get(token, token)}"},
    )
    with pytest.raises(HTTPError) as caught:
        urlopen(request)  # noqa: S310 - loopback
    assert caught.value.code == 401
    assert reason in caught.value.read().decode()
    caught.value.close()


def test_logs_tell_their_size(double: SigstoreDouble) -> None:
    """The checkpoint is a signed note about the whole tree."""
    with urlopen(f"{double.base}/api/v2/checkpoint") as answer:  # noqa: S310 - loopback
        lines = answer.read().decode().split("\n")
    assert lines[:2] == [double.rekor.origin, str(len(double.rekor.tree))]
    assert lines[4].startswith("— rekor.sigstore-double ")
