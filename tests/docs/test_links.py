# SPDX-License-Identifier: Apache-2.0
"""Pages of the documentation lead where they say, and name nothing of the machine that they were written on."""

from __future__ import annotations

import re
from pathlib import Path

from tests.docs.source_tree import ROOT

LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (?P<text>.+)$", re.MULTILINE)


def pages() -> list[Path]:
    """Every Markdown page for users and contributors."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def anchors(page: Path) -> set[str]:
    """Fragments that a forge makes of the headings of a page."""
    texts = (match["text"] for match in HEADING.finditer(page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in texts}


def broken(page: Path) -> list[str]:
    """Links of a page that lead nowhere. Addresses on the web are not followed."""
    found = []
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for match in LINK.finditer(text):
        target, _, fragment = match["target"].partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        aim = (page.parent / target).resolve() if target else page
        if not aim.exists() or (fragment and aim.suffix == ".md" and fragment not in anchors(aim)):
            found.append(f"{page.relative_to(ROOT)}: {match['target']}")
    return found


def test_links_between_pages_lead_somewhere() -> None:
    """No relative link is broken, fragments included."""
    assert [link for page in pages() for link in broken(page)] == []


def test_the_index_names_every_page() -> None:
    """Every page below ``docs`` can be found from ``docs/README.md``."""
    index = ROOT / "docs" / "README.md"
    linked = {
        (index.parent / match["target"]).resolve()
        for match in LINK.finditer(index.read_text(encoding="utf-8"))
    }
    below = {page.resolve() for page in (ROOT / "docs").rglob("*.md")} - {index.resolve()}
    assert sorted(str(page.relative_to(ROOT)) for page in below - linked) == []


def test_no_page_names_a_private_path() -> None:
    """Nothing of a developer's machine is left in a page."""
    private = re.compile(r"(?<![\w.])/(?:tmp|home|root|work|Users)/")
    assert [
        str(page.relative_to(ROOT)) for page in pages() if private.search(page.read_text(encoding="utf-8"))
    ] == []
