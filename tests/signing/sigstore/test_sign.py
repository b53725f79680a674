# SPDX-License-Identifier: Apache-2.0
"""Signing statements with the real client: exactly our bytes, by exactly the expected identity, or nothing."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NoReturn

import pytest

from gaitops.errors import GaitopsError
from gaitops.signing.canonical import canonical_json
from gaitops.signing.envelopes import read_envelope
from gaitops.signing.sigstore import client
from gaitops.signing.sigstore.claims import Claims
from gaitops.signing.sigstore.expected import Person, Workload, WorkloadName
from gaitops.signing.sigstore.sign import OVERHEAD, Instance, open_instance, open_session
from gaitops.signing.sigstore.tokens import Token, read_token
from gaitops.signing.sigstore.verify import TrustedRootFile, VerifiedBundle, verify_bundle
from gaitops.signing.statement import PAYLOAD_TYPE, Statement, Subject
from tests.sigstore_double.double import NO_FAULTS, Faults, SigstoreDouble
from tests.sigstore_double.identities import GitHubRun, Signer, Someone

PAYLOAD = Statement(
    (Subject("päyload", {"sha256": "ab" * 32}),),
    "https://gaitops.dev/test/v1",
    {"zeta": [1, {"unknown": None}], "alpha": "é\u2028"},
).to_bytes()
DANA = Someone("dana@acme.example")
EXPECTED = Person("https://accounts.example.com", "dana@acme.example")


@pytest.fixture(scope="module", params=[2, 1])
def services(request: pytest.FixtureRequest) -> Iterator[SigstoreDouble]:
    """An instance that listens, of either version of the log."""
    with SigstoreDouble(lambda: datetime.now(UTC), log_version=request.param) as double:
        yield double


@pytest.fixture
def double(services: SigstoreDouble) -> Iterator[SigstoreDouble]:
    """The same, as good as new after each test."""
    yield services
    services.faults = NO_FAULTS


def pinned(double: SigstoreDouble) -> TrustedRootFile:
    """The trusted root that a fleet pins."""
    data = double.trusted_root_bytes
    return TrustedRootFile(data, hashlib.sha256(data).hexdigest())


def token(double: SigstoreDouble, signer: Signer = DANA) -> Token:
    """A token of somebody who signed in."""
    return read_token(double.token(signer), audience="sigstore", at=datetime.now(UTC))


def sign_statement(
    payload: bytes,
    token: Token,
    instance: Instance,
    trusted_root: TrustedRootFile,
    choose: Callable[[Claims], Person | Workload],
) -> tuple[bytes, VerifiedBundle]:
    """What callers do, in the order in which they do it."""
    instance.require_pinned(trusted_root)
    session = open_session(instance, token)
    return session.sign(payload, trusted_root, choose(session.claims))


def whoever(_: Claims) -> Person:
    """Do not ask whose certificate it is."""
    return EXPECTED


def test_exactly_our_bytes_are_signed(double: SigstoreDouble) -> None:
    """Canonical JSON with members that sigstore-python does not know is signed as it is, and written canonically."""
    seen: list[Claims] = []

    def choose(claims: Claims) -> Person:
        seen.append(claims)
        return EXPECTED

    instance = open_instance(double.client_trust_config)
    assert instance.provider == double.issuer_url
    data, verified = sign_statement(PAYLOAD, token(double), instance, pinned(double), choose)
    envelope = read_envelope(data)
    assert (envelope.payload, envelope.payload_type) == (PAYLOAD, PAYLOAD_TYPE)
    assert seen == [verified.claims]
    assert verified == verify_bundle(envelope, pinned(double))
    assert verified.source == ("rfc3161" if double.log_version == 2 else "rekor")
    assert data == canonical_json(json.loads(data)) + b"\n"


def test_pipelines_sign_within_the_room_that_is_kept(double: SigstoreDouble) -> None:
    """The largest certificates and entries fit into what is kept free of a statement's size."""
    long = "x" * 60
    run = GitHubRun(repository=f"{long}/{long}", workflow_path=f".github/workflows/{long}.yml")
    url = f"https://github.com/{long}/{long}"
    expected = Workload(
        run.issuer,
        run.repository_id,
        run.repository_owner_id,
        (WorkloadName(url, f"{url}/{run.workflow_path}"),),
        ("refs/heads/main",),
        ("push",),
        ("github-hosted",),
    )
    instance = open_instance(double.client_trust_config)
    data, _ = sign_statement(PAYLOAD, token(double, run), instance, pinned(double), lambda _: expected)
    assert len(data) - len(PAYLOAD) * 4 // 3 < OVERHEAD


