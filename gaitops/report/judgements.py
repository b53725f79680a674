# SPDX-License-Identifier: Apache-2.0
"""A judged change for people and machines: what it does, which rule asks for what, who signed, who still may."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gaitops.change.approvals import ApprovalResult, Counted
from gaitops.change.judge import Decision, Judgement
from gaitops.errors import Problem
from gaitops.report import markdown
from gaitops.report.problems import problem_lines
from gaitops.report.text import Style, counted, safe, styled

SHORTAGE = "approval.quorum"
"""Code of the problem that says that approvals are missing."""


def decision_json(decision: Decision) -> dict[str, object]:
    """One decision for ``--json``."""
    approvals = decision.approvals
    return {
        "operation": decision.operation.to_json(),
        "authorized": decision.authorized,
        "pending": decision.pending,
        "proposers": sorted(decision.authors.proposers),
        "contributors": sorted(decision.authors.contributors),
        "requirement": approvals.requirement.to_json(),
        "approved": [_approved_json(item) for item in approvals.counted],
        "refused": [
            {
                "principal": item.principal,
                "intent": item.intent,
                "envelope": item.path,
                **item.problem.to_json(),
            }
            for item in approvals.refused
        ],
        "missing": approvals.missing,
        "missingGroups": list(approvals.missing_groups),
        "maySign": list(approvals.may_sign),
        "problems": [problem.to_json() for problem in decision.problems],
    }


def _approved_json(item: Counted) -> dict[str, object]:
    form: dict[str, object] = {
        "principal": item.principal,
        "assurance": item.assurance,
        "envelope": item.path,
    }
    return form if item.review is None else {**form, "review": item.review.to_json()}


def approver(item: Counted) -> str:
    """Who approved and how, in words that do not hide whose word it is."""
    if item.review is None:
        return f"{item.principal} ({item.assurance})"
    return (
        f"{item.principal} ({item.assurance}: {item.review.attested_by} attests review {item.review.review} "
        f"of {item.review.place})"
    )


def judgement_json(judgement: Judgement) -> dict[str, object]:
    """One partition's judgement for ``--json``."""
    return {
        "partition": judgement.change.partition,
        "authorized": judgement.authorized,
        "pending": judgement.pending,
        "deltas": [item.to_json() for item in judgement.change.deltas],
        "decisions": [decision_json(decision) for decision in judgement.decisions],
        "violations": [problem.to_json() for problem in judgement.violations],
    }


def state_word(judgement: Judgement | Decision) -> str:
    """``authorized``, ``pending`` or ``refused``."""
    if judgement.authorized:
        return "authorized"
    return "pending" if judgement.pending else "refused"


_UNPROPOSED = "proposer.unknown"
"""Code of what a proposal mends."""
_STYLES = {"authorized": Style.GREEN, "pending": Style.YELLOW, "refused": Style.RED}


def judgement_text(judgements: Iterable[Judgement], *, proposing: bool = False) -> str:
    """Every operation with its requirement and its signatures, partition by partition.

    ``proposing`` leaves out that nobody proposed it: the reader is about to.
    """
    blocks = []
    for judgement in judgements:
        lines = [styled(f"partition {judgement.change.partition}", Style.BOLD)]
        for decision in judgement.decisions:
            lines.extend(_decision_lines(decision, proposing=proposing))
        untold = [
            item for item in _untold(judgement.decisions) if not (proposing and item.code == _UNPROPOSED)
        ]
        problems = [*judgement.violations, *untold]
        if problems:
            lines.append(problem_lines(problems))
        if not judgement.decisions and not judgement.violations:
            lines.append("  nothing that needs authorization")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _decision_lines(decision: Decision, *, proposing: bool) -> list[str]:
    word = state_word(decision)
    if proposing and {problem.code for problem in decision.authors.problems} == {_UNPROPOSED}:
        word = "pending"
    approvals, needed = decision.approvals, decision.approvals.requirement
    lines = [f"  {styled(word, _STYLES[word])}  {safe(decision.operation.summary())}"]
    lines.extend(f"      file        {safe(path)}" for path in _few(decision.operation.paths))
    if decision.authors.proposers:
        lines.append(f"      proposed by {', '.join(sorted(decision.authors.proposers))}")
    lines.append(f"      needs       {_needs(decision)} ({', '.join(needed.rules)})")
    lines.extend(f"      approved by {safe(approver(item))}" for item in approvals.counted)
    lines.extend(
        f"      not counted {safe(item.problem.message)} [{item.problem.code}]" for item in approvals.refused
    )
    if not approvals.verified:
        lines.append(f"      missing     {_missing(approvals)} [{SHORTAGE}]")
        lines.append(f"      may sign    {', '.join(approvals.may_sign) or 'nobody else; see the rules'}")
    return lines


