# SPDX-License-Identifier: Apache-2.0
"""Deployment gates: whether a repository may be deployed into an environment now, by the rules of verified state.

Each gate document of the repository's project that guards the environment is judged, and all of them must agree.
What cannot be looked at stops a deployment like a failure does, unless the gate itself says that it may be missing.

Codes: ``gate.conformance``, ``gate.rollout``, ``gate.freeze_window``, ``gate.regression`` for what says no, and
``gate.missing_data`` for what says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from gaitops.change.rules.freeze import is_active
from gaitops.conformance.model import ControlResult, Outcome, RepositoryResult
from gaitops.documents.models.governance import (
    ConformanceRequirement,
    DeploymentGate,
    RegressionRequirement,
    RolloutRequirement,
)
from gaitops.documents.models.rollout import Rollout
from gaitops.documents.models.summary import EvidenceSummary, RegressCounts
from gaitops.documents.models.tenancy import repository_id
from gaitops.documents.times import parse_duration, parse_timestamp
from gaitops.errors import InvalidInputError
from gaitops.fleet.candidates import environments_of
from gaitops.fleet.state import FleetState

CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far ahead of the time of judgement a regress result may be dated."""

Requires = Literal["conformance", "rollout", "freezeWindows", "regression"]
"""Member of the gate's ``require``."""
_Finding = tuple[str, str, str, str | None]
"""Code, fact, remedy, subject."""


@dataclass(frozen=True, slots=True)
class Blocker:
    """One reason against a deployment."""

    code: str
    gate: str
    """``org/project/name``."""
    requires: Requires
    message: str
    remedy: str
    """How to clear it."""
    subject: str | None = None
    """Control, rollout or freeze window that it is about."""

    def to_json(self) -> dict[str, object]:
        """For machines."""
        members: dict[str, object] = {
            "code": self.code,
            "gate": self.gate,
            "requires": self.requires,
            "message": self.message,
            "remedy": self.remedy,
        }
        return members | ({"subject": self.subject} if self.subject is not None else {})


@dataclass(frozen=True, slots=True)
class DeploymentFacts:
    """What a gate may look at, besides verified state."""

    repository: str
    """Normalised id, for example ``github.com/acme/pay``."""
    environment: str
    trust_root: str
    at: datetime
    conformance: RepositoryResult | None = None
    """Conformance of the repository in the environment; ``None`` when nobody looked."""
    evidence: EvidenceSummary | None = None


@dataclass(frozen=True, slots=True)
class GateDecision:
    """What the gates say."""

    repository: str
    environment: str
    at: datetime
    projects: tuple[str, ...]
    """``org/project`` of every project that has the repository and the environment."""
    gates: tuple[str, ...]
    """Gates that guard the environment."""
    blockers: tuple[Blocker, ...]
    tolerated: tuple[str, ...]
    """What did not pass and does not stop the deployment, because a gate says so."""

    @property
    def allowed(self) -> bool:
        """Whether nothing stands against the deployment. Where no gate guards the environment, nothing does."""
        return not self.blockers


def judge_deployment(state: FleetState, facts: DeploymentFacts) -> GateDecision:
    """Judge a deployment by every gate that guards the environment.

    Raises:
        InvalidInputError: ``gate.unknown_repository`` or ``gate.unknown_environment``: a mistyped name must not look
            like permission.
    """
    projects = _projects(state, facts)
    names, blockers, tolerated = [], [], []
    for org, project in projects:
        for name, gate in state.documents(f"orgs/{org}/projects/{project}/gates", DeploymentGate):
            if facts.environment not in gate.spec.environments:
                continue
            names.append(f"{org}/{project}/{name}")
            judged = _Judgement(state, facts, org, project)
            for requires, finding in judged.findings(gate):
                code, message, remedy, subject = finding
                blockers.append(Blocker(code, names[-1], requires, message, remedy, subject))
            tolerated += judged.tolerated
    return GateDecision(
        repository=facts.repository,
        environment=facts.environment,
        at=facts.at,
        projects=tuple(f"{org}/{project}" for org, project in projects),
        gates=tuple(names),
        blockers=tuple(blockers),
        tolerated=tuple(dict.fromkeys(tolerated)),
    )


