# SPDX-License-Identifier: Apache-2.0
"""The trusted root is read strictly: it decides who can prove anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gaitops.errors import InvalidInputError
from gaitops.signing.sigstore.trusted_root import read_trusted_root
from tests.signing.sigstore.certificates import certificate
from tests.signing.sigstore.trusted_roots import START, authority, log, root


def refused(data: bytes) -> tuple[str | None, str]:
    """Field and message with which a trusted root is refused."""
    with pytest.raises(InvalidInputError) as caught:
        read_trusted_root(data, "trust/sigstore/trusted_root.json")
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == ("sigstore.trust_root", "trust/sigstore/trusted_root.json")
    assert problem.remedy
    return problem.field, problem.message


def test_everything_is_read() -> None:
    """Logs with ids and windows, authorities with certificates."""
    roots = read_trusted_root(root())
    assert [item.log_id for item in roots.logs] == [b"one", b"two"]
    assert [item.log_id for item in roots.certificate_logs] == [b"three"]
    assert roots.authorities[0].certificates == (certificate({}),)
    assert roots.timestamp_authorities[0].window.end == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_window_includes_both_ends() -> None:
    """TimeRange is closed; without an end it goes on."""
    roots = read_trusted_root(root())
    window, instant = roots.authorities[0].window, timedelta(microseconds=1)
    assert window.end is not None
    assert window.covers(START)
    assert window.covers(window.end)
    assert not window.covers(START - instant)
    assert not window.covers(window.end + instant)
    assert roots.logs[0].window.covers(datetime(9999, 1, 1, tzinfo=UTC))


def test_null_is_absence() -> None:
    """Some writers of Protocol Buffers spell absent members out."""
    roots = read_trusted_root(
        root(tlogs=[log(b"one", validFor={"start": "2025-01-01T00:00:00Z", "end": None})])
    )
    assert roots.logs[0].window.end is None


def test_timestamp_authorities_are_optional() -> None:
    """An instance whose log vouches for times needs none."""
    assert read_trusted_root(root(timestampAuthorities=...)).timestamp_authorities == ()


@pytest.mark.parametrize(
    ("members", "field", "message"),
    [
        ({"mediaType": "application/json"}, "mediaType", "found 'application/json'"),
        ({"mediaType": ...}, "mediaType", "found None"),
        ({"witnesses": []}, None, "unknown member 'witnesses'"),
        ({"tlogs": []}, "tlogs", "expected 1 to 64 entries"),
        ({"tlogs": ...}, "tlogs", "expected 1 to 64 entries"),
        ({"ctlogs": {}}, "ctlogs", "expected 1 to 64 entries"),
        ({"certificateAuthorities": []}, "certificateAuthorities", "expected 1 to 64 entries"),
        ({"timestampAuthorities": [authority()] * 65}, "timestampAuthorities", "expected 0 to 64 entries"),
        ({"tlogs": [log(b"one"), log(b"one")]}, "tlogs", "two logs have one id"),
        ({"ctlogs": [log(b"one"), log(b"one")]}, "ctlogs", "two logs have one id"),
        ({"tlogs": [7]}, "tlogs[0]", "expected an object"),
        ({"tlogs": [log(b"x", validFor=None)]}, "tlogs[0].publicKey.validFor", "expected an object"),
        ({"tlogs": [log(b"x", validFor={})]}, "tlogs[0].publicKey.validFor.start", "expected a time"),
        (
            {"tlogs": [log(b"x", validFor={"start": "2025-01-01"})]},
            "tlogs[0].publicKey.validFor.start",
            "expected a time",
        ),
        (
            {"tlogs": [log(b"x", validFor={"start": "2025-13-01T00:00:00Z"})]},
            "tlogs[0].publicKey.validFor.start",
            "not a time",
        ),
        (
            {"tlogs": [log(b"x", rawBytes="a b=")]},
            "tlogs[0].publicKey.rawBytes",
            "expected standard padded base64",
        ),
        (
            {"tlogs": [log(b"x", rawBytes="AAAA")]},
            "tlogs[0].publicKey.rawBytes",
            "expected a public key in DER",
        ),
        ({"tlogs": [log(b"x", keyDetails=7)]}, "tlogs[0].publicKey.keyDetails", "expected a string"),
        ({"tlogs": [log(b"")]}, "tlogs[0].logId.keyId", "expected a string"),
        (
            {"certificateAuthorities": [authority(certChain={"certificates": []})]},
            "certificateAuthorities[0].certChain.certificates",
            "expected 1 to 8 certificates",
        ),
        (
            {"timestampAuthorities": [authority(certChain={"certificates": [{"rawBytes": "AAAA"}]})]},
            "timestampAuthorities[0].certChain.certificates[0].rawBytes",
            "expected an X.509 certificate in DER",
        ),
        (
            {"certificateAuthorities": [authority(extra=1)]},
            "certificateAuthorities[0]",
            "unknown member 'extra'",
        ),
    ],
)
def test_what_is_not_as_it_should_be_is_named(
    members: dict[str, Any], field: str | None, message: str
) -> None:
    """Each problem has its place in the file and says what was expected."""
    found = refused(root(**members))
    assert found[0] == field
    assert message in found[1]


def test_it_is_strict_json_first() -> None:
    """Two values for one name are refused as in every file of the fleet."""
    with pytest.raises(InvalidInputError) as caught:
        read_trusted_root(b'{"mediaType": "a", "mediaType": "b"}')
    assert caught.value.code == "document.duplicate_key"
