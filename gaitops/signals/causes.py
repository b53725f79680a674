# SPDX-License-Identifier: Apache-2.0
"""Why behaviour changed: what differs between the last evidence before and the first after, from a closed set (design 11).

A cause is named only with the values on both sides and the artifacts that show them. Gait guesses from words in reasons; its guess
stands beside every cause and is confirmed, contradicted, or not testable. What cannot be compared is not held for unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gaitops.gait.scout_report import drivers_of
from gaitops.signals.rows import AssignmentChange, RegressRow, RunRow


class Cause(StrEnum):
    """The closed set; ``unknown`` is the answer when nothing that could be compared differs."""

    POLICY_VERSION_CHANGED = "policy_version_changed"
    ASSIGNMENT_ADVANCED = "assignment_advanced"
    ASSIGNMENT_ROLLED_BACK = "assignment_rolled_back"
    TOOL_OUTPUT_SHAPE_CHANGED = "tool_output_shape_changed"
    REFERENCE_SET_CHANGED = "reference_set_changed"
    CONFIGURATION_OR_RUNTIME_CHANGED = "configuration_or_runtime_changed"
    FIXTURE_SET_CHANGED = "fixture_set_changed"
    VERIFIER_OR_GAIT_VERSION_CHANGED = "verifier_or_gait_version_changed"
    UNKNOWN = "unknown"


_ASSIGNMENT: Final = frozenset({Cause.ASSIGNMENT_ADVANCED, Cause.ASSIGNMENT_ROLLED_BACK})
KEYWORD_CAUSES: Final[Mapping[str, frozenset[Cause]]] = {
    "policy_change": frozenset({Cause.POLICY_VERSION_CHANGED, *_ASSIGNMENT}),
    "tool_result_shape_change": frozenset({Cause.TOOL_OUTPUT_SHAPE_CHANGED}),
    "reference_set_change": frozenset({Cause.REFERENCE_SET_CHANGED}),
    "configuration_change": frozenset(
        {Cause.CONFIGURATION_OR_RUNTIME_CHANGED, Cause.VERIFIER_OR_GAIT_VERSION_CHANGED}
    ),
}
"""Gait's driver → the causes that confirm it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One observed difference."""

    cause: Cause
    what: str
    """What was compared: ``policy digest``, ``step 2 update_cart: status``."""
    before: tuple[str, ...]
    after: tuple[str, ...]
    artifacts: tuple[str, ...]
    """SHA-256 of artifacts that show the two sides; an assignment is shown by the verified history instead."""

    def to_json(self) -> dict[str, object]:
        """With the cause's name."""
        return {
            "cause": self.cause.value,
            "what": self.what,
            "before": list(self.before),
            "after": list(self.after),
            "artifacts": list(self.artifacts),
        }


@dataclass(frozen=True, slots=True)
class Attribution:
    """What changed at one place before something went wrong there."""

    repository: str
    environment: str
    baseline: str
    """SHA-256 of the artifact that it was compared with; empty when there was nothing to compare with."""
    changes: tuple[Change, ...]
    compared: frozenset[Cause]
    """Causes for which both sides had data."""
    drivers: tuple[str, ...] = ()
    """What Gait's keyword rule says; empty where it does not apply."""

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Causes with a difference, in the order of :class:`Cause`; unknown when there is none."""
        found = {change.cause for change in self.changes}
        return tuple(cause for cause in Cause if cause in found) or (Cause.UNKNOWN,)

    def keyword_check(self) -> dict[str, str]:
        """Gait's drivers → ``confirmed``, ``contradicted`` (compared, and nothing differs) or ``not_testable``."""
        found = {change.cause for change in self.changes}
        return {driver: _checked(KEYWORD_CAUSES[driver], found, self.compared) for driver in self.drivers}

    def to_json(self) -> dict[str, object]:
        """What the facts say, and beside it what Gait's keywords say."""
        return {
            "repository": self.repository,
            "environment": self.environment or None,
            "baseline": self.baseline or None,
            "causes": [cause.value for cause in self.causes],
            "changes": [change.to_json() for change in self.changes],
            "compared": sorted(cause.value for cause in self.compared),
            "gait_drivers": self.keyword_check(),
        }


