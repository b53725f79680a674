# SPDX-License-Identifier: Apache-2.0
"""Release content without Git: real keys, small policies, one step of history a release."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from securesystemslib.signer import CryptoSigner, Key

from gaitops.release.ceremony import new_root, next_root, sign_root
from gaitops.release.content import (
    AssignmentRow,
    Expiries,
    ReleaseContent,
    ReleasedOrg,
    ReleasedProject,
    ReleasedVersion,
    VersionRef,
)
from gaitops.release.keyless import SignStatement
from gaitops.release.previous import read_previous
from gaitops.release.publish import PublishReport, publish
from gaitops.release.sources import DirectorySource

TIME = datetime(2030, 1, 1, 12, tzinfo=UTC)
EXPIRIES = Expiries(timedelta(days=7), timedelta(days=30), timedelta(days=365))
PAY = "github.com/acme/pay"
WEB = "github.com/acme/web"


@cache
def signer(name: str) -> CryptoSigner:
    """An Ed25519 signer, the same one for a name within a run."""
    return CryptoSigner.generate_ed25519()


def key(name: str) -> Key:
    """The public key of :func:`signer`."""
    return signer(name).public_key


def named(*names: str) -> list[tuple[str, Key]]:
    """People or publishers with their keys."""
    return [(name, key(name)) for name in names]


def commit_id(number: int) -> str:
    """The commit of one step of history."""
    return hashlib.sha1(f"commit {number}".encode(), usedforsecurity=False).hexdigest()


def first_root(
    publishers: Sequence[str] = ("pub1",), threshold: int = 1, expires: datetime | None = None
) -> bytes:
    """A root of Ana and Ben, signed by both."""
    data = new_root(
        named("ana", "ben"), 2, named(*publishers), threshold, expires or TIME + timedelta(days=3650)
    )
    return sign_root(sign_root(data, signer("ana")), signer("ben"))


def root_for(publisher: Key) -> bytes:
    """A root with one publisher whose key the test has made itself."""
    data = new_root(named("ana", "ben"), 2, [("other", publisher)], 1, TIME + timedelta(days=3650))
    return sign_root(sign_root(data, signer("ana")), signer("ben"))


def rotated(previous: bytes, publishers: Sequence[str], threshold: int = 1) -> bytes:
    """The next root with other publishers, signed by Ana and Ben."""
    data = next_root(
        previous,
        publishers=named(*publishers),
        publisher_threshold=threshold,
        expires=TIME + timedelta(days=3650),
    )
    return sign_root(sign_root(data, signer("ana")), signer("ben"))


def version(org: str = "acme", policy: str = "guard", number: str = "1.0.0") -> ReleasedVersion:
    """A policy version with a companion file in a folder."""
    files = {
        "version.yaml": f"kind: PolicyVersion # {number}\n".encode(),
        "gait.policy.yaml": f"schema_id: gait.gate.policy # {org} {policy} {number}\n".encode(),
        "mcp/trust.json": b"{}\n",
    }
    return ReleasedVersion(
        ref=ref(org, policy, number),
        gait_digest=hashlib.sha256(files["gait.policy.yaml"]).hexdigest(),
        gait_scheme="gait.gate.policy/1.0.0",
        risk="high",
        parents=(),
        files=files,
        approvals=("ab" * 32,),
        commit=commit_id(1),
        withdrawn=False,
    )


def ref(org: str = "acme", policy: str = "guard", number: str = "1.0.0") -> VersionRef:
    """Reference to :func:`version`."""
    return VersionRef(org, policy, number, hashlib.sha256(f"{org}{policy}{number}".encode()).hexdigest())


def row(
    repository: str = PAY,
    environment: str = "production",
    number: str = "1.0.0",
    candidate: str | None = None,
    mode: str = "enforce",
) -> AssignmentRow:
    """What a repository runs."""
    return AssignmentRow(
        repository,
        environment,
        "production",
        ref(number=number),
        None if candidate is None else ref(number=candidate),
        mode,
    )


def org(
    *rows: AssignmentRow, versions: Sequence[str] = ("1.0.0",), name: str = "acme", step: int = 1
) -> ReleasedOrg:
    """An org with the policy ``guard`` and the project ``payments``."""
    return ReleasedOrg(
        name,
        commit_id(step),
        tuple(version(name, number=number) for number in versions),
        (ReleasedProject(name, "payments", tuple(rows)),),
    )


@dataclass
class Fleet:
    """A fleet that publishes into ``out``, step by step."""

    out: Path
    roots: tuple[bytes, ...] = field(default_factory=lambda: (first_root(),))
    time: datetime = TIME
    keyless: SignStatement | None = None
    """Signs statements besides the keys."""
    sigstore_root: bytes | None = None
    """``trust/sigstore/trusted_root.json`` of the fleet."""

    @property
    def trust_root(self) -> str:
        """SHA-256 of root 1."""
        return hashlib.sha256(self.roots[0]).hexdigest()

    @property
    def source(self) -> DirectorySource:
        """What consumers read."""
        return DirectorySource(self.out)

    def content(self, *orgs: ReleasedOrg, step: int = 1) -> ReleaseContent:
        """The content after ``step`` commits."""
        return ReleaseContent(
            fleet="acme-fleet",
            trust_root=self.trust_root,
            root_chain=self.roots,
            commit=commit_id(step),
            time=self.time,
            history=tuple(commit_id(number) for number in range(step + 1)),
            orgs=orgs or (org(row()),),
            partitions={"fleet": commit_id(step)},
            audit_head="cd" * 32,
            expiries=EXPIRIES,
            sigstore_root=self.sigstore_root,
        )

    def publish(
        self,
        *orgs: ReleasedOrg,
        step: int = 1,
        signers: Sequence[str] = ("pub1",),
        now: datetime | None = None,
        first: bool = False,
    ) -> PublishReport:
        """Publish after whatever ``out`` holds."""
        previous = None if first else read_previous(self.source, self.trust_root)
        return publish(
            self.content(*orgs, step=step),
            [signer(name) for name in signers],
            self.out,
            previous=previous,
            first=first,
            now=now or self.time,
            keyless=self.keyless,
        )

    def rotate(self, *publishers: str, threshold: int = 1) -> None:
        """Replace the publishers."""
        self.roots = (*self.roots, rotated(self.roots[-1], publishers, threshold))


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def withdrawn(released: ReleasedVersion) -> ReleasedVersion:
    """The version after its withdrawal."""
    return replace(released, withdrawn=True)
