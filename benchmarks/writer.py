# SPDX-License-Identifier: Apache-2.0
"""A fleet repository written commit by commit: genesis, authorized changes, unprotected changes.

An authorized change is what a squash merge leaves: one commit, signed by its author, that holds the change and the
approval envelopes of others. Operations in envelopes are derived by the engine itself, as ``gaitops approve`` does.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from benchmarks.objects import Files, PackWriter
from benchmarks.people import Person
from gaitops.change.attestation import statement_payload
from gaitops.change.deltas import Delta, delta, deltas_digest, ordered
from gaitops.change.effects import effects
from gaitops.change.genesis import genesis_operation
from gaitops.change.interpret import interpret
from gaitops.documents.layout import envelope_path
from gaitops.fleet.composite import OverlaySnapshot
from gaitops.fleet.state import DocumentCache, FleetState
from gaitops.release.ceremony import new_root, sign_root
from gaitops.scaffold.parameters import FleetParameters, FleetPerson
from gaitops.scaffold.repositories import render_fleet
from gaitops.signing.dsse import seal
from gaitops.signing.statement import PAYLOAD_TYPE

START: Final = datetime(2025, 1, 6, 9, 0, tzinfo=UTC)
"""Time of the first commit: in the past of every clock, so that nothing depends on when a benchmark runs."""
_STEP: Final = timedelta(minutes=1)
_LIFETIME: Final = timedelta(hours=72)
_ROOT_LIFETIME: Final = timedelta(days=365 * 30)
PEOPLE: Final = ("alice", "bob", "carol", "dave", "erin", "frank")


@dataclass(frozen=True)
class Written:
    """What a reader of a generated repository needs to know."""

    path: str
    trust_root: str
    commits: int
    """First-parent commits of ``main``, genesis and its signatures included."""
    changes: int
    """Authorized protected changes on ``main`` that were counted by the caller."""
    signed_commits: tuple[str, ...]
    """Ids of the signed commits on ``main``, oldest first."""

    def save(self) -> None:
        """Write beside the repository."""
        Path(self.path + ".json").write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Written:
        """Read it back."""
        value = json.loads(Path(f"{path}.json").read_text(encoding="utf-8"))
        return cls(**{**value, "signed_commits": tuple(value["signed_commits"])})

    @property
    def allowed_signers(self) -> Path:
        """Git's ``gpg.ssh.allowedSignersFile``."""
        return Path(self.path) / "allowed_signers"


