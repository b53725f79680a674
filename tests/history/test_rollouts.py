# SPDX-License-Identifier: Apache-2.0
"""Rollouts along the history: edges, soak, gates, operators, rollbacks, and what each gives to whom (design 9)."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.history.rollouts import BAD, PATH, STEPS, Fleet, plan, rollout_document, text_of
from tests.history.stories import by_root
from tests.simulator import document

OLD, NEW = "acme/agents@1.0.0", "acme/agents@1.1.0"
WATCHED, REHEARSED = f"{OLD} + {NEW} (observe)", f"{OLD} + {NEW} (dry_run)"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """Built once."""
    return Fleet(tmp_path_factory.mktemp("template") / "fleet")


@pytest.fixture
def fleet(template: Fleet, tmp_path: Path) -> Fleet:
    """A fleet with four repositories and nothing under way."""
    return template.copied(tmp_path / "fleet")


def counts(fleet: Fleet) -> dict[str, int]:
    """How many repositories run what."""
    found = list(fleet.placements().values())
    return {value: found.count(value) for value in found}


def test_a_plan_changes_nothing(fleet: Fleet) -> None:
    """Writing a plan needs one approver and moves nobody."""
    fleet.write_plan()
    assert fleet.world.verify().verified
    assert counts(fleet) == {OLD: 4}


def test_an_operator_takes_the_whole_plan(fleet: Fleet) -> None:
    """After the start every edge on the plan is the operator's alone, from observing to the new version everywhere."""
    fleet.start()
    assert counts(fleet) == {OLD: 2, WATCHED: 2}
    fleet.wait(1)
    fleet.take("advance")
    assert counts(fleet) == {OLD: 2, REHEARSED: 2}
    fleet.wait(2)
    fleet.analyze()
    fleet.take("advance")
    assert counts(fleet) == {OLD: 2, NEW: 2}
    fleet.wait(1)
    fleet.take("advance")
    assert counts(fleet) == {NEW: 4}
    fleet.take("complete")
    assert fleet.codes() == set()
    assert counts(fleet) == {NEW: 4}
    assert fleet.rollout().status.phase == "completed"
    assert json.loads(fleet.world.read("orgs/acme/projects/pay/environments/dev.yaml"))["spec"]["policy"] == {
        "name": "agents",
        "version": "1.1.0",
    }


def test_a_commit_of_an_operator_is_no_proposal(fleet: Fleet) -> None:
    """Only the operator's own envelope over the edge replaces the approvers."""
    fleet.start()
    fleet.wait(1)
    fleet.world.commit(fleet.files("advance"), by="rosa")
    assert fleet.codes() == {"approval.quorum"}


def test_an_author_needs_the_quorum_for_an_edge(fleet: Fleet) -> None:
    """On the plan or not, a person who is no operator needs approvers."""
    fleet.start()
    fleet.wait(1)
    files = fleet.files("advance")
    fleet.land(files, by="alice")
    assert fleet.codes() == {"approval.quorum"}


def test_a_step_before_its_soak(fleet: Fleet) -> None:
    """No approval makes time pass."""
    fleet.start()
    fleet.wait(0.5)
    assert "rollout.soak" in fleet.push(fleet.files("advance"))


def test_a_step_waits_for_its_analysis(fleet: Fleet) -> None:
    """Without an analysis the gate is missing: an operator may not propose that, a quorum may allow it."""
    fleet.start()
    fleet.wait(1)
    fleet.take("advance")
    fleet.wait(2)
    fleet.land(fleet.files("advance"))
    assert fleet.codes() >= {"permission.denied"}


