# SPDX-License-Identifier: Apache-2.0
"""DSSE: who signed an envelope, under which id, and what does not count."""

from __future__ import annotations

import base64
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope as ReferenceEnvelope
from securesystemslib.signer import CryptoSigner, Key, Signature, Signer, SSlibKey

from gaitops.errors import GaitopsError, InternalError, InvalidInputError, VerificationError
from gaitops.signing.dsse import Envelope, add_signature, pae, parse_envelope, seal, verified_by
from gaitops.signing.keys import parse_public_key

TYPE = "application/vnd.in-toto+json"
PAYLOAD = b'{"a":1}'


def ed25519_signer() -> CryptoSigner:
    """A new Ed25519 key."""
    return CryptoSigner(Ed25519PrivateKey.generate())


@pytest.fixture(scope="module")
def rsa_private() -> rsa.RSAPrivateKey:
    """An RSA key, made once, for it takes a while."""
    return rsa.generate_private_key(65537, 3072)


def edit(data: bytes, **changes: Any) -> bytes:
    """The envelope with some members replaced."""
    return json.dumps(json.loads(data) | changes).encode()


def resign(data: bytes, **changes: Any) -> bytes:
    """The envelope with members of its first signature replaced."""
    value = json.loads(data)
    value["signatures"][0].update(changes)
    return json.dumps(value).encode()


class Renamed(Signer):
    """A signer whose public key is not its own, as with a wrong key version in a KMS."""

    def __init__(self, inner: Signer, public_key: Key) -> None:
        self._inner = inner
        self._public_key = public_key

    @property
    def public_key(self) -> Key:
        return self._public_key

    @classmethod
    def from_priv_key_uri(cls, priv_key_uri: str, public_key: Key, secrets_handler: Any = None) -> Signer:
        raise NotImplementedError

    def sign(self, payload: bytes) -> Signature:
        return self._inner.sign(payload)


class Broken(Renamed):
    """A signer whose library fails."""

    def sign(self, payload: bytes) -> Signature:
        raise ConnectionError("the KMS is away")


class TestSeal:
    """Writing envelopes."""

    def test_bytes_are_deterministic(self) -> None:
        """The order of the signers does not matter; canonical JSON and one newline."""
        signers = [ed25519_signer() for _ in range(3)]
        sealed = seal(TYPE, PAYLOAD, signers)
        assert sealed == seal(TYPE, PAYLOAD, signers[::-1])
        value = json.loads(sealed)
        assert sealed == json.dumps(value, sort_keys=True, separators=(",", ":")).encode() + b"\n"
        assert [entry["keyid"] for entry in value["signatures"]] == sorted(
            s.public_key.keyid for s in signers
        )

    def test_other_implementation_verifies(self) -> None:
        """securesystemslib reads the envelope and finds both signatures."""
        signers = [ed25519_signer(), CryptoSigner(ec.generate_private_key(ec.SECP256R1()))]
        envelope = ReferenceEnvelope.from_dict(json.loads(seal(TYPE, PAYLOAD, signers)))
        assert len(envelope.verify([signer.public_key for signer in signers], 2)) == 2

    def test_reads_other_implementation(self) -> None:
        """What securesystemslib sealed is verified here."""
        signer = ed25519_signer()
        reference = ReferenceEnvelope(PAYLOAD, TYPE, {})
        reference.sign(signer)
        assert verified_by(parse_envelope(json.dumps(reference.to_dict()).encode()), signer.public_key)

    def test_every_algorithm(self, rsa_private: rsa.RSAPrivateKey) -> None:
        """One envelope with a signature of each algorithm."""
        privates: list[Any] = [
            Ed25519PrivateKey.generate(),
            ec.generate_private_key(ec.SECP256R1()),
            ec.generate_private_key(ec.SECP384R1()),
            ec.generate_private_key(ec.SECP521R1()),
            rsa_private,
            mldsa.MLDSA65PrivateKey.generate(),
        ]
        signers = [CryptoSigner(private) for private in privates]
        envelope = parse_envelope(seal(TYPE, PAYLOAD, signers))
        assert all(verified_by(envelope, signer.public_key) for signer in signers)
        assert not verified_by(envelope, ed25519_signer().public_key)

    def test_without_signers(self) -> None:
        """An envelope nobody signed cannot be written."""
        with pytest.raises(InvalidInputError) as caught:
            seal(TYPE, PAYLOAD, [])
        assert caught.value.code == "envelope.signers"

    def test_payload_type_that_nobody_reads(self) -> None:
        """A type that a reader refuses cannot be sealed."""
        with pytest.raises(InvalidInputError) as caught:
            seal("text/plain\n", PAYLOAD, [ed25519_signer()])
        assert caught.value.code == "envelope.malformed"

    def test_one_key_twice(self) -> None:
        """The same key twice is a mistake, not two signatures."""
        signer = ed25519_signer()
        with pytest.raises(InvalidInputError) as caught:
            seal(TYPE, PAYLOAD, [signer, signer])
        assert caught.value.code == "envelope.signers"

    def test_too_large(self) -> None:
        """What no verifier would read is not written."""
        with pytest.raises(InvalidInputError) as caught:
            seal(TYPE, b"x" * 2**16, [ed25519_signer()])
        assert caught.value.code == "envelope.too_large"

    def test_wrong_private_key(self) -> None:
        """A signature that does not verify never leaves as an envelope."""
        signer = Renamed(ed25519_signer(), ed25519_signer().public_key)
        with pytest.raises(InternalError) as caught:
            seal(TYPE, PAYLOAD, [signer])
        assert caught.value.code == "signing.failed"

    def test_failing_library(self) -> None:
        """Whatever a signer raises becomes one error with its message."""
        signer = ed25519_signer()
        with pytest.raises(InternalError, match="the KMS is away") as caught:
            seal(TYPE, PAYLOAD, [Broken(signer, signer.public_key)])
        assert caught.value.code == "signing.failed"

    def test_weak_key(self) -> None:
        """A signer with a weak key is refused before it signs."""
        weak = CryptoSigner(rsa.generate_private_key(65537, 2048))
        with pytest.raises(InvalidInputError) as caught:
            seal(TYPE, PAYLOAD, [weak])
        assert caught.value.code == "key.weak"

    def test_foreign_key_id_is_not_written(self) -> None:
        """A signer that calls its key by another id signs under the key's own id."""
        signer = ed25519_signer()
        own = signer.public_key
        renamed = Renamed(signer, SSlibKey("0" * 64, own.keytype, own.scheme, own.keyval))
        assert seal(TYPE, PAYLOAD, [renamed]) == seal(TYPE, PAYLOAD, [signer])


