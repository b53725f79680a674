# SPDX-License-Identifier: Apache-2.0
"""``gaitops rollout start`` to ``abort``: the documents of a change, judged before they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from gaitops.documents.layout import environment_path
from tests.cli.harness import Invoke, Run
from tests.history.rollouts import BAD, PATH, Fleet, plan, rollout_document
from tests.history.stories import by_root, rule

DEV = environment_path("acme", "pay", "dev")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """Built once."""
    return Fleet(tmp_path_factory.mktemp("template") / "fleet")


@pytest.fixture
def fleet(template: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """A fleet with a plan; commands live in the story's time."""
    fleet = template.copied(tmp_path / "fleet")
    for module in ("opening", "rollout_change", "rollout_delivery"):
        monkeypatch.setattr(f"gaitops.cli.{module}.now", lambda: fleet.world.now)
    return fleet


@pytest.fixture
def rollout(fleet: Fleet, gaitops: Invoke, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """``rollout("advance", "--branch", "x")`` for the rollout of the story."""
    for part in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{part}_NAME", "rosa")
        monkeypatch.setenv(f"GIT_{part}_EMAIL", "rosa@example.com")

    def run(*arguments: str | Path, stdin: str | None = None) -> Run:
        edge, *rest = arguments
        options = ("--repo", fleet.world.path, "--trust-root", fleet.world.trust_root)
        return gaitops("rollout", edge, "acme/pay/tighten", *options, *rest, stdin=stdin)

    return run


def merge(fleet: Fleet, branch: str, *, by: str, approvers: tuple[str, ...] = ()) -> set[str]:
    """Sign a branch and merge it; what stands against main then."""
    fleet.world.sign(branch, by, "propose")
    fleet.world.approve(branch, *approvers)
    fleet.world.merge(branch, by=by)
    return fleet.codes()


def test_a_rollout_from_its_plan_to_its_end(fleet: Fleet, rollout: Invoke) -> None:
    """Every edge is a branch of its own, which the engine accepts once it is signed."""
    fleet.write_plan()
    started = rollout("start", "--branch", "start", "--json").json
    assert (started["phase"], started["step"], started["branch"]) == ("running", "watch", "start")
    assert merge(fleet, "start", by="alice", approvers=("bob", "carol")) == set()
    for name, days in (("canary", 1), ("half", 2), ("all", 1)):
        fleet.wait(days)
        if name == "half":
            fleet.analyze()
        assert rollout("advance", "--branch", name, "--json").json["step"] == name
        assert merge(fleet, name, by="rosa") == set()
    done = rollout("advance", "--branch", "done", "--json").json
    assert (done["edge"], done["phase"], done["files"]) == ("complete", "completed", [DEV, PATH])
    assert merge(fleet, "done", by="rosa") == set()
    back = rollout("rollback", "--branch", "back", "--reason", "INC-1", "--json").json
    assert back["files"] == [DEV, PATH]
    assert merge(fleet, "back", by="alice", approvers=("bob",)) == set()
    assert set(fleet.placements().values()) == {"acme/agents@1.0.0"}


def test_a_plan_from_the_working_tree(fleet: Fleet, rollout: Invoke) -> None:
    """A plan that nobody committed yet is started with everything that people wrote in it."""
    text = rollout_document(plan())
    target = fleet.world.path / PATH
    target.parent.mkdir(parents=True)
    target.write_text(text, encoding="utf-8")
    run = rollout("start")
    assert run.code == 0, run.err
    assert "wrote " + PATH in run.out
    assert "phase: running" in target.read_text(encoding="utf-8")


def test_too_early(fleet: Fleet, rollout: Invoke) -> None:
    """A step before its soak is blocked, with the time from which it is allowed, and nothing is left behind."""
    fleet.start()
    run = rollout("advance", "--branch", "early", "--json")
    assert run.code == 3
    assert run.codes == ["rollout.soak"]
    assert fleet.world.repository.references.target("refs/heads/early") is None


def test_a_gate_that_did_not_succeed(fleet: Fleet, rollout: Invoke) -> None:
    """Crossing it must be asked for, and then approvers decide."""
    fleet.start()
    fleet.wait(1)
    fleet.take("advance")
    fleet.wait(2)
    fleet.analyze(BAD)
    run = rollout("advance", "--json")
    assert (run.code, run.codes) == (5, ["rollout.gate"])
    crossed = rollout("advance", "--across-gates", "--branch", "cross", "--json").json
    operation = crossed["partitions"][0]["decisions"][0]["operation"]
    assert operation["crosses"] == ["quiet: failure"]


def test_an_analysis_may_come_with_the_edge(fleet: Fleet, rollout: Invoke, tmp_path: Path) -> None:
    """The operator cites an analysis that is merged in the same change."""
    fleet.start()
    fleet.wait(1)
    fleet.take("advance")
    fleet.wait(2)
    ((path, data),) = fleet.analysis().items()
    file = tmp_path / "analysis.json"
    file.write_bytes(data)
    found = rollout("advance", "--analysis", file, "--branch", "half", "--json").json
    assert path in found["files"]
    assert merge(fleet, "half", by="rosa") == set()


def test_an_analysis_of_nobody_is_refused(fleet: Fleet, rollout: Invoke, tmp_path: Path) -> None:
    """A file that no known person signed does not even get into the change."""
    fleet.start()
    fleet.wait(1)
    fleet.take("advance")
    fleet.wait(2)
    ((_path, data),) = fleet.analysis(by="mallory").items()
    file = tmp_path / "analysis.json"
    file.write_bytes(data)
    run = rollout("advance", "--analysis", file, "--json")
    assert (run.code, run.codes) == (6, ["rollout.analysis"])


def test_a_rollback_follows_the_trigger_that_fired(fleet: Fleet, rollout: Invoke) -> None:
    """With a trigger the operator needs nobody; one that has not fired is refused."""
    fleet.start(rollbackTriggers=[{"when": "soak_expired", "after": "2d"}])
    refused = rollout("rollback", "--trigger", "soak_expired", "--json")
    assert (refused.code, refused.codes) == (3, ["rollout.transition"])
    fleet.wait(3)
    rollout("rollback", "--branch", "back")
    assert merge(fleet, "back", by="rosa") == set()


def test_pause_resume_and_abort(fleet: Fleet, rollout: Invoke) -> None:
    """Each edge begins where it may."""
    fleet.start()
    resumed = rollout("resume", "--json")
    assert (resumed.code, resumed.codes) == (6, ["rollout.transition"])
    rollout("pause", "--branch", "pause", "--reason", "lunch")
    assert merge(fleet, "pause", by="rosa") == set()
    rollout("resume", "--branch", "resume")
    assert merge(fleet, "resume", by="alice", approvers=("bob",)) == set()
    rollout("abort", "--branch", "abort")
    assert merge(fleet, "abort", by="alice", approvers=("bob",)) == set()
    assert fleet.rollout().status.phase == "aborted"


def test_other_work_is_not_overwritten(fleet: Fleet, rollout: Invoke) -> None:
    """A document with changes of its own in the working tree is left alone; so is a branch that exists."""
    fleet.start()
    target = fleet.world.path / PATH
    target.parent.mkdir(parents=True)
    target.write_text("# mine\n", encoding="utf-8")
    run = rollout("pause", "--json")
    assert (run.code, run.codes) == (8, ["input.modified"])
    run = rollout("pause", "--branch", "main", "--json")
    assert (run.code, run.codes) == (8, ["git.branch_exists"])


def test_what_waits_on_the_branch_is_not_swept_in(fleet: Fleet, rollout: Invoke) -> None:
    """An edge prepared on top of what nobody authorized would carry it along."""
    fleet.start()
    fleet.world.commit(fleet.repository("mallorys"), by="mallory")
    run = rollout("pause", "--branch", "pause", "--json")
    assert (run.code, run.codes) == (2, ["history.base_unverified"])


def test_a_rollout_that_does_not_exist(rollout: Invoke, gaitops: Invoke) -> None:
    """A wrong name is told as such."""
    run = rollout("pause", "--json")
    assert (run.code, run.codes) == (6, ["rollout.unknown"])
    assert gaitops("rollout", "pause", "tighten").code == 6


def test_the_commands_that_follow(fleet: Fleet, rollout: Invoke) -> None:
    """Text ends with what to type next; whom the plan lets go on alone is named."""
    fleet.write_plan()
    started = rollout("start", "--branch", "start").out
    assert "gaitops propose --branch start --push --as PRINCIPAL --key URI" in started
    assert "gaitops approve --branch start --push --as PRINCIPAL --key URI" in started
    assert "needs no approval" not in started
    fleet.take("start", by="alice", approvers=["bob", "carol"])
    fleet.wait(1)
    assert rollout("advance", "--branch", "canary", "--json").json["operators"] == ["rosa"]
    text = rollout("advance").out
    assert "needs no approval when rosa proposes it" in text
    assert f"git add {PATH}" in text
    assert "git push origin advance-tighten" in text


PLAN = """\
# Asked for by payments; ask them before you change it.
apiVersion: gaitops.dev/v1
kind: Rollout
metadata: {name: tighten}
spec:
  policy: {name: agents}
  from: 1.0.0   # since March
  to: 1.1.0
  selector: {all: true}
  steps:
    # everybody at once: there are four
    - {name: all, mode: enforce, percent: 100, environments: [dev]}
"""
ENVIRONMENT = """\
apiVersion: gaitops.dev/v1
kind: Environment
metadata: {name: dev}
spec:
  tier: development   # never lower this
  selector: {all: true}
  policy: {name: agents, version: VERSION}   # a rollout writes this
"""


def test_comments_survive_every_edge(fleet: Fleet, rollout: Invoke) -> None:
    """What people wrote around the status and the policy is there to the end."""
    before = ENVIRONMENT.replace("VERSION", "1.0.0")
    fleet.world.land({PATH: PLAN, DEV: before}, by="alice", approvers=["bob"])
    rollout("start", "--branch", "start")
    assert merge(fleet, "start", by="alice", approvers=("bob", "carol")) == set()
    rollout("advance", "--branch", "done")
    assert merge(fleet, "done", by="rosa") == set()
    assert fleet.world.read(DEV).decode() == ENVIRONMENT.replace("VERSION", "1.1.0")
    rollout("rollback", "--branch", "back")
    assert merge(fleet, "back", by="alice", approvers=("bob",)) == set()
    assert fleet.world.read(DEV).decode() == before
    assert fleet.world.read(PATH).decode().startswith(PLAN + "status:\n  phase: rolled_back\n")


@pytest.mark.parametrize("reason", ["", "a\u2028b", "x" * 4097])
def test_a_reason_that_no_document_may_hold(fleet: Fleet, rollout: Invoke, reason: str) -> None:
    """It is the user's input that is wrong, not the policy of the fleet; nothing is left behind."""
    fleet.start()
    run = rollout("pause", "--reason", reason, "--branch", "pause", "--json")
    assert run.code == 6
    assert run.json["problems"][0]["field"] == "status.reason"
    assert fleet.world.repository.references.target("refs/heads/pause") is None


def test_a_freeze_of_an_approval_rule_blocks(fleet: Fleet, rollout: Invoke) -> None:
    """What no approval mends now is told before anything is written, by the plan already."""
    fleet.write_plan()
    by_root(fleet.world, rule("frozen", ["rollout.start"], freezeWindows=["nowhere"]))
    run = rollout("start", "--branch", "start", "--json")
    assert (run.code, run.codes) == (3, ["approval.freeze_window"])
    planned = rollout("plan", "--json")
    assert (planned.code, [item["code"] for item in planned.json["problems"]]) == (
        3,
        ["approval.freeze_window"],
    )


def test_a_completed_rollout_follows_a_trigger_as_well(fleet: Fleet, rollout: Invoke) -> None:
    """Until it is undone or others move on, a trigger may be named; one that has not fired is refused."""
    steps = [{"name": "all", "mode": "enforce", "percent": 100, "environments": ["dev"]}]
    fleet.start(steps=steps, gates=[], rollbackTriggers=[{"when": "revoked_version"}])
    fleet.take("complete")
    run = rollout("rollback", "--trigger", "revoked_version", "--json")
    assert (run.code, run.codes) == (3, ["rollout.transition"])
    rollout("rollback", "--branch", "back")
    assert merge(fleet, "back", by="alice", approvers=("bob",)) == set()


def test_a_working_tree_with_other_line_ends(fleet: Fleet, rollout: Invoke) -> None:
    """A document that Git checked out with CRLF keeps it, and is not taken for modified."""
    fleet.start()
    target = fleet.world.path / PATH
    target.parent.mkdir(parents=True)
    target.write_bytes(fleet.world.read(PATH).replace(b"\n", b"\r\n"))
    assert rollout("pause").code == 0
    text = target.read_bytes()
    assert b"phase: paused\r\n" in text
    assert b"\n" not in text.replace(b"\r\n", b"")


def test_nothing_is_written_through_a_link(fleet: Fleet, rollout: Invoke, tmp_path: Path) -> None:
    """A folder of the working tree that is a link leads nowhere; neither does a file that is one."""
    fleet.start()
    outside = tmp_path / "outside"
    outside.mkdir()
    target = fleet.world.path / PATH
    target.parent.parent.mkdir(parents=True)
    target.parent.symlink_to(outside)
    run = rollout("pause", "--json")
    assert (run.code, run.codes, list(outside.iterdir())) == (8, ["input.modified"], [])
    target.parent.unlink()
    target.parent.mkdir()
    target.symlink_to(outside / "victim")
    run = rollout("pause", "--json")
    assert (run.code, run.codes, list(outside.iterdir())) == (8, ["input.modified"], [])


def test_a_plan_in_the_working_tree_that_is_none_any_more(fleet: Fleet, rollout: Invoke) -> None:
    """Starting from verified state does not overwrite what somebody tried in the working tree."""
    fleet.write_plan()
    target = fleet.world.path / PATH
    target.parent.mkdir(parents=True)
    mine = PLAN + "status: {phase: aborted}\n"
    target.write_text(mine, encoding="utf-8")
    run = rollout("start", "--json")
    assert (run.code, run.codes) == (8, ["input.modified"])
    assert target.read_text(encoding="utf-8") == mine
