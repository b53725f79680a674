# SPDX-License-Identifier: Apache-2.0
"""What the pipelines may do: threat R12 and the rules for running beside strangers' text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from gaitops.scaffold.parameters import FleetParameters
from gaitops.scaffold.repositories import render_fleet, render_publisher

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
    words = (b"secrets", b"github.token", b"id-token", b"environment:", b"CI_JOB_TOKEN")
    pipelines = {path: data for path, data in fleet.items() if path.startswith(".git")}
    assert [(path, word) for path, data in pipelines.items() for word in words if word in data] == []


def test_fleet_repository_grants_no_write_permission(fleet: Mapping[str, bytes]) -> None:
    """R12: the workflow starts from no permission at all, and each job may read contents and nothing else."""
    workflow = _workflow(fleet, FLEET)
    assert workflow["permissions"] == {}
    assert [job["permissions"] for job in workflow["jobs"].values()] == [{"contents": "read"}] * 2


def test_fleet_repository_does_not_publish(fleet: Mapping[str, bytes]) -> None:
    """R12: no pipeline of the fleet repository runs a command that signs."""
    for path in (FLEET, ".gitlab-ci.yml"):
        words = set(re.findall(r"gaitops\"? ([a-z]+)", fleet[path].decode()))
        assert words <= {"check", "validate", "verify"}


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


def test_fleet_workflow_runs_on_the_three_events_and_never_on_a_privileged_one(
    fleet: Mapping[str, bytes],
) -> None:
    """Pull requests, merge groups and main; never ``pull_request_target`` or ``workflow_run``."""
    assert set(_workflow(fleet, FLEET)["on"]) == {"pull_request", "merge_group", "push"}


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
        if "uses:" in line:
            assert re.search(r"uses: actions/checkout@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)
    for step in _steps(_workflow(files, path)):
        if "uses" in step:
            assert step["with"]["persist-credentials"] == "false"


def test_history_is_fetched_whole(fleet: Mapping[str, bytes], publisher: Mapping[str, bytes]) -> None:
    """A shallow clone proves nothing: everything that is verified is cloned with its whole history."""
    clones = [step["with"] for step in _steps(_workflow(fleet, FLEET)) if "uses" in step]
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
    assert b"GAITOPS_TRUST_ROOT: ${{ vars.GAITOPS_TRUST_ROOT }}" in fleet[FLEET]
    assert b"GAITOPS_TRUST_ROOT: ${{ vars.GAITOPS_TRUST_ROOT }}" in publisher[PUBLISHER]
    digest = b"ab" * 32
    assert [path for path, data in {**publisher, **fleet}.items() if digest in data] == ["README.md"]


def test_installed_version_is_exact(fleet: Mapping[str, bytes], publisher: Mapping[str, bytes]) -> None:
    """Both repositories install one exact version, without building anything from source."""
    for files, path in ((fleet, FLEET), (publisher, PUBLISHER)):
        requirements = files[".github/gaitops-requirements.txt"].decode()
        assert [line for line in requirements.splitlines() if not line.startswith("#")] == ["gaitops==0.1.0"]
        assert b"--only-binary :all:" in files[path]
