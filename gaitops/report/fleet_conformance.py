# SPDX-License-Identifier: Apache-2.0
"""Conformance of a fleet for people: bars on a terminal, tables in Markdown.

Unknown has a column, a character and a number of its own wherever something is counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from gaitops.conformance.fleet import Basis, FleetReport, PlaceReport, Status, Tally
from gaitops.conformance.fleet_changes import Change, Changes
from gaitops.documents.times import format_timestamp
from gaitops.report import markdown
from gaitops.report.bars import Segment, bar
from gaitops.report.problems import problem_lines
from gaitops.report.tables import fields, table
from gaitops.report.text import Style, counted, safe, styled, width

GROUP_ROWS: Final = 20
"""Groups that are listed, those with the most to do first; the rest is counted."""
PLACE_ROWS: Final = 25
CHANGE_ROWS: Final = 15
_WIDE, _NARROW, _NAME = 60, 30, 30
_LEGEND: Final = "█ conformant   ▒ nonconformant   · unknown"
_HEADINGS: Final = {"orgs": "organization", "projects": "project", "environments": "environment"}
_CONTROL_COLUMNS: Final = (
    ("pass", "pass"),
    ("fail", "fail"),
    ("warn", "warn"),
    ("waived", "waived"),
    ("insufficient_data", "no data"),
    ("not_applicable", "n/a"),
    ("unknown", "unseen"),
)


def fleet_text(report: FleetReport, changes: Changes | None = None) -> str:
    """The whole fleet, then its groups, controls, what changed, and where to begin."""
    tally = report.tally()
    parts = [
        _headline(tally) + "\n" + fields(_basis(report.basis)),
        "\n".join(["  " + _bar(tally, _WIDE), "  " + _LEGEND, "  " + _sentence(report)]),
    ]
    parts += [_group(_HEADINGS[name], tallies) for name, tallies in report.groups().items() if tallies]
    parts.append(table(["control", *(name for _key, name in _CONTROL_COLUMNS)], _control_rows(report)))
    if changes is not None:
        parts.append(_changes_text(changes))
    parts.append(_open_places(report))
    parts.append(_beside(report))
    return "\n\n".join(part for part in parts if part)


def _headline(tally: Tally) -> str:
    if tally.nonconformant:
        return styled("NOT conformant", Style.RED, Style.BOLD)
    if tally.unknown or not tally.total:
        return styled("not known to be conformant", Style.YELLOW, Style.BOLD)
    return styled("conformant", Style.GREEN, Style.BOLD)


def _basis(basis: Basis) -> list[tuple[str, str]]:
    by = f"release {basis.release}" if basis.release is not None else "verified state"
    evidence = (
        f"sha256:{basis.evidence_sha256[:16]}…" if basis.evidence_sha256 else "none: its controls lack data"
    )
    return [
        ("fleet", f"{basis.fleet}, {by}, commit {basis.commit[:12]}"),
        ("trust root", f"sha256:{basis.trust_root}"),
        ("evidence", evidence),
        ("judged", format_timestamp(basis.at)),
    ]


def _sentence(report: FleetReport) -> str:
    tally, why = report.tally(), report.ignorance()
    text = f"{tally.conformant} of {tally.total} conformant ({tally.percent}%), {tally.nonconformant} nonconformant, "
    text += f"{tally.unknown} unknown"
    reasons = {
        "not listed": why["not_listed"],
        "unreadable": why["unreadable"],
        "lacking data": why["insufficient_data"],
    }
    shown = ", ".join(f"{number} {name}" for name, number in reasons.items() if number)
    return f"{text}: {shown}" if shown else text


def _bar(tally: Tally, size: int) -> str:
    segments: list[Segment] = [
        (tally.conformant, "█", Style.GREEN),
        (tally.nonconformant, "▒", Style.RED),
        (tally.unknown, "·", Style.YELLOW),
    ]
    return bar(segments, size)


def _group(heading: str, tallies: Mapping[str, Tally]) -> str:
    """One line for each group: name, bar, numbers."""
    rows = sorted(tallies.items(), key=lambda row: (-row[1].nonconformant, -row[1].unknown, row[0]))
    shown = rows[:GROUP_ROWS]
    size = min(_NAME, max(width(heading), *(width(safe(name)) for name, _tally in shown)))
    numbers = f"{'ok':>7}{'not ok':>8}{'unknown':>9}{'of':>7}"
    lines = [styled(f"{heading:<{size}}  {'':<{_NARROW}}{numbers}", Style.BOLD)]
    for name, tally in shown:
        cells = f"{tally.conformant:>7}{tally.nonconformant:>8}{tally.unknown:>9}{tally.total:>7}"
        lines.append(f"{_cut(safe(name), size)}  {_bar(tally, _NARROW)}{cells}")
    if len(rows) > len(shown):
        lines.append(f"and {len(rows) - len(shown)} more, with no more to do than these")
    return "\n".join(lines)


def _cut(text: str, size: int) -> str:
    return text + " " * (size - width(text)) if width(text) <= size else text[: size - 1] + "…"


def _control_rows(report: FleetReport) -> list[list[str]]:
    return [
        [name, *(str(row[key]) for key, _heading in _CONTROL_COLUMNS)]
        for name, row in report.by_control().items()
    ]


def _changes_text(changes: Changes) -> str:
    heading = styled(f"since {changes.since}: {_change_counts(changes)}", Style.BOLD)
    rows = [_change_row(item) for item in changes.items[:CHANGE_ROWS]]
    lines = [heading, table(["", "repository", "environment", "was → is", "controls"], rows)]
    if len(changes.items) > CHANGE_ROWS:
        lines.append(f"and {len(changes.items) - CHANGE_ROWS} more, in --format json")
    return "\n".join(line for line in lines if line)


def _change_counts(changes: Changes) -> str:
    shown = [f"{number} {name}" for name, number in changes.counts().items() if number]
    return ", ".join(shown) or "no change"


def _change_row(item: Change) -> list[str]:
    was, now = (status.value if status is not None else "–" for status in (item.before, item.after))
    controls = ", ".join(f"{one.control} {one.after.value}" for one in item.controls)
    return [item.direction, item.repository, item.environment, f"{was} → {now}", controls]


def _open_places(report: FleetReport) -> str:
    """Where to begin: what fails, then what is unknown, each with its first reason."""
    rows = _open_rows(report)
    lines = [table(["status", "repository", "environment", "first reason"], rows[:PLACE_ROWS])]
    if len(rows) > PLACE_ROWS:
        lines.append(f"and {len(rows) - PLACE_ROWS} more, in --format jsonl")
    return "\n".join(line for line in lines if line)


def _open_rows(report: FleetReport) -> list[list[str]]:
    order = (Status.NONCONFORMANT, Status.UNKNOWN)
    return [
        [item.status.value, item.place.repository, item.place.environment, _reason(item)]
        for status in order
        for item in report.places
        if item.status is status
    ]


def _reason(item: PlaceReport) -> str:
    if item.problem is not None:
        return f"{item.problem.message} [{item.problem.code}]"
    first = next(iter(item.open_controls()), None)
    return "" if first is None else f"{first.control}: {first.reason}"


def _beside(report: FleetReport) -> str:
    """What was shown and does not count."""
    lines = []
    if report.unassigned:
        names = ", ".join(safe(name) for name in report.unassigned[:5])
        more = ", …" if len(report.unassigned) > 5 else ""
        lines.append(f"not counted, because nothing is assigned to them: {names}{more}")
    if report.rejected:
        lines.append(problem_lines(report.rejected[:CHANGE_ROWS], label="rejected summary"))
        if len(report.rejected) > CHANGE_ROWS:
            lines.append(f"and {len(report.rejected) - CHANGE_ROWS} more, in --format json")
    return "\n".join(lines)


def fleet_markdown(report: FleetReport, changes: Changes | None = None) -> str:
    """The same for a job summary or a wiki page."""
    tally = report.tally()
    parts = [
        f"## Fleet conformance: {markdown.escape(report.basis.fleet)}",
        f"**{markdown.escape(_sentence(report))}**",
        "\n".join(f"- {name}: {markdown.code(value)}" for name, value in _basis(report.basis)),
    ]
    for name, tallies in report.groups().items():
        rows = [[markdown.escape(group), *_tally_cells(item)] for group, item in tallies.items()]
        parts.append(markdown.table([_HEADINGS[name], *_TALLY_HEADINGS], rows))
    if tally.total:
        headings = ["control", *(heading for _key, heading in _CONTROL_COLUMNS)]
        rows = [[markdown.code(row[0]), *row[1:]] for row in _control_rows(report)]
        parts.append(markdown.table(headings, rows))
    if changes is not None:
        parts.append(_changes_markdown(changes))
    places = _open_rows(report)
    if places:
        shown = [list(map(markdown.escape, row)) for row in places[:PLACE_ROWS]]
        more = [f"… and {len(places) - PLACE_ROWS} more"] if len(places) > PLACE_ROWS else []
        parts += [markdown.table(["status", "repository", "environment", "first reason"], shown), *more]
    if report.rejected:
        parts.append(f"{counted(len(report.rejected), 'problem')} with submitted summaries.")
    return "\n\n".join(part for part in parts if part)


_TALLY_HEADINGS: Final = ("conformant", "nonconformant", "unknown", "of", "share")


def _tally_cells(tally: Tally) -> Sequence[str]:
    numbers = (tally.conformant, tally.nonconformant, tally.unknown, tally.total)
    return (*map(str, numbers), f"{tally.percent}%")


def _changes_markdown(changes: Changes) -> str:
    rows = [list(map(markdown.escape, _change_row(item))) for item in changes.items[:CHANGE_ROWS]]
    head = f"### Since {changes.since}: {_change_counts(changes)}"
    body = markdown.table(["", "repository", "environment", "was → is", "controls"], rows)
    return f"{head}\n\n{body}" if body else head
