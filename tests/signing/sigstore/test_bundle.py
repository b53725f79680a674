# SPDX-License-Identifier: Apache-2.0
"""Bundles are read strictly: one spelling, known members, bounded sizes, one signature, one log entry."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaitops.errors import GaitopsError, InvalidInputError
from gaitops.signing.dsse import MAX_BYTES
from gaitops.signing.envelopes import canonical_bundle, read_envelope
from gaitops.signing.sigstore.bundle import MEDIA_TYPES, NEWEST, read_bundle

V1 = "application/vnd.dev.sigstore.bundle+json;version=0.1"
V2 = "application/vnd.dev.sigstore.bundle+json;version=0.2"


def b64(data: bytes) -> str:
    """Bytes as Protocol Buffers write them in JSON."""
    return base64.b64encode(data).decode()


def bundle() -> dict[str, Any]:
    """A well-formed bundle of version 0.3 with everything that one may have."""
    return {
        "mediaType": NEWEST,
        "verificationMaterial": {
            "certificate": {"rawBytes": b64(b"leaf")},
            "tlogEntries": [
                {
                    "logIndex": "1007",
                    "logId": {"keyId": b64(b"log")},
                    "kindVersion": {"kind": "dsse", "version": "0.0.1"},
                    "integratedTime": "1770000000",
                    "inclusionPromise": {"signedEntryTimestamp": b64(b"promise")},
                    "inclusionProof": {
                        "logIndex": "7",
                        "rootHash": b64(b"root"),
                        "treeSize": "9",
                        "hashes": [b64(b"one"), b64(b"two")],
                        "checkpoint": {"envelope": "log\n9\ncm9vdA==\n"},
                    },
                    "canonicalizedBody": b64(b"{}"),
                }
            ],
            "timestampVerificationData": {"rfc3161Timestamps": [{"signedTimestamp": b64(b"stamp")}]},
        },
        "dsseEnvelope": {
            "payload": b64(b'{"a":1}'),
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [{"sig": b64(b"signature"), "keyid": "anything"}],
        },
    }


def chained(media_type: str = V1) -> dict[str, Any]:
    """A bundle of an older version."""
    value = bundle()
    value["mediaType"] = media_type
    material = value["verificationMaterial"]
    del material["certificate"]
    certificates = [{"rawBytes": b64(b"leaf")}, {"rawBytes": b64(b"intermediate")}]
    material["x509CertificateChain"] = {"certificates": certificates}
    return value


def blob() -> dict[str, Any]:
    """A bundle around no envelope."""
    value = bundle()
    del value["dsseEnvelope"]
    digest = {"algorithm": "SHA2_256", "digest": b64(b"digest")}
    value["messageSignature"] = {"messageDigest": digest, "signature": b64(b"signature")}
    return value


def written(value: dict[str, Any]) -> bytes:
    """The bundle as a file."""
    return json.dumps(value).encode()


def refused(value: dict[str, Any]) -> tuple[str | None, str]:
    """Field and message with which a bundle is refused."""
    with pytest.raises(InvalidInputError) as caught:
        read_bundle(written(value), "a.json", max_bytes=MAX_BYTES)
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == ("sigstore.bundle", "a.json")
    assert problem.remedy
    return problem.field, problem.message


def test_every_member_is_read() -> None:
    """Nothing of a bundle is lost, and the id of the key is nobody's word."""
    found = read_bundle(written(bundle()), max_bytes=MAX_BYTES)
    assert (found.certificate, found.chain, found.message_signature) == (b"leaf", (), None)
    assert found.envelope is not None
    assert (found.envelope.payload, found.envelope.signature) == (b'{"a":1}', b"signature")
    entry = found.entry
    assert (entry.log_id, entry.index, entry.kind, entry.version) == (b"log", 1007, "dsse", "0.0.1")
    assert (entry.integrated_time, entry.has_promise) == (1770000000, True)
    assert (entry.proof_index, entry.tree_size, entry.root_hash) == (7, 9, b"root")
    assert entry.checkpoint.startswith("log\n9\n")


