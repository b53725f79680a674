# SPDX-License-Identifier: Apache-2.0
"""Continuity as a property: whatever happens to keys later, every earlier verdict, release and pin stays what it was."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from gaitops.documents.load import load_document
from gaitops.documents.models.trust import Principal
from gaitops.fleet.people import identities_of
from gaitops.history.audit import compare, events_of
from gaitops.history.events import Event
from gaitops.history.session import History, open_history
from gaitops.pin.folder import read_folder
from gaitops.pin.update import PinRequest, init_pin, update_pin
from gaitops.pin.verify import verify_pin
from gaitops.release.ceremony import next_root, sign_root
from gaitops.release.collect import collect
from gaitops.release.previous import read_previous
from gaitops.release.publish import publish
from gaitops.release.sources import DirectorySource
from gaitops.release.verify import verify_release
from tests.drill.conftest import today
from tests.simulator import (
    DAY,
    Actor,
    World,
    binding_document,
    document,
    policy_files,
    principal_document,
    project_files,
)

ROOT_LIFE = 60 * DAY
REQUEST = PinRequest("production", "github.com/acme/checkout")
TURNS = ("rotate root", "rotate publisher", "add", "retire", "expire", "decide", "publish")


@dataclass(frozen=True)
class Memory:
    """What held at some time."""

    turn: str
    at: datetime
    head: str
    verdict: dict[str, Any]
    events: list[Event]
    release: Path | None
    pin: Path | None
    number: int | None


class QuickWorld(World):
    """A world that keeps a checkpoint, as a person's machine does: what was judged once is not judged again."""

    @contextmanager
    def history(self, branch: str = "main", checkpoint: Path | None = None) -> Iterator[History]:
        """The folded history of a branch, at the story's time."""
        known = checkpoint or self.path.with_name("checkpoint.db")
        with super().history(branch, known if branch == "main" else None) as history:
            yield history


