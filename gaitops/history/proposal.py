# SPDX-License-Identifier: Apache-2.0
"""A change that is not on the protected branch yet: what a pull request would do if it were merged now.

The pull request's files are applied to verified state reached from the base, not to whatever lies on the base; so a
reviewer is never shown a forged or unapproved base (threats T31, T32).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gaitops.change.context import Occasion
from gaitops.change.judge import Judgement, judge
from gaitops.content import TREE_MODE, Entry, Snapshot
from gaitops.documents.layout import classify, is_org_name
from gaitops.errors import InvalidInputError, Problem
from gaitops.fleet.composite import CompositeSnapshot, OverlaySnapshot
from gaitops.fleet.state import FleetState
from gaitops.git.repository import Repository
from gaitops.git.trees import TreeChange
from gaitops.history.authors import emails_of
from gaitops.history.session import History
from gaitops.history.trees import FLEET_PARTITION, is_new_evidence


@dataclass(frozen=True)
class Proposal:
    """A pull request against the head of a verified history."""

    base: str
    """Head of the protected branch."""
    merge_base: str
    """Newest commit of the base's first-parent chain that the head contains."""
    head: str
    commits: tuple[str, ...]
    """Commits that a merge would bring in, children before parents."""
    judgements: tuple[Judgement, ...]
    """One per partition that the change touches, ``fleet`` first."""
    problems: tuple[Problem, ...]
    """What prevents judging: a path changed on both sides, unverified content on the base."""

    @property
    def authorized(self) -> bool:
        """Whether merging it now would advance every partition it touches."""
        return not self.problems and all(item.authorized for item in self.judgements)

    @property
    def pending(self) -> bool:
        """Whether only approvals are missing."""
        refused = [item for item in self.judgements if not item.authorized]
        return not self.problems and bool(refused) and all(item.pending for item in refused)

    def all_problems(self) -> tuple[Problem, ...]:
        """Every reason against it, without repetition."""
        found = [*self.problems, *(problem for item in self.judgements for problem in item.problems())]
        return tuple(dict.fromkeys(found))


def propose(history: History, head: str, *, include_pending: bool = False) -> Proposal:
    """Judge the change that merging ``head`` into the history's head would make.

    Envelopes on the branch count as if they had been merged with it.

    Args:
        history: folded history of the base.
        head: full id of the pull request's newest commit.
        include_pending: judge unverified content of the base together with the change, instead of refusing.

    Raises:
        InvalidInputError: ``change.unrelated``: the two have no common commit on the base's first-parent chain.
        VerificationError: nothing is verified yet; with the reasons against genesis.
    """
    history.state()
    repository, base = history.repository, history.standing.head
    commits = tuple(repository.reachable(head, excluding=[base]))
    merge_base = _merge_base(history, head)
    changes = _changes(repository, merge_base, head)
    problems = _rebase_needed(repository, merge_base, base, changes)
    groups = _by_partition(changes)
    if include_pending and head == base:
        groups.update({item.name: [] for item in history.standing.partitions.values() if item.queue})
    for name in groups:
        problems.extend(_unverified_base(history, name) if not include_pending else ())
    for change in changes:
        if is_new_evidence(change):
            history.fold.facts.take_in(change, history.standing.position + 1, history.fold.people)
    judgements = []
    if not problems:
        judgements = [
            _judge(history, name, groups[name], commits)
            for name in sorted(groups, key=lambda n: (n != FLEET_PARTITION, n))
        ]
    return Proposal(base, merge_base, head, commits, tuple(judgements), tuple(problems))


def _merge_base(history: History, head: str) -> str:
    """Newest commit on the base's first-parent chain that ``head`` contains."""
    repository = history.repository
    best: tuple[int, str] | None = None
    pending, seen = [head], {head}
    while pending:
        commit = pending.pop()
        position = history.fold.facts.position_of(commit)
        if position is not None:
            best = max(best, (position, commit)) if best is not None else (position, commit)
            continue
        for parent in repository.parents_of(commit):
            if parent not in seen:
                seen.add(parent)
                pending.append(parent)
    if best is None:
        raise InvalidInputError.of(
            "change.unrelated",
            f"{head} and the base share no commit of the base's first-parent history",
            remedy="start the branch from the protected branch",
        )
    return best[1]


def _changes(repository: Repository, merge_base: str, head: str) -> list[TreeChange]:
    return repository.tree_changes(repository.tree_of(merge_base), repository.tree_of(head))


