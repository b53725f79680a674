# SPDX-License-Identifier: Apache-2.0
"""``gaitops evidence summarize``: from tables to what rollout analyses and conformance read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gaitops.documents.models.summary import EvidenceSummary, RepositoryEvidence
from gaitops.documents.summaries import read_summary
from gaitops.documents.times import format_timestamp
from gaitops.evidence.stores import open_store
from gaitops.git.writing import Person, commit_files, init_repository, update_branch
from tests.cli.harness import Invoke, Run
from tests.evidence.table_store import digest, write_tables
from tests.evidence.world import trace
from tests.history.rollouts import Fleet
from tests.simulator import DAY

STRANGER = digest("a policy that no version has")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """A fleet whose rollout is in its second step, where the candidate runs beside the enforced version."""
    fleet = Fleet(tmp_path_factory.mktemp("template") / "fleet")
    fleet.start()
    fleet.wait(1)
    fleet.take("advance")
    fleet.wait(2)
    return fleet


@pytest.fixture
def fleet(template: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """The fleet; commands live in the story's time."""
    fleet = template.copied(tmp_path / "fleet")
    for module in ("opening", "rollout_change", "rollout_delivery"):
        monkeypatch.setattr(f"gaitops.cli.{module}.now", lambda: fleet.world.now)
    return fleet


def gait_digest(fleet: Fleet, version: str) -> str:
    """What Gait prints for a version."""
    path = f"orgs/acme/policies/agents/versions/{version}/version.yaml"
    found: str = json.loads(fleet.world.read(path))["spec"]["gait"]["digest"]
    return found


def decision(
    fleet: Fleet, name: str, number: int, policy: str, decided: str, **members: Any
) -> dict[str, Any]:
    """The decision of one policy on a call; both policies judge the call of one number."""
    place = {"org": "acme", "project": "pay", "team": "pay", "repository": f"github.com/acme/{name}"}
    return trace(
        f"{name} {number} {policy} {members.get('environment')}",
        place,
        policy,
        decided,
        intent_digest=digest(f"call {number}"),
        made_at=fleet.world.now - DAY / 2,
        **{"environment": "dev", **members},
    )


def decisions(fleet: Fleet) -> list[dict[str, Any]]:
    """Twenty calls in each repository of the cohort, of which the candidate blocks one that was allowed."""
    old, new = gait_digest(fleet, "1.0.0"), gait_digest(fleet, "1.1.0")
    cohort = fleet.rollout().status.repositories
    rows = [
        decision(fleet, name, number, policy, "block" if policy == new and number == 0 else "allow")
        for name in cohort
        for number in range(20)
        for policy in (old, new)
    ]
    first = cohort[0]
    long_ago = fleet.world.now - 30 * DAY
    return [
        *rows,
        decision(fleet, first, 90, old, "block", kill_switch="active"),
        decision(fleet, first, 91, STRANGER, "allow"),
        # None of these counts: seen before, proves nothing, too old, too new, and of no place of the fleet.
        decision(fleet, first, 92, old, "block", repeat=True),
        decision(fleet, first, 93, old, "block", verdict="unverifiable"),
        decision(fleet, first, 94, old, "block") | {"made_at": long_ago},
        decision(fleet, first, 95, old, "block") | {"made_at": fleet.world.now},
        decision(fleet, first, 96, old, "block", environment=None),
        decision(fleet, "elsewhere", 97, old, "block"),
    ]


def tables(fleet: Fleet) -> dict[str, list[dict[str, Any]]]:
    """Decisions with their artifacts, and what else the summary counts."""
    cohort = fleet.rollout().status.repositories
    rows = decisions(fleet)
    names = (
        "artifact",
        "kind",
        "org",
        "project",
        "team",
        "repository",
        "environment",
        "made_at",
        "event_key",
    )
    artifacts = [
        {name: row[name] for name in names} | {"verdict": row.get("verdict", "verified"), "duplicate": False}
        for row in rows
    ]
    first = {"repository": f"github.com/acme/{cohort[0]}", "made_at": fleet.world.now - DAY / 4}
    quiet = {"repository": f"github.com/acme/{cohort[1]}"}
    result = {**first, "artifact": digest("regress"), "kind": "regress_result", "verdict": "unsigned"}
    artifacts += [
        result,
        {**first, "artifact": digest("run"), "kind": "runpack", "verdict": "unsigned"},
        {**first, "artifact": digest("audit"), "kind": "approval_audit", "verdict": "unsigned"},
        {**first, "artifact": digest("bad audit"), "kind": "approval_audit", "verdict": "rejected"},
        {**first, "artifact": digest("notes"), "kind": "unknown", "verdict": "rejected"},
        {**first, "artifact": digest("run"), "kind": "runpack", "verdict": "unsigned", "duplicate": True},
        {**quiet, "artifact": digest("old"), "kind": "runpack", "made_at": fleet.world.now - 90 * DAY},
    ]
    grades = (("gold", "pass", True), ("mine", "pass", False), ("ours", "fail", True))
    return {
        "artifacts": artifacts,
        "decisions": rows,
        "regress_results": [
            {**result, "fixture_set": "default", "status": "fail", "fixtures": 3, "failed": 1}
        ],
        "regress_graders": [
            {
                **result,
                "fixture_set": "default",
                "fixture": fixture,
                "grader": "diff",
                "status": status,
                "candidate": candidate,
            }
            for fixture, status, candidate in grades
        ],
    }


