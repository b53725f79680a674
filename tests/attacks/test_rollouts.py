# SPDX-License-Identifier: Apache-2.0
"""Rollouts that somebody tries to outrun, to bend or to ride on: refused in a pull request and on the branch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gaitops.documents.layout import analysis_path, rollout_path
from tests.attacks.story import VERIFIED, Commands, project, revocation
from tests.history.rollouts import BAD, PATH, PLACE, Fleet, plan, rollout_document
from tests.history.stories import by_root, rule
from tests.simulator import DAY, document, environment_document

DEV = "orgs/acme/projects/pay/environments/dev.yaml"
Files = Mapping[str, bytes | str | None]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """A fleet with a plan that is approved and not started."""
    fleet = Fleet(tmp_path_factory.mktemp("template") / "fleet")
    fleet.write_plan(rollbackTriggers=[{"when": "revoked_version"}])
    return fleet


@pytest.fixture(scope="module")
def begun(template: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """The rollout observes, and the soak of its first step is over."""
    fleet = template.copied(tmp_path_factory.mktemp("begun") / "fleet")
    fleet.take("start", by="alice", approvers=["bob", "carol"])
    fleet.wait(1)
    return fleet


@pytest.fixture(scope="module")
def gated(begun: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """The rollout rehearses, its soak is over, and its gate is to be judged."""
    fleet = begun.copied(tmp_path_factory.mktemp("gated") / "fleet")
    fleet.take("advance")
    fleet.wait(2)
    return fleet


@pytest.fixture(scope="module")
def enforcing(gated: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """Half of the repositories enforce the new version."""
    fleet = gated.copied(tmp_path_factory.mktemp("enforcing") / "fleet")
    fleet.analyze()
    fleet.take("advance")
    fleet.wait(1)
    return fleet


@pytest.fixture(scope="module")
def completed(enforcing: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """The rollout is over."""
    fleet = enforcing.copied(tmp_path_factory.mktemp("completed") / "fleet")
    fleet.take("advance")
    fleet.take("complete")
    return fleet


def refused(
    fleet: Fleet, commands: Commands, files: Files, code: str, *, by: str = "rosa", signed: bool = False
) -> None:
    """``check`` refuses it as a pull request and ``verify`` after it was pushed; nothing of it is published.

    ``signed`` when nothing but authority is missing, so that it can be proposed.
    """
    world = fleet.world
    world.commit(files, by=by, branch="attack")
    if signed:
        world.sign("attack", by, "propose")
    run = commands.check(world, "attack")
    assert run.code != VERIFIED, run.out
    assert code in run.codes, run.codes
    world.merge("attack", by=by)
    commands.survives(world, code)


def changed(files: Mapping[str, str], edit: Mapping[str, Any], *, path: str = PATH) -> dict[str, str]:
    """Files of an edge with members of the status replaced."""
    body = json.loads(files[path])
    body["status"] |= edit
    return {**files, path: json.dumps(body, indent=2) + "\n"}


# -- steps and time -----------------------------------------------------------------------------------------------


def test_o01_a_skipped_step(begun: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O1: from observing straight to enforcing."""
    fleet = begun.copied(tmp_path / "fleet")
    refused(fleet, commands, changed(fleet.files("advance"), {"step": "half"}), "rollout.skipped_step")


