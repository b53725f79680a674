# SPDX-License-Identifier: Apache-2.0
"""The subject of a Fulcio certificate and Fulcio's extensions, taken out of X.509.

Source: RFC 5280 (4.2.1.6), X.690 (8.1.3, 8.23), sigstore/fulcio docs/oid-info.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509 import (
    OtherName,
    RFC822Name,
    SubjectAlternativeName,
    UniformResourceIdentifier,
    UnrecognizedExtension,
    load_der_x509_certificate,
)

from gaitops.errors import InvalidInputError
from gaitops.signing.der import UTF8_STRING, DerError, read_one

MAX_CERTIFICATE: Final = 16 * 1024
"""Bytes of a certificate; one of Fulcio's has about 1,600."""

_ARC: Final = "1.3.6.1.4.1.57264.1."
"""Fulcio's own extensions lie here."""
_BARE: Final = range(1, 7)
"""The oldest extensions hold text as it is, without DER around it."""
_OTHER_NAME: Final = 7
"""No extension: the type of an otherName that carries a user name."""


def read_certificate(data: bytes) -> tuple[str, dict[int, str]]:
    """Subject, and Fulcio's extensions by the last arc of their object identifiers.

    Raises:
        InvalidInputError: ``sigstore.certificate``.
    """
    if len(data) > MAX_CERTIFICATE:
        _refuse(f"the certificate has {len(data)} bytes, at most {MAX_CERTIFICATE} are read")
    try:
        extensions = load_der_x509_certificate(data).extensions
    except Exception as error:
        # ValueError, and the library's own types for versions, duplicate extensions and names that it cannot read.
        raise _refusal(f"not a readable X.509 certificate: {error}") from error
    subject, found = None, {}
    for extension in extensions:
        value = extension.value
        # Exact types, which nobody derives from: to ask abstract classes costs half as much as parsing the certificate.
        kind = type(value)
        if kind is SubjectAlternativeName:
            subject = _subject(list(value))
        elif kind is UnrecognizedExtension:
            oid = extension.oid.dotted_string
            last = oid.removeprefix(_ARC)
            if last != oid and last.isdecimal():
                text = value.value if int(last) in _BARE else _contents(value.value, oid)
                found[int(last)] = _text(text, oid)
    if subject is None:
        _refuse("the certificate has no subject alternative name")
    return subject, found


def is_certificate(data: bytes) -> bool:
    """Whether these bytes are an X.509 certificate in DER."""
    try:
        load_der_x509_certificate(data).public_key()
    except Exception:  # noqa: BLE001 - of many types, and what is wrong with it nobody can mend
        return False
    return True


def is_public_key(data: bytes) -> bool:
    """Whether these bytes are a public key in DER (SPKI)."""
    try:
        load_der_public_key(data)
    except Exception:  # noqa: BLE001 - as above
        return False
    return True


def signed_by(certificate: bytes, signature: bytes, signed: bytes) -> bool:
    """Whether the key of a certificate made a signature: ECDSA with SHA-256, whatever the curve.

    Raises:
        InvalidInputError: ``sigstore.certificate`` for a certificate or key that cannot be used.
    """
    try:
        key = load_der_x509_certificate(certificate).public_key()
    except Exception as error:
        # As above; and UnsupportedAlgorithm for keys of unknown kinds.
        raise _refusal(f"the certificate's key cannot be read: {error}") from error
    if not isinstance(key, EllipticCurvePublicKey):
        _refuse("the certificate's key is not for ECDSA")
    try:
        key.verify(signature, signed, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def has_root(chain: Sequence[bytes]) -> bool:
    """Whether one of several certificates was issued by itself.

    Raises:
        InvalidInputError: ``sigstore.certificate``.
    """
    try:
        certificates = [load_der_x509_certificate(item) for item in chain]
        return any(item.issuer == item.subject for item in certificates)
    except Exception as error:
        raise _refusal(f"not a readable X.509 certificate: {error}") from error


def _contents(der: bytes, oid: str) -> bytes:
    """What the one UTF8String in ``der`` holds."""
    if len(der) >= 2 and der[0] == UTF8_STRING and der[1] == len(der) - 2 < 0x80:
        return der[2:]  # As the reader below has it, for the short texts that nearly all of them are.
    try:
        return read_one(der, UTF8_STRING).contents
    except DerError as error:
        _refuse(f"extension {oid} is no UTF8String in DER: {error}", error)


def _text(data: bytes, oid: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        _refuse(f"extension {oid} is not UTF-8", error)


def _subject(names: list[object]) -> str:
    if len(names) != 1:
        _refuse(f"the certificate has {len(names)} subject alternative names, expected one")
    name = names[0]
    if isinstance(name, OtherName) and name.type_id.dotted_string == f"{_ARC}{_OTHER_NAME}":
        _refuse("the certificate names a user of its issuer; only e-mail addresses and URIs are accepted")
    if not isinstance(name, RFC822Name | UniformResourceIdentifier) or not name.value:
        _refuse("the certificate's subject alternative name is neither an e-mail address nor a URI")
    return name.value


def _refuse(message: str, cause: Exception | None = None) -> NoReturn:
    raise _refusal(message) from cause


def _refusal(message: str) -> InvalidInputError:
    return InvalidInputError.of(
        "sigstore.certificate", message, remedy="sign with a certificate of your Sigstore instance"
    )
