# SPDX-License-Identifier: Apache-2.0
"""Findings as SARIF 2.1.0 (OASIS), for code scanning.

Most of what is printed was written by others, so it is escaped as for a terminal, and can neither become a link in
a message (SARIF 3.11.6) nor leave its place in a URI. Output is ASCII and a function of the arguments.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final
from urllib.parse import quote

from gaitops.report.findings import Finding, RuleInfo
from gaitops.report.text import safe

SCHEMA_URI: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
FINGERPRINT: Final = "gaitops/v1"
"""Our own fingerprint, versioned as SARIF 3.27.17 asks."""
GITHUB_FINGERPRINT: Final = "primaryLocationLineHash"
"""The only fingerprint that GitHub code scanning compares."""
_SOURCE_ROOT: Final = "%SRCROOT%"


def sarif(
    findings: Iterable[Finding],
    rules: Sequence[RuleInfo],
    *,
    tool_version: str,
    invocation_ok: bool,
    default_path: str | None = None,
) -> str:
    """One SARIF log with one run.

    Args:
        findings: In any order.
        rules: All that were looked at, with or without a finding.
        tool_version: Version of gaitops.
        invocation_ok: Whether the check ran to its end; not whether it found anything.
        default_path: Where to show findings without a file: GitHub refuses results without a location.
    """
    ordered = sorted(rules, key=lambda rule: rule.id)
    places = {rule.id: index for index, rule in enumerate(ordered)}
    driver = {
        "name": "gaitops",
        "semanticVersion": tool_version,
        "informationUri": "https://gaitops.dev",
        "rules": [_rule(rule) for rule in ordered],
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": invocation_ok}],
        "columnKind": "unicodeCodePoints",
        "results": list(_results(findings, places, default_path)),
    }
    return json.dumps({"$schema": SCHEMA_URI, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(rule: RuleInfo) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": _text(rule.title)},
        "helpUri": rule.help_uri,
        "help": {"text": _text(rule.help_text)},
    }


def _results(
    findings: Iterable[Finding], places: dict[str, int], default_path: str | None
) -> Iterable[dict[str, Any]]:
    seen: Counter[str] = Counter()
    for finding in sorted(findings, key=_order):
        seen[finding.fingerprint] += 1
        # Two findings of one rule in one place differ by their order alone, which moving lines does not change.
        identity = f"{finding.fingerprint}:{seen[finding.fingerprint]}"
        remedy = f"\n\nFix: {_text(finding.remedy)}" if finding.remedy else ""
        result: dict[str, Any] = {
            "ruleId": finding.rule_id,
            "level": finding.level,
            "message": {"text": _text(finding.message) + remedy},
            "partialFingerprints": {FINGERPRINT: identity, GITHUB_FINGERPRINT: identity},
        }
        if finding.rule_id in places:
            result["ruleIndex"] = places[finding.rule_id]
        location = _location(finding, default_path)
        if location is not None:
            result["locations"] = [location]
        yield result


def _order(finding: Finding) -> tuple[str, int, int, tuple[str, ...]]:
    """By place; what is in one place in a total order, so that output does not depend on who found it first."""
    texts = (finding.rule_id, finding.fingerprint, finding.message, finding.level, finding.remedy or "")
    return finding.path or "", finding.line or 0, finding.column or 0, texts


def _location(finding: Finding, default_path: str | None) -> dict[str, Any] | None:
    path = finding.path or default_path
    if not path:
        return None
    physical: dict[str, Any] = {"artifactLocation": _artifact(path)}
    if finding.path and finding.line:
        column = {"startColumn": finding.column} if finding.column else {}
        physical["region"] = {"startLine": finding.line, **column}
    return {"physicalLocation": physical}


def _artifact(path: str) -> dict[str, str]:
    """A path as a URI reference, percent-encoded byte by byte (RFC 3986 2.1); names need not be UTF-8."""
    uri = quote(_bytes(path), safe="/")
    # SARIF 3.4.3: with a base, the reference must be a relative path.
    return {"uri": uri} if path.startswith("/") else {"uri": uri, "uriBaseId": _SOURCE_ROOT}


def _bytes(path: str) -> bytes:
    try:
        return path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that stands for no byte of a file name
        return path.encode("utf-8", "replace")


def _text(value: str) -> str:
    """Plain message text: no control characters, and no ``[text](target)`` that a viewer would make a link."""
    shown = safe(value)
    return shown.replace("[", "\\[").replace("]", "\\]") if "](" in shown else shown
