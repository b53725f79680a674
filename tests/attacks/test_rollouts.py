# SPDX-License-Identifier: Apache-2.0
"""Rollouts that somebody tries to outrun, to bend or to ride on: refused in a pull request and on the branch."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gaitops.documents.layout import analysis_path, rollout_path
from gaitops.documents.models.rollout import Rollout
from gaitops.rollout.prepare import prepare
from gaitops.rollout.transitions import EdgeKind
from gaitops.signing.canonical import canonical_json
from gaitops.signing.dsse import seal
from gaitops.signing.statement import PAYLOAD_TYPE
from tests.attacks.rollout_tools import changed, refused
from tests.attacks.story import VERIFIED, Commands, approvals_of, project, revocation
from tests.history.rollouts import BAD, PATH, PLACE, Fleet, plan, rollout_document, text_of
from tests.history.stories import by_root, rule
from tests.simulator import DAY, document, environment_document

DEV = "orgs/acme/projects/pay/environments/dev.yaml"


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


# -- steps and time -----------------------------------------------------------------------------------------------


def test_o01_a_skipped_step(begun: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O1: from observing straight to enforcing."""
    fleet = begun.copied(tmp_path / "fleet")
    refused(fleet, commands, changed(fleet.files("advance"), {"step": "half"}), "rollout.skipped_step")


