# SPDX-License-Identifier: Apache-2.0
"""The queue of signals and single signals for people: tables on a terminal, Markdown, findings for SARIF."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from gaitops.documents.times import format_timestamp
from gaitops.report import markdown
from gaitops.report.findings import Finding, Level, RuleInfo
from gaitops.report.tables import MAX_WIDTH, fields, table
from gaitops.report.text import Style, counted, safe, styled
from gaitops.signals.causes import Attribution
from gaitops.signals.kinds import KINDS
from gaitops.signals.model import Fix, Signal
from gaitops.signals.priority import Score
from gaitops.signals.queue import Queue

PAGE: Final = "https://gaitops.dev/docs/signals"
"""Where kinds, scores and causes are explained: the published form of ``docs/signals.md``."""
ERROR_FROM: Final = 1_600
"""Score of one destructive thing in production: what is at least this is an error in SARIF."""
WARNING_FROM: Final = 200
_MOST_SHOWN: Final = 10
_INDENT: Final = " " * 12

Proofs = Mapping[str, Sequence[str]]
"""Signal id → SHA-256 of every artifact behind it."""


def queue_text(made: Queue, shown: Sequence[Signal], proofs: Proofs, notes: Sequence[str]) -> str:
    """Counts before and after, then the signals that are shown, each with its message."""
    if not made.signals:
        return "\n\n".join([styled("nothing to look at", Style.GREEN, Style.BOLD), _notes(notes)]).rstrip()
    parts = [_headline(made), _listed(shown)]
    rest = len(made.signals) - len(shown)
    if rest > 0:
        parts.append(f"and {counted(rest, 'signal')} more; --top 0 shows all")
    parts += [_proof(signal.id, proofs[signal.id]) for signal in shown if signal.id in proofs]
    parts.append(_notes(notes))
    return "\n\n".join(part for part in parts if part)


def _headline(made: Queue) -> str:
    before, after = sum(made.before.values()), len(made.signals)
    first = styled(f"{counted(before, 'event')} in {counted(after, 'signal')}", Style.BOLD)
    return f"{first}, as of {format_timestamp(made.at)}; {counted(made.runs, 'run')} looked at"


def _listed(shown: Sequence[Signal]) -> str:
    lines = []
    for rank, signal in enumerate(shown, 1):
        head = f"{rank:>3}  {signal.score.total:>5}  {KINDS[signal.kind].title}"
        lines += [
            styled(head, Style.BOLD),
            *_wrapped(signal.message, _INDENT),
            *(styled(line, Style.DIM) for line in _wrapped(_line(signal), _INDENT)),
        ]
    return "\n".join(lines)


def _wrapped(text: str, indent: str) -> list[str]:
    """Lines that fit a terminal, each behind the indent; a word that is longer stays whole, so that it can be copied."""
    return textwrap.wrap(
        safe(text),
        MAX_WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _line(signal: Signal) -> str:
    where = [", ".join(signal.owners), ", ".join(signal.environments)]
    terms = " × ".join(str(term.value) for term in signal.score.terms[:-1])
    told = [*where, f"{terms} × 10 + {signal.score.volume.value}", signal.id]
    return " · ".join(part for part in told if part)


def _proof(identifier: str, digests: Sequence[str]) -> str:
    return "\n".join([styled(f"{identifier}: {counted(len(digests), 'artifact')}", Style.BOLD), *digests])


def _notes(notes: Sequence[str]) -> str:
    return "\n".join(styled(f"note: {note}", Style.YELLOW) for note in notes)


def signal_text(signal: Signal, proof: Sequence[str] | None) -> str:
    """One signal with everything: score, causes, Gait's view, fixes, artifacts."""
    kind = KINDS[signal.kind]
    parts = [
        "\n".join(
            [
                styled(f"{signal.score.total:,}  {kind.title}", Style.BOLD),
                *_wrapped(signal.message, ""),
            ]
        ),
        "\n".join([*_wrapped(kind.meaning, ""), *_wrapped(kind.remedy, "")]),
        fields(_facts(signal)),
        _score(signal.score),
        _spread(signal.spread),
        _causes(signal.attributions),
        _gait(signal),
        *(_fix(fix) for fix in signal.fixes),
        _digests("artifacts", signal.artifacts) if proof is None else _digests("all artifacts", proof),
    ]
    return "\n\n".join(part for part in parts if part)


def _facts(signal: Signal) -> list[tuple[str, str]]:
    times = [
        ("first seen", signal.first_seen),
        ("last seen", signal.last_seen),
    ]
    return [
        ("id", signal.id),
        ("kind", signal.kind),
        ("owners", ", ".join(signal.owners) or "not known"),
        ("environments", ", ".join(signal.environments) or "not known"),
        *((name, format_timestamp(time)) for name, time in times if time is not None),
    ]


def _score(score: Score) -> str:
    rows = [[term.name, str(term.value), term.because] for term in score.terms]
    formula = "privilege × tier × radius × 10 + volume"
    return table(["term", "value", "because"], [*rows, ["total", f"{score.total:,}", formula]])


