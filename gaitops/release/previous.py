# SPDX-License-Identifier: Apache-2.0
"""Continuity: a release continues exactly one other, whose commit lies in the history that is now published."""

from __future__ import annotations

from gaitops.errors import InvalidInputError, UnsafeOperationError, VerificationError
from gaitops.release.content import ReleaseContent
from gaitops.release.folder import ReleaseFolder
from gaitops.release.sources import Source
from gaitops.release.verify import VerifiedRelease, verify_release


def read_previous(source: Source, trust_root: str) -> VerifiedRelease:
    """The release to continue. It may have expired: a publisher who was away must be able to go on.

    Raises:
        GaitopsError: As :func:`gaitops.release.verify.verify_release` does.
    """
    return verify_release(source, trust_root, None)


def check_continuity(
    content: ReleaseContent, previous: VerifiedRelease | None, folder: ReleaseFolder, *, first: bool
) -> None:
    """Refuse to publish what does not continue ``previous``, or a first release where there is one already.

    Raises:
        InvalidInputError: ``release.previous_required`` without a previous release, unless ``first`` says that there
            is none: an emptied folder must not pass for a new fleet (R11).
        UnsafeOperationError: ``history.fork`` for a first release into a folder that holds one.
        VerificationError: ``history.not_descendant``, ``history.fork``.
    """
    if previous is None:
        _check_first(folder, first=first)
        return
    if first:
        raise InvalidInputError.of("release.previous_required", "a first release continues no other")
    if previous.fields.commit not in content.history:
        raise VerificationError.of(
            "history.not_descendant",
            f"release {previous.number} was made from commit {previous.fields.commit}, which does not lie on the "
            f"first-parent chain of {content.commit}",
        )
    if content.root_chain[: len(previous.roots)] != previous.roots:
        raise VerificationError.of(
            "history.fork", f"release {previous.number} carries root metadata that this history does not have"
        )


def _check_first(folder: ReleaseFolder, *, first: bool) -> None:
    if not first:
        raise InvalidInputError.of(
            "release.previous_required",
            "a release continues the one before it",
            remedy="name it with --previous DIR|URL, or say --first for the first release of this fleet",
        )
    if folder.holds_release():
        raise UnsafeOperationError.of(
            "history.fork",
            f"{folder.path} already holds a release; a first one beside it would fork the fleet",
            remedy="continue it with --previous",
        )
