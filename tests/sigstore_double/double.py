# SPDX-License-Identifier: Apache-2.0
"""The instance: all services in one process, and bundles as a client would have put them together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from . import log, trust
from .certificates import Authority, CertificateLog, Fulcio
from .claims import names_of
from .identities import Claims, Signer
from .keys import ECKey, new_key, sign
from .log import Json, b64
from .oidc import HOUR, Provider
from .servers import Services
from .timestamps import Query, TimestampAuthority
from .trust import Window, Windows

IN_TOTO = "application/vnd.in-toto+json"
BEGINNING = datetime(2024, 1, 1, tzinfo=UTC)
"""From when on everything is trusted."""
END = datetime(2044, 1, 1, tzinfo=UTC)
"""Until when certificates of authorities are valid."""


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong. Nothing, unless it is switched on."""

    certificate_for: Signer | None = None
    """The certificate names somebody else than the token."""
    certificate_at: datetime | None = None
    """The certificate begins then, not at the time of signing."""
    no_promise: bool = False
    """The certificate has no promise of a certificate log in it."""
    promise_by_stranger: bool = False
    """The promise claims to be by the instance's certificate log, but another key made it."""
    unrelated_entry: bool = False
    """The log entry is about another signature by the same certificate."""
    checkpoint_by_stranger: bool = False
    """The checkpoint claims to be by the instance's log, but another key signed it."""
    witnesses: int = 0
    """So many witnesses signed the checkpoint. No fault, but each makes bundles 130 bytes longer."""
    timestamp_at: datetime | None = None
    """The timestamp, or the log that vouches for the time, tells this time."""
    timestamp_of_another: bool = False
    """The timestamp is about another signature."""
    no_timestamp: bool = False
    """There is none. The servers do not answer."""
    entries_refused: bool = False
    """The log takes no entries: HTTP 500."""


NO_FAULTS = Faults()


