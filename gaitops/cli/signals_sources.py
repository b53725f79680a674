# SPDX-License-Identifier: Apache-2.0
"""Options of commands over signals, and how a queue is made from a store and a fleet repository."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gaitops.cli import evidence_options, options

if TYPE_CHECKING:
    from gaitops.evidence.engines import Engine
    from gaitops.evidence.signal_facts import CommittedPolicy, Fleet
    from gaitops.evidence.stores import Store
    from gaitops.fleet.evidence import Registry
    from gaitops.fleet.state import FleetState
    from gaitops.posture.inputs import Window
    from gaitops.signals.fixes import Rollback
    from gaitops.signals.model import Fix, Signal
    from gaitops.signals.queue import Queue
    from gaitops.signals.rows import AssignmentChange

WINDOW: Final = timedelta(days=14)
"""What is looked at when nobody says since when."""
POLICY_FILE: Final = ".gait.yaml"
_DEEPEST: Final = 3
_LONGEST_GRACE: Final = timedelta(days=90)
"""How far before the window assignments are looked at, for what was still allowed at its beginning."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the options ask for."""

    store: str
    store_options: Sequence[str]
    engine: str
    engine_options: Mapping[str, str]
    fleet_repo: Path | None
    rev: str
    trust_root: str | None
    at: datetime | None
    since: datetime | None
    until: datetime | None
    checkouts: Path | None
    release: str | None


@dataclass(frozen=True, slots=True)
class Opened:
    """A queue with what it was made from, while the store is open."""

    queue: Queue
    window: Window
    store: Store
    notes: tuple[str, ...]
    _engine: Engine
    _fleet: Fleet

    def proof(self, signal: Signal) -> list[str]:
        """SHA-256 of every artifact behind a signal."""
        from gaitops.evidence.signal_proof import signal_proof

        return signal_proof(self._engine, self.window, self._fleet, signal.selector)