def test_a_quorum_may_cross_a_failed_gate(fleet: Fleet) -> None:
    """Approvers who sign exactly this crossing let the step pass; without them it is rollout.gate."""
    fleet.start()
    fleet.wait(1)
    fleet.take("advance")
    fleet.wait(2)
    fleet.analyze(BAD)
    files = fleet.files("advance")
    assert '"failure"' in files[PATH]
    fleet.world.commit(files, by="alice", branch="cross")
    fleet.world.merge("cross", by="alice")
    assert fleet.codes() >= {"rollout.gate", "approval.quorum"}
    names = fleet.world.signables("main", include_pending=True)
    fleet.world.commit(fleet.world.envelopes(names, "bob", "approve"), by="bob")
    assert fleet.codes() == set()
    assert counts(fleet) == {OLD: 2, NEW: 2}


def test_a_status_that_lies_about_a_gate(fleet: Fleet) -> None:
    """A failure that is written down as success is found out, whoever approves."""
    fleet.start()
    fleet.wait(1)
    fleet.take("advance")
    fleet.wait(2)
    fleet.analyze(BAD)
    files = {path: text.replace('"failure"', '"success"') for path, text in fleet.files("advance").items()}
    assert "rollout.gate" in fleet.push(files)


def test_a_failure_is_not_called_missing(fleet: Fleet) -> None:
    """Approvers who cross a gate sign what it says, so a failing analysis cannot be left out."""
    fleet.start()
    fleet.wait(1)
    fleet.take("advance")
    fleet.wait(2)
    fleet.analyze(BAD)
    assert "rollout.gate" in fleet.push(_missing(fleet))


def _missing(fleet: Fleet) -> dict[str, str]:
    body = json.loads(fleet.files("advance")[PATH])
    body["status"]["gates"] = [{"step": "canary", "gate": "quiet", "outcome": "missing"}]
    return {PATH: json.dumps(body)}


def test_an_older_success_does_not_hide_a_newer_failure(fleet: Fleet) -> None:
    """The newest analysis of a gate counts."""
    fleet.start()
    fleet.wait(1)
    fleet.take("advance")
    fleet.wait(2)
    fleet.analyze()
    files = fleet.files("advance")
    fleet.world.tick(timedelta(hours=1))
    fleet.analyze(BAD)
    assert "rollout.gate" in fleet.push(files)


def test_rolling_back_a_trigger_needs_nobody_else(fleet: Fleet) -> None:
    """A metric beyond its trigger lets the operator undo everything alone."""
    fleet.start(
        rollbackTriggers=[{"when": "metric", "threshold": {"metric": "block_rate_delta", "maximum": 0.2}}]
    )
    fleet.wait(1)
    fleet.take("advance")
    fleet.wait(1)
    fleet.analyze(BAD)
    fleet.take("rollback", trigger="metric", reason="too many blocks")
    assert fleet.codes() == set()
    assert counts(fleet) == {OLD: 4}


def test_a_trigger_that_has_not_fired(fleet: Fleet) -> None:
    """Naming a trigger that did not fire is refused."""
    fleet.start(rollbackTriggers=[{"when": "revoked_version"}])
    assert "rollout.transition" in fleet.push(fleet.files("rollback", trigger="revoked_version"))


def test_rolling_back_needs_one_approver(fleet: Fleet) -> None:
    """Without a trigger an author and one approver put everything back."""
    fleet.start()
    fleet.take("rollback", by="alice", approvers=["bob"], reason="no")
    assert fleet.codes() == set()
    assert counts(fleet) == {OLD: 4}


def finish(fleet: Fleet) -> None:
    """Everything up to the end."""
    fleet.start()
    for days in (1, 2, 1):
        fleet.wait(days)
        if days == 2:
            fleet.analyze()
        fleet.take("advance")
    fleet.take("complete")
    assert fleet.codes() == set()


def test_rolling_back_after_completion(fleet: Fleet) -> None:
    """Within the window one approver restores the environments exactly as they were."""
    finish(fleet)
    before = json.loads(text_of(fleet.rollout()))["status"]["previous"]
    fleet.take("rollback", by="alice", approvers=["bob"])
    assert fleet.codes() == set()
    assert counts(fleet) == {OLD: 4}
    found = json.loads(fleet.world.read("orgs/acme/projects/pay/environments/dev.yaml"))["spec"]["policy"]
    assert found == before[0]["policy"]


