# SPDX-License-Identifier: Apache-2.0
"""Reading and judging many consumer repositories, in several processes.

What is required is found out by the process that verified it; the others get plain values, read the clones (objects
only, no checkout) and judge. One repository that cannot be read costs its own places and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Final, Protocol

from gaitops.conformance.evaluate import evaluate
from gaitops.conformance.fleet import Place, PlaceReport
from gaitops.conformance.inputs import Context, PinReading, Required, Subject, Timeline
from gaitops.conformance.manifest import Clone
from gaitops.conformance.pinned import read_pinned
from gaitops.conformance.registry import BY_ID
from gaitops.content import FILE_MODES, MemorySnapshot
from gaitops.documents.models.summary import RepositoryEvidence
from gaitops.errors import GaitopsError, Problem
from gaitops.git.repository import Repository
from gaitops.pin.folder import MAX_FILE_BYTES
from gaitops.pin.layout import FOLDER, PIN_FILE
from gaitops.pin.model import Pin, read_pin

CHUNK: Final = 8
"""Repositories that are handed to another process at a time."""
FEW: Final = 128
"""Up to so many, starting processes takes longer than the work."""
_PIN: Final = f"{FOLDER}/{PIN_FILE}"

Advance = Callable[[int], object]
"""Told how many repositories more are done."""


class Requirements(Protocol):
    """Who says what is required: see :mod:`gaitops.conformance.requirements`."""

    def repositories(self) -> Mapping[str, tuple[str, str]]:
        """Every repository to which something is assigned → its org and project."""

    def environments(self, repository: str) -> tuple[str, ...]:
        """Environments in which something is assigned to a repository."""

    def required(self, subject: Subject) -> Required:
        """What is required of a subject."""


@dataclass(frozen=True, slots=True)
class Task:
    """One clone and what is required of it."""

    clone: Clone
    wanted: tuple[tuple[Place, Required], ...]
    evidence: tuple[RepositoryEvidence, ...]
    """What the evidence summary says of the repository."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What all tasks share."""

    context: Context
    """With an evidence summary about nobody: each task brings its own part."""
    controls: tuple[str, ...]
    timeline: Timeline | None


def universe(requirements: Requirements) -> tuple[Place, ...]:
    """Every place to which the fleet assigns something, in order."""
    return tuple(
        sorted(
            Place(org, project, repository, environment)
            for repository, (org, project) in requirements.repositories().items()
            for environment in requirements.environments(repository)
        )
    )


def assign(
    clones: Iterable[Clone], places: Iterable[Place]
) -> tuple[list[tuple[Clone, list[Place]]], tuple[str, ...]]:
    """The places that each clone shows, and names of clones to which the fleet assigns nothing."""
    by_repository: dict[str, list[Place]] = {}
    for place in places:
        by_repository.setdefault(place.repository, []).append(place)
    tasks, unassigned = [], []
    for clone in clones:
        own = by_repository.get(clone.repository, [])
        shown = [place for place in own if clone.environment in (None, place.environment)]
        if shown:
            tasks.append((clone, shown))
        else:
            unassigned.append(f"{clone.repository} {clone.environment or ''}".strip())
    return tasks, tuple(unassigned)


def requirement(requirements: Requirements, place: Place, pin: Pin | None = None) -> Required:
    """What is required at a place, with what is known of the versions that ``pin`` names, believed or not."""
    reading = PinReading({}, pin, None)
    return requirements.required(Subject(MemorySnapshot({}), place.repository, place.environment, reading))


def survey(
    tasks: Sequence[tuple[Clone, Sequence[Place]]],
    requirements: Requirements,
    context: Context,
    controls: Sequence[str],
    *,
    jobs: int,
    advance: Advance = lambda _steps: None,
) -> list[PlaceReport]:
    """Read every clone and judge its places.

    Args:
        tasks: Clones, each with the places that it shows; no place twice.
        requirements: Who says what is required.
        context: Trust root, time and evidence.
        controls: Ids of the controls to judge.
        jobs: Processes to use.
        advance: Told when clones are done.
    """
    judged: list[PlaceReport] = []
    if jobs == 1 or len(tasks) <= FEW:
        for chunk, shared in _prepared(tasks, requirements, context, controls, judged, advance):
            judged += _work(chunk, shared)
            advance(len(chunk))
        return judged
    pool: ProcessPoolExecutor | None = None
    try:
        futures = {}
        for chunk, shared in _prepared(tasks, requirements, context, controls, judged, advance):
            if pool is None:
                # Started afresh: a copy of this process would share its locks and its network connections.
                pool = ProcessPoolExecutor(jobs, get_context("spawn"), initializer=_begin, initargs=(shared,))
            futures[pool.submit(_work_shared, chunk)] = len(chunk)
        for future in as_completed(futures):
            judged += future.result()
            advance(futures[future])
    finally:
        if pool is not None:
            pool.shutdown(cancel_futures=True)
    return judged


