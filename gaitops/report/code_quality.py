# SPDX-License-Identifier: Apache-2.0
"""Findings as a GitLab code quality report: a JSON list that merge requests show beside the changed lines.

The format is GitLab's subset of the Code Climate specification. Output is ASCII and a function of the arguments;
text is escaped as for a terminal, because most of it was written by others.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from gaitops.report.findings import Finding, Level
from gaitops.report.text import safe

_SEVERITIES: Final[dict[Level, str]] = {"error": "critical", "warning": "minor", "note": "info"}


def code_quality(findings: Iterable[Finding], *, default_path: str) -> str:
    """One report; ``[]`` when nothing was found, which GitLab shows as an improvement over findings before.

    Args:
        findings: In any order.
        default_path: Where to show findings without a file: GitLab drops entries without a location.
    """
    seen: Counter[str] = Counter()
    entries: list[dict[str, Any]] = []
    for finding in sorted(findings, key=lambda one: _order(one, default_path)):
        seen[finding.fingerprint] += 1
        # GitLab shows one entry per fingerprint: two findings of one rule in one place differ by their order alone.
        count = seen[finding.fingerprint]
        entries.append(
            {
                "description": _description(finding),
                "check_name": finding.rule_id,
                "fingerprint": finding.fingerprint if count == 1 else f"{finding.fingerprint}-{count}",
                "severity": _SEVERITIES[finding.level],
                "location": {
                    "path": safe(finding.path or default_path),
                    "lines": {"begin": (finding.line or 1) if finding.path else 1},
                },
            }
        )
    return json.dumps(entries, indent=2)


def _description(finding: Finding) -> str:
    fix = f" Fix: {safe(finding.remedy)}" if finding.remedy else ""
    return f"{safe(finding.message)}{fix}"


def _order(finding: Finding, default_path: str) -> tuple[str, int, str, str, str, str]:
    """Total for what is printed: findings that it does not tell apart print alike."""
    place = finding.path or default_path
    return (
        place,
        finding.line or 0,
        finding.rule_id,
        finding.fingerprint,
        finding.level,
        _description(finding),
    )
