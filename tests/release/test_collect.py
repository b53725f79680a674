# SPDX-License-Identifier: Apache-2.0
"""A release of a fleet with a rollout under way, from verified history to signed statements."""

from __future__ import annotations

from pathlib import Path

from gaitops.release.collect import collect
from gaitops.release.content import ReleaseContent
from gaitops.release.layout import assignments_statement, version_folder
from gaitops.release.publish import publish
from gaitops.release.sources import DirectorySource
from gaitops.release.statement import AssignmentsPredicate, read_statement
from gaitops.release.verify import VerifiedRelease, verify_release
from tests.history.rollouts import Fleet

PLACE = ("acme", "pay")
CANDIDATE = version_folder("acme", "agents", "1.1.0") + "/gait.policy.yaml"


def _collected(fleet: Fleet) -> ReleaseContent:
    with fleet.world.history() as history:
        return collect(history)


def _published(fleet: Fleet, out: Path) -> VerifiedRelease:
    world = fleet.world
    content = _collected(fleet)
    publish(content, [world.publisher.signer], out, previous=None, first=True, now=world.now)
    return verify_release(DirectorySource(out), world.trust_root, world.now)


def _stated(release: VerifiedRelease, repository: str) -> tuple[str, str | None, str]:
    path = assignments_statement(*PLACE, f"github.com/acme/{repository}")
    _, said = read_statement(release.read_target(path), AssignmentsPredicate, release.root, path)
    (row,) = said.environments
    return str(row.enforced), None if row.candidate is None else str(row.candidate), row.mode


def test_candidates_are_published(tmp_path: Path) -> None:
    """Statements carry enforced and candidate version with the mode, and the candidate's files are targets."""
    fleet = Fleet(tmp_path / "fleet")
    fleet.start()
    (project,) = _collected(fleet).orgs[0].projects
    reached = [row for row in project.assignments if row.candidate is not None]
    assert {(row.mode, row.enforced.version) for row in reached} == {("observe", "1.0.0")}
    assert len(reached) == 2
    release = _published(fleet, tmp_path / "out")
    stated = [_stated(release, f"r{number}") for number in range(4)]
    assert stated.count(("acme/agents@1.0.0", None, "enforce")) == 2
    assert stated.count(("acme/agents@1.0.0", "acme/agents@1.1.0", "observe")) == 2
    versions = {(row.candidate.version, row.candidate.digest) for row in reached if row.candidate is not None}
    digests = {item.ref.version: item.ref.digest for item in _collected(fleet).orgs[0].versions}
    assert versions == {("1.1.0", digests["1.1.0"])}
    assert release.read_target(CANDIDATE) == fleet.world.read(CANDIDATE)


def test_after_the_rollout_nothing_is_a_candidate(tmp_path: Path) -> None:
    """What a rollout has put in force is enforced, without candidate and without another mode."""
    fleet = Fleet(tmp_path / "fleet")
    step = {"name": "all", "mode": "enforce", "percent": 100, "environments": ["dev"]}
    fleet.start(steps=[step], gates=[])
    release = _published(fleet, tmp_path / "out")
    assert {_stated(release, f"r{number}") for number in range(4)} == {("acme/agents@1.1.0", None, "enforce")}
