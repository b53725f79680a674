# SPDX-License-Identifier: Apache-2.0
"""The checkpoint saves time and changes nothing: warm equals cold, and what cannot be trusted is ignored."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gaitops.errors import InternalError, VerificationError
from gaitops.git.repository import Repository
from gaitops.history.audit import events_of
from gaitops.history.events import Event
from gaitops.history.proposal import propose
from gaitops.history.session import open_history
from gaitops.history.signable import of_affirmation
from gaitops.signing.keys import fingerprint, parse_public_key
from tests.history.stories import approve_main, by_root, hire, project, rule
from tests.simulator import World, document, environment_document, policy_files, project_files

Outcome = tuple[dict[str, Any], list[Event]]


def outcome(world: World, checkpoint: Path | None, *, at_most: int | None = None) -> Outcome:
    """Verdict without the number of commits that this run judged, and the audit log."""
    with world.history(checkpoint=checkpoint) as history:
        verdict = history.verdict().to_json()
        folded = verdict.pop("folded")
        assert isinstance(folded, int)
        assert at_most is None or folded <= at_most
        return verdict, events_of(history)


# -- warm equals cold ---------------------------------------------------------------------------------------------


class Story:
    """A random story: authorized and unauthorized changes, late and withdrawn approvals, junk, thefts, merges."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed)  # noqa: S311 - a story, not a secret
        self.steps = 0
        hire(world, "dave")
        hire(world, "erin")
        files = {**policy_files("guard", "1.0.0"), **project_files("base")}
        world.land(files, by="alice", approvers=["bob"])

    def step(self) -> str:
        """One event of the story; its name."""
        self.steps += 1
        chosen: Callable[[], None] = self.random.choice(
            [
                self.approved,
                self.approved,
                self.unauthorized,
                self.late,
                self.late,
                self.reverted,
                self.junk,
                self.unreadable_time,
                self.backdated,
                self.stolen,
                self.affirmed,
                self.stricter,
                self.merged,
                self.assigned,
                self.other_org,
            ]
        )
        chosen()
        return chosen.__name__

    def _project(self) -> dict[str, str]:
        return project(self.random.choice("abc"), summary=f"step {self.steps}")

    def _org(self) -> str:
        return self.random.choice(["acme", "beta"])

    def approved(self) -> None:
        name = f"t{self.steps}"
        self.world.commit(self._project(), by="alice", branch=name)
        self._signed(name, self.random.sample(["bob", "carol", "dave", "erin"], 2))
        self.world.merge(name)

    def _signed(self, branch: str, names: list[str]) -> None:
        for name in names:
            signables = self.world.signables(branch, include_pending=True)
            self.world.commit(self.world.envelopes(signables, name, "approve"), by=name, branch=branch)

    def unauthorized(self) -> None:
        self.world.commit(self._project(), by=self.random.choice(["alice", "mallory"]))

    def late(self) -> None:
        signables = self.world.signables("main", include_pending=True)
        if signables:
            approve_main(self.world, *self.random.sample(["bob", "carol", "dave"], 2))

    def reverted(self) -> None:
        with self.world.history() as history:
            waiting = [item for item in history.verdict().partitions if item.waiting is not None]
            files: dict[str, bytes | str | None] = {}
            for item in waiting:
                assert item.waiting is not None
                for path, (before, _after) in item.waiting.judgement.change.entries.items():
                    files[path] = history.repository.read(before.oid) if before is not None else None
        if files:
            self.world.commit(files, by="mallory", signed=False)

    def junk(self) -> None:
        path = f"approvals/ab/{'c' * 62}/mallory.{self.steps:012x}.json"
        self.world.commit({path: b"junk", "docs/x.md": f"{self.steps}"}, by="mallory", signed=False)

    def unreadable_time(self) -> None:
        from gaitops.git.objects import COMMIT

        self.unauthorized()
        raw = self.world.repository.objects.read(self.world.head(), COMMIT)
        line = next(item for item in raw.split(b"\n") if item.startswith(b"committer "))
        broken = raw.replace(line, line.rsplit(b" ", 2)[0] + b" junk +0000")
        self.world.move("main", self.world.repository.objects.write(COMMIT, broken))

    def backdated(self) -> None:
        when = self.world.now - timedelta(days=self.random.choice([0, 1, 40]), minutes=20)
        self.world.commit({"docs/x.md": f"{self.steps}", **self._project()}, by="alice", when=when)

    def stolen(self) -> None:
        name = self.random.choice(["dave", "erin"])
        chain = self.world.repository.first_parents(self.world.head())
        since = chain[self.random.randrange(len(chain) - 2)]
        key = fingerprint(parse_public_key(self.world.actor(name).pem))
        spec = {
            "revokes": "identity",
            "cause": "compromised",
            "identity": {"principal": name, "fingerprint": key},
            "reason": "story",
            "since": since,
        }
        label = f"r{self.steps}"
        branch = f"t{self.steps}"
        files = {f"trust/revocations/{label}.yaml": document("Revocation", label, spec)}
        self.world.commit(files, by="alice", branch=branch)
        self._signed(branch, ["bob", "carol"])
        self.world.merge(branch)

    def affirmed(self) -> None:
        with self.world.history() as history:
            signables = of_affirmation(history, sorted(history.standing.doubtful)[:1])
        for name in ("bob", "carol"):
            if signables:
                self.world.commit(self.world.envelopes(signables, name, "approve"), by=name)

    def stricter(self) -> None:
        branch = f"t{self.steps}"
        self.world.commit(
            rule("projects", ["project.*"], quorum=self.random.choice([1, 2])), by="alice", branch=branch
        )
        self._signed(branch, ["alice", "bob"])
        self.world.merge(branch)

    def merged(self) -> None:
        name = f"t{self.steps}"
        self.world.commit(self._project(), by="carol", branch=name)
        self._signed(name, ["bob", "dave"])
        self.world.join(name, by="forge", signed=False)

    def assigned(self) -> None:
        tier = self.random.choice(["development", "production"])
        text = environment_document("live", tier, {"name": "guard", "version": "1.0.0"}, project="base")
        name = f"t{self.steps}"
        self.world.commit({"orgs/acme/projects/base/environments/live.yaml": text}, by="alice", branch=name)
        self._signed(name, ["bob", "carol"])
        self.world.merge(name)

    def other_org(self) -> None:
        self.world.land(project(f"p{self.steps}", org="beta"), by="alice", approvers=["bob"])


