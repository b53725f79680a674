# SPDX-License-Identifier: Apache-2.0
"""Proposed fixes: files that Gait reads, commands that exist, and the same proposal for everybody."""

from __future__ import annotations

import json
import shlex

import pytest

from gaitops.content import MemorySnapshot
from gaitops.errors import InvalidInputError
from gaitops.fleet.state import DocumentCache, FleetState
from gaitops.gait.fixtures import decision_of
from gaitops.signals.causes import Cause
from gaitops.signals.fixes import Knowledge, proposer
from gaitops.signals.fixtures import merged_config, policy_fixture, regress_fixture
from gaitops.signals.model import Fix, Signal
from gaitops.signals.queue import Queue, queue, with_fixes
from gaitops.signals.rollbacks import rollback
from gaitops.signals.rows import AssignmentChange, Evidence
from tests.signals.larkspur import AT, evidence, runs
from tests.signals.test_causes import AFTER, BEFORE
from tests.signals.test_causes import CHANGE as ADVANCED

CHANGE = AssignmentChange(
    "github.com/acme/pay", "prod", AT, "acme/guard@1.0.0", "d1", "acme/guard@1.1.0", "d2", backwards=False
)
ENVIRONMENT = """\
apiVersion: gaitops.dev/v1
kind: Environment
metadata: {name: prod, org: acme, project: pay}
spec:
  tier: production
  selector: {all: true}
  policy:  # moved on Monday
    name: guard
    version: 1.1.0
"""


@pytest.fixture(scope="module")
def made() -> Queue:
    found = queue(evidence())
    return with_fixes(
        found, proposer(found, evidence(), Knowledge("file:///srv/evidence", trust_root="0" * 64))
    )


def of(made: Queue, kind: str) -> Signal:
    return next(signal for signal in made.signals if signal.kind == kind)


def kinds(signal: Signal) -> list[str]:
    return [fix.kind for fix in signal.fixes]


def test_every_signal_has_a_way_to_look_further(made: Queue) -> None:
    """The last proposal lists the evidence, from the store that was asked."""
    for signal in made.signals:
        command = shlex.split(signal.fixes[-1].commands[0])
        assert signal.fixes[-1].kind == "investigate"
        assert command[:5] == ["gaitops", "evidence", "query", "--store", "file:///srv/evidence"]
        assert command[5:7] == ["--table", signal.selector["table"]]


def test_fixes_name_the_artifacts_that_they_were_made_from(made: Queue) -> None:
    """Every proposal is linked to evidence, where the signal has any."""
    for signal in made.signals:
        for fix in signal.fixes:
            assert bool(fix.artifacts) == bool(signal.artifacts), (signal.kind, fix.kind)


def test_families_become_regress_fixtures(made: Queue) -> None:
    """The canonical run, its tools, and the outcome that is wanted: failed calls succeed, what the gate decided stays."""
    signal = next(one for one in made.signals if one.id == "fam_5fbb0b6f1bd4")
    assert kinds(signal) == ["regress_fixture", "policy_fixture", "investigate"]
    fix = signal.fixes[0]
    fixture = json.loads(fix.files["fixtures/fam-5fbb0b6f1bd4/fixture.json"])
    run = next(one for one in runs() if one.run_id == fixture["run_id"])
    assert fixture["expected_tool_sequence"] == list(run.action_sequence)
    assert fixture["expected_verdict_sequence"] == ["allow", "block", "allow", "allow"]
    assert fixture["candidate_runpack"] == "candidate.zip"
    assert fix.objects == {"fixtures/fam-5fbb0b6f1bd4/runpack.zip": run.artifact}
    (entry,) = json.loads(fix.files["gait.yaml"])["fixtures"]
    assert entry == {
        "name": "fam-5fbb0b6f1bd4",
        "run_id": run.run_id,
        "runpack": "fixtures/fam-5fbb0b6f1bd4/runpack.zip",
    }


def test_blocked_tools_become_policy_fixtures(made: Queue) -> None:
    """One intent and one expectation per tool, for the place where they are blocked most."""
    signal = of(made, "destructive_blocks")
    assert kinds(signal) == ["policy_fixture", "investigate"]
    fix = signal.fixes[0]
    assert fix.repository == "larkspur/catalog-sync"
    intents = {name: json.loads(text) for name, text in fix.files.items() if "expected" not in name}
    assert {one["tool_name"] for one in intents.values()} == {"delete_sku", "drop_table", "purge_cache"}
    for name, intent in intents.items():
        assert intent["context"]["repo"] == "larkspur/catalog-sync"
        expected = json.loads(fix.files[name.replace(".json", ".expected.json")])
        assert expected == {"verdict": "block", "exit_code": 3}
        assert any(name in command and command.endswith("-eq 3") for command in fix.commands)


