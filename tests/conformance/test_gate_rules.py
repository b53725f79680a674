# SPDX-License-Identifier: Apache-2.0
"""The rules of deployment gates, one by one, on a state in memory (design 10, issue 3 item 12)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gaitops.conformance.gate import DeploymentFacts, GateDecision, judge_deployment
from gaitops.conformance.model import ControlResult, Outcome, RepositoryResult, WaiverUse
from gaitops.content import MemorySnapshot
from gaitops.documents.models.summary import EvidenceSummary
from gaitops.documents.times import format_timestamp
from gaitops.errors import InvalidInputError
from gaitops.fleet.state import DocumentCache, FleetState
from tests.simulator import document, project_files

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
ROOT = "ab" * 32
PAY = "github.com/acme/checkout"
GUARD = {"name": "guard", "version": "1.0.0"}
GATES = "orgs/acme/projects/pay/gates"


def gate(
    name: str = "careful", *, environments: tuple[str, ...] = ("prod",), **require: object
) -> dict[str, str]:
    """A gate document; names of requirements as in YAML."""
    spec = {"environments": list(environments), "require": require}
    return {f"{GATES}/{name}.yaml": document("DeploymentGate", name, spec, org="acme", project="pay")}


def window(
    name: str = "year-end", start: str = "2026-11-22T00:00:00", end: str = "2026-11-23T00:00:00"
) -> dict[str, str]:
    """A freeze window in Tokyo."""
    spec = {"timezone": "Asia/Tokyo", "windows": [{"start": start, "end": end}], "reason": "holidays"}
    return {f"trust/freeze-windows/{name}.yaml": document("FreezeWindow", name, spec)}


def rollout(phase: str, *, environment: str = "prod", name: str = "tighten") -> dict[str, str]:
    """A rollout of the project, in one phase."""
    steps = [{"name": "all", "mode": "enforce", "percent": 100, "environments": [environment]}]
    spec = {
        "policy": {"name": "guard"},
        "from": "1.0.0",
        "to": "1.1.0",
        "selector": {"all": True},
        "steps": steps,
    }
    status: dict[str, object] = {"phase": phase}
    if phase not in ("pending", "aborted"):
        moment = "2026-11-20T09:00:00Z"
        status |= {"step": "all", "startedAt": moment, "stepStartedAt": moment, "repositories": ["checkout"]}
    text = document("Rollout", name, spec, org="acme", project="pay")
    return {
        f"orgs/acme/projects/pay/rollouts/{name}.yaml": json.dumps({**json.loads(text), "status": status})
    }


def state(*files: Mapping[str, str]) -> FleetState:
    """The project ``pay`` with environments ``dev`` and ``prod``, and what a test adds."""
    base = project_files("pay", environments={"dev": ("development", GUARD), "prod": ("production", GUARD)})
    every = {path: text.encode() for part in (base, *files) for path, text in part.items()}
    return FleetState(MemorySnapshot(every), DocumentCache())


def result(**outcomes: Outcome) -> RepositoryResult:
    """A result with these outcomes; ``pin_fresh`` stands for ``pin.fresh``."""
    waiver = WaiverUse(
        "acme/pay/w", "pin.fresh", None, "acme/bob", "SEC-1", AT, AT + timedelta(days=1), "cd" * 32
    )
    controls = tuple(
        ControlResult(
            name.replace("_", "."),
            outcome,
            "so it is",
            "mend it" if outcome is Outcome.FAIL else None,
            waiver=waiver if outcome is Outcome.WAIVED else None,
            would_be=Outcome.FAIL if outcome is Outcome.WAIVED else None,
        )
        for name, outcome in outcomes.items()
    )
    return RepositoryResult(PAY, "prod", None, ROOT, AT, None, controls, (), (), ())


def evidence(*, trust_root: str = ROOT, repository: str = PAY, **regress: Any) -> EvidenceSummary:
    """A summary with one row."""
    return EvidenceSummary.model_validate(
        {
            "schema": "gaitops.dev/evidence-summary/v1",
            "trustRoot": trust_root,
            "generatedAt": format_timestamp(AT),
            "window": {"start": "2026-11-15T12:00:00Z", "end": format_timestamp(AT)},
            "repositories": [{"repository": repository, "environment": "prod", "regress": regress}],
        }
    )


def judge(*files: Mapping[str, str], environment: str = "prod", **facts: Any) -> GateDecision:
    """The decision on a deployment of ``checkout``."""
    given: dict[str, Any] = {"at": AT, **facts}
    return judge_deployment(state(*files), DeploymentFacts(PAY, environment, ROOT, **given))


def codes(decision: GateDecision) -> list[str]:
    """Codes of all reasons against it."""
    return [item.code for item in decision.blockers]


def test_without_a_gate_nothing_stands_against_it() -> None:
    """An environment that no gate names is not guarded; the decision shows that there was none."""
    decision = judge(gate(environments=("prod",), freezeWindows=["year-end"]), environment="dev")
    assert (decision.allowed, decision.gates) == (True, ())


@pytest.mark.parametrize(
    ("repository", "environment", "code"),
    [
        ("github.com/acme/chekout", "prod", "gate.unknown_repository"),
        (PAY, "production", "gate.unknown_environment"),
    ],
)
def test_a_mistyped_name_is_no_permission(repository: str, environment: str, code: str) -> None:
    """What the fleet does not know is an error and not an unguarded environment."""
    with pytest.raises(InvalidInputError) as caught:
        judge_deployment(state(), DeploymentFacts(repository, environment, ROOT, AT))
    assert caught.value.code == code


def test_all_gates_must_agree() -> None:
    """Every gate that guards the environment is judged, and each reason names its gate."""
    decision = judge(
        gate("one", freezeWindows=["year-end"]), gate("two", rollout={"forbiddenPhases": ["running"]}),
        gate("three", environments=("dev",), freezeWindows=["year-end"]), rollout("running"), window(),
    )  # fmt: skip
    assert decision.gates == ("acme/pay/one", "acme/pay/two")
    assert [(item.gate, item.requires) for item in decision.blockers] == [
        ("acme/pay/one", "freezeWindows"),
        ("acme/pay/two", "rollout"),
    ]
    assert all(item.remedy for item in decision.blockers)


# -- conformance ------------------------------------------------------------------------------------------------


def test_conformance_that_nobody_looked_at_blocks() -> None:
    """A gate that asks for conformance and gets none says no."""
    assert codes(judge(gate(conformance={}))) == ["gate.missing_data"]


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome.PASS, None),
        (Outcome.WARN, None),
        (Outcome.NOT_APPLICABLE, None),
        (Outcome.WAIVED, None),
        (Outcome.FAIL, "gate.conformance"),
        (Outcome.INSUFFICIENT_DATA, "gate.missing_data"),
    ],
)
def test_outcomes_of_controls(outcome: Outcome, code: str | None) -> None:
    """What fails or cannot tell blocks; a waiver is taken by default."""
    decision = judge(gate(conformance={}), conformance=result(pin_fresh=outcome))
    assert codes(decision) == ([code] if code else [])


def test_waivers_may_be_refused_and_missing_data_allowed() -> None:
    """Each gate decides on both, and what it tolerates is told."""
    strict = judge(gate(conformance={"allowWaived": False}), conformance=result(pin_fresh=Outcome.WAIVED))
    assert codes(strict) == ["gate.conformance"]
    lenient = judge(
        gate(conformance={"allowInsufficientData": True}),
        conformance=result(pin_fresh=Outcome.INSUFFICIENT_DATA, pin_present=Outcome.WAIVED),
    )
    assert lenient.allowed
    assert [text.split(":")[0] for text in lenient.tolerated] == [
        "pin.fresh is insufficient_data",
        "pin.present is waived",
    ]


def test_only_the_named_controls_count() -> None:
    """A gate may name the controls that matter to it."""
    decision = judge(
        gate(conformance={"controls": ["pin.verifies"]}),
        conformance=result(pin_verifies=Outcome.PASS, pin_fresh=Outcome.FAIL),
    )
    assert decision.allowed


def test_a_control_that_does_not_exist_blocks() -> None:
    """A mistyped control is no control that passes, not even where missing data is allowed."""
    wanted = {"controls": ["pin.verify"], "allowInsufficientData": True}
    decision = judge(gate(conformance=wanted), conformance=result(pin_verifies=Outcome.PASS))
    assert [(item.code, item.subject) for item in decision.blockers] == [("gate.missing_data", "pin.verify")]


# -- rollouts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["pending", "running", "paused", "completed", "rolled_back", "aborted"])
def test_phases_of_rollouts(phase: str) -> None:
    """Exactly the forbidden phases block, and the reason says how the rollout gets out of them."""
    forbidden = ["running", "paused"]
    decision = judge(gate(rollout={"forbiddenPhases": forbidden}), rollout(phase))
    assert codes(decision) == (["gate.rollout"] if phase in forbidden else [])
    every = ["pending", "running", "paused", "completed", "rolled_back", "aborted"]
    always = judge(gate(rollout={"forbiddenPhases": every}), rollout(phase))
    assert (always.blockers[0].subject, bool(always.blockers[0].remedy)) == ("acme/pay/tighten", True)


def test_rollouts_elsewhere_do_not_matter() -> None:
    """A rollout whose plan does not name the environment is none of the gate's business."""
    assert judge(
        gate(rollout={"forbiddenPhases": ["running"]}), rollout("running", environment="dev")
    ).allowed


