# SPDX-License-Identifier: Apache-2.0
"""What a bundle proves, offline: every step of the verification, each with the attack that it stops."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gaitops.signing.sigstore
from gaitops.errors import GaitopsError, InvalidInputError, MissingDependencyError
from gaitops.signing.dsse import Envelope
from gaitops.signing.envelopes import read_envelope
from gaitops.signing.sigstore import library
from gaitops.signing.sigstore.expected import Person
from gaitops.signing.sigstore.verify import (
    TrustedRootFile,
    VerifiedBundle,
    VerifiedTime,
    verify_blob,
    verify_bundle,
)
from tests.sigstore_double.double import Faults, SigstoreDouble, ticking
from tests.sigstore_double.fixtures import sigstore_double, sigstore_double_v1
from tests.sigstore_double.identities import GitHubRun, Someone
from tests.sigstore_double.timestamps import Query
from tests.sigstore_double.trust import Window, Windows

__all__ = ["sigstore_double", "sigstore_double_v1"]

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
DANA = Someone("dana@acme.example")
PAYLOAD = b'{"a":1}'
SECOND = timedelta(seconds=1)
Bundle = dict[str, Any]


def trusted(double: SigstoreDouble, windows: Windows | None = None) -> TrustedRootFile:
    """The trusted root of an instance."""
    data = double.trusted_root(windows)
    return TrustedRootFile(data, hashlib.sha256(data).hexdigest())


def signed(double: SigstoreDouble, **options: Any) -> Bundle:
    """A bundle by dana at the usual time, taken apart."""
    value: Bundle = json.loads(double.sign_dsse(PAYLOAD, DANA, **({"at": AT} | options)))
    return value


def prove(value: Bundle, trusted_root: TrustedRootFile) -> VerifiedBundle:
    """What a bundle proves."""
    return verify_bundle(read_envelope(json.dumps(value).encode()), trusted_root)


def refused(value: Bundle, trusted_root: TrustedRootFile) -> tuple[str, str]:
    """Code and message with which a bundle is refused."""
    with pytest.raises(GaitopsError) as caught:
        prove(value, trusted_root)
    (problem,) = caught.value.problems
    assert problem.remedy
    return problem.code, problem.message


def entry_of(value: Bundle) -> Bundle:
    """The log entry of a bundle."""
    entry: Bundle = value["verificationMaterial"]["tlogEntries"][0]
    return entry


def stamps_of(value: Bundle) -> list[dict[str, str]]:
    """The timestamps of a bundle."""
    stamps: list[dict[str, str]] = value["verificationMaterial"]["timestampVerificationData"][
        "rfc3161Timestamps"
    ]
    return stamps


def stamp(double: SigstoreDouble, value: Bundle, at: datetime) -> dict[str, str]:
    """One more timestamp over the signature of a bundle: anybody can get one."""
    signature = base64.b64decode(value["dsseEnvelope"]["signatures"][0]["sig"])
    query = Query(hashlib.sha256(signature).digest(), wants_certificate=False)
    return {"signedTimestamp": base64.b64encode(double.stamp(query, at)).decode()}


@pytest.fixture(params=[1, 2], ids=["rekor-v1", "rekor-v2"])
def double(
    request: pytest.FixtureRequest, sigstore_double: SigstoreDouble, sigstore_double_v1: SigstoreDouble
) -> SigstoreDouble:
    """An instance of either generation."""
    return sigstore_double if request.param == 2 else sigstore_double_v1


# -- what is proven --------------------------------------------------------------------------------------------


def test_a_person_signed_then_and_there(double: SigstoreDouble) -> None:
    """Who, when on whose word, and where it is logged."""
    value = signed(double)
    found = prove(value, trusted(double))
    assert (found.claims.subject, found.claims.is_workload) == ("dana@acme.example", False)
    assert (found.signed_at, found.source) == (AT, "rekor" if double.log_version == 1 else "rfc3161")
    assert found.log.log_id == double.rekor.log_id.hex()
    assert str(found.log.index) == entry_of(value)["logIndex"]


def test_a_workload_carries_its_claims(double: SigstoreDouble) -> None:
    """A run of a pipeline is told from a person by what its certificate says."""
    data = double.sign_dsse(PAYLOAD, GitHubRun(), at=AT)
    found = verify_bundle(read_envelope(data), trusted(double))
    assert found.claims.is_workload
    assert found.claims.source_repository_id is not None


def test_nothing_touches_the_network(double: SigstoreDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """A verification opens no socket and asks for no address, even where it refuses."""
    touched = []

    def forbidden(*arguments: object, **_options: object) -> None:
        touched.append(arguments)
        raise OSError("no network")

    value = signed(double)
    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, forbidden)
    assert prove(value, trusted(double)).signed_at == AT
    for name in ("checkpoint", "hashes", "rootHash"):
        refused(_without(value, name), trusted(double))
    assert touched == []


def _without(value: Bundle, name: str) -> Bundle:
    """The bundle without a part of its inclusion proof, as a client would have to fetch it."""
    changed = copy.deepcopy(value)
    proof = entry_of(changed)["inclusionProof"]
    if name == "hashes":
        proof["hashes"] = ["YQ==", *proof["hashes"]]
    else:
        del proof[name]
    return changed


@pytest.mark.parametrize("media_type", ["0.1", "0.2"])
def test_older_bundles_verify(sigstore_double_v1: SigstoreDouble, media_type: str) -> None:
    """Versions 0.1 and 0.2 carry a chain; an intermediate in it changes nothing."""
    value = older(signed(sigstore_double_v1), media_type, sigstore_double_v1.fulcio.chain[:1])
    assert prove(value, trusted(sigstore_double_v1)).signed_at == AT


def older(value: Bundle, version: str, chain: Any) -> Bundle:
    """The bundle as an older version has it."""
    material = value["verificationMaterial"]
    further = [{"rawBytes": base64.b64encode(item.public_bytes(Encoding.DER)).decode()} for item in chain]
    material["x509CertificateChain"] = {"certificates": [material.pop("certificate"), *further]}
    value["mediaType"] = f"application/vnd.dev.sigstore.bundle+json;version={version}"
    return value


def test_a_root_certificate_in_the_bundle_is_refused(sigstore_double_v1: SigstoreDouble) -> None:
    """Trust comes from the fleet's pinned root, never from what a bundle brings along."""
    root = SigstoreDouble(ticking(AT)).fulcio.chain[-1]
    value = older(signed(sigstore_double_v1), "0.2", [root])
    code, message = refused(value, trusted(sigstore_double_v1))
    assert (code, message) == ("sigstore.bundle", "the bundle brings a root certificate along")


