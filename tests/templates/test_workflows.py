# SPDX-License-Identifier: Apache-2.0
"""What the pipelines may do: threat R12 and the rules for running beside strangers' text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from gaitops.scaffold.parameters import FleetParameters
from gaitops.scaffold.repositories import render_fleet, render_publisher

ROOT = Path(__file__).resolve().parents[2]
FLEET, PUBLISHER = ".github/workflows/gaitops.yml", ".github/workflows/publish.yml"


@pytest.fixture
def fleet(parameters: FleetParameters) -> Mapping[str, bytes]:
    """The rendered fleet repository."""
    return render_fleet(parameters)


@pytest.fixture
def publisher(parameters: FleetParameters) -> Mapping[str, bytes]:
    """The rendered publisher repository."""
    return render_publisher(parameters)


def _workflow(files: Mapping[str, bytes], path: str) -> dict[str, Any]:
    document = yaml.load(files[path], Loader=yaml.BaseLoader)  # BaseLoader: `on` stays a text  # noqa: S506
    assert isinstance(document, dict)
    return document


def _steps(workflow: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job["steps"]


def test_fleet_repository_holds_no_credential(fleet: Mapping[str, bytes]) -> None:
    """R12: a push that edits the fleet's pipelines finds no secret, no token, no identity and no environment."""
    words = (b"secrets.", b"id-token", b"environment:", b"CI_JOB_TOKEN")
    pipelines = {path: data for path, data in fleet.items() if path in (FLEET, ".gitlab-ci.yml")}
    assert [(path, word) for path, data in pipelines.items() for word in words if word in data] == []


def test_fleet_repository_writes_nothing_but_a_status(fleet: Mapping[str, bytes]) -> None:
    """R12: from no permission at all, jobs may read contents, and one may set the status that people wait for."""
    workflow = _workflow(fleet, FLEET)
    assert workflow["permissions"] == {}
    permissions = {name: job["permissions"] for name, job in workflow["jobs"].items()}
    assert permissions == {
        "check": {"contents": "read", "statuses": "write"},
        "verify": {"contents": "read"},
    }
    tokens = [value for step in _steps(workflow) for value in step["with"].values() if "token" in value]
    assert tokens == ["${{ github.token }}"]


def test_fleet_repository_does_not_publish(fleet: Mapping[str, bytes]) -> None:
    """R12: no pipeline of the fleet repository runs a command that signs."""
    words = set(re.findall(r"gaitops\"? ([a-z]+)", fleet[".gitlab-ci.yml"].decode()))
    assert words <= {"check", "validate", "verify"}
    assert set(re.findall(r"uses: \./(\S+)", fleet[FLEET].decode())) == {
        ".github/actions/check",
        ".github/actions/verify",
    }


def test_only_the_publishing_environment_sees_the_key(publisher: Mapping[str, bytes]) -> None:
    """The key reaches one step of one job, which is bound to a protected environment and to main."""
    workflow = _workflow(publisher, PUBLISHER)
    (job,) = workflow["jobs"].values()
    assert job["environment"] == "publishing"
    assert "github.ref == 'refs/heads/main'" in job["if"]
    assert job["permissions"] == {"contents": "write"}
    assert workflow["permissions"] == {}
    holders = [step["name"] for step in job["steps"] if "GAITOPS_KEY_PEM" in str(step.get("env"))]
    assert holders == ["Verify and sign"]
    assert "GAITOPS_KEY_PEM" not in str(job["env"])


def test_publisher_is_never_triggered_by_strangers(publisher: Mapping[str, bytes]) -> None:
    """The signing workflow runs on a schedule or by hand, never for a pull request, a comment or a push."""
    assert set(_workflow(publisher, PUBLISHER)["on"]) == {"schedule", "workflow_dispatch"}


def test_a_change_does_not_bring_the_workflow_that_judges_it(fleet: Mapping[str, bytes]) -> None:
    """For pull requests the workflow, its actions and requirements are those of main, and nothing else is checked out."""
    workflow = _workflow(fleet, FLEET)
    assert workflow["on"] == {
        "pull_request_target": {"branches": ["main"]},
        "merge_group": "",
        "push": {"branches": ["main"]},
    }
    checkout, check = workflow["jobs"]["check"]["steps"]
    assert checkout["with"]["ref"] == (
        "${{ github.event.merge_group.base_sha || github.event.repository.default_branch }}"
    )
    assert "pull_request" not in str(workflow["jobs"]["check"])
    assert check["with"]["trust-root"] == "${{ vars.GAITOPS_TRUST_ROOT }}"


