# SPDX-License-Identifier: Apache-2.0
"""Public keys: what is accepted, what is refused, and when two keys are the same."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, mldsa, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from securesystemslib.signer import Key, SSlibKey

from gaitops.errors import InvalidInputError
from gaitops.signing.keys import assurance, fingerprint, load, parse_public_key, public_text
from gaitops.signing.ssh import SSHKey

ED25519_P = 2**255 - 19


def pem(public: Any) -> str:
    """The PEM text of a public key of the cryptography library."""
    text: bytes = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return text.decode()


def openssh(public: Any) -> str:
    """The OpenSSH line of a public key of the cryptography library."""
    text: bytes = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return text.decode()


def rsa_public(bits: int = 3072, exponent: int = 65537) -> rsa.RSAPublicKey:
    """An RSA public key of a size, without the wait for a private one."""
    return rsa.RSAPublicNumbers(exponent, 2 ** (bits - 1) + 1).public_key()


def ed25519_from_y(y: int, sign: int = 0) -> Ed25519PublicKey:
    """A key with a chosen encoding."""
    return Ed25519PublicKey.from_public_bytes((y | sign << 255).to_bytes(32, "little"))


def code_of(text: str) -> str:
    """The code with which a public key is refused."""
    with pytest.raises(InvalidInputError) as caught:
        parse_public_key(text)
    return caught.value.code


ACCEPTED: dict[str, Any] = {
    "ed25519": Ed25519PrivateKey.generate().public_key(),
    "p256": ec.generate_private_key(ec.SECP256R1()).public_key(),
    "p384": ec.generate_private_key(ec.SECP384R1()).public_key(),
    "p521": ec.generate_private_key(ec.SECP521R1()).public_key(),
    "rsa": rsa_public(),
}


class TestPEM:
    """SubjectPublicKeyInfo, the form of TUF metadata."""

    @pytest.mark.parametrize("public", ACCEPTED.values(), ids=ACCEPTED)
    def test_key_id_is_that_of_tuf_metadata(self, public: Any) -> None:
        """Type, scheme and key id equal what securesystemslib computes, so metadata and envelopes share ids."""
        key = parse_public_key(pem(public))
        assert key == SSlibKey.from_crypto(public)
        assert load(key).keyid == key.keyid

    @pytest.mark.parametrize(
        ("name", "scheme"),
        [
            ("ed25519", "ed25519"),
            ("p256", "ecdsa-sha2-nistp256"),
            ("p384", "ecdsa-sha2-nistp384"),
            ("p521", "ecdsa-sha2-nistp521"),
            ("rsa", "rsassa-pss-sha256"),
        ],
    )
    def test_scheme(self, name: str, scheme: str) -> None:
        """The key decides how it signs."""
        assert parse_public_key(pem(ACCEPTED[name])).scheme == scheme

    def test_ml_dsa(self) -> None:
        """Post-quantum keys are accepted where the cryptography library has them."""
        key = parse_public_key(pem(mldsa.MLDSA65PrivateKey.generate().public_key()))
        assert key.keytype == "ml-dsa"
        assert len(fingerprint(key)) == 64

    def test_whitespace_around_does_not_matter(self) -> None:
        """Indentation by YAML leaves the key what it is."""
        text = pem(ACCEPTED["p256"])
        assert parse_public_key(f"\n {text}\n\n") == parse_public_key(text)

    def test_compressed_point_is_the_same_key(self) -> None:
        """Another encoding of the same point gets the same id and the same fingerprint."""
        public = ACCEPTED["p256"]
        uncompressed = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        compressed = public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        # SEQUENCE { AlgorithmIdentifier, BIT STRING }: only the lengths and the point change.
        body = der[2 : -len(uncompressed) - 3] + bytes([3, len(compressed) + 1, 0]) + compressed
        other = base64.encodebytes(bytes([0x30, len(body)]) + body).decode()
        text = f"-----BEGIN PUBLIC KEY-----\n{other}-----END PUBLIC KEY-----\n"
        assert parse_public_key(text) == parse_public_key(pem(public))

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "-----BEGIN PUBLIC KEY-----",
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            pem(ACCEPTED["p256"]) + pem(ACCEPTED["p384"]),
            pem(ACCEPTED["p256"]).replace("PUBLIC KEY", "RSA PUBLIC KEY"),
            "junk " + pem(ACCEPTED["p256"]),
            "A" * 20_000,
        ],
        ids=["empty", "only a label", "not DER", "certificate", "two keys", "label", "text in front", "huge"],
    )
    def test_malformed(self, text: str) -> None:
        """Exactly one PEM block with exactly that label is read."""
        assert code_of(text) == "key.malformed"

    def test_private_key_is_not_echoed(self) -> None:
        """Somebody who pastes a private key gets an error that does not repeat it."""
        text = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHNlY3JldA==\n-----END PRIVATE KEY-----\n"
        with pytest.raises(InvalidInputError) as caught:
            parse_public_key(text)
        assert "MC4CAQ" not in str(caught.value)


class TestWeak:
    """Keys that are refused although libraries accept them."""

    @pytest.mark.parametrize("form", [pem, openssh])
    @pytest.mark.parametrize(
        ("public", "code"),
        [
            (rsa_public(2048), "key.weak"),
            (rsa_public(3071), "key.weak"),
            (rsa_public(exponent=3), "key.weak"),
            (rsa_public(16392), "key.unsupported"),
            (rsa_public(exponent=2**64 + 1), "key.unsupported"),
        ],
        ids=["2048 bits", "3071 bits", "exponent 3", "too large", "exponent too large"],
    )
    def test_rsa(self, form: Callable[[Any], str], public: rsa.RSAPublicKey, code: str) -> None:
        """RSA needs 3072 bits and an exponent from 65537, in either form, and not so much that checks get slow."""
        assert code_of(form(public)) == code

    @pytest.mark.parametrize(
        "public",
        [
            ec.generate_private_key(ec.SECP256K1()).public_key(),
            ed448.Ed448PrivateKey.generate().public_key(),
            dsa.generate_private_key(2048).public_key(),
        ],
        ids=["secp256k1", "ed448", "dsa"],
    )
    def test_unsupported(self, public: Any) -> None:
        """Other curves and algorithms are named and refused."""
        assert code_of(pem(public)) == "key.unsupported"

    @pytest.mark.parametrize("form", [pem, openssh])
    @pytest.mark.parametrize("sign", [0, 1])
    def test_small_order_ed25519(self, form: Callable[[Any], str], sign: int) -> None:
        """The eight points of small order, found here by solving for them, accept signatures nobody made."""
        d = -121665 * pow(121666, -1, ED25519_P) % ED25519_P
        # A point of order 8 doubles to one of order 4, which has y = 0, so x^2 = -y^2 in -x^2 + y^2 = 1 + d x^2 y^2.
        root = square_root(1 + d)
        solutions = [square_root((-1 + s) * pow(d, -1, ED25519_P) % ED25519_P) for s in (root, -root)]
        eights = [y for y in solutions if y is not None]
        assert len(eights) == 1
        for y in (0, 1, ED25519_P - 1, eights[0], ED25519_P - eights[0]):
            assert code_of(form(ed25519_from_y(y, sign))) == "key.weak"

    def test_second_encoding_of_ed25519(self) -> None:
        """A y coordinate beyond the field would be a second name for the same key."""
        assert code_of(pem(ed25519_from_y(ED25519_P + 3))) == "key.weak"


def square_root(value: int) -> Any:
    """A square root modulo the field of Ed25519, or ``None``."""
    root = pow(value, (ED25519_P + 3) // 8, ED25519_P)
    for candidate in (root, root * pow(2, (ED25519_P - 1) // 4, ED25519_P) % ED25519_P):
        if (candidate * candidate - value) % ED25519_P == 0:
            return candidate
    return None


class TestOpenSSH:
    """One-line public keys."""

    @pytest.mark.parametrize("public", ACCEPTED.values(), ids=ACCEPTED)
    def test_same_fingerprint_as_pem(self, public: Any) -> None:
        """One key under two forms is one key, though the ids differ because they sign differently."""
        ssh, plain = parse_public_key(openssh(public)), parse_public_key(pem(public))
        assert isinstance(ssh, SSHKey)
        der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        assert fingerprint(ssh) == fingerprint(plain) == hashlib.sha256(der).hexdigest()
        assert ssh.keyid != plain.keyid
        assert (assurance(ssh), assurance(plain)) == ("ssh", "key")

    def test_comment_is_not_part_of_the_key(self) -> None:
        """Comments of ``.pub`` files are dropped."""
        line = openssh(ACCEPTED["ed25519"])
        assert parse_public_key(f"{line} dana@laptop, second floor\n") == parse_public_key(line)

    def test_security_key(self, security_key: Any) -> None:
        """A security key is known as such, and its fingerprint is that of the key inside."""
        key = parse_public_key(security_key.key.wire.line)
        assert assurance(key) == "ssh-sk"
        der = security_key.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        assert fingerprint(key) == hashlib.sha256(der).hexdigest()

    def test_security_key_of_a_web_site(self, security_key: Any) -> None:
        """A FIDO2 key made for a web site is not an SSH key."""
        site = type(security_key)(security_key.private, b"https://example.com")
        line = f"{site.key_type.decode()} {base64.b64encode(site.blob).decode()}"
        assert code_of(line) == "key.malformed"

    def test_round_trip_through_a_dictionary(self) -> None:
        """securesystemslib reads back what it wrote."""
        key = parse_public_key(openssh(ACCEPTED["p384"]))
        assert Key.from_dict(key.keyid, key.to_dict()) == key

    @pytest.mark.parametrize("change", ["keyid", "keytype", "weak", "malformed"])
    def test_dictionary_that_lies(self, change: str) -> None:
        """A key id is never believed, nor a type, nor a weak key because it comes as a dictionary."""
        key = parse_public_key(openssh(ACCEPTED["p384"]))
        form = key.to_dict()
        keyid = "0" * 64 if change == "keyid" else key.keyid
        if change == "keytype":
            form["keytype"] = "ssh-ed25519"
        elif change == "weak":
            form["keyval"] = {"public": openssh(rsa_public(2048))}
        elif change == "malformed":
            form["keyval"] = {"public": "ssh-ed25519"}
        with pytest.raises(ValueError):
            Key.from_dict(keyid, form)

    @pytest.mark.parametrize(
        "line",
        [
            "ssh-ed25519",
            "ssh-ed25519 !!!!",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==",
            openssh(ACCEPTED["p256"]).replace("ecdsa-sha2-nistp256 ", "ssh-ed25519 "),
            openssh(ACCEPTED["ed25519"]) + "\n" + openssh(ACCEPTED["p256"]),
            'from="10.0.0.1" ' + openssh(ACCEPTED["ed25519"]),
        ],
        ids=["no key", "not base64", "cut short", "wrong type in front", "two lines", "options"],
    )
    def test_malformed(self, line: str) -> None:
        """One line, one type, one canonical encoding."""
        assert code_of(line) in ("key.malformed", "key.unsupported")

    @pytest.mark.parametrize("kind", ["ssh-dss", "ssh-ed25519-cert-v01@openssh.com", "x"])
    def test_unsupported(self, kind: str) -> None:
        """DSA, certificates and what is not known are refused by name."""
        assert code_of(f"{kind} AAAA") == "key.unsupported"

    def test_pasted_text_is_not_repeated(self) -> None:
        """Whatever was pasted in place of a key, an error shows only its first characters."""
        with pytest.raises(InvalidInputError) as caught:
            parse_public_key("s3cret" * 100 + " AAAA")
        assert len(str(caught.value)) < 200

    def test_trailing_bytes(self) -> None:
        """Bytes behind the key would give it a second spelling."""
        kind, encoded = openssh(ACCEPTED["ed25519"]).split()
        longer = base64.b64encode(base64.b64decode(encoded) + b"\0").decode()
        assert code_of(f"{kind} {longer}") == "key.malformed"

    def test_compressed_point(self) -> None:
        """SSH writes points uncompressed (RFC 5656 3.1); a second spelling is refused."""
        point = ACCEPTED["p256"].public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        fields = (b"ecdsa-sha2-nistp256", b"nistp256", point)
        blob = b"".join(len(field).to_bytes(4, "big") + field for field in fields)
        assert code_of(f"ecdsa-sha2-nistp256 {base64.b64encode(blob).decode()}") == "key.malformed"

    def test_integer_with_needless_zero(self) -> None:
        """An RSA modulus with a leading zero too many would be a second spelling."""
        modulus = rsa_public().public_numbers().n.to_bytes(386, "big")
        fields = (b"ssh-rsa", b"\x01\x00\x01", modulus)
        blob = b"".join(len(field).to_bytes(4, "big") + field for field in fields)
        assert code_of(f"ssh-rsa {base64.b64encode(blob).decode()}") == "key.malformed"


class TestLoad:
    """Keys that come from elsewhere, for example from metadata."""

    def test_key_id_is_recomputed(self) -> None:
        """A key under a foreign id is loaded under its own."""
        real = parse_public_key(pem(ACCEPTED["ed25519"]))
        renamed = SSlibKey("0" * 64, real.keytype, real.scheme, real.keyval)
        assert load(renamed).keyid == real.keyid
        assert fingerprint(renamed) == fingerprint(real)

    @pytest.mark.parametrize(
        "scheme", ["rsa-pkcs1v15-sha256", "rsassa-pss-sha224", "ecdsa-sha2-nistp256", "ed25519"]
    )
    def test_weaker_scheme(self, scheme: str) -> None:
        """An RSA key that claims a weaker or a foreign scheme is refused."""
        key = SSlibKey("x", "rsa", scheme, {"public": pem(ACCEPTED["rsa"])})
        with pytest.raises(InvalidInputError) as caught:
            load(key)
        assert caught.value.code == "key.unsupported"

    def test_stronger_rsa_scheme(self) -> None:
        """PSS with a longer hash is the key's choice."""
        key = SSlibKey.from_crypto(ACCEPTED["rsa"], scheme="rsassa-pss-sha512")
        assert load(key).keyid == key.keyid

    def test_ed25519_in_hex(self) -> None:
        """Hex that is not 32 bytes is malformed."""
        with pytest.raises(InvalidInputError) as caught:
            load(SSlibKey("x", "ed25519", "ed25519", {"public": "00"}))
        assert caught.value.code == "key.malformed"

    def test_plain_key_cannot_pose_as_ssh(self) -> None:
        """A key object made by hand with the scheme of SSH keys is refused."""
        with pytest.raises(InvalidInputError):
            load(SSlibKey("x", "ssh-ed25519", "sshsig", {"public": openssh(ACCEPTED["ed25519"])}))

    @pytest.mark.parametrize("form", [pem, openssh])
    @pytest.mark.parametrize("public", ACCEPTED.values(), ids=ACCEPTED)
    def test_public_text(self, form: Callable[[Any], str], public: Any) -> None:
        """A key's text is read as the same key."""
        key = parse_public_key(form(public))
        assert parse_public_key(public_text(key)) == key


@given(st.text() | st.binary().map(lambda raw: "ssh-ed25519 " + base64.b64encode(raw).decode()))
@settings(deadline=None, derandomize=True, max_examples=300)
def test_any_text_is_a_key_or_a_clear_error(text: str) -> None:
    """No text makes the reader fail in another way than its own."""
    with suppress(InvalidInputError):
        assert len(fingerprint(parse_public_key(text))) == 64


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa3072"])
def test_keys_by_openssh(vectors: Path, kind: str) -> None:
    """Lines written by ssh-keygen come back byte for byte."""
    line = (vectors / "ssh" / f"{kind}.pub").read_text()
    assert public_text(parse_public_key(line)).strip() == " ".join(line.split()[:2])
