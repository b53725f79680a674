# SPDX-License-Identifier: Apache-2.0
"""The posture of a fleet for a job summary or a wiki page."""

from __future__ import annotations

from gaitops.documents.times import format_timestamp
from gaitops.posture.report import PostureReport
from gaitops.report import markdown
from gaitops.report.posture import (
    DRIFT_HEADINGS,
    GROUP_HEADINGS,
    HEADINGS,
    drift_cells,
    group_cells,
    headlines,
)
from gaitops.report.posture_numbers import open_places, unknowns

ROWS = 50


def posture_markdown(report: PostureReport) -> str:
    """What is not known, headline numbers, groups, drift, and places that are not enforced."""
    basis = report.basis
    window = f"{format_timestamp(basis.window.since)} to {format_timestamp(basis.window.until)}"
    parts = [
        f"## Posture: {markdown.escape(basis.fleet)}",
        f"{markdown.escape(window)}, fleet commit {markdown.code(basis.commit[:12])}",
        _not_known(report),
        _headlines(report),
    ]
    for kind, groups in report.groups.items():
        rows = [
            [markdown.escape(group.name or "(none)"), *group_cells(group.tally)] for group in groups[:ROWS]
        ]
        parts.append(markdown.table([HEADINGS[kind], *GROUP_HEADINGS], rows))
    drift = [list(map(markdown.escape, drift_cells(item))) for item in report.drift[:ROWS]]
    parts.append(markdown.table(list(DRIFT_HEADINGS), drift))
    places = [
        [
            place.state.value,
            markdown.escape(repository.repository.id),
            markdown.escape(place.environment),
            markdown.escape(place.reasons[0].message),
        ]
        for repository, place in open_places(report)
    ]
    parts.append(markdown.table(["state", "repository", "environment", "why"], places[:ROWS]))
    if len(places) > ROWS:
        parts.append(f"and {len(places) - ROWS} more places that are not enforced")
    return "\n\n".join(part for part in parts if part)


def _not_known(report: PostureReport) -> str:
    lines = unknowns(report)
    if not lines:
        return "**Nothing is unknown.**"
    return "\n".join(["**Not known:**", "", *(f"- {markdown.escape(line)}" for line in lines)])


def _headlines(report: PostureReport) -> str:
    rows: list[list[str]] = []
    for name, value in headlines(report):
        if name:
            rows.append([name, markdown.escape(value)])
        else:
            rows[-1][1] += " " + markdown.escape(value)
    return markdown.table(["", ""], rows)
