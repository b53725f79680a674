# SPDX-License-Identifier: Apache-2.0
"""Rollouts as text, JSON and Markdown: nothing is cut that somebody must copy, and everything fits a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gaitops.content import MemorySnapshot
from gaitops.documents.load import load_document
from gaitops.documents.models.rollout import Rollout
from gaitops.documents.times import format_timestamp
from gaitops.errors import Problem
from gaitops.fleet.state import DocumentCache, FleetState
from gaitops.report.rollout_plans import PlanReport, plan_json, plan_markdown, plan_text
from gaitops.report.rollout_status import GateView, RolloutView, status_json, status_markdown, status_text
from gaitops.report.text import plain, width
from gaitops.rollout.gates import Stay
from gaitops.rollout.plan import make_plan
from gaitops.rollout.triggers import Fired, fired
from tests.simulator import document

NOW = datetime(2026, 11, 22, 21, tzinfo=UTC)
DAY = timedelta(days=1)
PROJECT = "orgs/acme/projects/payments-and-settlement"
PLACE = ("acme", "payments-and-settlement", "tighten-tool-verdicts")
REFERENCE = "/".join(PLACE)
NAMES = tuple(f"settlement-service-{number:02}" for number in range(12))
BOTH = ["production", "staging"]
STEPS: Sequence[dict[str, Any]] = (
    {"name": "watch-first", "mode": "observe", "percent": 50, "environments": BOTH, "soak": "2d"},
    {
        "name": "rehearse-half",
        "mode": "dry_run",
        "percent": 50,
        "environments": BOTH,
        "soak": "26h",
        "gates": ["quiet-enough"],
    },
    {"name": "everywhere", "mode": "enforce", "percent": 100, "environments": BOTH, "soak": "1d"},
)
SPEC: dict[str, Any] = {
    "policy": {"name": "agents"},
    "from": "1.0.0",
    "to": "1.1.0",
    "selector": {"all": True},
    "steps": list(STEPS),
    "gates": [
        {
            "name": "quiet-enough",
            "window": "1d",
            "minimumSamples": 10,
            "metrics": [{"metric": "block_rate_delta", "maximum": 0.1}],
        }
    ],
    "rollbackTriggers": [{"when": "soak_expired", "after": "3d"}, {"when": "revoked_version"}],
}


def state_of(names: Sequence[str] = NAMES) -> FleetState:
    """A project with two environments that select everything."""
    files = {
        f"{PROJECT}/repositories/{name}.yaml": document(
            "Repository", name, {"url": f"https://github.com/acme/{name}", "labels": {}}
        )
        for name in names
    }
    for name in BOTH:
        spec = {"tier": name, "selector": {"all": True}, "policy": {"name": "agents", "version": "1.0.0"}}
        files[f"{PROJECT}/environments/{name}.yaml"] = document("Environment", name, spec)
    return FleetState(MemorySnapshot({path: text.encode() for path, text in files.items()}), DocumentCache())


def rollout_of(**changes: Any) -> Rollout:
    """A plan that has not started."""
    found = load_document(
        document("Rollout", PLACE[2], {**SPEC, **changes}).encode(), f"{PROJECT}/rollouts/{PLACE[2]}.yaml"
    )
    assert isinstance(found, Rollout)
    return found


def view_of(
    step: str = "rehearse-half",
    *,
    names: Sequence[str] = NAMES,
    listed: Sequence[str] = NAMES,
    entered: datetime = NOW - DAY,
    outcome: str | None = "success",
    phase: str = "running",
    reason: str | None = None,
    **changes: Any,
) -> RolloutView:
    """A rollout in one of its steps."""
    planned = rollout_of(**changes)
    status = planned.status.model_copy(
        update={"phase": phase, "step": step, "repositories": tuple(listed), "reason": reason}
    )
    rollout = planned.model_copy(update={"status": status})
    current = next(item for item in rollout.spec.steps if item.name == step)
    stay = Stay(rollout.spec, current, "ab" * 32, entered, NOW, timedelta(minutes=5), ())
    gates = tuple(GateView(name, outcome, None, ()) for name in current.gates)  # type: ignore[arg-type]
    return RolloutView(
        REFERENCE,
        rollout,
        make_plan(state_of(names), *PLACE, rollout.spec, order=listed, started=None),
        stay,
        gates,
        tuple(fired(rollout.spec, observed=None, withdrawn=False, entered=entered, now=NOW)),
        ("rollout-robot",),
    )


def only(view: RolloutView) -> Any:
    """One rollout as JSON has it."""
    rollouts: Any = status_json([view])["rollouts"]
    return rollouts[0]


def fits(text: str) -> None:
    """Every line fits, as far as it is no command."""
    lines = [line for line in plain(text).splitlines() if "gaitops rollout" not in line]
    assert [line for line in lines if width(line) > 100] == []


def report_of(*problems: Problem, **changes: Any) -> PlanReport:
    """A plan before its start."""
    return PlanReport(make_plan(state_of(), *PLACE, rollout_of(**changes).spec, started=NOW), (), problems)


def test_a_plan_fits_and_keeps_its_dates() -> None:
    """Long names of steps and environments never cost the reader a date."""
    text = plan_text(report_of())
    fits(text)
    for days in (timedelta(0), 2 * DAY, 2 * DAY + timedelta(hours=26)):
        assert format_timestamp(NOW + days) in text
    assert "rehearse-half" in text
    assert "and 4 more" in plan_text(report_of(steps=[STEPS[2]], gates=[]))


def test_a_plan_names_who_left() -> None:
    """A listed repository that nothing selects any more is in text, JSON and Markdown."""
    plan = make_plan(state_of(NAMES[1:]), *PLACE, rollout_of().spec, order=NAMES, started=NOW)
    report = PlanReport(plan, (), ())
    assert plan_json(report)["steps"][0]["leave"] == [NAMES[0]]  # type: ignore[index]
    assert f"no longer selected: {NAMES[0]}" in plan_text(report)
    assert f"no longer selected: `{NAMES[0]}`" in plan_markdown(report)


def test_a_plan_in_markdown_has_every_repository() -> None:
    """Reviewers of the pull request see whom they move."""
    page = plan_markdown(report_of())
    assert all(page.count(f"`{name}`") >= 2 for name in NAMES)
    assert "watch-first: 12 enter" in page


def test_problems_of_a_plan_replace_the_advice() -> None:
    """Nobody is told to start what would be refused."""
    text = plan_text(report_of(Problem("rollout.overlap", "another one is under way")))
    assert "rollout.overlap" in text
    assert "gaitops rollout start" not in text
    assert f"gaitops rollout start {REFERENCE}" in plan_text(report_of())


def test_a_status_fits() -> None:
    """Reasons of people, many newcomers and late steps go on below themselves."""
    view = view_of(listed=NAMES[:3], entered=NOW - 4 * DAY, reason="waiting for the change board " * 6)
    text = status_text([view])
    fits(text)
    assert "joined since" in text
    assert text.count("waiting for the change board") >= 5


def test_who_left_is_told() -> None:
    """Leavers keep their place and are named."""
    view = view_of(names=NAMES[2:])
    assert view.leavers == NAMES[:2]
    found = only(view)
    assert found["leavers"] == list(NAMES[:2])
    assert "left since" in status_text([view])


def asks_again() -> list[dict[str, Any]]:
    """Steps of which the last asks for approval again."""
    return [*STEPS[:2], {**STEPS[2], "approval": "required"}]


@pytest.mark.parametrize(
    ("options", "on_plan", "words"),
    [
        ({}, True, "may be taken by rollout-robot"),
        ({"outcome": "failure"}, False, "when every gate succeeds, else needs approval"),
        ({"outcome": None}, False, "when every gate succeeds, else needs approval"),
        ({"steps": asks_again()}, False, "needs approval"),
        ({"phase": "paused"}, False, "needs approval"),
        ({"step": "everywhere"}, True, "may be taken by rollout-robot"),
    ],
)
def test_who_may_go_on(options: dict[str, Any], on_plan: bool, words: str) -> None:
    """An operator is promised only what the engine lets operators do alone."""
    view = view_of(**options)
    found = only(view)
    assert found["nextOnPlan"] is on_plan
    text = " ".join(status_text([view]).split())
    assert words in text
    assert ("rollout-robot" in text) is (words != "needs approval")


def test_nobody_operates() -> None:
    """Without an operator every edge needs approval."""
    assert "(needs approval)" in status_text([replace(view_of(), operators=())])


def test_what_must_be_rolled_back_has_its_command_everywhere() -> None:
    """Also in the table of several rollouts and in Markdown; two reasons need one command."""
    late = view_of(entered=NOW - 4 * DAY)
    second = Fired(late.rollout.spec.rollback_triggers[1], "the version that is rolled out has been revoked")
    late = replace(late, fired=(*late.fired, second))
    command = f"gaitops rollout rollback {REFERENCE} --branch rollback"
    for views in ([late], [view_of(), late]):
        text = status_text(views)
        fits(text)
        assert text.count(command) == 1
        assert "has been revoked" in text
        assert "must be rolled back: the step was entered" in plain(text)
        assert "may last 3d" in text
        assert "gaitops rollout advance" not in text
    assert command in status_markdown([late])
    assert command not in status_text([view_of(), view_of()])


def test_text_of_others_cannot_act() -> None:
    """Reasons are written by others: no escape sequence, no mention, no table break gets through."""
    hostile = "\x1b[2J\u202eevil @admins | <b>"
    view = view_of(reason=hostile)
    view = replace(view, gates=(GateView("quiet-enough", "failure", None, (hostile,)),))
    text, page = status_text([view]), status_markdown([view])
    for shown in (text, page):
        assert "\x1b[2J" not in shown
        assert "\u202e" not in shown
    assert "@admins" not in page
    assert "<b>" not in page
    assert view.needs_attention
