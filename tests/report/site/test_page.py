# SPDX-License-Identifier: Apache-2.0
"""The report page as bytes: what it lets a browser do, what its data can do to it, and that it is reproducible."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from typing import Any

import pytest

from gaitops.posture.catalogue import METRICS
from gaitops.report.site.looks import (
    COLOURS,
    DECISION_LOOKS,
    EXPECTATION_LOOKS,
    OUTCOME_LOOKS,
    STATE_LOOKS,
    VERDICT_LOOKS,
    Look,
    look,
)
from gaitops.report.site.page import embedded_json, render_page
from gaitops.report.site.proofs import ArtifactRef, Proof, Proofs
from tests.report.site import documents

PAGE = documents.page()
TEXT = PAGE.decode()


def element(pattern: str, text: str = TEXT) -> str:
    """The one piece of the page that matches."""
    (found,) = re.findall(pattern, text, re.DOTALL)
    return str(found)


def data(text: str = TEXT) -> dict[str, Any]:
    """The document inside the page."""
    found: dict[str, Any] = json.loads(
        element(r'<script type="application/json" id="data">(.*?)</script>', text)
    )
    return found


def test_equal_documents_give_equal_bytes() -> None:
    """Nothing in the page depends on when or where it was made."""
    assert documents.page() == PAGE


def test_the_policy_lets_in_nothing_but_this_script_and_style() -> None:
    """Everything is forbidden but the style and the script in the file, by their digests."""
    policy = html.unescape(element(r'http-equiv="Content-Security-Policy" content="(.*?)"'))
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    style, script = element("<style>(.*?)</style>"), element("<script>(.*?)</script>")
    assert rules["default-src"] == "'none'"
    assert rules["style-src"] == f"'sha256-{_digest(style)}'"
    assert rules["script-src"] == f"'sha256-{_digest(script)}'"
    assert rules["trusted-types"] == "'none'"
    assert rules["require-trusted-types-for"] == "'script'"
    assert set(rules) == {
        *("default-src", "style-src", "script-src", "img-src", "base-uri", "form-action"),
        *("require-trusted-types-for", "trusted-types"),
    }


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def test_the_page_names_no_address_that_a_browser_would_open() -> None:
    """No element loads anything, and neither the script nor the style can ask for something."""
    markup = re.sub(r"<(script|style)\b.*?</\1>", "", TEXT, flags=re.DOTALL)
    assert re.findall(r"""\b(?:src|href|action|data)="(?!#|data:,)[^"]*""", markup) == []
    script, style = element("<script>(.*?)</script>"), element("<style>(.*?)</style>")
    assert (
        re.findall(
            r"fetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|import\(|innerHTML|eval\(", script
        )
        == []
    )
    assert re.findall(r"url\(|@import", style) == []


@pytest.mark.parametrize("text", ["</script><script>x", "<!--<script>", "\u2028", "]]>", "&lt;"])
def test_data_cannot_end_its_element(text: str) -> None:
    """Whatever stands in a document is read back as it was, and no byte of it is markup."""
    embedded = embedded_json({"name": text})
    assert json.loads(embedded) == {"name": text}
    assert embedded.isascii()
    assert not set("<>&") & set(embedded)


def test_plain_text_is_escaped() -> None:
    """Title and fallback are text, whatever they hold."""
    made = render_page({}, "<b>fleet</b>", [("<i>", "&")]).decode()
    assert "<title>&lt;b&gt;fleet&lt;/b&gt;</title>" in made
    assert "<dt>&lt;i&gt;</dt><dd>&amp;</dd>" in made


def test_deceptive_characters_are_written_as_escapes() -> None:
    """A name with a turned direction or a control character is shown as what it is, wherever it stands."""
    hostile = documents.everywhere(
        documents.posture(), lambda text: text.replace("cart-api", "cart\u202eipa\x1b[2J")
    )
    shown = json.dumps(data(documents.page(hostile).decode()), ensure_ascii=False)
    assert not re.search("[\u202e\x1b]", shown)
    assert "cart\\\\u202eipa\\\\x1b[2J" in shown


def test_every_view_is_there() -> None:
    """The fleet, each organization and each repository have a view of their own."""
    posture = documents.posture()
    routes = ["fleet", "org/larkspur", *(f"repo/{item['repository']}" for item in posture["repositories"])]
    assert list(data()["scopes"]) == routes


def test_every_word_and_number_is_defined() -> None:
    """The glossary has every metric of the posture, and every term that a figure or a column names."""
    document = data()
    terms = document["terms"]
    named = {
        item.get("t")
        for spec in document["specs"].values()
        for item in (*spec.get("figures", ()), *spec.get("columns", ()))
    }
    named |= {spec.get("term") for spec in document["specs"].values()}
    assert METRICS.keys() <= terms.keys()
    assert named - {None} <= terms.keys()


def test_numbers_of_the_document_are_those_of_the_posture() -> None:
    """The page repeats the posture's numbers with their denominators; it makes none of its own."""
    posture, document = documents.posture(), data()
    numbers = posture["total"]["numbers"]
    (overview,) = [
        section for section in document["scopes"]["fleet"]["sections"] if section["id"] == "overview"
    ]
    states, headline = overview["blocks"]
    assert [cell[0] for cell in states["v"]] == [
        numbers[f"places.{state}"] for state in document["order"]["states"]
    ]
    figures = [figure["t"] for figure in document["specs"][headline["k"]]["figures"]]
    for metric, value in zip(figures, headline["v"], strict=True):
        definition = METRICS[metric]
        parts = (
            [numbers[definition.over], numbers[definition.of]]
            if definition.over and definition.of
            else [numbers[metric]]
        )
        assert value[: len(parts)] == parts, metric