def test_workflows_use_actions_as_they_are_declared(fleet: Mapping[str, bytes]) -> None:
    """Every input that the workflow sets exists in the action that lies beside it."""
    for step in _steps(_workflow(fleet, FLEET)):
        if step["uses"].startswith("./"):
            action = yaml.safe_load(fleet[f"{step['uses'][2:]}/action.yml"])
            assert step["with"].keys() <= action["inputs"].keys()


def test_fleet_carries_the_actions_of_this_version(fleet: Mapping[str, bytes]) -> None:
    """Each file is the one in ``github-actions/``, and all that they refer to is there."""
    found = {path: data for path, data in fleet.items() if path.startswith(".github/actions/")}
    for path, data in found.items():
        assert (ROOT / path.replace(".github/actions", "github-actions")).read_bytes() == data
    for data in found.values():
        for name in re.findall(r"\.\./lib/(\S+\.(?:py|sh))", data.decode()):
            assert f".github/actions/lib/{name}" in found
        for name in re.findall(r"^import (forge|program|workflow)$", data.decode(), re.MULTILINE):
            assert f".github/actions/lib/{name}.py" in found


@pytest.mark.parametrize("path", [FLEET, PUBLISHER])
def test_no_expression_reaches_a_shell(
    path: str, fleet: Mapping[str, bytes], publisher: Mapping[str, bytes]
) -> None:
    """Text from outside comes to ``run`` through the environment only."""
    for step in _steps(_workflow(fleet if path == FLEET else publisher, path)):
        assert "${{" not in step.get("run", "")


@pytest.mark.parametrize("path", [FLEET, PUBLISHER])
def test_actions_are_pinned_by_commit(
    path: str, fleet: Mapping[str, bytes], publisher: Mapping[str, bytes]
) -> None:
    """Every action is named by a full commit id with its version beside it, and leaves no credential behind."""
    files = fleet if path == FLEET else publisher
    for line in files[path].decode().splitlines():
        if " uses: " in line and " uses: ./" not in line:
            assert re.search(r"uses: actions/checkout@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)
    for step in _steps(_workflow(files, path)):
        if step.get("uses", "").startswith("actions/"):
            assert step["with"]["persist-credentials"] == "false"


def test_history_is_fetched_whole(fleet: Mapping[str, bytes], publisher: Mapping[str, bytes]) -> None:
    """A shallow clone proves nothing: everything that is verified is cloned with its whole history."""
    clones = [step["with"] for step in _steps(_workflow(fleet, FLEET)) if "actions/checkout" in step["uses"]]
    clones += [
        step["with"] for step in _steps(_workflow(publisher, PUBLISHER)) if "the fleet" in step["name"]
    ]
    assert [clone["fetch-depth"] for clone in clones] == ["0"] * 3
    gitlab = _workflow(fleet, ".gitlab-ci.yml")
    assert gitlab[".gaitops"]["variables"] == {"GIT_STRATEGY": "clone", "GIT_DEPTH": "0"}


@pytest.mark.parametrize("path", [FLEET, PUBLISHER])
def test_jobs_end(path: str, fleet: Mapping[str, bytes], publisher: Mapping[str, bytes]) -> None:
    """Every job has a time limit, and runs of one kind wait for or replace each other."""
    workflow = _workflow(fleet if path == FLEET else publisher, path)
    assert workflow["concurrency"]["group"]
    assert all(int(job["timeout-minutes"]) <= 30 for job in workflow["jobs"].values())


def test_trust_root_comes_from_the_settings(
    fleet: Mapping[str, bytes], publisher: Mapping[str, bytes]
) -> None:
    """Pipelines take the trust root from a variable of the forge; no file they read holds its digest."""
    assert fleet[FLEET].count(b"trust-root: ${{ vars.GAITOPS_TRUST_ROOT }}") == 2
    assert b"GAITOPS_TRUST_ROOT: ${{ vars.GAITOPS_TRUST_ROOT }}" in publisher[PUBLISHER]
    digest = b"ab" * 32
    assert [path for path, data in {**publisher, **fleet}.items() if digest in data] == ["README.md"]


def test_installed_version_is_exact(fleet: Mapping[str, bytes], publisher: Mapping[str, bytes]) -> None:
    """Both repositories install one exact version, without building anything from source."""
    for files, path in ((fleet, FLEET), (publisher, PUBLISHER)):
        requirements = files[".github/gaitops-requirements.txt"].decode()
        assert [line for line in requirements.splitlines() if not line.startswith("#")] == ["gaitops==0.1.0"]
        script = files.get(".github/actions/lib/install.sh", files[path])
        assert b"--only-binary :all:" in script
