# SPDX-License-Identifier: Apache-2.0
"""``gaitops publish``: verified content becomes the next release in a folder.

With as many signers as the root asks for, readers see the release at once. With fewer it is staged, invisible to
readers, until :func:`gaitops.release.cosign.cosign` completes it. A schedule may publish as often as it likes: content
that the previous release already says in full, with life left in all of it, makes no new one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from securesystemslib.signer import Signer

from gaitops.errors import VerificationError
from gaitops.fleet.root import root_chain
from gaitops.release.content import ReleaseContent
from gaitops.release.folder import ReleaseFolder
from gaitops.release.keyless import Bundles, SignStatement
from gaitops.release.layout import ENVELOPES, RELEASE_TARGET, bundle_target
from gaitops.release.metadata import Draft, draft, issued_at, metadata_bytes, timestamp_metadata
from gaitops.release.previous import check_continuity
from gaitops.release.sign import SignedDraft, require_publishers, sign_draft, sign_metadata
from gaitops.release.signatures import role_keys
from gaitops.release.verify import VerifiedRelease


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What a publisher has done."""

    status: Literal["published", "staged", "unchanged"]
    number: int
    commit: str
    root_version: int
    missing_signatures: int
    """Publishers who must still sign before readers see the release."""
    renewed: tuple[str, ...]
    """Roles whose metadata is new in this release, sorted; consumers of all others download nothing of theirs."""
    files_written: int
    timestamp_version: int | None
    """``None`` while staged."""
    timestamp_expires: datetime | None
    snapshot_expires: datetime
    bundles: int = 0
    """Statements with a Sigstore bundle in the release: all, or none."""
    bundles_signed: int = 0
    """Bundles that this run has made; the others were kept or taken over."""


def publish(
    content: ReleaseContent,
    signers: Sequence[Signer],
    out: Path,
    *,
    previous: VerifiedRelease | None,
    now: datetime,
    first: bool = False,
    packs: Mapping[str, bytes] | None = None,
    keyless: SignStatement | None = None,
) -> PublishReport:
    """Publish ``content`` into ``out`` as the release after ``previous``.

    Args:
        content: Verified state.
        signers: Publishers of the newest root; any number of them.
        out: Folder of the release.
        previous: From :func:`gaitops.release.previous.read_previous`; ``None`` only with ``first``.
        now: Judges the root's expiry, and moves expiries on when the commit is old.
        first: There is no previous release, and never was.
        packs: Gait registry packs by target path (:func:`gaitops.release.layout.version_pack`).
        keyless: Signs statements by a workload identity, besides the keys. A bundle of the previous release is kept
            while its statement stays the same; nothing is signed for a release that is not made.

    Raises:
        VerificationError: ``trust.*``, ``history.not_descendant``, ``history.fork``, ``sigstore.*``.
        InvalidInputError: ``release.previous_required``, ``release.publisher``, ``release.unsafe_path``,
            ``release.keyless``.
        UnsafeOperationError: ``history.fork``.
        InternalError: ``signing.failed``, ``release.io``.
    """
    folder = ReleaseFolder(out)
    root = root_chain(content.root_chain, content.trust_root, now)
    require_publishers(signers, root)
    check_continuity(content, previous, folder, first=first)
    issued = issued_at(content.time, content.expiries.snapshot, now)
    bundles = (
        None
        if keyless is None
        else Bundles(root, content.sigstore_root, previous, keyless, folder.staged_target)
    )
    drafted = draft(content, root, previous, issued, packs or {}, None if bundles is None else bundles.kept)
    if (
        previous is not None
        and _is_said(content, drafted, previous, now)
        and _is_bundled(drafted, previous, bundles)
    ):
        return _unchanged(previous)
    if bundles is not None:
        # Only now: signing costs a certificate and a log entry for each statement.
        drafted = draft(content, root, previous, issued, packs or {}, bundles.complete)

    def envelopes(path: str) -> bytes | None:
        return folder.read(path) if path.startswith(f"{ENVELOPES}/") else None

    signed = sign_draft(drafted, signers, envelopes)
    report = finish(content, drafted, signed, signers, folder, previous=previous, now=now)
    return report if bundles is None else replace(report, bundles_signed=bundles.signed)