def test_a_repository_shows_what_ran_against_what_was_assigned_there() -> None:
    """A version that a place ran before its assignment moved on is told from one that it never should have run."""
    scopes, found = data()["scopes"], {}
    for name in ("infra-live", "price-agent"):
        sections = {
            section["id"]: section for section in scopes[f"repo/github.com/larkspur/{name}"]["sections"]
        }
        for environment, version, _digest, standing, *_rest in sections["versions"]["blocks"][-1]["rows"]:
            found[name, environment, version.rpartition("@")[2]] = standing
    assert found["infra-live", "staging", "1.1.0"] == "assigned before"
    assert found["infra-live", "staging", "2.0.0"] == "assigned"
    assert found["price-agent", "prod", "unknown"] == "unknown policy"


def test_a_number_without_artifacts_has_no_proof() -> None:
    """Zero opens nothing; everything else that was counted names what it was counted from."""
    rows = [
        block
        for scope in data()["scopes"].values()
        for section in scope["sections"]
        for block in section["blocks"]
    ]
    cells = [cell for block in rows if block["t"] == "stats" for cell in block["v"] if isinstance(cell, list)]
    assert len(cells) > 100
    for cell in cells:
        assert (cell[-1] is None) == (cell[0] in {0, None}), cell


def test_proofs_write_each_artifact_once() -> None:
    """An artifact behind many numbers stands in the page once, and selectors are put together from repeated parts."""
    proofs, one = Proofs(), documents.artifact("one")
    positions = [
        proofs.add(f"events.{name}?org=acme&day=2026-10-0{day}", Proof(7, (one,)))
        for name in ("block", "allow")
        for day in (1, 2)
    ]
    assert proofs.add("events.block?org=acme&day=2026-10-01", Proof(7, (one,))) == positions[0]
    found: Any = proofs.to_json()
    assert positions == [0, 1, 2, 3]
    assert found["artifacts"]["digests"] == one.digest
    assert ["".join(found["selectors"][part] for part in proof[:3]) for proof in found["proofs"]] == [
        f"events.{name}?org=acme&day=2026-10-0{day}" for name in ("block", "allow") for day in (1, 2)
    ]
    assert [proof[3:] for proof in found["proofs"]] == [[7, 0]] * 4


def test_nothing_behind_a_number_is_no_proof() -> None:
    """A number that nothing stands behind has no position."""
    assert Proofs().add("events.block", Proof(0, ())) is None
    assert Proofs().add("events.block", None) is None
    assert Proofs().some([]) is None


def test_a_digest_that_is_none_is_refused() -> None:
    """Positions in the page are counted in whole digests."""
    with pytest.raises(ValueError, match="not a SHA-256"):
        Proofs().some([ArtifactRef("abc", "trace", "verified", None, "")])


def _channel(value: int) -> float:
    share = value / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb``, by WCAG 2."""
    red, green, blue = (_channel(int(colour[at : at + 2], 16)) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, by WCAG 2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


TOKENS = {
    name: {"light": light, "dark": dark}
    for name, light, dark in re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", TEXT)
}
GROUNDS = ("page", "surface", "sunken")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ground", GROUNDS)
def test_text_is_readable(theme: str, ground: str) -> None:
    """Text reaches WCAG AA (4.5) on every ground, in both themes; alarms are text too."""
    for name in ("ink", "muted", "accent", "orange"):
        assert contrast(TOKENS[name][theme], TOKENS[ground][theme]) >= 4.5, name


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ground", ["page", "surface"])
def test_shapes_and_edges_are_visible(theme: str, ground: str) -> None:
    """Colours of charts, edges of controls and the focus ring reach 3 on every ground they lie on."""
    for name in (*COLOURS, "focus", "line-strong"):
        assert contrast(TOKENS[name][theme], TOKENS[ground][theme]) >= 3, name
    assert contrast(TOKENS["page"][theme], TOKENS["ink"][theme]) >= 7  # the definition beside a word


@pytest.mark.parametrize(
    "looks", [STATE_LOOKS, VERDICT_LOOKS, DECISION_LOOKS, EXPECTATION_LOOKS, OUTCOME_LOOKS]
)
def test_no_two_of_a_chart_look_alike(looks: dict[str, Look]) -> None:
    """Series that differ have another colour, and no more than two share the plain pattern."""
    assert len({(item["colour"], item["pattern"]) for item in looks.values()}) == len(looks)
    assert sum(item["pattern"] == "solid" for item in looks.values()) <= 2


def test_a_look_that_the_page_does_not_have_is_refused() -> None:
    """A colour must be a token of the style sheet."""
    with pytest.raises(ValueError, match="no such look"):
        look("pink")
