# SPDX-License-Identifier: Apache-2.0
"""One question: is this a signature by this key over these bytes?

The key alone fixes the algorithm. securesystemslib could answer too, but it reads the key anew each time and
believes key ids; thousands of signatures are checked for one verdict, from several threads (cryptography
releases the GIL while it computes).
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import Key, Signature

from gaitops.errors import InvalidInputError
from gaitops.signing import sshsig
from gaitops.signing.keys import load
from gaitops.signing.ssh import NAMESPACE, SSHKey

_ECDSA = {
    "ecdsa-sha2-nistp256": ec.ECDSA(hashes.SHA256()),
    "ecdsa-sha2-nistp384": ec.ECDSA(hashes.SHA384()),
    "ecdsa-sha2-nistp521": ec.ECDSA(hashes.SHA512()),
}
_RSA_PSS: dict[str, hashes.HashAlgorithm] = {
    "rsassa-pss-sha256": hashes.SHA256(),
    "rsassa-pss-sha384": hashes.SHA384(),
    "rsassa-pss-sha512": hashes.SHA512(),
}


def verify(key: Key, signature: bytes, message: bytes) -> bool:
    """Whether ``signature`` (raw bytes; for SSH keys an SSHSIG blob) is by ``key`` over ``message``.

    A key that is not accepted has signed nothing. Never raises.
    """
    if isinstance(key, SSHKey):
        return sshsig.verify(key.wire, message, signature, NAMESPACE)
    try:
        public = load(key).public
        if isinstance(public, Ed25519PublicKey):
            public.verify(signature, message)
        elif isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(signature, message, _ECDSA[key.scheme])
        elif isinstance(public, rsa.RSAPublicKey):
            algorithm = _RSA_PSS[key.scheme]
            public.verify(
                signature, message, padding.PSS(padding.MGF1(algorithm), padding.PSS.AUTO), algorithm
            )
        else:
            # ML-DSA signs a prefixed hash (TUF TAP 21); its rules are securesystemslib's to know.
            key.verify_signature(Signature(key.keyid, signature.hex()), message)
    except (InvalidInputError, InvalidSignature, UnverifiedSignatureError):
        return False
    return True