# -- (1) to (3): bundle, log, signature ------------------------------------------------------------------------


def test_an_envelope_is_judged_with_its_own_bundle(double: SigstoreDouble) -> None:
    """Another payload beside a good bundle proves nothing."""
    envelope = read_envelope(json.dumps(signed(double)).encode())
    for other in (replace(envelope, payload=b"{}"), replace(envelope, payload_type="text/plain")):
        with pytest.raises(GaitopsError) as caught:
            verify_bundle(other, trusted(double))
        assert caught.value.code == "signature.invalid"


def test_an_envelope_without_a_bundle_proves_nothing(double: SigstoreDouble) -> None:
    """What a key signed is another check."""
    with pytest.raises(GaitopsError) as caught:
        verify_bundle(Envelope(PAYLOAD, "text/plain", ()), trusted(double))
    assert caught.value.code == "sigstore.bundle"


def test_one_byte_of_the_payload(double: SigstoreDouble) -> None:
    """The signature is over exactly these bytes, and this type of payload."""
    value = signed(double)
    for change in ({"payload": base64.b64encode(b'{"a":2}').decode()}, {"payloadType": "application/json"}):
        assert (
            refused(value | {"dsseEnvelope": value["dsseEnvelope"] | change}, trusted(double))[0]
            == "signature.invalid"
        )


def test_the_signature_of_another_bundle(double: SigstoreDouble) -> None:
    """Parts of two bundles make none: the certificate's key did not sign this."""
    one, other = signed(double), signed(double)
    one["dsseEnvelope"]["signatures"] = other["dsseEnvelope"]["signatures"]
    assert refused(one, trusted(double))[0] == "signature.invalid"