class SigstoreDouble:
    """Fulcio, certificate log, Rekor (v2, and v1 on request), timestamp authority, and an OpenID provider.

    ``clock`` is asked for the time wherever a call gives none.
    """

    def __init__(self, clock: Callable[[], datetime], *, log_version: int = 2) -> None:
        self._clock = clock
        self.log_version = log_version
        self.base = "https://sigstore-double.invalid"
        self.faults = NO_FAULTS
        """What goes wrong with calls that give no faults of their own, over HTTP too."""
        window = Window(BEGINNING)
        self.windows = Windows(window, window, window, window)
        self.certificate_log = CertificateLog()
        self.fulcio = Fulcio(Authority("fulcio", BEGINNING, END), self.certificate_log)
        self.timestamps = TimestampAuthority(Authority("timestamps", BEGINNING, END))
        self.rekor = (
            log.tiled("rekor.sigstore-double")
            if log_version > 1
            else log.classic("rekor.sigstore-double - 1")
        )
        self.provider = Provider(self.now)
        """The OpenID provider; says who signs in."""
        self._stranger = CertificateLog()
        self._services: Services | None = None

    # -- servers and tokens ------------------------------------------------------------------------------

    def start(self) -> Self:
        """Listen on loopback until :meth:`stop`, or to the end of a ``with`` block."""
        self._services = Services(self)
        self.base = self._services.url
        return self

    def stop(self) -> None:
        """Listen no more."""
        if self._services is not None:
            self._services.stop()
            self._services = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def issuer_url(self) -> str:
        """Where the OpenID provider is. Its tokens name the issuer of whoever signs in, not this address."""
        return f"{self.base}/oidc"

    def token(self, signer: Signer, *, lifetime: timedelta = HOUR) -> str:
        """An ID token that Fulcio takes."""
        return self.provider.token(signer, lifetime=lifetime)

    @property
    def actions_environment(self) -> dict[str, str]:
        """Environment of a run of GitHub Actions that may ask for a token, as ``provider.run``."""
        return {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.issuer_url}/actions?v=1",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.provider.request_token,
        }

    # -- what clients are given --------------------------------------------------------------------------

    def trusted_root(self, windows: Windows | None = None) -> bytes:
        """``trusted_root.json``, with other windows than the instance's own when they are given."""
        return json.dumps(self._trusted_root(windows or self.windows), indent=1).encode()

    @property
    def trusted_root_bytes(self) -> bytes:
        """``trusted_root.json``."""
        return self.trusted_root()

    @property
    def client_trust_config(self) -> bytes:
        """``ClientTrustConfig`` JSON: the trusted root, and where the services are once servers listen."""
        config = trust.signing_config(base=self.base, log_version=self.log_version, start=BEGINNING)
        return trust.client_trust_config(self._trusted_root(self.windows), config)

    def _trusted_root(self, windows: Windows) -> Json:
        ct = self.certificate_log
        return trust.trusted_root(
            [trust.log_instance(self.base, self.rekor.key, self.rekor.log_id, windows.log)],
            [trust.log_instance(self.base, ct.key, ct.log_id, windows.certificate_log)],
            [trust.authority(self.base, self.fulcio.chain, windows.authority)],
            [trust.authority(self.base, self.timestamps.chain, windows.timestamps)],
        )

    # -- the services ------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """The time, in whole seconds."""
        return self._clock().replace(microsecond=0)

    def certify(
        self,
        key: ec.EllipticCurvePublicKey,
        claims: Claims,
        at: datetime | None = None,
        faults: Faults | None = None,
    ) -> x509.Certificate:
        """Fulcio: a certificate for whom the claims of a token name."""
        faults = faults or self.faults
        if faults.certificate_for is not None:
            claims = faults.certificate_for.claims
        at = faults.certificate_at or at or self.now()
        impostor = _Impostor(self.certificate_log, self._stranger.key)
        return self.fulcio.issue(
            key,
            names_of(claims),
            at,
            log=impostor if faults.promise_by_stranger else None,
            promised=not faults.no_promise,
        )

    def stamp(self, query: Query, at: datetime | None = None, faults: Faults | None = None) -> bytes:
        """Timestamp authority: an answer to a query."""
        faults = faults or self.faults
        if faults.timestamp_of_another:
            query = replace(query, digest=hashlib.sha256(b"another").digest())
        return self.timestamps.answer(query, faults.timestamp_at or at or self.now())

    def record(
        self,
        body: bytes,
        kind: str,
        version: str,
        at: datetime | None = None,
        faults: Faults | None = None,
    ) -> Json:
        """Rekor: add an entry, and say where it is."""
        faults = faults or self.faults
        stranger = self.rekor.another_key() if faults.checkpoint_by_stranger else None
        entry = self.rekor.add(body, kind, version, noted_with=stranger, witnesses=faults.witnesses)
        if self.log_version > 1:
            return entry
        return self.rekor.promised(entry, faults.timestamp_at or at or self.now())

    # -- bundles without a client ------------------------------------------------------------------------

    def sign_dsse(
        self,
        payload: bytes,
        signer: Signer,
        *,
        at: datetime | None = None,
        payload_type: str = IN_TOTO,
        faults: Faults | None = None,
    ) -> bytes:
        """A bundle v0.3 around an envelope with ``payload``, signed by ``signer`` at ``at``."""
        signed = log.pae(payload_type, payload)

        def content(signature: bytes) -> Json:
            return {
                "dsseEnvelope": {
                    "payload": b64(payload),
                    "payloadType": payload_type,
                    "signatures": [{"sig": b64(signature)}],
                }
            }

        return self._bundle(signed, payload, content, signer, at, faults or self.faults)

    def sign_blob(
        self,
        blob: bytes,
        signer: Signer,
        *,
        at: datetime | None = None,
        faults: Faults | None = None,
    ) -> bytes:
        """A bundle v0.3 that signs ``blob``, which is not in it."""

        def content(signature: bytes) -> Json:
            digest = {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(blob).digest())}
            return {"messageSignature": {"messageDigest": digest, "signature": b64(signature)}}

        return self._bundle(blob, None, content, signer, at, faults or self.faults)

    def _bundle(
        self,
        signed: bytes,
        payload: bytes | None,
        content: Callable[[bytes], Json],
        signer: Signer,
        at: datetime | None,
        faults: Faults,
    ) -> bytes:
        key, at = new_key(), (at or self.now()).replace(microsecond=0)
        certificate = self.certify(key.public_key(), signer.claims, at, faults)
        signature = sign(key, signed)
        logged = _other(key, signed) if faults.unrelated_entry else (signed, signature)
        entry = self.record(*self._entry(*logged, payload, certificate), at, faults)
        stamps = []
        if self.log_version > 1 and not faults.no_timestamp:
            query = Query(hashlib.sha256(signature).digest(), wants_certificate=False)
            stamps.append({"signedTimestamp": b64(self.stamp(query, at, faults))})
        value = {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": {"rawBytes": b64(certificate.public_bytes(Encoding.DER))},
                "tlogEntries": [entry],
                "timestampVerificationData": {"rfc3161Timestamps": stamps},
            },
            **content(signature),
        }
        return json.dumps(value).encode()

    def _entry(
        self, signed: bytes, signature: bytes, payload: bytes | None, certificate: x509.Certificate
    ) -> tuple[bytes, str, str]:
        """Body, kind and version of the entry about a signature."""
        digest = hashlib.sha256(signed).digest()
        if self.log_version > 1:
            body = log.hashed_body(digest, signature, certificate.public_bytes(Encoding.DER))
            return body, "hashedrekord", "0.0.2"
        pem = certificate.public_bytes(Encoding.PEM)
        if payload is None:
            return log.hashed_body_v1(digest, signature, pem), "hashedrekord", "0.0.1"
        return log.dsse_body_v1(signed, payload, [signature], pem), "dsse", "0.0.1"


class _Impostor(CertificateLog):
    """Promises in the name of another log."""

    def __init__(self, claimed: CertificateLog, key: ECKey) -> None:
        super().__init__(key)
        self._claimed = claimed

    @property
    def log_id(self) -> bytes:
        """Of the log in whose name it speaks."""
        return self._claimed.log_id


def _other(key: ECKey, signed: bytes) -> tuple[bytes, bytes]:
    """Something else that the same key signed."""
    other = signed + b"."
    return other, sign(key, other)


def ticking(start: datetime, step: timedelta = timedelta(seconds=1)) -> Callable[[], datetime]:
    """A clock that moves on each time it is asked."""
    now = start

    def tick() -> datetime:
        nonlocal now
        now += step
        return now

    return tick