def test_nobody_alone_undoes_a_rollout_that_is_long_over(fleet: Fleet) -> None:
    """Long after completion no trigger makes an operator's rollback a small thing."""
    fleet.start(rollbackTriggers=[{"when": "revoked_version"}, {"when": "soak_expired", "after": "30d"}])
    for days in (1, 2, 1):
        fleet.wait(days)
        if days == 2:
            fleet.analyze()
        fleet.take("advance")
    fleet.take("complete")
    fleet.wait(40)
    assert "rollout.transition" in fleet.push(fleet.files("rollback", trigger="soak_expired"))


def test_an_operator_keeps_to_the_rollback_window(fleet: Fleet) -> None:
    """Once the version is revoked an operator may undo a completed rollout alone, within the window and not later."""
    fleet.start(rollbackTriggers=[{"when": "revoked_version"}])
    for days in (1, 2, 1):
        fleet.wait(days)
        if days == 2:
            fleet.analyze()
        fleet.take("advance")
    fleet.take("complete")
    revoked = {"org": "acme", "policy": "agents", "version": "1.1.0"}
    spec = {"revokes": "policy_version", "cause": "error", "policyVersion": revoked, "reason": "too strict"}
    path = "trust/revocations/agents.yaml"
    fleet.wait(8)
    fleet.world.land({path: document("Revocation", "agents", spec)}, by="alice", approvers=["bob"])
    fleet.land(fleet.files("rollback", trigger="revoked_version"))
    assert "permission.denied" in fleet.codes()


def test_pause_and_resume(fleet: Fleet) -> None:
    """An operator pauses alone; going on needs approvers, and the soak begins anew."""
    fleet.start()
    fleet.wait(1)
    fleet.take("pause", reason="holiday")
    assert fleet.codes() == set()
    assert counts(fleet) == {OLD: 2, WATCHED: 2}
    fleet.take("resume", by="alice", approvers=["bob"])
    assert fleet.codes() == set()
    assert "rollout.soak" in fleet.push(fleet.files("advance"))


def test_newcomers_join_at_the_next_step(fleet: Fleet) -> None:
    """A repository that is added under way keeps the environment's version, and takes part from the next edge on."""
    fleet.start()
    fleet.world.land(fleet.repository("new"), by="alice", approvers=["bob"])
    assert fleet.placements()["new"] == OLD
    fleet.wait(1)
    before = fleet.placements()
    fleet.take("advance")
    assert fleet.codes() == set()
    assert fleet.rollout().status.repositories[-1] == "new"
    after = fleet.placements()
    assert {name for name, value in before.items() if value != OLD} <= {
        name for name, value in after.items() if value != OLD
    }


def test_abort_before_anything_is_enforced(fleet: Fleet) -> None:
    """A rollout that enforces nothing yet is given up by one approver."""
    fleet.start()
    fleet.take("abort", by="alice", approvers=["bob"], reason="changed our minds")
    assert fleet.codes() == set()
    assert counts(fleet) == {OLD: 4}


def test_a_warm_verification_remembers_when_a_step_was_entered(fleet: Fleet, tmp_path: Path) -> None:
    """Soak and analyses survive a checkpoint: cold and warm verdicts are the same."""
    checkpoint = tmp_path / "checkpoint.db"
    fleet.start()
    assert fleet.world.verify(checkpoint=checkpoint).verified
    fleet.wait(0.5)
    fleet.push(fleet.files("advance"))
    warm = {item.code for item in fleet.world.verify(checkpoint=checkpoint).all_problems()}
    assert "rollout.soak" in warm
    assert warm == fleet.codes()


