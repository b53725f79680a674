# SPDX-License-Identifier: Apache-2.0
"""Encrypted artifacts: an envelope around bytes that only its key opens (Gait contract 8.3).

The envelope is neither signed nor authenticated, so ``plain_sha256`` is a claim until somebody decrypts it. It can be
stored and found by that digest without being opened.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from gaitops.gait.artifacts.digests import bare
from gaitops.gait.artifacts.documents import HEAD, Format, expect_digest, expect_word
from gaitops.gait.artifacts.fields import Integer, Obj, Spec, Text
from gaitops.gait.artifacts.model import Inspection
from gaitops.gait.artifacts.reading import Source, member, number, text

_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
ENCRYPTED_ARTIFACT: Final = Format(
    "encrypted_artifact",
    "gait.guard.encrypted_artifact",
    Spec(
        **HEAD,
        algorithm=Text(always=True),
        key_source=Obj(Spec(mode=Text(always=True), ref=Text(), command=Text()), always=True),
        nonce=Text(always=True),
        ciphertext=Text(always=True),
        plain_sha256=Text(always=True),
        plain_size=Integer(always=True),
    ),
    strict=True,
)


def read(source: Source) -> Inspection:
    """Judge the envelope of an encrypted artifact, without opening it."""
    value, notes = ENCRYPTED_ARTIFACT.opened(source)
    expect_word(notes, value, "algorithm", ("aes-256-gcm",))
    expect_word(notes, member(value, "key_source"), "mode", ("env", "command"))
    expect_digest(notes, value, "plain_sha256")
    if _size(text(value, "nonce")) != _NONCE_BYTES:
        notes.forged("encrypted.nonce", f"the nonce is not base64 of {_NONCE_BYTES} bytes")
    size = _size(text(value, "ciphertext"))
    if size is None or size - _TAG_BYTES != number(value, "plain_size"):
        message = "the ciphertext is not as long as plain_size says"
        notes.forged("encrypted.size_mismatch", message)
    return ENCRYPTED_ARTIFACT.concluded(
        source, value, notes, digests={"plain_sha256": bare(value.get("plain_sha256"))}
    )


def _size(encoded: str) -> int | None:
    try:
        return len(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError):
        return None
