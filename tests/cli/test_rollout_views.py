# SPDX-License-Identifier: Apache-2.0
"""``gaitops rollout plan``, ``status`` and ``analyze``: what would happen, what happens, and what the evidence says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from gaitops.documents.times import format_timestamp
from tests.cli.harness import Invoke, Run
from tests.history.rollouts import BAD, PATH, Fleet, plan, rollout_document
from tests.simulator import DAY


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """Built once."""
    return Fleet(tmp_path_factory.mktemp("template") / "fleet")


@pytest.fixture
def fleet(template: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """A fleet without a rollout; commands live in the story's time."""
    fleet = template.copied(tmp_path / "fleet")
    for module in ("opening", "rollout_change", "rollout_delivery"):
        monkeypatch.setattr(f"gaitops.cli.{module}.now", lambda: fleet.world.now)
    for part in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{part}_NAME", "rosa")
        monkeypatch.setenv(f"GIT_{part}_EMAIL", "rosa@example.com")
    return fleet


@pytest.fixture
def rollout(fleet: Fleet, gaitops: Invoke) -> Invoke:
    """``rollout("status", …)`` in the fleet of the story."""

    def run(*arguments: str | Path, stdin: str | None = None) -> Run:
        verb, *rest = arguments
        options = ("--repo", fleet.world.path, "--trust-root", fleet.world.trust_root)
        return gaitops("rollout", verb, *rest, *options, stdin=stdin)

    return run


NAME = "acme/pay/tighten"

# -- plan ---------------------------------------------------------------------------------------------------------


def test_a_plan_shows_every_step(fleet: Fleet, rollout: Invoke, tmp_path: Path) -> None:
    """Who enters when, what the start needs and who may give it, before anything is committed."""
    file = tmp_path / "draft.yaml"
    file.write_text(rollout_document(plan()), encoding="utf-8")
    found = rollout("plan", NAME, "--file", file, "--json").json
    assert [step["name"] for step in found["steps"]] == ["watch", "canary", "half", "all"]
    assert [len(step["enter"]) for step in found["steps"]] == [2, 2, 2, 2]
    assert found["steps"][3]["enter"][0]["before"] is None
    assert found["earliestCompletion"] == format_timestamp(fleet.world.now + 4 * DAY)
    (need,) = found["approval"]
    assert (need["operation"], need["requirement"]["quorum"]) == ("rollout.start", 1)
    assert need["maySign"] == ["alice", "bob", "carol"]
    text = rollout("plan", NAME, "--file", file)
    assert text.code == 0
    assert max(map(len, text.out.splitlines())) <= 100
    assert "gaitops rollout start acme/pay/tighten" in text.out
    page = rollout("plan", NAME, "--file", file, "--format", "markdown").out
    assert all(f"`r{number}`" in page for number in range(4))


def test_a_plan_that_cannot_start(fleet: Fleet, rollout: Invoke, tmp_path: Path) -> None:
    """Exit code 3, with every reason."""
    file = tmp_path / "draft.yaml"
    file.write_text(rollout_document(plan(limits={"maxRepositoriesPerStep": 1})), encoding="utf-8")
    run = rollout("plan", NAME, "--file", file, "--json")
    assert run.code == 3
    assert {item["code"] for item in run.json["problems"]} == {"rollout.blast_radius"}
    assert "rollout.blast_radius" in rollout("plan", NAME, "--file", file).out


def test_the_plan_of_a_rollout_under_way(fleet: Fleet, rollout: Invoke) -> None:
    """It is worked out with the order that the rollout has."""
    fleet.start()
    found = rollout("plan", NAME, "--json").json
    assert found["repositories"] == list(fleet.rollout().status.repositories)
    text = rollout("plan", NAME).out
    assert "gaitops rollout status acme/pay/tighten" in text
    assert "gaitops rollout start" not in text


# -- status -------------------------------------------------------------------------------------------------------


def test_nothing_under_way(fleet: Fleet, rollout: Invoke) -> None:
    """A plan is not under way; ``--all`` shows it."""
    fleet.write_plan()
    assert rollout("status", "--json").json["rollouts"] == []
    assert "no rollout is under way" in rollout("status").out
    (found,) = rollout("status", "--all", "--json").json["rollouts"]
    assert (found["phase"], found["next"], found["counts"]["waiting"]) == ("pending", "start", 4)