def test_the_plan_is_written_and_started_at_once(fleet: Fleet) -> None:
    """A rollout may be written and started in one change, at the quorum of the start."""
    fleet.write_plan()
    files = fleet.files("start")
    fleet.world.land({PATH: None}, by="alice", approvers=["bob"])
    fleet.land(files, by="alice", approvers=["bob", "carol"])
    assert fleet.codes() == set()
    assert counts(fleet) == {OLD: 2, WATCHED: 2}


def test_a_step_that_asks_again(fleet: Fleet) -> None:
    """A step marked ``approval: required`` is on the plan, and still needs its approvers."""
    steps = [{**step, "approval": "required"} if step["name"] == "canary" else step for step in STEPS]
    fleet.start(steps=steps)
    fleet.wait(1)
    fleet.land(fleet.files("advance"))
    assert fleet.codes() == {"approval.quorum"}
    names = fleet.world.signables("main", include_pending=True)
    fleet.world.commit(fleet.world.envelopes(names, "bob", "approve"), by="bob")
    assert fleet.codes() == set()


def test_some_come_first_and_some_last(fleet: Fleet) -> None:
    """``first`` and ``hold`` decide about the ends of the order, whatever the hash says about the middle."""
    fleet.start(first=["r3", "nobody"], hold=["r0"])
    order = fleet.rollout().status.repositories
    assert (order[0], order[-1], len(order)) == ("r3", "r0", 4)


def test_rules_about_assignments_hold_for_rollouts(fleet: Fleet) -> None:
    """A quorum that somebody set for moving one environment cannot be evaded by moving it in steps."""
    spec = {
        "match": {
            "operations": ["assignment.change"],
            "scope": "org/acme/project/pay/environment/dev",
        },
        "require": {"quorum": 2},
    }
    by_root(fleet.world, {"trust/approvals/dev.yaml": document("ApprovalRule", "dev", spec)})
    fleet.write_plan()
    fleet.take("start", by="alice", approvers=["bob"])
    assert fleet.codes() == {"approval.quorum"}


def test_nobody_alone_goes_back_to_a_withdrawn_version(fleet: Fleet) -> None:
    """Once the version before is withdrawn, a rollback that would enforce it again needs the quorum."""
    fleet.start(rollbackTriggers=[{"when": "soak_expired", "after": "1h"}])
    for days in (1, 2):
        fleet.wait(days)
        if days == 2:
            fleet.analyze()
        fleet.take("advance")
    revocation = {
        "revokes": "policy_version",
        "cause": "error",
        "policyVersion": {"org": "acme", "policy": "agents", "version": "1.0.0"},
        "reason": "lets too much through",
    }
    path = "trust/revocations/agents.yaml"
    fleet.world.land({path: document("Revocation", "agents", revocation)}, by="alice", approvers=["bob"])
    fleet.wait(1)
    fleet.world.commit(fleet.files("rollback", trigger="soak_expired"), by="rosa", branch="back")
    fleet.world.sign("back", "rosa", "propose")
    fleet.world.merge("back", by="rosa")
    assert "permission.denied" in fleet.codes()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"limits": {"maxRepositoriesPerStep": 1}}, "rollout.blast_radius"),
        (
            {
                "steps": [{"name": "all", "mode": "observe", "percent": 100, "environments": ["dev"]}],
                "gates": [],
            },
            "rollout.transition",
        ),
        ({"from": "1.1.0", "to": "1.0.0"}, "rollout.transition"),
        ({"to": "9.9.9"}, "assignment.unknown_version"),
        ({"freezeWindows": ["nowhere"]}, "rollout.freeze_window"),
        ({"selector": {"names": ["r0"]}}, "rollout.transition"),
    ],
)
def test_plans_that_cannot_start(fleet: Fleet, change: dict[str, object], code: str) -> None:
    """What is approved at the start must be able to end, within every limit."""
    fleet.world.land({PATH: rollout_document(plan(**change))}, by="alice", approvers=["bob"])
    assert code in fleet.push(fleet.files("start"))
