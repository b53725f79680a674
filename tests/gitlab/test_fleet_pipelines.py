# SPDX-License-Identifier: Apache-2.0
"""The components ``check`` and ``verify`` in a fleet repository on a GitLab server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.attacks.release_tools import RecentWorld, Scene
from tests.gitlab.forge import Forge
from tests.gitlab.pipelines import COMMIT, Pipeline, run
from tests.simulator import policy_files

FLEET, FORK = "acme/fleet", "mallory/fleet"
PROJECT_ID = "1217"
"""What ``gitlab-ci-local`` says of the project in which a pipeline runs."""
ORG = "orgs/acme/org.yaml"


class FleetProject:
    """``acme/fleet`` on a forge, with pipelines that include one component at a commit.

    Attributes:
        world: The fleet; ``topic`` is the branch of the merge request.
        checkout: What the runner has cloned and where its reports lie.
    """

    def __init__(self, forge: Forge, scene: Scene, folder: Path) -> None:
        self._forge = forge
        self.world: RecentWorld = scene.world()
        self.trust_root = f"sha256:{scene.trust_root}"
        self.checkout = folder / "checkout"

    def propose(self) -> None:
        """Somebody who may do so adds a policy."""
        self.world.commit(policy_files("scout", "1.0.0"), by="alice", branch="topic", message="scout")

    def check(self, *, project: str = FLEET, while_pending: str = "fail", **variables: str) -> Pipeline:
        """The merge request pipeline of ``topic`` with the component ``check``."""
        settings = {
            "CI_PIPELINE_SOURCE": "merge_request_event",
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
            "CI_MERGE_REQUEST_PROJECT_ID": PROJECT_ID,
            **variables,
        }
        return self._run("check", project, "topic", settings, {"while-pending": while_pending})

    def verify(self) -> Pipeline:
        """The pipeline of a push to ``main`` with the component ``verify``."""
        return self._run("verify", FLEET, "main", {}, {})

    def _run(
        self, name: str, project: str, branch: str, variables: dict[str, str], inputs: dict[str, str]
    ) -> Pipeline:
        self._forge.project(project, self.world.path)
        clone = self._forge.clone(project, self.checkout, branch)
        component = f"$CI_SERVER_FQDN/acme/gaitops-ci/{name}@{COMMIT}"
        entry = {"component": component, "inputs": {"requirement": "", **inputs}}
        (clone / ".gitlab-ci.yml").write_text(json.dumps({"include": [entry]}))
        return run(clone, {"GAITOPS_TRUST_ROOT": self.trust_root, **variables})

    def entries(self) -> list[dict[str, Any]]:
        """The code quality report."""
        found: list[dict[str, Any]] = json.loads(
            (self.checkout / "gaitops-check.codequality.json").read_bytes()
        )
        return found

    def cases(self) -> dict[str, int]:
        """Counts of the JUnit report."""
        root = ET.parse(self.checkout / "gaitops-check.junit.xml").getroot()  # noqa: S314 - our own output
        return {name: int(root.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}


@pytest.fixture
def fleet(forge: Forge, scene: Scene, tmp_path: Path) -> FleetProject:
    """The fleet of the story as a project."""
    return FleetProject(forge, scene, tmp_path)


def test_missing_approvals_are_pending(fleet: FleetProject) -> None:
    """Without approvals the job ends with 4, says that nothing is wrong, and leaves both reports."""
    fleet.propose()
    pipeline = fleet.check()
    assert pipeline.jobs == {"gaitops-check": ("FAIL", 4)}
    assert "Approvals are missing (pending). Nothing is wrong" in pipeline.log
    assert {entry["severity"] for entry in fleet.entries()} == {"minor"}
    assert fleet.cases() == {"tests": 2, "failures": 0, "errors": 0, "skipped": 2}


def test_missing_approvals_may_be_a_warning(fleet: FleetProject) -> None:
    """With ``while-pending: warn`` the job ends as a warning that does not stop the pipeline."""
    fleet.propose()
    pipeline = fleet.check(while_pending="warn")
    assert pipeline.jobs == {"gaitops-check": ("WARN", 40)}


def test_an_approved_change_passes(fleet: FleetProject) -> None:
    """With the approvals on the branch the job passes and the reports find nothing."""
    fleet.propose()
    fleet.world.approve("topic", "bob")
    pipeline = fleet.check()
    assert pipeline.jobs == {"gaitops-check": ("PASS", 0)}, pipeline.log
    assert fleet.entries() == []
    assert fleet.cases() == {"tests": 2, "failures": 0, "errors": 0, "skipped": 0}


def test_no_setting_makes_a_violation_pass(fleet: FleetProject) -> None:
    """``while-pending: warn`` concerns missing approvals alone; what is wrong stands in both reports."""
    path = "orgs/acme/policies/guard/versions/1.0.0/gait.policy.yaml"
    fleet.world.commit({path: "default_verdict: allow\n"}, by="alice", branch="topic", message="quietly")
    pipeline = fleet.check(while_pending="warn")
    assert pipeline.jobs == {"gaitops-check": ("FAIL", 2)}
    assert {entry["severity"] for entry in fleet.entries()} >= {"critical"}
    assert fleet.cases()["failures"] > 0


def test_without_a_trust_root_nothing_passes(fleet: FleetProject) -> None:
    """The pipeline of a fork has no variables: documents are validated, and the job fails all the same."""
    fleet.propose()
    fleet.world.approve("topic", "bob")
    pipeline = fleet.check(GAITOPS_TRUST_ROOT="")
    assert pipeline.jobs == {"gaitops-check": ("FAIL", 6)}
    assert "Nothing was verified" in pipeline.log
    assert "valid: " in pipeline.log


def test_a_fork_is_judged_against_the_target_project(fleet: FleetProject, forge: Forge) -> None:
    """The ``main`` of the fork that runs the pipeline holds the change already; the target project's counts."""
    forge.project(FLEET, fleet.world.path)
    fleet.propose()
    fleet.world.move("main", fleet.world.head("topic"))
    target = {"CI_MERGE_REQUEST_PROJECT_ID": "1", "CI_MERGE_REQUEST_PROJECT_URL": f"{forge.url}/{FLEET}"}
    pipeline = fleet.check(project=FORK, **target)
    assert pipeline.jobs == {"gaitops-check": ("FAIL", 4)}
    assert "policy.publish: acme/scout@1.0.0" in pipeline.log


