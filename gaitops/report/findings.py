# SPDX-License-Identifier: Apache-2.0
"""What a report shows, whatever produced it and whatever format it takes: findings, and the rules they come from.

Checks and controls make these values; :mod:`gaitops.report.sarif` and :mod:`gaitops.report.junit` print them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from gaitops.errors import Problem

Level = Literal["error", "warning", "note"]
"""``error`` decides the exit code, ``warning`` wants somebody to act, ``note`` is for information."""

ERRORS_PAGE = "https://gaitops.dev/docs/errors"
"""Where the codes of problems are explained: the published form of ``docs/errors.md``."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check or a control found."""

    rule_id: str
    """Stable id of the rule: the code of a problem, or the id of a control."""
    level: Level
    message: str
    """The fact, for people; shown escaped by every format."""
    path: str | None = None
    """File, relative to the repository that was looked at, with ``/`` between the segments."""
    line: int | None = None
    """1-based line in ``path``."""
    column: int | None = None
    """1-based column in ``path``, in characters."""
    remedy: str | None = None
    """What a person can do next."""
    fingerprint_parts: tuple[str, ...] = ()
    """What makes it the same finding tomorrow: names and places, never line numbers, dates or counts."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the rule and the parts; equal for the same finding of a later run."""
        identity = json.dumps([self.rule_id, *self.fingerprint_parts], ensure_ascii=True)
        return hashlib.sha256(identity.encode("ascii")).hexdigest()


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """A rule that findings name, with the page that explains it."""

    id: str
    title: str
    """One line without a final full stop."""
    help_uri: str
    """Absolute ``https`` address."""
    help_text: str
    """What to do about a finding of this rule."""


def problem_finding(problem: Problem, level: Level = "error") -> Finding:
    """A problem as a finding.

    It stays the same finding while its code, its file and its field do; only without either does the message count.
    """
    place = tuple(part for part in (problem.path, problem.field) if part is not None)
    return Finding(
        rule_id=problem.code,
        level=level,
        message=f"{problem.message} ({problem.field})" if problem.field else problem.message,
        path=problem.path,
        line=problem.line,
        column=problem.column,
        remedy=problem.remedy,
        fingerprint_parts=place or (problem.message,),
    )


def problem_rules(findings: Iterable[Finding]) -> list[RuleInfo]:
    """The rules behind findings that were made from problems, sorted by id."""
    codes = sorted({finding.rule_id for finding in findings})
    return [
        RuleInfo(
            code, code.replace(".", ": ").replace("_", " "), ERRORS_PAGE, f"{ERRORS_PAGE} explains {code}"
        )
        for code in codes
    ]
