# SPDX-License-Identifier: Apache-2.0
"""SSH public keys as one more kind of securesystemslib ``Key``, and SSH signatures by them.

Importing this module registers :class:`SSHKey`, so that ``Key.from_dict`` reads what ``to_dict`` wrote. TUF
metadata never contains such keys (design 4): other TUF clients could not read them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Self

from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import KEY_FOR_TYPE_AND_SCHEME, Key, Signature
from securesystemslib.signer._utils import compute_default_keyid

from gaitops.errors import InvalidInputError, VerificationError
from gaitops.signing import sshsig
from gaitops.signing.ssh_wire import (
    KEY_TYPES,
    SSHPublicKey,
    UnsupportedKeyTypeError,
    WireError,
    parse_public_blob,
    parse_public_line,
)
from gaitops.signing.strength import require_strong

NAMESPACE = "gaitops"
"""Namespace of SSHSIG in envelopes. Git uses ``git``: no signature for one purpose serves another."""
SCHEME = "sshsig"
"""Signature scheme of every SSH key in ``to_dict`` form; the key type says which algorithm it is."""

_CACHED_KEYS = 4096


class SSHKey(Key):
    """An SSH public key; its signatures are raw (not armored) SSHSIG blobs in namespace :data:`NAMESPACE`.

    The key id is derived from the key, like securesystemslib's default key ids, and never taken from outside.
    """

    def __init__(self, wire: SSHPublicKey) -> None:
        require_strong(wire.inner)
        keyval = {"public": wire.line}
        super().__init__(compute_default_keyid(wire.key_type, SCHEME, keyval), wire.key_type, SCHEME, keyval)
        self.wire = wire

    @classmethod
    def from_dict(cls, keyid: str, key_dict: dict[str, Any]) -> Self:
        """Read the ``to_dict`` form.

        Raises:
            ValueError: As securesystemslib's contract demands: not such a key, too weak, or a key id that is
                not the key's own.
        """
        keytype, scheme, keyval = cls._from_dict(key_dict)
        try:
            key = cls(parse_public_line(keyval["public"]))
        except InvalidInputError as error:
            raise ValueError(str(error)) from error
        if (key.keyid, key.keytype, key.scheme) != (keyid, keytype, scheme):
            raise ValueError(f"key id, type or scheme of {keyid} is not the key's own")
        return key

    def to_dict(self) -> dict[str, Any]:
        """Type, scheme and the one-line public key."""
        return self._to_dict()

    def verify_signature(self, signature: Signature, data: bytes) -> None:
        """Check ``signature`` over ``data``.

        Raises:
            UnverifiedSignatureError: Another key's, malformed, or wrong.
        """
        try:
            blob = bytes.fromhex(signature.signature)
        except ValueError:
            blob = b""
        if signature.keyid != self.keyid or not sshsig.verify(self.wire, data, blob, NAMESPACE):
            raise UnverifiedSignatureError(f"not a signature by {self.keyid}")


def verify_sshsig(key: SSHKey, message: bytes, armored_or_blob: bytes, namespace: str) -> bool:
    """Whether an SSH signature, armored or raw, is by ``key`` over ``message`` for ``namespace``.

    Never raises for anything a signature may contain; malformed means ``False``.
    """
    try:
        return sshsig.verify(key.wire, message, _raw(armored_or_blob), namespace)
    except WireError:
        return False


def sshsig_public_key(armored_or_blob: bytes) -> SSHKey:
    """The key an SSH signature says it is by. Nothing is verified; it only tells which key to verify with.

    Raises:
        VerificationError: ``signature.invalid`` when it is not an SSH signature, or by a key that is not accepted.
    """
    try:
        return _from_blob(sshsig.parse(_raw(armored_or_blob)).public_blob)
    except (WireError, InvalidInputError) as error:
        message = error.problems[0].message if isinstance(error, InvalidInputError) else str(error)
        raise VerificationError.of(
            "signature.invalid", f"the SSH signature is not usable: {message}"
        ) from error


def parse_openssh(text: str) -> SSHKey:
    """Read a one-line OpenSSH public key.

    Raises:
        InvalidInputError: ``key.malformed``, ``key.unsupported`` or ``key.weak``.
    """
    try:
        return SSHKey(parse_public_line(text))
    except WireError as error:
        code = "key.unsupported" if isinstance(error, UnsupportedKeyTypeError) else "key.malformed"
        raise InvalidInputError.of(code, f"the SSH public key is not usable: {error}") from error


@lru_cache(maxsize=_CACHED_KEYS)
def _from_blob(blob: bytes) -> SSHKey:
    """Cached, because a history has many commits by few keys."""
    return SSHKey(parse_public_blob(blob))


def _raw(armored_or_blob: bytes) -> bytes:
    return sshsig.dearmor(armored_or_blob) if armored_or_blob.startswith(b"-----") else armored_or_blob


KEY_FOR_TYPE_AND_SCHEME.update({(key_type, SCHEME): SSHKey for key_type in KEY_TYPES})