@pytest.mark.parametrize("seed", range(6))
def test_warm_equals_cold_after_every_step(tmp_path: Path, seed: int) -> None:
    """One checkpoint kept through a random story says at every step what judging everything again says."""
    world = World(tmp_path / "fleet", orgs=("acme", "beta"))
    story = Story(world, seed)
    checkpoint = tmp_path / "state" / "checkpoint.db"
    told = []
    for _number in range(12):
        told.append(story.step())
        if story.random.random() < 0.7:
            assert outcome(world, checkpoint) == outcome(world, None), told
    assert outcome(world, checkpoint) == outcome(world, None), told
    assert outcome(world, checkpoint, at_most=0) == outcome(world, None), told


def test_a_second_run_judges_only_what_is_new(world: World, tmp_path: Path) -> None:
    """The number of judged commits is that of the new ones."""
    checkpoint = tmp_path / "state" / "checkpoint.db"
    world.land(project(), by="alice", approvers=["bob"])
    assert world.verify(checkpoint=checkpoint).folded == 4
    assert world.verify(checkpoint=checkpoint).folded == 0
    world.commit({"README.md": "x"}, by="alice")
    assert world.verify(checkpoint=checkpoint).folded == 1


# -- what must not get into it ------------------------------------------------------------------------------------


def test_a_pull_request_leaves_nothing_in_it(world: World, tmp_path: Path) -> None:
    """Envelopes of a branch that was only looked at are no evidence on main afterwards."""
    checkpoint = tmp_path / "state" / "checkpoint.db"
    world.commit(project(), by="alice", branch="topic")
    world.approve("topic", "bob")
    with world.history(checkpoint=checkpoint) as history:
        assert propose(history, history.repository.resolve("topic")).authorized
    world.commit(project(), by="alice")
    assert outcome(world, checkpoint) == outcome(world, None)
    assert not world.verify(checkpoint=checkpoint).verified