class Scene:
    """A fleet with a store, and the command."""

    def __init__(self, fleet: Fleet, store: Path, gaitops: Invoke, *, without: str = "") -> None:
        self.fleet, self.store, self.gaitops = fleet, store, gaitops
        open_store(str(store), create=True).close()
        silent = f"github.com/acme/{without}"
        heard = {
            name: [row for row in rows if row["repository"] != silent] for name, rows in tables(fleet).items()
        }
        write_tables(store / "tables", heard)

    def run(self, out: Path, *arguments: str, since: timedelta = DAY) -> Run:
        """Summarize the last day, or longer."""
        world = self.fleet.world
        return self.gaitops(
            "evidence", "summarize", "--store", self.store, "--fleet-repo", world.path, "--trust-root", world.trust_root,
            "--since", format_timestamp(world.now - since), "--out", out, *arguments,
        )  # fmt: skip

    def summary(self, out: Path) -> EvidenceSummary:
        """What the command writes, read as strictly as everybody reads it."""
        run = self.run(out, "--json")
        assert run.code == 0, run.err
        return read_summary(out.read_bytes(), str(out))


@pytest.fixture
def scene(fleet: Fleet, tmp_path: Path, gaitops: Invoke) -> Scene:
    """The store of the fleet."""
    return Scene(fleet, tmp_path / "store", gaitops)


def by_name(summary: EvidenceSummary) -> Mapping[str, RepositoryEvidence]:
    """Rows by repository name."""
    return {row.repository.rpartition("/")[2]: row for row in summary.repositories}


def test_what_a_summary_counts(scene: Scene, tmp_path: Path) -> None:
    """Proven decisions of the window by policy, comparisons, artifacts by verdict, fixtures, kill switch stops."""
    summary = scene.summary(tmp_path / "summary.json")
    old, new = (gait_digest(scene.fleet, version) for version in ("1.0.0", "1.1.0"))
    first, second, *_ = scene.fleet.rollout().status.repositories
    row = by_name(summary)[first]
    assert {item.gait_policy_digest: (item.allow, item.block) for item in row.policies} == {
        old: (20, 1),
        new: (19, 1),
        STRANGER: (1, 0),
    }
    compared = {
        (item.enforced, item.candidate): (item.both, item.unexpected_blocks) for item in row.comparisons
    }
    assert compared == {(old, new): (20, 1), (new, old): (20, 0)}
    assert row.kill_switch_activations == 1
    regress = row.regress
    assert (regress.results, regress.fixtures, regress.passed, regress.vacuous) == (1, 3, 2, 1)
    counts = row.artifacts
    assert (counts.verified, counts.unsigned, counts.unverifiable, counts.rejected) == (44, 1, 1, 1)
    assert row.last_evidence_at == format_timestamp(scene.fleet.world.now - DAY / 4)
    assert by_name(summary)[second].artifacts.total == 40


def test_silence_is_told_from_ignorance(fleet: Fleet, tmp_path: Path, gaitops: Invoke) -> None:
    """A repository that was heard of before the window has zeros, one that nobody heard of has no row."""
    scene = Scene(fleet, tmp_path / "store", gaitops)
    cohort = fleet.rollout().status.repositories
    out = tmp_path / "late.json"
    run = scene.run(out, "--until", format_timestamp(fleet.world.now - DAY * 20), "--json", since=21 * DAY)
    rows = by_name(read_summary(out.read_bytes(), "late"))
    assert run.json["places"] == 4
    assert run.json["heard_of"] == len(rows) == len(cohort)
    assert all(row.artifacts.total == 0 and row.policies == () for row in rows.values())


