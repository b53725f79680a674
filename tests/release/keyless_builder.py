# SPDX-License-Identifier: Apache-2.0
"""A fleet whose root names a workload that signs statements, with a Sigstore double."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from gaitops.fleet.publishing import KeylessPublishing
from gaitops.release.ceremony import next_root, sign_root
from tests.release.release_builder import TIME, Fleet, first_root, signer
from tests.sigstore_double.double import SigstoreDouble
from tests.sigstore_double.identities import GITHUB, GitHubRun, Signer

RUN = GitHubRun()
"""The run that publishes: its members are those of :func:`workload`."""
REUSED = "acme/ci/.github/workflows/sign.yml"
"""A reusable workflow, which publishes in the name of its callers."""


@cache
def double() -> SigstoreDouble:
    """The instance that the fleets trust, one for all: preparing its trusted root costs half a second."""
    return SigstoreDouble(lambda: datetime.now(UTC))


@cache
def stranger() -> SigstoreDouble:
    """An instance that nobody trusts."""
    return SigstoreDouble(lambda: datetime.now(UTC))


def workload(**changes: object) -> dict[str, object]:
    """The workload that makes :data:`RUN`, as root metadata names it."""
    return {
        "issuer": GITHUB,
        "repositoryId": "1296269",
        "ownerId": "9919",
        "names": [
            {
                "repository": "https://github.com/acme/publisher",
                "workflow": "https://github.com/acme/publisher/.github/workflows/publish.yml",
            }
        ],
        "refs": ["refs/heads/main"],
        "triggers": ["push", "schedule"],
        "runnerEnvironments": ["github-hosted"],
        **changes,
    }


def publishing(*workloads: Mapping[str, object], trusted_root: bytes | None = None) -> KeylessPublishing:
    """What a root says about workloads and the double's trusted root."""
    digest = hashlib.sha256(trusted_root or double().trusted_root_bytes).hexdigest()
    return KeylessPublishing.from_json(
        {"workloads": list(workloads) or [workload()], "sigstoreTrustedRoot": digest}
    )


def named(previous: bytes, said: KeylessPublishing | None) -> bytes:
    """The next root, which names these workloads or none, signed by Ana and Ben."""
    data = next_root(
        previous, publishing=said, ends_publishing=said is None, expires=TIME + timedelta(days=3650)
    )
    return sign_root(sign_root(data, signer("ana")), signer("ben"))


def signing(run: Signer, at: datetime, instance: SigstoreDouble | None = None) -> Callable[[bytes], bytes]:
    """Signs statements as ``run``."""
    return lambda payload: (instance or double()).sign_dsse(payload, run, at=at)


@dataclass
class KeylessFleet(Fleet):
    """A fleet that publishes with bundles, from its second root on."""

    signed: list[bytes] = field(default_factory=list)
    """Payloads for which a bundle was asked, in order."""
    run: Signer = RUN

    def __post_init__(self) -> None:
        self.roots = (*self.roots, named(self.roots[-1], publishing()))
        self.sigstore_root = double().trusted_root_bytes
        self.keyless = self._sign

    def _sign(self, payload: bytes) -> bytes:
        self.signed.append(payload)
        return signing(self.run, self.time)(payload)

    def rename(self, said: KeylessPublishing | None) -> None:
        """The next root names others."""
        self.roots = (*self.roots, named(self.roots[-1], said))


def keyless_fleet(out: Path, time: datetime = TIME) -> KeylessFleet:
    """A fleet before its first release."""
    return KeylessFleet(out, (first_root(),), time)


def altered(run: GitHubRun = RUN, **changes: str) -> GitHubRun:
    """The run with other claims."""
    return replace(run, **changes)
