# SPDX-License-Identifier: Apache-2.0
"""A fleet with two releases, and a consumer repository in memory that follows the first of them perfectly.

Release 1 assigns ``guard@1.0.0``. An hour later release 2 assigns ``guard@1.1.0`` with ``guard@1.2.0`` as a candidate in
``dry_run``, and withdraws ``1.0.0``.
"""

from __future__ import annotations

import atexit
import functools
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from gaitops.conformance.evaluate import evaluate
from gaitops.conformance.inputs import Context, Required, Subject
from gaitops.conformance.model import ControlResult, RepositoryResult, WaiverUse
from gaitops.conformance.pinned import read_pinned
from gaitops.conformance.requirements import ReleaseRequirements, required_by_pin
from gaitops.content import MemorySnapshot
from gaitops.documents.models.summary import EvidenceSummary
from gaitops.documents.times import format_timestamp
from gaitops.gait.policy_digest import digest_policy
from gaitops.pin.update import PinRequest, fetch_pin
from gaitops.release.content import AssignmentRow, ReleasedOrg, ReleasedProject, ReleasedVersion
from gaitops.release.verify import verify_release
from tests.pin import pin_builder
from tests.release.release_builder import PAY, Fleet, commit_id, row, version

NOW = pin_builder.NOW
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SHA = "0123456789abcdef0123456789abcdef01234567"
WORKFLOW = ".github/workflows/conformance.yml"
NOT_CONSUMER = "github.com/acme/nobody"


def policy_text(number: str) -> bytes:
    """A policy that Gait reads, another one for each version."""
    return (
        f"default_verdict: block\nrules:\n  - name: r{number.replace('.', '-')}\n    effect: allow\n".encode()
    )


def released(number: str, *, withdrawn_at: datetime | None = None) -> ReleasedVersion:
    """A version of ``acme/guard`` whose digests are true."""
    plain = version(number=number)
    text = policy_text(number)
    return replace(
        plain,
        files={**plain.files, "gait.policy.yaml": text},
        gait_digest=digest_policy(text).digest or "",
        withdrawn=withdrawn_at is not None,
        withdrawn_at=withdrawn_at,
    )


def waived(
    control: str,
    *,
    begins: timedelta = -DAY,
    ends: timedelta = 30 * DAY,
    name: str = "w",
    digest: str = "ab" * 32,
) -> WaiverUse:
    """A waiver for the consumer, around :data:`NOW`."""
    return WaiverUse(
        id=f"acme/payments/{name}",
        control=control,
        environment=None,
        owner="acme/bob",
        ticket="SEC-1",
        issued_at=NOW + begins,
        expires_at=NOW + ends,
        digest=digest,
    )


@functools.cache
def releases() -> tuple[Fleet, ReleaseRequirements, ReleaseRequirements, Mapping[str, bytes]]:
    """The fleet, what both releases require, and the pin that was made from the first."""
    folder = Path(tempfile.mkdtemp(prefix="gaitops-conformance-"))
    atexit.register(shutil.rmtree, folder)
    fleet = Fleet(folder / "out", time=NOW)
    fleet.publish(_org([row()], [released("1.0.0")]), first=True)
    first = requirements(fleet)
    pin = fetch_pin(fleet.source, fleet.trust_root, [PinRequest("production", PAY)], NOW)
    fleet.time = NOW + HOUR
    versions = [released("1.0.0", withdrawn_at=NOW + HOUR), released("1.1.0"), released("1.2.0")]
    rows = [row(number="1.1.0", candidate="1.2.0", mode="dry_run")]
    fleet.publish(_org(rows, versions), step=2)
    return fleet, first, requirements(fleet), pin


def requirements(fleet: Fleet) -> ReleaseRequirements:
    """What the fleet's newest release requires. Files of a release stay when the next one is published."""
    return ReleaseRequirements.of(verify_release(fleet.source, fleet.trust_root, None))


def _org(rows: Sequence[AssignmentRow], versions: Sequence[ReleasedVersion]) -> ReleasedOrg:
    project = ReleasedProject("acme", "payments", tuple(rows))
    return ReleasedOrg("acme", commit_id(1), tuple(versions), (project,))


