# SPDX-License-Identifier: Apache-2.0
"""What the verification of an evidence store found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaitops.report.tables import fields
from gaitops.report.text import Style, counted, safe, styled

if TYPE_CHECKING:
    from gaitops.evidence.verify import StoreReport

_MOST_SHOWN = 10
_MOST_LISTED = 1_000
_LISTS = {
    "lost": "gone",
    "altered": "altered",
    "disagreeing": "rows that do not say what the artifact says",
    "extra_rows": "rows of no artifact",
    "unconfirmed": "recorded as verified, and verified by no key at hand",
}


def verify_json(report: StoreReport, store: str, proof: dict[str, object] | None) -> dict[str, object]:
    """Members of the JSON document."""
    return {
        "store": store,
        "ok": not report.problems,
        "artifacts": report.size,
        "root": report.root,
        "bytes": report.bytes,
        "rows": report.rows,
        "checkpoints": report.checkpoints,
        "keys": report.keys,
        "unrecorded_objects": report.unrecorded,
        "pending_batches": report.pending,
        **{
            name: {"count": len(getattr(report, name)), "first": getattr(report, name)[:_MOST_LISTED]}
            for name in _LISTS
        },
        "problems": [problem.to_json() for problem in report.problems],
        "proof": proof,
    }


def verify_text(report: StoreReport, store: str, proof_file: str | None) -> str:
    """For people: what holds, then what does not."""
    lines = [
        fields(
            [
                ("store", store),
                ("artifacts", f"{report.size:,} ({report.bytes:,} bytes)"),
                ("root", report.root or "unknown: the log is damaged"),
                ("rows", f"{report.rows:,} compared"),
                ("checkpoints", f"{report.checkpoints:,} continued"),
                (
                    "signatures",
                    f"held to {counted(report.keys, 'key')}" if report.keys else "not verified again",
                ),
            ]
        ),
        "",
    ]
    if report.unrecorded:
        lines.append(
            f"{counted(report.unrecorded, 'object')} without a record: the next ingestion of them records them"
        )
    if report.pending:
        lines.append(
            f"batches that are not complete yet: {report.pending:,}; the next ingestion completes them"
        )
    for name, title in _LISTS.items():
        items = getattr(report, name)
        if items:
            lines.append(styled(f"{title}: {len(items):,}", Style.RED))
            lines += [f"  {safe(item)}" for item in items[:_MOST_SHOWN]]
            if len(items) > _MOST_SHOWN:
                lines.append(f"  and {len(items) - _MOST_SHOWN:,} more; --json names the first thousand")
    lines += [styled(safe(str(problem)), Style.RED) for problem in report.failures]
    if not report.problems:
        lines.append(styled("everything that was recorded is there and unaltered", Style.GREEN))
    if proof_file is not None:
        lines.append(f"proof written to {safe(proof_file)}")
    return "\n".join(lines)
