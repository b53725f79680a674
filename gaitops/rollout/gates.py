# SPDX-License-Identifier: Apache-2.0
"""Whether a step may be left: its soak, and the analyses behind its gates (design 9).

An analysis is believed for the values that it measured. What follows from them is computed here again, from the plan's
own bounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gaitops.documents.models.rollout import Gate, GateResult, Outcome, RolloutSpec, Step
from gaitops.documents.times import format_timestamp, parse_duration
from gaitops.rollout.analysis import Analysis, recomputed


@dataclass(frozen=True)
class Stay:
    """A rollout's stay in one step, as far as gates depend on it."""

    spec: RolloutSpec
    step: Step
    subject: str
    """What an analysis of this step must be about (``rollout.analysis.subject_digest``)."""
    entered: datetime
    """When the step was entered, or taken up again."""
    now: datetime
    skew: timedelta
    analyses: Sequence[Analysis]
    """Those of the rollout whose signature counts."""

    @property
    def soak_ends(self) -> datetime:
        """When the step may be left, as far as its soak is concerned."""
        return self.entered + (parse_duration(self.step.soak) if self.step.soak is not None else timedelta(0))

    def gates(self) -> tuple[Gate, ...]:
        """The gates of the step, in its order."""
        by_name = {gate.name: gate for gate in self.spec.gates}
        return tuple(by_name[name] for name in self.step.gates)

    def about(self, gate: str | None = None) -> list[Analysis]:
        """Analyses that speak about this stay, oldest first; about one gate, if named."""
        found = [
            item
            for item in self.analyses
            if item.subject == self.subject and not self.faults(item) and gate in (None, item.gate)
        ]
        return sorted(found, key=lambda item: (item.issued_at, item.payload_digest))

    def faults(self, analysis: Analysis) -> list[str]:
        """Why an analysis of this step does not speak about this stay; empty when it does."""
        gate = next((item for item in self.gates() if item.name == analysis.gate), None)
        if gate is None:
            return [f"the step has no gate {analysis.gate}"]
        found = []
        if analysis.mode != self.step.mode:
            found.append(f"it judged mode {analysis.mode}, the step's is {self.step.mode}")
        if analysis.window_start < self.entered - self.skew:
            found.append(
                f"its window begins before the step was entered, at {format_timestamp(self.entered)}"
            )
        if max(analysis.window_end, analysis.issued_at) > self.now + self.skew:
            found.append("it is dated in the future")
        if analysis.window_end - analysis.window_start < parse_duration(gate.window):
            found.append(f"its window is shorter than the {gate.window} that the gate asks for")
        return found

    def outcome(self, analysis: Analysis) -> Outcome:
        """What follows from the values of an analysis, whatever it says itself."""
        gate = next(item for item in self.gates() if item.name == analysis.gate)
        return recomputed(analysis, self.step, gate)

    def results(self) -> tuple[GateResult, ...]:
        """What the newest analysis of each gate says: what a status has to record when the step is left now."""
        found: list[GateResult] = []
        for gate in self.gates():
            newest = self.about(gate.name)[-1:]
            found.extend(
                GateResult(
                    step=self.step.name,
                    gate=gate.name,
                    outcome=self.outcome(item),
                    analysis=item.payload_digest,
                )
                for item in newest
            )
            if not newest:
                found.append(
                    GateResult(step=self.step.name, gate=gate.name, outcome="missing", analysis=None)
                )
        return tuple(found)


def soak_fault(stay: Stay) -> str | None:
    """Why it is too early to leave a step; ``None`` when it is not."""
    if stay.now >= stay.soak_ends:
        return None
    return (
        f"step {stay.step.name} was entered at {format_timestamp(stay.entered)} and must stay {stay.step.soak}, "
        f"until {format_timestamp(stay.soak_ends)}; it is {format_timestamp(stay.now)}"
    )


def claim_faults(claims: Iterable[GateResult], stay: Stay) -> Iterator[str]:
    """Why what a status says about the gates of the step that it leaves is not so.

    Each gate is named once, with its newest analysis: an older success does not hide what came after it. Saying that
    there is none is true only where there is none: approvers must see what they cross.
    """
    named = list(claims)
    wanted = [gate.name for gate in stay.gates()]
    if [(item.step, item.gate) for item in named] != [(stay.step.name, name) for name in wanted]:
        told = ", ".join(f"{item.step}/{item.gate}" for item in named) or "none"
        expected = ", ".join(f"{stay.step.name}/{name}" for name in wanted) or "none"
        yield f"the status must tell the gates of the step that is left: {expected}; it tells {told}"
        return
    for claim in named:
        yield from _claim_faults(claim, stay)


def _claim_faults(claim: GateResult, stay: Stay) -> Iterator[str]:
    label = f"gate {claim.gate} of step {claim.step}"
    if claim.analysis is None:
        for newest in stay.about(claim.gate)[-1:]:
            yield f"{label}: it is not missing, analysis {newest.payload_digest[:12]} says {stay.outcome(newest)}"
        return
    cited = next((item for item in stay.analyses if item.payload_digest == claim.analysis), None)
    if cited is None:
        yield f"{label}: no analysis {claim.analysis[:12]} of an analyst is on record"
        return
    if cited.subject != stay.subject or cited.gate != claim.gate:
        yield f"{label}: analysis {claim.analysis[:12]} is about something else"
        return
    faults = stay.faults(cited)
    if faults:
        yield f"{label}: analysis {claim.analysis[:12]} does not count: {'; '.join(faults)}"
        return
    outcome = stay.outcome(cited)
    if outcome != claim.outcome:
        yield f"{label}: the status says {claim.outcome}, the values of the analysis give {outcome}"
    newest = stay.about(claim.gate)[-1]
    if newest.payload_digest != cited.payload_digest and stay.outcome(newest) != claim.outcome:
        yield f"{label}: a newer analysis, {newest.payload_digest[:12]}, says {stay.outcome(newest)}"