def test_o01_an_end_before_the_last_step(begun: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O1: from observing straight to the end, with the environment that a completion writes."""
    fleet = begun.copied(tmp_path / "fleet")
    was = json.loads(fleet.world.read(PATH))["status"]
    end = {**was, "phase": "completed", "finishedAt": "2026-11-02T00:00:00Z"}
    files = {**changed(fleet.files("advance"), end), **fleet.environment("dev", version="1.1.0")}
    refused(fleet, commands, files, "rollout.skipped_step")


def test_o01_two_edges_at_once(begun: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O1: a pause that enters the next step on the way, or one that is held before it was entered."""
    fleet = begun.copied(tmp_path / "fleet")
    refused(fleet, commands, changed(fleet.files("advance"), {"phase": "paused"}), "rollout.transition")


def test_o02_a_step_before_its_soak(begun: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O2: the step must stay two days, and is left after half of one; what the document says does not help."""
    fleet = begun.copied(tmp_path / "fleet")
    fleet.take("advance")
    fleet.wait(0.5)
    refused(fleet, commands, fleet.files("advance"), "rollout.soak")


def test_o02_a_step_that_claims_to_be_old(begun: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O2: the operator writes down that the step was entered last week, and leaves it an hour later."""
    fleet = begun.copied(tmp_path / "fleet")
    fleet.land(changed(fleet.files("advance"), {"stepStartedAt": "2026-10-25T00:00:00Z"}))
    assert fleet.codes() == set()
    fleet.world.tick(timedelta(hours=1))
    refused(fleet, commands, fleet.files("advance"), "rollout.soak")


def test_o03_a_commit_dated_after_the_soak(begun: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O3: a commit is dated ahead so that its step seems to have stayed long enough."""
    fleet = begun.copied(tmp_path / "fleet")
    fleet.take("advance")
    ahead, files = fleet.world.now + 3 * DAY, fleet.files("advance")
    fleet.world.commit(files, by="rosa", branch="attack", when=ahead)
    assert "rollout.soak" in commands.check(fleet.world, "attack").codes
    fleet.world.commit(files, by="rosa", when=ahead)
    commands.survives(fleet.world, "history.time")


def test_o04_a_times_in_the_future(begun: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O4: the status says that the step was entered next week."""
    fleet = begun.copied(tmp_path / "fleet")
    files = changed(fleet.files("advance"), {"stepStartedAt": "2026-12-24T00:00:00Z"})
    refused(fleet, commands, files, "rollout.transition")


# -- gates and analyses -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("failed", [False, True])
def test_o05_across_a_gate_without_approval(
    gated: Fleet, commands: Commands, tmp_path: Path, *, failed: bool
) -> None:
    """O5: an author leaves the step although nobody analyzed anything, or the analysis failed."""
    fleet = gated.copied(tmp_path / "fleet")
    if failed:
        fleet.analyze(BAD)
    refused(fleet, commands, fleet.files("advance"), "rollout.gate", by="alice", signed=True)


def test_o06_a_status_that_lies_about_a_gate(gated: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O6: the analysis failed, and the status says success."""
    fleet = gated.copied(tmp_path / "fleet")
    fleet.analyze(BAD)
    files = {path: text.replace('"failure"', '"success"') for path, text in fleet.files("advance").items()}
    refused(fleet, commands, files, "rollout.gate")


def test_o06_a_status_that_omits_a_gate(gated: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O6: the gate that failed is not mentioned."""
    fleet = gated.copied(tmp_path / "fleet")
    fleet.analyze(BAD)
    refused(fleet, commands, changed(fleet.files("advance"), {"gates": []}), "rollout.gate")


def test_o06_an_analysis_that_calls_failure_success(gated: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O6: the analyst signs values that fail and the word success."""
    fleet = gated.copied(tmp_path / "fleet")

    def praise(predicate: dict[str, Any]) -> None:
        predicate["outcome"] = "success"
        predicate["metrics"][0] |= {"outcome": "success", "value": 0.0}

    analysis = unchecked(fleet, fleet.analysis(BAD), praise)
    refused(fleet, commands, cited(fleet, analysis), "rollout.gate")


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
    return {**changed(fleet.files("advance"), cites(path)), path: data}


def cites(path: str) -> dict[str, Any]:
    """Members of a status that cite an analysis as a success."""
    digest = path.rpartition("/")[2].removesuffix(".json")
    return {"gates": [{"step": "canary", "gate": "quiet", "outcome": "success", "analysis": digest}]}


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


def test_o09_an_analysis_by_a_key_that_turns_out_stolen(
    gated: Fleet, commands: Commands, tmp_path: Path
) -> None:
    """O9: the analysis was on record already when its key is revoked as compromised since before."""
    fleet = gated.copied(tmp_path / "fleet")
    since = fleet.world.head()
    fleet.analyze()
    files = fleet.files("advance")
    stolen = revocation("ana", "ana", fleet.world.actor("ana"), since=since)
    fleet.world.land(stolen, by="alice", approvers=["bob", "carol"])
    assert fleet.codes() == set()
    refused(fleet, commands, files, "rollout.gate")


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
        analysis = unchecked(fleet, analysis, _with_short_window)
    refused(fleet, commands, cited(fleet, analysis), "rollout.gate")


def _with_short_window(predicate: dict[str, Any]) -> None:
    """An analysis of one minute."""
    end = predicate["window"]["end"]
    predicate["window"]["start"] = end.replace(end[14:16], f"{(int(end[14:16]) - 1) % 60:02d}")


def unchecked(
    fleet: Fleet, analysis: Mapping[str, bytes], edit: Callable[[dict[str, Any]], None]
) -> dict[str, bytes]:
    """An analysis with another predicate, signed by an analyst whose own tool did not check it."""
    ((_path, data),) = analysis.items()
    statement = json.loads(base64.b64decode(json.loads(data)["payload"]))
    edit(statement["predicate"])
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


@pytest.mark.parametrize("what", ["stranger", "elsewhere", "approval"])
def test_o12_analyses_that_are_none(gated: Fleet, commands: Commands, tmp_path: Path, what: str) -> None:
    """O12: signed by another key, filed under another rollout, or another statement of the analyst."""
    fleet = gated.copied(tmp_path / "fleet")
    ((path, data),) = fleet.analysis().items()
    code = "rollout.analysis"
    if what == "stranger":
        payload = base64.b64decode(json.loads(data)["payload"])
        data = seal(PAYLOAD_TYPE, payload, [fleet.world.actor("mallory").signer])
    elif what == "elsewhere":
        path = analysis_path("acme", "pay", "other", path.rpartition("/")[2].removesuffix(".json"))
    else:
        fleet.world.commit(project(), by="alice", branch="topic")
        (data,) = approvals_of(fleet.world, "topic", "ana").values()
        code = "analysis.malformed"
    fleet.world.commit({path: data}, by="mallory")
    verdict = commands.verify(fleet.world)
    assert verdict.code == VERIFIED
    assert code in {item["code"] for item in verdict.json["ignored"]}
    files = changed(fleet.files("advance"), cites(path))
    refused(fleet, commands, files, "rollout.gate")


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


def test_o14_a_second_rollout_that_starts_well(begun: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O14: the second one would be allowed to start, were the first not there."""
    fleet = begun.copied(tmp_path / "fleet")
    refused(fleet, commands, started(fleet, "second"), "rollout.overlap", by="alice")


def started(fleet: Fleet, name: str, **changes: object) -> dict[str, str]:
    """A plan that is written and started in one change, as ``gaitops rollout start`` would."""
    place = ("acme", "pay", name)
    document = Rollout.model_validate(json.loads(rollout_document(plan(**changes), name)))
    with fleet.world.history() as history:
        made = prepare("start", history.state(), place, document, now=fleet.world.now)
    return {rollout_path(*place): text_of(made.rollout)}


def test_o15_an_environment_that_a_rollout_holds(begun: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O15: somebody assigns the new version directly, past all steps."""
    fleet = begun.copied(tmp_path / "fleet")
    refused(fleet, commands, fleet.environment("dev", version="1.1.0"), "rollout.overlap", by="alice")


def test_o15_an_environment_is_taken_away(begun: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O15: the environment is deleted under the rollout."""
    fleet = begun.copied(tmp_path / "fleet")
    refused(fleet, commands, {DEV: None}, "rollout.overlap", by="alice")


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


def test_o17_a_freeze_that_begins_on_the_way(template: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O17: the window begins after the start, or somebody deletes it together with the step."""
    fleet = template.copied(tmp_path / "fleet")
    path = "trust/freeze-windows/audit.yaml"
    window = {
        "timezone": "UTC",
        "windows": [{"start": "2026-11-02T00:00:00", "end": "2026-12-01T00:00:00"}],
        "reason": "audit",
    }
    fleet.world.land({path: document("FreezeWindow", "audit", window)}, by="alice", approvers=["bob"])
    fleet.start(freezeWindows=["audit"])
    assert fleet.codes() == set()
    fleet.wait(1)
    refused(fleet, commands, {**fleet.files("advance"), path: None}, "rollout.freeze_window")


# -- the document -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("edge", ["pause", "advance"])
def test_o18_another_order_of_repositories(
    begun: Fleet, commands: Commands, tmp_path: Path, edge: EdgeKind
) -> None:
    """O18: a repository is moved to the front, or slipped in beside a pause that needs nobody."""
    fleet = begun.copied(tmp_path / "fleet")
    order = list(reversed(fleet.rollout().status.repositories))
    refused(fleet, commands, changed(fleet.files(edge), {"repositories": order}), "rollout.transition")


def test_o19_a_forged_way_back(template: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O19: the start records another version as the one before, for a later rollback to restore."""
    fleet = template.copied(tmp_path / "fleet")
    previous = [{"environment": "dev", "policy": {"name": "agents", "version": "1.1.0"}}]
    files = changed(fleet.files("start"), {"previous": previous})
    refused(fleet, commands, files, "rollout.transition", by="alice")


def test_o19_a_way_back_that_is_forged_later(begun: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O19: a step rewrites what the start recorded."""
    fleet = begun.copied(tmp_path / "fleet")
    previous = [{"environment": "dev", "policy": {"name": "agents", "version": "1.1.0"}}]
    refused(fleet, commands, changed(fleet.files("advance"), {"previous": previous}), "rollout.transition")


def test_o20_back_to_a_plan(begun: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O20: an active rollout becomes a plan again, which holds nothing and may be edited."""
    fleet = begun.copied(tmp_path / "fleet")
    body = json.loads(fleet.world.read(PATH))
    del body["status"]
    refused(fleet, commands, {PATH: json.dumps(body)}, "rollout.transition", by="alice")


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


@pytest.mark.parametrize("what", ["other", "nothing", "previous"])
def test_o21_a_rollback_to_something_else(
    completed: Fleet, commands: Commands, tmp_path: Path, what: str
) -> None:
    """O21: a rollback writes another version into the environment, does not write it, or forges what was before."""
    fleet = completed.copied(tmp_path / "fleet")
    files = fleet.files("rollback")
    new = {"name": "agents", "version": "1.1.0"}
    if what == "other":
        files[DEV] = environment_document("dev", "development", new)
    else:
        del files[DEV]
    if what == "previous":
        files = changed(files, {"previous": [{"environment": "dev", "policy": new}]})
    refused(fleet, commands, files, "rollout.transition", by="alice")


def test_o21_a_rollback_over_what_came_later(completed: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O21: the environment was changed again since; the rollout has nothing to put back there any more."""
    fleet = completed.copied(tmp_path / "fleet")
    files = fleet.files("rollback")
    fleet.world.land(fleet.environment("dev"), by="alice", approvers=["bob"])
    assert fleet.codes() == set()
    refused(fleet, commands, {PATH: files[PATH]}, "rollout.transition", by="alice")


def test_o22_aborting_what_is_enforced(enforcing: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O22: giving up is not a way around a rollback once something is enforced."""
    fleet = enforcing.copied(tmp_path / "fleet")
    refused(fleet, commands, fleet.files("abort"), "rollout.transition", by="alice")


def test_o23_a_trigger_that_has_not_fired(enforcing: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O23: an operator claims that the version was revoked, to roll back alone."""
    fleet = enforcing.copied(tmp_path / "fleet")
    refused(fleet, commands, fleet.files("rollback", trigger="revoked_version"), "rollout.transition")


# -- the operator -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("edge", ["rollback", "abort", "gate", "resume"])
def test_o24_an_operator_off_the_plan(gated: Fleet, commands: Commands, tmp_path: Path, edge: str) -> None:
    """O24: an operator rolls back without a trigger, aborts, crosses a gate, or takes up again what was held."""
    fleet = gated.copied(tmp_path / "fleet")
    if edge == "resume":
        fleet.take("pause")
    files = fleet.files("advance") if edge == "gate" else fleet.files(edge)  # type: ignore[arg-type]
    refused(fleet, commands, files, "permission.denied", signed=True)


def test_o24_an_operator_begins(template: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O24: an operator starts the plan."""
    fleet = template.copied(tmp_path / "fleet")
    refused(fleet, commands, fleet.files("start"), "permission.denied", signed=True)


def test_o25_a_ride_on_an_edge(begun: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O25: what comes with an operator's edge in one change is judged by itself, and holds it up."""
    fleet = begun.copied(tmp_path / "fleet")
    files = {**fleet.files("advance"), **project(summary="mallory's")}
    refused(fleet, commands, files, "permission.denied", signed=True)


@pytest.mark.parametrize("what", ["tier", "selector", "another"])
def test_o25_a_ride_on_a_completion(enforcing: Fleet, commands: Commands, tmp_path: Path, what: str) -> None:
    """O25: the completion writes an environment anyway; its tier, its selector, or another one changes with it."""
    fleet = enforcing.copied(tmp_path / "fleet")
    fleet.take("advance")
    new = {"name": "agents", "version": "1.1.0"}
    rides = {
        "tier": {DEV: environment_document("dev", "staging", new)},
        "selector": {DEV: environment_document("dev", "development", new, selector={"names": ["r0"]})},
        "another": fleet.environment("test", version="1.1.0"),
    }
    refused(fleet, commands, {**fleet.files("complete"), **rides[what]}, "permission.denied", signed=True)


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


def test_o27_an_operators_envelope_is_replayed(template: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O27: the same bytes come again in a second run of the plan, with the operator's envelope of the first."""
    fleet = template.copied(tmp_path / "fleet")
    world = fleet.world
    start = fleet.files("start")
    fleet.land(start, by="alice", approvers=["bob", "carol"])
    fleet.wait(1)
    step = fleet.files("advance")
    world.commit(step, by="rosa", branch="step")
    envelope = world.envelopes(world.signables("step"), "rosa", "propose")
    world.commit(envelope, by="rosa", branch="step")
    world.merge("step", by="rosa")
    assert fleet.codes() == set()
    fleet.take("rollback", by="alice", approvers=["bob"])
    world.land({PATH: None}, by="alice", approvers=["bob"])
    fleet.land(start, by="alice", approvers=["bob", "carol"])
    assert fleet.codes() == set()
    fleet.wait(1)
    ((path, data),) = envelope.items()
    copy = {f"{path.rpartition('.')[0][:-12]}{'0' * 12}.json": data}
    refused(fleet, commands, {**step, **copy}, "approval.replayed", by="mallory")
    assert "approval.quorum" in fleet.codes()


def test_o28_a_stay_that_expires_after_the_end(template: Fleet, commands: Commands, tmp_path: Path) -> None:
    """O28: months after the completion an operator says that its last step lasted too long, to go back alone."""
    fleet = template.copied(tmp_path / "fleet")
    step = {"name": "all", "mode": "enforce", "percent": 100, "environments": ["dev"]}
    fleet.start(steps=[step], gates=[], rollbackTriggers=[{"when": "soak_expired", "after": "7d"}])
    fleet.take("complete")
    assert fleet.codes() == set()
    fleet.wait(100)
    refused(fleet, commands, fleet.files("rollback", trigger="soak_expired"), "rollout.transition")


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
