# SPDX-License-Identifier: Apache-2.0
"""Assignments under rollouts: what is resolved, and what a change moves, is what the documents say, read naively."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gaitops.change.deltas import Delta
from gaitops.change.effects import effects
from gaitops.content import MemorySnapshot
from gaitops.fleet.assignments import resolve_all
from gaitops.fleet.state import DocumentCache, FleetState

PROJECT = "orgs/acme/projects/pay"
REPOSITORIES = tuple(f"r{number}" for number in range(6))
ENVIRONMENTS = ("dev", "prod")
MODES = ("observe", "dry_run", "enforce")
VERSIONS = ("1.0.0", "2.0.0", "3.0.0")
PHASES = ("pending", "running", "running", "paused", "completed", "rolled_back", "aborted")
FEW = settings(max_examples=120, deadline=None)
Specs = Mapping[str, Any]
"""The fleet as dictionaries: kind → name → body."""
Row = dict[tuple[str, str], str]
"""(repository, environment) → what runs there, as text."""


# -- fleets -------------------------------------------------------------------------------------------------------

_TEAMS = st.sampled_from(({}, {"team": "a"}, {"team": "b"}))
_NAMED = st.fixed_dictionaries({"names": st.lists(st.sampled_from(REPOSITORIES), min_size=1, unique=True)})
_LABELLED = st.fixed_dictionaries({"matchLabels": st.sampled_from(({"team": "a"}, {"team": "b"}))})
_SELECTORS = st.one_of(
    st.just({"all": True}), _NAMED, _LABELLED, st.builds(lambda a, b: {**a, **b}, _NAMED, _LABELLED)
)
_POLICIES = st.one_of(
    st.builds(lambda version: {"name": "guard", "version": version}, st.sampled_from(VERSIONS)),
    st.just({"name": "guard", "channel": "stable"}),
)
_SIZES = st.one_of(
    st.fixed_dictionaries({"percent": st.integers(1, 100)}),
    st.fixed_dictionaries({"count": st.integers(1, 8)}),
)


@st.composite
def rollouts(draw: st.DrawFn) -> dict[str, Any]:
    """Any rollout, also one that no edge leads to: resolution does not depend on how it came about."""
    steps = [
        {
            "name": f"s{index}",
            "mode": draw(st.sampled_from(MODES)),
            "environments": draw(st.lists(st.sampled_from(ENVIRONMENTS), min_size=1, unique=True)),
            **draw(_SIZES),
        }
        for index in range(draw(st.integers(1, 4)))
    ]
    phase = draw(st.sampled_from(PHASES))
    status: dict[str, Any] = {"phase": phase}
    if phase not in ("pending", "aborted"):
        time = "2026-11-01T00:00:00Z"
        status |= {"step": draw(st.sampled_from(steps))["name"], "startedAt": time, "stepStartedAt": time}
    listed = st.lists(st.sampled_from((*REPOSITORIES, "gone")), unique=True)
    body = {
        "policy": {"name": "guard"},
        "from": "1.0.0",
        "to": draw(st.sampled_from(VERSIONS[1:])),
        "selector": {"all": True},
        "steps": steps,
    }
    return {"spec": body, "status": {**status, "repositories": draw(listed)}}


@st.composite
def fleets(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """A project with repositories, environments, one policy with a channel, and up to two rollouts."""
    present = st.lists(st.sampled_from(REPOSITORIES), unique=True)
    return {
        "repositories": {name: draw(_TEAMS) for name in sorted(draw(present))},
        "environments": {
            name: {"tier": "production", "selector": draw(_SELECTORS), "policy": draw(_POLICIES)}
            for name in ENVIRONMENTS
            if draw(st.booleans())
        },
        "rollouts": {name: draw(rollouts()) for name in ("x", "y") if draw(st.booleans())},
        "channel": {"stable": draw(st.sampled_from(VERSIONS))},
    }


@st.composite
def changes(draw: st.DrawFn) -> tuple[Specs, Specs]:
    """Two fleets, of which the second has some parts of a third: several documents change at once."""
    before, other = draw(fleets()), draw(fleets())
    return before, {part: draw(st.sampled_from((before, before, other)))[part] for part in before}


def files(fleet: Specs) -> dict[str, bytes]:
    """The documents of a fleet."""

    def document(kind: str, name: str, **members: Any) -> bytes:
        head = {"apiVersion": "gaitops.dev/v1", "kind": kind, "metadata": {"name": name}}
        return json.dumps({**head, **members}).encode()

    policy = {"owner": "alice", "summary": "guards", "risk": "low", "channels": fleet["channel"]}
    written = {"orgs/acme/policies/guard/policy.yaml": document("Policy", "guard", spec=policy)}
    for name, labels in fleet["repositories"].items():
        spec = {"url": f"https://github.com/acme/{name}", "labels": labels}
        written[f"{PROJECT}/repositories/{name}.yaml"] = document("Repository", name, spec=spec)
    for name, spec in fleet["environments"].items():
        written[f"{PROJECT}/environments/{name}.yaml"] = document("Environment", name, spec=spec)
    for name, members in fleet["rollouts"].items():
        written[f"{PROJECT}/rollouts/{name}.yaml"] = document("Rollout", name, **members)
    return written


def state(fleet: Specs) -> FleetState:
    """The fleet as everything else reads it."""
    return FleetState(MemorySnapshot(files(fleet)), DocumentCache())


# -- the naive reading --------------------------------------------------------------------------------------------


def naive(fleet: Specs) -> Row:
    """What every repository runs in every environment, one question at a time."""
    rows: Row = {}
    for environment, spec in fleet["environments"].items():
        reference = spec["policy"]
        own = f"acme/guard@{reference.get('version') or fleet['channel']['stable']}"
        for repository, labels in fleet["repositories"].items():
            if _is_selected(spec["selector"], repository, labels):
                rows[f"github.com/acme/{repository}", environment] = _given(
                    fleet, repository, environment, own
                )
    return rows


def _is_selected(selector: Specs, name: str, labels: Mapping[str, str]) -> bool:
    wanted = set(selector.get("matchLabels", {}).items())
    return name in selector.get("names", [name]) and wanted <= set(labels.items())


def _given(fleet: Specs, repository: str, environment: str, own: str) -> str:
    """``own``, unless a rollout that is under way gives something else; of two, the first by name."""
    for _name, rollout in sorted(fleet["rollouts"].items()):
        mode = _mode(rollout, repository, environment)
        if mode is not None:
            new = f"acme/guard@{rollout['spec']['to']}"
            return new if mode == "enforce" else f"{own} + {new} ({mode})"
    return own


def _mode(rollout: Specs, repository: str, environment: str) -> str | None:
    """The strongest mode of all steps up to the current one that reach a repository in an environment."""
    status, steps = rollout["status"], rollout["spec"]["steps"]
    listed = status["repositories"]
    if status["phase"] not in ("running", "paused") or repository not in listed:
        return None
    reached = [
        step["mode"]
        for step in steps[: [step["name"] for step in steps].index(status["step"]) + 1]
        if environment in step["environments"]
        and listed.index(repository) < (step.get("count") or step["percent"] / 100 * len(listed) - 1e-9)
    ]
    return max(reached, key=MODES.index, default=None)


# -- properties ---------------------------------------------------------------------------------------------------


@FEW
@given(fleets())
def test_everything_resolves_as_the_documents_say(fleet: dict[str, dict[str, Any]]) -> None:
    """``resolve_all`` is the naive reading, whatever rollouts there are and wherever they stand."""
    found = {(row.repository, row.environment): str(row.placement) for row in resolve_all(state(fleet))}
    assert found == naive(fleet)


@FEW
@given(changes())
def test_effects_are_exactly_what_differs(change: tuple[Specs, Specs]) -> None:
    """Whatever documents change, every assignment that differs is in one effect, and nothing else is."""
    old, new = (files(fleet) for fleet in change)
    deltas = [
        Delta(path, "100644", _digest(old.get(path)), _digest(new.get(path)))
        for path in sorted({*old, *new})
        if old.get(path) != new.get(path)
    ]
    moved = {
        (repository, effect.place[2]): (effect.move[1], effect.move[2])
        for effect in effects(deltas, state(change[0]), state(change[1]))
        for repository in effect.repositories
    }
    was, now = naive(change[0]), naive(change[1])
    assert moved == {
        place: (was.get(place, "(none)"), now.get(place, "(none)"))
        for place in {*was, *now}
        if was.get(place) != now.get(place)
    }


def _digest(data: bytes | None) -> str | None:
    return hashlib.sha256(data).hexdigest() if data is not None else None
