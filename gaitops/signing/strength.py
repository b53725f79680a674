# SPDX-License-Identifier: Apache-2.0
"""Which public keys are accepted at all, whatever file, line or metadata they come from.

Everything else in the package relies on this: a key object that exists has passed :func:`require_strong`.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gaitops.errors import InvalidInputError

MIN_RSA_BITS = 3072
"""128 bits of security (NIST SP 800-57 part 1, table 2)."""
MAX_RSA_BITS = 16384
"""OpenSSL's own limit; larger keys only serve to make verification slow."""
_MIN_RSA_EXPONENT = 2**16 + 1
_MAX_RSA_EXPONENT_BITS = 64
"""Larger exponents make verification slow and are used by nobody (OpenSSL's own limit for large moduli)."""

_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)

_ED25519_P = 2**255 - 19
# The y coordinates of the eight points whose order divides 8 (RFC 7748 7 names the problem for X25519). A
# "key" of small order accepts one signature for many messages, so a signature by it binds nobody.
_ED25519_Y8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_ED25519_SMALL_ORDER_Y = frozenset({0, 1, _ED25519_P - 1, _ED25519_Y8, _ED25519_P - _ED25519_Y8})

_REMEDY = "use an Ed25519 key, or ECDSA P-256/P-384/P-521, or RSA of at least 3072 bits"


def require_strong(public: PublicKeyTypes) -> None:
    """Refuse keys that are too weak, of another kind, or that have a second encoding.

    Ed25519 keys must be the one canonical encoding of a point of large order (RFC 8032 5.1.3), so that two
    different fingerprints are never the same key. ML-DSA keys pass: every parameter set is strong.

    Raises:
        InvalidInputError: ``key.weak`` or ``key.unsupported``.
    """
    if isinstance(public, Ed25519PublicKey):
        _require_ed25519(public)
    elif isinstance(public, rsa.RSAPublicKey):
        _require_rsa(public)
    elif isinstance(public, ec.EllipticCurvePublicKey):
        if not isinstance(public.curve, _CURVES):
            raise _unsupported(f"elliptic curve {public.curve.name} is not supported")
    elif not type(public).__name__.startswith("MLDSA"):
        # By name, because older releases of cryptography do not have the ML-DSA classes.
        raise _unsupported(f"keys of type {type(public).__name__} are not supported")


def _require_ed25519(public: Ed25519PublicKey) -> None:
    raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= _ED25519_P:
        raise _weak("the Ed25519 key is not the canonical encoding of its point")
    if y in _ED25519_SMALL_ORDER_Y:
        raise _weak("the Ed25519 key is a point of small order, which accepts signatures nobody made")


def _require_rsa(public: rsa.RSAPublicKey) -> None:
    exponent = public.public_numbers().e
    if public.key_size < MIN_RSA_BITS:
        raise _weak(f"the RSA key has {public.key_size} bits, at least {MIN_RSA_BITS} are needed")
    if public.key_size > MAX_RSA_BITS:
        raise _unsupported(f"the RSA key has {public.key_size} bits, at most {MAX_RSA_BITS} are supported")
    if exponent < _MIN_RSA_EXPONENT or exponent % 2 == 0:
        raise _weak(
            f"the RSA key has the public exponent {exponent}, an odd one from {_MIN_RSA_EXPONENT} is needed"
        )
    if exponent.bit_length() > _MAX_RSA_EXPONENT_BITS:
        raise _unsupported(f"the RSA key has a public exponent of more than {_MAX_RSA_EXPONENT_BITS} bits")


def _weak(message: str) -> InvalidInputError:
    return InvalidInputError.of("key.weak", message, remedy=_REMEDY)


def _unsupported(message: str) -> InvalidInputError:
    return InvalidInputError.of("key.unsupported", message, remedy=_REMEDY)