def test_an_earlier_time_is_judged_cold(world: World, tmp_path: Path) -> None:
    """Asked about yesterday, the checkpoint of today knows too much, and is not replaced by yesterday's."""
    checkpoint = tmp_path / "state" / "checkpoint.db"
    yesterday = world.now
    world.commit(project(), by="alice", branch="topic")
    world.sign("topic", "bob", issued_at=yesterday)
    world.tick(timedelta(days=1))
    world.merge("topic")
    today = world.now
    assert world.verify(checkpoint=checkpoint).verified
    world.now = yesterday
    assert outcome(world, checkpoint) == outcome(world, None)
    assert not world.verify(checkpoint=checkpoint).verified
    world.now = today
    assert outcome(world, checkpoint, at_most=0)[0]["verified"]


def test_a_future_commit_is_not_remembered_as_refused(world: World, tmp_path: Path) -> None:
    """What was dated after the verification time is judged again when its time has come."""
    checkpoint = tmp_path / "state" / "checkpoint.db"
    world.commit(project(), by="alice", branch="topic")
    world.approve("topic", "bob")
    now = world.now
    world.now = now + timedelta(days=1)
    world.merge("topic")
    world.now = now
    assert not world.verify(checkpoint=checkpoint).verified
    world.now = now + timedelta(days=1, minutes=5)
    assert world.verify(checkpoint=checkpoint).verified


# -- rewritten histories ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["set back", "replaced"])
def test_a_rewritten_branch(world: World, tmp_path: Path, how: str) -> None:
    """The commit that was verified before must lie on the first-parent chain of the new head."""
    checkpoint = tmp_path / "state" / "checkpoint.db"
    old = world.head()
    by_root(world, rule("strict", ["**"], quorum=2))
    assert world.verify(checkpoint=checkpoint).verified
    world.move("main", old)
    if how == "replaced":
        world.commit({"README.md": "another history"}, by="mallory")
    with pytest.raises(VerificationError) as caught:
        world.verify(checkpoint=checkpoint)
    assert caught.value.code == "history.not_descendant"
    assert world.verify().verified


def test_a_foxtrot_merge(world: World, tmp_path: Path) -> None:
    """Main as the second parent of a side branch, pushed as a fast-forward, is another first-parent history."""
    checkpoint = tmp_path / "state" / "checkpoint.db"
    world.commit({"docs/side.md": "side"}, by="alice", branch="side")
    by_root(world, rule("strict", ["**"], quorum=2))
    assert world.verify(checkpoint=checkpoint).verified
    tree = world.repository.tree_of(world.head("side"))
    world.commit_tree(tree, [world.head("side"), world.head()], by="alice")
    with pytest.raises(VerificationError) as caught:
        world.verify(checkpoint=checkpoint)
    assert caught.value.code == "history.not_descendant"


# -- files that cannot be trusted ---------------------------------------------------------------------------------


