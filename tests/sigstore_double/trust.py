# SPDX-License-Identifier: Apache-2.0
"""What clients of the instance are given: its trusted root, and where its services are.

Source: sigstore/protobuf-specs, sigstore_trustroot.proto, as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from .keys import LogKey, spki
from .log import Json, b64


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time, both ends included."""

    start: datetime
    end: datetime | None = None

    @property
    def json(self) -> Json:
        """TimeRange."""
        ends = {"start": self.start, "end": self.end}
        return {name: f"{at:%Y-%m-%dT%H:%M:%SZ}" for name, at in ends.items() if at is not None}


@dataclass(frozen=True, slots=True)
class Windows:
    """How long each of the services is trusted."""

    authority: Window
    certificate_log: Window
    log: Window
    timestamps: Window


def log_instance(url: str, key: LogKey, log_id: bytes, window: Window) -> Json:
    """TransparencyLogInstance."""
    details = "PKIX_ED25519" if isinstance(key, Ed25519PrivateKey) else "PKIX_ECDSA_P256_SHA_256"
    return {
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {"rawBytes": b64(spki(key)), "keyDetails": details, "validFor": window.json},
        "logId": {"keyId": b64(log_id)},
    }


def authority(url: str, chain: Sequence[x509.Certificate], window: Window) -> Json:
    """CertificateAuthority."""
    return {
        "subject": {"organization": "sigstore double", "commonName": url},
        "uri": url,
        "certChain": {"certificates": [{"rawBytes": b64(item.public_bytes(Encoding.DER))} for item in chain]},
        "validFor": window.json,
    }


def trusted_root(
    logs: Sequence[Json],
    certificate_logs: Sequence[Json],
    authorities: Sequence[Json],
    timestamp_authorities: Sequence[Json],
) -> Json:
    """TrustedRoot."""
    return {
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": list(logs),
        "certificateAuthorities": list(authorities),
        "ctlogs": list(certificate_logs),
        "timestampAuthorities": list(timestamp_authorities),
    }


def signing_config(*, base: str, log_version: int, start: datetime) -> Json:
    """SigningConfig of services that all listen at ``base``."""

    def service(path: str, version: int = 1) -> list[Json]:
        return [
            {
                "url": f"{base}{path}",
                "majorApiVersion": version,
                "validFor": Window(start).json,
                "operator": "sigstore double",
            }
        ]

    return {
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": service(""),
        "oidcUrls": service("/oidc"),
        "rekorTlogUrls": service("", log_version),
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaUrls": service("/api/v1/timestamp") if log_version > 1 else [],
        "tsaConfig": {"selector": "ANY"},
    }


def client_trust_config(root: Json, config: Json) -> bytes:
    """ClientTrustConfig: both in one file."""
    return json.dumps(
        {
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": root,
            "signingConfig": config,
        },
        indent=1,
    ).encode()
