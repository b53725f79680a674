# SPDX-License-Identifier: Apache-2.0
"""Fleet conformance: a release, and bare mirrors of the repositories that follow it (issue: 1,000 in a minute, 2 cores).

Each mirror has a pin with three environments, files around it, and what the controls look at; every tenth has something
to complain about, and every fiftieth of the fleet's repositories is not in the manifest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Final

from securesystemslib.signer import CryptoSigner

from benchmarks.cases import Row
from benchmarks.processes import GAITOPS, seconds_of
from gaitops.gait.policy_digest import SCHEME, digest_policy
from gaitops.git.writing import Person, commit_files, init_repository, update_branch
from gaitops.pin.update import PinRequest, fetch_pin
from gaitops.release.ceremony import new_root, sign_root
from gaitops.release.content import (
    AssignmentRow,
    Expiries,
    ReleaseContent,
    ReleasedOrg,
    ReleasedProject,
    ReleasedVersion,
    VersionRef,
)
from gaitops.release.publish import publish
from gaitops.release.sources import DirectorySource

ENVIRONMENTS: Final = ("development", "staging", "production")
PROJECTS: Final = 20
BAR_SECONDS: Final = 60
_COMMIT: Final = hashlib.sha1(b"fleet", usedforsecurity=False).hexdigest()
_DAY: Final = timedelta(days=1)
_POLICY: Final = b"default_verdict: block\nrules:\n  - name: reads\n    effect: allow\n    match: {tool_names: [fs.read]}\n"


@dataclass(frozen=True)
class Mirrored:
    """A release and the mirrors that go with it."""

    folder: Path
    trust_root: str

    @classmethod
    def load(cls, folder: Path) -> Mirrored:
        """What an earlier run has written."""
        return cls(folder, (folder / "trust-root").read_text(encoding="utf-8"))


def write_mirrors(folder: Path, repositories: int) -> Mirrored:
    """Publish a release that assigns something to every repository, and make their mirrors."""
    now = datetime.now(UTC).replace(microsecond=0)
    names = [f"github.com/acme/service-{number:05}" for number in range(repositories)]
    trust_root = _publish(folder / "release", names, now)
    source = DirectorySource(folder / "release")
    rows = []
    for number, name in enumerate(names):
        requests = [PinRequest(environment, name) for environment in ENVIRONMENTS]
        pin = fetch_pin(source, trust_root, requests, now)
        path = folder / "mirrors" / f"{number:05}.git"
        _mirror(path, {**_content(number), **{f".gaitops/{file}": data for file, data in pin.items()}})
        if number % 50:
            rows.append({"repository": name, "path": f"mirrors/{number:05}.git", "rev": "main"})
    (folder / "mirrors.yaml").write_text(json.dumps(rows), encoding="utf-8")
    (folder / "trust-root").write_text(trust_root, encoding="utf-8")
    return Mirrored(folder, trust_root)


def fleet_conformance(written: Mirrored, repositories: int, repeats: int) -> Iterator[Row]:
    """The command as a platform team runs it, process start included."""
    command: list[str | Path] = [
        GAITOPS,
        "fleet",
        "conformance",
        "--manifest",
        written.folder / "mirrors.yaml",
        "--release",
        written.folder / "release",
        "--trust-root",
        f"sha256:{written.trust_root}",
        "--json",
    ]
    times = {
        jobs: median(
            seconds_of([*command, "--jobs", str(jobs)], expect=3, must_print='"nonconformant"')
            for _ in range(repeats)
        )
        for jobs in (1, 2)
    }
    places = repositories * len(ENVIRONMENTS)
    bar = BAR_SECONDS * repositories / 1000
    what = f"fleet conformance, {repositories:,} bare mirrors × {len(ENVIRONMENTS)} environments, 2 processes"
    yield Row(
        what,
        f"{places / times[2]:,.0f} results a second",
        f"1 process: {times[1]:.1f} s",
        times[2],
        bar,
        unit="s",
    )


def _publish(out: Path, names: list[str], now: datetime) -> str:
    people = [(name, CryptoSigner.generate_ed25519()) for name in ("ana", "ben")]
    publisher = CryptoSigner.generate_ed25519()
    root = new_root(
        [(name, person.public_key) for name, person in people],
        2,
        [("publisher", publisher.public_key)],
        1,
        now + 365 * _DAY,
    )
    for _name, person in people:
        root = sign_root(root, person)
    trust_root = hashlib.sha256(root).hexdigest()
    version = VersionRef("acme", "guard", "1.0.0", hashlib.sha256(b"guard").hexdigest())
    released = ReleasedVersion(
        ref=version,
        gait_digest=digest_policy(_POLICY).digest or "",
        gait_scheme=SCHEME,
        risk="low",
        parents=(),
        files={"version.yaml": b"kind: PolicyVersion\n", "gait.policy.yaml": _POLICY},
        approvals=("ab" * 32,),
        commit=_COMMIT,
        withdrawn=False,
    )
    projects = tuple(
        ReleasedProject(
            "acme",
            f"project-{part:02}",
            tuple(
                AssignmentRow(name, environment, "production", version, None, "enforce")
                for name in names[part::PROJECTS]
                for environment in sorted(ENVIRONMENTS)
            ),
        )
        for part in range(min(PROJECTS, len(names)))
    )
    content = ReleaseContent(
        fleet="bench",
        trust_root=trust_root,
        root_chain=(root,),
        commit=_COMMIT,
        time=now,
        history=(_COMMIT,),
        orgs=(ReleasedOrg("acme", _COMMIT, (released,), projects),),
        partitions={"fleet": _COMMIT, "acme": _COMMIT},
        audit_head="cd" * 32,
        expiries=Expiries(7 * _DAY, 30 * _DAY, 365 * _DAY),
    )
    publish(content, [publisher], out, previous=None, first=True, now=now)
    return trust_root


def _content(number: int) -> dict[str, bytes]:
    """A service: some source, and what the controls look at; every tenth has no Gait configuration."""
    files = {f"src/module_{index:02}.py": f"VALUE = {number * index}\n".encode() for index in range(40)}
    fixture = {
        "schema_id": "gait.regress.fixture",
        "name": "pay",
        "runpack": "a.zip",
        "candidate_runpack": "b.zip",
    }
    config = {
        "schema_id": "gait.regress.config",
        "fixtures": [{"name": "pay", "run_id": "r", "runpack": "a.zip"}],
    }
    files |= {
        "gait.yaml": json.dumps(config).encode(),
        "fixtures/pay/fixture.json": json.dumps(fixture).encode(),
    }
    if number % 10:
        files[".gait/config.yaml"] = b"gate:\n  policy: .gaitops/production/enforced/gait.policy.yaml\n"
    return files


def _mirror(path: Path, files: Mapping[str, bytes]) -> None:
    store = init_repository(path, bare=True)
    author = Person("bench", "bench@example.com")
    commit = commit_files(store, None, files, message="content", author=author, when=1_700_000_000)
    update_branch(store, "main", commit, None)
