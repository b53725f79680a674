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
from gaitops.report.rollout_plans import duration, facts_block, repositories, wrapped
from gaitops.report.tables import table
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

    @property
    def leavers(self) -> tuple[str, ...]:
        """Listed repositories that no environment of the plan selects any more; none before the start."""
        alive = frozenset[str]().union(*(item.repositories for item in self.plan.environments))
        return tuple(name for name in self.plan.order if name not in alive)

    @property
    def asks_again(self) -> bool:
        """Whether the next step needs approvers although it is on the plan."""
        return self.next_edge == "advance" and self.plan.steps[step_index(self.rollout) + 1].approval_required

    @property
    def on_plan(self) -> bool:
        """Whether an operator alone may take the next edge, once the soak is over."""
        return (
            self.next_edge in ("advance", "complete")
            and not self.asks_again
            and all(item.outcome == "success" for item in self.gates)
        )


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
        "leavers": list(view.leavers),
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
        "nextOnPlan": view.on_plan,
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
    if bars:
        parts.append("\n".join([*bars, _LEGEND]))
    parts += [text for view in views for text in _fired_texts(view)]
    return "\n\n".join(parts)


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
    parts = [f"{title}\n{drawn}  {_LEGEND}" if drawn else title, facts_block(_facts(view))]
    parts.append(table(["", "step", "mode", "environments", "cohort", "soak", "gates"], _steps(view)))
    parts += [_gate_text(item) for item in view.gates]
    parts += _fired_texts(view)
    if view.next_edge is not None and not view.fired:  # Nobody is told to go on with what must be undone.
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
    if view.leavers:
        rows.append(("left since", _names(view.leavers)))
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
    return "\n".join([head, *(line for reason in item.reasons for line in wrapped(reason, indent="  "))])


def _fired_texts(view: RolloutView) -> list[str]:
    """What must be undone, why, and the command: one block for all reasons, because one rollback undoes it all."""
    if not view.fired:
        return []
    label, lines = "must be rolled back:", []
    for item in view.fired:
        first, *more = wrapped(f"{label} {item.reason}")
        lines += [first.replace(label, styled(label, Style.RED, Style.BOLD), 1), *more]
    lines.append(f"  {styled('fix:', Style.BOLD)} {_rollback(view)}")
    return ["\n".join(lines)]


def _rollback(view: RolloutView) -> str:
    return f"gaitops rollout rollback {safe(view.reference)} --branch rollback"


def _next(view: RolloutView) -> str:
    command = "advance" if view.next_edge == "complete" else view.next_edge
    lines = wrapped(f"next: {_next_sentence(view)}")
    if command == "advance" and any(item.outcome != "success" for item in view.gates):
        who = "--evidence SUMMARY.json --as PRINCIPAL --key URI"
        lines.append(f"  gaitops rollout analyze {safe(view.reference)} {who}")
    lines.append(f"  gaitops rollout {command} {safe(view.reference)} --branch {command}")
    return "\n".join(lines)


def _next_sentence(view: RolloutView) -> str:
    """The edge, from when it may be taken, and by whom."""
    when = ""
    if view.stay is not None and view.next_edge != "resume" and view.stay.now < view.stay.soak_ends:
        when = f" from {format_timestamp(view.stay.soak_ends)} on"
    return f"{view.next_edge}{when} ({_who(view)})"


def _who(view: RolloutView) -> str:
    operators = ", ".join(view.operators)
    if view.next_edge in ("start", "resume") or view.asks_again or not operators:
        return "needs approval"
    if view.on_plan:
        return f"may be taken by {operators}"
    return f"may be taken by {operators} when every gate succeeds, else needs approval"


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
        f"- **{markdown.code(view.reference)} must be rolled back**: {markdown.escape(item.reason)}; "
        f"run {markdown.code(_rollback(view))}"
        for view in views
        for item in view.fired
    ]
    lines += [
        f"- {markdown.code(view.reference)} gate {markdown.escape(gate.name)}: {_gate_words(gate)}"
        for view in views
        for gate in view.gates
    ]
    lines += [
        f"- {markdown.code(view.reference)} next: {markdown.escape(_next_sentence(view))}"
        for view in views
        if view.next_edge is not None and not view.fired
    ]
    return "\n".join(lines).rstrip() + "\n"


def _gate_words(gate: GateView) -> str:
    reasons = f" ({'; '.join(map(markdown.escape, gate.reasons))})" if gate.reasons else ""
    return (gate.outcome or "no analysis yet") + reasons
