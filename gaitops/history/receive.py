# SPDX-License-Identifier: Apache-2.0
"""A push that a Git server is about to accept: does it bring anything onto the protected branch that nobody authorized?

The server-side rule is stricter than the verdict on a history. ``verify`` lets content wait on the branch until its
approvals arrive; here, nothing may start to wait:

1. the branch moves forward along its own first-parent history, and is never deleted;
2. nothing waits in a partition that the push touches, once the push is folded: everything is authorized at its head;
3. the branch is created only by a history that verifies as a whole, from genesis;
4. no other reference of the push can make the branch's name or its objects mean something else.

What waited before in a partition that the push does not touch, and doubt about what was decided long ago, are reported by
``verify`` and are no reason to refuse: a revocation that casts doubt must be able to enter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gaitops.errors import Problem, VerificationError
from gaitops.git.repository import Repository
from gaitops.history.protection import Protection
from gaitops.history.session import History
from gaitops.history.updates import Reception, Update, deletion
from gaitops.history.verdict import PartitionVerdict


def receive_whole(history: History) -> Reception:
    """Judge a branch that has no verified state to start from: everything at its head must be verified, from genesis."""
    verdict = history.verdict()
    return _reception(verdict.problems, verdict.partitions, verdict.decisions)


def receive_forward(history: History, update: Update, branch: str) -> Reception:
    """Judge a push onto a history that is folded up to what the branch holds; folds the rest, in memory only.

    Nothing of the push goes into the checkpoint, which was written before anything was asked.

    Raises:
        VerificationError: ``history.not_descendant`` when this is no way forward; ``git.*`` for damaged objects.
    """
    old, new = history.standing.head, update.new
    if new is None:
        raise VerificationError([deletion(branch)])
    commits = _forward(history.repository, old, new, branch)
    before = history.fold.verified() if history.standing.born else None
    decided = history.standing.sequence
    history.fold.run(commits)
    if before is None:
        return receive_whole(history)
    trees, protection = history.fold.trees, Protection(history.repository, history.fold.trees)
    touched = {name for name in trees.step(old, new).touched if protection.touches(name, old, new, before)}
    verdict = history.verdict()
    partitions = [replace(item, doubtful=()) for item in verdict.partitions if item.name in touched]
    decisions = history.standing.sequence - decided
    return _reception(verdict.problems if touched else (), partitions, decisions)


def _reception(whole: Sequence[Problem], touched: Sequence[PartitionVerdict], decisions: int) -> Reception:
    """The answer, given problems of the history as a whole and the verdicts that count."""
    problems = [*whole, *(problem for item in touched for problem in item.problems())]
    refused = [item for item in touched if not item.verified]
    pending = bool(refused) and not whole and all(map(_lacks_approvals, refused))
    names = tuple(item.name for item in touched)
    return Reception(tuple(dict.fromkeys(problems)), pending, names, decisions)


def _lacks_approvals(item: PartitionVerdict) -> bool:
    """Whether a partition only waits for approvals."""
    return item.waiting is not None and item.waiting.judgement.pending and not (item.late or item.doubtful)


def _forward(repository: Repository, old: str, new: str, branch: str) -> list[str]:
    """Commits from ``old`` (excluded) to ``new``, oldest first."""
    try:
        return repository.first_parents(new, stop=old)[::-1]
    except VerificationError as error:
        if error.code != "history.not_descendant":
            raise
        raise VerificationError.of(
            "history.not_descendant",
            f"the push rewrites {branch}, or sets it back: {old[:12]} is not on the first-parent history of {new[:12]}",
            remedy=f"put your commits on top of {branch}; to take a change back, propose its reverse",
        ) from error