def _truncated(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def _junk(path: Path) -> None:
    path.write_bytes(b"not a database")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _row_changed(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(
            "UPDATE rows SET value = replace(value, '\"born\":true', '\"born\":false') WHERE space = 'meta'"
        )
    connection.close()


def _world_writable(path: Path) -> None:
    path.chmod(0o666)


def _open_folder(path: Path) -> None:
    path.parent.chmod(0o777)


@pytest.mark.parametrize("damage", [_truncated, _junk, _empty, _row_changed, _world_writable, _open_folder])
def test_a_damaged_checkpoint_is_ignored(
    world: World, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """Damaged, forged or open to others: the run starts cold and says the same."""
    checkpoint = tmp_path / "state" / "checkpoint.db"
    world.land(project(), by="alice", approvers=["bob"])
    expected = outcome(world, checkpoint)
    damage(checkpoint)
    world.commit({"README.md": "x"}, by="alice")
    verdict = world.verify(checkpoint=checkpoint)
    assert verdict.verified
    assert verdict.folded == 5
    assert outcome(world, None)[1] == expected[1]


@pytest.mark.parametrize("space", ["evidence", "changed", "seen", "used"])
def test_any_damaged_row_is_noticed_or_without_effect(world: World, tmp_path: Path, space: str) -> None:
    """Rows are marked one by one: a changed row never changes a verdict or the log that is read from it."""
    checkpoint = tmp_path / "state" / "checkpoint.db"
    world.land(project(summary="one"), by="alice", approvers=["bob"])
    world.verify(checkpoint=checkpoint)
    with sqlite3.connect(checkpoint) as connection:
        assert connection.execute("UPDATE rows SET value = '[]' WHERE space = ?", (space,)).rowcount
    connection.close()
    world.land(project(summary="two"), by="alice", approvers=["bob"])
    assert outcome(world, checkpoint) == outcome(world, None)


def test_damage_that_shows_late(world: World, tmp_path: Path) -> None:
    """A damaged row that only an answer needs ends the run, never in a wrong answer; the next one starts cold."""
    checkpoint = tmp_path / "state" / "checkpoint.db"
    world.verify(checkpoint=checkpoint)
    with sqlite3.connect(checkpoint) as connection:
        connection.execute("UPDATE rows SET value = '[]' WHERE space = 'event'")
    connection.close()
    with pytest.raises(InternalError) as caught:
        outcome(world, checkpoint)
    assert caught.value.code == "checkpoint.damaged"
    assert outcome(world, checkpoint) == outcome(world, None)


def test_the_checkpoint_of_another_fleet_is_ignored(world: World, tmp_path: Path) -> None:
    """Copied over from another trust root, even of the same repository's shape."""
    other = World(tmp_path / "other", people=("alice", "bob", "carol", "dave"))
    checkpoint = tmp_path / "state" / "checkpoint.db"
    other.verify(checkpoint=checkpoint)
    verdict = world.verify(checkpoint=checkpoint)
    assert verdict.verified
    assert verdict.folded == 3


def test_a_place_that_cannot_be_written_costs_time_only(world: World, tmp_path: Path) -> None:
    """A checkpoint that cannot be kept is no error of the verification."""
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    assert world.verify(checkpoint=blocked / "checkpoint.db").verified


# -- two runs at a time -------------------------------------------------------------------------------------------


def test_two_runs_at_a_time(world: World, tmp_path: Path) -> None:
    """Two runs that started from the same checkpoint do not mix their rows: the slower one keeps nothing."""
    checkpoint = tmp_path / "state" / "checkpoint.db"
    world.verify(checkpoint=checkpoint)
    world.land(project("one"), by="alice", approvers=["bob"])
    with world.history(checkpoint=checkpoint) as slow:
        world.land(project("two"), by="alice", approvers=["carol"])
        fast = outcome(world, checkpoint)
        assert slow.verdict().verified
    assert outcome(world, checkpoint, at_most=0) == fast == outcome(world, None)


def test_two_cold_runs_at_a_time(world: World, tmp_path: Path) -> None:
    """Whichever is the last to write, the file is one run's alone."""
    checkpoint = tmp_path / "state" / "checkpoint.db"
    with world.history(checkpoint=checkpoint), world.history(checkpoint=checkpoint) as second:
        assert second.verdict().verified
    assert outcome(world, checkpoint, at_most=0) == outcome(world, None)
    assert [path.name for path in checkpoint.parent.iterdir()] == ["checkpoint.db"]


def test_a_clone_that_knows_less_ignores_the_checkpoint(tmp_path: Path) -> None:
    """A checkpoint whose head is not in this clone is foreign: judged from genesis, never fatal."""
    world = World(tmp_path / "fleet")
    behind = tmp_path / "behind"
    shutil.copytree(world.path, behind)
    old = world.head()
    world.commit({"docs/note.md": "later"}, by="alice")
    file = tmp_path / "state" / "fleet.db"
    assert world.verify(checkpoint=file).verified
    repository = Repository.open(behind)
    with open_history(repository, old, world.trust_root, at=world.now, checkpoint=file) as history:
        verdict = history.verdict()
    assert (verdict.verified, verdict.folded > 0) == (True, True)
