# SPDX-License-Identifier: Apache-2.0
"""Inspections of artifacts as text: what needs attention, how many there are of what, and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from gaitops.gait.artifacts.model import Finding, Inspection, Verdict
from gaitops.report.tables import table
from gaitops.report.text import Style, counted, safe, styled

_SHOWN = 50
"""Files that are listed one by one; JSON has all of them."""
_LONGEST_FILE = 40
Row = tuple[str, str, str, str]
"""File, kind, verdict and the weightiest finding."""
_REMEDIES = {
    Verdict.FAILED: "failed: do not use it; compare it with the original at its producer",
    Verdict.REJECTED: "rejected: do not use it; it has no certain reading, or Gait did not write it",
    Verdict.UNVERIFIABLE: "unverifiable: give the public key of its producer with --key, if you trust it",
    Verdict.UNSIGNED: "unsigned: anybody can have written it; sign with a producer key where proof is needed",
}


@dataclass(slots=True)
class Summary:
    """Grows with every inspection; keeps only what the text shows."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(kind, verdict) → files."""
    doubtful: list[Row] = field(default_factory=list)
    """Files whose verdict is bad news or that have findings; the first of them."""
    others: list[Row] = field(default_factory=list)
    """The first of the other files."""
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    """File and reason."""

    def add(self, file: str, inspection: Inspection) -> None:
        """Count an inspection, and remember it as long as there is room."""
        self.counts[inspection.kind, inspection.verdict.value] += 1
        rows = self.doubtful if inspection.findings else self.others
        if len(rows) < _SHOWN:
            reason = _reason(inspection.findings)
            rows.append((_shortened(file), inspection.kind, inspection.verdict.value, reason))

    def total(self, verdict: Verdict) -> int:
        """Files with this verdict."""
        return sum(number for (_, found), number in self.counts.items() if found == verdict.value)


def inspections_text(summary: Summary) -> str:
    """A table of files, a table of counts by kind and verdict, and remedies for the verdicts that occur."""
    rows = [*summary.doubtful, *summary.others][:_SHOWN]
    parts = [table(("file", "kind", "verdict", "reason"), rows)]
    if unlisted := summary.counts.total() - len(rows):
        parts.append(styled(f"… and {counted(unlisted, 'more file')}; --json lists all", Style.DIM))
    parts.append(_counts(summary.counts))
    parts += ["\n".join(f"{safe(file)}: not read: {safe(reason)}" for file, reason in summary.unreadable)]
    remedies = [text for verdict, text in _REMEDIES.items() if summary.total(verdict)]
    parts.append("\n".join(remedies))
    return "\n\n".join(part for part in parts if part)


def _shortened(file: str) -> str:
    """The end of a long path tells files apart better than its beginning."""
    return file if len(file) <= _LONGEST_FILE else f"…{file[1 - _LONGEST_FILE :]}"


def _reason(findings: Sequence[Finding]) -> str:
    """Code of the finding that weighs most."""
    weight = {"rejects": 0, "fails": 1, "notes": 2}
    worst = min(findings, key=lambda finding: weight[finding.effect.value], default=None)
    return worst.code if worst is not None else ""


def _counts(counts: Counter[tuple[str, str]]) -> str:
    verdicts = [verdict.value for verdict in Verdict if any(found == verdict.value for _, found in counts)]
    kinds = sorted({kind for kind, _ in counts})
    rows = [(kind, *(str(counts[kind, verdict] or "") for verdict in verdicts)) for kind in kinds]
    return table(
        ("kind", *(verdict.replace("_with_unsigned_extras", " +extras") for verdict in verdicts)), rows
    )
