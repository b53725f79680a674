# SPDX-License-Identifier: Apache-2.0
"""The actions ``conformance`` and ``deploy-gate``: what a consumer repository asks before it merges and deploys."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.actions.conftest import VERSION, context, surroundings
from tests.actions.runner import Job, Outcome
from tests.attacks.release_tools import CHECKOUT, Scene, scene, story
from tests.simulator import Actor, document

__all__ = ["scene", "story"]
GATE = "orgs/acme/projects/pay/gates/production.yaml"


class Consumer:
    """A working folder that pinned the first of two releases, with a clone of the fleet beside it."""

    def __init__(self, scene: Scene, installed: Path, folder: Path) -> None:
        self.scene = scene
        self.workspace, self.temp = scene / "pinned", folder / "temp"
        self.temp.mkdir()
        for item in installed.glob("gaitops-*"):
            (self.temp / item.name).symlink_to(item)
        self.job = Job(self.workspace, self.temp, context(), surroundings(folder / "home"))
        who = ("-c", "user.name=x", "-c", "user.email=x@example.com")
        for words in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "pin")):
            subprocess.run(["git", "-C", str(self.workspace), *who, *words], check=True)

    def run(self, action: str, **inputs: str) -> Outcome:
        root = f"sha256:{self.scene.trust_root}"
        return self.job.run(action, **{"version": VERSION, "trust_root": root, **inputs})

    def conformance(self, **inputs: str) -> Outcome:
        return self.run("conformance", **{"repository": CHECKOUT, "environment": "production", **inputs})

    def gate(self, **inputs: str) -> Outcome:
        given = {"repository": CHECKOUT, "environment": "production", "fleet": str(self.scene / "fleet")}
        return self.run("deploy-gate", **{**given, **inputs})


@pytest.fixture
def consumer(scene: Scene, installed: Path, tmp_path: Path) -> Consumer:
    """A repository that is one release behind."""
    return Consumer(scene, installed, tmp_path)


def report(done: Outcome) -> Any:
    return json.loads(Path(done.outputs["report"]).read_text())


def test_a_pin_of_another_repository(consumer: Consumer) -> None:
    """Unless it is told otherwise, the action judges the repository that the workflow runs in, not what the pin says."""
    done = consumer.conformance(repository="", release=str(consumer.scene / "two"))
    assert done.code == 3
    assert "github.test/acme/fleet" in done.summary


def test_not_conformant(consumer: Consumer) -> None:
    """A repository without the checks that its fleet asks for ends with 3 and tells each control, in every form."""
    done = consumer.conformance(release=str(consumer.scene / "two"))
    assert (done.code, done.outputs["verdict"], done.outputs["exit-code"]) == (3, "non-conformant", "3")
    assert done.annotations[-1].title == "Not conformant"
    assert "production" in done.summary
    assert json.loads(Path(done.outputs["sarif"]).read_text())["version"] == "2.1.0"
    assert Path(done.outputs["junit"]).read_text().startswith("<?xml")
    assert report(done)["schema"].endswith("/conformance.schema.json")
    assert done.outputs["vsa"] == ""


def test_report_only(consumer: Consumer) -> None:
    """To see where one stands before the check is required."""
    done = consumer.conformance(report_only="true")
    assert (done.code, done.outputs["verdict"]) == (0, "non-conformant")


def test_signed_statement(consumer: Consumer) -> None:
    """With a key the outcome is a signed statement about a commit."""
    key = consumer.scene / "ci.pem"
    key.write_bytes(Actor("ci").private_pem)
    key.chmod(0o600)
    done = consumer.conformance(release=str(consumer.scene / "two"), key=f"file:{key}", report_only="true")
    assert done.code == 0, done.log
    assert "payloadType" in json.loads(Path(done.outputs["vsa"]).read_text())


def test_what_cannot_be_judged(consumer: Consumer) -> None:
    """What is no release gives no verdict, and ``report-only`` does not hide that."""
    done = consumer.conformance(release=str(consumer.scene / "fleet"), report_only="true")
    assert done.code != 0
    assert done.outputs["verdict"] == "error"


def test_upload(consumer: Consumer) -> None:
    """Code scanning gets the findings of a repository that is not conformant."""
    ((action, given),) = consumer.conformance(upload_sarif="true").used
    assert action.startswith("github/codeql-action/upload-sarif@")
    assert given["category"] == "gaitops-conformance"


def test_open_gate(consumer: Consumer) -> None:
    """Where no gate guards the environment the deployment may go on, and the summary says why."""
    done = consumer.gate()
    assert (done.code, done.outputs["verdict"]) == (0, "open"), done.log
    assert "no gate" in done.summary.lower()


def test_closed_gate(consumer: Consumer) -> None:
    """A gate that asks for conformance stops a repository that is behind, with the reasons."""
    spec = {"environments": ["production"], "require": {"conformance": {"allowWaived": True}}}
    gate = document("DeploymentGate", "production", spec, org="acme", project="pay")
    consumer.scene.world().land({GATE: gate}, by="alice", approvers=["bob", "carol"])
    done = consumer.gate()
    assert (done.code, done.outputs["verdict"], done.outputs["exit-code"]) == (3, "closed", "3"), done.log
    assert done.annotations[-1].title == "Deployment gate closed"
    assert report(done)["schema"].endswith("/gate-deploy.schema.json")


@pytest.mark.parametrize("inputs", [{"environment": ""}, {"trust_root": ""}, {"repository": ""}])
def test_missing_inputs(consumer: Consumer, inputs: dict[str, str]) -> None:
    """An input that GitHub passes empty is missing."""
    done = consumer.gate(**inputs)
    assert (done.code, done.annotations[0].title) == (6, "Missing input")


def test_fleet_that_is_not_there(consumer: Consumer) -> None:
    """No verdict is an error and not an open gate."""
    done = consumer.gate(fleet="nowhere")
    assert (done.code, done.outputs["verdict"]) == (6, "error")


def test_required_signatures(consumer: Consumer) -> None:
    """Keyless signatures that the pin does not have fail the control, whatever the keys say; the gate asks alike."""
    done = consumer.conformance(require="keyless")
    assert done.code == 2, done.log
    (result,) = report(done)["results"]
    assert result["require"] == "keyless"
    outcomes = {item["control"]: item for item in result["controls"]}
    assert outcomes["pin.verifies"]["outcome"] == "fail"
    assert "pin.keyless_missing" in outcomes["pin.verifies"]["reason"]
    assert consumer.gate(require="everything").code == 6