def _is_bundled(drafted: Draft, previous: VerifiedRelease, bundles: Bundles | None) -> bool:
    """Whether ``previous`` has the bundles that are wanted: for every statement, or none."""
    if bundles is None:
        return bundle_target(RELEASE_TARGET) not in previous.targets
    lacking = bundles.lacking(
        {path: drafted.stated[path] for path in drafted.stated if path != RELEASE_TARGET}
    )
    return not lacking and bundle_target(RELEASE_TARGET) in previous.targets


def _is_said(content: ReleaseContent, drafted: Draft, previous: VerifiedRelease, now: datetime) -> bool:
    """Whether ``previous`` says everything of ``drafted`` but its number, and expires no earlier."""
    delegated = {name: role for name, role in drafted.roles.items() if name not in {"snapshot", "targets"}}
    return (
        previous.fields.commit == content.commit
        and previous.fields.issued == drafted.issued
        and previous.roots == drafted.roots
        and previous.roles.keys() == {"targets", *delegated}
        and all(role.kept is not None for role in delegated.values())
        and previous.timestamp.expires >= _timestamp_expiry(content, now)
    )


def _unchanged(previous: VerifiedRelease) -> PublishReport:
    return PublishReport(
        status="unchanged",
        number=previous.number,
        commit=previous.fields.commit,
        root_version=previous.root.version,
        missing_signatures=0,
        renewed=(),
        files_written=0,
        timestamp_version=previous.timestamp.version,
        timestamp_expires=previous.timestamp.expires,
        snapshot_expires=previous.snapshot.expires,
        bundles=sum(bundle_target(path) in previous.targets for path in previous.targets),
    )


def _timestamp_expiry(content: ReleaseContent, now: datetime) -> datetime:
    life = content.expiries.timestamp
    return issued_at(content.time, life, now) + life


def finish(
    content: ReleaseContent,
    drafted: Draft,
    signed: SignedDraft,
    signers: Sequence[Signer],
    folder: ReleaseFolder,
    *,
    previous: VerifiedRelease | None,
    now: datetime,
) -> PublishReport:
    """Publish signed files, or stage them while signatures are missing.

    Raises:
        VerificationError: ``history.fork``; ``release.invalid`` when no signer may sign the timestamp.
        InternalError: ``signing.failed``, ``release.io``.
    """
    replaces = None if previous is None else previous.timestamp.data
    version = expires = None
    if signed.missing:
        written = folder.stage(signed.files, replaces)
    else:
        version = 1 if previous is None else previous.timestamp.version + 1
        expires = _timestamp_expiry(content, now)
        timestamp = signed_timestamp(drafted.roots[-1], drafted.number, version, expires, signers)
        written = folder.publish(signed.files, timestamp, replaces)
    return PublishReport(
        status="staged" if signed.missing else "published",
        number=drafted.number,
        commit=content.commit,
        root_version=drafted.root.version,
        missing_signatures=signed.missing,
        renewed=tuple(sorted(name for name, role in drafted.roles.items() if role.kept is None)),
        files_written=written,
        timestamp_version=version,
        timestamp_expires=expires,
        snapshot_expires=drafted.roles["snapshot"].metadata.signed.expires,
        bundles=sum(bundle_target(path) in drafted.targets for path in drafted.stated),
    )


def signed_timestamp(
    root: bytes, number: int, version: int, expires: datetime, signers: Sequence[Signer]
) -> bytes:
    """The file of a new timestamp for release ``number``.

    Raises:
        VerificationError: ``release.invalid`` when these signers are too few for the root's timestamp role.
        InternalError: ``signing.failed``.
    """
    metadata = timestamp_metadata(number, version, expires)
    sign_metadata(metadata, signers)
    missing = role_keys(root)["timestamp"].missing(metadata)
    if missing:
        raise VerificationError.of(
            "release.invalid", f"{missing} more publishers must sign the timestamp at the same time"
        )
    return metadata_bytes(metadata)
