# SPDX-License-Identifier: Apache-2.0
"""``gaitops publish --cosign``: another publisher signs a staged release, after building it again.

The second publisher has verified the history on its own and takes nothing from the folder but signatures: every
file must be, byte for byte, what its own content makes. A difference means that one of the two was deceived (R10).
Sigstore bundles cannot be made twice: the first publisher's are verified, for every statement or none, and taken over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from securesystemslib.signer import Signer

from gaitops.errors import GaitopsError, InvalidInputError, VerificationError
from gaitops.fleet.root import read_metadata, root_chain
from gaitops.release.content import ReleaseContent
from gaitops.release.folder import ReleaseFolder
from gaitops.release.keyless import open_bundle, publishing_root
from gaitops.release.layout import (
    ENVELOPES,
    METADATA,
    STAGED,
    TARGETS,
    TRUSTED_ROOT_TARGET,
    bundle_target,
    role_file,
    target_file,
)
from gaitops.release.metadata import Bundled, Draft, draft, issued_at
from gaitops.release.previous import check_continuity
from gaitops.release.publish import PublishReport, finish
from gaitops.release.sign import require_publishers, sign_draft, unsigned_files
from gaitops.release.verify import MAX_TARGETS_BYTES, SignedRole, VerifiedRelease, signed_fields
from gaitops.signing.dsse import parse_envelope


def cosign(
    content: ReleaseContent,
    signers: Sequence[Signer],
    out: Path,
    *,
    previous: VerifiedRelease | None,
    now: datetime,
    packs: Mapping[str, bytes] | None = None,
) -> PublishReport:
    """Add the signatures of ``signers`` to the release staged in ``out``; publish it once it has enough.

    The arguments are those of :func:`gaitops.release.publish.publish`; without ``previous`` the staged release must
    be the first one.

    Raises:
        InvalidInputError: ``release.nothing_staged``, ``release.publisher``, ``release.unsafe_path``.
        VerificationError: ``release.invalid`` when the staged bytes are not what ``content`` makes; ``trust.*``,
            ``history.*``.
        InternalError: ``signing.failed``, ``release.io``.
    """
    folder = ReleaseFolder(out)
    if not folder.staged.is_dir():
        raise InvalidInputError.of(
            "release.nothing_staged",
            f"{out} holds no release that waits for signatures",
            remedy="the first publisher runs: gaitops publish",
        )
    root = root_chain(content.root_chain, content.trust_root, now)
    require_publishers(signers, root)
    if previous is not None:
        check_continuity(content, previous, folder, first=False)
    elif folder.holds_release():
        raise InvalidInputError.of(
            "release.previous_required",
            f"{out} holds a release already, so the staged one continues it",
            remedy=f"name it: --previous {out}",
        )
    number = 1 if previous is None else previous.number + 1
    issued = _accepted_issue(folder, content, number, now)
    staged = _staged_files(folder)
    bundled = _bundled(staged, draft(content, root, previous, issued, packs or {}), content, previous)
    drafted = draft(content, root, previous, issued, packs or {}, bundled)
    _compare(content.commit, staged, unsigned_files(drafted))
    signed = sign_draft(drafted, signers, staged.get)
    return finish(content, drafted, signed, signers, folder, previous=previous, now=now)


def _accepted_issue(folder: ReleaseFolder, content: ReleaseContent, number: int, now: datetime) -> datetime:
    """The instant that the first publisher counted expiries from, if it is one that we would have chosen lately."""
    path = role_file("targets", number)
    data = folder.read(f"{STAGED}/{path}")
    if data is None:
        raise _differs(f"the staged release is not release {number}", path)
    metadata = read_metadata(data, "targets", code="release.invalid", path=path, max_bytes=MAX_TARGETS_BYTES)
    role = SignedRole("targets", metadata.signed.version, metadata.signed.expires, data, metadata)
    issued = signed_fields(role, content.trust_root, number).issued
    life = content.expiries.snapshot
    if issued not in {issued_at(content.time, life, now), issued_at(content.time, life, now - life / 2)}:
        raise _differs("expiries do not count from the commit's time", path)
    return issued


def _staged_files(folder: ReleaseFolder) -> dict[str, bytes]:
    """Every staged file by its path in the release."""
    files = {}
    for file in sorted(folder.staged.rglob("*")):
        path = file.relative_to(folder.staged).as_posix()
        data = folder.read(f"{STAGED}/{path}") if file.is_file() else None
        if data is not None:
            files[path] = data
    return files


def _bundled(
    staged: Mapping[str, bytes], drafted: Draft, content: ReleaseContent, previous: VerifiedRelease | None
) -> Bundled | None:
    """The first publisher's bundles, each verified under our own root; ``None`` when there is none at all."""
    by_target = {_target_of(path): path for path in staged}
    if by_target.keys().isdisjoint({TRUSTED_ROOT_TARGET, *map(bundle_target, drafted.stated)}):
        return None
    trusted_root = publishing_root(drafted.root, content.sigstore_root, previous)
    bundles = {}
    for path, payload in drafted.stated.items():
        file = by_target.get(bundle_target(path))
        if file is None:
            raise _differs("this statement has no bundle, and others have", path)
        if open_bundle(staged[file], drafted.root, trusted_root, file)[0] != payload:
            raise _differs("the bundle is over another statement", file)
        bundles[path] = staged[file]
    return Bundled(trusted_root.data, lambda path, _payload: bundles.get(path))


def _target_of(path: str) -> str | None:
    """The target path of a file of a release, ``None`` for files that are no targets."""
    folder, _, name = path.rpartition("/")
    sha256, dot, rest = name.partition(".")
    target = f"{folder}/{rest}".removeprefix(f"{TARGETS}/")
    return target if dot and target_file(target, sha256) == path else None


def _compare(commit: str, staged: Mapping[str, bytes], own: Mapping[str, bytes]) -> None:
    """Refuse staged files whose unsigned part is not our own."""
    for path in sorted(staged.keys() | own.keys()):
        if path not in staged or path not in own:
            who = "the staged release" if path in staged else "our own"
            raise _differs(f"only {who} has this file", path)
        if _unsigned(path, staged[path]) != own[path]:
            raise _differs(f"the first publisher signed other bytes than commit {commit} makes", path)


def _unsigned(path: str, data: bytes) -> bytes:
    """The part of a file that must be the same for every publisher: all of it, but for signatures."""
    folder = path.partition("/")[0]
    if folder == ENVELOPES:
        try:
            return parse_envelope(data, path).payload
        except GaitopsError as error:
            raise _differs(error.problems[0].message, path) from error
    if folder == METADATA and not path.endswith(".root.json"):
        kind = "snapshot" if path.endswith(".snapshot.json") else "targets"
        metadata = read_metadata(data, kind, code="release.invalid", path=path, max_bytes=MAX_TARGETS_BYTES)
        return metadata.signed_bytes
    return data


def _differs(message: str, path: str) -> VerificationError:
    return VerificationError.of(
        "release.invalid",
        message,
        path=path,
        remedy="compare both publishers' commit, previous release and gaitops version; sign nothing until you know why",
    )
