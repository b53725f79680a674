# SPDX-License-Identifier: Apache-2.0
"""Names and texts in artifacts that reach a terminal, a page, a spreadsheet or another program (threats E24-E27)."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.evidence_tools import (
    AT,
    ESCAPE,
    FORMULA,
    LINE_BREAK,
    SINCE,
    Fleet,
    Site,
    clean_settings,
    gaitops,
    guard_digest,
    key,
    signed,
    trace,
)

EVIL = (
    f'{FORMULA}{ESCAPE}{LINE_BREAK}</script><script>alert(1)</script><img src=x onerror=alert(2)>|`x`"}}\\ 1'
)
"""A text that is everything at once: formula, terminal control, lines of its own, page, table cell, label."""
FILE_NAME = EVIL.replace("/", "_")
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202e]")
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")
"""A code span: nothing in it is Markdown or HTML."""
_CELL_END = re.compile(r"(?<!\\)\|")


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory, evidence_fleet: Fleet) -> Iterator[Site]:
    """A store of artifacts that say it everywhere, some of them signed by a registered key, under paths that say it too."""
    folder = tmp_path_factory.mktemp("evil")
    site = Site(folder / "site", evidence_fleet)
    texts: dict[str, Any] = dict.fromkeys(
        ("repo", "environment", "tool_name", "run_id", "agent_id", "workflow_id"), EVIL
    )
    with clean_settings(folder):
        for place, by in (
            ("acme/checkout/prod", "checkout-ci"),
            (f"acme/checkout/{FILE_NAME}", "shared-ci"),
            (f"acme/{FILE_NAME}/{FILE_NAME}", "shared-ci"),
            (f"acme/ledger/{FILE_NAME}", "nobody"),
        ):
            for name in ("a", FILE_NAME):
                policy = guard_digest() if name == "a" else ""
                value = trace(f"{place}{name}", policy=policy, decision="block", violations=[EVIL], **texts)
                site.collect({f"{place}/{name}.json": signed(value, key(by))})
        assert site.ingest().code == 0
        yield site


def shown(site: Site, noun: str, output: str) -> str:
    """What posture or signals print."""
    verb = {"posture": "show", "signals": "list"}[noun]
    run = gaitops(
        noun, verb, "--store", site.store, *site.known, "--at", AT, "--since", SINCE, "--format", output
    )
    assert run.code == 0, run.err
    return run.out


def plain_csv(text: str) -> None:
    """No cell of the CSV is a formula, and every row has as many cells as the heading."""
    rows = list(csv.reader(io.StringIO(text)))
    assert len({len(row) for row in rows}) == 1
    assert [cell for row in rows for cell in row if cell.startswith(("=", "+", "@", "\t", "\r"))] == []
    assert any(cell.startswith("'=") for row in rows for cell in row)


# -- E24: terminals ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("noun", ["posture", "signals"])
def test_terminal_shows_reports(noun: str, evil: Site) -> None:
    """E24: escape sequences in names and texts are shown, and do nothing."""
    text = shown(evil, noun, "text")
    assert "HYPERLINK" in text
    assert CONTROLS.search(text) is None


def test_terminal_shows_artifacts(evil: Site) -> None:
    """E24: nor do they where single artifacts are listed, inspected or ingested."""
    digest = evil.rows("artifacts")[0]["artifact"]
    inbox, layout = evil.inbox, ("--layout", "{owner}/{name}/{environment}/x")
    for arguments in (
        ("evidence", "inspect", inbox),
        ("evidence", "show", digest, "--store", evil.store),
        ("evidence", "query", "--store", evil.store, "--table", "decisions"),
        ("evidence", "query", "--store", evil.store, "--table", "findings"),
        ("evidence", "ingest", "--store", evil.store, "--from", inbox, "--at", AT, *layout),
    ):
        run = gaitops(*arguments)
        assert run.code == 0, run.err
        assert CONTROLS.search(run.out + run.err) is None, arguments


# -- E25: the page -----------------------------------------------------------------------------------------------


def test_page(evil: Site, tmp_path: Path) -> None:
    """E25: a text of an artifact never becomes part of the page's own code, and asks nobody for anything."""
    window = ("--at", AT, "--since", SINCE)
    run = gaitops(
        "posture", "report", "--store", evil.store, *evil.known, *window, "--out", tmp_path / "page"
    )
    assert run.code == 0, run.err
    page = (tmp_path / "page" / "index.html").read_text("utf-8")
    assert "HYPERLINK" in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert CONTROLS.search(page) is None
    assert page.count("<script") == page.count("</script>")


# -- E26: spreadsheets -------------------------------------------------------------------------------------------


def test_spreadsheets(evil: Site, tmp_path: Path) -> None:
    """E26: no cell of any CSV begins a formula, and no text begins a row of its own."""
    plain_csv(shown(evil, "posture", "csv"))
    for grouped in ((), ("--group-by", "tool_name,environment")):
        query = ("evidence", "query", "--store", evil.store, "--table", "decisions", "--limit", "0", *grouped)
        plain_csv(gaitops(*query, "--format", "csv").out)
    exported = gaitops(
        "evidence",
        "export",
        "--store",
        evil.store,
        "--out",
        tmp_path / "csv",
        "--format",
        "csv",
        "--table",
        "decisions",
    )
    assert exported.code == 0, exported.out
    plain_csv((tmp_path / "csv" / "decisions.csv").read_bytes().decode())


# -- E27: other programs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("noun", ["posture", "signals"])
def test_markdown(noun: str, evil: Site) -> None:
    """E27: no element, no line and no cell of a text's own in Markdown."""
    text = shown(evil, noun, "markdown")
    assert "HYPERLINK" in text
    outside = _CODE.sub("", text)
    assert "<script" not in outside
    assert "<img" not in outside
    assert CONTROLS.search(text) is None
    lines = text.splitlines()
    assert not any(line.startswith("2026-11-03 all is well") for line in lines)
    for before, line in pairwise(lines):
        if before.startswith("|") and line.startswith("|"):
            assert len(_CELL_END.findall(before)) == len(_CELL_END.findall(line)), line


def test_openmetrics(evil: Site) -> None:
    """E27: a label cannot end its own quotes, line or metric."""
    lines = shown(evil, "posture", "openmetrics").splitlines()
    assert lines[-1] == "# EOF"
    sample = re.compile(r'gaitops_\w+(?:\{(?:\w+="(?:[^"\\]|\\["\\n])*",?)*\})? [-+.eE0-9]+')
    assert [line for line in lines if not line.startswith("# ") and sample.fullmatch(line) is None] == []
    assert any("HYPERLINK" in line for line in lines)


def test_sarif(evil: Site) -> None:
    """E27: in SARIF the text stays inside messages, without control characters."""
    document = json.loads(shown(evil, "signals", "sarif"))
    results = document["runs"][0]["results"]
    messages = [result["message"]["text"] for result in results]
    assert any("HYPERLINK" in message for message in messages)
    assert [message for message in messages if CONTROLS.search(message)] == []
