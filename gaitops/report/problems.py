# SPDX-License-Identifier: Apache-2.0
"""Problems as text and as Markdown, in the words of the problems themselves."""

from __future__ import annotations

from collections.abc import Sequence

from gaitops.errors import Problem
from gaitops.report.text import Style, safe, styled


def problem_lines(problems: Sequence[Problem], *, label: str = "error") -> str:
    """One line per problem (``error: path:line:column: fact [code]``), its remedy indented below."""
    lines = []
    for problem in problems:
        lines.append(f"{styled(label + ':', Style.BOLD, Style.RED)} {safe(str(problem))}")
        if problem.remedy:
            lines.append(f"  {styled('fix:', Style.BOLD)} {safe(problem.remedy)}")
    return "\n".join(lines)