def _spread(spread: Mapping[str, int]) -> str:
    ordered = sorted(spread.items(), key=lambda item: (-item[1], item[0]))
    rows = [[name or "no repository", f"{number:,}"] for name, number in ordered[:_MOST_SHOWN]]
    more = len(ordered) - len(rows)
    shown = table(["repository", "events"], rows)
    return f"{shown}\nand {more:,} more" if more else shown


def _causes(attributions: Sequence[Attribution]) -> str:
    """What the facts say, and what Gait's keywords say, side by side, for each place."""
    blocks = []
    for one in attributions[:_MOST_SHOWN]:
        keywords = [f"{driver}: {said.replace('_', ' ')}" for driver, said in one.keyword_check().items()]
        pairs = [
            ("the facts say", ", ".join(cause.value for cause in one.causes)),
            ("compared", ", ".join(sorted(cause.value for cause in one.compared)) or "nothing"),
            ("Gait's keywords say", "; ".join(keywords) or "nothing"),
        ]
        place = styled(f"before it at {one.repository} {one.environment}".rstrip(), Style.BOLD)
        told = [line for name, text in pairs for line in _told(name, text)]
        blocks.append("\n".join([place, *told, *_changes(one)]))
    more = len(attributions) - len(blocks)
    return "\n\n".join([*blocks, f"and {more:,} more places, in --json"] if more > 0 else blocks)


def _told(name: str, text: str) -> list[str]:
    lines = _wrapped(text, " " * 23)
    return [f"  {name:<19}  {lines[0].lstrip()}", *lines[1:]]


def _changes(one: Attribution) -> list[str]:
    lines = []
    for change in one.changes:
        lines += [
            f"  {change.cause.value}: {safe(change.what)}",
            f"    before  {_values(change.before)}",
            f"    after   {_values(change.after)}",
        ]
    return lines


def _values(values: Iterable[str]) -> str:
    return ", ".join(safe(value) for value in values) or "nothing"


def _gait(signal: Signal) -> str:
    if signal.gait is None:
        return ""
    gait = signal.gait
    return (
        styled("Gait's own report says", Style.BOLD)
        + "\n"
        + fields(
            [
                ("family", str(gait["family_id"])),
                ("severity", f"{gait['severity_score']} ({gait['severity_level']})"),
                ("canonical run", str(gait["canonical_run_id"])),
                ("top reason", str(gait.get("top_failure_reason", "none"))),
                ("drivers", ", ".join(gait["drivers"])),
            ]
        )
    )


def _fix(fix: Fix) -> str:
    where = f" ({fix.repository})" if fix.repository else ""
    lines = [styled(f"fix: {fix.kind.replace('_', ' ')}{where}", Style.BOLD), *_wrapped(fix.summary, "  ")]
    lines += [f"  + {safe(path)}" for path in (*fix.files, *fix.objects)]
    lines += [f"  $ {safe(command)}" for command in fix.commands]
    return "\n".join(lines)


def _digests(heading: str, digests: Sequence[str]) -> str:
    return "\n".join([styled(heading, Style.BOLD), *digests]) if digests else ""


def queue_markdown(made: Queue, shown: Sequence[Signal], proofs: Proofs, notes: Sequence[str]) -> str:
    """The queue for a comment or an issue."""
    before = sum(made.before.values())
    lines = [
        f"**{before:,} events in {len(made.signals):,} signals**, as of {format_timestamp(made.at)}.",
        "",
        markdown.table(
            ["rank", "score", "signal", "where", "owners"],
            [_row(rank, signal) for rank, signal in enumerate(shown, 1)],
        ),
    ]
    for signal in shown:
        if signal.id in proofs:
            digests = "\n".join(proofs[signal.id])
            lines += ["", f"{markdown.code(signal.id)}:", "", markdown.block(digests)]
    lines += [f"\n> {markdown.escape(note)}" for note in notes]
    return "\n".join(lines)


def _row(rank: int, signal: Signal) -> list[str]:
    names = list(signal.repositories)
    where = ", ".join(map(markdown.code, names[:3])) + (
        f" and {len(names) - 3} more" if len(names) > 3 else ""
    )
    said = f"{markdown.escape(KINDS[signal.kind].title)}: {markdown.escape(signal.message)}"
    owners = ", ".join(map(markdown.escape, signal.owners))
    return [str(rank), str(signal.score.total), said, where, owners]


def queue_findings(shown: Iterable[Signal]) -> list[Finding]:
    """The signals as findings for SARIF; the score decides the level."""
    return [
        Finding(
            rule_id=signal.kind,
            level=_level(signal.score.total),
            message=f"{signal.message} (score {signal.score.total})",
            remedy=KINDS[signal.kind].remedy,
            fingerprint_parts=signal.key,
        )
        for signal in shown
    ]


def _level(score: int) -> Level:
    if score >= ERROR_FROM:
        return "error"
    return "warning" if score >= WARNING_FROM else "note"


def queue_rules() -> list[RuleInfo]:
    """Every kind of signal as a rule."""
    return [
        RuleInfo(name, kind.title, f"{PAGE}#{name}", f"{kind.meaning} {kind.remedy}")
        for name, kind in KINDS.items()
    ]
