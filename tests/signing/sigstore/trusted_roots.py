# SPDX-License-Identifier: Apache-2.0
"""Trusted roots that are well formed and trust nothing that ever signed anything: for tests of reading."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gaitops.signing.sigstore.trusted_root import MEDIA_TYPE
from tests.signing.sigstore.certificates import certificate, leaf_key

DER = base64.b64encode(certificate({})).decode()
KEY = base64.b64encode(
    leaf_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()
START = datetime(2025, 1, 1, tzinfo=UTC)


def log(log_id: bytes, **members: Any) -> dict[str, Any]:
    """A log of the trusted root."""
    key = {
        "rawBytes": KEY,
        "keyDetails": "PKIX_ECDSA_P256_SHA_256",
        "validFor": {"start": "2025-01-01T00:00:00Z"},
    }
    return {
        "baseUrl": "https://log.example",
        "hashAlgorithm": "SHA2_256",
        "publicKey": key | members,
        "logId": {"keyId": base64.b64encode(log_id).decode()},
    }


def authority(**members: Any) -> dict[str, Any]:
    """An authority of the trusted root."""
    return {
        "subject": {"organization": "acme", "commonName": "acme"},
        "certChain": {"certificates": [{"rawBytes": DER}]},
        "validFor": {"start": "2025-01-01T00:00:00.000Z", "end": "2026-01-01T00:00:00Z"},
    } | members


def root(**members: Any) -> bytes:
    """A trusted root."""
    value = {
        "mediaType": MEDIA_TYPE,
        "tlogs": [log(b"one"), log(b"two")],
        "ctlogs": [log(b"three")],
        "certificateAuthorities": [authority(uri="https://ca.example")],
        "timestampAuthorities": [authority()],
    } | members
    return json.dumps({name: member for name, member in value.items() if member is not ...}).encode()
