# SPDX-License-Identifier: Apache-2.0
"""What commands about the posture share: which window and scope is meant, the fleet behind it, and the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from gaitops.cli import evidence_options, options
from gaitops.cli.output import progress

if TYPE_CHECKING:
    from gaitops.evidence.engines import Engine
    from gaitops.evidence.posture_proof import Proofs
    from gaitops.fleet.evidence import FleetView
    from gaitops.fleet.state import FleetState
    from gaitops.fleet.timeline import Timeline
    from gaitops.gait.policy_tools import ToolPolicy
    from gaitops.posture.inputs import Window
    from gaitops.posture.report import Basis, PostureReport

_Function = TypeVar("_Function", bound=Callable[..., Any])
WINDOW: Final = timedelta(days=30)
"""How far back a report looks unless it is told."""
_SCOPES: Final = (
    ("org", "--org", "ORG", "organization"),
    ("project", "--project", "ORG/PROJECT", "project"),
    ("team", "--team", "TEAM", "team"),
    ("repository", "--repository", "URL", "repository, by URL or id"),
    ("environment", "--environment", "ENV", "environment"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the user asked for; field by field the parameters that :func:`request_options` passes."""

    store: str
    store_options: tuple[str, ...]
    engine: str
    engine_options: Mapping[str, str]
    fleet_repo: Path
    rev: str
    trust_root: str | None
    at: datetime | None
    since: datetime | None
    until: datetime | None
    stale_after: timedelta
    org: str | None
    project: str | None
    team: str | None
    repository: str | None
    environment: str | None

    @property
    def scope(self) -> dict[str, str]:
        """What the report is narrowed to."""
        found = {name: getattr(self, name) for name, *_rest in _SCOPES}
        return {name: value for name, value in found.items() if value is not None}

    @classmethod
    def taken(cls, arguments: dict[str, Any]) -> Request:
        """Take the parameters of a request out of a command's arguments."""
        return cls(**{field.name: arguments.pop(field.name) for field in fields(cls)})


def request_options(function: _Function) -> _Function:
    """Every option of a :class:`Request`."""
    decorators = [
        evidence_options.store,
        evidence_options.fleet(required=True),
        evidence_options.engine,
        options.at,
        click.option(
            "--since",
            type=options.timestamp,
            metavar="TIME",
            show_default="30 days before --until",
            help="First moment of the window.",
        ),
        click.option(
            "--until",
            type=options.timestamp,
            metavar="TIME",
            show_default="--at",
            help="First moment after the window.",
        ),
        click.option(
            "--stale-after",
            type=_duration,
            default="5d",
            show_default=True,
            metavar="DURATION",
            help="Silent is who sent nothing for longer, e.g. 36h or 5d.",
        ),
        *(
            click.option(flag, name, metavar=metavar, help=f"Only this {what}.", callback=_normalised(name))
            for name, flag, metavar, what in _SCOPES
        ),
    ]
    for decorate in reversed(decorators):
        function = decorate(function)
    return function


def _duration(text: str) -> timedelta:
    """Option type ``36h``, ``5d``."""
    from gaitops.documents.times import parse_duration
    from gaitops.errors import InvalidInputError

    try:
        return parse_duration(text)
    except InvalidInputError as error:
        raise click.BadParameter(error.problems[0].message) from error