def _missing(approvals: ApprovalResult) -> str:
    """What is missing, in the words of :func:`_needs`."""
    what = "root key" if approvals.requirement.root else "approval"
    parts = [counted(approvals.missing, what)] if approvals.missing else []
    if approvals.missing_groups:
        parts.append(f"somebody of {', '.join(approvals.missing_groups)}")
    return " and ".join(parts)


def _untold(decisions: Iterable[Decision]) -> list[Problem]:
    """Problems of decisions, each once, without those that :func:`_decision_lines` has already told."""
    told = {item.problem for decision in decisions for item in decision.approvals.refused}
    found = dict.fromkeys(problem for decision in decisions for problem in decision.problems)
    return [problem for problem in found if problem.code != SHORTAGE and problem not in told]


def _needs(decision: Decision) -> str:
    needed = decision.approvals.requirement
    if needed.quorum == 0:
        return "no approval"
    what = "root key" if needed.root else "approval"
    text = f"{counted(needed.quorum, what)}, not older than {_hours(needed.ttl.total_seconds())}"
    if needed.groups:
        text += f", from {', '.join(sorted(needed.groups))}"
    if needed.assurance is not None:
        text += f", by {' or '.join(sorted(needed.assurance))}"
    if needed.forge_attesters:
        text += f" (reviews attested by {' or '.join(sorted(needed.forge_attesters))}: no signature of the reviewer)"
    return text


def _hours(seconds: float) -> str:
    hours = int(seconds // 3600)
    return (
        f"{hours // 24} d"
        if hours % 24 == 0 and hours
        else f"{hours} h"
        if hours
        else f"{int(seconds // 60)} min"
    )


def _few(paths: Sequence[str], most: int = 8) -> list[str]:
    return [*paths[:most], f"and {len(paths) - most} more"] if len(paths) > most else list(paths)


def judgement_markdown(judgements: Iterable[Judgement]) -> str:
    """A table for a pull request's summary, and the reasons below it."""
    rows: list[list[str]] = []
    reasons: list[str] = []
    for judgement in judgements:
        for decision in judgement.decisions:
            approvals = decision.approvals
            rows.append(
                [
                    state_word(decision),
                    markdown.escape(decision.operation.summary()),
                    _needs(decision),
                    markdown.escape(", ".join(map(approver, approvals.counted)) or "–"),
                    markdown.escape(", ".join(approvals.may_sign) if not approvals.verified else "–"),
                ]
            )
        problems = [*judgement.violations, *(item for one in judgement.decisions for item in one.problems)]
        reasons.extend(
            f"- {markdown.code(problem.code)} {markdown.escape(problem.message)}"
            + (f" — {markdown.escape(problem.remedy)}" if problem.remedy else "")
            for problem in dict.fromkeys(problems)
        )
    if not rows and not reasons:
        return "Nothing in this change needs authorization."
    parts = (
        [markdown.table(["state", "operation", "needs", "approved by", "may still sign"], rows)]
        if rows
        else []
    )
    return "\n\n".join([*parts, *(["\n".join(reasons)] if reasons else [])])