class TestAddSignature:
    """Co-signing."""

    def test_same_as_sealed_together(self) -> None:
        """One after the other gives the same bytes as both at once."""
        first, second = ed25519_signer(), ed25519_signer()
        assert add_signature(seal(TYPE, PAYLOAD, [first]), second) == seal(TYPE, PAYLOAD, [first, second])

    def test_twice(self) -> None:
        """Signing again changes nothing, even where signatures are random."""
        signer = CryptoSigner(ec.generate_private_key(ec.SECP256R1()))
        sealed = seal(TYPE, PAYLOAD, [signer])
        assert add_signature(sealed, signer) == sealed

    def test_replaces_a_broken_signature(self) -> None:
        """A damaged signature of the same key gives way, the others stay."""
        first, second = ed25519_signer(), ed25519_signer()
        sealed = seal(TYPE, PAYLOAD, [first, second])
        value = json.loads(sealed)
        mine = next(entry for entry in value["signatures"] if entry["keyid"] == first.public_key.keyid)
        mine["sig"] = "AAAA"
        assert add_signature(json.dumps(value).encode(), first) == sealed


class TestVerifiedBy:
    """One key at a time (T12)."""

    def test_key_id_not_the_keys_own(self) -> None:
        """A valid signature under another id counts for nobody."""
        signer = ed25519_signer()
        sealed = seal(TYPE, PAYLOAD, [signer])
        renamed = SSlibKey("0" * 64, "ed25519", "ed25519", signer.public_key.keyval)
        envelope = parse_envelope(resign(sealed, keyid="0" * 64))
        assert not verified_by(envelope, signer.public_key)
        assert not verified_by(envelope, renamed)
        assert verified_by(parse_envelope(sealed), renamed)

    def test_without_key_id(self) -> None:
        """DSSE lets the id be absent; such a signature counts for nobody."""
        signer = ed25519_signer()
        value = json.loads(seal(TYPE, PAYLOAD, [signer]))
        del value["signatures"][0]["keyid"]
        assert not verified_by(parse_envelope(json.dumps(value).encode()), signer.public_key)

    @pytest.mark.parametrize("sig", ["!", "AAA", "AAAA", " AAAA", "_-==", "AB=="])
    def test_malformed_signature(self, sig: str) -> None:
        """Base64 that is malformed, of the URL alphabet or not canonical is not a signature."""
        signer = ed25519_signer()
        assert not verified_by(
            parse_envelope(resign(seal(TYPE, PAYLOAD, [signer]), sig=sig)), signer.public_key
        )

    def test_junk_beside_a_good_signature(self) -> None:
        """Duplicates and junk under the same id harm nothing."""
        signer = ed25519_signer()
        value = json.loads(seal(TYPE, PAYLOAD, [signer]))
        good = value["signatures"][0]
        value["signatures"] = [
            good | {"sig": "AAAA"},
            good,
            good,
            {"keyid": "x", "sig": ""},
            good | {"sig": "?"},
        ]
        assert verified_by(parse_envelope(json.dumps(value).encode()), signer.public_key)

    def test_other_payload_type(self) -> None:
        """The type is signed with the payload."""
        signer = ed25519_signer()
        sealed = seal(TYPE, PAYLOAD, [signer])
        assert not verified_by(parse_envelope(edit(sealed, payloadType=TYPE + "x")), signer.public_key)

    def test_other_payload(self) -> None:
        """Another payload is not what was signed."""
        signer = ed25519_signer()
        payload = base64.b64encode(b'{"a":2}').decode()
        sealed = edit(seal(TYPE, PAYLOAD, [signer]), payload=payload)
        assert not verified_by(parse_envelope(sealed), signer.public_key)

    def test_weaker_padding(self, rsa_private: rsa.RSAPrivateKey) -> None:
        """An RSA signature with the old padding or SHA-1 does not count: the key fixes the algorithm."""
        key = SSlibKey.from_crypto(rsa_private.public_key())
        signed = pae(TYPE, PAYLOAD)
        sha1 = padding.PSS(padding.MGF1(hashes.SHA1()), 20)  # noqa: S303 - the weakness is the test
        for signature in (
            rsa_private.sign(signed, padding.PKCS1v15(), hashes.SHA256()),
            rsa_private.sign(signed, sha1, hashes.SHA1()),  # noqa: S303 - the weakness is the test
        ):
            value = base64.b64encode(signature).decode()
            data = json.dumps(
                {
                    "payload": base64.b64encode(PAYLOAD).decode(),
                    "payloadType": TYPE,
                    "signatures": [{"keyid": key.keyid, "sig": value}],
                }
            )
            assert not verified_by(parse_envelope(data.encode()), key)

    def test_key_that_claims_a_weaker_scheme(self, rsa_private: rsa.RSAPrivateKey) -> None:
        """A key object with the old scheme has signed nothing, whatever its signatures say."""
        signer = CryptoSigner(
            rsa_private, SSlibKey.from_crypto(rsa_private.public_key(), scheme="rsa-pkcs1v15-sha256")
        )
        reference = ReferenceEnvelope(PAYLOAD, TYPE, {})
        reference.sign(signer)
        assert not verified_by(parse_envelope(json.dumps(reference.to_dict()).encode()), signer.public_key)

    def test_ssh_key_needs_an_ssh_signature(self) -> None:
        """The bare signature of the same Ed25519 key does not count for the SSH key, nor the other way round."""
        private = Ed25519PrivateKey.generate()
        ssh = parse_public_key(
            private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        )
        sealed = seal(TYPE, PAYLOAD, [CryptoSigner(private)])
        assert not verified_by(parse_envelope(resign(sealed, keyid=ssh.keyid)), ssh)

    def test_security_key(self, security_key: Any) -> None:
        """An envelope signed by a security key, which was touched or was not."""
        for flags, expected in ((1, True), (0, False)):
            blob = security_key.sign(pae(TYPE, PAYLOAD), flags=flags)
            entry = {"keyid": security_key.key.keyid, "sig": base64.b64encode(blob).decode()}
            sealed = edit(seal(TYPE, PAYLOAD, [ed25519_signer()]), signatures=[entry])
            assert verified_by(parse_envelope(sealed), security_key.key) is expected

    def test_from_threads(self) -> None:
        """Checks may run side by side on the same keys."""
        signers = [ed25519_signer() for _ in range(8)]
        envelope = parse_envelope(seal(TYPE, PAYLOAD, signers))
        keys = [signer.public_key for signer in signers] * 4
        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(lambda key: verified_by(envelope, key), keys))


