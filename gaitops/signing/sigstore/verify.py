# SPDX-License-Identifier: Apache-2.0
"""What a Sigstore bundle proves, offline, under one trusted root.

The procedure (numbered alike in ``docs/identity/sigstore.md`` and below):

(1) The bundle is read strictly, and is the one around the envelope in question.
(2) Its log is one of the trusted root's; only that log's key is asked from here on.
(3) The signature verifies with the certificate's key, over exactly this payload.
(4) Times, certificate chain, certificate transparency, inclusion proof, checkpoint and promise verify, and the log entry
    is about this signature. Every verified time lies in the certificate's validity. Both steps are sigstore-python's.
(5) Authority, logs and certificate log were trusted at those times, as the trusted root says.
(6) The size of the tree is the one that the log signed, so that the position in it is certain.

Who the signer must be is another question: :mod:`gaitops.signing.sigstore.expected`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import TYPE_CHECKING, Final, Literal

from gaitops.errors import GaitopsError, InvalidInputError, MissingDependencyError, VerificationError
from gaitops.signing.dsse import MAX_BYTES, Envelope, pae
from gaitops.signing.sigstore.bundle import BundleFile, read_bundle
from gaitops.signing.sigstore.claims import Claims, read_claims
from gaitops.signing.sigstore.expected import Person, Workload
from gaitops.signing.sigstore.trusted_root import Log, read_trusted_root

if TYPE_CHECKING:
    from gaitops.signing.sigstore.library import Proven

Source = Literal["rekor", "rfc3161"]
"""Who vouches for a time: a transparency log or a timestamp authority."""

_SIGN_AGAIN: Final = "sign again, with the Sigstore instance whose trusted root the fleet pins"


@dataclass(frozen=True, slots=True)
class TrustedRootFile:
    """A ``trusted_root.json`` as it was read."""

    data: bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class LogEntry:
    """Where a transparency log holds a signature."""

    log_id: str
    """Lowercase hex."""
    index: int
    """As the log counts over all its shards where it vouches for that, else in the tree of the proof."""


@dataclass(frozen=True, slots=True, order=True)
class VerifiedTime:
    """A time at which the signature existed, and who vouches for it."""

    at: datetime
    source: Source


@dataclass(frozen=True, slots=True)
class VerifiedBundle:
    """Who signed, when, and where it is logged."""

    claims: Claims
    times: tuple[VerifiedTime, ...]
    """At least one, earliest first. All lie in the certificate's validity, of minutes."""
    log: LogEntry

    @property
    def signed_at(self) -> datetime:
        """The earliest verified time: whoever sends a bundle may add a later one, and would only make it older."""
        return self.times[0].at

    @property
    def source(self) -> Source:
        """Who vouches for :attr:`signed_at`."""
        return self.times[0].source

    def mismatch(self, expected: Person | Workload) -> str | None:
        """Why the signer was, at one of the verified times, not whom one expected; ``None`` when it always was."""
        found = (expected.mismatch(self.claims, time.at) for time in self.times)
        return next((message for message in found if message is not None), None)


def verify_bundle(envelope: Envelope, trusted_root: TrustedRootFile) -> VerifiedBundle:
    """What the bundle of an envelope proves.

    Raises:
        VerificationError: ``sigstore.untrusted`` where certificate, log or time do not lead to the trusted root;
            ``signature.invalid`` for a wrong signature or another payload; ``sigstore.trust_root`` for a trusted root
            that cannot be read.
        InvalidInputError: ``sigstore.bundle``, ``sigstore.certificate``.
        MissingDependencyError: ``dependency.sigstore``.
    """
    # (1) The bundle, and the envelope in it.
    bundle = envelope.bundle
    inner = bundle.envelope if bundle is not None else None
    if bundle is None or inner is None:
        raise VerificationError.of("sigstore.bundle", "the envelope comes in no bundle", remedy=_SIGN_AGAIN)
    if (inner.payload_type, inner.payload) != (envelope.payload_type, envelope.payload):
        raise _invalid("the envelope is not the one in its bundle")
    log, claims, library = _setting(bundle, trusted_root)
    # (3) and (4) The signature, and everything that vouches for it.
    try:
        kind, payload, proven = library.verify_dsse(
            trusted_root.data, log.log_id, bundle.raw, bundle.certificate
        )
    except MemoryError:
        raise  # Of this machine, and no verdict.
    except Exception as error:
        raise _why(error, bundle, inner.signature, pae(inner.payload_type, inner.payload)) from error
    if (kind, payload) != (envelope.payload_type, envelope.payload):
        raise _invalid("the payload that was verified is another one")
    return _conclude(bundle, trusted_root, log, claims, proven)


