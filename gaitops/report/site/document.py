# SPDX-License-Identifier: Apache-2.0
"""The document that the page's script reads: every view, every spec, every proof.

Everything is shown as text by the script; here characters that deceive (controls, changed direction, invisible ones) are
written as escapes, in every string there is, so that a name on the page is the name that was meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gaitops.posture.metrics import STATES
from gaitops.posture.selectors import Scope
from gaitops.report.site import looks, sections
from gaitops.report.site.issues import Issues, issues
from gaitops.report.site.numbers import Book, Evidence, Numbers, moment
from gaitops.report.site.page import render_page
from gaitops.report.site.proofs import Proofs
from gaitops.report.site.sections import View
from gaitops.report.site.specs import SPECS
from gaitops.report.site.terms import terms
from gaitops.report.text import safe

Document = Mapping[str, Any]
_DAY: Final = 86_400
_HOUR: Final = 3_600


@dataclass(frozen=True, slots=True)
class Commands:
    """Commands that the page names, so that they run where its reader is."""

    store: str
    """Option that names the evidence store, with a leading blank; empty when it has none."""
    proof: str
    """Command to which ``--proof SELECTOR`` is added."""
    signal: str
    """Command to which the id of a signal is added."""


def posture_page(
    posture: Document, signals: Document | None, evidence: Evidence, commands: Commands
) -> bytes:
    """The page; equal arguments give equal bytes.

    Args:
        posture: :meth:`gaitops.posture.report.PostureReport.to_json`.
        signals: :meth:`gaitops.signals.queue.Queue.to_json`; ``None`` when they were not made.
        evidence: Where the artifacts behind numbers are found.
        commands: Commands to name.
    """
    document = page_document(posture, signals, evidence, commands)
    numbers = posture["total"]["numbers"]
    plain = [(f"{state} places", str(numbers[f"places.{state}"])) for state in STATES]
    plain += [("places", str(numbers["places.total"])), ("decisions", str(numbers["events.total"]))]
    return render_page(document, f"Posture of {safe(posture['fleet'])}", plain)


def page_document(
    posture: Document, signals: Document | None, evidence: Evidence, commands: Commands
) -> dict[str, Any]:
    """What the script reads; made of JSON values only."""
    book = Book(evidence, Proofs())
    own = Issues((), (), 0) if signals is None else issues(signals, book, {"signal": commands.signal})
    scopes = _scopes(posture, signals, own, book, commands.store)
    document: Document = {
        "meta": {
            "fleet": posture["fleet"],
            "storeOption": commands.store,
            "proofCommand": commands.proof,
            "point": posture["axis"]["unit"],
            "footer": _footer(posture),
        },
        "order": {"states": list(STATES)},
        "looks": {"states": looks.STATE_LOOKS, "verdicts": looks.VERDICT_LOOKS},
        "specs": SPECS,
        "terms": terms(),
        "scopes": scopes,
        "issues": own.entries,
    }
    shown: dict[str, Any] = _shown(document)
    return shown | book.proofs.to_json()


def _shown(value: Any) -> Any:
    """The value with every string safe to look at; lists of numbers, which most of it is, are copied fast."""
    kind = type(value)
    if kind is str:
        return value if value.isascii() and value.isprintable() else "\n".join(map(safe, value.split("\n")))
    if kind is list or kind is tuple:
        return [item if type(item) is int or item is None else _shown(item) for item in value]
    if kind is dict:
        return {_shown(key): _shown(item) for key, item in value.items()}
    if kind in {int, float, bool, type(None)}:
        return value
    raise TypeError(f"not a JSON value: {kind.__name__}")


def _scopes(
    posture: Document, signals: Document | None, own: Issues, book: Book, store: str
) -> dict[str, Document]:
    repositories = posture["repositories"]
    views = {"fleet": _fleet(posture, book, store)}
    members: dict[str, list[Document]] = {}
    for item in repositories:
        members.setdefault(item["org"], []).append(item)
    for group in posture["groups"]["organizations"]:
        views[f"org/{group['name']}"] = _org(posture, group, members.get(group["name"], []), book, store)
    for item in repositories:
        views[f"repo/{item['repository']}"] = _repository(posture, item, book, store)
    return {
        route: {
            "kind": view.kind,
            "name": _name(view, route),
            "crumbs": _crumbs(view, route),
            "facts": _facts(view),
            "sections": sections.of(view, signals, own),
        }
        for route, view in views.items()
    }


def _fleet(posture: Document, book: Book, store: str) -> View:
    total = posture["total"]
    numbers = Numbers(total["numbers"], Scope(**posture["scope"]), book)
    names = frozenset(item["repository"] for item in posture["repositories"])
    return View(
        "fleet", posture, numbers, total.get("series", {}), posture["repositories"], names, book, store
    )


def _org(posture: Document, group: Document, members: Sequence[Document], book: Book, store: str) -> View:
    numbers = Numbers(group["numbers"], Scope(org=group["name"]), book)
    names = frozenset(item["repository"] for item in members)
    return View("organization", posture, numbers, group.get("series", {}), members, names, book, store)


def _repository(posture: Document, item: Document, book: Book, store: str) -> View:
    numbers = Numbers(item["numbers"], Scope(repository=item["repository"]), book)
    return View(
        "repository", posture, numbers, item["series"], [item], frozenset({item["repository"]}), book, store
    )


def _name(view: View, route: str) -> str:
    return str(view.posture["fleet"]) if view.kind == "fleet" else route.partition("/")[2]


def _crumbs(view: View, route: str) -> list[list[str]]:
    crumbs = [[f"Fleet {view.posture['fleet']}", "fleet"]]
    if view.single:
        org = view.repositories[0]["org"]
        crumbs.append([org, f"org/{org}"])
    if view.kind != "fleet":
        crumbs.append([_name(view, route), route])
    return crumbs


def _facts(view: View) -> list[list[Any]]:
    window = view.posture["window"]
    period = [moment(window["since"]), moment(window["until"])]
    facts: list[list[Any]] = [["Window", "period", period]]
    if view.single:
        item = view.repositories[0]
        facts += [["Project", "text", f"{item['org']}/{item['project']}"], ["Team", "text", item["team"]]]
        facts.append(["Last evidence", "time", moment(item["lastEvidenceAt"])])
        return facts
    facts.append(["Repositories", "text", f"{len(view.repositories):,}"])
    if view.kind == "fleet" and view.posture["scope"]:
        only = ", ".join(f"{name} {value}" for name, value in view.posture["scope"].items())
        facts.append(["Only", "text", only])
    return facts


def _footer(posture: Document) -> list[str]:
    known = posture["knownSince"]
    silent = f"A place without a decision for {posture['staleAfterSeconds'] / _DAY:g} days is silent"
    grace = f"a version stays expected for {posture['graceSeconds'] / _HOUR:g} hours after it was assigned"
    return [
        f"Fleet {posture['fleet']}, commit {posture['commit']}, verified from trust root {posture['trustRoot']}.",
        f"Judged at {posture['at']}. Times are UTC. {silent}; {grace}.",
        f"What was expected is known since {known}." if known else "Nothing is known of what was expected.",
    ]
