# SPDX-License-Identifier: Apache-2.0
"""OpenPGP certificates of principals, and what they sign: only what would verify on any other day as well."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from gaitops.errors import GaitopsError, InvalidInputError, MissingDependencyError, VerificationError
from gaitops.signing import openpgp
from gaitops.signing.openpgp import read_certificate
from gaitops.signing.openpgp_signatures import MAX_DRIFT, read_signature, verify
from tests.openpgp_keys import (
    COMPROMISED,
    ENCRYPT,
    RETIRED,
    SHA_1,
    SHA_256,
    SIGN,
    SUPERSEDED,
    UNSAID,
    YEAR,
    Certificate,
    Key,
    armor,
    new_ed25519,
    packet,
    subpacket,
)

pytest.importorskip("pysequoia")

BORN = datetime(2020, 1, 1, tzinfo=UTC)
AT = BORN + YEAR
PAYLOAD = b"tree 0\nauthor A <a@x> 1 +0000\ncommitter A <a@x> 1 +0000\n\nchange\n"
DANA = Certificate("dana", BORN)


def refusal(holder: Certificate, armored: bytes, at: datetime = AT, payload: bytes = PAYLOAD) -> str | None:
    """Why a signature on a commit of a time is not by a certificate; ``None`` when it is."""
    try:
        verify(read_certificate(holder.armored), read_signature(armored), payload, at)
    except VerificationError as error:
        return f"{error.code}: {error.problems[0].message}"
    return None


@pytest.fixture(scope="module")
def rsa_key() -> Callable[[int], rsa.RSAPrivateKey]:
    """RSA keys by their bits, each made once."""
    made: dict[int, rsa.RSAPrivateKey] = {}

    def of(bits: int) -> rsa.RSAPrivateKey:
        return made.setdefault(bits, rsa.generate_private_key(65537, bits))

    return of


# -- certificates -------------------------------------------------------------------------------------------------


def test_a_certificate_names_its_keys() -> None:
    """Primary key and signing keys are known by their fingerprints, and the identity by one of ours."""
    read = read_certificate(DANA.armored)
    assert read.primary == DANA.primary.fingerprint
    assert [key.fingerprint for key in read.signing] == [DANA.subkey.fingerprint]
    assert read.signing[0].key_id == DANA.subkey.fingerprint[-16:]
    assert len(read.fingerprint) == 64


def test_the_identity_is_the_primary_key() -> None:
    """Another subkey or a longer validity leaves it the same identity."""
    longer = Certificate("dana", BORN, lasts=5 * YEAR)
    longer.more = longer.bound(Key(new_ed25519("second"), BORN), SIGN)
    assert read_certificate(longer.armored).fingerprint == read_certificate(DANA.armored).fingerprint
    assert len(read_certificate(longer.armored).signing) == 2
    other = read_certificate(Certificate("erin", BORN).armored)
    assert other.fingerprint != read_certificate(DANA.armored).fingerprint


def secret_key() -> str:
    """A certificate with a secret subkey in an armor that says it is public."""
    return armor("PUBLIC KEY BLOCK", DANA.packets + packet(7, b"\x04SECRET-MATERIAL"))


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        (secret_key(), "key.malformed", "secret key"),
        (DANA.armored + DANA.armored, "key.malformed", "exactly one armor"),
        (armor("PUBLIC KEY BLOCK", DANA.packets * 2), "key.malformed", "exactly one certificate"),
        (armor("PUBLIC KEY BLOCK", DANA.packets[:-9]), "key.malformed", "cut off"),
        (armor("PUBLIC KEY BLOCK", b""), "key.malformed", "exactly one armor"),
        (armor("PUBLIC KEY BLOCK", packet(13, b"dana")), "key.malformed", "exactly one certificate"),
        (
            armor("PUBLIC KEY BLOCK", DANA.packets + packet(11, b"b\0\0\0\0\0x")),
            "key.malformed",
            "belongs in no",
        ),
        (armor("PUBLIC KEY BLOCK", DANA.packets + packet(13, b"x") * 600), "key.malformed", "packets"),
        (armor("SIGNATURE", DANA.packets), "key.malformed", "exactly one armor"),
        (DANA.armored.replace("\n", "\r\n"), "key.malformed", "exactly one armor"),
        ("text\n" + DANA.armored, "key.malformed", "exactly one armor"),
        (Certificate("dana", BORN, flags=ENCRYPT).armored, "key.unsupported", "no key that may sign"),
        (Certificate("dana", BORN, hash_algorithm=SHA_1).armored, "key.weak", "SHA-1"),
        (
            Certificate("dana", BORN, subkey_private=ec.generate_private_key(ec.SECP256K1())).armored,
            "key.unsupported",
            "algorithm 19",
        ),
    ],
)
def test_other_certificates_are_refused(text: str, code: str, part: str) -> None:
    """What is no certificate, holds secrets, or rests on weak algorithms is refused without being repeated."""
    with pytest.raises(InvalidInputError, match=part) as caught:
        read_certificate(text)
    assert caught.value.code == code
    assert "SECRET" not in str(caught.value)
    assert text.split("\n")[-4][:20] not in str(caught.value) or len(text) < 200


@pytest.mark.parametrize("part", ["primary_private", "subkey_private"])
def test_short_rsa_keys_are_refused(rsa_key: Callable[[int], rsa.RSAPrivateKey], part: str) -> None:
    """The rules of strength are those of other keys, for the primary key as for those that sign."""
    with pytest.raises(InvalidInputError, match="2048 bits, at least 3072") as caught:
        read_certificate(Certificate("dana", BORN, **{part: rsa_key(2048)}).armored)  # type: ignore[arg-type]
    assert caught.value.code == "key.weak"


def test_a_weak_key_that_cannot_sign_does_no_harm(rsa_key: Callable[[int], rsa.RSAPrivateKey]) -> None:
    """Keys for encryption are none of our business."""
    holder = Certificate("dana", BORN)
    holder.more = holder.bound(Key(rsa_key(2048), BORN), ENCRYPT)
    assert refusal(holder, holder.sign(PAYLOAD, AT)) is None


def test_without_the_library_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names what to install; it is no verdict."""
    monkeypatch.setitem(sys.modules, "pysequoia", None)
    openpgp.read_certificate.cache_clear()
    with pytest.raises(MissingDependencyError, match="not installed") as caught:
        read_certificate(DANA.armored)
    assert caught.value.code == "dependency.openpgp"
    assert caught.value.problems[0].remedy == "pip install 'gaitops[openpgp]'"