def test_the_log_entry_of_another_bundle(double: SigstoreDouble) -> None:
    """A log entry that is not about this signature vouches for nothing."""
    one, other = signed(double), signed(double)
    one["verificationMaterial"]["tlogEntries"] = other["verificationMaterial"]["tlogEntries"]
    assert refused(one, trusted(double))[0] == "sigstore.untrusted"


def test_the_log_must_be_pinned(double: SigstoreDouble) -> None:
    """An instance that the fleet does not trust proves nothing, however good its bundles are."""
    other = SigstoreDouble(ticking(AT), log_version=double.log_version)
    code, message = refused(signed(other), trusted(double))
    assert (code, message[:30]) == ("sigstore.untrusted", "the trusted root knows no log ")


def test_one_log_does_not_speak_for_another(sigstore_double: SigstoreDouble) -> None:
    """With two trusted logs an entry of one cannot pass as an entry of the other."""
    other = SigstoreDouble(ticking(AT))
    root = json.loads(sigstore_double.trusted_root_bytes)
    root["tlogs"] += json.loads(other.trusted_root_bytes)["tlogs"]
    data = json.dumps(root).encode()
    both = TrustedRootFile(data, hashlib.sha256(data).hexdigest())
    value = signed(sigstore_double)
    assert prove(value, both).log.log_id == sigstore_double.rekor.log_id.hex()
    entry = entry_of(value)
    entry["logId"]["keyId"] = base64.b64encode(other.rekor.log_id).decode()
    checkpoint, _, line = entry["inclusionProof"]["checkpoint"]["envelope"].rpartition("— ")
    name, note = line.strip().split(" ")
    renamed = base64.b64encode(other.rekor.log_id[:4] + base64.b64decode(note)[4:]).decode()
    entry["inclusionProof"]["checkpoint"]["envelope"] = f"{checkpoint}— {name} {renamed}\n"
    code, message = refused(value, both)
    assert (code, "invalid signature" in message) == ("sigstore.untrusted", True)


# -- (4): what vouches for the signature -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "faults",
    [
        Faults(certificate_at=AT - timedelta(hours=1)),
        Faults(certificate_at=AT + SECOND),
        Faults(no_promise=True),
        Faults(promise_by_stranger=True),
        Faults(unrelated_entry=True),
        Faults(checkpoint_by_stranger=True),
        Faults(timestamp_at=AT - SECOND),
        Faults(timestamp_at=AT + timedelta(minutes=11)),
    ],
    ids=str,
)
def test_what_is_wrong_with_the_instance_is_found(double: SigstoreDouble, faults: Faults) -> None:
    """Expired and unpromised certificates, strangers' keys, unrelated entries and times outside the certificate."""
    assert refused(signed(double, faults=faults), trusted(double))[0] == "sigstore.untrusted"


@pytest.mark.parametrize("faults", [Faults(no_timestamp=True), Faults(timestamp_of_another=True)], ids=str)
def test_without_a_verified_time_there_is_no_proof(sigstore_double: SigstoreDouble, faults: Faults) -> None:
    """A certificate lives for minutes: when it was used must be certain."""
    assert (
        refused(signed(sigstore_double, faults=faults), trusted(sigstore_double))[0] == "sigstore.untrusted"
    )


def test_the_certificate_decides_who_signed(double: SigstoreDouble) -> None:
    """Whoever asked for it: the name in the certificate is the one that is compared."""
    eve = Someone("eve@evil.example")
    found = prove(signed(double, faults=Faults(certificate_for=eve)), trusted(double))
    assert found.claims.subject == "eve@evil.example"
    assert found.mismatch(Person(found.claims.issuer, "dana@acme.example")) is not None
    assert found.mismatch(Person(found.claims.issuer, "eve@evil.example")) is None


# -- (5): trusted then -----------------------------------------------------------------------------------------

LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("what", ["log", "certificate_log", "authority"])
def test_trust_has_a_beginning_and_an_end(double: SigstoreDouble, what: str) -> None:
    """An authority that was retired before, or taken up after, does not vouch; both ends of its time do."""
    value = signed(double)
    for window in (Window(LONG_AGO, AT), Window(AT, None), Window(AT, AT)):
        assert prove(value, trusted(double, replace(double.windows, **{what: window}))).signed_at == AT
    for window in (Window(LONG_AGO, AT - SECOND), Window(AT + SECOND)):
        code, message = refused(value, trusted(double, replace(double.windows, **{what: window})))
        assert (code, "not trusted at 2026-11-01T12:00:00Z" in message) == ("sigstore.untrusted", True)


def test_timestamp_authorities_have_a_beginning_and_an_end(sigstore_double: SigstoreDouble) -> None:
    """A timestamp outside its authority's time counts as none; both ends belong to it."""
    value, windows = signed(sigstore_double), sigstore_double.windows
    for window in (Window(LONG_AGO, AT), Window(AT, None), Window(AT, AT)):
        assert prove(value, trusted(sigstore_double, replace(windows, timestamps=window))).signed_at == AT
    for window in (Window(LONG_AGO, AT - SECOND), Window(AT + SECOND)):
        code, _ = refused(value, trusted(sigstore_double, replace(windows, timestamps=window)))
        assert code == "sigstore.untrusted"


def test_the_clock_of_the_machine_has_no_say(double: SigstoreDouble) -> None:
    """Logs and authorities that become trusted only years from now vouch for what is signed then."""
    later = datetime(2040, 5, 1, tzinfo=UTC)
    window = Window(later - timedelta(days=1))
    windows = replace(double.windows, log=window, certificate_log=window, authority=window)
    assert prove(signed(double, at=later), trusted(double, windows)).signed_at == later


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"{}", "expected application/vnd"), (b"", "not JSON")],
)
def test_a_trusted_root_that_cannot_be_read_trusts_nobody(
    double: SigstoreDouble, data: bytes, message: str
) -> None:
    """It is the verification that fails, and the message says why."""
    code, found = refused(signed(double), TrustedRootFile(data, hashlib.sha256(data).hexdigest()))
    assert (code, message in found) == ("sigstore.trust_root", True)


def test_a_trusted_root_that_sigstore_cannot_use(double: SigstoreDouble) -> None:
    """What only the library understands is told as a fault of the root, not of the bundle."""
    root = json.loads(double.trusted_root_bytes)
    root["tlogs"][0]["hashAlgorithm"] = "MD5"
    data = json.dumps(root).encode()
    code, message = refused(signed(double), TrustedRootFile(data, hashlib.sha256(data).hexdigest()))
    assert (code, "hashAlgorithm" in message) == ("sigstore.trust_root", True)


# -- (6): where it is logged -----------------------------------------------------------------------------------


def test_the_size_of_the_tree_is_the_logs(double: SigstoreDouble) -> None:
    """A proof for the fifth of five is one for the second of two as well: the position would be anybody's word."""
    fresh = SigstoreDouble(ticking(AT), log_version=double.log_version)
    for _ in range(4):
        signed(fresh)
    value = signed(fresh)
    proof = entry_of(value)["inclusionProof"]
    assert (proof["logIndex"], proof["treeSize"], len(proof["hashes"])) == ("4", "5", 1)
    assert prove(value, trusted(fresh)).log.index == int(entry_of(value)["logIndex"])
    proof.update(logIndex="1", treeSize="2")
    code, message = refused(value, trusted(fresh))
    assert (code, message) == ("sigstore.untrusted", "the log did not sign a tree of 2 entries")


def test_an_index_that_nobody_vouches_for_is_not_reported(
    sigstore_double: SigstoreDouble, sigstore_double_v1: SigstoreDouble
) -> None:
    """With a promise a changed index is refused; without one the position in the tree is what counts."""
    promised = signed(sigstore_double_v1)
    entry_of(promised)["logIndex"] = "123456"
    assert refused(promised, trusted(sigstore_double_v1))[0] == "sigstore.untrusted"
    value = signed(sigstore_double)
    index = int(entry_of(value)["logIndex"])
    entry_of(value)["logIndex"] = "123456"
    assert prove(value, trusted(sigstore_double)).log.index == index