def test_names_of_branches_are_not_commands(fleet: FleetProject) -> None:
    """What somebody may choose reaches the shell through variables, and stays text there."""
    fleet.propose()
    hostile = "x$(touch${IFS}pwned);touch${IFS}pwned;`touch${IFS}pwned`"
    pipeline = fleet.check(CI_MERGE_REQUEST_TARGET_BRANCH_NAME=hostile)
    assert pipeline.jobs["gaitops-check"][0] == "FAIL"
    assert not list(fleet.checkout.glob("**/pwned"))


def test_main_is_verified(fleet: FleetProject) -> None:
    """A push to the default branch verifies exactly the pushed commit."""
    pipeline = fleet.verify()
    assert pipeline.jobs == {"gaitops-verify": ("PASS", 0)}, pipeline.log
    assert fleet.world.head()[:12] in pipeline.log


def test_an_unauthorized_commit_on_main_fails(fleet: FleetProject) -> None:
    """What was merged past the check is noticed on the default branch."""
    edited = fleet.world.read(ORG).decode().replace("acme", "Acme", 1)
    fleet.world.commit({ORG: edited}, by="alice", message="quietly")
    pipeline = fleet.verify()
    assert pipeline.jobs == {"gaitops-verify": ("FAIL", 2)}


def test_jobs_wait_for_their_event(fleet: FleetProject) -> None:
    """A push to a branch is not judged: the merge request's pipeline does that."""
    fleet.propose()
    assert fleet.check(CI_PIPELINE_SOURCE="push").jobs == {}
