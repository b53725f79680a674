# SPDX-License-Identifier: Apache-2.0
"""Public keys: reading them, and telling whether two of them are the same.

Every key is a securesystemslib ``Key``: PEM keys as ``SSlibKey``, exactly as TUF metadata holds them, so that
metadata and envelopes share key ids; SSH keys as :class:`gaitops.signing.ssh.SSHKey`, registered by importing
this module. Nothing here believes a key id: ids and fingerprints are computed from the key.

Identities that are not keys (Sigstore: an issuer and a subject) are not modelled as keys: there is nothing to
take a fingerprint of. They join beside :func:`gaitops.signing.dsse.verified_by`, as another way to find out who
signed an envelope, with an assurance of their own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from securesystemslib.signer import Key, SSlibKey

from gaitops.errors import InvalidInputError
from gaitops.signing.ssh import SSHKey, parse_openssh
from gaitops.signing.strength import require_strong

Assurance = Literal["key", "ssh", "ssh-sk"]
"""How a key is held, as approval rules name it: a plain key, an SSH key, an SSH key in a security key."""

_MAX_TEXT = 16 * 1024
"""Characters; the largest accepted RSA and ML-DSA keys need less than 4 KiB."""
_PEM_BEGIN = "-----BEGIN PUBLIC KEY-----"
_PEM_END = "-----END PUBLIC KEY-----"
_RSA_SCHEMES = frozenset({"rsassa-pss-sha256", "rsassa-pss-sha384", "rsassa-pss-sha512"})
_CACHED_KEYS = 4096


@dataclass(frozen=True, slots=True)
class LoadedKey:
    """What a key is, independent of how it was written and of what it was called."""

    keyid: str
    """Recomputed; equals ``key.keyid`` for every key made by :func:`parse_public_key`."""
    public: PublicKeyTypes
    spki: bytes
    """SubjectPublicKeyInfo (RFC 5280 4.1.2.7) in DER."""
    fingerprint: str


def parse_public_key(text: str) -> Key:
    """Read a PEM SubjectPublicKeyInfo or a one-line OpenSSH public key.

    PEM: Ed25519, ECDSA P-256/P-384/P-521, RSA (then RSA-PSS with SHA-256), ML-DSA where the installed
    cryptography library has it. OpenSSH: ed25519, ecdsa, rsa, and the two ``sk-`` types of security keys.

    Raises:
        InvalidInputError: ``key.malformed``, ``key.unsupported`` or ``key.weak``.
    """
    if len(text) > _MAX_TEXT:
        raise InvalidInputError.of("key.malformed", f"a public key of more than {_MAX_TEXT} characters")
    if text.lstrip().startswith("-----BEGIN "):
        return _from_public(_read_pem(text))
    return parse_openssh(text)


def from_public(public: PublicKeyTypes) -> SSlibKey:
    """The ``Key`` of a public key of the cryptography library, as :func:`parse_public_key` makes it from PEM.

    Raises:
        InvalidInputError: ``key.unsupported`` or ``key.weak``.
    """
    require_strong(public)
    return _from_public(public)


def load(key: Key) -> LoadedKey:
    """The key itself, its own id and its fingerprint. Cached: keys of metadata come as text every time.

    Raises:
        InvalidInputError: ``key.malformed``, ``key.unsupported`` (also for a scheme that is not one of the
            key's) or ``key.weak``.
    """
    if isinstance(key, SSHKey):
        return _load_ssh(key.wire.line)
    if isinstance(key, SSlibKey):
        return _load_plain(key.keytype, key.scheme, key.keyval["public"])
    raise InvalidInputError.of("key.unsupported", f"keys of type {key.keytype!r} are not supported")


def fingerprint(key: Key) -> str:
    """Lowercase hex SHA-256 of the SubjectPublicKeyInfo, the same for a key as PEM, in TUF metadata and as SSH key.

    Raises:
        InvalidInputError: as :func:`load` does.
    """
    return load(key).fingerprint


def assurance(key: Key) -> Assurance:
    """How the key is held (design 6, ``assurance`` of an approval rule)."""
    if not isinstance(key, SSHKey):
        return "key"
    return "ssh" if key.wire.application is None else "ssh-sk"


def public_text(key: Key) -> str:
    """The form that :func:`parse_public_key` reads and documents hold: PEM, or one OpenSSH line; newline at the end.

    Raises:
        InvalidInputError: as :func:`load` does.
    """
    loaded = load(key)
    if isinstance(key, SSHKey):
        return key.wire.line + "\n"
    return loaded.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


@lru_cache(maxsize=_CACHED_KEYS)
def _load_ssh(line: str) -> LoadedKey:
    own = parse_openssh(line)
    return _loaded(own, own.wire.inner)


@lru_cache(maxsize=_CACHED_KEYS)
def _load_plain(keytype: str, scheme: str, text: str) -> LoadedKey:
    public = _read_raw_ed25519(text) if keytype == "ed25519" else _read_pem(text)
    own = _from_public(public, scheme)
    if (own.keytype, own.scheme) != (keytype, scheme):
        raise InvalidInputError.of("key.unsupported", f"{keytype}/{scheme} is not how this key may sign")
    return _loaded(own, public)


def _loaded(own: Key, public: PublicKeyTypes) -> LoadedKey:
    spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return LoadedKey(own.keyid, public, spki, hashlib.sha256(spki).hexdigest())


def _from_public(public: PublicKeyTypes, scheme: str | None = None) -> SSlibKey:
    """As securesystemslib does it, except that only a strong RSA scheme may replace the default one."""
    try:
        return SSlibKey.from_crypto(public, scheme=scheme if scheme in _RSA_SCHEMES else None)
    except ValueError as error:
        raise InvalidInputError.of("key.unsupported", f"the public key is not supported: {error}") from error


def _read_pem(text: str) -> PublicKeyTypes:
    stripped = text.strip()
    if (
        not (stripped.startswith(_PEM_BEGIN) and stripped.endswith(_PEM_END))
        or stripped.count("-----BEGIN") != 1
    ):
        raise InvalidInputError.of(
            "key.malformed",
            f"expected one PEM block that starts with {_PEM_BEGIN}",
            remedy="print the public half with: openssl pkey -in KEY -pubout",
        )
    try:
        public = load_pem_public_key(stripped.encode())
    except UnsupportedAlgorithm as error:
        raise InvalidInputError.of("key.unsupported", f"the public key is not supported: {error}") from error
    except ValueError as error:
        raise InvalidInputError.of("key.malformed", "the PEM block is not a public key") from error
    require_strong(public)
    return public


def _read_raw_ed25519(text: str) -> Ed25519PublicKey:
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(text))
    except ValueError as error:
        raise InvalidInputError.of("key.malformed", "an Ed25519 key has 32 bytes in hex") from error
    require_strong(public)
    return public
