# SPDX-License-Identifier: Apache-2.0
"""The posture as rows for other programs: CSV, one number in each, with the selector that proves it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from gaitops.posture.catalogue import METRICS
from gaitops.posture.report import PostureReport
from gaitops.posture.selectors import Scope, selector
from gaitops.posture.tally import Tally, Value

COLUMNS = ("scope", "name", "environment", "metric", "unit", "value", "of", "selector")
"""``scope`` is fleet, org, project, team, environment, tier, repository or place; ``of`` is the denominator of a share."""
_GROUP_SCOPES = {
    "organizations": "org",
    "projects": "project",
    "teams": "team",
    "environments": "environment",
    "tiers": "tier",
}
_CHUNK = 1024


@dataclass(frozen=True, slots=True)
class Number:
    """One number of one scope."""

    scope: str
    name: str
    environment: str
    metric: str
    value: Value
    of: int | None
    """Denominator of a share."""
    selector: str


def numbers(report: PostureReport) -> Iterator[Number]:
    """Every number of every scope: the fleet, groups, repositories, places."""
    narrow = "environment" in report.basis.scope
    wide = Scope(**report.basis.scope)
    yield from _of("fleet", report.total.name, "", report.total.tally, wide, narrow=narrow)
    for kind, groups in report.groups.items():
        member = _GROUP_SCOPES[kind]
        for group in groups:
            scope = Scope(**{**report.basis.scope, member: group.name})
            yield from _of(member, group.name, "", group.tally, scope, narrow=group.environments_only)
    for repository in report.repositories:
        name = repository.repository.id
        scope = Scope(**{**report.basis.scope, "repository": name})
        yield from _of("repository", name, "", repository.tally, scope, narrow=narrow)
        for place in repository.places:
            where = Scope(**{**report.basis.scope, "repository": name, "environment": place.environment})
            yield from _of("place", name, place.environment, place.tally, where, narrow=True)


def _of(
    kind: str, name: str, environment: str, tally: Tally, scope: Scope, *, narrow: bool
) -> Iterator[Number]:
    for metric, value in tally.numbers().items():
        definition = METRICS[metric]
        if narrow and not definition.by_environment:
            continue
        whole = tally.count(definition.of) if definition.of is not None else None
        yield Number(kind, name, environment, metric, value, whole, selector(metric, scope))


def posture_csv(report: PostureReport) -> Iterator[str]:
    """CSV by RFC 4180 with a heading, in pieces; a number that is not known is an empty cell."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for index, row in enumerate(numbers(report), 1):
        value = (
            ""
            if row.value is None
            else f"{row.value:.6f}"
            if isinstance(row.value, float)
            else str(row.value)
        )
        whole = "" if row.of is None else str(row.of)
        name, environment = _inert(row.name), _inert(row.environment)
        writer.writerow(
            [row.scope, name, environment, row.metric, METRICS[row.metric].unit, value, whole, row.selector]
        )
        if index % _CHUNK == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    if buffer.tell():
        yield buffer.getvalue()


def _inert(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