def test_a_bundle_comes_as_an_envelope_with_one_signature_under_no_key() -> None:
    """Whoever reads envelopes reads bundles, and no key can claim the signature of one."""
    data = written(bundle())
    envelope = read_envelope(data, "a.json")
    assert (envelope.payload, envelope.payload_type) == (b'{"a":1}', "application/vnd.in-toto+json")
    assert [(entry.keyid, entry.sig) for entry in envelope.signatures] == [("", b64(b"signature"))]
    assert envelope.bundle is not None
    assert (envelope.bundle.raw, envelope.bundle.certificate) == (data, b"leaf")


@pytest.mark.parametrize("media_type", [V1, V2])
def test_older_versions_have_a_chain(media_type: str) -> None:
    """Versions 0.1 and 0.2 are read, the signing certificate first."""
    found = read_bundle(written(chained(media_type)), max_bytes=MAX_BYTES)
    assert (found.certificate, found.chain) == (b"leaf", (b"intermediate",))


def test_every_version_is_one_of_four() -> None:
    """Two spellings of 0.3, one each of 0.1 and 0.2, and none that anybody invents."""
    assert len(MEDIA_TYPES) == 4
    for media_type in MEDIA_TYPES - {V1, V2}:
        assert (
            read_bundle(written(bundle() | {"mediaType": media_type}), max_bytes=MAX_BYTES).certificate
            == b"leaf"
        )
    for other in (V1 + " ", "application/vnd.dev.sigstore.bundle.v0.4+json", "", 7, None):
        found = refused(bundle() | {"mediaType": other})
        assert (found[0], found[1][:42]) == ("mediaType", "expected a Sigstore bundle of version 0.1 ")


def test_a_file_is_signed_without_being_in_the_bundle() -> None:
    """Such a bundle is read, and is no envelope."""
    assert read_bundle(written(blob()), max_bytes=MAX_BYTES).message_signature == b"signature"
    with pytest.raises(InvalidInputError) as caught:
        read_envelope(written(blob()))
    assert (caught.value.code, caught.value.problems[0].field) == ("sigstore.bundle", "messageSignature")


MATERIAL = "verificationMaterial"
ENTRY = "verificationMaterial.tlogEntries[0]"


def _set(*path: str | int) -> Callable[[dict[str, Any], Any], None]:
    """Puts a value at a place; ``...`` removes what is there."""

    def change(value: Any, new: Any) -> None:
        for name in path[:-1]:
            value = value[name]
        if new is ...:
            del value[path[-1]]
        else:
            value[path[-1]] = new

    return change