def _checked(causes: frozenset[Cause], found: set[Cause], compared: frozenset[Cause]) -> str:
    if causes & found:
        return "confirmed"
    return "contradicted" if causes & compared else "not_testable"


def attribute_run(
    run: RunRow, history: Iterable[RunRow], assignments: Sequence[AssignmentChange] | None
) -> Attribution:
    """What differs between ``run`` and the runs before it in its repository.

    The place is compared with the run before it in the same environment; outputs and references with the last run of the same
    tools in the same order, because another task has other outputs anyway.
    """
    earlier = sorted(
        (
            other
            for other in history
            if other.where.repository == run.where.repository
            and other.fingerprint != run.fingerprint
            and other.made_at is not None
            and run.made_at is not None
            and other.made_at < run.made_at
        ),
        key=lambda other: (other.made_at or run.made_at, other.artifact),
        reverse=True,
    )
    place = next((other for other in earlier if other.where.environment == run.where.environment), None)
    task = next((other for other in earlier if other.action_sequence == run.action_sequence), None)
    comparison = _Comparison(run)
    if place is not None:
        comparison.place(place)
        if assignments is not None and run.where.environment:
            comparison.assignments(place, assignments)
    if task is not None:
        comparison.task(task)
    nearest = task or place
    return Attribution(
        run.where.repository,
        run.where.environment,
        nearest.artifact if nearest is not None else "",
        tuple(comparison.changes),
        frozenset(comparison.compared),
        drivers_of(run.reason_codes),
    )


class _Comparison:
    """Collects differences between one run and others, and which causes could be compared at all."""

    def __init__(self, run: RunRow) -> None:
        self._run = run
        self.changes: list[Change] = []
        self.compared: set[Cause] = set()

    def place(self, other: RunRow) -> None:
        """Policy, runtime and versions against the run before at the same place."""
        run, shown = self._run, (other.artifact, self._run.artifact)
        traces = (*other.traces[:1], *run.traces[:1])
        policies = (sorted(other.policy_digests), sorted(run.policy_digests))
        self._sets(Cause.POLICY_VERSION_CHANGED, "policy digest", *policies, traces)
        settings = Cause.CONFIGURATION_OR_RUNTIME_CHANGED
        self._sets(settings, "runtime", _given(other.runtime), _given(run.runtime), shown)
        self._sets(settings, "capture mode", _given(other.capture_mode), _given(run.capture_mode), shown)
        version = Cause.VERIFIER_OR_GAIT_VERSION_CHANGED
        recorders = (_given(other.producer_version), _given(run.producer_version))
        self._sets(version, "program that recorded the run", *recorders, shown)
        self._sets(version, "Gait", sorted(other.gait_versions), sorted(run.gait_versions), traces)

    def assignments(self, other: RunRow, assignments: Iterable[AssignmentChange]) -> None:
        """Whether the place was assigned something else between the two runs."""
        self.compared |= _ASSIGNMENT
        where, since, until = self._run.where, other.made_at, self._run.made_at
        for change in assignments:
            same = (change.repository, change.environment) == (where.repository, where.environment)
            if same and since is not None and until is not None and since < change.at <= until:
                self.changes.append(assignment_change(change))

    def task(self, other: RunRow) -> None:
        """Outputs and references against the last run of the same task."""
        run, shown = self._run, (other.artifact, self._run.artifact)
        for index, (old, new) in enumerate(zip(other.steps, run.steps, strict=False), 1):
            if not old.args_digest or old.args_digest != new.args_digest:
                continue  # Another question: another answer says nothing.
            self.compared.add(Cause.TOOL_OUTPUT_SHAPE_CHANGED)
            step = f"step {index} {new.tool_name}"
            cause = Cause.TOOL_OUTPUT_SHAPE_CHANGED
            self._sets(cause, f"{step}: status", _given(old.status), _given(new.status), shown)
            digests = (_given(old.result_digest), _given(new.result_digest))
            self._sets(cause, f"{step}: result digest", *digests, shown)
        cause = Cause.REFERENCE_SET_CHANGED
        self.compared.add(cause)
        if (other.context_set_digest, other.receipt_digests, other.target_systems) == (
            run.context_set_digest,
            run.receipt_digests,
            run.target_systems,
        ):
            return
        self._differ(cause, "content referred to", other.receipt_digests, run.receipt_digests, shown)
        self._differ(cause, "systems referred to", other.target_systems, run.target_systems, shown)
        sets = (_given(other.context_set_digest), _given(run.context_set_digest))
        self._differ(cause, "digest of the reference set", *sets, shown)

    def _sets(
        self, cause: Cause, what: str, before: Sequence[str], after: Sequence[str], artifacts: Sequence[str]
    ) -> None:
        """Compare where both sides have a value."""
        if before and after:
            self.compared.add(cause)
            self._differ(cause, what, before, after, artifacts)

    def _differ(
        self, cause: Cause, what: str, before: Sequence[str], after: Sequence[str], artifacts: Sequence[str]
    ) -> None:
        if tuple(before) != tuple(after):
            self.changes.append(Change(cause, what, tuple(before), tuple(after), tuple(artifacts)))


