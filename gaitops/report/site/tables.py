# SPDX-License-Identifier: Apache-2.0
"""Rows of the page's tables, from the posture's document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from gaitops.posture.metrics import DRIFT_CLASSES, STATES, VERDICTS
from gaitops.posture.selectors import Scope, selector
from gaitops.report.site.numbers import Book, Cell, Numbers, moment
from gaitops.report.site.specs import words

Document = Mapping[str, Any]
Block = dict[str, Any]
MOST_ROWS: Final = 20_000
"""Rows of one table that a page holds; the rest is counted."""
UNNAMED: Final = "none"
DRIFT_KINDS: Final[Mapping[str, str]] = {
    "unknown_policy": "unknown policy",
    "withdrawn_version": "withdrawn version",
    "other_version": "not assigned then",
}


def table(spec: str, rows: Iterable[list[Cell]]) -> Block:
    """A table block of a spec."""
    listed = list(rows)
    block: Block = {"t": "table", "k": spec, "rows": listed[:MOST_ROWS]}
    return block | ({"left": len(listed) - MOST_ROWS} if len(listed) > MOST_ROWS else {})


_GROUP_METRICS: Final = ("places.total", *(f"places.{state}" for state in STATES), "events.total", "events.unexpected_share", "evidence.verified_share")  # fmt: skip


def group_rows(groups: Iterable[Document], member: str, book: Book) -> Iterable[list[Cell]]:
    """One row per org, project, team, environment or tier; ``member`` is what selects it in a scope."""
    for group in groups:
        numbers = Numbers(group["numbers"], Scope(**{member: group["name"]}), book)
        yield [group["name"] or UNNAMED, *numbers.cells(_GROUP_METRICS)]


_WORST: Final = ("drifted", "silent", "unknown", "shadow", "enforced")


def _worst(repository: Document) -> tuple[int, str]:
    states = [_WORST.index(place["state"]) for place in repository["places"]]
    return min(states, default=_WORST.index("unknown")), repository["repository"]


_REPOSITORY_METRICS: Final = ("coverage.gait_share", "coverage.strict_share", "events.total", "events.unexpected_share", "evidence.verified_share", "approvals.open")  # fmt: skip


def repository_rows(repositories: Iterable[Document], book: Book) -> Iterable[list[Cell]]:
    """Every repository, those that need somebody first."""
    for item in sorted(repositories, key=_worst):
        states = [[place["environment"], place["state"]] for place in item["places"]]
        numbers = repository_numbers(item, book)
        yield [
            item["repository"],
            item["team"],
            states,
            *numbers.cells(_REPOSITORY_METRICS),
            moment(item["lastEvidenceAt"]),
        ]


def repository_numbers(repository: Document, book: Book) -> Numbers:
    """The numbers of one repository."""
    return Numbers(repository["numbers"], Scope(repository=repository["repository"]), book)


def place_rows(repository: Document, book: Book) -> Iterable[list[Cell]]:
    """One row per environment of a repository."""
    for place in repository["places"]:
        scope = Scope(repository=repository["repository"], environment=place["environment"])
        numbers = Numbers(place["numbers"], scope, book, sparse=True)
        yield [
            place["environment"],
            place["tier"] or UNNAMED,
            place["state"],
            "; ".join(reason["message"] for reason in place["reasons"]),
            _assigned(place["expected"]),
            *numbers.cells(("events.total", "events.unexpected_share")),
            moment(place["lastDecisionAt"]),
        ]


def _assigned(expected: Document | None) -> str:
    if expected is None:
        return "nothing"
    missing = "" if expected["enforcedDigest"] else " (no such version)"
    candidate = (
        f", candidate {expected['candidate']} in mode {expected['mode']}" if expected["candidate"] else ""
    )
    return f"{expected['enforced']}{missing}{candidate}"


def policy_rows(policies: Iterable[Document], book: Book) -> Iterable[list[Cell]]:
    """Policy digests in use."""
    for item in policies:
        yield [
            _version(item),
            item["digest"],
            standing(item),
            item["assignedPlaces"],
            book.counted(item["events"], item["proof"]),
            book.counted(item["unexpected"], item["proof"].replace("events.total", "events.unexpected", 1)),
            item["repositories"],
            moment(item["first"]),
            moment(item["last"]),
        ]


def place_policy_rows(repository: Document, book: Book) -> Iterable[list[Cell]]:
    """Policy digests in use in each environment of a repository."""
    for place in repository["places"]:
        for item in place.get("policies", ()):
            row = next(iter(policy_rows([item], book)))
            yield [place["environment"], *row[:2], _standing_at(place, item), *row[4:6], *row[7:]]


def _standing_at(place: Document, policy: Document) -> str:
    """What the fleet says of a digest at one place."""
    expected = place["expected"] or {}
    if not policy["known"] or policy["withdrawn"]:
        return standing(policy)
    if policy["digest"] in {expected.get("enforcedDigest"), expected.get("candidateDigest")}:
        return "assigned" if policy["digest"] == expected["enforcedDigest"] else "candidate"
    return "not expected" if policy["unexpected"] == policy["events"] else "assigned before"


def standing(policy: Document) -> str:
    """What the fleet says of a digest, in two words."""
    if not policy["known"]:
        return "unknown policy"
    if policy["withdrawn"]:
        return "withdrawn"
    if policy["assignedPlaces"]:
        return "assigned"
    return "not expected" if policy["unexpected"] == policy["events"] else "assigned before"


def _version(item: Document) -> str:
    return ", ".join(item["versions"]) or "unknown"


def drift_rows(drift: Iterable[Document], book: Book) -> list[list[Cell]]:
    """Drift periods, for the table and the timeline beside it."""
    return [
        [
            item["repository"],
            item["environment"],
            _version(item),
            item["digest"],
            DRIFT_KINDS.get(item["kind"], words(item["kind"])),
            item["assigned"] or "nothing",
            book.counted(item["events"], item["proof"]),
            moment(item["first"]),
            moment(item["last"]),
            "goes on" if item["ongoing"] else "ended",
        ]
        for item in drift
    ]


def metric_rows(
    repositories: Iterable[Document], book: Book, metrics: Sequence[str], need: Sequence[str]
) -> Iterable[list[Cell]]:
    """Numbers of the repositories that have any of the counts in ``need``, most of them first."""
    found = []
    for item in repositories:
        numbers = repository_numbers(item, book)
        weight = sum(numbers.count(metric) for metric in need)
        if weight:
            found.append((-weight, item["repository"], numbers))
    for _weight, name, numbers in sorted(found, key=lambda entry: entry[:2]):
        yield [name, *numbers.cells(metrics)]


def verdict_rows(numbers: Numbers) -> Iterable[list[Cell]]:
    """Artifacts by verdict: everything that can be signed, traces, runpacks and packs."""
    for verdict in VERDICTS:
        cells = numbers.cells((f"evidence.{verdict}_share", f"traces.{verdict}", f"runpacks.{verdict}"))
        yield [verdict, *cells]


def drift_class_rows(numbers: Numbers) -> Iterable[list[Cell]]:
    """Regress results by class of drift, those without drift included."""
    for name in DRIFT_CLASSES:
        yield [words(name), numbers.cell(f"regress.drift_{name}")]


def key_rows(keys: Iterable[Document], book: Book) -> Iterable[list[Cell]]:
    """Unregistered keys by repository."""
    for item in keys:
        scope = Scope(repository=item["repository"])
        behind = selector("evidence.unverifiable", scope)
        yield [
            item["repository"] or UNNAMED,
            book.counted(item["keys"], selector("evidence.throwaway_keys", scope)),
            book.counted(item["artifacts"], behind),
        ]


def trend_rows(trends: Iterable[Document], book: Book) -> Iterable[list[Cell]]:
    """Regress results by week and team."""
    for item in trends:
        scope = Scope(team=item["team"], week=item["week"])
        judged = item["passed"] + item["failed"]
        yield [
            item["week"],
            item["team"] or UNNAMED,
            book.counted(item["results"], item["proof"]),
            *(
                book.counted(item[name], selector(f"regress.{name}", scope))
                for name in ("passed", "failed", "vacuous")
            ),
            [
                item["passed"],
                judged,
                book.proof(selector("regress.passed", scope)) if item["passed"] else None,
            ],
        ]


def hot_spot_rows(spots: Iterable[Document], book: Book) -> Iterable[list[Cell]]:
    """Graders that fail most."""
    for item in spots:
        yield [
            item["repository"],
            item["fixture"],
            item["grader"],
            book.counted(item["failures"], item["proof"]),
            item["reasons"],
            moment(item["last"]),
        ]