@pytest.mark.parametrize(
    ("place", "new", "field", "message"),
    [
        (("extra",), 1, None, "unknown member 'extra'"),
        (("media_type",), NEWEST, None, "unknown member 'media_type'"),
        ((MATERIAL,), ..., MATERIAL, "expected an object"),
        ((MATERIAL, "extra"), 1, MATERIAL, "unknown member"),
        ((MATERIAL, "certificate"), ..., f"{MATERIAL}.certificate", "expected an object"),
        ((MATERIAL, "certificate"), None, f"{MATERIAL}.certificate", "expected an object"),
        ((MATERIAL, "certificate", "rawBytes"), "", f"{MATERIAL}.certificate.rawBytes", "base64"),
        (
            (MATERIAL, "x509CertificateChain"),
            {},
            f"{MATERIAL}.x509CertificateChain",
            "has certificate instead",
        ),
        (
            (MATERIAL, "publicKey"),
            {"hint": "x"},
            f"{MATERIAL}.publicKey",
            "signed with a key, not with a certificate",
        ),
        ((MATERIAL, "tlogEntries"), [], f"{MATERIAL}.tlogEntries", "expected exactly 1 entries, found 0"),
        ((MATERIAL, "tlogEntries"), ..., f"{MATERIAL}.tlogEntries", "expected a list"),
        ((MATERIAL, "tlogEntries"), [1, 2], f"{MATERIAL}.tlogEntries", "found 2"),
        (("dsseEnvelope",), ..., None, "either an envelope or the signature"),
        (("messageSignature",), {}, None, "either an envelope or the signature"),
        (("dsseEnvelope", "signatures"), [], "dsseEnvelope.signatures", "found 0"),
        (("dsseEnvelope", "signatures"), [{"sig": "YQ=="}] * 2, "dsseEnvelope.signatures", "found 2"),
        (("dsseEnvelope", "signatures", 0, "sig"), "YR==", "dsseEnvelope.signatures[0].sig", "base64"),
        (("dsseEnvelope", "signatures", 0, "keyid"), 7, "dsseEnvelope.signatures[0].keyid", "a string"),
        (("dsseEnvelope", "payload"), "YQ", "dsseEnvelope.payload", "base64"),
        (("dsseEnvelope", "payload"), "YQ==\n", "dsseEnvelope.payload", "base64"),
        (("dsseEnvelope", "payload"), "-_-_", "dsseEnvelope.payload", "base64"),
        (("dsseEnvelope", "payloadType"), "a b", "dsseEnvelope.payloadType", "printable ASCII"),
        ((MATERIAL, "tlogEntries", 0, "logIndex"), 7, f"{ENTRY}.logIndex", "a string"),
        ((MATERIAL, "tlogEntries", 0, "logIndex"), "07", f"{ENTRY}.logIndex", "64-bit integer"),
        ((MATERIAL, "tlogEntries", 0, "logIndex"), "-7", f"{ENTRY}.logIndex", "64-bit integer"),
        ((MATERIAL, "tlogEntries", 0, "logIndex"), "1_0", f"{ENTRY}.logIndex", "64-bit integer"),
        ((MATERIAL, "tlogEntries", 0, "logIndex"), str(2**64), f"{ENTRY}.logIndex", "64-bit integer"),
        (
            (MATERIAL, "tlogEntries", 0, "integratedTime"),
            ...,
            f"{ENTRY}.integratedTime",
            "comes with the time",
        ),
        (
            (MATERIAL, "tlogEntries", 0, "integratedTime"),
            "0",
            f"{ENTRY}.integratedTime",
            "comes with the time",
        ),
        (
            (MATERIAL, "tlogEntries", 0, "inclusionProof"),
            ...,
            f"{ENTRY}.inclusionProof",
            "expected an object",
        ),
        (
            (MATERIAL, "tlogEntries", 0, "inclusionProof", "checkpoint"),
            ...,
            f"{ENTRY}.inclusionProof.checkpoint",
            "object",
        ),
        (
            (MATERIAL, "tlogEntries", 0, "inclusionProof", "hashes"),
            ["YQ=="] * 65,
            f"{ENTRY}.inclusionProof.hashes",
            "65",
        ),
        (
            (MATERIAL, "tlogEntries", 0, "inclusionProof", "hashes"),
            [7],
            f"{ENTRY}.inclusionProof.hashes[0]",
            "string",
        ),
        ((MATERIAL, "tlogEntries", 0, "canonicalizedBody"), "", f"{ENTRY}.canonicalizedBody", "base64"),
        (
            (MATERIAL, "timestampVerificationData", "rfc3161Timestamps"),
            [{"signedTimestamp": "YQ=="}] * 9,
            f"{MATERIAL}.timestampVerificationData.rfc3161Timestamps",
            "expected 0 to 8 entries, found 9",
        ),
        (
            (MATERIAL, "timestampVerificationData", "rfc3161Timestamps", 0, "signedTimestamp"),
            "not base64",
            f"{MATERIAL}.timestampVerificationData.rfc3161Timestamps[0].signedTimestamp",
            "base64",
        ),
    ],
)
def test_what_is_not_as_it_should_be_is_named(
    place: tuple[str | int, ...], new: Any, field: str | None, message: str
) -> None:
    """Each problem has its place in the file and says what was expected."""
    value = bundle()
    _set(*place)(value, new)
    found = refused(value)
    assert found[0] == field
    assert message in found[1]


