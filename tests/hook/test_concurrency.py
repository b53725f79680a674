# SPDX-License-Identifier: Apache-2.0
"""Two hundred pushes at once: what the hook and Git accept is on the branch, and nothing else is."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gaitops.git.repository import Repository
from gaitops.git.writing import Person, commit_files
from tests.hook.server import Server
from tests.simulator import World

PUSHES = 200
PUSHERS = 10
TOPICS_OF = 4
"""One push of so many goes to main; the others create or move topic branches, which never wait for each other."""


def test_nothing_is_lost(server: Server, world: World, tmp_path: Path) -> None:
    """Every accepted push to main is on its first-parent history, every refused one is not, and main stays verified."""
    people = [_Pusher(server, world, tmp_path / f"clone-{number}", number) for number in range(PUSHERS)]
    gate = threading.Barrier(PUSHERS)

    def work(pusher: _Pusher) -> None:
        gate.wait()
        for number in range(PUSHES // PUSHERS):
            pusher.push(number)

    with ThreadPoolExecutor(PUSHERS) as pool:
        list(pool.map(work, people))
    accepted = {commit for pusher in people for commit in pusher.accepted}
    refused = {commit for pusher in people for commit in pusher.refused}
    repository = Repository.open(server.path)
    head = repository.resolve("refs/heads/main")
    chain = set(repository.first_parents(head, stop=world.head()))
    assert chain == accepted
    assert len(accepted) + len(refused) == PUSHES // TOPICS_OF
    assert accepted
    for pusher in people:
        for reference, commit in pusher.topics.items():
            assert repository.references.target(reference) == commit
    assert server.hook()[0] == 0


class _Pusher:
    """Somebody with a clone, who pushes one small unprotected commit after the other."""

    def __init__(self, server: Server, world: World, folder: Path, number: int) -> None:
        self._server, self._number = server, number
        self._world = world
        server.git("clone", "--quiet", str(server.path), str(folder), folder=folder.parent)
        self._folder = folder
        self._when = int(world.now.timestamp())
        self.accepted: set[str] = set()
        self.refused: set[str] = set()
        self.topics: dict[str, str] = {}

    def push(self, number: int) -> None:
        """Commit one file on what the server has now, and push it."""
        self._server.git("fetch", "--quiet", "origin", "main", folder=self._folder)
        repository = Repository.open(self._folder)
        commit = commit_files(
            repository,
            repository.resolve("refs/remotes/origin/main"),
            {f"docs/{self._number}/{number}.md": b"x"},
            message="docs",
            author=Person("ada", "ada@example.com"),
            when=self._when,
        )
        to_main = (number + self._number) % TOPICS_OF == 0
        reference = "refs/heads/main" if to_main else f"refs/heads/topic-{self._number}-{number % 3}"
        push = self._server.push_from(
            self._folder, f"+{commit}:{reference}" if not to_main else f"{commit}:{reference}"
        )
        if not to_main:
            assert push.accepted, push.err
            self.topics[reference] = commit
        elif push.accepted:
            self.accepted.add(commit)
        else:
            self.refused.add(commit)
