# SPDX-License-Identifier: Apache-2.0
"""Cohorts: deterministic, nested, and stable whoever joins or leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gaitops.documents.models.base import Mode
from gaitops.documents.models.rollout import RolloutSpec, Step
from gaitops.fleet.candidates import cohort_size, stages
from gaitops.fleet.state import FleetState
from gaitops.rollout.cohorts import extended, ordered, selected

MakeSpec = Callable[..., RolloutSpec]
MakeFleet = Callable[..., FleetState]

WHERE = ("acme", "pay", "guard-2")
FEW = settings(max_examples=150, deadline=None)
NAMES = st.lists(st.sampled_from([f"r{number}" for number in range(24)]), unique=True)
MODES: st.SearchStrategy[Mode] = st.sampled_from(("observe", "dry_run", "enforce"))
STRENGTH = {None: 0, "observe": 1, "dry_run": 2, "enforce": 3}


def stage(spec: RolloutSpec, order: Sequence[str], step: int, name: str, environment: str) -> Mode | None:
    """What one repository has been given at a step."""
    return stages(spec, len(order), step, environment)[order.index(name)]


@st.composite
def plans(draw: st.DrawFn, environments: tuple[str, ...] = ("prod", "test")) -> RolloutSpec:
    """Any plan of up to five steps."""
    steps = tuple(
        Step.model_validate(
            {
                "name": f"s{index}",
                "mode": draw(MODES),
                **draw(
                    st.one_of(
                        st.fixed_dictionaries({"percent": st.integers(1, 100)}),
                        st.fixed_dictionaries({"count": st.integers(1, 30)}),
                    )
                ),
                "environments": draw(st.lists(st.sampled_from(environments), min_size=1, unique=True)),
            }
        )
        for index in range(draw(st.integers(1, 5)))
    )
    return RolloutSpec.model_validate(
        {
            "policy": {"name": "guard"},
            "from": "1.0.0",
            "to": "2.0.0",
            "selector": {"all": True},
            "steps": [step.model_dump(by_alias=True, exclude_none=True) for step in steps],
        }
    )


@FEW
@given(NAMES, st.randoms(use_true_random=False))
def test_order_does_not_depend_on_the_order_of_asking(names: list[str], random: Any) -> None:
    """The same repositories, shuffled, come in the same order, and each exactly once."""
    shuffled = list(names)
    random.shuffle(shuffled)
    order = ordered(*WHERE, names, (), ())
    assert order == ordered(*WHERE, shuffled, (), ())
    assert sorted(order) == sorted(names)


def test_order_is_the_documented_hash() -> None:
    """Anybody can compute it: SHA-256 of org/project/id, a line feed, and the name."""
    names = [f"repository-{number}" for number in range(40)]
    expected = sorted(names, key=lambda name: sha256(f"acme/pay/guard-2\n{name}".encode()).hexdigest())
    assert list(ordered(*WHERE, names, (), ())) == expected


def test_another_rollout_has_another_order() -> None:
    """Nobody is the canary of every rollout."""
    names = [f"repository-{number}" for number in range(40)]
    assert ordered("acme", "pay", "guard-3", names, (), ()) != ordered(*WHERE, names, (), ())


@FEW
@given(NAMES, NAMES, st.data())
def test_first_and_hold_are_honoured(names: list[str], listed: list[str], data: st.DataObject) -> None:
    """First come first and held come last, as listed; names that are not selected are passed over."""
    cut = data.draw(st.integers(0, len(listed)))
    first, hold = listed[:cut], listed[cut:]
    order = list(ordered(*WHERE, names, first, hold))
    begin = [name for name in first if name in names]
    end = [name for name in hold if name in names]
    assert order[: len(begin)] == begin
    assert order[len(order) - len(end) :] == end
    assert sorted(order) == sorted(names)
    middle = set(names).difference(listed)
    assert order[len(begin) : len(order) - len(end)] == list(ordered(*WHERE, middle, (), ()))


@FEW
@given(NAMES, NAMES, NAMES)
def test_newcomers_append_and_leavers_stay(start: list[str], later: list[str], last: list[str]) -> None:
    """The list only grows at its end, whatever is selected later; appending again changes nothing."""
    order = ordered(*WHERE, start, (), ())
    second = extended(order, *WHERE, later)
    third = extended(second, *WHERE, last)
    assert second[: len(order)] == order
    assert third[: len(second)] == second
    assert set(third) == {*start, *later, *last}
    assert len(set(third)) == len(third)
    assert extended(third, *WHERE, [*start, *later, *last]) == third


@FEW
@given(plans(), NAMES)
def test_what_a_step_gives_no_later_step_takes(plan: RolloutSpec, names: list[str]) -> None:
    """Nested: from step to step every repository has the same mode or a stronger one."""
    order = ordered(*WHERE, names, (), ())
    for name in order:
        for environment in ("prod", "test"):
            given_modes = [
                STRENGTH[stage(plan, order, index, name, environment)] for index in range(len(plan.steps))
            ]
            assert given_modes == sorted(given_modes)


@FEW
@given(plans(), NAMES, NAMES)
def test_nobody_is_pushed_out(plan: RolloutSpec, start: list[str], later: list[str]) -> None:
    """Whoever joins or leaves, a repository keeps what it was given at the same step."""
    before = ordered(*WHERE, start, (), ())
    after = extended(before, *WHERE, later)
    for index in range(len(plan.steps)):
        for name in before:
            for environment in ("prod", "test"):
                was = stage(plan, before, index, name, environment)
                now = stage(plan, after, index, name, environment)
                assert STRENGTH[now] >= STRENGTH[was]


@FEW
@given(plans(), st.integers(0, 5000))
def test_size_of_a_cohort(plan: RolloutSpec, listed: int) -> None:
    """A share is rounded up and never more than there are; nothing only of nothing."""
    for step in plan.steps:
        size = cohort_size(step, listed)
        assert size <= listed
        assert (size == 0) == (listed == 0)
        if step.percent is not None:
            assert 100 * (size - 1) < step.percent * listed <= 100 * size or listed == 0


def test_selected_needs_selector_and_environment(make_spec: MakeSpec, make_fleet: MakeFleet) -> None:
    """Both the rollout and an environment of one of its steps select a repository; others do not take part."""
    repositories = {
        "cart": {"team": "pay", "live": "yes"},
        "docs": {"team": "pay"},
        "wiki": {"team": "tools", "live": "yes"},
    }
    environments = {
        "prod": {"selector": {"matchLabels": {"live": "yes"}}},
        "test": {"selector": {"all": True}},
    }
    state = make_fleet(repositories, environments=environments)
    spec = make_spec(selector={"matchLabels": {"team": "pay"}})
    assert selected(state, "acme", "pay", spec) == ("cart",)
    steps = [{"name": "one", "mode": "enforce", "percent": 100, "environments": ["prod", "test", "gone"]}]
    everywhere = make_spec(selector={"matchLabels": {"team": "pay"}}, steps=steps)
    assert selected(state, "acme", "pay", everywhere) == ("cart", "docs")
