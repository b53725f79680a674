# SPDX-License-Identifier: Apache-2.0
"""Making key files, and describing keys to people. Private keys are written once and never shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from securesystemslib.signer import Key

from gaitops.errors import InvalidInputError
from gaitops.signing.keys import Assurance, assurance, from_public, load, parse_public_key, public_text
from gaitops.signing.private_files import is_private, naming, read_key_file, write_key_pair
from gaitops.signing.services import Limits
from gaitops.signing.signers import key_path, load_signer

Algorithm = Literal["ed25519", "ecdsa"]

_MIN_PASSPHRASE = 12
"""Bytes. PKCS#8 as the cryptography library writes it stretches passphrases little (PBKDF2, 2,048 rounds)."""


@dataclass(frozen=True, slots=True)
class KeyDescription:
    """Everything public about a key."""

    key_type: str
    scheme: str
    keyid: str
    fingerprint: str
    assurance: Assurance
    public_key: str
    """PEM or one OpenSSH line, as documents hold it."""


def generate_private_key(
    path: Path, passphrase: bytes | None = None, algorithm: Algorithm = "ed25519"
) -> Key:
    """Make a key pair: PKCS#8 PEM in ``path`` (0600, encrypted when there is a passphrase), PEM in ``path.pub``.

    Raises:
        InvalidInputError: ``key.passphrase`` when it is too short, ``key.path`` when the folder is not writable.
        UnsafeOperationError: ``key.exists``: nothing is ever overwritten.
        InternalError: ``key.write``.
    """
    if passphrase is not None and len(passphrase) < _MIN_PASSPHRASE:
        raise InvalidInputError.of(
            "key.passphrase", f"a passphrase needs at least {_MIN_PASSPHRASE} characters"
        )
    private = (
        Ed25519PrivateKey.generate() if algorithm == "ed25519" else ec.generate_private_key(ec.SECP256R1())
    )
    encryption: KeySerializationEncryption = NoEncryption()
    if passphrase is not None:
        encryption = BestAvailableEncryption(passphrase)
    key = from_public(private.public_key())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    write_key_pair(path, pem, public_text(key).encode())
    return key


def describe_key(
    uri: str,
    *,
    passphrase: Callable[[], bytes] | None = None,
    environment: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> KeyDescription:
    """What is public about a key: of a public key file, or of anything :func:`load_signer` finds by itself.

    Raises:
        GaitopsError: As :func:`load_signer` and :func:`parse_public_key` do.
    """
    path = key_path(uri)
    content = None if path is None else read_key_file(path)
    if path is None or content is None or is_private(content):
        signer = load_signer(uri, passphrase=passphrase, environment=environment, limits=limits)
        return describe(signer.public_key)
    try:
        with naming(path):
            return describe(parse_public_key(content.decode("utf-8")))
    except UnicodeDecodeError as error:
        raise InvalidInputError.of("key.malformed", f"{path} is not a public key") from error


def describe(key: Key) -> KeyDescription:
    """What is public about a key.

    Raises:
        InvalidInputError: ``key.*`` when it is not accepted.
    """
    loaded = load(key)
    return KeyDescription(
        key.keytype, key.scheme, loaded.keyid, loaded.fingerprint, assurance(key), public_text(key)
    )