# -- signatures ---------------------------------------------------------------------------------------------------


def test_a_signature_by_a_subkey_is_the_certificates() -> None:
    """Git's usual case."""
    assert refusal(DANA, DANA.sign(PAYLOAD, AT)) is None


@pytest.mark.parametrize("kind", ["p256", "rsa"])
def test_other_algorithms_sign_too(rsa_key: Callable[[int], rsa.RSAPrivateKey], kind: str) -> None:
    """ECDSA on a NIST curve and RSA of 3072 bits, with SHA-256."""
    private = ec.generate_private_key(ec.SECP256R1()) if kind == "p256" else rsa_key(3072)
    holder = Certificate("dana", BORN, subkey_private=private)
    assert refusal(holder, holder.sign(PAYLOAD, AT, hash_algorithm=SHA_256)) is None


def test_certificates_of_version_6_sign() -> None:
    """What Sequoia makes for RFC 9580."""
    import pysequoia as sequoia

    key = sequoia.Tsk.generate(user_id="dana", profile=sequoia.Profile.RFC9580)
    armored = sequoia.sign(key.signer(), PAYLOAD, mode=sequoia.SignatureMode.DETACHED)
    signature, holder = read_signature(armored), read_certificate(str(key.extract_certificate()))
    assert len(holder.primary) == 64
    verify(holder, signature, PAYLOAD, signature.created)
    with pytest.raises(VerificationError):
        verify(holder, signature, PAYLOAD + b".", signature.created)


def test_a_primary_key_may_sign() -> None:
    """A certificate without subkeys, whose primary key certifies and signs."""
    holder = Certificate("solo", BORN)
    user = b"solo"
    own = holder.primary.signature(
        holder.primary.hashable + b"\xb4" + len(user).to_bytes(4) + user,
        0x13,
        BORN,
        hashed=[subpacket(27, b"\x03")],
    )
    text = armor(
        "PUBLIC KEY BLOCK", packet(6, holder.primary.body) + packet(13, user) + packet(2, own), checksum=False
    )
    body = holder.primary.signature(PAYLOAD, 0x00, AT)
    verify(read_certificate(text), read_signature(armor("SIGNATURE", packet(2, body)).encode()), PAYLOAD, AT)