class Life:
    """A fleet to which things happen, and what was true after each of them."""

    def __init__(self, folder: Path) -> None:
        files = {
            **policy_files("guard", "1.0.0"),
            **project_files(
                environments={"production": ("development", {"name": "guard", "version": "1.0.0"})}
            ),
        }
        self.world = QuickWorld(folder / "fleet", extra={path: text.encode() for path, text in files.items()})
        self.folder = folder
        self.roots = [self.world.root]
        self.root_keys = {name: self.world.actor(name) for name in ("alice", "bob", "carol")}
        self.publisher = self.world.publisher
        self.added: list[str] = []
        self.memories: list[Memory] = []
        self.releases = 0
        self.count = 0
        self._consumer = folder / "consumer"
        self._consumer.mkdir()
        self.turn("publish")

    # -- turns ---------------------------------------------------------------------------------------------

    def turn(self, name: str) -> None:
        """Let one thing happen, and write down what then holds."""
        self.count += 1
        self.world.tick(timedelta(hours=1))
        published = {
            "rotate root": self._rotate_root,
            "rotate publisher": self._rotate_publisher,
            "add": self._add,
            "retire": self._retire,
            "expire": self._expire,
            "decide": self._decide,
            "publish": self._publish,
        }[name]()
        self.remember(name, published=published is True)

    def _rotate_root(self) -> None:
        who = sorted(self.root_keys)[self.count % 3]
        new = Actor(who, f"{who} {self.count}")
        self._install({**self.root_keys, who: new})

    def _rotate_publisher(self) -> None:
        self.publisher = Actor("publisher", f"publisher {self.count}")
        self._install(self.root_keys)

    def _add(self) -> None:
        name = f"person-{self.count}"
        binding = binding_document(name, "approver", "fleet", [name])
        files = {
            f"trust/principals/{name}.yaml": principal_document(Actor(name)),
            f"trust/roles/{name}.yaml": binding,
        }
        self._land_by_root(files)
        self.added.append(name)

    def _retire(self) -> None:
        if not self.added:
            return self._add()
        name = self.added.pop(0)
        path = f"trust/principals/{name}.yaml"
        loaded = load_document(self.world.read(path), path)
        assert isinstance(loaded, Principal)
        identity = {"principal": name, "fingerprint": identities_of(name, loaded)[0].fingerprint}
        spec = {"revokes": "identity", "cause": "retired", "identity": identity, "reason": "left"}
        revocation = {f"trust/revocations/{name}.yaml": document("Revocation", name, spec)}
        self.world.land(revocation, by="alice", approvers=("bob",))
        return None

    def _expire(self) -> None:
        self.world.now = self._root().expires + DAY
        verdict = self.world.verify()
        assert {problem.code for problem in verdict.all_problems()} == {"trust.root_expired"}
        self.remember("expired", published=False)
        self._install(self.root_keys)

    def _decide(self) -> None:
        path = f"orgs/acme/projects/p{self.count}/project.yaml"
        spec = {"summary": "one more", "owners": ["alice"]}
        self.world.land(
            {path: document("Project", f"p{self.count}", spec, org="acme")}, by="bob", approvers=("carol",)
        )
        name = f"q{self.count}"
        text = document("Policy", name, {"owner": "alice", "summary": "guards", "risk": "low"}, org="acme")
        approver = self.added[0] if self.added else "carol"
        self.world.land({f"orgs/acme/policies/{name}/policy.yaml": text}, by="bob", approvers=(approver,))

    def _publish(self) -> bool:
        out = self.folder / "release"
        source = DirectorySource(out)
        previous = read_previous(source, self.world.trust_root) if self.releases else None
        with self.world.history() as history:
            content = collect(history)
        signers, now = [self.publisher.signer], self.world.now
        report = publish(content, signers, out, previous=previous, now=now, first=previous is None)
        if previous is None:
            init_pin(self._consumer, source, self.world.trust_root, [REQUEST], self.world.now)
        else:
            update_pin(self._consumer, source, self.world.trust_root, self.world.now)
        self.releases = report.number
        return True

    def _install(self, keys: dict[str, Actor]) -> None:
        """A root version: two of the old people sign, and everybody of the new ones."""
        data = next_root(
            self.roots[-1],
            people=[(name, actor.signer.public_key) for name, actor in keys.items()],
            publishers=[("publisher", self.publisher.signer.public_key)],
            expires=self.world.now + ROOT_LIFE,
        )
        for actor in {*list(self.root_keys.values())[:2], *keys.values()}:
            data = sign_root(data, actor.signer)
        self.roots.append(data)
        self.root_keys = keys
        self.world.commit({f"trust/root/{len(self.roots)}.root.json": data}, by="alice")

    def _land_by_root(self, files: dict[str, str]) -> None:
        branch = f"topic-{self.count}"
        self.world.commit(files, by="alice", branch=branch)
        for name in ("alice", "bob"):
            self.world.sign(branch, name, key=self.root_keys[name])
        self.world.merge(branch, by="alice")

    def _root(self) -> Any:
        with self.world.history() as history:
            return history.standing.root

    # -- what holds ----------------------------------------------------------------------------------------

    def remember(self, turn: str, *, published: bool) -> None:
        """Write down verdict, audit log, release and pin."""
        head, at = self.world.head(), self.world.now
        with self.world.history() as history:
            verdict, events = _verdict(history), events_of(history)
        release = pin = number = None
        if published:
            release, pin = self.folder / f"release-{self.count}", self.folder / f"pin-{self.count}"
            shutil.copytree(self.folder / "release", release)
            shutil.copytree(self._consumer, pin)
            number = self.releases
        self.memories.append(Memory(turn, at, head, verdict, events, release, pin, number))

    def check(self) -> None:
        """Everything that was written down is still so."""
        with self.world.history() as history:
            events = events_of(history)
            assert history.verdict().verified
        for memory in self.memories:
            assert self._verdict_at(memory.head, memory.at) == memory.verdict, memory.turn
            later = self._verdict_at(memory.head, self.world.now)
            assert later["partitions"] == memory.verdict["partitions"], memory.turn
            assert compare(memory.events, events, memory.turn) == ()
            if memory.release is not None and memory.pin is not None:
                release = verify_release(DirectorySource(memory.release), self.world.trust_root, None)
                assert (release.number, release.fields.commit) == (memory.number, memory.head)
                pinned = verify_pin(read_folder(memory.pin), self.world.trust_root)
                assert pinned.pin.release == memory.number

    def _verdict_at(self, head: str, at: datetime) -> dict[str, Any]:
        with open_history(self.world.repository, head, self.world.trust_root, at=at) as history:
            return _verdict(history)


def _verdict(history: History) -> dict[str, Any]:
    return {name: value for name, value in history.verdict().to_json().items() if name != "folded"}


@settings(
    max_examples=2,
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
@example(
    turns=[
        "decide",
        "rotate root",
        "add",
        "publish",
        "decide",
        "rotate publisher",
        "publish",
        "retire",
        "expire",
        "publish",
    ]
)
@given(turns=st.lists(st.sampled_from(TURNS), min_size=3, max_size=5))
def test_every_earlier_verdict_stays(tmp_path_factory: pytest.TempPathFactory, turns: Sequence[str]) -> None:
    """After any rotations, additions, retirements and expiries, commits, audit log, releases and pins say what they said."""
    with today():
        life = Life(tmp_path_factory.mktemp("life"))
        for turn in turns:
            life.turn(turn)
        life.turn("publish")
        life.check()
