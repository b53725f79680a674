# SPDX-License-Identifier: Apache-2.0
"""Opening a history: from a repository, a head and a pinned trust root to a folded state and a verdict.

(0) Nothing is taken on faith but the SHA-256 of root version 1. The repository must be complete and unaltered
(``git.refusals``), and must hold that root; both are fatal.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gaitops.change.context import Occasion
from gaitops.change.judge import Judgement
from gaitops.content import FILE_MODES, Entry
from gaitops.documents.layout import classify, root_path
from gaitops.errors import GaitopsError, InternalError, Problem, VerificationError
from gaitops.fleet.root import TrustedRoot, check_not_expired, verify_first_root
from gaitops.fleet.state import FleetState
from gaitops.git.repository import Repository
from gaitops.history.anchor import Anchor, anchored_fold
from gaitops.history.checkpoint import Checkpoint, DamagedCheckpointError, save
from gaitops.history.fold import Fold, Progress
from gaitops.history.ledger import META, Ledger
from gaitops.history.signatures import SignatureChecks
from gaitops.history.standing import Standing
from gaitops.history.trees import FLEET_PARTITION
from gaitops.history.verdict import PartitionVerdict, Verdict, Waiting, undecided

ROOT_PATH = root_path(1)


@dataclass
class History:
    """A folded history, ready to answer."""

    repository: Repository
    fold: Fold
    folded: int
    at: datetime
    anchored_by: str | None = None
    checkpoint_failed: bool = False
    """Whether the checkpoint could not be written; the next run starts cold, the verdict stands."""

    @property
    def standing(self) -> Standing:
        """Where the fold stands."""
        return self.fold.standing

    def state(self) -> FleetState:
        """Verified state of all partitions.

        Raises:
            VerificationError: nothing is verified yet; with the reasons against genesis.
        """
        if not self.standing.born:
            raise VerificationError(self._genesis_problems())
        return self.fold.verified()

    def verdict(self) -> Verdict:
        """The verdict at the head."""
        standing, fold = self.standing, self.fold
        problems = [] if standing.born else [*self._genesis_problems()]
        partitions = tuple(self._partition(name) for name in self._names()) if standing.born else ()
        problems.extend(_expiry(standing.root, self.at))
        return Verdict(
            head=standing.head,
            at=self.at,
            trust_root=standing.root.trust_root,
            root_version=standing.root.version,
            solo=standing.root.solo,
            partitions=partitions,
            problems=tuple(problems),
            ignored=tuple(fold.facts.ignored),
            audit_head=standing.audit_head,
            decisions=standing.sequence,
            anchored_by=self.anchored_by,
            folded=self.folded,
        )

    def _names(self) -> list[str]:
        present = {*self.fold.trees.orgs(self.standing.head)}
        present |= {name for name, item in self.standing.partitions.items() if item.queue}
        return [FLEET_PARTITION, *sorted(present - {FLEET_PARTITION})]

    def _partition(self, name: str) -> PartitionVerdict:
        partition = self.standing.partitions.get(name)
        doubtful = tuple(
            sorted(item for item in self.standing.doubtful.items() if _partition_of(item[0]) == name)
        )
        if partition is None or not partition.queue:
            return PartitionVerdict(name, self.standing.head, None, doubtful)
        newest = partition.queue[-1]
        judgement = self.fold.judge(partition, self.fold.chain.at(newest), newest, self.occasion())
        waiting = Waiting(tuple(self.fold.chain.at(item) for item in partition.queue), judgement)
        # Commit times matter while something waits; what was decided later at a good time is mended.
        late = self.fold.late(name, partition.position)
        return PartitionVerdict(name, partition.commit, waiting, doubtful, late)

    def occasion(self) -> Occasion:
        """The head's position at verification time."""
        return Occasion(self.standing.position, self.at)

    def genesis_judgement(self) -> Judgement | None:
        """Judgement of a genesis that is not verified yet; ``None`` when it is, or when there is none."""
        if self.standing.born or self.standing.genesis is None:
            return None
        return self.fold.judge_genesis(self.standing.position)

    def _genesis_problems(self) -> tuple[Problem, ...]:
        judgement = self.genesis_judgement()
        if judgement is None:
            return (_no_genesis(),)
        return (*judgement.problems(), *self.fold.late(FLEET_PARTITION, -1)) or (undecided(FLEET_PARTITION),)


def _no_genesis() -> Problem:
    return Problem(
        "trust.root_mismatch",
        f"no commit of the first-parent history holds a {ROOT_PATH} with the pinned digest",
        path=ROOT_PATH,
        remedy="check the trust root that you were given out of band, and the repository",
    )


def _expiry(root: TrustedRoot, at: datetime) -> tuple[Problem, ...]:
    try:
        check_not_expired(root, at)
    except GaitopsError as error:
        return error.problems
    return ()


def _partition_of(path: str) -> str:
    return classify(path).partition