CONFORMING: Mapping[str, bytes] = {
    ".gait/config.yaml": b"gate:\n  policy: .gaitops/production/enforced/gait.policy.yaml\n",
    WORKFLOW: f"""on: pull_request
jobs:
  conformance:
    runs-on: ubuntu-latest
    steps:
      - uses: acme/gaitops/github-actions/conformance@{SHA} # v1.0.0
""".encode(),
    "gait.yaml": json.dumps(
        {"schema_id": "gait.regress.config", "fixtures": [{"name": "pay", "run_id": "r", "runpack": "a.zip"}]}
    ).encode(),
    "fixtures/pay/fixture.json": json.dumps(
        {"schema_id": "gait.regress.fixture", "name": "pay", "runpack": "a.zip", "candidate_runpack": "b.zip"}
    ).encode(),
}
"""Files of a consumer besides its pin."""


@dataclass
class Consumer:
    """A repository to be judged; ``files`` may be edited, links are given apart."""

    files: dict[str, bytes] = field(default_factory=lambda: {**CONFORMING, **pinned_files()})
    repository: str = PAY
    environment: str = "production"
    trust_root: str = field(default_factory=lambda: releases()[0].trust_root)

    def subject(self) -> Subject:
        """The repository as content."""
        snapshot = MemorySnapshot(self.files)
        reading = read_pinned(snapshot, self.trust_root, self.repository)
        return Subject(snapshot, self.repository, self.environment, reading, "c" * 40)

    def required(self, release: int | None = 1) -> Required | None:
        """What a release requires; without one, what the pin says itself."""
        subject = self.subject()
        if release is None:
            return required_by_pin(subject)
        _, first, second, _ = releases()
        return (first if release == 1 else second).required(subject)

    def judge(
        self,
        *,
        release: int | None = 1,
        at: datetime = NOW,
        evidence: EvidenceSummary | None = None,
        waivers: Sequence[WaiverUse] = (),
    ) -> RepositoryResult:
        """The whole result."""
        required = self.required(release)
        if required is not None and waivers:
            required = replace(required, waivers=tuple(waivers))
        context = Context(self.trust_root, at, evidence, None if evidence is None else "ee" * 32)
        return evaluate(self.subject(), required, context)

    def control(
        self,
        control: str,
        *,
        release: int | None = 1,
        at: datetime = NOW,
        evidence: EvidenceSummary | None = None,
    ) -> ControlResult:
        """What one control says."""
        result = self.judge(release=release, at=at, evidence=evidence)
        return next(item for item in result.controls if item.control == control)


def pinned_files() -> dict[str, bytes]:
    """The pin of release 1, under the paths of the repository."""
    return {f".gaitops/{path}": data for path, data in releases()[3].items()}


def digest_of(number: str) -> str:
    """Gait digest of a version."""
    return digest_policy(policy_text(number)).digest or ""


def summary(
    *policies: Mapping[str, object],
    artifacts: Mapping[str, int] | None = None,
    repository: str = PAY,
    end: datetime = NOW,
    trust_root: str | None = None,
) -> EvidenceSummary:
    """An evidence summary with one row."""
    return EvidenceSummary.model_validate(
        {
            "schema": "gaitops.dev/evidence-summary/v1",
            "trustRoot": trust_root or releases()[0].trust_root,
            "generatedAt": format_timestamp(end),
            "window": {"start": format_timestamp(end - 7 * DAY), "end": format_timestamp(end)},
            "repositories": [
                {
                    "repository": repository,
                    "environment": "production",
                    "artifacts": artifacts or {"verified": 3},
                    "policies": list(policies),
                }
            ],
        }
    )


def decided(number: str, at: datetime = NOW - HOUR, **counts: int) -> dict[str, object]:
    """Decisions under a version."""
    return {"gaitPolicyDigest": digest_of(number), "lastAt": format_timestamp(at), **(counts or {"allow": 2})}
