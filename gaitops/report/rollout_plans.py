# SPDX-License-Identifier: Apache-2.0
"""What a rollout would do, as text, JSON and Markdown: every step, and who must approve the start."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gaitops.change.judge import Decision
from gaitops.documents.models.base import Caps
from gaitops.documents.models.rollout import Phase
from gaitops.documents.times import format_timestamp
from gaitops.errors import Problem
from gaitops.report import markdown
from gaitops.report.problems import problem_lines
from gaitops.report.tables import MAX_WIDTH, fields, table
from gaitops.report.text import Style, counted, safe, styled
from gaitops.rollout.plan import Move, Plan, PlannedStep

SHOWN = 8
"""Names that text shows of a list; JSON and Markdown have all."""


@dataclass(frozen=True)
class PlanReport:
    """A plan, what its start needs, and what stands against it."""

    plan: Plan
    decisions: tuple[Decision, ...]
    """What starting it would have to be decided."""
    problems: tuple[Problem, ...]
    phase: Phase = "pending"
    """Where the rollout stands already; only one that is pending waits for its start."""

    @property
    def reference(self) -> str:
        """``org/project/id``."""
        return f"{self.plan.org}/{self.plan.project}/{self.plan.rollout_id}"


def plan_json(report: PlanReport) -> dict[str, object]:
    """For ``--json``."""
    plan = report.plan
    return {
        "rollout": report.reference,
        "policy": f"{plan.spec.policy.org or plan.org}/{plan.spec.policy.name}",
        "from": plan.spec.from_version,
        "to": plan.spec.to_version,
        "repositories": list(plan.order),
        "limits": plan.caps.model_dump(by_alias=True, exclude_none=True),
        "steps": [_step_json(step) for step in plan.steps],
        "earliestCompletion": _time(plan.finished),
        "approval": [_need_json(item) for item in report.decisions],
        "problems": [item.to_json() for item in report.problems],
    }


def _step_json(step: PlannedStep) -> dict[str, object]:
    return {
        "name": step.name,
        "mode": step.mode,
        "environments": list(step.environments),
        "cohort": step.size,
        "enter": [_move_json(move) for move in step.enters],
        "stay": [_move_json(move) for move in step.stays],
        "leave": list(step.leaves),
        "repositories": step.entering,
        "production": step.production,
        "soakSeconds": int(step.soak.total_seconds()),
        "gates": list(step.gates),
        "approvalRequired": step.approval_required,
        "earliest": _time(step.earliest),
        "exceeded": list(step.exceeded),
    }


def _move_json(move: Move) -> dict[str, object]:
    return {
        "repository": move.repository,
        "environment": move.environment,
        "before": move.before,
        "after": move.after,
    }


def _need_json(decision: Decision) -> dict[str, object]:
    return {
        "operation": decision.operation.kind,
        "requirement": decision.approvals.requirement.to_json(),
        "maySign": list(decision.approvals.may_sign),
    }


def plan_text(report: PlanReport) -> str:
    """For people at a terminal."""
    plan = report.plan
    waits = report.phase == "pending"
    when = "at the earliest" if waits else "at the earliest, as seen from its start"
    title = f"rollout {report.reference}: {_versions(plan)}{'' if waits else f', {report.phase}'}"
    facts = [
        ("repositories", str(len(plan.order))),
        ("limits", limits_line(plan.caps)),
        ("completed", f"{_time(plan.finished)} {when}" if plan.finished else "unknown"),
        *(("start needs", need_line(item)) for item in report.decisions),
    ]
    parts = [
        styled(title, Style.BOLD),
        facts_block(facts),
        table(["step", *_WHO], [[_title(step), *_who(step)] for step in plan.steps]),
        table(["step", *_WHEN], [[_title(step), *_when(step)] for step in plan.steps]),
        "\n".join(line for step in plan.steps for change in _changes(step) for line in wrapped(change)),
    ]
    if report.problems:
        parts.append(problem_lines(report.problems))
    else:
        parts.append(f"next: gaitops rollout {'start' if waits else 'status'} {report.reference}")
    return "\n\n".join(part for part in parts if part)


_WHO = ("mode", "environments", "cohort", "enter", "stay")
_WHEN = ("earliest", "soak", "gates")
"""A table of its own in text: together they would not fit, and a date that is cut is none."""


def _title(step: PlannedStep) -> str:
    return f"{step.name} (approval)" if step.approval_required else step.name


def _who(step: PlannedStep) -> list[str]:
    counts = (step.size, len(step.enters), len(step.stays))
    return [step.mode, ", ".join(step.environments), *map(str, counts)]


def _when(step: PlannedStep) -> list[str]:
    return [_time(step.earliest) or "–", duration(step.soak), ", ".join(step.gates) or "–"]


def _changes(step: PlannedStep) -> Iterator[str]:
    """The first names of who enters and leaves; counts say how many there are."""
    for environment in step.environments:
        names = [move.repository for move in step.enters if move.environment == environment]
        if names:
            yield f"{step.name}, {environment}: {repositories(len(names))} {'enters' if len(names) == 1 else 'enter'} {step.mode}: {_few(names)}"
    if step.leaves:
        yield f"{step.name}: {repositories(len(step.leaves))} listed but no longer selected: {_few(step.leaves)}"


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def wrapped(value: str, *, size: int = MAX_WIDTH, indent: str = "", following: str = "  ") -> list[str]:
    """A sentence as lines of at most ``size`` columns, made safe; words are never cut, so that names can be copied."""
    return textwrap.wrap(
        safe(value),
        size,
        initial_indent=indent,
        subsequent_indent=indent + following,
        break_long_words=False,
        break_on_hyphens=False,
    )


def facts_block(facts: Sequence[tuple[str, str]]) -> str:
    """``name  value`` lines whose long values go on below themselves."""
    room = MAX_WIDTH - max(len(name) for name, _value in facts) - 2
    rows: list[tuple[str, str]] = []
    for name, value in facts:
        first, *more = wrapped(value, size=room, following="") or [""]
        rows += [(name, first), *(("", line) for line in more)]
    return fields(rows)


def repositories(number: int) -> str:
    """``1 repository``, ``2 repositories``."""
    return f"{number:,} {'repository' if number == 1 else 'repositories'}"


def _versions(plan: Plan) -> str:
    return f"{plan.spec.policy.name} {plan.spec.from_version} → {plan.spec.to_version}"


def limits_line(caps: Caps) -> str:
    """The limits in words."""
    limits = (
        (caps.max_repositories_per_step, "at most {} repositories a step"),
        (caps.max_percent_per_step, "at most {} percent a step"),
        (caps.max_production_per_step, "at most {} in production a step"),
    )
    return "; ".join(text.format(value) for value, text in limits if value is not None) or "none"


def need_line(decision: Decision) -> str:
    """What one decision needs and who may give it."""
    needed = decision.approvals.requirement
    able = ", ".join(decision.approvals.may_sign) or "nobody"
    return f"{counted(needed.quorum, 'approval')} for {decision.operation.kind}; may sign: {able}"


def duration(value: timedelta) -> str:
    """``2d 6h``; a dash for none."""
    minutes = int(value.total_seconds()) // 60
    parts = ((minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "m"))
    return " ".join(f"{number}{unit}" for number, unit in parts if number) or "–"


def plan_markdown(report: PlanReport) -> str:
    """For a pull request: everything, the lists folded away."""
    plan = report.plan
    lines = [
        f"### Rollout {markdown.code(report.reference)}",
        "",
        f"{markdown.escape(_versions(plan))}, {repositories(len(plan.order))}; limits: {limits_line(plan.caps)}",
        "",
        markdown.table(
            ["step", *_WHO, *_WHEN],
            [
                [markdown.escape(cell) for cell in (_title(step), *_who(step), *_when(step))]
                for step in plan.steps
            ],
        ),
        "",
        *(f"- start needs {markdown.escape(need_line(item))}" for item in report.decisions),
        *(f"- **{markdown.escape(str(item))}**" for item in report.problems),
        "",
    ]
    for step in plan.steps:
        for label, moves in (("enter", step.enters), ("stay", step.stays)):
            if moves:
                lines += _folded(f"{step.name}: {len(moves)} {label}", moves)
        if step.leaves:
            names = ", ".join(markdown.code(name) for name in step.leaves)
            lines += [
                f"{step.name}: {repositories(len(step.leaves))} listed but no longer selected: {names}",
                "",
            ]
    return "\n".join(lines).rstrip() + "\n"


def _folded(title: str, moves: Sequence[Move]) -> list[str]:
    rows = [
        [markdown.code(move.repository), markdown.code(move.environment), move.before or "–", move.after]
        for move in moves
    ]
    head = ["repository", "environment", "before", "after"]
    return [f"<details><summary>{title}</summary>", "", markdown.table(head, rows), "", "</details>", ""]


def _time(value: datetime | None) -> str | None:
    return format_timestamp(value) if value is not None else None