class FleetWriter:
    """Writes one repository; :meth:`finish` makes it readable."""

    def __init__(self, path: Path, orgs: Sequence[str]) -> None:
        shutil.rmtree(path, ignore_errors=True)
        _git(path.parent, "init", "--quiet", "--bare", "--initial-branch=main", str(path))
        self.people: Final = tuple(Person(name) for name in PEOPLE)
        self.now = START
        self.head: str | None = None
        self.commits = 0
        self.signed: list[str] = []
        self._path = path
        self._pack = PackWriter(path / "generated.pack")
        self._cache = DocumentCache()
        self.files = Files(self._pack)
        self._branches: dict[str, str] = {}
        self._genesis(orgs)

    # -- commits -------------------------------------------------------------------------------------------

    def commit(
        self, files: Mapping[str, bytes | None], message: str, by: Person, *, signed: bool = True
    ) -> str:
        """One commit on the current branch."""
        self.files.place(
            {path: self.files.store(data) if data is not None else None for path, data in files.items()}
        )
        self.now += _STEP
        ident = f"{by.name} <{by.email}> {int(self.now.timestamp())} +0000"
        parent = f"parent {self.head}\n" if self.head is not None else ""
        head = f"tree {self.files.tree()}\n{parent}author {ident}\ncommitter {ident}\n".encode()
        body = f"\n{message}\n".encode()
        raw = head + body
        if signed:
            armor = by.sign_commit(raw).strip(b"\n").replace(b"\n", b"\n ")
            raw = head + b"gpgsig " + armor + b"\n" + body
        self.head = self._pack.add("commit", raw)
        self.commits += 1
        if signed:
            self.signed.append(self.head)
        return self.head

    def land(self, files: Mapping[str, bytes | None], *, number: int = 0, approvals: int = 2) -> str:
        """One authorized change; ``number`` decides whose it is.

        Args:
            files: new bytes by path, or ``None`` to remove.
            number: shifts the roles of author and approvers through the people.
            approvals: how many people besides the author sign an envelope.
        """
        turn = [self.people[(number + step) % len(self.people)] for step in range(approvals + 1)]
        deltas, operations = self._meaning(files)
        envelopes: dict[str, bytes | None] = {}
        for approver in turn[1:]:
            envelopes |= self._envelope(deltas, operations, approver, self.head)
        return self.commit({**files, **envelopes}, f"change {number}", turn[0])

    def _meaning(
        self, files: Mapping[str, bytes | None]
    ) -> tuple[tuple[Delta, ...], list[dict[str, object]]]:
        """Deltas of a change and the structured operations that approvers sign."""
        changes = {path: self.files.store(data) if data is not None else None for path, data in files.items()}
        before = FleetState(self.files, self._cache)
        after = FleetState(OverlaySnapshot(self.files, changes), self._cache)
        deltas = ordered(
            delta(path, self.files.entry(path), entry, self.files) for path, entry in changes.items()
        )
        moves = effects(deltas, before, after)
        return deltas, [operation.to_json() for operation in interpret(deltas, before, after, moves)]

    def _envelope(
        self,
        deltas: Sequence[Delta],
        operations: Sequence[Mapping[str, object]],
        by: Person,
        base: str | None,
    ) -> dict[str, bytes]:
        payload = statement_payload(
            trust_root=self.trust_root,
            intent="approve",
            principal=by.name,
            base=base,
            deltas=deltas,
            operations=operations,
            contributors=(),
            issued_at=self.now,
            expires_at=self.now + _LIFETIME,
            reason="CHG-1042",
        )
        subject = deltas_digest(self.trust_root, deltas)
        path = envelope_path(subject, by.name, hashlib.sha256(payload).hexdigest())
        return {path: seal(PAYLOAD_TYPE, payload, [by.signer])}

    # -- genesis -------------------------------------------------------------------------------------------

    def _genesis(self, orgs: Sequence[str]) -> None:
        root = self._root_metadata()
        self.trust_root = hashlib.sha256(root).hexdigest()
        parameters = FleetParameters(
            fleet="larkspur",
            people=tuple(FleetPerson(person.name, person.pem, (person.email,)) for person in self.people),
            threshold=2,
            publishers=("publisher",),
            trust_root=self.trust_root,
            version="0.1.0",
            orgs=tuple(orgs),
        )
        files = {**render_fleet(parameters), "trust/root/1.root.json": root}
        self.commit(files, "genesis", self.people[0])
        deltas = ordered(delta(path, None, self.files.entry(path), self.files) for path in files)
        operations = [genesis_operation(deltas, self.trust_root).to_json()]
        for person in self.people[:2]:
            self.commit(self._envelope(deltas, operations, person, None), f"genesis: {person.name}", person)

    def _root_metadata(self) -> bytes:
        keys = [(person.name, person.signer.public_key) for person in self.people]
        publisher = [("publisher", Person("publisher").signer.public_key)]
        root = new_root(keys, 2, publisher, 1, START + _ROOT_LIFETIME)
        for person in self.people[:2]:
            root = sign_root(root, person.signer)
        return root

    # -- branches and the end ------------------------------------------------------------------------------

    def branch(self, name: str) -> None:
        """Give the newest commit a branch."""
        assert self.head is not None
        self._branches[name] = self.head

    def side_branch(
        self, name: str, files: Mapping[str, bytes | None], *, approvals: int, number: int = 0
    ) -> None:
        """A branch of one change on top of the newest commit, which stays the newest."""
        kept = self.files, self.head, self.now, self.commits, list(self.signed)
        self.files = self.files.fork()
        self.land(files, number=number, approvals=approvals)
        self.branch(name)
        self.files, self.head, self.now, self.commits, self.signed = kept

    def finish(self, changes: int) -> Written:
        """Write branches, pack the repository as a clone would be, and describe it."""
        self.branch("main")
        self._pack.finish(self._path)
        for name, oid in self._branches.items():
            _git(self._path, "update-ref", f"refs/heads/{name}", oid)
        _git(self._path, "gc", "--quiet", "--prune=now")
        written = Written(str(self._path), self.trust_root, self.commits, changes, tuple(self.signed))
        written.allowed_signers.write_text(
            "".join(person.allowed_signer for person in self.people), encoding="utf-8"
        )
        written.save()
        return written


def _git(folder: Path, *arguments: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", *arguments], cwd=folder, check=True, stdin=subprocess.DEVNULL)
