# SPDX-License-Identifier: Apache-2.0
"""The verdict of ``gaitops verify`` as text."""

from __future__ import annotations

from gaitops.history.verdict import PartitionVerdict, Verdict
from gaitops.report.problems import problem_lines
from gaitops.report.tables import fields, table
from gaitops.report.text import Style, counted, styled


def verdict_text(verdict: Verdict) -> str:
    """Head and root, a table of partitions, then every reason against."""
    word = (
        styled("verified", Style.GREEN, Style.BOLD)
        if verdict.verified
        else styled("NOT verified", Style.RED, Style.BOLD)
    )
    head = fields(
        [
            ("head", verdict.head),
            ("trust root", f"sha256:{verdict.trust_root} (root version {verdict.root_version})"),
            ("decisions", f"{verdict.decisions}, audit head {verdict.audit_head[:16]}"),
            ("judged", f"{counted(verdict.folded, 'new commit')}, at {verdict.at:%Y-%m-%dT%H:%M:%SZ}"),
        ]
    )
    parts = [f"{word}\n{head}"]
    if verdict.anchored_by is not None:
        parts.append(f"anchored by {verdict.anchored_by}: what came before it was not judged again")
    if verdict.solo:
        parts.append(styled("solo root: one person controls this fleet; for trying out only", Style.YELLOW))
    if verdict.partitions:
        rows = [[item.name, _state(item), (item.commit or "–")[:12]] for item in verdict.partitions]
        parts.append(table(["partition", "state", "verified commit"], rows))
    problems = verdict.all_problems()
    if problems:
        parts.append(problem_lines(problems))
    if verdict.ignored:
        parts.append(problem_lines(verdict.ignored, label="ignored"))
    return "\n\n".join(parts)


def _state(item: PartitionVerdict) -> str:
    if item.doubtful:
        return f"{counted(len(item.doubtful), 'path')} in doubt"
    if item.waiting is None:
        return "verified"
    kind = "pending approvals" if item.waiting.judgement.pending else "not authorized"
    waiting = len(item.waiting.commits)
    return f"{kind}, {counted(waiting, 'commit')} {'waits' if waiting == 1 else 'wait'}"
