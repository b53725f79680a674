# SPDX-License-Identifier: Apache-2.0
"""Opening a fleet's history for a command: repository, revision, time, checkpoint, progress."""

from __future__ import annotations

import gc
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from gaitops.cli.clock import now
from gaitops.cli.output import note, progress
from gaitops.cli.user import state_directory
from gaitops.errors import InvalidInputError

if TYPE_CHECKING:
    from gaitops.history.anchor import Anchor
    from gaitops.history.session import History

_COLLECT_AFTER = 200_000
"""Allocations before the cyclic garbage collector runs in commands that read a history."""
_COMMIT_ID = re.compile(r"[0-9a-f]{40}(?:~[0-9]+)?")
_AHEAD = timedelta(minutes=5)
"""``--at`` may not lie further ahead: a verdict about a time that nobody has lived through proves nothing."""


def judged_at(at: datetime | None) -> datetime:
    """Verification time: ``--at`` if given, else now.

    Raises:
        InvalidInputError: ``history.future`` when ``--at`` lies beyond now plus the largest tolerance for clocks.
    """
    current = now()
    if at is not None and at > current + _AHEAD:
        raise InvalidInputError.of(
            "history.future",
            f"{at:%Y-%m-%dT%H:%M:%SZ} lies in the future; it is {current:%Y-%m-%dT%H:%M:%SZ}",
            remedy="Judge as of now, or as of an earlier time.",
        )
    return current if at is None else at


@contextmanager
def opened(
    repo: Path,
    rev: str,
    trust_root: str,
    *,
    at: datetime | None = None,
    cache: bool = True,
    branch: str | None = None,
    from_release: Path | None = None,
    quarantine: Path | None = None,
) -> Iterator[History]:
    """The folded history of ``rev``.

    The checkpoint of ``branch`` (default: ``rev``) is used, and kept up to date when judging as of now. ``quarantine`` holds
    the objects of a push, for server-side hooks.
    """
    from gaitops.git.repository import Repository
    from gaitops.history.session import open_history

    moment = judged_at(at)
    # Folding makes hundreds of thousands of long-lived objects; looking for cycles among them costs a fifth of the time.
    gc.set_threshold(_COLLECT_AFTER)
    repository = Repository.open(repo, quarantine)
    head = repository.resolve(rev)
    anchor = _anchor(from_release, trust_root) if from_release is not None else None
    checkpoint = _checkpoint(trust_root, branch or rev) if cache and anchor is None else None
    with (
        progress("verifying commits") as advance,
        open_history(
            repository,
            head,
            trust_root,
            at=moment,
            checkpoint=checkpoint,
            anchor=anchor,
            writable=at is None,
            progress=lambda _done, _total: advance(1),
        ) as history,
    ):
        yield history
    if history.checkpoint_failed:
        note("note: the checkpoint could not be written; the next run starts from genesis")


def _checkpoint(trust_root: str, branch: str) -> Path | None:
    """File of the checkpoint of one branch; none for a commit id or ``HEAD``, which name no branch.

    One per branch, because a head that does not continue the checkpoint's is reported as a rewritten history.
    """
    if branch == "HEAD" or _COMMIT_ID.fullmatch(branch):
        return None
    name = hashlib.sha256(branch.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return state_directory("checkpoints", trust_root) / f"{name}.db"


def _anchor(folder: Path, trust_root: str) -> Anchor:
    """A release as the start of a verification; its signatures are checked, its age is not: it is a fact of the past."""
    from gaitops.history.anchor import Anchor
    from gaitops.release.sources import DirectorySource
    from gaitops.release.verify import verify_release

    release = verify_release(DirectorySource(folder), trust_root, None)
    fields = release.fields
    return Anchor(f"release {release.number}", release.root, fields.commit, fields.partitions, fields.issued)
