# SPDX-License-Identifier: Apache-2.0
"""What a Fulcio certificate claims: every extension, and certificates that claim two things or none."""

from __future__ import annotations

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from gaitops.errors import GaitopsError, InvalidInputError
from gaitops.signing.sigstore.claims import Claims, read_claims
from tests.signing.sigstore.certificates import ARC, EMAIL, certificate, utf8

ISSUER = "https://accounts.example.com"
WORKLOAD = {
    8: "https://token.actions.githubusercontent.com",
    9: "https://github.com/acme/lib/.github/workflows/sign.yml@refs/tags/v1",
    10: "a" * 40,
    11: "github-hosted",
    12: "https://github.com/acme/publisher",
    13: "b" * 40,
    14: "refs/heads/main",
    15: "1296269",
    16: "https://github.com/acme",
    17: "9919",
    18: "https://github.com/acme/publisher/.github/workflows/publish.yml@refs/heads/main",
    19: "c" * 40,
    20: "push",
    21: "https://github.com/acme/publisher/actions/runs/1/attempts/1",
    22: "private",
}


def refused(data: bytes) -> str:
    """The message with which a certificate is refused."""
    with pytest.raises(InvalidInputError) as caught:
        read_claims(data)
    assert caught.value.code == "sigstore.certificate"
    return caught.value.problems[0].message


def test_a_person_is_an_issuer_and_an_address() -> None:
    """Without extensions of pipelines a certificate names a person."""
    claims = read_claims(certificate({8: utf8(ISSUER)}))
    assert claims == Claims(ISSUER, "dana@acme.example")
    assert (claims.is_workload, claims.handle) == (False, ("person", ISSUER, "dana@acme.example"))


def test_every_extension_of_a_pipeline_is_read() -> None:
    """Each number becomes the member that Fulcio documents for it."""
    uri = x509.UniformResourceIdentifier(WORKLOAD[9])
    claims = read_claims(certificate({number: utf8(text) for number, text in WORKLOAD.items()}, [uri]))
    assert claims == Claims(
        issuer=WORKLOAD[8],
        subject=WORKLOAD[9],
        build_signer_uri=WORKLOAD[9],
        build_signer_digest=WORKLOAD[10],
        runner_environment=WORKLOAD[11],
        source_repository_uri=WORKLOAD[12],
        source_repository_digest=WORKLOAD[13],
        source_repository_ref=WORKLOAD[14],
        source_repository_id=WORKLOAD[15],
        source_repository_owner_uri=WORKLOAD[16],
        source_repository_owner_id=WORKLOAD[17],
        build_config_uri=WORKLOAD[18],
        build_config_digest=WORKLOAD[19],
        build_trigger=WORKLOAD[20],
        run_invocation_uri=WORKLOAD[21],
        source_repository_visibility=WORKLOAD[22],
    )
    assert (claims.is_workload, claims.handle) == (True, ("workload", WORKLOAD[8], "1296269"))


def test_the_old_issuer_counts_where_there_is_no_new_one() -> None:
    """Certificates from before the second issuer extension name it as bare text."""
    assert read_claims(certificate({1: ISSUER.encode()})).issuer == ISSUER


def test_old_and_new_issuer_agree_or_the_certificate_names_two() -> None:
    """Two issuers in one certificate are read by nobody alike, so neither counts."""
    assert read_claims(certificate({1: ISSUER.encode(), 8: utf8(ISSUER)})).issuer == ISSUER
    message = refused(certificate({1: b"https://evil.example", 8: utf8(ISSUER)}))
    assert "two issuers, 'https://evil.example' and 'https://accounts.example.com'" in message


@pytest.mark.parametrize("extensions", [{}, {8: utf8("")}, {9: utf8("x")}])
def test_without_an_issuer_it_is_nobodys(extensions: dict[int, bytes]) -> None:
    """A certificate that Fulcio did not issue for a token claims nothing."""
    assert "names no OIDC issuer" in refused(certificate(extensions))


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (None, "no subject alternative name"),
        ([], "0 subject alternative names"),
        ([EMAIL, x509.RFC822Name("eve@acme.example")], "2 subject alternative names"),
        ([EMAIL, x509.UniformResourceIdentifier("https://acme.example")], "2 subject alternative names"),
        ([x509.DNSName("acme.example")], "neither an e-mail address nor a URI"),
        ([x509.OtherName(x509.ObjectIdentifier(f"{ARC}.7"), utf8("dana"))], "names a user of its issuer"),
        (
            [x509.OtherName(x509.ObjectIdentifier("1.2.3"), utf8("dana"))],
            "neither an e-mail address nor a URI",
        ),
    ],
)
def test_exactly_one_address_or_uri(names: list[x509.GeneralName] | None, reason: str) -> None:
    """Two names could be read as either, and other kinds of names are not compared."""
    assert reason in refused(certificate({8: utf8(ISSUER)}, names))


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\x0c",
        b"https://accounts.example.com",
        b"\x16\x01a",  # IA5String
        b"\x0c\x02a",  # too short
        b"\x0c\x01ab",  # bytes behind it
        b"\x0c\x80a\x00\x00",  # indefinite length
        b"\x0c\x81\x01a",  # a length in more octets than needed
        b"\x0c\x82\x00\x81" + b"a" * 129,
        b"\x0c\x82\x01",  # a length that is cut off
        b"\x0c\x01\xff",  # not UTF-8
    ],
)
def test_extensions_are_der_and_utf8(value: bytes) -> None:
    """Another encoding of a claim could be read as another claim, so there is only one."""
    assert f"{ARC}.8" in refused(certificate({8: value}))


def test_long_claims_have_long_lengths() -> None:
    """Claims of 128 bytes and more are read as well."""
    text = "https://accounts.example.com/" + "a" * 300
    assert read_claims(certificate({8: utf8(text)})).issuer == text


def test_extensions_that_are_no_claims_are_passed_over() -> None:
    """New extensions of Fulcio's do not make a certificate unreadable."""
    assert read_claims(certificate({8: utf8(ISSUER), 23: utf8("prod"), 99: b"\x0c\x01x"})).issuer == ISSUER


def test_twins_are_kept_apart() -> None:
    """Nothing is folded: a Cyrillic letter in a name stays one."""
    twin = "https://аccounts.example.com"
    assert read_claims(certificate({8: utf8(twin)})).issuer == twin
    assert twin != ISSUER


def test_other_bytes_are_no_certificate() -> None:
    """What cannot be parsed, or is far too long to be one, is refused."""
    assert "not a readable X.509 certificate" in refused(b"certificate")
    assert "at most 16384 are read" in refused(b"0" * 16385)


@given(data=st.data())
def test_a_changed_byte_gives_claims_or_a_refusal(data: st.DataObject) -> None:
    """Whatever a certificate holds, reading it ends in one of two ways."""
    original = certificate({number: utf8(text) for number, text in WORKLOAD.items()})
    position = data.draw(st.integers(0, len(original) - 1))
    changed = bytearray(original)
    changed[position] = data.draw(st.integers(0, 255))
    try:
        outcome = "read" if read_claims(bytes(changed)).issuer else "no issuer"
    except GaitopsError as error:
        outcome = error.code
    assert outcome in {"read", "sigstore.certificate"}
