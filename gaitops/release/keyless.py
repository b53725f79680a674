# SPDX-License-Identifier: Apache-2.0
"""Statements signed by a workload identity: Sigstore bundles beside the envelopes that keys sign (design 8).

Who may sign, and which Sigstore instance vouches for them, the newest root says (:mod:`gaitops.fleet.publishing`).
A bundle counts for a statement when

1. it is around exactly the statement's payload, and verifies offline under the trusted root that the root names by digest;
2. its certificate names a workload of the root, at every verified time.

Bundles are not deterministic: each has a certificate, a time and a place in a log of its own. A release therefore keeps
the bundles of the release before it where statements did not change, and a second publisher verifies the first one's and
takes them over, so that everything that TUF metadata covers is the same bytes again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from gaitops.errors import GaitopsError, InvalidInputError, VerificationError
from gaitops.fleet.publishing import KeylessPublishing
from gaitops.fleet.root import TrustedRoot
from gaitops.release.layout import TRUSTED_ROOT_TARGET, bundle_target
from gaitops.release.metadata import Bundled
from gaitops.release.verify import VerifiedRelease
from gaitops.signing.dsse import MAX_BYTES
from gaitops.signing.envelopes import canonical_bundle, read_envelope
from gaitops.signing.sigstore.verify import TrustedRootFile, VerifiedBundle, verify_bundle
from gaitops.signing.statement import PAYLOAD_TYPE

MAX_BUNDLE_BYTES: Final = MAX_BYTES + 32 * 1024
"""Largest bundle that is read: an envelope, and what vouches for its signature."""

SignStatement = Callable[[bytes], bytes]
"""Payload of a statement → a Sigstore bundle around it, by this publisher's workload."""


def trusted_root_file(data: bytes, root: TrustedRoot, path: str) -> TrustedRootFile:
    """``trusted_root.json``, once it is the one that ``root`` names.

    Raises:
        VerificationError: ``sigstore.trust_root``.
    """
    named = _publishing(root).trusted_root
    found = hashlib.sha256(data).hexdigest()
    if found != named:
        raise VerificationError.of(
            "sigstore.trust_root",
            f"the Sigstore trusted root has SHA-256 {found}, root version {root.version} names {named}",
            path=path,
            remedy="only a root rotation changes it: gaitops trust rotate --publisher-workload PRINCIPAL/IDENTITY",
        )
    return TrustedRootFile(data, found)


def open_bundle(
    data: bytes, root: TrustedRoot, trusted_root: TrustedRootFile, path: str
) -> tuple[bytes, VerifiedBundle]:
    """The payload of a statement's bundle, and its signer, a workload that ``root`` names.

    Raises:
        VerificationError: ``sigstore.*``; ``signature.invalid`` for a wrong signature or another kind of payload.
        MissingDependencyError: ``dependency.sigstore``.
    """
    try:
        envelope = read_envelope(data, path, max_bytes=MAX_BUNDLE_BYTES)
        verified = verify_bundle(envelope, trusted_root)
    except (InvalidInputError, VerificationError) as error:
        # Bytes that are no bundle are a failed check to whoever verifies a release or a pin.
        raise VerificationError(replace(item, path=path) for item in error.problems) from error
    if envelope.payload_type != PAYLOAD_TYPE:
        raise VerificationError.of(
            "signature.invalid",
            f"expected a payload of type {PAYLOAD_TYPE}, found {envelope.payload_type}",
            path=path,
        )
    publishing = _publishing(root)
    if all(verified.mismatch(workload) is not None for workload in publishing.workloads):
        nearest = publishing.nearest(verified.claims)
        raise VerificationError.of(
            "sigstore.identity",
            f"root version {root.version} names no workload like the signer: {verified.mismatch(nearest)}",
            path=path,
            remedy="the workloads of the root publish; the root people change them with: gaitops trust rotate",
        )
    return envelope.payload, verified


def is_bundle_of(payload: bytes, data: bytes, path: str) -> bool:
    """Whether these bytes are a bundle around ``payload``; whether it proves anything is not looked at. Never raises."""
    try:
        envelope = read_envelope(data, path, max_bytes=MAX_BUNDLE_BYTES)
    except GaitopsError:
        return False
    return envelope.bundle is not None and envelope.payload == payload