def test_a_rollout_under_way(fleet: Fleet, rollout: Invoke) -> None:
    """Soak, gates with their newest analysis, and who may go on."""
    fleet.start()
    fleet.wait(1)
    fleet.take("advance")
    fleet.wait(1)
    fleet.analyze()
    (found,) = rollout("status", NAME, "--json").json["rollouts"]
    assert (found["phase"], found["step"], found["next"]) == ("running", "canary", "advance")
    assert found["counts"] == {"observe": 0, "dry_run": 2, "enforce": 0, "waiting": 2}
    assert [(gate["gate"], gate["outcome"]) for gate in found["gates"]] == [("quiet", "success")]
    assert found["operators"] == ["rosa"]
    text = rollout("status", NAME).out
    assert "gaitops rollout advance acme/pay/tighten" in text
    assert "left" in text
    assert "▓" in text
    assert max(map(len, text.splitlines())) <= 100
    assert "success" in rollout("status", "--format", "markdown").out


def test_what_must_be_rolled_back(fleet: Fleet, rollout: Invoke) -> None:
    """A trigger that fired says so, with the command; scripts may ask for an exit code."""
    fleet.start(
        rollbackTriggers=[{"when": "metric", "threshold": {"metric": "block_rate_delta", "maximum": 0.2}}]
    )
    fleet.wait(1)
    fleet.take("advance")
    fleet.wait(1)
    assert rollout("status", NAME, "--exit-code").code == 0
    fleet.analyze(BAD)
    run = rollout("status", NAME, "--exit-code")
    assert run.code == 5
    assert "must be rolled back" in run.out
    assert "gaitops rollout rollback acme/pay/tighten" in run.out
    (found,) = rollout("status", "--json").json["rollouts"]
    assert found["rollbackBecause"][0]["trigger"] == "metric"


def test_several_rollouts_are_a_table(fleet: Fleet, rollout: Invoke) -> None:
    """One line and one bar each."""
    fleet.world.land(fleet.environment("stage"), by="alice", approvers=["bob"])
    fleet.start()
    steps = [{"name": "all", "mode": "enforce", "percent": 100, "environments": ["stage"]}]
    other = "orgs/acme/projects/pay/rollouts/second.yaml"
    body = rollout_document(plan(steps=steps, gates=[]), "second")
    fleet.world.land({other: body}, by="alice", approvers=["bob"])
    assert {item["phase"] for item in rollout("status", "--all", "--json").json["rollouts"]} == {
        "pending",
        "running",
    }
    text = rollout("status", "--all").out
    assert "acme/pay/second" in text
    assert "acme/pay/tighten" in text


# -- analyze ------------------------------------------------------------------------------------------------------


def summary(fleet: Fleet, rows: Sequence[Mapping[str, object]], **changes: object) -> bytes:
    """An evidence summary of the last day."""
    body = {
        "schema": "gaitops.dev/evidence-summary/v1",
        "trustRoot": fleet.world.trust_root,
        "generatedAt": format_timestamp(fleet.world.now),
        "window": {
            "start": format_timestamp(fleet.world.now - DAY),
            "end": format_timestamp(fleet.world.now),
        },
        "repositories": list(rows),
        **changes,
    }
    return json.dumps(body).encode()


def gait_digest(fleet: Fleet, version: str) -> str:
    """What Gait prints for a version."""
    path = f"orgs/acme/policies/agents/versions/{version}/version.yaml"
    found: str = json.loads(fleet.world.read(path))["spec"]["gait"]["digest"]
    return found


def evidence(fleet: Fleet, blocked: int, tmp_path: Path) -> Path:
    """Decisions of the cohort: 100 under each version, some of the candidate's blocked."""
    old, new = gait_digest(fleet, "1.0.0"), gait_digest(fleet, "1.1.0")
    rows = [
        {
            "repository": f"github.com/acme/{name}",
            "environment": "dev",
            "artifacts": {"verified": 200},
            "policies": [
                {"gaitPolicyDigest": old, "allow": 100},
                {"gaitPolicyDigest": new, "allow": 100 - blocked, "block": blocked},
            ],
            "comparisons": [{"enforced": old, "candidate": new, "both": 100, "unexpectedBlocks": blocked}],
        }
        for name in fleet.rollout().status.repositories
    ]
    file = tmp_path / "summary.json"
    file.write_bytes(summary(fleet, rows))
    return file


@pytest.fixture
def analyst(fleet: Fleet, tmp_path: Path) -> tuple[str, ...]:
    """``--as ana --key …``."""
    key = tmp_path / "ana.pem"
    key.write_bytes(fleet.world.actor("ana").private_pem)
    key.chmod(0o600)
    return "--as", "ana", "--key", str(key)