def _prepared(
    tasks: Iterable[tuple[Clone, Sequence[Place]]],
    requirements: Requirements,
    context: Context,
    controls: Sequence[str],
    judged: list[PlaceReport],
    advance: Advance,
) -> Iterator[tuple[list[Task], Survey]]:
    """Chunks of tasks as plain values. Clones that cannot be read are reported at once."""
    shared: Survey | None = None
    chunk: list[Task] = []
    evidence = _by_repository(context)
    for clone, places in tasks:
        try:
            pin = _claimed_pin(clone)
            wanted = [(place, requirement(requirements, place, pin)) for place in places]
        except GaitopsError as error:
            judged += _unreadable(clone, places, error)
            advance(1)
            continue
        if shared is None and wanted:
            # All of them come from one source, so they share what it says of time.
            shared = Survey(_with_rows(context, ()), tuple(controls), wanted[0][1].timeline)
        plain = tuple((place, replace(required, timeline=None)) for place, required in wanted)
        chunk.append(Task(clone, plain, tuple(evidence.get(clone.repository, ()))))
        if len(chunk) == CHUNK and shared is not None:
            yield chunk, shared
            chunk = []
    if chunk and shared is not None:
        yield chunk, shared


def _by_repository(context: Context) -> dict[str, list[RepositoryEvidence]]:
    rows: dict[str, list[RepositoryEvidence]] = {}
    for row in context.evidence.repositories if context.evidence is not None else ():
        rows.setdefault(row.repository, []).append(row)
    return rows


def _with_rows(context: Context, rows: tuple[RepositoryEvidence, ...]) -> Context:
    """The context with a summary that has just these rows: looking for one takes time for each that is there."""
    if context.evidence is None:
        return context
    return replace(context, evidence=context.evidence.model_copy(update={"repositories": rows}))


def _claimed_pin(clone: Clone) -> Pin | None:
    """``pin.yaml`` as it stands, so that what it names can be looked up; whether it holds is judged later."""
    repository = Repository.open(clone.path)
    snapshot = repository.snapshot(repository.resolve(clone.rev))
    entry = snapshot.entry(_PIN)
    if entry is None or entry.mode not in FILE_MODES or repository.size(entry.oid) > MAX_FILE_BYTES:
        return None
    try:
        return read_pin(snapshot.read(entry.oid))
    except GaitopsError:
        # The controls say what is wrong with it; there is nothing to look up.
        return None


_shared: list[Survey] = []


def _begin(shared: Survey) -> None:
    """Keep what all tasks of this process share."""
    _shared[:] = [shared]


def _work_shared(chunk: Sequence[Task]) -> list[PlaceReport]:
    return _work(chunk, _shared[0])


def _work(chunk: Sequence[Task], shared: Survey) -> list[PlaceReport]:
    controls = [BY_ID[name] for name in shared.controls]
    reports: list[PlaceReport] = []
    for task in chunk:
        try:
            repository = Repository.open(task.clone.path)
            commit = repository.resolve(task.clone.rev)
            snapshot = repository.snapshot(commit)
            reading = read_pinned(
                snapshot, shared.context.trust_root, task.clone.repository, shared.context.require
            )
            context = _with_rows(shared.context, task.evidence)
            for place, plain in task.wanted:
                required = replace(plain, timeline=shared.timeline)
                subject = Subject(snapshot, place.repository, place.environment, reading, commit)
                result = evaluate(subject, required, context, controls)
                reports.append(PlaceReport(place, "clone", result))
        except GaitopsError as error:
            done = {report.place for report in reports}
            rest = [place for place, _required in task.wanted if place not in done]
            reports += _unreadable(task.clone, rest, error)
    return reports


def _unreadable(clone: Clone, places: Iterable[Place], error: GaitopsError) -> list[PlaceReport]:
    first = error.problems[0]
    problem = Problem(first.code, f"{clone.path}: {first.message}", remedy=first.remedy)
    return [PlaceReport(place, problem=problem) for place in places]
