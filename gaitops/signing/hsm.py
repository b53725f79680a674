# SPDX-License-Identifier: Apache-2.0
"""Keys in an HSM or on a token, through PKCS#11: ``hsm:[ID][?label=TOKEN]``.

ID is the number in the key's ``CKA_ID`` (2 by default, which on a PIV token is slot 9c), TOKEN the label of the
token; without one there must be exactly one token. ``PYKCS11LIB`` names the module of the manufacturer. The PIN
is asked for at most once and tried once: a token counts wrong ones and locks itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import parse_qsl

import pkcs11
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pkcs11 import exceptions as token_errors
from pkcs11.util.ec import encode_ec_public_key, encode_ecdsa_signature

from gaitops.errors import GaitopsError
from gaitops.signing import service_errors as errors
from gaitops.signing.services import Surroundings, digest

MODULE_VARIABLE = "PYKCS11LIB"
"""Environment variable with the path of the PKCS#11 module; the name is securesystemslib's."""

_DEFAULT_ID = 2
_MAX_ID = 2**64
_EXPECTED = "hsm:ID or hsm:ID?label=TOKEN"
_SCHEMES: Final = frozenset({"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"})
_NO_TOKEN = (
    token_errors.NoSuchToken,
    token_errors.TokenNotPresent,
    token_errors.TokenNotRecognised,
    token_errors.SlotIDInvalid,
    token_errors.DeviceRemoved,
)
_WRONG_PIN = (token_errors.PinIncorrect, token_errors.PinInvalid, token_errors.PinLenRange)
_LOCKED = (token_errors.PinLocked, token_errors.PinExpired, token_errors.UserPinNotInitialized)
_WRONG_KEY = (
    token_errors.KeyTypeInconsistent,
    token_errors.KeySizeRange,
    token_errors.MechanismInvalid,
    token_errors.MechanismParamInvalid,
    token_errors.FunctionNotSupported,
    token_errors.DataLenRange,
)
_BUSY = (
    token_errors.DeviceError,
    token_errors.DeviceMemory,
    token_errors.FunctionFailed,
    token_errors.GeneralError,
    token_errors.HostMemory,
    token_errors.OperationActive,
    token_errors.SessionCount,
)


