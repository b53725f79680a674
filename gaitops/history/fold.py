# SPDX-License-Identifier: Apache-2.0
"""The fold: a deterministic pass over the first-parent chain that advances partitions (design 5).

For every position of the chain, oldest first (numbers of ``docs/verification.md``):

(1) extend the chain and take in the envelopes that are new;
(2) find genesis: the first commit with the pinned root, authorized by a threshold of its keys;
(3) queue the commit for every partition that it touches, and, from the front of each queue, advance to the
    earliest commit whose change from the verified state is authorized by the evidence now present; repeat;
(4)-(8) are the judgement of one change, in ``change.judge``;
(9) record each decision as an audit event and what follows from it: used approvals, revocations, assignments, doubt.

Nothing that a later commit can repair is fatal: what does not advance stays queued and is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gaitops.change.context import Change, Occasion, Touch
from gaitops.change.deltas import delta
from gaitops.change.genesis import judge_genesis
from gaitops.change.interpret import is_unprotected
from gaitops.change.judge import Judgement, judge, judge_affirmation
from gaitops.content import FILE_MODES
from gaitops.documents.layout import classify, root_path
from gaitops.documents.times import parse_duration
from gaitops.errors import Problem, VerificationError
from gaitops.fleet.composite import EMPTY, CompositeSnapshot
from gaitops.fleet.people import Directory, root_identities
from gaitops.fleet.state import DocumentCache, FleetState
from gaitops.git.commits import Commit
from gaitops.git.repository import Repository
from gaitops.git.trees import TOO_LARGE, TreeChange
from gaitops.history import ledger as spaces
from gaitops.history.authors import RangeAuthors
from gaitops.history.chain import Chain
from gaitops.history.doubt import Doubt
from gaitops.history.facts import LedgerFacts
from gaitops.history.ledger import Ledger
from gaitops.history.people import Directories, orgs_concerned
from gaitops.history.protection import Protection
from gaitops.history.recording import Recorder
from gaitops.history.signatures import SignatureChecks
from gaitops.history.standing import Partition, Standing
from gaitops.history.trees import EVIDENCE_KINDS, FLEET_PARTITION, PartitionTrees, Step

DEFAULT_SKEW = timedelta(minutes=5)
"""Tolerance before ``fleet.yaml`` is verified; its ``skew`` holds afterwards."""
LOOK_AHEAD = 64
"""Positions whose signatures are checked on other threads before the fold reaches them."""

FRONT = 32
"""Queued commits that are judged at every position, from the front, besides the newest. Without a bound, whoever can
push could make a verification take time that grows with the square of the commits."""

Progress = Callable[[int, int], None]
"""Called with (positions done, positions in all)."""


class Fold:
    """Folds new commits into a standing. One instance per run; not safe for use by several threads."""

    def __init__(
        self,
        repository: Repository,
        standing: Standing,
        ledger: Ledger,
        checks: SignatureChecks,
        *,
        at: datetime,
    ) -> None:
        self.repository = repository
        self.standing = standing
        self.ledger = ledger
        self.at = at
        self.cache = DocumentCache()
        self.trees = PartitionTrees(repository)
        self.chain = Chain(repository, ledger)
        self.authors = RangeAuthors(repository, checks, self.chain)
        self.facts = LedgerFacts(repository, ledger, checks, standing.root, DEFAULT_SKEW, standing.doubtful)
        self.saw_future = False
        """Whether a commit lay after the verification time: a later run may judge it otherwise."""
        self._checks = checks
        self._current: tuple[tuple[object, ...], FleetState] | None = None
        self._directories = Directories()
        self._protection = Protection(repository, self.trees)
        self._recorder = Recorder(ledger, standing, self.facts)
        self._doubt = Doubt(ledger, standing)
        self._refresh_skew()

    # -- the chain -----------------------------------------------------------------------------------------

    def run(self, commits: Sequence[str], progress: Progress | None = None) -> None:
        """Fold commits, oldest first, that follow the standing's head."""
        start = self.standing.position + 1
        for index, commit in enumerate(commits):
            if index % LOOK_AHEAD == 0:
                self._expect(commits[index : index + LOOK_AHEAD])
            self._position(commit, start + index)
            if progress is not None:
                progress(index + 1, len(commits))

    def _expect(self, commits: Sequence[str]) -> None:
        """Start signature checks of what comes next; a wrong guess costs a check and changes nothing."""
        previous = self.standing.head or None
        state = self.verified() if self.standing.born else None
        for oid in commits:
            if state is None or previous is None or not self._protection.is_quiet(previous, oid, state):
                self._expect_step(self.trees.step(previous, oid), previous, oid, state)
            previous = oid

    def _expect_step(self, step: Step, previous: str | None, oid: str, state: FleetState | None) -> None:
        commit = self.repository.commit(oid)
        if commit.signature is not None and any(
            self._protection.touches(name, previous, oid, state) for name in step.touched
        ):
            self._checks.expect_commit(commit)
        for item in step.evidence:
            self._expect_envelope(item)

    def _expect_envelope(self, envelope: TreeChange) -> None:
        attestation = self.facts.peek(envelope)
        if attestation is not None and self.standing.born:
            self._checks.expect_envelope(attestation, self.people(()))

    def _position(self, commit: str, position: int) -> None:
        standing = self.standing
        # (1) the chain grows, and evidence with it
        previous = standing.head if position > 0 else None
        before = self.verified() if standing.born else None
        self.chain.extend(commit, position)
        standing.head, standing.position = commit, position
        if before is not None and previous is not None and self._is_quiet(previous, commit, before):
            return
        step = self.trees.step(previous, commit)
        for item in step.evidence:
            taken = self.facts.take_in(item, position, lambda orgs: self._signers(orgs, before))
            self.standing.stale |= taken
        # (2) nothing counts before genesis
        if standing.genesis is None:
            if not self._holds_pinned_root(commit):
                return
            standing.genesis = position
        elif position > standing.genesis:
            self._enqueue_touched(step, previous, commit, before)
        if not self._may_decide(commit, position):
            return
        # (3) advance whatever the evidence now allows
        if not standing.born and not self._try_genesis(position):
            return
        self._settle(position)
        if standing.doubtful:
            self._affirm(position)

    def _is_quiet(self, previous: str, commit: str, before: FleetState) -> bool:
        """Whether a step changes nothing that matters while nothing waits for a later commit."""
        standing = self.standing
        if standing.stale or standing.doubtful or any(item.queue for item in standing.partitions.values()):
            return False
        return self._protection.is_quiet(previous, commit, before)

    def _enqueue_touched(
        self, step: Step, previous: str | None, commit: str, before: FleetState | None
    ) -> None:
        position = self.standing.position
        for name in step.touched:
            partition = self.standing.partition(name)
            if partition.queue or self._protection.touches(name, previous, commit, before):
                self._enqueue(partition, position)
        fleet = self.standing.partition(FLEET_PARTITION)
        if step.evidence and fleet.queue and fleet.queue[-1] != position:
            self._enqueue(fleet, position)  # They may be the ones whose removal holds it up.

    def _enqueue(self, partition: Partition, position: int) -> None:
        if not partition.queue:
            # Nothing changed up to the commit before, so its content is the verified content.
            partition.commit, partition.position = self.chain.at(position - 1), position - 1
        partition.queue.append(position)
        self.standing.stale.add(partition.name)

    def _holds_pinned_root(self, commit: str) -> bool:
        entry = self.repository.snapshot(commit).entry(root_path(1))
        if entry is None or entry.mode not in FILE_MODES:
            return False
        return self.repository.sha256(entry.oid) == self.standing.root.trust_root

    def _signers(self, orgs: tuple[str, ...], before: FleetState | None) -> Directory:
        """Whose envelopes are always taken in: the people of the state before, or the root's before genesis."""
        if before is None:
            return Directory.of((), root_identities(self.standing.root), ())
        return self._directories.of(orgs, before, self.standing.root)

    # -- time ----------------------------------------------------------------------------------------------

    def _time(self, position: int) -> datetime | None:
        """Committer time of a commit of the chain; ``None`` when nobody can read it."""
        seconds = self.repository.commit(self.chain.at(position)).committer.time
        return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None

    def _may_decide(self, commit: str, position: int) -> bool:
        """Whether a commit states a believable time (threat G11); the decision then waits for a later commit.

        A time is refused when it is malformed or lies after the verification time by more than the skew.
        """
        time = self._time(position)
        if time is None:
            problem = "has no readable commit time"
        elif time > self.at + self.facts.skew:
            self.saw_future = True
            problem = f"is dated {time:%Y-%m-%dT%H:%M:%SZ}, after the verification time {self.at:%Y-%m-%dT%H:%M:%SZ}"
        else:
            return True
        waiting = {FLEET_PARTITION} if not self.standing.born else self.standing.stale
        for name in waiting:
            self._note_late(name, commit, position, problem)
        return False

    def _runs_back(self, name: str, position: int) -> bool:
        """Whether a commit is dated before the newest approval that counted in a partition, by more than the skew.

        Only counted approvals move the bound, never the date of a commit, and only that of their own partition.
        """
        time, bound = self._time(position), self.standing.bound(name)
        if time is None or bound is None or time >= bound - self.facts.skew:
            return False
        problem = f"is dated {time:%Y-%m-%dT%H:%M:%SZ}, before the newest approval that counted, at {bound:%Y-%m-%dT%H:%M:%SZ}"
        self._note_late(name, self.chain.at(position), position, problem)
        return True

    def _note_late(self, name: str, commit: str, position: int, message: str) -> None:
        problem = Problem(
            "history.time",
            f"commit {commit[:12]} (position {position}) {message}; nothing can be decided at it",
            remedy="correct the clock and push another commit; what waits is decided there",
        )
        self.ledger.put(spaces.LATE, f"{name}/{spaces.sequence_key(position)}", spaces.problem_row(problem))

    def late(self, name: str, after: int) -> tuple[Problem, ...]:
        """Why nothing of a partition could be decided at commits behind a position."""
        rows = self.ledger.items(spaces.LATE, f"{name}/{spaces.sequence_key(after + 1)}")
        return tuple(Problem(**row) for key, row in rows if key.startswith(f"{name}/"))

    def occasion(self, position: int, partition: str) -> Occasion:
        """Evaluation time at a position: its commit's time, never before the newest approval that counted."""
        time = self._time(position) or datetime.fromtimestamp(0, UTC)
        return Occasion(position, max(time, self.standing.bound(partition) or time))

    def _refresh_skew(self) -> None:
        fleet = self.verified().fleet() if self.standing.born else None
        if fleet is not None:
            self.facts.skew = parse_duration(fleet.spec.skew)

    # -- states --------------------------------------------------------------------------------------------

    def _content(self, partition: Partition | None) -> str | None:
        """Commit that shows a partition's verified content; the head, while nothing of it waits."""
        if partition is None or not partition.queue:
            return self.standing.head
        return partition.commit

    def verified(self, replaced: str | None = None, commit: str | None = None) -> FleetState:
        """Verified state of all partitions, with one of them at another commit if ``replaced`` is given."""
        if replaced is None and self._current is not None and self._current[0] == self._epoch():
            return self._current[1]
        state = self._composed(replaced, commit)
        if replaced is None:
            self._current = (self._epoch(), state)
        return state

    def _epoch(self) -> tuple[object, ...]:
        """Changes whenever verified state does."""
        waiting = (item for item in self.standing.partitions.values() if item.queue)
        return (self.standing.head, *((item.name, item.commit) for item in waiting))

    def _composed(self, replaced: str | None, commit: str | None) -> FleetState:
        partitions = self.standing.partitions
        commits: dict[str, str | None] = {FLEET_PARTITION: self._content(partitions.get(FLEET_PARTITION))}
        names = set(self.trees.orgs(self.standing.head)) | {
            name for name, item in partitions.items() if item.queue
        }
        for name in names - {FLEET_PARTITION}:
            commits[name] = self._content(partitions.get(name))
        if replaced is not None:
            commits[replaced] = commit
        fleet = self.trees.snapshot(commits.pop(FLEET_PARTITION))
        orgs = {name: self.trees.snapshot(oid) for name, oid in commits.items() if oid is not None}
        return FleetState(CompositeSnapshot(fleet, orgs), self.cache)

    def people(self, orgs: tuple[str, ...]) -> Directory:
        """The people of the fleet and of some organizations in verified state."""
        return self._directories.of(orgs, self.verified(), self.standing.root)

    # -- genesis -------------------------------------------------------------------------------------------

    def _try_genesis(self, position: int) -> bool:
        judgement = self.judge_genesis(position)
        if not judgement.authorized:
            return False
        commit = self.chain.at(self.standing.genesis or 0)
        self.standing.born = True
        occasion = self.occasion(position, FLEET_PARTITION)
        self._recorder.record(judgement, FLEET_PARTITION, commit, self.chain.at(position), occasion)
        self._refresh_skew()
        self.standing.stale.update(self.standing.partitions)
        return True

    def judge_genesis(self, position: int) -> Judgement:
        """Judge the tree of the genesis commit as one change from nothing."""
        commit = self.chain.at(self.standing.genesis or 0)
        snapshot = self.repository.snapshot(commit)
        entries = {
            path: (None, entry)
            for path, entry in snapshot.walk("")
            if classify(path).kind not in EVIDENCE_KINDS
        }
        deltas = tuple(delta(path, None, after, snapshot) for path, (_none, after) in entries.items())
        people = Directory.of((), root_identities(self.standing.root), ())
        change = Change(
            partition=FLEET_PARTITION,
            deltas=deltas,
            entries=entries,
            before=FleetState(EMPTY, self.cache),
            after=FleetState(snapshot, self.cache),
            touches={},
            directory=people,
        )
        return judge_genesis(change, self.facts, self.occasion(position, FLEET_PARTITION))

    # -- advancing -----------------------------------------------------------------------------------------

    def _settle(self, position: int) -> None:
        """Advance partitions until nothing more advances; the fleet first, then organizations by name."""
        held: set[str] = set()
        while self.standing.stale:
            names = sorted(self.standing.stale, key=lambda name: (name != FLEET_PARTITION, name))
            self.standing.stale.clear()
            for name in names:
                partition = self.standing.partitions.get(name)
                if partition is None or not partition.queue:
                    continue
                if self._runs_back(name, position):
                    held.add(name)
                    continue
                while partition.queue and self._advance(partition, position):
                    # Another state may now allow what waits elsewhere.
                    self.standing.stale.update(p.name for p in self.standing.partitions.values() if p.queue)
        self.standing.stale |= held

    def _advance(self, partition: Partition, position: int) -> bool:
        for index in _worth_judging(len(partition.queue)):
            queued = partition.queue[index]
            occasion = self.occasion(position, partition.name)
            judgement = self.judge(partition, self.chain.at(queued), queued, occasion)
            if judgement.authorized:
                waiting = partition.queue[index + 1 :]
                partition.queue = waiting
                partition.commit, partition.position = self.chain.at(queued), queued
                self._adopt(judgement, partition, queued, position)
                return True
        return False

    def _adopt(self, judgement: Judgement, partition: Partition, queued: int, position: int) -> None:
        """(9) record decisions and what follows from them."""
        occasion = self.occasion(position, partition.name)
        events = self._recorder.record(
            judgement, partition.name, self.chain.at(queued), self.chain.at(position), occasion
        )
        self._doubt.after(events)
        if judgement.root_after is not self.standing.root:
            self.standing.root = judgement.root_after
            self.facts.root = judgement.root_after
        if partition.name == FLEET_PARTITION:
            self._refresh_skew()

    def judge(self, partition: Partition, commit: str, position: int, occasion: Occasion) -> Judgement:
        """Judge the change of a partition from its verified state to a commit of the chain."""
        after = self.verified(partition.name, commit)
        try:
            changes = self.trees.changes(partition.name, partition.commit, commit)
        except VerificationError as error:
            if error.code != TOO_LARGE:
                raise
            change = self.change(partition.name, (), after, {})
            return Judgement(change, (), error.problems, (), self.facts.root)
        change = self.change(partition.name, changes, after, {})
        paths = [item.path for item in change.deltas]
        touches = self.authors.touches(partition.position, position, paths, change.directory)
        return judge(replace(change, touches=touches), self.facts, occasion)

    def change(
        self,
        partition: str,
        changes: Sequence[TreeChange],
        after: FleetState,
        touches: Mapping[str, tuple[Touch, ...]],
    ) -> Change:
        """A change from verified state to ``after``. Unprotected paths take no part in it, nor hold it up."""
        before = self.verified(partition, self._content(self.standing.partitions.get(partition)))
        source = after.snapshot
        changes = [item for item in changes if not is_unprotected(item.path, before)]
        return Change(
            partition=partition,
            deltas=tuple(delta(item.path, item.before, item.after, source) for item in changes),
            entries={item.path: (item.before, item.after) for item in changes},
            before=before,
            after=after,
            touches=touches,
            directory=self._directories.of(
                orgs_concerned(partition, changes, after), before, self.standing.root
            ),
        )

    def signers(self, commit: Commit, people: Directory) -> frozenset[str]:
        """Those of these people whose identity validly signed a commit."""
        return frozenset(item.principal for item in self._checks.commit(commit, people).identities)

    # -- doubt ---------------------------------------------------------------------------------------------

    def _affirm(self, position: int) -> None:
        """Clear the doubt about paths whose content enough people affirm."""
        for path in sorted(self.standing.doubtful):
            occasion = self.occasion(position, classify(path).partition)
            judgement = self.judge_affirmation(path, occasion)
            if judgement is not None and judgement.authorized:
                head = self.standing.head
                self._recorder.record(judgement, judgement.change.partition, head, head, occasion)
                del self.standing.doubtful[path]

    def judge_affirmation(self, path: str, occasion: Occasion) -> Judgement | None:
        """Judge the affirmations of one path; ``None`` when there is no file to stand by."""
        state = self.verified()
        entry = state.snapshot.entry(path)
        if entry is None:
            return None
        change = self.change(classify(path).partition, [TreeChange(path, entry, entry)], state, {})
        return judge_affirmation(change, self.facts, occasion)


def _worth_judging(length: int) -> Sequence[int]:
    """Indices of a queue that are judged: the front, and the newest, which contains everything before it."""
    return range(length) if length <= FRONT + 1 else (*range(FRONT), length - 1)