def test_an_issuer_may_be_named_by_its_id_alone() -> None:
    """As GnuPG did before 2.1.16."""
    name = bytes.fromhex(DANA.subkey.fingerprint)[-8:]
    assert refusal(DANA, DANA.sign(PAYLOAD, AT, issuer=False, unhashed=[subpacket(16, name)])) is None


@pytest.mark.parametrize("payload", [b"", PAYLOAD + b"\n", PAYLOAD.replace(b"\n", b"\r\n")])
def test_other_bytes_are_not_signed(payload: bytes) -> None:
    """Line ends included."""
    assert (
        refusal(DANA, DANA.sign(PAYLOAD, AT), payload=payload)
        == "signature.invalid: a signature over other bytes"
    )


def two_signatures() -> bytes:
    """Two in one armor."""
    return armor("SIGNATURE", packet(2, DANA.body(PAYLOAD, AT)) * 2).encode()


GOOD = DANA.sign(PAYLOAD, AT)


@pytest.mark.parametrize(
    ("armored", "part"),
    [
        (two_signatures(), "exactly one signature"),
        (GOOD + GOOD, "exactly one armor"),
        (GOOD + b"junk\n", "exactly one armor"),
        (b"junk\n" + GOOD, "exactly one armor"),
        (GOOD.replace(b"\n", b"\r\n"), "exactly one armor"),
        (GOOD.replace(b"SIGNATURE", b"MESSAGE"), "exactly one armor"),
        (GOOD.replace(b"-----\n\n", b"-----\n", 1), "exactly one armor"),
        (b"", "exactly one armor"),
        (GOOD + b"\n" * 20_000, "more than 16384 bytes"),
        (armor("SIGNATURE", packet(8, b"\x01x")).encode(), "exactly one signature"),
        (armor("SIGNATURE", b"\xc2\xe1\x00").encode(), "known length"),
        (armor("SIGNATURE", b"\x8b" + DANA.body(PAYLOAD, AT)).encode(), "known length"),
        (armor("SIGNATURE", packet(2, b"\x03\x05" + bytes(30))).encode(), "other than 4 and 6"),
        (GOOD.replace(b"\n=", b"\n=A"), "exactly one armor"),
        (
            armor("SIGNATURE", packet(2, DANA.body(PAYLOAD, AT))[:-1] + b"\0").encode()[:-40],
            "exactly one armor",
        ),
        (DANA.sign(PAYLOAD, AT, kind=0x01), "as they are"),
        (DANA.sign(PAYLOAD, AT, kind=0x02), "as they are"),
        (DANA.sign(PAYLOAD, AT, hash_algorithm=SHA_1), "SHA-1 is too weak"),
        (DANA.sign(PAYLOAD, AT, hashed=[subpacket(3, b"\x7f\xff\xff\xff")]), "expires by itself"),
        (DANA.sign(PAYLOAD, AT, hashed=[subpacket(2, b"\0\0\0\0")]), "more than one time"),
        (DANA.sign(PAYLOAD, AT, issuer=False), "which key made it"),
        (DANA.sign(PAYLOAD, AT, unhashed=[subpacket(20, b"note")]), "outside of what it signs"),
    ],
)
def test_other_signatures_are_refused(armored: bytes, part: str) -> None:
    """Anything but one plain signature is refused before Sequoia sees it."""
    message = refusal(DANA, armored)
    assert message is not None
    assert part in message


def test_a_wrong_checksum_is_refused() -> None:
    """Where an armor has one, it counts."""
    armored = armor("SIGNATURE", packet(2, DANA.body(PAYLOAD, AT)))
    before, _, after = armored.rpartition("\n=")
    assert refusal(DANA, f"{before}\n=AAAA{after[4:]}".encode()) == (
        "signature.invalid: an OpenPGP signature that is not usable: the checksum of its armor is wrong"
    )
    assert (
        refusal(DANA, armor("SIGNATURE", packet(2, DANA.body(PAYLOAD, AT)), checksum=False).encode()) is None
    )


def test_unknown_critical_subpackets_are_refused() -> None:
    """A signer who demands that something be understood is not half understood."""
    assert refusal(DANA, DANA.sign(PAYLOAD, AT, hashed=[subpacket(0x80 | 99, b"x")])) is not None
    assert refusal(DANA, DANA.sign(PAYLOAD, AT, hashed=[subpacket(99, b"x")])) is None


