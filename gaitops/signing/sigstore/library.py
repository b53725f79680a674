# SPDX-License-Identifier: Apache-2.0
"""sigstore-python, and everything that we rely on it for.

Importing this module loads it, which costs half a second: only :mod:`gaitops.signing.sigstore.verify` does, and only
when there is a bundle. What is built on:

- ``Bundle.from_json``, ``Verifier.verify_dsse`` and ``verify_artifact``, all public.
- ``TrustedRoot`` made of a message, where the public way is to make it of a file.
- Two methods of ``Verifier`` that are not public: verification keeps the times and chains that it established to itself,
  so they are noted on their way through. Should a release of sigstore-python stop calling them, nothing verifies any
  more, and a test says so.

None of it reaches the network: a trusted root is handed in, an inclusion proof is required, and the address of the log
is replaced by one that cannot exist.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, cast

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, PrecertificateSignedCertificateTimestamps
from sigstore._internal.timestamp import TimestampSource, TimestampVerificationResult
from sigstore._internal.trust import CertificateAuthority, CTKeyring, KeyringPurpose, RekorKeyring
from sigstore.errors import VerificationError as NotVerified
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier
from sigstore_models.trustroot.v1 import TrustedRoot as TrustedRootMessage

from gaitops.signing.sigstore.trusted_root import MEDIA_TYPE, Authority, Log, Roots, read_trusted_root

_ALWAYS: Final = {"start": "1970-01-01T00:00:00Z"}
_NOWHERE: Final = "https://offline.invalid"
"""Reserved by RFC 2606 never to resolve."""


@dataclass(frozen=True, slots=True)
class Established:
    """A time that sigstore-python accepted, and the chain that held then."""

    at: datetime
    by_log: bool
    """Whether a log vouches for it, else a timestamp authority."""
    issuer: bytes
    """The certificate that issued the signing one, in DER."""


@dataclass(frozen=True, slots=True)
class Proven:
    """What sigstore-python verified."""

    times: tuple[Established, ...]
    """At least one."""
    certificate_log: bytes
    """Id of the certificate log that promised to publish the certificate (RFC 6962 3.2)."""
    promised_at: datetime


@dataclass
class _Notes:
    """What one verification established."""

    times: list[TimestampVerificationResult] = field(default_factory=list)
    issuers: list[Certificate] = field(default_factory=list)


class _ReadOnce(TrustedRoot):
    """A trusted root that does not parse its keys and certificates anew for every signature."""

    def __init__(self, inner: TrustedRootMessage) -> None:
        super().__init__(inner)
        self._log_keys = super().rekor_keyring(KeyringPurpose.VERIFY)
        self._promise_keys = super().ct_keyring(KeyringPurpose.VERIFY)
        self._timestamp_authorities = super().get_timestamp_authorities()

    def rekor_keyring(self, _purpose: KeyringPurpose) -> RekorKeyring:
        return self._log_keys

    def ct_keyring(self, _purpose: KeyringPurpose) -> CTKeyring:
        return self._promise_keys

    def get_timestamp_authorities(self) -> list[CertificateAuthority]:
        return self._timestamp_authorities


class _Observed(Verifier):
    """A verifier that lets one see what it established."""

    notes: _Notes

    def _establish_time(self, bundle: Bundle) -> list[TimestampVerificationResult]:
        found = super()._establish_time(bundle)
        self.notes.times.extend(found)
        return found

    def _verify_chain_at_time(
        self, certificate: Certificate, timestamp_result: TimestampVerificationResult
    ) -> list[Certificate]:
        chain = super()._verify_chain_at_time(certificate, timestamp_result)
        self.notes.issuers.append(chain[0])
        return chain


@dataclass
class _ThisCertificate:
    """A policy of sigstore-python: the certificate is the one that we read. Whose it may be is asked elsewhere."""

    der: bytes
    parsed: Certificate | None = None

    def verify(self, cert: Certificate) -> None:
        if cert.public_bytes(Encoding.DER) != self.der:
            raise NotVerified("the certificate is not the one that was read")
        self.parsed = cert


def prepare(trusted_root: bytes, log_id: bytes) -> None:
    """Make sure that sigstore-python can use the trusted root with one of its logs.

    Raises:
        Exception: whatever sigstore-python raises: its own errors, and those of the libraries below it.
    """
    _template(trusted_root, log_id)


def verify_dsse(
    trusted_root: bytes, log_id: bytes, raw: bytes, certificate: bytes
) -> tuple[str, bytes, Proven]:
    """Payload type and payload of a bundle around an envelope, and what there is to know about its signature.

    Raises:
        Exception: as :func:`prepare`.
    """
    run, policy = _verifier(trusted_root, log_id), _ThisCertificate(certificate)
    kind, payload = run.verify_dsse(Bundle.from_json(raw), policy)
    return kind, payload, _proven(run.notes, policy)


def verify_blob(trusted_root: bytes, log_id: bytes, raw: bytes, certificate: bytes, blob: bytes) -> Proven:
    """What there is to know about the signature of a bundle that signs ``blob``.

    Raises:
        Exception: as :func:`prepare`.
    """
    run, policy = _verifier(trusted_root, log_id), _ThisCertificate(certificate)
    run.verify_artifact(blob, Bundle.from_json(raw), policy)
    return _proven(run.notes, policy)


def _proven(notes: _Notes, policy: _ThisCertificate) -> Proven:
    if not notes.times or len(notes.times) != len(notes.issuers) or policy.parsed is None:
        raise NotVerified("this release of sigstore-python does not show what it verified")
    # There is exactly one: sigstore-python refuses others.
    (promise,) = policy.parsed.extensions.get_extension_for_class(
        PrecertificateSignedCertificateTimestamps
    ).value
    times = tuple(
        Established(
            stamp.time.astimezone(UTC),
            stamp.source is TimestampSource.TRANSPARENCY_SERVICE,
            issuer.public_bytes(Encoding.DER),
        )
        for stamp, issuer in zip(notes.times, notes.issuers, strict=True)
    )
    # The library gives UTC without saying so.
    return Proven(times, promise.log_id, promise.timestamp.replace(tzinfo=UTC))


def _verifier(trusted_root: bytes, log_id: bytes) -> _Observed:
    """A verifier for one verification; threads share nothing that changes."""
    run = copy.copy(_template(trusted_root, log_id))
    run.notes = _Notes()
    return run


@lru_cache(maxsize=16)
def _template(trusted_root: bytes, log_id: bytes) -> _Observed:
    message = TrustedRootMessage.from_json(_trust(read_trusted_root(trusted_root), log_id))
    return _Observed(trusted_root=_ReadOnce(message))


def _trust(roots: Roots, log_id: bytes) -> str:
    """The trusted root with one log, so that no other log's key can stand in for it.

    sigstore-python compares the validity of logs and authorities with the machine's clock, which must not decide a
    verdict about the past; ours is compared with the verified times. Of timestamp authorities it compares it with the
    time in the timestamp, the end excluded where the format includes it.
    """
    return json.dumps(
        {
            "mediaType": MEDIA_TYPE,
            "tlogs": [_always(item) for item in roots.logs if item.log_id == log_id],
            "ctlogs": [_always(item) for item in roots.certificate_logs],
            "certificateAuthorities": [{**item.json, "validFor": _ALWAYS} for item in roots.authorities],
            "timestampAuthorities": [_to_the_end(item) for item in roots.timestamp_authorities],
        }
    )


def _always(log: Log) -> Mapping[str, object]:
    key = cast("dict[str, object]", log.json["publicKey"])
    return {**log.json, "baseUrl": _NOWHERE, "publicKey": {**key, "validFor": _ALWAYS}}


def _to_the_end(authority: Authority) -> Mapping[str, object]:
    window = authority.window
    valid_for = {"start": window.start.isoformat()}
    if window.end is not None:
        valid_for["end"] = (window.end + timedelta(microseconds=1)).isoformat()
    return {**authority.json, "validFor": valid_for}
