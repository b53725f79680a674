# SPDX-License-Identifier: Apache-2.0
"""Fleets that are too large for one first tree come in after it, in an order in which everything named is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from gaitops.documents.layout import classify
from gaitops.drill import batches
from gaitops.drill.batches import REPOSITORIES, plan
from gaitops.drill.survey import CopiedFile, Survey
from tests.drill.test_runbooks import rehearse, unproven
from tests.simulator import environment_document, policy_document, policy_files, repository_document


def copies(files: dict[str, str]) -> dict[str, CopiedFile]:
    """Files of verified state."""
    return {path: CopiedFile(text.encode(), executable=False) for path, text in files.items()}


def test_small_fleets_come_in_at_once(found: Survey) -> None:
    """What fits into the first tree is the first tree, unchanged."""
    planned = plan(found.files, None)
    assert (planned.first, planned.batches, planned.left_out) == (found.files, (), ())


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Envelopes that hold a few files only."""
    monkeypatch.setattr(batches, "_PAYLOAD", 1_600)


@pytest.mark.usefixtures("tight")
def test_everything_comes_once_and_after_what_it_names(found: Survey) -> None:
    """Settings and organizations first, then people, policies, projects, environments; rules at last."""
    planned = plan(found.files, None)
    assert {classify(path).kind for path in planned.first} == {"Fleet", "Organization"}
    brought = [path for batch in planned.batches for path in batch]
    assert sorted({*brought, *planned.first}) == sorted(found.files)
    assert len(brought) == len(set(brought))
    order = ["Principal", "PolicyVersion", "Repository", "Environment", "ApprovalRule"]
    places = [
        next(
            number
            for number, batch in enumerate(planned.batches)
            if any(classify(p).kind == kind for p in batch)
        )
        for kind in order
    ]
    assert places == sorted(places)
    assert places[-1] > places[-2]


@pytest.mark.usefixtures("tight")
def test_a_policy_gets_channels_and_its_end_after_its_versions() -> None:
    """Versions come oldest first, whole, to a policy that takes them; then the policy is as it was."""
    files: dict[str, str] = {}
    for version in ("1.10.0", "1.9.0", "1.2.0"):
        files.update(policy_files("guard", version, risk=None))
    path = "orgs/acme/policies/guard/policy.yaml"
    files[path] = policy_document("guard", channels={"stable": "1.10.0"})
    planned = plan(copies(files), None)
    with_policy = [batch[path].data for batch in planned.batches if path in batch]
    assert [b"stable" in data for data in with_policy] == [False, True]
    assert with_policy[-1] == files[path].encode()
    versions = [
        classify(name).version for batch in planned.batches for name in batch if name.endswith("version.yaml")
    ]
    assert versions == ["1.2.0", "1.9.0", "1.10.0"]
    assert planned.batches[0].keys() == {path}
    assert planned.batches[-1].keys() == {path}


@pytest.mark.usefixtures("tight")
def test_few_repositories_of_a_project_are_enough() -> None:
    """The consumer's is among them; what can only be brought in as it happened is left out and told."""
    folder = "orgs/acme/projects/pay"
    files = {f"{folder}/repositories/r{n:02}.yaml": repository_document(f"r{n:02}") for n in range(30)}
    files[f"{folder}/environments/production.yaml"] = environment_document(
        "production", "production", {"name": "guard", "version": "1.0.0"}
    )
    files[f"{folder}/rollouts/one.yaml"] = files["evidence/stores/main.yaml"] = "x"
    planned = plan(copies(files), "github.com/acme/r29")
    brought = [path for batch in planned.batches for path in batch if "/repositories/" in path]
    assert [path.rpartition("/")[2] for path in brought] == [
        "r00.yaml",
        "r01.yaml",
        "r02.yaml",
        "r03.yaml",
        "r04.yaml",
        "r29.yaml",
    ]
    assert planned.left_out == (
        "rollouts, waivers and evidence: 2 files, which are history, left out",
        f"repositories beyond {REPOSITORIES} of a project: 24, left out",
    )


def test_a_fleet_that_comes_in_by_batches_is_rehearsed_on(
    found: Survey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Founders bring it in through propose, approve and check, and leave nothing behind."""
    monkeypatch.setattr(batches, "_PAYLOAD", 9_000)
    report = rehearse(found, tmp_path, "rotate-publisher")
    assert unproven(report) == []
    lines = [command.line for command in report.steps[0].commands]
    assert sum(line.startswith("gaitops propose --as drill-founder-1") for line in lines) > 2
    tree = tmp_path / "fleet"
    assert list((tree / "trust").rglob("*founder*")) == []
    assert (tree / "trust/approvals/leads.yaml").is_file()
