# SPDX-License-Identifier: Apache-2.0
"""What an ingestion did: how many artifacts of which kind and verdict, what was skipped and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaitops.report.tables import table
from gaitops.report.text import Style, counted, safe, styled

if TYPE_CHECKING:
    from gaitops.evidence.ingest import IngestReport

_MOST_SHOWN = 10
_BAD = frozenset({"failed", "rejected"})
REASONS = {
    "too_large": "larger than any artifact may be",
    "unreadable": "could not be read",
    "unrecognised": "nothing that Gait writes",
    "outside_layout": "the layout does not know the path",
}
"""Why a file is skipped → in words."""


def ingest_json(report: IngestReport, store: str, seconds: float) -> dict[str, object]:
    """Members of the JSON document."""
    return {
        "store": store,
        "files": report.files,
        "bytes": report.bytes,
        "new": report.new,
        "known": report.known,
        "duplicates": report.duplicates,
        "repeats": report.repeats,
        "batches": report.batches,
        "completed": report.completed,
        "counts": [
            {"kind": kind, "verdict": verdict, "count": count}
            for (kind, verdict), count in sorted(report.counts.items())
        ],
        "skipped": {
            "count": sum(report.skipped_counts.values()),
            "reasons": dict(sorted(report.skipped_counts.items())),
            "files": [
                {"source": item.source, "reason": item.reason, "detail": item.detail}
                for item in report.skipped
            ],
        },
        "seconds": round(seconds, 3),
        "files_per_second": round(report.files / seconds, 1) if seconds > 0 else None,
    }


def ingest_text(report: IngestReport, store: str, seconds: float) -> str:
    """For people."""
    pace = f" in {seconds:,.1f} s, {report.files / seconds:,.0f}/s" if seconds >= 1 else ""
    lines = [
        f"{counted(report.files, 'file')} ({report.bytes:,} bytes){pace} → {safe(store)}",
        f"{report.new:,} new, {report.known:,} known, {report.duplicates:,} delivered again from elsewhere",
    ]
    if report.repeats:
        lines.append(
            f"{counted(report.repeats, 'decision')} in other bytes than before: kept, and not counted again"
        )
    if report.completed:
        lines.append(f"unfinished batches of earlier runs that are complete now: {report.completed:,}")
    rows = [[kind, verdict, f"{count:,}"] for (kind, verdict), count in sorted(report.counts.items())]
    if rows:
        lines += ["", table(("kind", "verdict", "artifacts"), rows)]
    bad = sum(count for (_kind, verdict), count in report.counts.items() if verdict in _BAD)
    if bad:
        lines += ["", styled(f"{counted(bad, 'artifact')} failed or rejected", Style.YELLOW)]
        lines.append("  `gaitops evidence query --verdict failed --verdict rejected` lists them")
    lines += _skipped(report)
    return "\n".join(lines)


def _skipped(report: IngestReport) -> list[str]:
    count = sum(report.skipped_counts.values())
    if not count:
        return []
    lines = ["", styled(f"skipped {counted(count, 'file')}", Style.YELLOW)]
    for reason, number in sorted(report.skipped_counts.items()):
        lines.append(f"  {number:,} {REASONS[reason]}")
    shown = report.skipped[:_MOST_SHOWN]
    lines += [f"    {safe(item.source)}: {safe(item.detail)}" for item in shown]
    if count > len(shown):
        lines.append(f"    and {count - len(shown):,} more; --json names the first thousand")
    return lines