@pytest.mark.parametrize("kind", ["unknown_policy", "policy_drift", "committed_policy"])
def test_policies_out_of_place_need_a_new_pin(made: Queue, kind: str) -> None:
    """One proposal per repository, with the trust root of the caller."""
    signal = of(made, kind)
    pins = [fix for fix in signal.fixes if fix.kind == "pin_update"]
    assert [fix.repository for fix in pins] == list(signal.repositories)
    root = "--trust-root sha256:" + "0" * 64
    assert pins[0].commands == (
        f'gaitops pin update --from "$GAITOPS_RELEASE" {root}',
        f"gaitops pin verify {root}",
    )


def test_proposals_are_reproducible(made: Queue) -> None:
    """The same evidence gives the same proposals, byte for byte."""
    again = queue(evidence())
    again = with_fixes(
        again, proposer(again, evidence(), Knowledge("file:///srv/evidence", trust_root="0" * 64))
    )
    assert json.dumps(again.to_json()) == json.dumps(made.to_json())


def state(**files: str) -> FleetState:
    content = {path.replace("__", "/") + ".yaml": text.encode() for path, text in files.items()}
    return FleetState(MemorySnapshot(content), DocumentCache())


def test_without_a_rollout_the_environment_goes_back() -> None:
    """The document with the version before, everything else as people wrote it."""
    fix = rollback(
        state(orgs__acme__projects__pay__environments__prod=ENVIRONMENT), "acme", "pay", CHANGE, ("a" * 64,)
    )
    assert fix is not None
    (path,) = fix.files
    assert path == "orgs/acme/projects/pay/environments/prod.yaml"
    assert "version: 1.0.0" in fix.files[path]
    assert fix.files[path].splitlines()[:6] == ENVIRONMENT.splitlines()[:6]
    assert fix.artifacts == ("a" * 64,)


def test_a_place_that_moved_on_has_no_rollback() -> None:
    """Nothing is proposed when the place runs the version before already, or another policy."""
    for text in (ENVIRONMENT.replace("1.1.0", "1.0.0"), ENVIRONMENT.replace("guard", "other")):
        moved = state(orgs__acme__projects__pay__environments__prod=text)
        assert rollback(moved, "acme", "pay", CHANGE, ()) is None
    assert rollback(state(orgs__x=""), "acme", "pay", CHANGE, ()) is None


@pytest.mark.parametrize(
    ("status", "decision"),
    [("ok", "allow"), ("Success", "allow"), ("broken", "error"), ("blocked", "block"), ("DENY", "block"),
     ("approval_required", "require_approval"), ("dry-run", "dry_run"), ("timeout", "error")],
)  # fmt: skip
def test_statuses_are_read_as_gait_reads_them(status: str, decision: str) -> None:
    """Whole words for success, words inside for what the gate did, anything else is an error."""
    assert decision_of(status) == decision


def test_a_fixture_joins_the_configuration_that_is_there() -> None:
    """Other fixtures and members stay; one of the same name is replaced; what is no configuration is refused."""
    run = next(one for one in runs() if one.reason_codes)
    proposed = regress_fixture(run, "fam-1").files["gait.yaml"]
    there = {"schema_id": "gait.regress.config", "fixture_set": "mine", "fixtures": [{"name": "golden"}]}
    once = merged_config(json.dumps(there), proposed)
    assert merged_config(once, proposed) == once
    document = json.loads(once)
    assert document["fixture_set"] == "mine"
    assert [one["name"] for one in document["fixtures"]] == ["golden", "fam-1"]
    with pytest.raises(InvalidInputError) as caught:
        merged_config("default_verdict: block", proposed)
    assert caught.value.code == "signals.regress_config"


def test_rollbacks_are_proposed_where_the_assignment_advanced() -> None:
    """A run that first failed after an advance gets the way back, made from exactly that change."""
    told = Evidence(AT, runs=(BEFORE, AFTER), assignments=(ADVANCED,))
    asked = []

    def undo(change: AssignmentChange, artifacts: tuple[str, ...]) -> Fix:
        asked.append((change, artifacts))
        return Fix("rollback", "back", commands=("gaitops rollout rollback acme/pay/guard",))

    found = queue(told)
    (signal,) = with_fixes(found, proposer(found, told, Knowledge(rollback=undo))).signals
    assert Cause.ASSIGNMENT_ADVANCED in signal.attributions[0].causes
    assert kinds(signal) == ["regress_fixture", "rollback", "investigate"]
    assert asked == [(ADVANCED, (AFTER.artifact,))]


def test_policy_fixtures_have_names_of_files() -> None:
    """A tool's name may hold anything; the path does not."""
    fix = policy_fixture(["../DB.Drop Table"], "block", repository="r", environment="", artifacts=())
    assert sorted(fix.files) == [
        "examples/policy/intents/db-drop-table-any-block.expected.json",
        "examples/policy/intents/db-drop-table-any-block.json",
    ]