def _rebase_needed(
    repository: Repository, merge_base: str, base: str, changes: Sequence[TreeChange]
) -> list[Problem]:
    """Paths that both sides changed since the merge base, to different content."""
    if merge_base == base:
        return []
    theirs = {item.path: item.after for item in _changes(repository, merge_base, base)}
    return [
        Problem(
            "change.rebase_needed",
            "the protected branch changed this path too since the branch was started",
            path=item.path,
            remedy="rebase the branch onto the protected branch and ask for approvals again",
        )
        for item in changes
        if item.path in theirs and theirs[item.path] != item.after
    ]


def _by_partition(changes: Sequence[TreeChange]) -> dict[str, list[TreeChange]]:
    groups: dict[str, list[TreeChange]] = {}
    for item in changes:
        if not is_new_evidence(item):
            groups.setdefault(classify(item.path).partition, []).append(item)
    return groups


def _unverified_base(history: History, name: str) -> list[Problem]:
    partition = history.standing.partitions.get(name)
    if partition is None or not partition.queue:
        return []
    waiting = history.fold.chain.at(partition.queue[0])
    return [
        Problem(
            "history.base_unverified",
            f"the base has content of {name} that nobody authorized, since commit {waiting[:12]}",
            remedy="get it approved or reverted first; --include-pending judges both together against verified state",
        )
    ]


def _after(history: History, name: str, changes: Sequence[TreeChange]) -> FleetState:
    """Verified state in which one partition is as it would be on the base with the branch's files.

    Partitions advance one by one, so whatever else the branch changes is not seen: it may never be authorized.
    """
    fold = history.fold
    base = fold.repository.snapshot(history.standing.head)
    verified = fold.verified().snapshot
    overlay = OverlaySnapshot(base, {item.path: item.after for item in changes})
    orgs: dict[str, Snapshot] = {
        org: verified
        for org, entry in verified.children("orgs").items()
        if entry.mode == TREE_MODE and is_org_name(org)
    }
    if name == FLEET_PARTITION:
        # What stands in place of an organization's folder belongs to the fleet, and must not hide behind the folder.
        replaced = {item.path for item in changes if item.after is not None}
        orgs = {org: snapshot for org, snapshot in orgs.items() if f"orgs/{org}" not in replaced}
        return FleetState(CompositeSnapshot(overlay, orgs), fold.cache)
    return FleetState(CompositeSnapshot(verified, {**orgs, name: overlay}), fold.cache)


def _judge(history: History, name: str, branch: Sequence[TreeChange], commits: Sequence[str]) -> Judgement:
    fold, standing = history.fold, history.standing
    position = standing.position + 1
    after = _after(history, name, branch)
    changes = difference(fold.verified(), after, name)
    change = fold.change(name, changes, after, {})
    partition = standing.partitions.get(name)
    after_position = partition.position if partition is not None and partition.queue else standing.position
    paths = [item.path for item in changes]
    touches = fold.authors.touches(after_position, standing.position, paths, change.directory, commits)
    return judge(replace(change, touches=touches), fold.facts, Occasion(position, history.at))


def difference(before: FleetState, after: FleetState, name: str) -> list[TreeChange]:
    """Files of a partition that differ between two states that need not be commits."""
    found = _compare(before.snapshot, after.snapshot, f"orgs/{name}" if name != FLEET_PARTITION else "")
    kept = [item for item in found if classify(item.path).partition == name and not is_new_evidence(item)]
    return sorted(kept, key=lambda item: item.path.encode("utf-8", "surrogateescape"))


def _compare(before: Snapshot, after: Snapshot, folder: str) -> list[TreeChange]:
    """Descend only where the two states differ."""
    found: list[TreeChange] = []
    pending = [folder]
    while pending:
        path = pending.pop()
        old, new = before.entry(path), after.entry(path)
        if path not in ("", "orgs") and old == new:  # The orgs of a composite state have no id of their own.
            continue
        names = {*before.children(path), *after.children(path)}
        pending.extend(f"{path}/{name}" if path else name for name in names)
        was, now = _file(before, path, old), _file(after, path, new)
        if was != now:
            found.append(TreeChange(path, was, now))
    return found


def _file(snapshot: Snapshot, path: str, entry: Entry | None) -> Entry | None:
    """``entry`` unless it is a folder; one too deep to be entered (``git.trees.MAX_DEPTH``) stands for itself."""
    if entry is None or not path or (entry.mode == TREE_MODE and snapshot.children(path)):
        return None
    return entry


def contributors(history: History, commits: Sequence[str], orgs: tuple[str, ...]) -> tuple[str, ...]:
    """Everybody whom the commits of a range name or who signed them: what a proposal must list (design 5)."""
    fold = history.fold
    people = fold.people(orgs)
    found: set[str] = set()
    for oid in commits:
        commit = fold.repository.commit(oid)
        found.update(fold.signers(commit, people))
        found.update(name for email in emails_of(commit) for name in people.addressed(email))
    return tuple(sorted(found))
