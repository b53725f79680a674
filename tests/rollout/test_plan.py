# SPDX-License-Identifier: Apache-2.0
"""Plans: what each step changes, when, and what would keep it from being started."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaitops.documents.models.rollout import RolloutSpec
from gaitops.fleet.candidates import stages
from gaitops.fleet.state import FleetState
from gaitops.rollout.plan import Plan, make_plan, moves, plan_problems, reach

MakeSpec = Callable[..., RolloutSpec]
MakeFleet = Callable[..., FleetState]

START = datetime(2026, 11, 22, 9, tzinfo=UTC)
EIGHT = tuple(f"r{number}" for number in range(8))


def plan_of(state: FleetState, spec: RolloutSpec, **options: Any) -> Plan:
    """The plan of the rollout guard-2 of acme/pay."""
    return make_plan(state, "acme", "pay", "guard-2", spec, **{"started": None, **options})


def codes(plan: Plan) -> list[str]:
    """Codes of the problems of a plan."""
    return [problem.code for problem in plan_problems(plan)]


def test_steps_enter_and_stay(make_spec: MakeSpec, make_fleet: MakeFleet) -> None:
    """Each step says who changes from what to what; the others keep what they have."""
    plan = plan_of(make_fleet(EIGHT), make_spec())
    watch, attempt, everywhere = plan.steps
    assert [step.size for step in plan.steps] == [8, 2, 8]
    assert [(move.repository, move.before, move.after) for move in watch.enters] == [
        (name, None, "observe") for name in plan.order
    ]
    assert [(move.repository, move.before, move.after) for move in attempt.enters] == [
        (name, "observe", "dry_run") for name in plan.order[:2]
    ]
    assert [(move.repository, move.after) for move in attempt.stays] == [
        (name, "observe") for name in plan.order[2:]
    ]
    assert [move.before for move in everywhere.enters] == ["dry_run"] * 2 + ["observe"] * 6
    assert [(step.entering, step.production) for step in plan.steps] == [(8, 8), (2, 2), (8, 8)]
    assert plan_problems(plan) == []
    assert plan.newcomers == plan.order


def test_dates_are_the_start_and_the_soaks(make_spec: MakeSpec, make_fleet: MakeFleet) -> None:
    """A step can be entered when all steps before it have soaked; completing waits for the last soak."""
    state, spec = make_fleet(EIGHT), make_spec()
    plan = plan_of(state, spec, started=START)
    assert [step.earliest for step in plan.steps] == [
        START,
        START + timedelta(days=3),
        START + timedelta(days=4),
    ]
    assert plan.finished == START + timedelta(days=4, minutes=90)
    undated = plan_of(state, spec)
    assert undated.finished is None
    assert {step.earliest for step in undated.steps} == {None}
    assert [step.after for step in undated.steps] == [timedelta(), timedelta(days=3), timedelta(days=4)]


def test_gates_and_approvals_are_shown(make_spec: MakeSpec, make_fleet: MakeFleet) -> None:
    """What must have succeeded to leave a step, and which steps need the quorum again."""
    step = {"name": "all", "mode": "enforce", "percent": 100, "environments": ["prod"]}
    gate = {
        "name": "calm",
        "window": "24h",
        "minimumSamples": 1,
        "metrics": [{"metric": "block_rate", "maximum": 1}],
    }
    spec = make_spec(steps=[{**step, "gates": ["calm"], "approval": "required"}], gates=[gate])
    (planned,) = plan_of(make_fleet(EIGHT), spec).steps
    assert (planned.gates, planned.approval_required, planned.soak) == (("calm",), True, timedelta())


def test_newcomers_and_leavers(make_spec: MakeSpec, make_fleet: MakeFleet) -> None:
    """A started rollout keeps its order: who left is shown as leaving, who came is at the end."""
    order = ("r3", "gone", "r1")
    plan = plan_of(make_fleet(["r1", "r2", "r3"]), make_spec(), order=order)
    assert plan.order == ("r3", "gone", "r1", "r2")
    assert plan.newcomers == ("r2",)
    watch, attempt, everywhere = plan.steps
    assert (watch.leaves, attempt.leaves, everywhere.leaves) == (("gone",), (), ("gone",))
    assert [move.repository for move in watch.enters] == ["r3", "r1", "r2"]
    assert plan_problems(plan) == []


def test_several_environments(make_spec: MakeSpec, make_fleet: MakeFleet) -> None:
    """Limits count repositories, not places; production counts only where the tier is production."""
    environments = {"test": {"tier": "development"}, "prod": {"selector": {"names": ["r0", "r1"]}}}
    steps = [
        {"name": "test", "mode": "enforce", "percent": 100, "environments": ["test"]},
        {"name": "prod", "mode": "enforce", "percent": 100, "environments": ["prod", "test"]},
    ]
    plan = plan_of(make_fleet(EIGHT, environments=environments), make_spec(steps=steps))
    assert [(step.entering, step.production) for step in plan.steps] == [(8, 0), (2, 2)]
    assert len(plan.steps[1].stays) == 8
    assert [environment.name for environment in plan.environments] == ["prod", "test"]
    assert plan_problems(plan) == []


def test_an_edge_with_newcomers(make_spec: MakeSpec, make_fleet: MakeFleet) -> None:
    """A newcomer enters whatever the steps so far give, although the step itself leaves the others alone."""
    spec = make_spec()
    plan = plan_of(make_fleet(["a", "b", "c"]), spec, order=("a", "b"))
    found = moves(spec, plan.environments, before=(("a", "b"), 1), after=(plan.order, 1))
    assert [(move.repository, move.before, move.after) for move in found if move.changes] == [
        ("c", None, "observe")
    ]
    assert reach(found, plan.environments) == (1, 1)
    start = moves(spec, plan.environments, before=((), -1), after=(plan.order, 0))
    assert reach(start, plan.environments) == (3, 3)


@pytest.mark.parametrize(
    ("where", "limit"),
    [
        ("limits", {"maxRepositoriesPerStep": 7}),
        ("org_caps", {"maxPercentPerStep": 50}),
        ("fleet_caps", {"maxProductionPerStep": 2}),
    ],
)
def test_limits_of_plan_org_and_fleet(
    make_spec: MakeSpec, make_fleet: MakeFleet, where: str, limit: dict[str, int]
) -> None:
    """Each of the three holds alone; the step that goes beyond it is named."""
    spec = make_spec(limits=limit) if where == "limits" else make_spec()
    plan = plan_of(make_fleet(EIGHT, **({} if where == "limits" else {where: limit})), spec)
    assert codes(plan) == ["rollout.blast_radius", "rollout.blast_radius"]
    first = plan_problems(plan)[0]
    assert first.message.startswith("step 'watch': 8 ")
    assert (first.path, first.field) == (
        "orgs/acme/projects/pay/rollouts/guard-2.yaml",
        "spec.steps[0]",
    )
    assert plan.steps[1].exceeded == ()


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        (
            {"policy": {"name": "guard", "version": "1.1.0"}},
            "enforces acme/guard@1.1.0, not acme/guard@1.0.0",
        ),
        ({"policy": {"org": "globex", "name": "guard", "version": "1.0.0"}}, "enforces globex/guard@1.0.0"),
        ({"policy": {"name": "guard", "channel": "stable"}}, "enforces acme/guard@(none)"),
        ({"selector": {"names": ["elsewhere"]}}, "no repository is selected"),
    ],
)
def test_environments_that_do_not_fit(
    make_spec: MakeSpec, make_fleet: MakeFleet, environment: dict[str, Any], problem: str
) -> None:
    """The plan starts from what every environment enforces, and moves somebody."""
    plan = plan_of(make_fleet(EIGHT, environments={"prod": environment}), make_spec())
    (found,) = plan_problems(plan)
    assert found.code == "rollout.transition"
    assert problem in found.message


def test_a_missing_environment(make_spec: MakeSpec, make_fleet: MakeFleet) -> None:
    """It is named; nothing else is said about it."""
    steps = [{"name": "all", "mode": "enforce", "percent": 100, "environments": ["prod", "nowhere"]}]
    (found,) = plan_problems(plan_of(make_fleet(EIGHT), make_spec(steps=steps)))
    assert "no environment 'nowhere'" in found.message


def test_a_selector_that_leaves_somebody_out(make_spec: MakeSpec, make_fleet: MakeFleet) -> None:
    """Completing changes the environment, so everybody in it must have taken part."""
    spec = make_spec(selector={"names": ["r0", "r1", "r2"]})
    (found,) = plan_problems(plan_of(make_fleet(EIGHT), spec))
    assert "select r3, r4, r5 and 2 more, which the rollout does not" in found.message


@pytest.mark.parametrize(
    "last",
    [
        {"mode": "enforce", "percent": 99},
        {"mode": "dry_run", "percent": 100},
        {"mode": "enforce", "count": 199},
    ],
)
def test_a_plan_that_does_not_end(make_spec: MakeSpec, make_fleet: MakeFleet, last: dict[str, Any]) -> None:
    """Everybody must be at enforce in the end."""
    steps = [{"name": "all", "environments": ["prod"], **last}]
    state = make_fleet([f"r{number}" for number in range(200)])
    (found,) = plan_problems(plan_of(state, make_spec(steps=steps)))
    assert found.code == "rollout.transition"
    assert "no step enforces 2.0.0 for" in found.message


NAMES = st.lists(st.sampled_from(EIGHT), unique=True)


@settings(max_examples=60, deadline=None)
@given(NAMES, NAMES, st.lists(st.integers(1, 100), min_size=1, max_size=4))
def test_every_place_is_where_its_stage_says(
    make_spec: MakeSpec, make_fleet: MakeFleet, order: list[str], present: list[str], shares: list[int]
) -> None:
    """Enters and stays together are exactly the reached places that exist, each once, with the mode of its stage."""
    steps = [
        {"name": f"s{index}", "mode": mode, "percent": share, "environments": ["prod"]}
        for index, (share, mode) in enumerate(
            zip(shares, ("observe", "dry_run", "observe", "enforce"), strict=False)
        )
    ]
    spec = make_spec(steps=steps)
    plan = plan_of(make_fleet(present), spec, order=order)
    for step in plan.steps:
        expected = {
            name: mode
            for name in plan.order
            if name in present
            and (mode := stages(spec, len(plan.order), step.index, "prod")[plan.order.index(name)])
            is not None
        }
        found = [*step.enters, *step.stays]
        assert {move.repository: move.after for move in found} == expected
        assert len(found) == len(expected)
        assert set(step.leaves) == set(plan.order[: step.size]).difference(present)