def test_one_certificate_signs_several_statements(double: SigstoreDouble) -> None:
    """Partitions of one change are signed in one session."""
    session = open_session(open_instance(double.client_trust_config), token(double))
    first, second = (session.sign(PAYLOAD, pinned(double), EXPECTED)[1] for _ in range(2))
    assert first.claims == second.claims == session.claims
    assert second.log.index == first.log.index + 1


def test_whose_certificate_it_is_is_known_before_anything_is_signed(double: SigstoreDouble) -> None:
    """Who is not expected reaches neither the log nor the caller."""
    size = len(double.rekor.tree)

    def choose(claims: Claims) -> NoReturn:
        raise LookupError(claims.subject)

    with pytest.raises(LookupError, match=r"dana@acme\.example"):
        sign_statement(
            PAYLOAD, token(double), open_instance(double.client_trust_config), pinned(double), choose
        )
    assert len(double.rekor.tree) == size


def test_the_identity_holds_at_the_verified_time(double: SigstoreDouble) -> None:
    """A certificate of somebody else is not returned, whatever the caller chose."""
    instance = open_instance(double.client_trust_config)
    with pytest.raises(GaitopsError, match=r"eve@evil\.example") as caught:
        sign_statement(PAYLOAD, token(double, Someone("eve@evil.example")), instance, pinned(double), whoever)
    assert caught.value.code == "sigstore.identity"


def test_another_instance_is_refused(double: SigstoreDouble) -> None:
    """Only the instance that the fleet pins is asked for anything."""
    other = SigstoreDouble(lambda: datetime.now(UTC))
    with pytest.raises(GaitopsError) as caught:
        sign_statement(
            PAYLOAD, token(double), open_instance(double.client_trust_config), pinned(other), whoever
        )
    assert caught.value.code == "sigstore.instance"


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        (Faults(checkpoint_by_stranger=True), "sigstore.untrusted"),
        (Faults(timestamp_at=datetime(2025, 6, 1, tzinfo=UTC)), "sigstore.untrusted"),
        (Faults(entries_refused=True), "sigstore.unavailable"),
        (Faults(no_promise=True), "sigstore.unavailable"),
        (Faults(certificate_at=datetime(2025, 6, 1, tzinfo=UTC)), "sigstore.token"),
    ],
)
def test_services_that_err(double: SigstoreDouble, faults: Faults, code: str) -> None:
    """What a service gets wrong ends in an error of ours, never in a bundle or a traceback."""
    double.faults = faults
    with pytest.raises(GaitopsError) as caught:
        sign_statement(
            PAYLOAD, token(double), open_instance(double.client_trust_config), pinned(double), whoever
        )
    assert caught.value.code == code


def test_a_statement_about_a_commit(double: SigstoreDouble) -> None:
    """Digests that in-toto knows and sigstore-python does not are signed as they are."""
    session = open_session(open_instance(double.client_trust_config), token(double))
    payload = Statement((Subject("fleet", {"gitCommit": "ab" * 20}),), "https://example.com/x", {}).to_bytes()
    data, _ = session.sign(payload, pinned(double), EXPECTED)
    assert read_envelope(data).payload == payload


def test_a_statement_is_needed(double: SigstoreDouble) -> None:
    """What is no in-toto statement is refused by the client, and nothing is logged."""
    size = len(double.rekor.tree)
    session = open_session(open_instance(double.client_trust_config), token(double))
    with pytest.raises(GaitopsError):
        session.sign(b"{}", pinned(double), EXPECTED)
    assert len(double.rekor.tree) == size


def test_no_service_is_waited_for_without_end(
    double: SigstoreDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that accepts a connection and stays silent is given up, certificate authority and log alike."""
    monkeypatch.setattr(client, "_SECONDS", (0.2, 0.05))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        nowhere = f"http://127.0.0.1:{silent.getsockname()[1]}"
        for service in ("caUrls", "rekorTlogUrls"):
            data = double.client_trust_config.decode()
            before, _, rest = data.partition(f'"{service}"')
            config = f'{before}"{service}"{rest.replace(double.base, nowhere, 1)}'.encode()
            with pytest.raises(GaitopsError, match="timed out") as caught:
                sign_statement(PAYLOAD, token(double), open_instance(config), pinned(double), whoever)
            assert caught.value.code == "sigstore.unavailable"


def test_instances_without_a_provider(double: SigstoreDouble) -> None:
    """Somebody who brings a token needs none."""
    config = json.loads(double.client_trust_config)
    config["signingConfig"]["oidcUrls"] = []
    instance = open_instance(json.dumps(config).encode())
    assert instance.provider == ""
    assert (
        sign_statement(PAYLOAD, token(double), instance, pinned(double), whoever)[1].claims.subject
        == DANA.email
    )