class TestParse:
    """Reading envelopes strictly."""

    def test_round_trip(self) -> None:
        """Payload and type come back; unknown members are ignored."""
        sealed = edit(seal(TYPE, PAYLOAD, [ed25519_signer()]), extra={"x": 1})
        envelope = parse_envelope(sealed, "approvals/x.json")
        assert isinstance(envelope, Envelope)
        assert (envelope.payload, envelope.payload_type, len(envelope.signatures)) == (PAYLOAD, TYPE, 1)

    @pytest.mark.parametrize(
        "signatures", [[], None, [{"keyid": "x", "sig": ""}]], ids=["empty", "absent", "blank"]
    )
    def test_stripped(self, signatures: list[Any] | None) -> None:
        """An envelope without its signatures fails verification; it is not merely unsigned (T12)."""
        value = json.loads(seal(TYPE, PAYLOAD, [ed25519_signer()]))
        del value["signatures"]
        if signatures is not None:
            value["signatures"] = signatures
        with pytest.raises(VerificationError) as caught:
            parse_envelope(json.dumps(value).encode(), "approvals/x.json")
        assert (caught.value.code, caught.value.problems[0].path) == ("signature.invalid", "approvals/x.json")

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"payload": "!"}, "payload"),
            ({"payload": "eyJhIjoxfR=="}, "payload"),
            ({"payload": "eyJhIjox fQ=="}, "payload"),
            ({"payload": 1}, "payload"),
            ({"payloadType": ""}, "payloadType"),
            ({"payloadType": 1}, "payloadType"),
            ({"payloadType": "text/plain "}, "payloadType"),
            ({"payloadType": "t\u0435xt/plain"}, "payloadType"),
            ({"signatures": {}}, "signatures"),
            ({"signatures": ["x"]}, "signatures[0]"),
            ({"signatures": [{"keyid": "x"}]}, "signatures[0]"),
            ({"signatures": [{"keyid": 1, "sig": "AAAA"}]}, "signatures[0]"),
            ({"signatures": [{"keyid": "x", "sig": "AAAA"}] * 65}, "signatures"),
        ],
    )
    def test_malformed(self, changes: dict[str, Any], field: str) -> None:
        """The error names the field and the file."""
        with pytest.raises(InvalidInputError) as caught:
            parse_envelope(edit(seal(TYPE, PAYLOAD, [ed25519_signer()]), **changes), "approvals/x.json")
        problem = caught.value.problems[0]
        assert (problem.code, problem.field, problem.path) == (
            "envelope.malformed",
            field,
            "approvals/x.json",
        )

    def test_not_an_object(self) -> None:
        """A list is not an envelope."""
        with pytest.raises(InvalidInputError) as caught:
            parse_envelope(b"[]")
        assert caught.value.code == "envelope.malformed"

    def test_two_payloads(self) -> None:
        """Two payloads would let two readers see two envelopes."""
        sealed = seal(TYPE, PAYLOAD, [ed25519_signer()])
        with pytest.raises(InvalidInputError) as caught:
            parse_envelope(sealed.strip()[:-1] + b',"payload":"AAAA"}')
        assert caught.value.code == "document.duplicate_key"

    def test_too_large(self) -> None:
        """Nobody makes a verifier read a megabyte."""
        with pytest.raises(InvalidInputError) as caught:
            parse_envelope(edit(seal(TYPE, PAYLOAD, [ed25519_signer()]), junk="x" * 2**20))
        assert caught.value.code == "document.too_large"

    @given(st.binary(max_size=200))
    @settings(deadline=None, derandomize=True, max_examples=200)
    def test_any_bytes(self, data: bytes) -> None:
        """No input makes the reader fail in another way than its own."""
        with pytest.raises(GaitopsError):
            parse_envelope(data)


