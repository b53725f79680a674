# SPDX-License-Identifier: Apache-2.0
"""Commit signatures by gitsign: one form, verified offline like a bundle, and bound to the commit's bytes."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaitops.errors import GaitopsError, VerificationError
from gaitops.signing.der import DerError, read_all, read_one
from gaitops.signing.sigstore.expected import Person
from gaitops.signing.sigstore.gitsign import read_gitsign, verify_gitsign
from gaitops.signing.sigstore.log_entry import ProtocolBufferError, entry_json
from gaitops.signing.sigstore.verify import TrustedRootFile, VerifiedBundle
from tests.gitsign_double import (
    CONTENT_TYPE,
    DATA,
    LOG_ENTRY,
    MESSAGE_DIGEST,
    SHA512,
    TIMESTAMP,
    Parts,
    armor,
    attribute,
    gitsign,
    number,
    octets,
    parts,
    signed_attributes,
    without_entry,
)
from tests.sigstore_double import der
from tests.sigstore_double.double import Faults, SigstoreDouble
from tests.sigstore_double.fixtures import STORY, sigstore_double, sigstore_double_v1
from tests.sigstore_double.identities import ACCOUNTS, GitHubRun, Someone

pytest.importorskip("sigstore")

__all__ = ["sigstore_double", "sigstore_double_v1"]

PAYLOAD = b"tree 0\nauthor A <a@x> 1 +0000\ncommitter A <a@x> 1 +0000\n\nchange\n"
DANA = Someone("dana@example.com")


def verified(
    double: SigstoreDouble, armored: bytes, payload: bytes = PAYLOAD, trusted: SigstoreDouble | None = None
) -> VerifiedBundle:
    """What a signature on the commit proves under the double's trusted root."""
    data = (trusted or double).trusted_root_bytes
    return verify_gitsign(
        read_gitsign(armored), payload, TrustedRootFile(data, hashlib.sha256(data).hexdigest())
    )


@pytest.fixture
def made(sigstore_double_v1: SigstoreDouble) -> Parts:
    """Dana's signature, taken apart."""
    return parts(sigstore_double_v1, PAYLOAD, DANA)


# -- what is proven -----------------------------------------------------------------------------------------------


def test_a_person_signs_a_commit(sigstore_double_v1: SigstoreDouble) -> None:
    """The log vouches for the time, the certificate for the person; the entry's body is put together again."""
    proven = verified(sigstore_double_v1, gitsign(sigstore_double_v1, PAYLOAD, DANA, at=STORY))
    assert (proven.claims.issuer, proven.claims.subject) == (ACCOUNTS, "dana@example.com")
    assert (proven.signed_at, proven.source) == (STORY, "rekor")
    assert proven.log.log_id == sigstore_double_v1.rekor.log_id.hex()
    assert proven.mismatch(Person(ACCOUNTS, "dana@example.com")) is None


def test_a_timestamp_authority_vouches_for_the_time(sigstore_double: SigstoreDouble) -> None:
    """With a log of version 2, whose entry keeps its body."""
    proven = verified(sigstore_double, gitsign(sigstore_double, PAYLOAD, DANA, at=STORY))
    assert (proven.signed_at, proven.source) == (STORY, "rfc3161")


def test_a_pipeline_signs_a_commit(sigstore_double_v1: SigstoreDouble) -> None:
    """Workloads are service principals like any other."""
    proven = verified(sigstore_double_v1, gitsign(sigstore_double_v1, PAYLOAD, GitHubRun()))
    assert proven.claims.is_workload


def test_a_body_that_comes_along_must_fit(sigstore_double_v1: SigstoreDouble) -> None:
    """An entry may keep its body; it is verified like any other."""
    whole = gitsign(sigstore_double_v1, PAYLOAD, DANA, with_body=True)
    assert verified(sigstore_double_v1, whole).source == "rekor"
    other = parts(sigstore_double_v1, b"other", DANA, with_body=True)
    mixed = replace(parts(sigstore_double_v1, PAYLOAD, DANA), unsigned=other.unsigned)
    with pytest.raises(VerificationError) as caught:
        verified(sigstore_double_v1, mixed.armored)
    assert caught.value.code == "sigstore.untrusted"


# -- attacks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [b"", PAYLOAD + b"\n", PAYLOAD.replace(b"\n", b"\r\n")])
def test_other_commits_are_not_signed(sigstore_double_v1: SigstoreDouble, payload: bytes) -> None:
    """T56: the digest in the signed attributes is the commit's."""
    with pytest.raises(VerificationError, match="over other bytes") as caught:
        verified(sigstore_double_v1, gitsign(sigstore_double_v1, PAYLOAD, DANA), payload)
    assert caught.value.code == "signature.invalid"


