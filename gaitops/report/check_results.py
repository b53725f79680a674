# SPDX-License-Identifier: Apache-2.0
"""The result of ``gaitops check`` as findings and as test cases: a judged change for code scanning and for CI."""

from __future__ import annotations

from collections.abc import Sequence

from gaitops.change.judge import Decision, Judgement
from gaitops.errors import Problem
from gaitops.history.proposal import Proposal
from gaitops.report.findings import Finding, Level, problem_finding
from gaitops.report.judgements import state_word
from gaitops.report.junit import Case, Outcome, Suite

_OUTCOMES: dict[str, Outcome] = {"authorized": "passed", "pending": "skipped", "refused": "failed"}
"""An operation that waits for approvals has not failed, and has not passed either."""


def proposal_findings(proposal: Proposal, ignored: Sequence[Problem]) -> list[Finding]:
    """Reasons against a change are errors, missing approvals warnings, and what was ignored notes."""
    found = [problem_finding(problem) for problem in proposal.problems]
    for judgement in proposal.judgements:
        found += [problem_finding(problem) for problem in judgement.violations]
        for decision in judgement.decisions:
            level: Level = "warning" if decision.pending else "error"
            found += [problem_finding(problem, level) for problem in decision.problems]
    found += [problem_finding(problem, "note") for problem in ignored]
    return list(dict.fromkeys(found))


def proposal_suites(proposal: Proposal) -> list[Suite]:
    """A suite for what prevents judging, and one for each partition with a case per operation."""
    suites = [Suite(f"partition {item.change.partition}", _cases(item)) for item in proposal.judgements]
    if proposal.problems or not suites:
        unjudged = tuple(_violation(problem, "gaitops.check") for problem in proposal.problems)
        suites.insert(0, Suite("change", unjudged or (Case("needs no authorization", "gaitops.check"),)))
    return suites


def _cases(judgement: Judgement) -> tuple[Case, ...]:
    group = f"gaitops.check.{judgement.change.partition}"
    violations = [_violation(problem, group) for problem in judgement.violations]
    cases = [*(_decided(decision, group) for decision in judgement.decisions), *violations]
    return tuple(cases) or (Case("needs no authorization", group),)


def _decided(decision: Decision, group: str) -> Case:
    paths = decision.operation.paths
    return Case(
        name=decision.operation.summary(),
        group=group,
        outcome=_OUTCOMES[state_word(decision)],
        kind=decision.problems[0].code if decision.problems else "",
        message=decision.problems[0].message if decision.problems else "",
        details="\n".join(line for problem in decision.problems for line in _lines(problem)),
        path=paths[0] if paths else None,
    )


def _violation(problem: Problem, group: str) -> Case:
    name = f"{problem.code}: {problem.path}" if problem.path else problem.code
    return Case(
        name, group, "failed", problem.code, problem.message, "\n".join(_lines(problem)), problem.path
    )


def _lines(problem: Problem) -> list[str]:
    return [str(problem), *([f"fix: {problem.remedy}"] if problem.remedy else [])]