def _projects(state: FleetState, facts: DeploymentFacts) -> list[tuple[str, str]]:
    """Projects that have both the repository and the environment, by name."""
    found = [
        (org, project)
        for org in state.orgs()
        for project in state.projects(org)
        if any(
            repository_id(document.spec.url) == facts.repository
            for _name, document in state.repositories(org, project)
        )
    ]
    if not found:
        raise InvalidInputError.of(
            "gate.unknown_repository",
            f"no project of the fleet has the repository {facts.repository}",
            remedy="check the name: host/path, as in its Repository document",
        )
    having = [
        (org, name) for org, name in found if state.environment(org, name, facts.environment) is not None
    ]
    if not having:
        known = sorted({name for org, project in found for name, _ in state.environments(org, project)})
        raise InvalidInputError.of(
            "gate.unknown_environment",
            f"{facts.repository} has no environment {facts.environment}, only {', '.join(known) or 'none at all'}",
            remedy="check the name of the environment",
        )
    return having


class _Judgement:
    """One gate document against the facts."""

    def __init__(self, state: FleetState, facts: DeploymentFacts, org: str, project: str) -> None:
        self._state, self._facts = state, facts
        self._org, self._project = org, project
        self.tolerated: list[str] = []

    def findings(self, gate: DeploymentGate) -> Iterator[tuple[Requires, _Finding]]:
        """Everything against the deployment."""
        require = gate.spec.require
        if require.conformance is not None:
            yield from (("conformance", item) for item in self._conformance(require.conformance))
        if require.rollout is not None:
            yield from (("rollout", item) for item in self._rollouts(require.rollout))
        for name in require.freeze_windows:
            yield from (("freezeWindows", item) for item in self._freeze_window(name))
        if require.regression is not None:
            yield from (("regression", item) for item in self._regression(require.regression))

    # -- conformance ---------------------------------------------------------------------------------------

    def _conformance(self, wanted: ConformanceRequirement) -> Iterator[_Finding]:
        result = self._facts.conformance
        if result is None:
            yield _missing(
                f"nobody looked at the conformance of {self._facts.repository} in {self._facts.environment}",
                "name a checkout of the repository with --consumer",
            )
            return
        by_id = {item.control: item for item in result.controls}
        for control in wanted.controls or tuple(by_id):
            found = by_id.get(control)
            if found is None:
                yield _missing(
                    f"there is no control {control}", "correct the name in the gate document", control
                )
            else:
                yield from self._control(found, wanted)

    def _control(self, found: ControlResult, wanted: ConformanceRequirement) -> Iterator[_Finding]:
        said = f"{found.control} is {found.outcome.value}: {found.reason}"
        remedy = found.remedy or f"gaitops conformance --environment {self._facts.environment}"
        if found.outcome is Outcome.FAIL:
            yield "gate.conformance", said, remedy, found.control
        elif found.outcome is Outcome.INSUFFICIENT_DATA:
            if not wanted.allow_insufficient_data:
                yield _missing(said, remedy, found.control)
            else:
                self.tolerated.append(said)
        elif found.outcome is Outcome.WAIVED:
            if not wanted.allow_waived:
                remedy = "mend what the waiver covers; this gate takes no waivers"
                yield "gate.conformance", said, remedy, found.control
            else:
                self.tolerated.append(said)

    # -- rollouts ------------------------------------------------------------------------------------------

    def _rollouts(self, wanted: RolloutRequirement) -> Iterator[_Finding]:
        for name, rollout in self._state.rollouts(self._org, self._project):
            if (
                self._facts.environment in environments_of(rollout.spec)
                and rollout.status.phase in wanted.forbidden_phases
            ):
                reference = f"{self._org}/{self._project}/{name}"
                said = (
                    f"rollout {reference}, which reaches {self._facts.environment}, is {_standing(rollout)}"
                )
                yield "gate.rollout", said, _way_out(rollout, reference), reference

    # -- freeze windows ------------------------------------------------------------------------------------

    def _freeze_window(self, name: str) -> Iterator[_Finding]:
        window = self._state.freeze_window(name)
        if window is None:
            remedy = f"add trust/freeze-windows/{name}.yaml, or take it out of the gate"
            yield _missing(f"there is no freeze window {name}", remedy, name)
        elif is_active(window, self._facts.at):
            said = f"freeze window {name} is active: {window.spec.reason}"
            ends = sorted(item.end for item in window.spec.windows)
            remedy = f"wait until it ends ({window.spec.timezone}: {', '.join(ends)})"
            yield "gate.freeze_window", said, remedy, name

    # -- regression ----------------------------------------------------------------------------------------

    def _regression(self, wanted: RegressionRequirement) -> Iterator[_Finding]:
        counts = self._regress_counts()
        if isinstance(counts, str):
            yield _missing(counts, "name an evidence summary of this repository with --evidence")
            return
        if counts.last_at is None or not counts.fixtures:
            yield _missing(
                "the evidence holds no regress result", "run `gait regress` in CI and collect its result"
            )
            return
        age = self._facts.at - parse_timestamp(counts.last_at)
        if age < -CLOCK_SKEW:
            said = f"the newest regress result is dated {counts.last_at}, which lies in the future"
            yield "gate.regression", said, "correct the clock of the machine that collects", None
        elif age > parse_duration(wanted.max_age):
            said = f"the newest regress result is of {counts.last_at}, older than {wanted.max_age}"
            yield "gate.regression", said, "run `gait regress` again and collect its result", None
        yield from self._pass_rate(counts, wanted)

    def _pass_rate(self, counts: RegressCounts, wanted: RegressionRequirement) -> Iterator[_Finding]:
        ignored = 0 if wanted.allow_vacuous else counts.vacuous
        passed, fixtures = counts.passed - ignored, counts.fixtures - ignored
        if not fixtures:
            said = f"all {counts.fixtures} fixtures passed without a candidate, which proves nothing"
            yield _missing(said, "give each fixture a candidate_runpack")
        elif passed < wanted.minimum_pass_rate * fixtures:
            said = (
                f"{passed} of {fixtures} regress fixtures pass; at least {wanted.minimum_pass_rate:.0%} must"
            )
            yield (
                "gate.regression",
                said,
                "mend the behaviour, or the fixtures, and run `gait regress` again",
                None,
            )

    def _regress_counts(self) -> RegressCounts | str:
        """What the evidence says of regress tests, or why it says nothing that counts."""
        summary, facts = self._facts.evidence, self._facts
        if summary is None:
            return "there is no evidence summary, so nothing is known of regress tests"
        if summary.trust_root != facts.trust_root:
            return f"the evidence summary is of another fleet, with trust root {summary.trust_root}"
        wanted = (facts.repository, facts.environment)
        rows = (row.regress for row in summary.repositories if (row.repository, row.environment) == wanted)
        return next(rows, f"the evidence summary heard nothing of {facts.repository} in {facts.environment}")


def _missing(message: str, remedy: str, subject: str | None = None) -> _Finding:
    return "gate.missing_data", message, remedy, subject


def _standing(rollout: Rollout) -> str:
    step = rollout.status.step
    return rollout.status.phase if step is None else f"{rollout.status.phase} at step {step}"


_WAYS_OUT: Final[dict[str, Callable[[str], str]]] = {
    "pending": lambda name: f"finish it, or: gaitops rollout abort {name}",
    "running": lambda name: f"finish it, or: gaitops rollout rollback {name}",
    "paused": lambda name: f"gaitops rollout resume {name}, or roll it back",
}


def _way_out(rollout: Rollout, reference: str) -> str:
    way = _WAYS_OUT.get(rollout.status.phase)
    return (
        way(reference)
        if way is not None
        else "remove its document once the cause is known, by an approved change"
    )