# -- times -----------------------------------------------------------------------------------------------------


def test_the_earliest_time_is_when_it_was_signed(sigstore_double: SigstoreDouble) -> None:
    """Adding a later timestamp does not make an approval younger."""
    value = signed(sigstore_double)
    stamps_of(value).insert(0, stamp(sigstore_double, value, AT + timedelta(minutes=9)))
    found = prove(value, trusted(sigstore_double))
    assert found.times == (VerifiedTime(AT, "rfc3161"), VerifiedTime(AT + timedelta(minutes=9), "rfc3161"))
    assert found.signed_at == AT


def test_both_kinds_of_time_are_kept(
    sigstore_double: SigstoreDouble, sigstore_double_v1: SigstoreDouble
) -> None:
    """A log and an authority may vouch for one signature; the trusted root knows both."""
    value = signed(sigstore_double_v1)
    stamps_of(value).append(stamp(sigstore_double_v1, value, AT + SECOND))
    found = prove(value, trusted(sigstore_double_v1))
    assert found.times == (VerifiedTime(AT, "rekor"), VerifiedTime(AT + SECOND, "rfc3161"))
    assert found.source == "rekor"


def test_a_later_time_outside_the_certificate_spoils_the_bundle(sigstore_double: SigstoreDouble) -> None:
    """All verified times lie in the certificate's minutes, not only the one that suits."""
    value = signed(sigstore_double)
    stamps_of(value).append(stamp(sigstore_double, value, AT + timedelta(hours=1)))
    assert refused(value, trusted(sigstore_double))[0] == "sigstore.untrusted"


def test_a_strangers_timestamp_changes_nothing(sigstore_double: SigstoreDouble) -> None:
    """Only authorities of the trusted root tell the time."""
    value = signed(sigstore_double)
    stamps_of(value).insert(0, stamp(SigstoreDouble(ticking(AT)), value, AT - timedelta(days=9)))
    assert prove(value, trusted(sigstore_double)).times == (VerifiedTime(AT, "rfc3161"),)


def test_an_identity_must_match_at_every_time(sigstore_double: SigstoreDouble) -> None:
    """A name that ends between two verified times does not count for either."""
    value = signed(sigstore_double)
    stamps_of(value).append(stamp(sigstore_double, value, AT + timedelta(minutes=5)))
    found = prove(value, trusted(sigstore_double))

    class Until(Person):
        """Somebody until a time between the two."""

        def mismatch(self, _claims: object, at: datetime) -> str | None:
            """Nobody from then on."""
            return None if at < AT + timedelta(minutes=1) else "gone"

    assert found.mismatch(Until("i", "s")) == "gone"


# -- files that are signed -------------------------------------------------------------------------------------


def test_a_file_is_verified_with_its_bundle(double: SigstoreDouble) -> None:
    """The same steps, for a signature over something that is not in the bundle."""
    data = double.sign_blob(b"some bytes", DANA, at=AT)
    found = verify_blob(data, b"some bytes", trusted(double))
    assert (found.claims.subject, found.signed_at) == ("dana@acme.example", AT)
    with pytest.raises(GaitopsError) as caught:
        verify_blob(data, b"other bytes", trusted(double))
    assert caught.value.code == "signature.invalid"


def test_the_entry_about_a_file_is_about_that_file(double: SigstoreDouble) -> None:
    """A log entry about something else that the same key signed vouches for nothing."""
    data = double.sign_blob(b"some bytes", DANA, at=AT, faults=Faults(unrelated_entry=True))
    with pytest.raises(GaitopsError) as caught:
        verify_blob(data, b"some bytes", trusted(double))
    assert caught.value.code == "sigstore.untrusted"


def test_envelopes_and_files_are_not_mixed_up(double: SigstoreDouble) -> None:
    """A bundle of one kind is refused where the other is asked for."""
    with pytest.raises(InvalidInputError) as caught:
        verify_blob(json.dumps(signed(double)).encode(), PAYLOAD, trusted(double))
    assert (caught.value.code, caught.value.problems[0].field) == ("sigstore.bundle", "dsseEnvelope")


# -- the library -----------------------------------------------------------------------------------------------


