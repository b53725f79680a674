# SPDX-License-Identifier: Apache-2.0
"""Lint findings of policies as text: ``file:line:column: severity id: message``, the advice indented below."""

from __future__ import annotations

from collections.abc import Sequence

from gaitops.gait.policy_lint import LintFinding
from gaitops.report.text import Style, safe, styled

_STYLES = {"high": (Style.BOLD, Style.RED), "medium": (Style.YELLOW,), "low": (Style.DIM,)}


def finding_lines(file: str, findings: Sequence[LintFinding]) -> list[str]:
    """Two lines per finding."""
    lines = []
    for found in findings:
        where = ":".join(str(part) for part in (file, found.line, found.column) if part is not None)
        severity = styled(found.severity, *_STYLES[found.severity])
        lines.append(f"{safe(where)}: {severity} {safe(found.id)}: {safe(found.message)}")
        lines.append(f"  {styled('fix:', Style.BOLD)} {safe(found.advice)}")
    return lines