@pytest.mark.parametrize(("blocked", "outcome", "code"), [(2, "success", 0), (50, "failure", 5)])
def test_an_analysis_is_measured_signed_and_believed(
    fleet: Fleet,
    rollout: Invoke,
    analyst: tuple[str, ...],
    tmp_path: Path,
    blocked: int,
    outcome: str,
    code: int,
) -> None:
    """What the command writes is what the engine counts once it is committed."""
    fleet.start()
    fleet.wait(1)
    fleet.take("advance")
    fleet.wait(2)
    run = rollout("analyze", NAME, "--evidence", evidence(fleet, blocked, tmp_path), *analyst, "--json")
    assert run.code == code, run.err
    (found,) = run.json["analyses"]
    assert (found["outcome"], found["metrics"][0]["value"]) == (outcome, blocked / 100)
    fleet.world.commit({found["file"]: (fleet.world.path / found["file"]).read_bytes()}, by="ana")
    (shown,) = rollout("status", NAME, "--json").json["rollouts"]
    assert shown["gates"][0]["outcome"] == outcome


def test_observing_says_nothing_about_verdicts(
    fleet: Fleet, rollout: Invoke, analyst: tuple[str, ...], tmp_path: Path
) -> None:
    """Gait drops the simulated verdict from the trace, so the outcome is inconclusive whatever the numbers say."""
    steps = [{**step, "gates": ["quiet"]} if step["name"] == "watch" else step for step in plan()["steps"]]  # type: ignore[attr-defined]
    fleet.start(steps=steps)
    fleet.wait(2)
    run = rollout(
        "analyze", NAME, "--evidence", evidence(fleet, 0, tmp_path), *analyst, "--out", tmp_path / "out"
    )
    assert run.code == 0
    assert "inconclusive" in run.out
    assert "simulated verdict" in " ".join(run.out.split())
    assert max(map(len, run.out.splitlines())) <= 100
    assert (tmp_path / "out" / "quiet.json").exists()


def test_an_analysis_on_a_branch_of_its_own(
    fleet: Fleet, rollout: Invoke, analyst: tuple[str, ...], tmp_path: Path
) -> None:
    """The service that signs needs no working tree; the branch is ready for a pull request."""
    fleet.start()
    fleet.wait(1)
    fleet.take("advance")
    fleet.wait(2)
    file = evidence(fleet, 2, tmp_path)
    options: tuple[str | Path, ...] = ("analyze", NAME, "--evidence", file, *analyst, "--branch", "evidence")
    run = rollout(*options, "--json")
    (found,) = run.json["analyses"]
    assert run.json["commit"] == fleet.world.head("evidence")
    assert fleet.world.read(found["file"], "evidence")
    assert not (fleet.world.path / found["file"]).exists()
    fleet.world.merge("evidence", by="ana")
    (shown,) = rollout("status", NAME, "--json").json["rollouts"]
    assert (shown["gates"][0]["outcome"], shown["nextOnPlan"]) == ("success", True)
    again = rollout(*options, "--json")
    assert (again.code, again.codes) == (8, ["git.branch_exists"])
    assert rollout(*options, "--out", tmp_path).code == 6


def test_who_may_not_analyze(fleet: Fleet, rollout: Invoke, tmp_path: Path) -> None:
    """Signing what nobody would believe is refused before anything is written."""
    fleet.start()
    fleet.wait(1)
    fleet.take("advance")
    fleet.wait(2)
    key = tmp_path / "bob.pem"
    key.write_bytes(fleet.world.actor("bob").private_pem)
    key.chmod(0o600)
    file = evidence(fleet, 0, tmp_path)
    run = rollout("analyze", NAME, "--evidence", file, "--as", "bob", "--key", str(key), "--json")
    assert (run.code, run.codes) == (6, ["analysis.role"])
    run = rollout("analyze", NAME, "--evidence", file, "--as", "ana", "--key", str(key), "--json")
    assert (run.code, run.codes) == (6, ["key.not_principals"])


def test_evidence_that_cannot_be_used(
    fleet: Fleet, rollout: Invoke, analyst: tuple[str, ...], tmp_path: Path
) -> None:
    """Another fleet's summary, a step without gates, a gate that is not there, a rollout that has not started."""
    fleet.write_plan()
    file = tmp_path / "summary.json"
    file.write_bytes(summary(fleet, []))
    run = rollout("analyze", NAME, "--evidence", file, *analyst, "--json")
    assert (run.code, run.codes) == (6, ["rollout.transition"])
    fleet.take("start", by="alice", approvers=["bob", "carol"])
    run = rollout("analyze", NAME, "--evidence", file, *analyst, "--json")
    assert (run.code, run.codes) == (6, ["analysis.gate"])
    fleet.wait(1)
    fleet.take("advance")
    fleet.wait(1)
    file.write_bytes(summary(fleet, [], trustRoot="0" * 64))
    run = rollout("analyze", NAME, "--evidence", file, *analyst, "--json")
    assert (run.code, run.codes) == (6, ["analysis.evidence"])
    assert PATH not in run.out