SIGNER = ed25519_signer()


@given(
    st.binary(max_size=500), st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=1)
)
@settings(deadline=None, derandomize=True, max_examples=100)
def test_round_trip_of_any_payload(payload: bytes, payload_type: str) -> None:
    """Any payload and type survive, and are what was signed."""
    envelope = parse_envelope(seal(payload_type, payload, [SIGNER]))
    assert (envelope.payload, envelope.payload_type) == (payload, payload_type)
    assert verified_by(envelope, SIGNER.public_key)


@given(st.data())
@settings(deadline=None, derandomize=True, max_examples=150)
def test_no_byte_of_the_message_can_change(data: st.DataObject) -> None:
    """Flipping any bit of payload or signature makes the verdict negative."""
    envelope = parse_envelope(seal(TYPE, PAYLOAD * 5, [SIGNER]))
    raw = base64.b64decode(envelope.signatures[0].sig)
    target = data.draw(st.sampled_from([envelope.payload, raw]))
    position = data.draw(st.integers(0, len(target) - 1))
    flipped = bytearray(target)
    flipped[position] ^= 1 << data.draw(st.integers(0, 7))
    payload = bytes(flipped) if target is envelope.payload else envelope.payload
    sig = base64.b64encode(bytes(flipped) if target is raw else raw).decode()
    entry = type(envelope.signatures[0])(envelope.signatures[0].keyid, sig)
    assert not verified_by(Envelope(payload, TYPE, (entry,)), SIGNER.public_key)


def test_golden_vector() -> None:
    """PAE and signature of a fixed key never change: Ed25519 and canonical JSON are deterministic."""
    signer = CryptoSigner(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    sealed = seal("http://example.com/HelloWorld", b"hello world", [signer])
    assert (
        hashlib.sha256(sealed).hexdigest()
        == "e07f41a3b6447396bf2203d93be87c114b229f24f14571943bb657d462f8a0e8"
    )
