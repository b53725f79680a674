# SPDX-License-Identifier: Apache-2.0
"""The result of ``gaitops check`` as text, JSON and Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from gaitops.errors import Problem
from gaitops.history.proposal import Proposal
from gaitops.report.judgements import judgement_json, judgement_markdown, judgement_text
from gaitops.report.markdown import code, escape
from gaitops.report.problems import problem_lines
from gaitops.report.text import Style, styled


def outcome(proposal: Proposal) -> str:
    """``authorized``, ``pending`` or ``refused``."""
    if proposal.authorized:
        return "authorized"
    return "pending" if proposal.pending else "refused"


def proposal_json(proposal: Proposal, ignored: Sequence[Problem]) -> dict[str, object]:
    """For ``--json``."""
    return {
        "outcome": outcome(proposal),
        "base": proposal.base,
        "mergeBase": proposal.merge_base,
        "head": proposal.head,
        "commits": list(proposal.commits),
        "partitions": [judgement_json(item) for item in proposal.judgements],
        "problems": [problem.to_json() for problem in proposal.all_problems()],
        "ignored": [problem.to_json() for problem in ignored],
    }


_SENTENCES = {
    "authorized": "This change is authorized and may be merged.",
    "pending": "This change is pending: nothing is wrong, but approvals are missing.",
    "refused": "This change is refused as it is.",
}
_STYLES = {"authorized": Style.GREEN, "pending": Style.YELLOW, "refused": Style.RED}


def proposal_text(proposal: Proposal, ignored: Sequence[Problem]) -> str:
    """For people at a terminal."""
    word = outcome(proposal)
    parts = [styled(_SENTENCES[word], _STYLES[word], Style.BOLD)]
    if proposal.judgements:
        parts.append(judgement_text(proposal.judgements))
    if proposal.problems:
        parts.append(problem_lines(proposal.problems))
    if ignored:
        parts.append(problem_lines(ignored, label="ignored"))
    return "\n\n".join(parts)


def proposal_markdown(proposal: Proposal) -> str:
    """For the summary of a pull request."""
    lines = ["### gaitops check", "", _SENTENCES[outcome(proposal)], ""]
    if proposal.problems:
        lines += [f"- {code(problem.code)} {escape(str(problem))}" for problem in proposal.problems] + [""]
    if proposal.judgements:
        lines.append(judgement_markdown(proposal.judgements))
    return "\n".join(lines).rstrip() + "\n"
