# SPDX-License-Identifier: Apache-2.0
"""A consumer repository with the pipeline that ``gaitops pin init --ci gitlab`` writes, and the deployment gate."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.attacks.release_tools import CHECKOUT, Scene, mirror
from tests.gitlab.consumers import Consumer
from tests.gitlab.forge import Forge, git
from tests.gitlab.pipelines import Pipeline
from tests.simulator import document

POLICY = ".gaitops/production/enforced/gait.policy.yaml"
FLEET, GATE = "acme/fleet", "orgs/acme/projects/pay/gates/conformant.yaml"
JOB = "gaitops-conformance"
FIXTURES: dict[str, Any] = {
    "gait.yaml": {
        "schema_id": "gait.regress.config",
        "fixtures": [{"name": "pay", "run_id": "r", "runpack": "a.zip"}],
    },
    "fixtures/pay/fixture.json": {"name": "pay", "runpack": "a.zip", "candidate_runpack": "b.zip"},
}
"""A regress fixture of Gait that compares something."""


def _entries(consumer: Consumer) -> dict[str, dict[str, Any]]:
    """The code quality report, by rule."""
    found = json.loads((consumer.checkout / "gaitops-conformance.codequality.json").read_bytes())
    return {entry["check_name"]: entry for entry in found}


def _failures(consumer: Consumer) -> int:
    root = ET.parse(consumer.checkout / "gaitops-conformance.junit.xml").getroot()  # noqa: S314 - our own output
    return int(root.attrib["failures"])


@pytest.fixture
def unconfigured(forge: Forge, scene: Scene, tmp_path: Path) -> Consumer:
    """A consumer repository with a pin and nothing else."""
    return Consumer(forge, scene, tmp_path)


@pytest.fixture
def consumer(unconfigured: Consumer) -> Iterator[Consumer]:
    """A consumer repository that follows the release from which it was pinned."""
    for path, value in FIXTURES.items():
        file = unconfigured.work / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(value))
    with mirror(unconfigured.scene / "one") as web:
        unconfigured.configure(web)
        yield unconfigured


def test_what_pin_init_writes_is_conformant(consumer: Consumer) -> None:
    """On ``main`` conformance alone runs, passes, and leaves both reports."""
    pipeline = consumer.pipeline()
    assert pipeline.jobs == {JOB: ("PASS", 0)}, pipeline.log
    assert "pin verified" in pipeline.log
    assert _failures(consumer) == 0
    assert "critical" not in {entry["severity"] for entry in _entries(consumer).values()}


def test_what_a_merge_request_breaks_stands_in_its_reports(consumer: Consumer) -> None:
    """A change that leads Gait to another policy fails with 3, and the finding is shown in the file."""
    (consumer.work / "lax.yaml").write_text("default_verdict: allow\n")
    (consumer.work / ".gait/config.yaml").write_text("gate:\n  policy: lax.yaml\n")
    consumer.push("relax", "topic")
    pipeline = consumer.merge_request("topic")
    assert pipeline.jobs == {JOB: ("FAIL", 3)}, pipeline.log
    assert _entries(consumer)["gait.config"]["location"]["path"] == ".gait/config.yaml"
    assert _entries(consumer)["gait.config"]["severity"] == "critical"
    assert _failures(consumer) == 1


def test_an_edited_pin_does_not_verify(consumer: Consumer) -> None:
    """One changed byte of a pinned policy ends the job with 2, before any remedy is discussed."""
    policy = consumer.work / POLICY
    policy.write_text(policy.read_text() + "# nothing\n")
    consumer.push("tidy up", "topic")
    assert consumer.merge_request("topic").jobs == {JOB: ("FAIL", 2)}


def test_a_merge_request_cannot_go_back(consumer: Consumer) -> None:
    """A pin of an older release than the target branch's is refused, though every byte of it verifies (R11)."""
    consumer.push("old", "topic")
    assert consumer.scene.update(consumer.scene / "two").code == 0
    consumer.push("new")
    pipeline = consumer.merge_request("topic")
    assert pipeline.jobs[JOB][0] == "FAIL"
    assert "release.rollback" in pipeline.log


def test_the_first_pin_has_nothing_to_be_compared_with(unconfigured: Consumer) -> None:
    """A merge request that brings the pin verifies it, although the target branch has none."""
    git("-C", str(unconfigured.work), "rm", "-r", "--quiet", "--cached", ".gaitops")
    git("-C", str(unconfigured.work), "commit", "--quiet", "--amend", "--message", "empty", "--allow-empty")
    git("-C", str(unconfigured.work), "push", "--quiet", "--force", str(unconfigured.bare), "main")
    with mirror(unconfigured.scene / "one") as web:
        unconfigured.configure(web)
        git("-C", str(unconfigured.work), "push", "--quiet", str(unconfigured.bare), "main:topic")
        git("-C", str(unconfigured.work), "push", "--quiet", "--force", str(unconfigured.bare), "main~1:main")
        pipeline = unconfigured.merge_request("topic")
    assert "pin verified" in pipeline.log


def test_without_a_trust_root_nothing_passes(consumer: Consumer) -> None:
    """The pipeline of a fork has no variables, and says so."""
    pipeline = consumer.pipeline(GAITOPS_TRUST_ROOT="")
    assert pipeline.jobs == {JOB: ("FAIL", 6)}
    assert "Nothing was verified" in pipeline.log


# -- deployment gate -------------------------------------------------------------------------------------------


class Gate:
    """``acme/checkout`` with the component ``deploy-gate``, and ``acme/fleet`` that it asks."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self.world = consumer.scene.world()
        consumer.include("deploy-gate", fleet=FLEET, environment="production", repository=CHECKOUT)

    def pipeline(self, **variables: str) -> Pipeline:
        """The pipeline of a push to ``main``."""
        self._consumer.forge.project(FLEET, self.world.path)
        return self._consumer.pipeline(**variables)


@pytest.fixture
def gate(unconfigured: Consumer) -> Gate:
    """A deployment of a repository that is behind."""
    return Gate(unconfigured)


def test_open_gate(gate: Gate) -> None:
    """Where nothing guards the environment the deployment may go on."""
    pipeline = gate.pipeline()
    assert pipeline.jobs == {"gaitops-deploy-gate": ("PASS", 0)}, pipeline.log


def test_closed_gate(gate: Gate) -> None:
    """A gate of the fleet that asks for conformance stops a repository that is behind, with the reasons."""
    spec = {"environments": ["production"], "require": {"conformance": {"allowWaived": True}}}
    written = document("DeploymentGate", "conformant", spec, org="acme", project="pay")
    gate.world.land({GATE: written}, by="alice", approvers=["bob", "carol"])
    pipeline = gate.pipeline()
    assert pipeline.jobs == {"gaitops-deploy-gate": ("FAIL", 3)}, pipeline.log


def test_a_gate_that_cannot_be_asked_is_closed(gate: Gate) -> None:
    """Without a trust root there is no answer, and no answer is no."""
    assert gate.pipeline(GAITOPS_TRUST_ROOT="").jobs["gaitops-deploy-gate"][0] == "FAIL"