def source_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say where evidence and fleet are, as ``request: Request``."""

    @functools.wraps(function)
    def collected(**arguments: Any) -> Any:
        names = Request.__dataclass_fields__
        request = Request(
            **{name: arguments.pop("engine_name" if name == "engine" else name) for name in names}
        )
        return function(request=request, **arguments)

    decorators: list[Callable[[Callable[..., Any]], Callable[..., Any]]] = [
        evidence_options.store,
        _engine,
        evidence_options.fleet(required=False),
        options.at,
        click.option(
            "--since", type=options.timestamp, metavar="TIME", help="Only from this time on; 14 days by default."
        ),
        click.option(
            "--until", type=options.timestamp, metavar="TIME", help="Only before this time; --at by default."
        ),
        click.option(
            "--checkouts",
            type=click.Path(path_type=Path, exists=True, file_okay=False),
            metavar="DIR",
            help=f"Checkouts of the repositories, in folders named as they are; compares their {POLICY_FILE}.",
        ),
        click.option(
            "--release", metavar="SOURCE", help="Where releases are, for proposed commands that renew pins."
        ),
    ]  # fmt: skip
    decorated: Callable[..., Any] = collected
    for decorate in reversed(decorators):
        decorated = decorate(decorated)
    return decorated


def _engine(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def renamed(**arguments: Any) -> Any:
        return function(engine_name=arguments.pop("engine"), **arguments)

    return evidence_options.engine(renamed)


@contextmanager
def opened_queue(request: Request) -> Iterator[Opened]:
    """The queue of a window, with proposed fixes.

    Raises:
        GaitopsError: whatever keeps the store from being opened, or the history from being verified.
    """
    from gaitops.cli.opening import judged_at
    from gaitops.evidence.extras import needing
    from gaitops.posture.inputs import Window
    from gaitops.signals.fixes import Knowledge, proposer
    from gaitops.signals.queue import queue, with_fixes

    until = request.until or judged_at(request.at)
    since = request.since or until - WINDOW
    if since >= until:
        raise click.BadParameter("expected --since before --until", param_hint="--since")
    fleet, state, root, notes = _fleet(request, since, until)
    with (
        evidence_options.opened_engine(
            request.store, request.store_options, request.engine, request.engine_options
        ) as (store, engine),
        needing("evidence"),
    ):
        from gaitops.evidence.signal_facts import signal_evidence

        window = Window(since, until)
        evidence = signal_evidence(engine, window, fleet)
        knowledge = Knowledge(store=request.store, trust_root=root or "", rollback=_rollback(state, fleet))
        if request.release is not None:
            knowledge = knowledge.with_release(request.release)
        made = queue(evidence)
        yield Opened(
            with_fixes(made, proposer(made, evidence, knowledge)), window, store, tuple(notes), engine, fleet
        )


def _fleet(
    request: Request, since: datetime, until: datetime
) -> tuple[Fleet, FleetState | None, str | None, list[str]]:
    """What verified state says now and said over time; notes about what cannot be known."""
    from gaitops.evidence.extras import needing

    with needing("evidence"):
        from gaitops.evidence.signal_facts import Fleet
    if request.fleet_repo is None:
        if request.checkouts is not None:
            raise click.UsageError("--checkouts needs --fleet-repo, which says what they must run")
        missing = "without --fleet-repo nothing is said about drift, silence and tiers"
        return Fleet(), None, None, [missing]
    from gaitops.cli.opening import opened
    from gaitops.fleet.evidence import fleet_view
    from gaitops.fleet.timeline import timeline
    from gaitops.history.advances import verified_states

    root = request.trust_root or options.trust_root_from_configuration()
    with opened(request.fleet_repo, request.rev, root, at=request.at) as history:
        states = [
            (time, state) for time, state in verified_states(history, since - _LONGEST_GRACE) if time < until
        ]
        state = history.state()
        view = fleet_view(state)
        committed, unmatched = _committed(request.checkouts, view.registry)
        line = timeline(states)
    notes = [f"{name} in --checkouts names no repository of the fleet, or several" for name in unmatched]
    if line.since is not None and line.since > since:
        notes.append(
            f"before {line.since:%Y-%m-%dT%H:%M:%SZ} nothing was assigned yet, and no drift is known"
        )
    return Fleet(view, line, committed), state, root, notes


def _rollback(state: FleetState | None, fleet: Fleet) -> Rollback | None:
    if state is None:
        return None
    from gaitops.signals.rollbacks import rollback

    known = state

    def undo(change: AssignmentChange, artifacts: tuple[str, ...]) -> Fix | None:
        repository = fleet.registry.repositories.get(change.repository)
        if repository is None:
            return None
        return rollback(known, repository.org, repository.project, change, artifacts)

    return undo


def _committed(folder: Path | None, registry: Registry) -> tuple[dict[str, CommittedPolicy], list[str]]:
    """Policy files in checkouts by repository, and folders that are no repository of the fleet."""
    from gaitops.cli.files import read_bytes
    from gaitops.evidence.signal_facts import CommittedPolicy
    from gaitops.gait.policy_digest import digest_policy

    found: dict[str, CommittedPolicy] = {}
    unmatched: list[str] = []
    for path in _policy_files(folder) if folder is not None else ():
        relative = path.relative_to(folder or path).parent.as_posix()
        repository = _named(relative.lower(), registry)
        if repository is None:
            unmatched.append(relative)
        else:
            found[repository] = CommittedPolicy(
                f"{relative}/{POLICY_FILE}", digest_policy(read_bytes(path)).digest
            )
    return found, unmatched


def _named(text: str, registry: Registry) -> str | None:
    """The one repository whose id is a text or ends with it; ``None`` when there is none or more than one."""
    found = [name for name in registry.repositories if name == text or name.endswith(f"/{text}")]
    return found[0] if len(found) == 1 else None


def _policy_files(folder: Path) -> Iterator[Path]:
    """Policy files of folders at most three levels down, as ``host/owner/name``; links are not followed."""
    for depth in range(1, _DEEPEST + 1):
        for path in sorted(folder.glob("*/" * depth + POLICY_FILE)):
            if path.is_file() and not any(part.is_symlink() for part in (path, *path.parents[:depth])):
                yield path