def test_o02_a_step_before_its_soak(begun: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O2: the step must stay two days, and is left after half of one; what the document says does not help."""
    fleet = begun.copied(tmp_path / "fleet")
    fleet.take("advance")
    fleet.wait(0.5)
    refused(fleet, commands, fleet.files("advance"), "rollout.soak")


def test_o03_a_commit_dated_after_the_soak(begun: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O3: a commit is dated ahead so that its step seems to have stayed long enough."""
    fleet = begun.copied(tmp_path / "fleet")
    fleet.take("advance")
    fleet.world.commit(fleet.files("advance"), by="rosa", when=fleet.world.now + 3 * DAY)
    commands.survives(fleet.world, "history.time")


def test_o04_a_times_in_the_future(begun: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O4: the status says that the step was entered next week."""
    fleet = begun.copied(tmp_path / "fleet")
    files = changed(fleet.files("advance"), {"stepStartedAt": "2026-12-24T00:00:00Z"})
    refused(fleet, commands, files, "rollout.transition")


# -- gates and analyses -------------------------------------------------------------------------------------------


def test_o05_across_a_gate_without_approval(gated: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O5: an author leaves the step although nobody analyzed anything."""
    fleet = gated.copied(tmp_path / "fleet")
    refused(fleet, commands, fleet.files("advance"), "rollout.gate", by="alice", signed=True)


def test_o06_a_status_that_lies_about_a_gate(gated: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O6: the analysis failed, and the status says success."""
    fleet = gated.copied(tmp_path / "fleet")
    fleet.analyze(BAD)
    files = {path: text.replace('"failure"', '"success"') for path, text in fleet.files("advance").items()}
    refused(fleet, commands, files, "rollout.gate")


def test_o07_an_older_success_hides_a_newer_failure(gated: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O7: the edge cites the success of an hour ago."""
    fleet = gated.copied(tmp_path / "fleet")
    fleet.analyze()
    files = fleet.files("advance")
    fleet.world.tick(timedelta(hours=1))
    fleet.analyze(BAD)
    refused(fleet, commands, files, "rollout.gate")


def cited(fleet: Fleet, analysis: Mapping[str, bytes]) -> dict[str, bytes | str]:
    """An edge that cites an analysis which comes with it."""
    ((path, data),) = analysis.items()
    digest = path.rpartition("/")[2].removesuffix(".json")
    result = {"step": "canary", "gate": "quiet", "outcome": "success", "analysis": digest}
    return {**changed(fleet.files("advance"), {"gates": [result]}), path: data}


def test_o08_an_analysis_by_somebody_else(gated: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O8: an approver signs the analysis; she is no analyst."""
    fleet = gated.copied(tmp_path / "fleet")
    refused(fleet, commands, cited(fleet, fleet.analysis(by="bob")), "rollout.gate")


def test_o09_an_analysis_by_a_revoked_key(gated: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O9: the analyst's key was revoked before the analysis arrived."""
    fleet = gated.copied(tmp_path / "fleet")
    files = revocation("ana", "ana", fleet.world.actor("ana"), cause="retired")
    by_root(fleet.world, files)
    refused(fleet, commands, cited(fleet, fleet.analysis()), "rollout.gate")


@pytest.mark.parametrize("what", ["step", "plan", "early", "future", "short"])
def test_o10_an_analysis_of_something_else(
    gated: Fleet, commands: Commands, tmp_path: Path, what: str
) -> None:
    """O10: of another step, of another plan, of a time before the step, of the future, of too short a time."""
    fleet = gated.copied(tmp_path / "fleet")
    now, options = fleet.world.now, dict[str, Any]()
    rollout = fleet.rollout()
    if what == "step":
        options["rollout"] = rollout.model_copy(
            update={"status": rollout.status.model_copy(update={"step": "watch"})}
        )
    elif what == "plan":
        options["rollout"] = rollout.model_copy(
            update={"spec": rollout.spec.model_copy(update={"reason": "another"})}
        )
    elif what == "early":
        options["window"] = (now - 4 * DAY, now - 3 * DAY)
    elif what == "future":
        options["window"] = (now, now + 2 * DAY)
    analysis = fleet.analysis(**options)
    if what == "short":
        analysis = _with_short_window(fleet)
    refused(fleet, commands, cited(fleet, analysis), "rollout.gate")


def _with_short_window(fleet: Fleet) -> dict[str, bytes]:
    """An analysis of one minute, signed by an analyst whose own tool did not check it."""
    import base64
    import hashlib

    from gaitops.signing.canonical import canonical_json
    from gaitops.signing.dsse import seal
    from gaitops.signing.statement import PAYLOAD_TYPE

    ((_path, data),) = fleet.analysis().items()
    statement = json.loads(base64.b64decode(json.loads(data)["payload"]))
    end = statement["predicate"]["window"]["end"]
    statement["predicate"]["window"]["start"] = end.replace(end[14:16], f"{(int(end[14:16]) - 1) % 60:02d}")
    payload = canonical_json(statement)
    path = analysis_path(*PLACE, hashlib.sha256(payload).hexdigest())
    return {path: seal(PAYLOAD_TYPE, payload, [fleet.world.actor("ana").signer])}


def test_o11_a_signed_analysis_is_edited(gated: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O11: an analysis on record is overwritten."""
    fleet = gated.copied(tmp_path / "fleet")
    files = fleet.analysis(BAD)
    fleet.world.commit(files, by="ana")
    ((path, _data),) = files.items()
    ((_other, data),) = fleet.analysis().items()
    refused(fleet, commands, {path: data}, "approval.tampered", by="alice")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"{}", "envelope.malformed"),
        (b"x" * 2**20, "rollout.analysis"),
        (b"[" * 1_000, "document.too_large"),
    ],
)
def test_o12_junk_analyses(gated: Fleet, commands: Commands, tmp_path: Path, data: bytes, code: str) -> None:
    """O12: anybody may push junk where analyses lie; it is ignored, reported, and holds up nothing."""
    fleet = gated.copied(tmp_path / "fleet")
    fleet.world.commit({analysis_path(*PLACE, "0" * 64): data}, by="mallory")
    verdict = commands.accepts(fleet.world)
    ignored = {item["code"] for item in verdict["ignored"]}
    assert code in ignored
    fleet.analyze()
    fleet.take("advance")
    commands.accepts(fleet.world)


# -- the plan and its places --------------------------------------------------------------------------------------


def test_o13_the_plan_changes_on_the_way(begun: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O13: a gate is taken out of the plan together with the next step."""
    fleet = begun.copied(tmp_path / "fleet")
    files = fleet.files("advance")
    body = json.loads(files[PATH])
    body["spec"]["steps"][1]["gates"] = []
    refused(fleet, commands, {PATH: json.dumps(body)}, "rollout.spec_changed")


def test_o14_a_second_rollout_over_the_same_place(begun: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O14: a laxer plan is started beside the one that is under way."""
    fleet = begun.copied(tmp_path / "fleet")
    path = rollout_path("acme", "pay", "second")
    body = json.loads(rollout_document(plan(), "second"))
    body["status"] = json.loads(fleet.world.read(PATH))["status"]
    refused(fleet, commands, {path: json.dumps(body)}, "rollout.overlap", by="alice")


def test_o15_an_environment_that_a_rollout_holds(begun: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O15: somebody assigns the new version directly, past all steps."""
    fleet = begun.copied(tmp_path / "fleet")
    refused(fleet, commands, fleet.environment("dev", version="1.1.0"), "rollout.overlap", by="alice")


def test_o16_more_repositories_than_allowed(template: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O16: the organization allows one repository at a time, and the plan moves two."""
    fleet = template.copied(tmp_path / "fleet")
    body = fleet.world.read("orgs/acme/org.yaml").decode() + "  caps: {maxRepositoriesPerStep: 1}\n"
    fleet.world.land({"orgs/acme/org.yaml": body}, by="alice", approvers=["bob"])
    assert fleet.codes() == set()
    refused(fleet, commands, fleet.files("start"), "rollout.blast_radius", by="alice")


def test_o17_a_step_inside_a_freeze_window(template: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O17: the plan names a freeze window, and it is active in its own time zone."""
    fleet = template.copied(tmp_path / "fleet")
    window = {
        "timezone": "Pacific/Auckland",
        "windows": [{"start": "2026-11-01T00:00:00", "end": "2026-12-01T00:00:00"}],
        "reason": "audit",
    }
    path = "trust/freeze-windows/audit.yaml"
    fleet.world.land({path: document("FreezeWindow", "audit", window)}, by="alice", approvers=["bob"])
    fleet.write_plan(freezeWindows=["audit"])
    refused(fleet, commands, fleet.files("start"), "rollout.freeze_window", by="alice")


# -- the document -------------------------------------------------------------------------------------------------


def test_o18_another_order_of_repositories(begun: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O18: a repository is moved to the front, or slipped in beside a pause that needs nobody."""
    fleet = begun.copied(tmp_path / "fleet")
    order = list(reversed(fleet.rollout().status.repositories))
    refused(fleet, commands, changed(fleet.files("pause"), {"repositories": order}), "rollout.transition")


def test_o19_a_forged_way_back(template: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O19: the start records another version as the one before, for a later rollback to restore."""
    fleet = template.copied(tmp_path / "fleet")
    previous = [{"environment": "dev", "policy": {"name": "agents", "version": "1.1.0"}}]
    files = changed(fleet.files("start"), {"previous": previous})
    refused(fleet, commands, files, "rollout.transition", by="alice")


@pytest.mark.parametrize("moved", [False, True])
def test_o20_an_active_rollout_disappears(
    begun: Fleet, commands: Commands, tmp_path: Path, *, moved: bool
) -> None:
    """O20: the document is deleted, or renamed, and with it the hold on its repositories."""
    fleet = begun.copied(tmp_path / "fleet")
    files: dict[str, bytes | str | None] = {PATH: None}
    if moved:
        body = json.loads(fleet.world.read(PATH))
        body["metadata"]["name"] = "other"
        files[rollout_path("acme", "pay", "other")] = json.dumps(body)
    refused(fleet, commands, files, "rollout.transition", by="alice")


def test_o21_a_rollback_to_something_else(completed: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O21: under the name of a rollback the environment gets a lower tier, or is not written at all."""
    fleet = completed.copied(tmp_path / "fleet")
    files = fleet.files("rollback")
    lax = environment_document("dev", "development", {"name": "agents", "version": "1.1.0"})
    refused(fleet, commands, {**files, DEV: lax}, "rollout.transition", by="alice")


def test_o22_aborting_what_is_enforced(enforcing: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O22: giving up is not a way around a rollback once something is enforced."""
    fleet = enforcing.copied(tmp_path / "fleet")
    refused(fleet, commands, fleet.files("abort"), "rollout.transition", by="alice")


def test_o23_a_trigger_that_has_not_fired(enforcing: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O23: an operator claims that the version was revoked, to roll back alone."""
    fleet = enforcing.copied(tmp_path / "fleet")
    refused(fleet, commands, fleet.files("rollback", trigger="revoked_version"), "rollout.transition")


# -- the operator -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("edge", ["rollback", "abort", "gate"])
def test_o24_an_operator_off_the_plan(gated: Fleet, commands: Commands, tmp_path: Path, edge: str) -> None:
    """O24: an operator rolls back without a trigger, aborts, or crosses a gate."""
    fleet = gated.copied(tmp_path / "fleet")
    files = fleet.files("advance") if edge == "gate" else fleet.files(edge)  # type: ignore[arg-type]
    refused(fleet, commands, files, "permission.denied", signed=True)


def test_o25_a_ride_on_an_edge(begun: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O25: what comes with an operator's edge in one change is judged by itself, and holds it up."""
    fleet = begun.copied(tmp_path / "fleet")
    files = {**fleet.files("advance"), **project(summary="mallory's")}
    refused(fleet, commands, files, "permission.denied", signed=True)


def test_o26_a_rollout_around_a_rule(template: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O26: a rule asks for three people to move assignments, and somebody moves them by a rollout with two."""
    fleet = template.copied(tmp_path / "fleet")
    by_root(fleet.world, rule("careful", ["assignment.change"], quorum=2))
    fleet.world.commit(fleet.files("start"), by="alice", branch="attack")
    fleet.world.sign("attack", "alice", "propose")
    fleet.world.approve("attack", "bob")
    run = commands.check(fleet.world, "attack")
    assert run.code == 4
    assert "approval.quorum" in run.codes
    fleet.world.merge("attack", by="alice")
    commands.survives(fleet.world, "approval.quorum")


def test_warm_and_cold_agree_about_every_edge(completed: Fleet, tmp_path: Path) -> None:
    """What a checkpoint remembers of rollouts gives the same verdict as the whole history."""
    fleet, checkpoint = completed.copied(tmp_path / "fleet"), tmp_path / "checkpoint.db"
    warm = fleet.world.verify(checkpoint=checkpoint)
    fleet.world.commit(fleet.files("rollback"), by="mallory")
    again, cold = fleet.world.verify(checkpoint=checkpoint), fleet.world.verify()
    assert warm.verified
    assert again.all_problems() == cold.all_problems()
    assert (again.audit_head, again.decisions) == (cold.audit_head, cold.decisions)
    assert not cold.verified