def test_attributes_of_another_commit_do_not_fit_the_signature(sigstore_double_v1: SigstoreDouble) -> None:
    """T56: to exchange the digest is to change what was signed."""
    signature = parts(sigstore_double_v1, b"other", DANA)
    moved = replace(signature, attributes=signed_attributes(PAYLOAD, STORY))
    with pytest.raises(VerificationError, match="not by the certificate's key") as caught:
        verified(sigstore_double_v1, moved.armored)
    assert caught.value.code == "signature.invalid"


def test_without_a_log_entry_nothing_is_proven(made: Parts, sigstore_double_v1: SigstoreDouble) -> None:
    """T56: as gitsign signs unless it is told otherwise; the remedy is the option."""
    with pytest.raises(VerificationError, match="holds no log entry") as caught:
        verified(sigstore_double_v1, without_entry(made).armored)
    assert caught.value.code == "sigstore.untrusted"
    assert "git config gitsign.rekorMode offline" in str(caught.value.problems[0].remedy)


@pytest.mark.parametrize(
    "faults",
    [
        Faults(unrelated_entry=True),
        Faults(checkpoint_by_stranger=True),
        Faults(no_promise=True),
        Faults(promise_by_stranger=True),
        Faults(certificate_at=STORY - timedelta(hours=1)),
        Faults(certificate_at=STORY + timedelta(hours=1)),
        Faults(timestamp_at=STORY + timedelta(hours=1)),
    ],
)
def test_what_authorities_do_not_vouch_for_is_refused(
    sigstore_double_v1: SigstoreDouble, faults: Faults
) -> None:
    """The same faults that undo a bundle undo a commit's signature."""
    armored = gitsign(sigstore_double_v1, PAYLOAD, DANA, at=STORY, faults=faults)
    with pytest.raises(VerificationError) as caught:
        verified(sigstore_double_v1, armored)
    assert caught.value.code == "sigstore.untrusted"


@pytest.mark.parametrize("faults", [Faults(timestamp_of_another=True), Faults(no_timestamp=True)])
def test_a_timestamp_must_be_about_the_signature(sigstore_double: SigstoreDouble, faults: Faults) -> None:
    """A log of version 2 knows no time, so the timestamp decides."""
    with pytest.raises(VerificationError) as caught:
        verified(sigstore_double, gitsign(sigstore_double, PAYLOAD, DANA, faults=faults))
    assert caught.value.code == "sigstore.untrusted"


def test_another_instance_is_not_trusted(
    sigstore_double: SigstoreDouble, sigstore_double_v1: SigstoreDouble
) -> None:
    """Only the trusted root of verified state counts."""
    with pytest.raises(VerificationError, match="knows no log") as caught:
        verified(sigstore_double_v1, gitsign(sigstore_double_v1, PAYLOAD, DANA), trusted=sigstore_double)
    assert caught.value.code == "sigstore.untrusted"


def other_forms(made: Parts) -> dict[str, Parts]:
    """Signatures that gitsign does not make, by what is other about them."""
    (entry,) = made.unsigned
    content = attribute(CONTENT_TYPE, der.oid(DATA))
    digest = attribute(MESSAGE_DIGEST, der.octets(hashlib.sha256(PAYLOAD).digest()))
    return {
        "no signer": replace(made, copies=0),
        "two signers": replace(made, copies=2),
        "no certificate": replace(made, certificates=()),
        "two certificates": replace(made, certificates=made.certificates * 2),
        "version 3": replace(made, version=3),
        "SHA-512": replace(made, digest=SHA512),
        "another algorithm": replace(made, algorithm="1.2.840.10045.4.3.3"),
        "the commit inside": replace(
            made, content=der.sequence(der.oid(DATA), der.explicit(0, der.octets(PAYLOAD)))
        ),
        "another content type": replace(made, content=der.sequence(der.oid("1.2.840.113549.1.9.16.1.4"))),
        "enveloped data": replace(made, kind="1.2.840.113549.1.7.3"),
        "another signer": replace(made, who=der.sequence(der.sequence(), der.integer(1))),
        "no attributes": replace(made, attributes=()),
        "no digest": replace(made, attributes=(content,)),
        "no type": replace(made, attributes=(digest,)),
        "a digest twice": replace(made, attributes=tuple(sorted((content, digest, digest)))),
        "two digests in one": replace(
            made, attributes=(content, attribute(MESSAGE_DIGEST, der.octets(b"a"), der.octets(b"b")))
        ),
        "out of order": replace(made, attributes=made.attributes[::-1]),
        "another attribute": replace(
            made, attributes=tuple(sorted((*made.attributes, attribute("1.2.3.4", der.integer(1)))))
        ),
        "another unsigned attribute": replace(made, unsigned=(entry, attribute("1.2.3.4", der.integer(1)))),
        "two entries": replace(made, unsigned=(entry, entry)),
        "an entry that is a number": replace(made, unsigned=(attribute(LOG_ENTRY, der.integer(1)),)),
        "a timestamp that is a number": replace(made, unsigned=(entry, attribute(TIMESTAMP, der.integer(1)))),
        "an entry of nothing": replace(made, unsigned=(attribute(LOG_ENTRY, der.octets(b"")),)),
        "an entry of another kind": replace(
            made, unsigned=(attribute(LOG_ENTRY, der.octets(octets(3, octets(1, b"dsse")))),)
        ),
        "no entry but junk": replace(made, unsigned=(attribute(LOG_ENTRY, der.octets(b"\xff")),)),
    }


