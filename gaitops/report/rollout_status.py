# SPDX-License-Identifier: Apache-2.0
"""Where rollouts stand, as text, JSON and Markdown: a bar each, then what can happen next and what must."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gaitops.documents.models.rollout import Outcome, Rollout
from gaitops.documents.times import format_timestamp
from gaitops.fleet.candidates import ACTIVE, step_index
from gaitops.report import markdown
from gaitops.report.bars import bar
from gaitops.report.rollout_plans import duration, repositories
from gaitops.report.tables import fields, table
from gaitops.report.text import Style, counted, plain, safe, styled
from gaitops.rollout.gates import Stay
from gaitops.rollout.plan import Plan
from gaitops.rollout.triggers import Fired

_BAR = 30
_STYLES = {
    "running": Style.GREEN,
    "paused": Style.YELLOW,
    "completed": Style.GREEN,
    "rolled_back": Style.RED,
    "aborted": Style.RED,
}
_OUTCOMES: dict[str, Style] = {"success": Style.GREEN, "failure": Style.RED, "error": Style.RED}


@dataclass(frozen=True)
class GateView:
    """One gate of the current step."""

    name: str
    outcome: Outcome | None
    """``None`` while no analysis speaks about it."""
    analysis: str | None
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class RolloutView:
    """One rollout with everything that the history knows about it."""

    reference: str
    """``org/project/id``."""
    rollout: Rollout
    plan: Plan
    """Worked out against the state of now, with the order of the rollout."""
    stay: Stay | None
    """``None`` unless it is under way."""
    gates: tuple[GateView, ...]
    fired: tuple[Fired, ...]
    operators: tuple[str, ...]
    """Who may take the edges that the plan allows."""

    @property
    def counts(self) -> Counter[str]:
        """How many repositories run what, each in one environment, by mode; ``waiting`` for those not reached yet.

        Empty once it was undone or given up.
        """
        index = step_index(self.rollout)
        done = self.rollout.status.phase == "completed"
        places = sum(len(item.repositories & set(self.plan.order)) for item in self.plan.environments)
        if self.rollout.status.phase in ("rolled_back", "aborted"):
            return Counter()
        if index < 0:
            return Counter(waiting=places)
        reached = (*self.plan.steps[index].enters, *self.plan.steps[index].stays)
        found: Counter[str] = Counter("enforce" if done else move.after for move in reached)
        found["waiting"] = places - sum(found.values())
        return found

    @property
    def needs_attention(self) -> bool:
        """Whether it must be rolled back, or a gate of its step failed."""
        return bool(self.fired) or any(item.outcome in ("failure", "error") for item in self.gates)

    @property
    def next_edge(self) -> str | None:
        """What comes next on the plan; ``None`` when nothing does."""
        status = self.rollout.status
        if status.phase == "pending":
            return "start"
        if status.phase == "paused":
            return "resume"
        if status.phase != "running":
            return None
        return "advance" if step_index(self.rollout) + 1 < len(self.rollout.spec.steps) else "complete"


def status_json(views: Sequence[RolloutView]) -> dict[str, object]:
    """For ``--json``."""
    return {"rollouts": [_view_json(view) for view in views]}


def _view_json(view: RolloutView) -> dict[str, object]:
    status, spec, stay = view.rollout.status, view.rollout.spec, view.stay
    return {
        "rollout": view.reference,
        "policy": f"{spec.policy.org or view.plan.org}/{spec.policy.name}",
        "from": spec.from_version,
        "to": spec.to_version,
        "phase": status.phase,
        "step": status.step,
        "steps": [step.name for step in spec.steps],
        "counts": {name: view.counts[name] for name in ("observe", "dry_run", "enforce", "waiting")},
        "repositories": list(view.plan.order),
        "newcomers": list(view.plan.newcomers) if status.phase != "pending" else [],
        "enteredAt": format_timestamp(stay.entered) if stay is not None else None,
        "soakEndsAt": format_timestamp(stay.soak_ends) if stay is not None else None,
        "gates": [
            {
                "gate": item.name,
                "outcome": item.outcome,
                "analysis": item.analysis,
                "reasons": list(item.reasons),
            }
            for item in view.gates
        ],
        "rollbackBecause": [{"trigger": item.trigger.when, "reason": item.reason} for item in view.fired],
        "next": view.next_edge,
        "operators": list(view.operators),
        "reason": status.reason,
    }


def status_text(views: Sequence[RolloutView]) -> str:
    """All rollouts in a table; a single one in detail."""
    if not views:
        return "no rollout is under way"
    if len(views) == 1:
        return _detail(views[0])
    rows = [
        [
            view.reference,
            f"{view.rollout.spec.from_version} → {view.rollout.spec.to_version}",
            view.rollout.status.phase,
            view.rollout.status.step or "–",
            _enforced(view),
            "ROLL BACK" if view.fired else "look" if view.needs_attention else "",
        ]
        for view in views
    ]
    bars = [f"{drawn}  {safe(view.reference)}" for view in views if (drawn := _drawn(view))]
    parts = [table(["rollout", "versions", "phase", "step", "enforced", ""], rows)]
    return "\n\n".join([*parts, "\n".join([*bars, _LEGEND])] if bars else parts)


_LEGEND = "█ enforced  ▓ dry run  ░ observed  · waiting"


def _enforced(view: RolloutView) -> str:
    counts = view.counts
    return f"{counts['enforce']} of {counts.total()}" if counts.total() else "–"


def _drawn(view: RolloutView) -> str:
    counts = view.counts
    return bar(
        [
            (counts["enforce"], "█", Style.GREEN),
            (counts["dry_run"], "▓", Style.YELLOW),
            (counts["observe"], "░", Style.DIM),
            (counts["waiting"], "·", Style.DIM),
        ],
        _BAR,
    )


def _detail(view: RolloutView) -> str:
    status, spec = view.rollout.status, view.rollout.spec
    phase = styled(status.phase, _STYLES.get(status.phase, Style.BOLD), Style.BOLD)
    title = f"{styled(safe(view.reference), Style.BOLD)}  {spec.policy.name} {spec.from_version} → {spec.to_version}  {phase}"
    drawn = _drawn(view)
    parts = [f"{title}\n{drawn}  {_LEGEND}" if drawn else title, fields(_facts(view))]
    parts.append(table(["", "step", "mode", "environments", "cohort", "soak", "gates"], _steps(view)))
    parts += [_gate_text(item) for item in view.gates]
    parts += [
        f"{styled('must be rolled back:', Style.RED, Style.BOLD)} {safe(item.reason)}\n"
        f"  {styled('fix:', Style.BOLD)} gaitops rollout rollback {safe(view.reference)} --branch rollback"
        for item in view.fired
    ]
    if view.next_edge is not None:
        parts.append(_next(view))
    return "\n\n".join(part for part in parts if part)


def _facts(view: RolloutView) -> list[tuple[str, str]]:
    counts, status, stay = view.counts, view.rollout.status, view.stay
    rows = [
        ("repositories", f"{len(view.plan.order)} in {counted(len(view.plan.environments), 'environment')}")
    ]
    rows.append(
        (
            "now",
            ", ".join(f"{counts[name]} {word}" for name, word in _WORDS if counts[name])
            or "everything as before",
        )
    )
    if stay is not None:
        left = stay.soak_ends - stay.now
        rows.append(("in this step", f"since {format_timestamp(stay.entered)}"))
        rows.append(("soak", f"{duration(left)} left" if left.total_seconds() > 0 else "over"))
    if status.phase != "pending" and view.plan.newcomers:
        rows.append(("joined since", _names(view.plan.newcomers)))
    left_behind = view.plan.steps[-1].leaves
    if left_behind:
        rows.append(("left since", _names(left_behind)))
    if status.reason is not None:
        rows.append(("reason", status.reason))
    return rows


_WORDS = (("enforce", "enforced"), ("dry_run", "in dry run"), ("observe", "observed"), ("waiting", "waiting"))


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"{repositories(len(names))}: {', '.join(names[:8])}{more}"


def _steps(view: RolloutView) -> list[list[str]]:
    index = step_index(view.rollout)
    over = view.rollout.status.phase == "completed"
    here = "now" if view.rollout.status.phase in ACTIVE else "last"
    return [
        [
            "done" if number < index or over else here if number == index else "",
            step.name,
            step.mode,
            ", ".join(step.environments),
            str(step.size),
            duration(step.soak),
            ", ".join(step.gates) or "–",
        ]
        for number, step in enumerate(view.plan.steps)
    ]


def _gate_text(item: GateView) -> str:
    word = item.outcome or "no analysis yet"
    head = f"gate {safe(item.name)}: {styled(word, _OUTCOMES.get(word, Style.YELLOW), Style.BOLD)}"
    return "\n".join([head, *(f"  {safe(reason)}" for reason in item.reasons)])


def _next(view: RolloutView) -> str:
    edge = view.next_edge
    command = "advance" if edge == "complete" else edge
    who = ""
    if edge in ("advance", "complete") and view.operators:
        who = f" (may be taken by {', '.join(view.operators)} when every gate succeeds)"
    when = ""
    if view.stay is not None and view.stay.now < view.stay.soak_ends:
        when = f" from {format_timestamp(view.stay.soak_ends)} on"
    return f"next: {edge}{when}{safe(who)}\n  gaitops rollout {command} {safe(view.reference)} --branch {command}"


def status_markdown(views: Sequence[RolloutView]) -> str:
    """For a job summary."""
    if not views:
        return "No rollout is under way.\n"
    rows = [
        [
            markdown.code(view.reference),
            markdown.escape(f"{view.rollout.spec.from_version} → {view.rollout.spec.to_version}"),
            view.rollout.status.phase,
            markdown.escape(view.rollout.status.step or "–"),
            markdown.code(plain(_drawn(view))),
            _enforced(view),
        ]
        for view in views
    ]
    lines = [
        "### Rollouts",
        "",
        markdown.table(["rollout", "versions", "phase", "step", "", "enforced"], rows),
        "",
    ]
    lines += [
        f"- **{markdown.code(view.reference)} must be rolled back**: {markdown.escape(item.reason)}"
        for view in views
        for item in view.fired
    ]
    lines += [
        f"- {markdown.code(view.reference)} gate {markdown.escape(gate.name)}: {gate.outcome or 'no analysis yet'}"
        for view in views
        for gate in view.gates
    ]
    return "\n".join(lines).rstrip() + "\n"
