# SPDX-License-Identifier: Apache-2.0
"""Conformance for people: text for terminals, Markdown for job summaries and pull requests.

Unknowns and waivers are counted wherever a number is shown, so that nobody takes them for passes.
"""

from __future__ import annotations

from collections.abc import Sequence

from gaitops.conformance.model import ControlResult, Outcome, RepositoryResult
from gaitops.documents.times import format_timestamp
from gaitops.report import markdown
from gaitops.report.tables import fields, table
from gaitops.report.text import Style, counted, safe, styled

WORDS = {
    Outcome.PASS: "pass",
    Outcome.FAIL: "FAIL",
    Outcome.WARN: "warn",
    Outcome.WAIVED: "waived",
    Outcome.INSUFFICIENT_DATA: "unknown",
    Outcome.NOT_APPLICABLE: "–",
}
"""Short words for tables."""


def summary_line(result: RepositoryResult) -> str:
    """How many controls came out how, in one line; zeros are left out, except of failures and unknowns."""
    counts = result.counts()
    named = [
        (Outcome.PASS, "passed"),
        (Outcome.FAIL, "failed"),
        (Outcome.WARN, counted(counts[Outcome.WARN], "warning").partition(" ")[2]),
        (Outcome.WAIVED, "waived"),
        (Outcome.INSUFFICIENT_DATA, "unknown"),
        (Outcome.NOT_APPLICABLE, "not applicable"),
    ]
    always = {Outcome.PASS, Outcome.FAIL, Outcome.INSUFFICIENT_DATA}
    return ", ".join(
        f"{counts[outcome]} {word}" for outcome, word in named if counts[outcome] or outcome in always
    )


def conformance_text(results: Sequence[RepositoryResult]) -> str:
    """Every result: its verdict, a table of controls, what to do."""
    return "\n\n".join(_text(result) for result in results)


def _text(result: RepositoryResult) -> str:
    word = (
        styled("conformant", Style.GREEN, Style.BOLD)
        if result.conformant
        else styled("NOT conformant", Style.RED, Style.BOLD)
    )
    place = safe(f"{result.repository}, environment {result.environment}")
    parts = [
        f"{word}: {place}\n{summary_line(result)}",
        fields(_facts(result)),
        table(
            ["outcome", "control", "reason"],
            [[_word(item), item.control, item.reason] for item in result.controls],
        ),
    ]
    todo = [_todo(item) for item in result.controls if item.remedy is not None]
    if todo:
        parts.append("\n".join(todo))
    notices = [
        f"{styled('waiver:', Style.BOLD, Style.YELLOW)} {safe(f'{item.waiver.id}: {item.message}')}"
        for item in result.notices
    ]
    return "\n\n".join([*parts, *(["\n".join(notices)] if notices else [])])


def _facts(result: RepositoryResult) -> list[tuple[str, str]]:
    return [
        ("content", "working tree" if result.commit is None else f"commit {result.commit}"),
        ("required", required_line(result)),
        ("trust root", f"sha256:{result.trust_root}"),
        ("judged", format_timestamp(result.at)),
    ]


def required_line(result: RepositoryResult) -> str:
    """What was required and who says so, in one line."""
    requirement = result.requirement
    if requirement is None:
        return "not known: nothing that verifies says so"
    sources = {
        "release": f"release {requirement.release}",
        "fleet": f"fleet commit {requirement.commit[:12]}",
        "pin": f"the pin itself (release {requirement.release})",
    }
    policy = (
        "nothing" if requirement.enforced is None else f"{requirement.enforced.name} ({requirement.mode})"
    )
    beside = "" if requirement.candidate is None else f" with candidate {requirement.candidate.name}"
    return f"{policy}{beside}, says {sources[requirement.source]}"


def _word(item: ControlResult) -> str:
    if item.would_be is not None:
        return f"waived ({WORDS[item.would_be].lower()})"
    return WORDS[item.outcome]


def _todo(item: ControlResult) -> str:
    colour = Style.RED if item.outcome is Outcome.FAIL else Style.YELLOW
    label = styled(f"{_word(item)}:", Style.BOLD, colour)
    where = f"{item.path}:{item.line}: " if item.path and item.line else f"{item.path}: " if item.path else ""
    lines = [f"{label} {safe(item.control)}: {safe(where + item.reason)}"]
    if item.waiver is not None:
        until = format_timestamp(item.waiver.expires_at)
        lines.append(
            f"  {styled('waived by', Style.BOLD)} {safe(f'{item.waiver.id} ({item.waiver.ticket}) until {until}')}"
        )
    lines.append(f"  {styled('fix:', Style.BOLD)} {safe(item.remedy or '')}")
    return "\n".join(lines)


def conformance_markdown(results: Sequence[RepositoryResult]) -> str:
    """Every result as a section with a table."""
    return "\n\n".join(_markdown(result) for result in results) + "\n"


def _markdown(result: RepositoryResult) -> str:
    word = "Conformant" if result.conformant else "Not conformant"
    rows = [
        [
            markdown.escape(_word(item)),
            markdown.code(item.control),
            markdown.escape(item.reason),
            markdown.escape(item.remedy or ""),
        ]
        for item in result.controls
    ]
    parts = [
        f"## {word}: {markdown.code(result.repository)}, environment {markdown.code(result.environment)}",
        f"{markdown.escape(summary_line(result))}.\n{markdown.escape('Required: ' + required_line(result))}.",
        markdown.table(["outcome", "control", "reason", "fix"], rows),
    ]
    if result.waivers:
        waived = [
            [
                markdown.code(item.id),
                markdown.code(item.control),
                markdown.escape(item.owner),
                markdown.escape(item.ticket),
                format_timestamp(item.expires_at),
            ]
            for item in result.waivers
        ]
        parts.append(markdown.table(["waiver", "control", "owner", "ticket", "until"], waived))
    if result.notices:
        parts.append(
            "\n".join(
                f"- Waiver {markdown.code(item.waiver.id)}: {markdown.escape(item.message)}."
                for item in result.notices
            )
        )
    return "\n\n".join(parts)