@pytest.mark.parametrize("form", list(other_forms(Parts((), (), b"", (b"",), b""))))
def test_other_forms_are_refused(made: Parts, sigstore_double_v1: SigstoreDouble, form: str) -> None:
    """Nothing is skipped, and nothing comes in two ways."""
    with pytest.raises(VerificationError, match="not usable") as caught:
        verified(sigstore_double_v1, other_forms(made)[form].armored)
    assert caught.value.code == "signature.invalid"


def test_other_armors_are_refused(made: Parts, sigstore_double_v1: SigstoreDouble) -> None:
    """One armor, and nothing around it."""
    good = made.armored
    assert verified(sigstore_double_v1, good).source == "rekor"
    for armored in (
        good + b"junk\n",
        b"junk\n" + good,
        good + good,
        good.replace(b"\n", b"\r\n"),
        good.replace(b"SIGNED MESSAGE", b"CMS"),
        good.replace(b"MESSAGE-----\n", b"MESSAGE-----\nVersion: 1\n\n", 1),
        good.replace(b"\nM", b"\n=", 1),
        armor(made.cms + b"\0"),
        armor(made.cms[:-1]),
        armor(b""),
        armor(bytes(60_000)),
    ):
        with pytest.raises(VerificationError) as caught:
            read_gitsign(armored)
        assert caught.value.code == "signature.invalid"


def test_every_changed_octet_breaks_a_signature(made: Parts, sigstore_double_v1: SigstoreDouble) -> None:
    """None brings anything but an error of ours, except where the log's name stands beside its signature.

    The key decides there, not the name (C2SP signed-note); nor do the spare bits of the last base64 digit. Of the
    certificate, which has its own tests, every eighth octet is changed.
    """
    cms = made.cms
    name = cms.index("— rekor".encode()) + 4
    spare = cms.rindex(b"\n")
    spare -= 1 + cms[:spare].endswith(b"=") + cms[:spare].endswith(b"==")
    unread = {*range(name, cms.index(b" ", name)), spare}
    start = cms.index(made.certificates[0])
    inside = range(start, start + len(made.certificates[0]))
    for place in range(len(cms)):
        if place in inside and place % 8:
            continue
        changed = cms[:place] + bytes([cms[place] ^ (0x01 << place // 8 % 8)]) + cms[place + 1 :]
        try:
            verified(sigstore_double_v1, armor(changed))
        except GaitopsError:
            continue
        assert place in unread


# -- readers ------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=400))
def test_any_bytes_are_refused_politely(data: bytes) -> None:
    """Readers raise their own errors only."""
    with pytest.raises(VerificationError):
        read_gitsign(armor(data))
    for read, error in ((read_all, DerError), (entry_json, ProtocolBufferError)):
        try:
            read(data)
        except error:
            continue


@pytest.mark.parametrize(
    "data",
    [
        b"\x30",
        b"\x30\x80\x00\x00",
        b"\x30\x81\x01\x00",
        b"\x30\x82\x00\x81" + bytes(129),
        b"\x1f\x01\x00",
        b"\x30\x02\x00",
    ],
)
def test_only_the_distinguished_encoding_is_read(data: bytes) -> None:
    """Indefinite, long and missing lengths, and tags of several octets."""
    with pytest.raises(DerError):
        read_one(data, 0x30)


def test_an_entry_is_read_as_bundles_spell_it() -> None:
    """Numbers as strings of digits, octets as base64, absent numbers as zero."""
    data = number(1, "300") + octets(2, octets(1, b"\x01\x02")) + octets(6, octets(4, b"a") + octets(4, b"b"))
    assert entry_json(data) == {
        "logIndex": "300",
        "integratedTime": "0",
        "logId": {"keyId": "AQI="},
        "inclusionProof": {"logIndex": "0", "treeSize": "0", "hashes": ["YQ==", "Yg=="]},
    }


@pytest.mark.parametrize(
    "data",
    [
        number(1, "1") + number(1, "1"),
        octets(2, b"") + number(1, "1"),
        number(2, "1"),
        octets(1, b"x"),
        octets(9, b""),
        octets(3, octets(1, b"\xff")),
        b"\x08",
        b"\x08\x81\x00",
        b"\x08" + b"\xff" * 9 + b"\x01",
        b"\x0d\x00\x00\x00\x00",
        b"\x12\x05\x00",
    ],
)
def test_an_entry_has_one_encoding(data: bytes) -> None:
    """Twice, out of order, of another type, unknown, cut off, too long, not text."""
    with pytest.raises(ProtocolBufferError):
        entry_json(data)