# -- freeze windows ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hour", "allowed"),
    [("2026-11-21T14:59:59", True), ("2026-11-21T15:00:00", False), ("2026-11-22T15:00:00", True)],
)
def test_freeze_windows_in_their_own_time_zone(hour: str, allowed: bool) -> None:
    """Midnight in Tokyo is 15:00 UTC; the end does not belong to the window."""
    moment = datetime.fromisoformat(hour).replace(tzinfo=UTC)
    assert judge(gate(freezeWindows=["year-end"]), window(), at=moment).allowed is allowed


def test_a_freeze_window_that_does_not_exist_blocks() -> None:
    """A gate that names nothing may not be harmless by mistake."""
    assert codes(judge(gate(freezeWindows=["year-end"]))) == ["gate.missing_data"]


# -- regression -------------------------------------------------------------------------------------------------

REGRESSION = {"minimumPassRate": 0.9, "maxAge": "7d"}
FRESH = "2026-11-20T12:00:00Z"


@pytest.mark.parametrize(
    ("counts", "found"),
    [
        ({"results": 1, "fixtures": 10, "passed": 9, "lastAt": FRESH}, []),
        ({"results": 1, "fixtures": 10, "passed": 8, "lastAt": FRESH}, ["gate.regression"]),
        ({"results": 1, "fixtures": 10, "passed": 10, "vacuous": 10, "lastAt": FRESH}, ["gate.missing_data"]),
        ({"results": 1, "fixtures": 10, "passed": 9, "vacuous": 5, "lastAt": FRESH}, ["gate.regression"]),
        ({"results": 1, "fixtures": 10, "passed": 10, "lastAt": "2026-11-15T11:59:59Z"}, ["gate.regression"]),
        ({"results": 1, "fixtures": 10, "passed": 10, "lastAt": "2026-11-22T12:05:01Z"}, ["gate.regression"]),
        ({}, ["gate.missing_data"]),
        ({"results": 1, "fixtures": 0, "lastAt": FRESH}, ["gate.missing_data"]),
    ],
)
def test_regression_posture(counts: dict[str, Any], found: list[str]) -> None:
    """Share, age and fixtures that compare nothing: a fixture without a candidate neither passes nor fails."""
    assert codes(judge(gate(regression=REGRESSION), evidence=evidence(**counts))) == found


def test_vacuous_fixtures_count_where_the_gate_says_so() -> None:
    """With allowVacuous all fixtures count."""
    counts: dict[str, Any] = {"results": 1, "fixtures": 10, "passed": 10, "vacuous": 10, "lastAt": FRESH}
    assert judge(gate(regression={**REGRESSION, "allowVacuous": True}), evidence=evidence(**counts)).allowed


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"evidence": evidence(trust_root="00" * 32)},
        {"evidence": evidence(repository="github.com/acme/ledger")},
    ],
)
def test_evidence_that_says_nothing_blocks(given: dict[str, Any]) -> None:
    """No summary, another fleet's, or one that never heard of the repository: absence is failure."""
    assert codes(judge(gate(regression=REGRESSION), **given)) == ["gate.missing_data"]