def test_every_changed_octet_breaks_a_signature() -> None:
    """No octet of the packet can differ in a valid signature, and none brings anything but the one error."""
    body, holder = DANA.body(PAYLOAD, AT), read_certificate(DANA.armored)
    verify(holder, read_signature(armor("SIGNATURE", packet(2, body)).encode()), PAYLOAD, AT)
    for place in range(len(body)):
        for mask in (0x01, 0x80):
            changed = bytearray(body)
            changed[place] ^= mask
            assert refusal(DANA, armor("SIGNATURE", packet(2, bytes(changed))).encode()) is not None


def test_every_changed_octet_of_an_armor_is_refused() -> None:
    """Whatever stands in its place."""
    for place in range(len(GOOD) - 1):
        changed = GOOD[:place] + (b"A" if GOOD[place : place + 1] != b"A" else b"B") + GOOD[place + 1 :]
        assert refusal(DANA, changed) is not None


def test_changed_octets_of_a_certificate_are_handled() -> None:
    """Every third: a certificate is read or refused; with a change that reaches the signing key it proves nothing."""
    packets = DANA.packets
    signature = read_signature(GOOD)
    for place in range(0, len(packets), 3):
        changed = packets[:place] + bytes([packets[place] ^ 0x55]) + packets[place + 1 :]
        try:
            holder = read_certificate(armor("PUBLIC KEY BLOCK", changed))
            verify(holder, signature, PAYLOAD, AT)
        except GaitopsError:
            continue
        assert [key.fingerprint for key in holder.signing] == [DANA.subkey.fingerprint]


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_politely(data: bytes) -> None:
    """Readers raise their own errors only."""
    for label, read in (
        ("SIGNATURE", lambda text: read_signature(text.encode())),
        ("PUBLIC KEY BLOCK", read_certificate),
    ):
        with pytest.raises(GaitopsError):
            read(armor(label, data))


# -- whose, and when ----------------------------------------------------------------------------------------------


def test_naming_another_key_does_not_help() -> None:
    """A signature that says it is by Dana's key, and is by another, is nobody's."""
    mallory = Certificate("mallory", BORN)
    name = bytes.fromhex(DANA.subkey.fingerprint)
    forged = mallory.sign(
        PAYLOAD, AT, issuer=False, hashed=[subpacket(33, b"\x04" + name)], unhashed=[subpacket(16, name[-8:])]
    )
    assert "does not verify" in str(refusal(DANA, forged))
    both = mallory.sign(PAYLOAD, AT, unhashed=[subpacket(16, name[-8:])])
    assert "none that may sign" in str(refusal(DANA, both))
    assert "none that may sign" in str(refusal(mallory, both))


def test_a_subkey_cannot_be_adopted() -> None:
    """A signing subkey must sign for its primary key in turn, so nobody else's certificate gets its signatures."""
    mallory = Certificate("mallory", BORN)
    flags = subpacket(27, bytes([SIGN]))
    binding = mallory.primary.signature(
        mallory.primary.hashable + DANA.subkey.hashable, 0x18, BORN, hashed=[flags]
    )
    mallory.more = [packet(14, DANA.subkey.body), packet(2, binding)]
    assert "does not verify" in str(refusal(mallory, GOOD))


def test_a_key_for_encryption_does_not_sign() -> None:
    """Its certificate says what it is for."""
    holder = Certificate("dana", BORN)
    other = Key(new_ed25519("other"), BORN)
    holder.more = holder.bound(other, ENCRYPT)
    body = other.signature(PAYLOAD, 0x00, AT)
    assert "none that may sign" in str(refusal(holder, armor("SIGNATURE", packet(2, body)).encode()))


@pytest.mark.parametrize("which", ["lasts", "primary_lasts"])
def test_an_expired_key_keeps_what_it_signed_before(which: str) -> None:
    """Expiry years ago leaves old signatures valid and makes newer ones invalid, today and on any day to come."""
    holder = Certificate("dana", BORN, **{which: 2 * YEAR})  # type: ignore[arg-type]
    assert refusal(holder, holder.sign(PAYLOAD, AT), AT) is None
    later = BORN + 2 * YEAR
    assert refusal(holder, holder.sign(PAYLOAD, later - timedelta(seconds=1)), later) is None
    assert "expired or revoked" in str(refusal(holder, holder.sign(PAYLOAD, later), later))