@pytest.mark.parametrize(
    ("certificates", "message"),
    [([], "found 0"), ([{"rawBytes": "YQ=="}] * 9, "found 9"), ([7], "expected an object")],
)
def test_a_chain_has_a_beginning_and_an_end(certificates: list[Any], message: str) -> None:
    """An empty chain has no signer, and a long one only costs time."""
    value = chained()
    value["verificationMaterial"]["x509CertificateChain"]["certificates"] = certificates
    assert message in refused(value)[1]


def test_an_older_version_has_no_single_certificate() -> None:
    """The version says where the certificate is; a second one elsewhere could be taken for it."""
    value = chained()
    value["verificationMaterial"]["certificate"] = {"rawBytes": b64(b"other")}
    assert "has x509CertificateChain instead" in refused(value)[1]


def test_the_strict_reader_comes_first() -> None:
    """Two values for one name, and files beyond the limit, are refused as in every file."""
    twice = written(bundle()).replace(b'"mediaType"', b'"mediaType": "x", "mediaType"')
    for data, code in (
        (twice, "document.duplicate_key"),
        (written(bundle()) + b" " * MAX_BYTES, "document.too_large"),
    ):
        with pytest.raises(InvalidInputError) as caught:
            read_envelope(data)
        assert caught.value.code == code


def test_an_envelope_with_a_media_type_is_no_envelope() -> None:
    """A file that one reader takes for an envelope and another for a bundle is refused as a bundle."""
    both = bundle() | {"payload": "YQ==", "payloadType": "text/plain", "signatures": [{"sig": "YQ=="}]}
    assert "unknown member 'payload'" in refused(both)[1]
    with pytest.raises(InvalidInputError) as caught:
        read_envelope(written(both))
    assert caught.value.code == "sigstore.bundle"


def test_a_payload_that_speaks_of_media_types_is_still_an_envelope() -> None:
    """Only a member of the file itself tells a bundle from an envelope."""
    value = {
        "payload": "YQ==",
        "payloadType": "text/plain",
        "signatures": [{"sig": "YQ==", "mediaType": "x"}],
    }
    envelope = read_envelope(written(value))
    assert (envelope.payload, envelope.bundle) == (b"a", None)


def test_a_bundle_is_written_in_one_form() -> None:
    """Members and spaces in any order give one file."""
    envelope = read_envelope(json.dumps(bundle(), indent=2).encode())
    assert envelope.bundle is not None
    data = canonical_bundle(envelope.bundle)
    assert data == canonical_bundle(read_envelope(data).bundle or envelope.bundle)
    assert json.loads(data) == bundle()
    assert data.endswith(b"}\n")


def _places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place in a bundle where something could be changed."""
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return (
        [path, *(place for name, member in members for place in _places(member, (*path, name)))]
        if path
        else [place for name, member in members for place in _places(member, (name,))]
    )


ANYTHING = st.sampled_from([..., None, 0, -1, 1.5, True, "", "x", "0", "YQ==", [], {}, ["x"], {"x": 1}])


@given(source=st.sampled_from([bundle(), chained(), blob()]), data=st.data())
def test_any_member_changed_to_anything_is_read_or_refused(
    source: dict[str, Any], data: st.DataObject
) -> None:
    """Whatever a bundle holds, reading it ends in one of two ways."""
    value = copy.deepcopy(source)
    _set(*data.draw(st.sampled_from(_places(value))))(value, data.draw(ANYTHING))
    try:
        outcome = "read" if read_bundle(written(value), max_bytes=MAX_BYTES).certificate else "nothing"
    except GaitopsError as error:
        outcome = error.code
    assert outcome in {"read", "sigstore.bundle"}
