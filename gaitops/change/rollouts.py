# SPDX-License-Identifier: Apache-2.0
"""Edges of rollouts as operations (design 9).

An edge is one operation with all its consequences: the assignments that it moves, and the environments that its
completion, or a rollback after it, writes. What the same change does besides is an operation of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gaitops.change.deltas import Delta
from gaitops.change.effects import Effect, modes_of, risks_of
from gaitops.change.operations import Operation
from gaitops.documents.layout import classify, environment_path
from gaitops.documents.models.rollout import Rollout, Step
from gaitops.documents.models.tenancy import PolicyReference
from gaitops.fleet.assignments import Assigned
from gaitops.fleet.candidates import environments_of, step_index
from gaitops.fleet.scopes import environment_scope, project_scope
from gaitops.fleet.state import FleetState
from gaitops.rollout.transitions import LEAVING, EdgeKind, edge_between, policies_after, with_policy
from gaitops.signing.canonical import canonical_json

_STARTED = frozenset({"assignment.change", "rollout.advance", "rollout.complete"})
"""What approving a start approves."""


@dataclass(frozen=True)
class Edge:
    """One edge that a change takes."""

    kind: EdgeKind
    org: str
    project: str
    rollout_id: str
    path: str
    before: Rollout | None
    after: Rollout
    environments: tuple[str, ...]
    """Paths of environments that the same change writes as the edge demands, by path bytes."""

    @property
    def place(self) -> tuple[str, str, str]:
        """Org, project and id."""
        return self.org, self.project, self.rollout_id

    @property
    def reference(self) -> str:
        """``org/project/id``."""
        return "/".join(self.place)

    @property
    def phase(self) -> str:
        """Phase before."""
        return self.before.status.phase if self.before is not None else "pending"

    @property
    def paths(self) -> tuple[str, ...]:
        """Everything that the edge writes, by path bytes."""
        return tuple(sorted((self.path, *self.environments), key=str.encode))

    @property
    def step(self) -> Step:
        """The step that holds afterwards."""
        return self.after.spec.steps[step_index(self.after)]

    def explains(self, effect: Effect) -> bool:
        """Whether an effect comes from this edge alone."""
        org, project, name = effect.place
        return (
            (org, project) == (self.org, self.project)
            and name in environments_of(self.after.spec)
            and set(effect.causes) <= set(self.paths)
        )


def edges(deltas: Sequence[Delta], before: FleetState, after: FleetState) -> tuple[Edge, ...]:
    """Edges that a set of deltas takes, by path bytes. A change that is no edge of the state machine is none."""
    written = {item.path: item for item in deltas if item.before != item.after}
    found = []
    for path in written:
        location = classify(path)
        if location.kind != "Rollout":
            continue
        org, project, name = location.org or "", location.project or "", location.name or ""
        old, new = before.rollout(org, project, name), after.rollout(org, project, name)
        kind = edge_between(old, new)
        if kind is not None and new is not None:
            wanted = policies_after(kind, old, new, org)
            paths = _as_demanded(wanted, written, org, project, before, after)
            found.append(Edge(kind, org, project, name, path, old, new, paths))
    return tuple(found)


def _as_demanded(
    wanted: Mapping[str, PolicyReference],
    written: Mapping[str, Delta],
    org: str,
    project: str,
    before: FleetState,
    after: FleetState,
) -> tuple[str, ...]:
    """Paths of environments in which exactly the demanded reference was written, and nothing else."""
    found = []
    for name, reference in wanted.items():
        path = environment_path(org, project, name)
        old, new = before.environment(org, project, name), after.environment(org, project, name)
        if path in written and old is not None and new == with_policy(old, reference):
            found.append(path)
    return tuple(sorted(found, key=str.encode))


def edge_operations(
    taken: Sequence[Edge], moves: Sequence[Effect], before: FleetState, after: FleetState
) -> Iterator[Operation]:
    """One operation per edge."""
    for edge in taken:
        own = [effect for effect in moves if edge.explains(effect)]
        spec = edge.after.spec
        repositories = sorted({name for effect in own for name in effect.repositories})
        crossed, names = crossed_gates(edge), _environments(edge, own)
        details: dict[str, object] = {
            "title": f"{edge.kind} {edge.reference}{_where(edge)}, {len(repositories)} assignments move",
            "rollout": edge.reference,
            "phase": edge.phase,
            "step": edge.after.status.step,
            "from": spec.from_version,
            "to": spec.to_version,
            "repositories": len(repositories),
            "movesDigest": hashlib.sha256(canonical_json([_form(effect) for effect in own])).hexdigest(),
        }
        if crossed:
            details["crosses"] = list(crossed)
        if edge.after.status.trigger is not None:
            details["trigger"] = edge.after.status.trigger
        if edge.kind == "start":
            details["plan"] = hashlib.sha256(canonical_json(_plan(edge.after))).hexdigest()
        yield Operation(
            f"rollout.{edge.kind}",
            project_scope(edge.org, edge.project),
            edge.paths,
            details,
            tiers=_tiers(edge, names, before, after),
            risks=_risks(edge, own, before, after),
            modes=_modes(edge, own),
            safe=_is_safe(edge, own),
            felt_in=tuple(environment_scope(edge.org, edge.project, name) for name in names),
            also=_also(edge, own),
            planned=_is_planned(edge, own),
            agreed=_is_planned(edge, own) and not _asks_again(edge),
        )


def affirmed_plan(place: tuple[str, str, str], path: str, rollout: Rollout, state: FleetState) -> Operation:
    """Standing by a rollout that has started: it asks for what its start did, whatever step it is in (design 4, doubt)."""
    org, project, _id = place
    names, policy = environments_of(rollout.spec), rollout.spec.policy
    owned = state.policy(policy.org or org, policy.name)
    environments = (state.environment(org, project, name) for name in names)
    return Operation(
        "rollout.change",
        project_scope(org, project),
        (path,),
        {"title": f"affirm {'/'.join(place)}", "rollout": "/".join(place)},
        tiers=frozenset(item.spec.tier for item in environments if item is not None),
        risks=frozenset({owned.spec.risk}) if owned is not None else frozenset(),
        modes=frozenset(step.mode for step in rollout.spec.steps),
        felt_in=tuple(environment_scope(org, project, name) for name in names),
        also=_STARTED | {"rollout.start"},
    )


def _where(edge: Edge) -> str:
    step = edge.after.status.step
    return f" at step {step}" if step is not None else ""


def _form(effect: Effect) -> list[object]:
    return [*effect.move, list(effect.repositories)]


def _plan(rollout: Rollout) -> object:
    return rollout.spec.model_dump(by_alias=True, mode="json", exclude_none=True)


def _environments(edge: Edge, own: Sequence[Effect]) -> tuple[str, ...]:
    """Environments of the whole plan at its start, which approves all of it; later those that an advance reaches.

    Newcomers may reach environments of earlier steps.
    """
    if edge.kind != "advance":
        return environments_of(edge.after.spec)
    return tuple(sorted({*edge.step.environments, *(effect.place[2] for effect in own)}))


def _tiers(edge: Edge, names: Sequence[str], *states: FleetState) -> frozenset[str]:
    documents = (state.environment(edge.org, edge.project, name) for state in states for name in names)
    return frozenset(document.spec.tier for document in documents if document is not None)


def _risks(edge: Edge, own: Sequence[Effect], before: FleetState, after: FleetState) -> frozenset[str]:
    policy = edge.after.spec.policy
    documents = (state.policy(policy.org or edge.org, policy.name) for state in (before, after))
    return risks_of(own, before, after) | {item.spec.risk for item in documents if item is not None}


def _modes(edge: Edge, own: Sequence[Effect]) -> frozenset[str]:
    if edge.kind == "start":
        return frozenset(step.mode for step in edge.after.spec.steps)
    return frozenset({edge.step.mode}) | modes_of(own) if edge.kind == "advance" else modes_of(own)


def crossed_gates(edge: Edge) -> tuple[str, ...]:
    """Gates that the edge leaves behind without success, as the document itself says: ``gate: outcome``."""
    if edge.kind not in LEAVING or edge.before is None:
        return ()
    added = edge.after.status.gates[len(edge.before.status.gates) :]
    return tuple(f"{item.gate}: {item.outcome}" for item in added if item.outcome != "success")


def _also(edge: Edge, own: Sequence[Effect]) -> frozenset[str]:
    """Further kinds whose rules hold: moving assignments, and, at the start, the steps that its approval covers."""
    if edge.kind == "start":
        return _STARTED
    return frozenset({"assignment.change"}) if own else frozenset()


def _is_safe(edge: Edge, own: Sequence[Effect]) -> bool:
    """Holding a rollout, and putting things back, needs one approver (design 4).

    As long as a rollout is under way its plan vouches for the version before; once it is completed, going back is judged
    like any other move back (``change.safe_direction``).
    """
    if edge.kind == "rollback":
        return edge.phase != "completed" and _restores(edge, own)
    return edge.kind in ("pause", "abort")


def _restores(edge: Edge, own: Sequence[Effect]) -> bool:
    """Whether everything that is enforced otherwise is again what the rollout began from.

    An environment may follow a channel, and the channel may have moved where nobody felt it, because the rollout held
    every repository of the environment.
    """
    spec = edge.after.spec
    origin = Assigned(spec.policy.org or edge.org, spec.policy.name, spec.from_version)
    sides = ((effect.before, effect.after) for effect in own)
    return all(
        now.enforced == origin or (was is not None and was.enforced == now.enforced)
        for was, now in sides
        if now is not None
    )


def _is_planned(edge: Edge, own: Sequence[Effect]) -> bool:
    """Whether the approved plan allows the edge, so that an operator may propose it."""
    if edge.kind in LEAVING:
        return not crossed_gates(edge)
    if edge.kind == "rollback":
        return edge.after.status.trigger is not None and _restores(edge, own)
    return edge.kind == "pause"


def _asks_again(edge: Edge) -> bool:
    return edge.kind == "advance" and edge.step.approval == "required"