def test_a_key_does_not_sign_before_it_exists() -> None:
    """A signature older than its key is nobody's."""
    assert refusal(DANA, DANA.sign(PAYLOAD, BORN - YEAR), BORN - YEAR) is not None


@pytest.mark.parametrize("reason", [COMPROMISED, UNSAID])
def test_a_compromised_certificate_proves_nothing(reason: int) -> None:
    """Revoked as compromised or for no reason, not even what it signed before counts: its thief chooses the time."""
    at = BORN + YEAR / 2
    assert refusal(DANA.revoked(AT, reason), DANA.sign(PAYLOAD, at), at) is not None


@pytest.mark.parametrize("reason", [RETIRED, SUPERSEDED])
def test_a_retired_certificate_keeps_what_it_signed_before(reason: int) -> None:
    """Revoked as no longer used or replaced, from then on."""
    retired = DANA.revoked(AT, reason)
    before, after = AT - timedelta(days=1), AT + timedelta(days=1)
    assert refusal(retired, DANA.sign(PAYLOAD, before), before) is None
    assert refusal(retired, DANA.sign(PAYLOAD, after), after) is not None


def test_others_cannot_revoke_a_certificate() -> None:
    """A revocation that another key made is worth nothing."""
    mallory = Certificate("mallory", BORN)
    made = mallory.primary.signature(DANA.primary.hashable, 0x20, AT, hashed=[subpacket(29, b"\x02")])
    holder = Certificate("dana", BORN, after_primary=[packet(2, made)])
    assert refusal(holder, GOOD) is None


def test_the_time_of_a_signature_is_near_that_of_its_commit() -> None:
    """Whoever dates a signature back must date the commit back too, where everybody sees it."""
    assert refusal(DANA, GOOD, AT + MAX_DRIFT) is None
    assert refusal(DANA, GOOD, AT - MAX_DRIFT) is None
    for at in (AT + MAX_DRIFT + timedelta(seconds=1), AT - MAX_DRIFT - timedelta(seconds=1)):
        assert "more than a day" in str(refusal(DANA, GOOD, at))


def test_a_signature_from_the_future_is_refused() -> None:
    """A time that has not come is no time at which a key was good."""
    late = datetime(2100, 1, 1, tzinfo=UTC)
    assert "has not come yet" in str(refusal(DANA, DANA.sign(PAYLOAD, late), late))


# -- GnuPG itself -------------------------------------------------------------------------------------------------


@pytest.fixture
def gnupg() -> Iterator[Callable[..., bytes]]:
    """GnuPG with a home of its own, and the clock of 2021-06-01."""
    program = shutil.which("gpg")
    if program is None:
        pytest.skip("GnuPG is not installed")
    # Not in tmp_path: GnuPG's agent needs a short path for its socket.
    with tempfile.TemporaryDirectory(prefix="gpg", dir="/tmp") as home:
        Path(home).chmod(0o700)
        common = [program, "--homedir", home, "--batch", "--quiet", "--faked-system-time", "20210601T120000"]

        def run(*arguments: str, data: bytes = b"") -> bytes:
            done = subprocess.run([*common, *arguments], input=data, capture_output=True, check=True)
            return done.stdout

        yield run
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=True)


def test_what_gnupg_makes_verifies(gnupg: Callable[..., bytes]) -> None:
    """A certificate and a detached signature, as Git has them made."""
    gnupg("--passphrase", "", "--quick-gen-key", "Dana <dana@example.com>", "ed25519", "sign", "1y")
    text = gnupg("--armor", "--export-options", "export-minimal", "--export", "dana@example.com").decode()
    armored = gnupg("--armor", "--detach-sign", "--local-user", "dana@example.com", data=PAYLOAD)
    signature = read_signature(armored)
    assert signature.created == datetime(2021, 6, 1, 12, tzinfo=UTC)
    verify(read_certificate(text), signature, PAYLOAD, signature.created)
    with pytest.raises(VerificationError):
        verify(read_certificate(text), signature, PAYLOAD + b".", signature.created)
    with pytest.raises(InvalidInputError):
        read_certificate(
            gnupg(
                "--armor", "--passphrase", "", "--pinentry-mode", "loopback", "--export-secret-keys"
            ).decode()
        )