def test_threads_do_not_disturb_each_other(double: SigstoreDouble) -> None:
    """Many verifications at once give what each gives alone."""
    root = trusted(double)
    times = [AT + step * SECOND for step in range(24)]
    values = [signed(double, at=at) for at in times]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda value: prove(value, root), values))
    assert [[time.at for time in item.times] for item in found] == [[at] for at in times]


@pytest.mark.parametrize("hook", ["_establish_time", "_verify_chain_at_time"])
def test_a_library_that_no_longer_shows_its_times_proves_nothing(
    double: SigstoreDouble, monkeypatch: pytest.MonkeyPatch, hook: str
) -> None:
    """Two methods that are not public are relied upon; without them nothing verifies, rather than something wrong."""
    value = signed(double)
    prove(value, trusted(double))
    monkeypatch.delattr(library._Observed, hook)
    code, message = refused(value, trusted(double))
    assert (code, "does not show what it verified" in message) == ("sigstore.untrusted", True)


@pytest.mark.parametrize("step", ["prepare", "verify_dsse"])
def test_a_machine_without_memory_gives_no_verdict(
    double: SigstoreDouble, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """What another machine would verify is not called untrusted."""

    def exhausted(*_arguments: object) -> None:
        raise MemoryError

    value = signed(double)
    monkeypatch.setattr(library, step, exhausted)
    with pytest.raises(MemoryError):
        prove(value, trusted(double))


@pytest.fixture
def _no_sigstore(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without the extra."""
    monkeypatch.delattr(gaitops.signing.sigstore, "library", raising=False)
    monkeypatch.delitem(sys.modules, "gaitops.signing.sigstore.library", raising=False)
    monkeypatch.setitem(sys.modules, "sigstore.models", None)


@pytest.mark.usefixtures("_no_sigstore")
def test_without_the_library_the_extra_is_named(double: SigstoreDouble) -> None:
    """No verdict is better than another one than elsewhere."""
    with pytest.raises(MissingDependencyError) as caught:
        prove(signed(double), trusted(double))
    assert caught.value.code == "dependency.sigstore"
    assert caught.value.problems[0].remedy == "pip install 'gaitops[sigstore]'"


# -- anything changed ------------------------------------------------------------------------------------------


def _leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in a bundle with a string."""
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    )
    if members is None:
        yield path
    else:
        for name, member in members:
            yield from _leaves(member, (*path, name))


def _changed(text: str, data: st.DataObject) -> str:
    """The text with one character, or one byte of what it encodes, changed."""
    position = data.draw(st.integers(0, max(len(text) - 1, 0)))
    if data.draw(st.booleans()):
        return text[:position] + data.draw(st.sampled_from("A9+/=\n é-")) + text[position + 1 :]
    try:
        raw = bytearray(base64.b64decode(text, validate=True))
    except ValueError:
        raw = bytearray()
    if not raw:
        return text + data.draw(st.sampled_from("0a=\n"))
    raw[position * len(raw) // len(text)] ^= 1 << data.draw(st.integers(0, 7))
    return base64.b64encode(bytes(raw)).decode()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_byte_changed_proves_the_same_or_nothing(
    sigstore_double: SigstoreDouble, sigstore_double_v1: SigstoreDouble, data: st.DataObject
) -> None:
    """A bundle cannot be bent into saying something else, and no error but gaitops' own comes out."""
    double = data.draw(st.sampled_from([sigstore_double, sigstore_double_v1]))
    original = _ORIGINALS.setdefault(double.log_version, signed(double))
    value = copy.deepcopy(original)
    *path, last = data.draw(st.sampled_from(list(_leaves(original))))
    place: Any = value
    for name in path:
        place = place[name]
    place[last] = _changed(place[last], data)
    try:
        found: VerifiedBundle | str = prove(value, trusted(double))
    except GaitopsError as error:
        found = error.code
    assert found in (
        prove(original, trusted(double)),
        "sigstore.bundle",
        "sigstore.untrusted",
        "sigstore.certificate",
        "signature.invalid",
    )


_ORIGINALS: dict[int, Bundle] = {}
"""The same bundles in every example."""