def verify_blob(
    bundle: bytes, blob: bytes, trusted_root: TrustedRootFile, path: str = "bundle"
) -> VerifiedBundle:
    """What a bundle proves about ``blob``, which it signs without containing it.

    Raises:
        GaitopsError: as :func:`verify_bundle` does.
    """
    # (1) The bundle.
    parsed = read_bundle(bundle, path, max_bytes=MAX_BYTES)
    if parsed.message_signature is None:
        raise InvalidInputError.of(
            "sigstore.bundle",
            "the bundle is around an envelope, expected the signature of a file",
            path=path,
            field="dsseEnvelope",
            remedy="give the bundle that was made for the file",
        )
    log, claims, library = _setting(parsed, trusted_root)
    # (3) and (4) As above.
    try:
        proven = library.verify_blob(trusted_root.data, log.log_id, parsed.raw, parsed.certificate, blob)
    except MemoryError:
        raise  # Of this machine, and no verdict.
    except Exception as error:
        raise _why(error, parsed, parsed.message_signature, blob) from error
    return _conclude(parsed, trusted_root, log, claims, proven)


def _setting(bundle: BundleFile, trusted_root: TrustedRootFile) -> tuple[Log, Claims, ModuleType]:
    """The log that the bundle names, what its certificate claims, and the library, ready for both."""
    try:
        roots = read_trusted_root(trusted_root.data)
    except InvalidInputError as error:
        raise _no_root(error.problems[0].message, error.problems[0].field) from error
    # (2) One log, so that no other log's key can stand in for it.
    log = next((item for item in roots.logs if item.log_id == bundle.entry.log_id), None)
    if log is None:
        raise _refusal(f"the trusted root knows no log {bundle.entry.log_id.hex()}")
    claims = read_claims(bundle.certificate)
    if bundle.chain and _x509().has_root(bundle.chain):
        raise InvalidInputError.of(
            "sigstore.bundle", "the bundle brings a root certificate along", remedy=_SIGN_AGAIN
        )
    return log, claims, _library(trusted_root, log)


def _why(error: Exception, bundle: BundleFile, signature: bytes, signed: bytes) -> GaitopsError:
    """The error of a bundle that did not verify: a wrong signature is told from one that nobody vouches for."""
    if not _x509().signed_by(bundle.certificate, signature, signed):
        return _invalid("the signature is not by the certificate's key over this payload")
    # sigstore-python and what it builds on raise errors of many types, some of them with long texts.
    reason = " ".join((str(error) or type(error).__name__).split())
    return _refusal(f"Sigstore does not vouch for the signature: {reason:.240}")


def _conclude(
    bundle: BundleFile, trusted_root: TrustedRootFile, log: Log, claims: Claims, proven: Proven
) -> VerifiedBundle:
    """Steps (5) and (6), and the result."""
    roots = read_trusted_root(trusted_root.data)
    # (5) Trusted then, whatever the clock of this machine says now.
    for time in proven.times:
        if not log.window.covers(time.at):
            raise _refusal(f"the log was not trusted at {time.at:%Y-%m-%dT%H:%M:%SZ}")
        if not any(
            time.issuer in authority.certificates and authority.window.covers(time.at)
            for authority in roots.authorities
        ):
            raise _refusal(f"the certificate authority was not trusted at {time.at:%Y-%m-%dT%H:%M:%SZ}")
    at = proven.promised_at
    if not any(
        item.log_id == proven.certificate_log and item.window.covers(at) for item in roots.certificate_logs
    ):
        raise _refusal(
            f"the certificate log {proven.certificate_log.hex()} was not trusted at {at:%Y-%m-%dT%H:%M:%SZ}"
        )
    # (6) A proof alone fits trees of several sizes, and in each of them another position.
    entry = bundle.entry
    if entry.checkpoint.split("\n")[1:2] != [str(entry.tree_size)]:
        raise _refusal(f"the log did not sign a tree of {entry.tree_size} entries")
    index = entry.index if entry.has_promise else entry.proof_index
    return VerifiedBundle(
        claims,
        tuple(sorted(VerifiedTime(time.at, "rekor" if time.by_log else "rfc3161") for time in proven.times)),
        LogEntry(entry.log_id.hex(), index),
    )


def _library(trusted_root: TrustedRootFile, log: Log) -> ModuleType:
    """The module around sigstore-python, which a fleet without bundles never loads (design 14)."""
    try:
        from gaitops.signing.sigstore import library  # noqa: PLC0415
    except ImportError as error:
        raise MissingDependencyError.of(
            "dependency.sigstore",
            f"verifying keyless signatures needs sigstore-python: {error}",
            remedy="pip install 'gaitops[sigstore]'",
        ) from error
    try:
        library.prepare(trusted_root.data, log.log_id)
    except MemoryError:
        raise  # Of this machine, and no verdict.
    except Exception as error:
        raise _no_root(str(error), None) from error
    return library


def _no_root(reason: str, field: str | None) -> VerificationError:
    return VerificationError.of(
        "sigstore.trust_root",
        f"the trusted root cannot be used: {reason:.240}",
        field=field,
        remedy="commit the trusted_root.json of your Sigstore instance unchanged",
    )


def _x509() -> ModuleType:
    # Loads X.509, which a fleet without keyless identities never needs (design 14).
    from gaitops.signing.sigstore import certificate  # noqa: PLC0415

    return certificate


def _refusal(message: str) -> VerificationError:
    return VerificationError.of("sigstore.untrusted", message, remedy=_SIGN_AGAIN)


def _invalid(message: str) -> VerificationError:
    return VerificationError.of("signature.invalid", message, remedy="sign again")
