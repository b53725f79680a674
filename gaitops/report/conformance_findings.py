# SPDX-License-Identifier: Apache-2.0
"""Conformance for machines that know findings and tests: SARIF, GitLab code quality, JUnit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gaitops.conformance.control import Control
from gaitops.conformance.model import ControlResult, Outcome, RepositoryResult
from gaitops.conformance.registry import CONTROLS
from gaitops.documents.times import format_timestamp
from gaitops.pin.layout import FOLDER, PIN_FILE
from gaitops.report import code_quality as code_quality_report
from gaitops.report import junit as junit_report
from gaitops.report import sarif as sarif_report
from gaitops.report.findings import Finding, Level, RuleInfo

CONTROLS_PAGE = "https://gaitops.dev/docs/reference/controls"
"""Where controls are explained: the published form of ``docs/reference/controls.md``."""
_DEFAULT_PATH = f"{FOLDER}/{PIN_FILE}"
"""Where findings about no single file are shown."""
WAIVER_RULE = "waiver"
"""Rule of what is said about waivers themselves."""

_LEVELS: dict[Outcome, Level] = {
    Outcome.FAIL: "error",
    Outcome.WARN: "warning",
    Outcome.INSUFFICIENT_DATA: "warning",
    Outcome.WAIVED: "note",
}
_CASES: dict[Outcome, junit_report.Outcome] = {
    Outcome.PASS: "passed",
    Outcome.WARN: "passed",
    Outcome.FAIL: "failed",
    Outcome.INSUFFICIENT_DATA: "error",
    Outcome.WAIVED: "skipped",
    Outcome.NOT_APPLICABLE: "skipped",
}


def findings(results: Sequence[RepositoryResult]) -> Iterator[Finding]:
    """A finding for every control that is neither passed nor without an object, and for every notice."""
    for result in results:
        place = (result.repository, result.environment)
        for item in result.controls:
            level = _LEVELS.get(item.outcome)
            if level is not None:
                yield Finding(
                    rule_id=item.control,
                    level=level,
                    message=f"{_prefix(item)}{item.reason}",
                    path=item.path,
                    line=item.line,
                    remedy=item.remedy,
                    fingerprint_parts=(*place, item.path or ""),
                )
        for notice in result.notices:
            yield Finding(
                rule_id=WAIVER_RULE,
                level="warning",
                message=f"waiver {notice.waiver.id}: {notice.message}",
                fingerprint_parts=(*place, notice.waiver.id, notice.kind),
            )


def conformance_sarif(results: Sequence[RepositoryResult], tool_version: str) -> str:
    """One SARIF log; every control is a rule, also where it passed."""
    rules = [*map(_rule, CONTROLS), _WAIVERS]
    return sarif_report.sarif(
        findings(results),
        rules,
        tool_version=tool_version,
        invocation_ok=True,
        default_path=_DEFAULT_PATH,
    )


def conformance_code_quality(results: Sequence[RepositoryResult]) -> str:
    """One code quality report, as GitLab reads it."""
    return code_quality_report.code_quality(findings(results), default_path=_DEFAULT_PATH)


def conformance_junit(results: Sequence[RepositoryResult]) -> str:
    """One suite an environment, one test a control. A warning passes as a test; its text is in the other formats."""
    return junit_report.junit(
        junit_report.Suite(
            f"conformance {result.repository} {result.environment}",
            tuple(_case(result, item) for item in result.controls),
        )
        for result in results
    )


def _case(result: RepositoryResult, item: ControlResult) -> junit_report.Case:
    return junit_report.Case(
        name=item.control,
        group=f"{result.repository}.{result.environment}",
        outcome=_CASES[item.outcome],
        kind=item.outcome.value,
        message=f"{_prefix(item)}{item.reason}",
        details=item.remedy or "",
        path=item.path,
    )


def _prefix(item: ControlResult) -> str:
    if item.waiver is not None and item.would_be is not None:
        until = format_timestamp(item.waiver.expires_at)
        return f"waived by {item.waiver.id} until {until}, otherwise {item.would_be.value}: "
    return "cannot tell: " if item.outcome is Outcome.INSUFFICIENT_DATA else ""


def _rule(control: Control) -> RuleInfo:
    anchor = control.id.replace(".", "")
    return RuleInfo(
        control.id, control.title, f"{CONTROLS_PAGE}#{anchor}", f"{control.why}\n\nFix: {control.remedy}"
    )


_WAIVERS = RuleInfo(
    WAIVER_RULE,
    "Waivers end in time and waive something",
    f"{CONTROLS_PAGE}#waivers",
    "End the exception, or have it renewed; remove a waiver that waives nothing.",
)