def assignment_change(change: AssignmentChange) -> Change:
    """A change of an assignment as a cause."""
    cause = Cause.ASSIGNMENT_ROLLED_BACK if change.backwards else Cause.ASSIGNMENT_ADVANCED
    before, after = _given(change.before, change.before_digest), _given(change.after, change.after_digest)
    return Change(cause, f"assignment at {change.at:%Y-%m-%dT%H:%M:%SZ}", before, after, ())


def attribute_regress(result: RegressRow, before: RegressRow | None) -> Attribution:
    """Why a regress result fails: what its graders compared, and what differs from the result before it."""
    changes = list(_graded(result))
    compared = {Cause.TOOL_OUTPUT_SHAPE_CHANGED, Cause.REFERENCE_SET_CHANGED}
    if before is not None:
        shown = (before.artifact, result.artifact)
        compared |= {Cause.FIXTURE_SET_CHANGED, Cause.VERIFIER_OR_GAIT_VERSION_CHANGED}
        pairs = (
            (Cause.FIXTURE_SET_CHANGED, "fixture set", (before.fixture_set,), (result.fixture_set,)),
            (Cause.FIXTURE_SET_CHANGED, "fixtures", before.fixture_names, result.fixture_names),
            (
                Cause.VERIFIER_OR_GAIT_VERSION_CHANGED,
                "Gait",
                (before.producer_version,),
                (result.producer_version,),
            ),
        )
        changes += [Change(cause, what, old, new, shown) for cause, what, old, new in pairs if old != new]
    reasons = sorted({reason for _name, joined in result.failing for reason in joined.split(",") if reason})
    return Attribution(
        result.where.repository,
        result.where.environment,
        before.artifact if before is not None else "",
        tuple(changes),
        frozenset(compared),
        drivers_of(reasons),
    )


_DRIFT_CAUSES: Final = {
    "behavioural": Cause.TOOL_OUTPUT_SHAPE_CHANGED,
    "data_semantic": Cause.REFERENCE_SET_CHANGED,
    "evidence_missing": Cause.REFERENCE_SET_CHANGED,
    "configuration": Cause.CONFIGURATION_OR_RUNTIME_CHANGED,
}
"""Class of drift of a regress result → the cause that its graders observed."""


def _graded(result: RegressRow) -> Iterator[Change]:
    cause = _DRIFT_CAUSES.get(result.drift_class)
    if cause is not None:
        for name, reasons in result.failing:
            yield Change(cause, f"grader {name}", ("the recorded run",), (reasons,), (result.artifact,))


def _given(*values: str) -> tuple[str, ...]:
    return tuple(value for value in values if value)
