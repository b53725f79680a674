# SPDX-License-Identifier: Apache-2.0
"""Signed statements in either of their two forms: a DSSE envelope, or a Sigstore bundle around one.

Which one a file is, its ``mediaType`` tells: bundles have one, envelopes do not.
"""

from __future__ import annotations

import base64

from gaitops.documents import strict_json
from gaitops.errors import InvalidInputError
from gaitops.signing.canonical import canonical_json
from gaitops.signing.dsse import MAX_BYTES, Envelope, Signature, parse_envelope
from gaitops.signing.sigstore.bundle import BundleFile, bundle_of


def read_envelope(data: bytes, path: str = "envelope", *, max_bytes: int = MAX_BYTES) -> Envelope:
    """Read an envelope or a bundle. Nothing about it is verified. ``path`` is where it came from, for messages.

    Of a bundle, the one signature is that of the certificate's key, under no key id: it counts for no key.

    Raises:
        InvalidInputError: ``envelope.malformed``; ``sigstore.bundle`` for a bundle that is malformed, of an unknown
            version, signed with a bare key, or around something else than an envelope; or a ``document.*`` code of
            the strict JSON reader.
        VerificationError: ``signature.invalid`` as :func:`gaitops.signing.dsse.parse_envelope`.
    """
    # Cheap and certain: a member has that name only if these letters are in the file. Escaped, it is a member that
    # envelopes do not know, and is ignored like others.
    if b'"mediaType"' not in data:
        return parse_envelope(data, path)
    value = strict_json.loads(data, path, max_bytes=max_bytes)
    if not isinstance(value, dict) or "mediaType" not in value:
        return parse_envelope(data, path)
    bundle = bundle_of(value, data, path)
    if bundle.envelope is None:
        raise InvalidInputError.of(
            "sigstore.bundle",
            "the bundle signs a file that lies elsewhere, expected one around an envelope",
            path=path,
            field="messageSignature",
            remedy="sign the statement, not its file",
        )
    signature = Signature("", base64.b64encode(bundle.envelope.signature).decode("ascii"))
    return Envelope(
        bundle.envelope.payload,
        bundle.envelope.payload_type,
        (signature,),
        bundle,
    )


def canonical_bundle(bundle: BundleFile) -> bytes:
    """The bundle as gaitops writes it: canonical JSON and a newline. It has no members that nobody knows.

    Raises:
        InvalidInputError: ``json.not_canonical``.
    """
    return canonical_json(strict_json.loads(bundle.raw, "bundle", max_bytes=len(bundle.raw))) + b"\n"
