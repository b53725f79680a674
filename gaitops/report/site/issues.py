# SPDX-License-Identifier: Apache-2.0
"""Signals as the page shows them: :meth:`gaitops.signals.queue.Queue.to_json` in, entries of the page's document out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gaitops.report.site.numbers import Book, Cell, moment
from gaitops.report.site.specs import words
from gaitops.report.text import counted
from gaitops.signals.kinds import KINDS

MOST_SIGNALS: Final = 1000
"""Signals that a page holds, the most important first; the rest is counted."""
MOST_REPOSITORIES: Final = 40
"""Repositories that one signal names."""
MOST_ATTRIBUTIONS: Final = 20
_DIGEST: Final = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")
_MOST_FILE: Final = 20_000
"""Characters of a proposed file that the page shows."""


@dataclass(frozen=True, slots=True)
class Issues:
    """Every signal of the page, and which of them concern which repository."""

    entries: Sequence[Mapping[str, Any]]
    repositories: Sequence[frozenset[str]]
    """Of each entry."""
    left: int
    """Signals that the page does not hold."""

    def of(self, names: Iterable[str]) -> list[int]:
        """Positions of the entries that concern any of these repositories, most important first."""
        wanted = frozenset(names)
        return [at for at, own in enumerate(self.repositories) if own & wanted]


def issues(signals: Mapping[str, Any], book: Book, commands: Mapping[str, str]) -> Issues:
    """The signals of a queue.

    Args:
        signals: The queue's document.
        book: Where artifacts are found.
        commands: ``signal``: command that shows one signal with all its artifacts, up to the id.
    """
    found = list(signals["signals"])[:MOST_SIGNALS]
    return Issues(
        [_entry(signal, book, commands) for signal in found],
        [frozenset(signal["repositories"]) for signal in found],
        int(signals["after"]["total"]) - len(found),
    )


def _entry(signal: Mapping[str, Any], book: Book, commands: Mapping[str, str]) -> dict[str, Any]:
    kind = KINDS[signal["kind"]]
    repositories = signal["repositories"]
    command = f"{commands['signal']} {signal['id']}"
    facts: list[list[Cell]] = [
        ["Events", "n", [signal["events"], book.refs(signal["artifacts"], f"{command} --proof")]],
        ["First seen", "time", moment(signal["first_seen"])],
        ["Last seen", "time", moment(signal["last_seen"])],
        ["Owners", "text", ", ".join(signal["owners"]) or "unknown"],
        ["Environments", "text", ", ".join(signal["environments"]) or "unknown"],
        ["Id", "text", signal["id"]],
    ]
    return {
        "title": signal["message"],
        "where": " · ".join(_where(signal, kind.title)),
        "summary": kind.meaning,
        "score": signal["score"]["total"],
        "facts": facts,
        "repos": repositories[:MOST_REPOSITORIES],
        "reposLeft": max(0, len(repositories) - MOST_REPOSITORIES),
        "terms": [[term["name"], term["value"], term["because"]] for term in signal["score"]["terms"]],
        "causes": list(_causes(signal["attributions"][:MOST_ATTRIBUTIONS], book)),
        "gait": _gait(signal["gait"], signal["attributions"]),
        "remedy": kind.remedy,
        "fixes": [_fix(fix, first=at == 0) for at, fix in enumerate(signal["fixes"])],
        "command": command,
    }


def _where(signal: Mapping[str, Any], title: str) -> list[str]:
    repositories = signal["repositories"]
    names = repositories[0] if len(repositories) == 1 else f"{len(repositories):,} repositories"
    return [part for part in (title, names or "no repository", ", ".join(signal["environments"])) if part]


def _causes(attributions: Iterable[Mapping[str, Any]], book: Book) -> Iterable[list[Cell]]:
    for item in attributions:
        place = [item["repository"], item["environment"] or "unknown"]
        for change in item["changes"]:
            values = [
                _DIGEST.sub(r"\1…", ", ".join(change[side])) or "nothing" for side in ("before", "after")
            ]
            artifacts = change["artifacts"]
            cell = [len(artifacts), book.refs(artifacts)]
            yield [*place, words(change["cause"]), change["what"], *values, cell]
        if not item["changes"]:
            compared = ", ".join(words(name) for name in item["compared"])
            looked = f"no difference in: {compared}" if compared else "nothing to compare with"
            yield [*place, "unknown", looked, "", "", 0]


def _gait(gait: Mapping[str, Any] | None, attributions: Iterable[Mapping[str, Any]]) -> str:
    """What Gait's keyword rule guesses, and whether the facts agree."""
    if gait is None:
        return ""
    checks: dict[str, set[str]] = {}
    for item in attributions:
        for driver, result in item["gait_drivers"].items():
            checks.setdefault(driver, set()).add(words(result))
    drivers = ", ".join(
        f"{words(name)} ({' and '.join(sorted(found))})" for name, found in sorted(checks.items())
    )
    said = [
        f"family {gait['family_id']}",
        f"severity {gait['severity_level']}, score {gait['severity_score']}",
    ]
    said += [f"its keywords say: {drivers}"] if drivers else ["its keywords name no driver"]
    return "; ".join(said) + "."


def _fix(fix: Mapping[str, Any], *, first: bool) -> dict[str, Any]:
    blocks = [["commands", "\n".join(fix["commands"])]] if fix["commands"] else []
    for path, text in sorted(fix["files"].items()):
        left = len(text) - _MOST_FILE
        shown = text if left <= 0 else f"{text[:_MOST_FILE]}\n({counted(left, 'character')} more)"
        blocks.append([path, shown])
    objects = [f"{path}  sha256:{digest}" for path, digest in sorted(fix["objects"].items())]
    blocks += [["artifacts to put beside it", "\n".join(objects)]] if objects else []
    title = f"{'Next best fix' if first else 'Or'}: {words(fix['kind'])}"
    return {"title": title, "why": fix["summary"], "blocks": blocks}


def family_rows(families: Iterable[Mapping[str, Any]], book: Book, store: str) -> list[list[Cell]]:
    """Families of runs that share a fingerprint; those with reasons, which are incidents, first, then the largest.

    ``store`` is the option that names the store, for the command that lists all runs of a family.
    """
    listing = f"gaitops evidence query{store} --table runs --proof --family"
    ordered = sorted(
        families, key=lambda item: (not item["reasons"], -item["runs"], item["gait"]["family_id"])
    )
    return [
        [
            item["gait"]["family_id"],
            " → ".join(item["action_sequence"]),
            item["reasons"],
            [item["runs"], book.refs(item["artifacts"], f"{listing} {item['gait']['family_id']}")],
            item["proven"],
            sorted(item["spread"]),
            moment(item["first_seen"]),
            moment(item["last_seen"]),
        ]
        for item in ordered
    ]