def _normalised(name: str) -> Callable[[click.Context, click.Parameter, str | None], str | None]:
    def settle(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
        if name != "repository" or value is None:
            return value
        from gaitops.documents.models.tenancy import repository_name

        return repository_name(value)

    return settle


@dataclass(frozen=True, slots=True)
class _Knowledge:
    """What verified state says."""

    view: FleetView
    timeline: Timeline
    policies: Mapping[str, ToolPolicy]
    basis: Basis


@contextmanager
def opened_posture(request: Request) -> Iterator[tuple[PostureReport, Proofs]]:
    """The posture of a window, and the way to the artifacts behind its numbers while the store is open.

    Raises:
        GaitopsError: the fleet does not verify, the store cannot be read, ``posture.scope``, ``posture.window``.
    """
    knowledge = _knowledge(request)
    with evidence_options.opened_engine(
        request.store, request.store_options, request.engine, request.engine_options
    ) as (_store, running):
        yield _measured(knowledge, running)


def _measured(knowledge: _Knowledge, engine: Engine) -> tuple[PostureReport, Proofs]:
    from gaitops.evidence.posture_facts import posture_inputs
    from gaitops.evidence.posture_proof import Proofs
    from gaitops.posture.build import posture
    from gaitops.posture.expectation import Judge, boundaries

    basis, view, timeline = knowledge.basis, knowledge.view, knowledge.timeline
    moments = boundaries(timeline, basis.grace, basis.window)
    with progress("counting evidence") as advance:
        inputs = posture_inputs(engine, basis.window, moments, knowledge.policies)
        advance(1)
    report = posture(inputs, view, timeline, basis)
    return report, Proofs(engine, report, view, Judge(timeline, basis.grace), moments)


def _knowledge(request: Request) -> _Knowledge:
    from gaitops.cli.opening import judged_at, opened
    from gaitops.fleet.evidence import fleet_view
    from gaitops.fleet.timeline import timeline
    from gaitops.history.advances import verified_states
    from gaitops.posture.report import Basis

    at = judged_at(request.at)
    window = _window(request, at)
    trust_root = request.trust_root or options.trust_root_from_configuration()
    with opened(request.fleet_repo, request.rev, trust_root, at=request.at) as history:
        state = history.state()
        view = fleet_view(state)
        line = timeline(verified_states(history, window.since - view.grace))
        policies = _tools(state, view)
        commit = history.standing.head
    _check_scope(request, view)
    basis = Basis(
        view.name, trust_root, commit, at, window, request.stale_after, view.grace, line.since, request.scope
    )
    return _Knowledge(view, line, policies, basis)


def _window(request: Request, at: datetime) -> Window:
    from gaitops.documents.times import format_timestamp
    from gaitops.errors import InvalidInputError
    from gaitops.posture.inputs import Window

    until = request.until or at
    since = request.since or until - WINDOW
    if since >= until or until > at:
        raise InvalidInputError.of(
            "posture.window",
            f"expected since < until <= at, found {format_timestamp(since)}, {format_timestamp(until)}, {format_timestamp(at)}",
            remedy="choose --since, --until and --at so that the window is not empty and is over",
        )
    return Window(since, until)


def _tools(state: FleetState, view: FleetView) -> dict[str, ToolPolicy]:
    """Tools of every version that is enforced somewhere; versions whose file cannot be read with certainty are left out."""
    from gaitops.errors import InvalidInputError
    from gaitops.fleet.evidence import policy_bytes
    from gaitops.gait.policy_tools import read_tool_policy

    found = {}
    for digest in sorted({item.enforced_digest for item in view.expected.values() if item.enforced_digest}):
        data = policy_bytes(state, view.versions[digest][0])
        try:
            found[digest] = read_tool_policy(data or b"")
        except InvalidInputError:
            continue  # The report lists it with the coverage that it keeps unknown.
    return found


def _check_scope(request: Request, view: FleetView) -> None:
    """A scope that nothing can be in is a mistake, and no empty report."""
    from gaitops.errors import InvalidInputError
    from gaitops.posture.build import holds
    from gaitops.posture.selectors import Scope

    scope = Scope(**request.scope)
    inside = [name for name, known in view.repositories.items() if holds(scope, known)]
    places = [place for name in inside for place in view.places.get(name, ())]
    named = scope.environment is None or any(place.environment == scope.environment for place in places)
    if request.scope and (not inside or not named):
        wanted = ", ".join(f"{name} {value}" for name, value in request.scope.items())
        raise InvalidInputError.of(
            "posture.scope",
            f"verified state has no repository and environment with {wanted}",
            remedy="gaitops resolve --all lists repositories and environments",
        )
