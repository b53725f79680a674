# SPDX-License-Identifier: Apache-2.0
"""The answer of deployment gates, as text, Markdown and JSON."""

from __future__ import annotations

from gaitops.conformance.gate import GateDecision
from gaitops.documents.times import format_timestamp
from gaitops.report import markdown
from gaitops.report.tables import fields
from gaitops.report.text import Style, counted, safe, styled


def gate_json(decision: GateDecision) -> dict[str, object]:
    """Members of ``schemas/output/gate-deploy.schema.json``."""
    return {
        "allowed": decision.allowed,
        "guarded": bool(decision.gates),
        "repository": decision.repository,
        "environment": decision.environment,
        "at": format_timestamp(decision.at),
        "projects": list(decision.projects),
        "gates": list(decision.gates),
        "blockers": [item.to_json() for item in decision.blockers],
        "tolerated": list(decision.tolerated),
    }


def gate_text(decision: GateDecision) -> str:
    """The answer, the gates, then every reason with how to clear it."""
    place = f"{decision.repository} into {decision.environment}"
    parts = [f"{_word(decision)}: {safe(place)}\n{fields(_facts(decision))}"]
    for item in decision.blockers:
        about = styled(f"{item.requires}:", Style.BOLD, Style.RED)
        parts.append(
            f"{about} {safe(item.message)} [{item.code}, gate {safe(item.gate)}]\n"
            f"  {styled('fix:', Style.BOLD)} {safe(item.remedy)}"
        )
    if decision.tolerated:
        parts.append("\n".join(f"tolerated by the gate: {safe(text)}" for text in decision.tolerated))
    return "\n\n".join(parts)


def _word(decision: GateDecision) -> str:
    if not decision.gates:
        return styled("allowed, no gate guards this environment", Style.YELLOW, Style.BOLD)
    if decision.allowed:
        return styled("allowed", Style.GREEN, Style.BOLD)
    return styled(f"BLOCKED, {counted(len(decision.blockers), 'reason')}", Style.RED, Style.BOLD)


def _facts(decision: GateDecision) -> list[tuple[str, str]]:
    return [
        ("project", ", ".join(decision.projects)),
        ("gates", ", ".join(decision.gates) or "none"),
        ("judged", format_timestamp(decision.at)),
    ]


def gate_markdown(decision: GateDecision) -> str:
    """The same for a job summary."""
    word = (
        "no gate guards this environment"
        if not decision.gates
        else "allowed"
        if decision.allowed
        else "blocked"
    )
    place = f"{markdown.code(decision.repository)} into {markdown.code(decision.environment)}"
    parts = [f"## Deployment of {place}: {word}"]
    rows = [
        [
            item.requires,
            markdown.escape(item.message),
            markdown.escape(item.remedy),
            markdown.escape(item.gate),
        ]
        for item in decision.blockers
    ]
    if rows:
        parts.append(markdown.table(["because of", "reason", "how to clear it", "gate"], rows))
    parts += [f"- tolerated: {markdown.escape(text)}" for text in decision.tolerated]
    return "\n\n".join(parts)