def test_what_belongs_nowhere_is_said(scene: Scene, tmp_path: Path) -> None:
    """Decisions without an environment or of a strange repository are in no row, and counted beside them."""
    found = scene.run(tmp_path / "one.json", "--json").json
    assert found["unplaced"] == {"decisions": 2, "artifacts": 1}
    text = scene.run(tmp_path / "two.json").out
    assert "2 decisions and 1 artifacts of no place" in text


def test_the_same_store_gives_the_same_bytes(scene: Scene, tmp_path: Path) -> None:
    """Twice the same window at the same time; a file that exists is refused."""
    runs = [scene.run(tmp_path / name, "--json") for name in ("one.json", "two.json")]
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert runs[0].json["sha256"] == runs[1].json["sha256"]
    again = scene.run(tmp_path / "one.json", "--json")
    assert (again.code, again.codes) == (8, ["input.exists"])


def test_a_rollout_is_analysed_from_it(scene: Scene, tmp_path: Path) -> None:
    """``rollout analyze`` measures the step from the file, and its gate succeeds."""
    out = tmp_path / "summary.json"
    scene.summary(out)
    world = scene.fleet.world
    key = tmp_path / "ana.pem"
    key.write_bytes(world.actor("ana").private_pem)
    key.chmod(0o600)
    run = scene.gaitops(
        "rollout", "analyze", "acme/pay/tighten", "--repo", world.path, "--trust-root", world.trust_root, "--evidence", out,
        "--as", "ana", "--key", key, "--out", tmp_path / "analyses", "--json",
    )  # fmt: skip
    assert run.code == 0, run.err
    (analysis,) = run.json["analyses"]
    metrics = {item["metric"]: item["value"] for item in analysis["metrics"]}
    assert analysis["outcome"] == "success"
    assert metrics["block_rate_delta"] == pytest.approx(1 / 20, abs=0.02)


def test_conformance_reads_it(fleet: Fleet, tmp_path: Path, gaitops: Invoke) -> None:
    """The controls of evidence of one repository, and of the whole fleet, answer from the file that was written."""
    world, cohort = fleet.world, fleet.rollout().status.repositories
    silent = cohort[-1]
    scene = Scene(fleet, tmp_path / "store", gaitops, without=silent)
    out = tmp_path / "summary.json"
    scene.summary(out)
    required = ("--fleet-repo", world.path, "--trust-root", world.trust_root)
    wanted = ("evidence.recent", "evidence.verifiable")
    expected = {
        cohort[0]: ("pass", "fail"),
        cohort[1]: ("pass", "pass"),
        silent: ("insufficient_data", "insufficient_data"),
    }
    mirror = init_repository(tmp_path / "mirror.git", bare=True)
    commit = commit_files(
        mirror, None, {"README": b""}, message="x", author=Person("c", "c@example.com"), when=1
    )
    update_branch(mirror, "main", commit, None)
    rows = [{"repository": f"github.com/acme/{name}", "path": "mirror.git"} for name in expected]
    (tmp_path / "mirrors.yaml").write_text(json.dumps(rows))
    survey = scene.gaitops(
        "fleet", "conformance", *required, "--manifest", tmp_path / "mirrors.yaml", "--evidence", out,
        *(word for name in wanted for word in ("--control", name)), "--jobs", "1", "--json",
    )  # fmt: skip
    assert survey.code == 3, survey.err
    for name, outcomes in expected.items():
        repository = f"github.com/acme/{name}"
        one = scene.gaitops(
            "conformance", "--repo", tmp_path / "mirror.git", "--rev", "main", "--repository", repository,
            "--environment", "dev", *required, "--evidence", out, "--json",
        )  # fmt: skip
        (result,) = one.json["results"]
        found = {item["control"]: item for item in result["controls"]}
        assert tuple(found[control]["outcome"] for control in wanted) == outcomes, name
        (place,) = [row for row in survey.json["places"] if row["repository"] == repository]
        told = {item["control"]: item["outcome"] for item in place["findings"]}
        assert tuple(told.get(control, "pass") for control in wanted) == outcomes, name
        if name == cohort[0]:
            assert (
                "1 unsigned, 1 signed by an unknown key, 1 rejected" in found["evidence.verifiable"]["reason"]
            )


def test_a_window_that_ends_before_it_starts(scene: Scene, tmp_path: Path) -> None:
    """A usage error, before anything is opened."""
    moment: datetime = scene.fleet.world.now - 2 * DAY
    run = scene.run(tmp_path / "x.json", "--until", format_timestamp(moment), "--json")
    assert (run.code, run.codes) == (6, ["cli.usage"])