class HSMKey:
    """A :class:`gaitops.signing.services.RemoteKey` behind PKCS#11."""

    def __init__(self, uri: str, surroundings: Surroundings) -> None:
        number, self._label = _parse(uri)
        self._uri = f"hsm:{number}" + (f"?label={self._label}" if self._label else "")
        self._id = number.to_bytes((number.bit_length() + 7) // 8 or 1, "big")
        self._surroundings = surroundings
        self._pin: str | None = None

    def public(self) -> PublicKeyTypes:
        """The public half; a token that hides it from strangers is opened with the PIN."""
        with self._explained():
            token = self._token()
            with token.open() as session:
                found = self._find(session)
            if found is None:
                with token.open(user_pin=self._ask()) as session:
                    found = self._find(session)
        if found is None:
            raise self._missing()
        try:
            return load_der_public_key(found)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise errors.algorithm(self._uri, "its curve is unknown") from error

    def sign(self, message: bytes, scheme: str) -> bytes:
        """Have the token sign the digest of ``message``; the answer is brought into the form of ASN.1."""
        if scheme not in _SCHEMES:
            raise errors.algorithm(self._uri, f"keys for {scheme} are not supported in an HSM")
        hashed = digest(self._uri, scheme, message)
        with self._explained(), self._token().open(user_pin=self._ask()) as session:
            key = self._key(session, pkcs11.ObjectClass.PRIVATE_KEY)
            if not isinstance(key, pkcs11.SignMixin):
                raise self._missing()
            raw = key.sign(hashed, mechanism=pkcs11.Mechanism.ECDSA)
        if len(raw) % 2:
            raise errors.failed(self._uri, "the token's answer is not a pair of numbers")
        return bytes(encode_ecdsa_signature(raw))

    def _token(self) -> pkcs11.Token:
        path = self._surroundings.environment.get(MODULE_VARIABLE)
        remedy = f"set {MODULE_VARIABLE} to the manufacturer's PKCS#11 module (a .so, .dylib or .dll file)"
        if not path:
            raise errors.configuration(self._uri, f"{MODULE_VARIABLE} is not set", remedy)
        try:
            library = pkcs11.lib(path)
        except token_errors.PKCS11Error as error:
            raise errors.configuration(self._uri, f"{path} is not a usable PKCS#11 module", remedy) from error
        flags = pkcs11.TokenFlag.TOKEN_INITIALIZED
        token: pkcs11.Token = library.get_token(token_label=self._label, token_flags=flags)
        return token

    def _find(self, session: pkcs11.Session) -> bytes | None:
        key = self._key(session, pkcs11.ObjectClass.PUBLIC_KEY)
        return encode_ec_public_key(key) if isinstance(key, pkcs11.PublicKey) else None

    def _key(self, session: pkcs11.Session, kind: pkcs11.ObjectClass) -> pkcs11.Key | None:
        try:
            key: pkcs11.Key = session.get_key(kind, pkcs11.KeyType.EC, id=self._id)
        except token_errors.NoSuchKey:
            return None
        return key

    def _ask(self) -> str:
        if self._pin is None:
            if self._surroundings.ask is None:
                raise errors.pin(
                    self._uri, "there is nobody to ask for the PIN", "run the command on a terminal"
                )
            self._pin = self._surroundings.ask().decode("utf-8")
        return self._pin

    def _missing(self) -> GaitopsError:
        return errors.not_found(
            self._uri,
            "the token holds no ECDSA key with that id",
            "list what it holds with: pkcs11-tool --list-objects",
        )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except token_errors.PKCS11Error as error:
            raise _explanation(self._uri, error) from error


def open_key(uri: str, surroundings: Surroundings) -> HSMKey:
    """The key that ``uri`` names; the token is not touched yet.

    Raises:
        InvalidInputError: ``key.uri``.
    """
    return HSMKey(uri, surroundings)


def _parse(uri: str) -> tuple[int, str | None]:
    number, mark, query = uri.partition(":")[2].partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    # Whatever else stands there is not repeated: people put PINs into such addresses.
    shown = f"hsm:{number}" + ("?…" if mark else "")
    if number and not (number.isascii() and number.isdigit() and int(number) < _MAX_ID):
        raise errors.malformed_uri("hsm:…", _EXPECTED)
    if mark and ([name for name, _ in pairs] != ["label"] or not pairs[0][1]):
        raise errors.malformed_uri(shown, _EXPECTED)
    return (int(number) if number else _DEFAULT_ID), (pairs[0][1] if mark else None)


def _explanation(uri: str, error: token_errors.PKCS11Error) -> GaitopsError:
    name = type(error).__name__
    if isinstance(error, _NO_TOKEN):
        return errors.not_found(uri, f"no such token ({name})", "insert the token, and check its label")
    if isinstance(error, token_errors.MultipleTokensReturned):
        return errors.not_found(uri, "there is more than one token", f"name the token: {_EXPECTED}")
    if isinstance(error, token_errors.MultipleObjectsReturned):
        return errors.not_found(uri, "the token holds several keys with that id", "give each key its own id")
    if isinstance(error, _WRONG_PIN):
        return errors.pin(uri, f"wrong PIN ({name}), which the token counts", "try the right one, not many")
    if isinstance(error, _LOCKED):
        return errors.pin(
            uri, f"its PIN is locked, expired or not set ({name})", "unblock it as its maker says"
        )
    if isinstance(error, _WRONG_KEY):
        return errors.algorithm(uri, f"the token refuses to sign with it ({name})")
    if isinstance(error, _BUSY):
        return errors.unavailable(uri, name)
    return errors.failed(uri, name)