@contextmanager
def open_history(
    repository: Repository,
    head: str,
    trust_root: str,
    *,
    at: datetime,
    checkpoint: Path | None = None,
    anchor: Anchor | None = None,
    writable: bool = True,
    progress: Progress | None = None,
) -> Iterator[History]:
    """Fold the history of ``head``, keep what was learned in the checkpoint, and hand it over.

    Args:
        repository: the hardened repository.
        head: full id of the commit to judge.
        trust_root: SHA-256 of root version 1, given out of band.
        at: verification time, UTC.
        checkpoint: file of the local checkpoint; ``None`` to do without.
        anchor: a release to start from instead of genesis; no checkpoint is used then.
        writable: whether the checkpoint may be written.
        progress: told how many commits are done.

    Raises:
        VerificationError: ``trust.root_mismatch``, ``history.not_descendant`` when the checkpoint's head is not on
            the chain, or a damaged repository (``git.*``).
        InternalError: ``checkpoint.damaged``, at the end of the block: an answer in it needed a damaged row.
    """
    with SignatureChecks() as checks:
        if anchor is not None:
            fold = anchored_fold(repository, head, anchor, checks, at)
            anchored = History(repository, fold, 0, at, anchored_by=anchor.name)
            _run(anchored, head, progress)
            yield anchored
            return
        known = Checkpoint.open(checkpoint, trust_root) if checkpoint is not None else None
        try:
            history, meta = _resume(repository, known, checks, at) if known is not None else (None, None)
            if history is not None:
                _run(history, head, progress)
            elif known is not None:
                writable = False
        except DamagedCheckpointError:
            history = None
        if history is None:
            meta = None
            history = _start(repository, head, trust_root, checks, at)
            _run(history, head, progress)
        # Before anything is asked: what a question takes in, like the envelopes of a pull request, is not history.
        if checkpoint is not None and writable and history.folded and not history.fold.saw_future:
            _save(checkpoint, trust_root, history, meta)
        try:
            yield history
        except DamagedCheckpointError as error:
            raise _damaged(checkpoint, error) from error
        finally:
            if known is not None:
                known.close()


def _damaged(checkpoint: Path | None, error: DamagedCheckpointError) -> InternalError:
    """Damage that shows only when somebody asks: too late to start cold, so the file goes and the next run does."""
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return InternalError.of(
        "checkpoint.damaged",
        f"the local checkpoint is damaged ({error}) and was removed",
        path=str(checkpoint),
        remedy="run the command again; it starts from genesis",
    )


def _start(
    repository: Repository, head: str, trust_root: str, checks: SignatureChecks, at: datetime
) -> History:
    root = verify_first_root(_pinned_root(repository, head, trust_root), trust_root)
    ledger = Ledger()
    return History(repository, Fold(repository, Standing(root, ""), ledger, checks, at=at), 0, at)


def _pinned_root(repository: Repository, head: str, trust_root: str) -> bytes:
    """Root metadata version 1 with the pinned digest, from the head or, if it was removed there, from before."""
    for commit in repository.iterate_first_parents(head):
        entry = _root_file(repository, commit)
        if entry is not None and repository.sha256(entry.oid) == trust_root:
            return repository.read(entry.oid)
        if entry is not None:
            break
    for commit in reversed(repository.first_parents(head)):
        entry = _root_file(repository, commit)
        if entry is not None and repository.sha256(entry.oid) == trust_root:
            return repository.read(entry.oid)
    raise VerificationError([_no_genesis()])


def _root_file(repository: Repository, commit: str) -> Entry | None:
    entry = repository.snapshot(commit).entry(ROOT_PATH)
    return entry if entry is not None and entry.mode in FILE_MODES else None


def _resume(
    repository: Repository, known: Checkpoint, checks: SignatureChecks, at: datetime
) -> tuple[History | None, dict[str, object] | None]:
    """Continue from a checkpoint. A head that lies before it is refused later: a branch that was set back looks so."""
    meta = known.get(META, "state")
    standing = Standing.from_json(meta)
    if not _has(repository, standing.head):
        return (
            None,
            None,
        )  # Another clone knows more of the fleet than this one: foreign, so ignored (design 5).
    ledger = Ledger(known)
    fold = Fold(repository, standing, ledger, checks, at=at)
    if standing.latest is not None and standing.latest > at + fold.facts.skew:
        return None, None  # It knows decisions that had not been made by then.
    for position, (commit, joined) in meta["chain"].items():
        fold.chain.remember(commit, int(position), joined)
    return History(repository, fold, 0, at), meta


def _has(repository: Repository, commit: str) -> bool:
    try:
        repository.tree_of(commit)
    except VerificationError:
        return False
    return True


def _run(history: History, head: str, progress: Progress | None) -> None:
    stop = history.standing.head or None
    try:
        commits = history.repository.first_parents(head, stop=stop)
    except VerificationError as error:
        if error.code != "history.not_descendant":
            raise
        raise VerificationError.of(
            "history.not_descendant",
            f"commit {stop}, which this machine verified before, is not on the first-parent history of {head}",
            remedy="the protected branch was rewritten or set back; to judge an older commit or another branch, "
            "use --no-cache",
        ) from error
    commits.reverse()
    history.fold.run(commits, progress)
    history.folded = len(commits)


def _save(path: Path, trust_root: str, history: History, meta: dict[str, object] | None) -> None:
    """Keep what was learned. A checkpoint that cannot be written costs time later and nothing else."""
    standing = history.standing
    waiting = [item.position for item in standing.partitions.values() if item.queue]
    if standing.genesis is not None and not standing.born:
        waiting.append(standing.genesis)
    row = standing.to_json(history.fold.chain.to_json(min([standing.position, *waiting])))
    rows = [*history.fold.ledger.added(), (META, "state", row)]
    try:
        save(path, trust_root, rows, expected=meta)
    except (OSError, sqlite3.Error):
        history.checkpoint_failed = True