class Bundles:
    """The bundles of the release that is being made.

    Args:
        root: The newest root.
        committed: ``trust/sigstore/trusted_root.json`` of verified state.
        previous: The release before, whose bundles are kept where they still verify.
        sign: Signs statements that have none.
        staged: What waits for another publisher's signature, by target path: its bundles serve again.

    Raises:
        InvalidInputError: ``release.keyless`` when the root names no workload.
        VerificationError: ``sigstore.trust_root`` when neither the fleet nor the release before has the trusted root
            that the root names.
    """

    def __init__(
        self,
        root: TrustedRoot,
        committed: bytes | None,
        previous: VerifiedRelease | None,
        sign: SignStatement,
        staged: Callable[[str], bytes | None],
    ) -> None:
        self._root = root
        self._staged = staged
        self._previous = previous
        self._sign = sign
        self._trusted_root = publishing_root(root, committed, previous)
        self._known: dict[str, bytes | None] = {}
        self.signed = 0
        """Bundles that were made, not kept."""

    @property
    def kept(self) -> Bundled:
        """Bundles of the release before and of what is staged, where they are over the same statement and hold."""
        return Bundled(self._trusted_root.data, self._earlier)

    @property
    def complete(self) -> Bundled:
        """The same, and new ones for all other statements: asking for one signs.

        A bundle of somebody whom the root does not name is refused as soon as it is there (``sigstore.identity``).
        """
        return Bundled(self._trusted_root.data, self._earlier_or_new)

    def lacking(self, stated: Mapping[str, bytes]) -> list[str]:
        """Statements without an earlier bundle, sorted."""
        return sorted(path for path, payload in stated.items() if self._earlier(path, payload) is None)

    def _earlier_or_new(self, path: str, payload: bytes) -> bytes:
        found = self._earlier(path, payload)
        if found is None:
            found = self._known[path] = self._new(path, payload)
        return found

    def _earlier(self, path: str, payload: bytes) -> bytes | None:
        if path not in self._known:
            self._known[path] = self._kept(path, payload)
        return self._known[path]

    def _kept(self, path: str, payload: bytes) -> bytes | None:
        target = bundle_target(path)
        earlier = []
        if self._previous is not None and target in self._previous.targets:
            earlier.append(self._previous.read_target(target))
        staged = self._staged(target)
        if staged is not None:
            earlier.append(staged)
        return next((data for data in earlier if self._holds(data, payload, target)), None)

    def _holds(self, data: bytes, payload: bytes, target: str) -> bool:
        try:
            return self._opened(data, target) == payload
        except VerificationError:
            # Under an earlier root it may have held; now it does not, and the statement is signed anew.
            return False

    def _new(self, path: str, payload: bytes) -> bytes:
        target = bundle_target(path)
        made = read_envelope(self._sign(payload), target, max_bytes=MAX_BUNDLE_BYTES)
        if made.bundle is None:
            raise VerificationError.of("sigstore.bundle", "the signer gave no bundle", path=target)
        data = canonical_bundle(made.bundle)
        if self._opened(data, target) != payload:
            raise VerificationError.of(
                "signature.invalid", "the bundle is over another statement", path=target
            )
        self.signed += 1
        return data

    def _opened(self, data: bytes, path: str) -> bytes:
        return open_bundle(data, self._root, self._trusted_root, path)[0]


def publishing_root(
    root: TrustedRoot, committed: bytes | None, previous: VerifiedRelease | None
) -> TrustedRootFile:
    """The trusted root that ``root`` names: the fleet's, or the one that the release before still carries.

    A fleet may change its own, with which approvals verify, before the root people have signed for publishing with it.

    Raises:
        InvalidInputError: ``release.keyless``.
        VerificationError: ``sigstore.trust_root``.
    """
    if root.publishing is None:
        raise InvalidInputError.of(
            "release.keyless",
            f"root version {root.version} names no workload that publishes",
            remedy="let the root people name it: gaitops trust rotate --publisher-workload PRINCIPAL/IDENTITY",
        )
    named = root.publishing.trusted_root
    held = None if previous is None else previous.targets.get(TRUSTED_ROOT_TARGET)
    if previous is not None and held is not None and held.hashes["sha256"] == named:
        return TrustedRootFile(previous.read_target(TRUSTED_ROOT_TARGET), named)
    if committed is None:
        raise VerificationError.of(
            "sigstore.trust_root",
            f"root version {root.version} names Sigstore trusted root {named}, and verified state has none",
            path="trust/sigstore/trusted_root.json",
            remedy="commit it unchanged, approved by the root people",
        )
    return trusted_root_file(committed, root, "trust/sigstore/trusted_root.json")


def _publishing(root: TrustedRoot) -> KeylessPublishing:
    if root.publishing is None:
        raise VerificationError.of(
            "sigstore.identity",
            f"root version {root.version} names no workload that may sign statements",
            remedy="the root people name workloads with: gaitops trust rotate",
        )
    return root.publishing
