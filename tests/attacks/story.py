# SPDX-License-Identifier: Apache-2.0
"""Telling a hostile story to the real command line and seeing what it makes of it.

A case counts as survived only when ``gaitops verify`` exits with the right code and names the right error, and when
``gaitops publish`` of the same history publishes nothing of what nobody authorized.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gaitops.documents.times import format_timestamp
from gaitops.history.signable import Signable
from tests.cli.harness import Invoke, Run
from tests.simulator import Actor, World

VERIFIED, REFUSED, PENDING, INVALID = 0, 2, 4, 6


@dataclass(frozen=True)
class Commands:
    """The command line, standing at a world's time."""

    invoke: Invoke
    clock: dict[str, datetime]
    """Time that the command line believes it is; one entry, ``now``."""
    scratch: Path

    def run(self, world: World, *arguments: str | Path) -> Run:
        """One command in a world's repository, with its trust root, at its time."""
        self.clock["now"] = world.now
        return self.invoke(*arguments, "--repo", world.path, "--trust-root", f"sha256:{world.trust_root}", "--json")

    def verify(self, world: World, *options: str, rev: str = "main") -> Run:
        """``gaitops verify`` without any memory of earlier runs."""
        at = format_timestamp(world.now)
        return self.run(world, "verify", "--rev", rev, "--at", at, "--no-cache", *options)

    def check(self, world: World, head: str, *options: str) -> Run:
        """``gaitops check`` of a branch against main."""
        at = format_timestamp(world.now)
        return self.run(world, "check", "--base", "main", "--head", head, "--at", at, "--no-cache", *options)

    def publish(self, world: World) -> tuple[Run, Path]:
        """``gaitops publish`` into a folder that does not exist yet."""
        number = len(list(self.scratch.iterdir()))
        key, out = self.scratch / f"{number}.pem", self.scratch / f"{number}.release"
        key.write_bytes(world.publisher.private_pem)
        key.chmod(0o600)
        return self.run(world, "publish", "--out", out, "--key", key, "--first"), out

    def survives(self, world: World, *codes: str, forbidden: Sequence[str] = (), org: str | None = None) -> dict[str, Any]:
        """The history of main is refused for these reasons, and nothing of what waits is published.

        Args:
            world: where the story happened.
            codes: error codes that the verdict must name.
            forbidden: texts that no published file may contain.
            org: judge this organization only.

        Returns:
            The verdict's JSON document.
        """
        run = self.verify(world, *(("--org", org) if org else ()))
        assert run.code == REFUSED, run.out
        assert set(codes) <= set(run.codes), run.codes
        self.publishes_nothing_unauthorized(world, forbidden)
        return run.json

    def publishes_nothing_unauthorized(self, world: World, forbidden: Sequence[str] = ()) -> None:
        """What waits for authorization is in no release: neither its bytes nor their digest nor a given text."""
        run, out = self.publish(world)
        if run.code != VERIFIED:
            assert not out.exists() or not any(out.iterdir())
            return
        waiting = _waiting(world)
        for path in sorted(item for item in out.rglob("*") if item.is_file()):
            data = path.read_bytes()
            assert hashlib.sha256(data).hexdigest() not in waiting, f"{path.name} publishes {waiting}"
            for mark in (*waiting, *forbidden):
                assert mark.encode() not in data, f"{path.name} contains {mark}"

    def accepts(self, world: World, org: str | None = None) -> dict[str, Any]:
        """The whole history of main is verified, and a release can be made of it."""
        run = self.verify(world, *(("--org", org) if org else ()))
        assert run.code == VERIFIED, run.out
        released, _out = self.publish(world)
        assert released.code == VERIFIED, released.out
        return run.json


def _waiting(world: World) -> frozenset[str]:
    """SHA-256 of everything that the head has, verified state has not, and nobody authorized."""
    with world.history() as history:
        if not history.standing.born:
            return frozenset()
        verdict = history.verdict()
        verified = {
            history.repository.sha256(entry.oid) for _path, entry in history.state().snapshot.walk("")
        }
    new = {
        item.after
        for partition in verdict.partitions
        if partition.waiting is not None
        for item in partition.waiting.judgement.change.deltas
        if item.after is not None
    }
    return frozenset(new - verified)


def approvals_of(
    world: World, branch: str, principal: str, *, key: Actor | None = None, **options: Any
) -> dict[str, bytes]:
    """Approval envelopes for a branch, not committed anywhere yet."""
    return world.envelopes(world.signables(branch), principal, "approve", key=key, **options)


def only_partition(signables: Sequence[Signable], name: str) -> list[Signable]:
    """Those of one partition."""
    return [item for item in signables if item.partition == name]
