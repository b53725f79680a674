# SPDX-License-Identifier: Apache-2.0
"""Where ``gaitops conformance`` takes from what it compares: a repository's content, and who says what is required."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gaitops.cli.opening import judged_at, opened

if TYPE_CHECKING:
    from gaitops.conformance.requirements import ContentRequirements, ReleaseRequirements
    from gaitops.content import Snapshot
    from gaitops.documents.models.summary import EvidenceSummary
    from gaitops.history.session import History

    Requirements = ReleaseRequirements | ContentRequirements


def consumer_content(repo: Path, rev: str | None) -> tuple[Snapshot, str | None]:
    """Content of a consumer repository and the commit that it is of; without ``rev``, of the working tree.

    Raises:
        GaitopsError: ``git.*``.
    """
    if rev is not None:
        from gaitops.git.repository import Repository

        repository = Repository.open(repo)
        commit = repository.resolve(rev)
        return repository.snapshot(commit), commit
    from gaitops.cli.worktree import WorkingTree, not_ignored

    return WorkingTree(repo, not_ignored(repo)), None


@contextmanager
def opened_requirements(
    release: str | None, fleet_repo: Path | None, fleet_rev: str, trust_root: str, at: datetime | None
) -> Iterator[Requirements | None]:
    """What a release or a fleet repository requires; ``None`` when neither was named.

    A release is refreshed as ``pin update`` does; for an ``--at`` in the past, when the clock of python-tuf's client
    is of no use, all of its metadata is read and judged at that time.

    Raises:
        GaitopsError: What is relied on does not verify, or cannot be reached.
    """
    if release is not None and fleet_repo is not None:
        raise click.UsageError("--release and --fleet-repo exclude each other")
    moment = judged_at(at)
    if release is not None:
        from gaitops.conformance.requirements import ReleaseRequirements
        from gaitops.pin.client import ReleaseClient
        from gaitops.pin.sources import open_source
        from gaitops.release.verify import verify_release

        with tempfile.TemporaryDirectory() as scratch:
            source = open_source(release, Path(scratch), os.environ)
            if at is not None:
                yield ReleaseRequirements.of(verify_release(source, trust_root, moment))
                return
            own = Path(scratch) / "client"
            own.mkdir()
            client = ReleaseClient(source, trust_root, own, moment)
            yield ReleaseRequirements(client.target, client.root)
    elif fleet_repo is not None:
        with opened(fleet_repo, fleet_rev, trust_root, at=at) as history:
            yield content_requirements(history)
    else:
        yield None


def content_requirements(history: History) -> ContentRequirements:
    """What the verified state of a folded history requires.

    Raises:
        VerificationError: ``release.unverified_state`` when there is none that could be published.
    """
    from gaitops.conformance.requirements import ContentRequirements
    from gaitops.release.collect import collect

    def time_of(commit: str) -> datetime | None:
        seconds = history.repository.commit(commit).committer.time
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)

    return ContentRequirements(collect(history), history.standing.root.version, time_of)


def read_evidence(path: Path | None) -> tuple[EvidenceSummary | None, str | None]:
    """An evidence summary and the SHA-256 of its bytes.

    Raises:
        InvalidInputError: ``input.unreadable``, ``document.*``.
    """
    if path is None:
        return None, None
    import hashlib

    from gaitops.cli.files import read_bytes
    from gaitops.documents.summaries import read_summary

    data = read_bytes(path)
    return read_summary(data, str(path)), hashlib.sha256(data).hexdigest()
