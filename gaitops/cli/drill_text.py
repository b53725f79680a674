# SPDX-License-Identifier: Apache-2.0
"""A drill for people: told while it happens, and summed up at the end."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gaitops.report.text import Style, counted, styled

if TYPE_CHECKING:
    from gaitops.documents.models.drill import DoneCommand, DrillReport, Proof, Step

_COLUMNS = 100
_INDENT = "    "
_COLOURS = {"failure": Style.RED, "warning": Style.YELLOW, "note": Style.DIM}


def told_text(item: Step | DoneCommand | Proof) -> str:
    """One thing that happened: the heading of a step, a command, or a proof."""
    from gaitops.documents.models.drill import DoneCommand, Proof

    if isinstance(item, DoneCommand):
        return _wrapped(f"$ {item.line}", _INDENT, Style.DIM)
    if isinstance(item, Proof):
        return _proof(item)
    return f"\n{item.number:>2}  {styled(item.title, Style.BOLD)}"


def report_text(report: DrillReport) -> str:
    """What was found: differences of the copy, findings about the real fleet, what was not proven, the verdict."""
    return "\n".join(_lines(report))


def _lines(report: DrillReport) -> Iterator[str]:
    if report.substitutions:
        yield "\nin the copy"
        yield from (_wrapped(text, _INDENT) for text in report.substitutions)
    if report.findings:
        yield f"\nabout fleet {styled(report.fleet)}"
        for finding in report.findings:
            yield _wrapped(f"{finding.severity}: {finding.text}", _INDENT, _COLOURS[finding.severity])
    proofs = [proof for step in report.steps for proof in step.proofs]
    failed = [proof for proof in proofs if not proof.proven]
    if failed:
        yield "\nnot proven"
        yield from (_proof(proof) for proof in failed)
    about = f" for {report.principal}" if report.principal is not None else ""
    yield ""
    verdict = "passed" if report.passed else "found what would fail in this fleet"
    colour = Style.GREEN if report.passed else Style.RED
    proven = f"{len(proofs) - len(failed)} of {counted(len(proofs), 'claim')} proven"
    yield f"{styled(f'drill {report.drill}{about} {verdict}', colour, Style.BOLD)}; {proven}"


def _proof(proof: Proof) -> str:
    if proof.proven:
        return _wrapped(f"proven: {proof.claim}", _INDENT, Style.GREEN)
    text = _wrapped(f"NOT proven: {proof.claim}", _INDENT, Style.RED)
    return f"{text}\n{_wrapped(proof.observed, _INDENT * 2)}"


def _wrapped(text: str, indent: str, *styles: Style) -> str:
    lines = textwrap.wrap(
        text, _COLUMNS - len(indent), break_long_words=False, break_on_hyphens=False, subsequent_indent="  "
    )
    return "\n".join(indent + styled(line, *styles) for line in lines)
