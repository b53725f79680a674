# SPDX-License-Identifier: Apache-2.0
"""The report page in a real Chromium, from a file: what it shows, what it asks for, how it is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.docs.source_tree import ROOT
from tests.report.site import documents
from tests.report.site.conftest import Open

REPOSITORY = "repo/github.com/larkspur/price-agent"
AXE = ROOT / "tools" / "node_modules" / "axe-core" / "axe.min.js"
FOCUSED = "document.activeElement"


def focused(page: Page) -> str:
    """Text of what has the focus."""
    return str(page.evaluate(f"{FOCUSED}.innerText"))


def panel_digests(page: Page) -> list[str]:
    """Digests that the open panel lists."""
    return [
        text.removeprefix("sha256:") for text in page.locator("dialog .artifacts .full").all_inner_texts()
    ]


def shown(page: Page, selector: str) -> None:
    """Wait for an element. By its selector: the page's policy forbids functions that are given as text."""
    page.wait_for_selector(selector, state="attached")


def test_every_view_is_drawn_without_a_request_or_an_error(open_page: Open) -> None:
    """All views of the golden fleet draw from the one file, and the browser asks for nothing else."""
    opened = open_page()
    for route in opened.page.evaluate(
        "JSON.parse(document.getElementById('data').textContent).scopes && Object.keys(JSON.parse(document.getElementById('data').textContent).scopes)"
    ):
        opened.page.evaluate("route => { location.hash = '#/' + route; }", route)
        shown(opened.page, f'#main[data-route="{route}"]')
        assert opened.page.locator("main section").count() >= 8
    assert [url.partition("#")[0] for url in opened.requests] == [
        opened.page.url.partition("#")[0],
        "data:,",
    ][: len(opened.requests)]
    assert opened.complaints == []


ALL_PROOFS = """() => {
  const found = [];
  for (const button of document.querySelectorAll("main button.n")) {
    button.click();
    const dialog = document.querySelector("dialog");
    found.push({
      command: dialog.querySelector("pre")?.innerText ?? "",
      digests: [...dialog.querySelectorAll(".artifacts .full")].map((item) => item.innerText.replace("sha256:", "")),
      says: dialog.querySelector("p").innerText,
    });
    dialog.remove();
  }
  return found;
}"""


@pytest.mark.parametrize("route", ["fleet", "org/larkspur", REPOSITORY])
def test_every_number_opens_its_artifacts(open_page: Open, route: str) -> None:
    """Each number of a view leads to exactly the digests of its own proof, says how many more there are, and how to list them."""
    page = open_page(route).page
    page.evaluate(
        "document.querySelectorAll('[role=tabpanel]').forEach((panel) => { panel.hidden = false; })"
    )
    found = page.evaluate(ALL_PROOFS)
    assert len(found) > 60
    known = {name for one in documents.signals()["families"] for name in one["artifacts"]}
    for item in found:
        if " evidence query " in item["command"]:  # a family names a few of its runs
            assert item["digests"]
            assert set(item["digests"]) <= known
            continue
        selector = item["command"].rpartition(" --proof ")[2].strip("'\n ")
        assert item["digests"] == documents.listed(selector), selector
        assert item["says"] == "5 artifacts; the newest 3 are listed, 2 are not. The command lists them all."


def test_the_panel_takes_and_returns_the_focus(open_page: Open) -> None:
    """Enter opens it, Tab stays inside, Escape closes it, and the number has the focus again."""
    page = open_page().page
    number = page.locator(".stats button.n").first
    number.focus()
    page.keyboard.press("Enter")
    assert focused(page).startswith("Decisions: 1,436")
    for _ in range(25):
        page.keyboard.press("Tab")
        assert page.evaluate(f"{FOCUSED} === document.body || {FOCUSED}.closest('dialog') !== null")
    page.keyboard.press("Escape")
    assert page.locator("dialog").count() == 0
    assert page.evaluate(f"{FOCUSED} === document.querySelector('.stats button.n')")


def test_the_keyboard_reaches_everything_and_shows_where_it_is(open_page: Open) -> None:
    """From the skip link to the end, every stop is visible, has a name and shows its focus; nothing is a trap."""
    page = open_page(REPOSITORY).page
    seen: list[dict[str, Any]] = []
    for _ in range(400):
        page.keyboard.press("Tab")
        stop = page.evaluate(
            f"""() => {{
              const item = {FOCUSED}, style = getComputedStyle(item), box = item.getBoundingClientRect();
              if (item === document.body) return null;
              const shown = item.matches("input[type=radio]") ? getComputedStyle(item.parentElement) : style;
              return {{
                tag: item.tagName, text: (item.innerText || item.ariaLabel || item.value || "").slice(0, 60),
                ring: shown.outlineStyle !== "none" && parseFloat(shown.outlineWidth) >= 2,
                visible: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight,
              }};
            }}"""
        )
        if stop is None:
            break
        seen.append(stop)
    assert seen[0]["text"] == "Skip to content"
    assert [stop for stop in seen if not (stop["ring"] and stop["visible"] and stop["text"])] == []
    assert 40 < len(seen) < 400


def test_the_skip_link_leads_to_the_content(open_page: Open) -> None:
    """The first stop jumps over the bar."""
    page = open_page().page
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert focused(page) == "larkspur"


def test_arrow_keys_move_in_tables(open_page: Open) -> None:
    """A table is one stop; inside, arrows go from number to number, Home and End to the ends of a row."""
    page = open_page().page
    table = page.locator("#section-repositories table").first
    assert table.locator("tbody [tabindex='0']").count() == 1
    table.locator("tbody a").first.focus()
    page.keyboard.press("ArrowDown")
    assert focused(page) == table.locator("tbody tr").nth(1).locator("a").inner_text()
    page.keyboard.press("End")
    assert page.evaluate(f"{FOCUSED}.closest('tr').querySelector('a:not([tabindex=\"0\"])') !== null")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(f"{FOCUSED}.closest('td').cellIndex") > 0
    assert table.locator("tbody [tabindex='0']").count() == 1


def test_tables_sort_and_filter(open_page: Open) -> None:
    """A heading sorts by its values and says so; words keep only the rows that have them."""
    page = open_page().page
    table = page.locator("#section-repositories table").first
    heading = table.locator("thead th:nth-child(6) button")
    heading.click()
    assert table.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"
    decisions = [
        int(text)
        for text in table.locator("tbody tr td:nth-child(6) .n").evaluate_all(
            "all => all.map((one) => one.firstChild.data)"
        )
    ]
    assert decisions == sorted(decisions, reverse=True)
    assert len(decisions) == 12
    heading.click()
    assert table.locator("th[aria-sort]").get_attribute("aria-sort") == "ascending"
    page.locator("#section-repositories input[type=search]").first.fill("merchandising sync")
    assert table.locator("tbody th").all_inner_texts() == ["larkspur/catalog-sync"]


def test_arrow_keys_choose_tabs(open_page: Open) -> None:
    """Chart and table of the same numbers are two tabs, one of them a stop."""
    page = open_page().page
    tabs = page.locator("#section-decisions [role=tab]")
    tabs.first.focus()
    page.keyboard.press("ArrowRight")
    assert tabs.nth(1).get_attribute("aria-selected") == "true"
    panel = page.locator("#section-decisions [role=tabpanel]").nth(1)
    assert panel.is_visible()
    assert panel.locator("tbody tr").count() == 14
    page.keyboard.press("ArrowRight")
    assert tabs.first.get_attribute("aria-selected") == "true"
    assert not panel.is_visible()


def test_charts_are_read_and_opened_by_keyboard(open_page: Open) -> None:
    """Arrows read a column aloud, Enter lists its artifacts by series; the totals are those of the posture."""
    page = open_page().page
    chart = page.locator("#section-decisions .chart").first
    chart.focus()
    readout = page.locator("#section-decisions .readout").first
    numbers = documents.posture()["total"]["numbers"]
    assert [int(text) for text in readout.locator("b").all_inner_texts()[1:]] == [
        numbers[f"events.{name}"] for name in ("allow", "block", "require_approval", "dry_run")
    ]
    page.keyboard.press("ArrowRight")
    assert readout.inner_text().startswith("2026-10-05")
    assert page.locator("#live").inner_text().startswith("2026-10-05")
    page.keyboard.press("Enter")
    assert page.locator("dialog h2").inner_text() == "Decisions, 2026-10-05"
    assert panel_digests(page)[:3] == documents.listed("events.allow?day=2026-10-05")


def test_the_finder_finds_by_keyboard(open_page: Open) -> None:
    """Typing narrows the list, arrows choose, Enter goes there, and the heading has the focus."""
    page = open_page().page
    field = page.get_by_role("combobox")
    field.fill("agent")
    assert field.get_attribute("aria-expanded") == "true"
    assert page.locator("[role=option]").all_inner_texts()[0].startswith("github.com/larkspur/price-agent")
    page.keyboard.press("Enter")
    shown(page, '#main[data-route$="price-agent"]')
    assert page.title() == "github.com/larkspur/price-agent · posture · larkspur"
    assert focused(page) == "github.com/larkspur/price-agent"


def test_addresses_name_views_and_sections(open_page: Open) -> None:
    """A link to a section opens there; an address that names nothing shows the fleet; back goes back."""
    page = open_page(f"{REPOSITORY}?at=evidence").page
    assert focused(page) == "Evidence"
    page.evaluate("location.hash = '#/repo/nobody'")
    shown(page, '#main[data-route="fleet"]')
    page.go_back()
    shown(page, '#main:not([data-route="fleet"])')


def test_signals_show_score_causes_and_fix(open_page: Open) -> None:
    """The queue says how much it was before, and each entry opens its terms, causes and artifacts."""
    page, queue = open_page().page, documents.signals()
    section = page.locator("#section-signals")
    assert section.locator(".stats .value").all_inner_texts() == [
        str(queue["before"]["total"]),
        str(queue["after"]["total"]),
        "2",
    ]
    first = queue["signals"][0]
    section.locator("summary").first.click()
    body = section.locator(".issue-body").first
    terms = body.locator("table").first.locator("tbody tr")
    assert terms.locator("td:nth-child(2)").all_inner_texts() == [
        str(term["value"]) for term in first["score"]["terms"]
    ]
    assert first["id"] in body.inner_text()
    body.locator(".facts .n").click()
    assert panel_digests(page) == first["artifacts"]
    page.keyboard.press("Escape")
    families = section.locator("table").last.locator("tbody th").all_inner_texts()
    incidents = [one["id"] for one in queue["signals"] if one["kind"] == "incident_family"]
    assert set(families[: len(incidents)]) == set(incidents)
    assert len(families) == len(queue["families"])
    section.get_by_role("button", name="more signals").click()
    assert section.locator("summary").count() == queue["after"]["total"]


def test_words_explain_themselves(open_page: Open) -> None:
    """A number's name shows its definition on focus, Escape hides it, Enter opens the glossary there."""
    page = open_page().page
    word = page.locator(".stats .term").first
    word.focus()
    assert page.locator("#tip").inner_text() == "Decisions in verified traces, each emission once."
    page.keyboard.press("Escape")
    assert not page.locator("#tip").is_visible()
    page.keyboard.press("Enter")
    assert focused(page) == "Decisions"
    assert page.locator("dialog dt").count() == len(page.locator("dialog dd").all())


PAYLOAD = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>{{hit}}'


def test_hostile_text_stays_text(open_page: Open, tmp_path: Path) -> None:
    """Markup in names, messages and reasons is shown as it is written: no element comes of it and nothing runs."""

    def poisoned(text: str) -> str:
        for name in ("cart-api", "checkout", "larkspur-agent-baseline", "update_cart", "result_status"):
            text = text.replace(name, f"{name}{PAYLOAD}")
        return text

    path = tmp_path / "hostile.html"
    hostile = [documents.everywhere(item, poisoned) for item in (documents.posture(), documents.signals())]
    path.write_bytes(documents.page(*hostile))
    opened = open_page("fleet", path)
    page = opened.page
    page.evaluate("document.querySelectorAll('summary').forEach((item) => item.click())")
    link = page.locator("#section-repositories tbody a", has_text="cart-api").first
    assert PAYLOAD in link.inner_text()
    link.click()
    shown(page, 'h1:has-text("cart-api")')
    assert PAYLOAD in page.locator("h1").inner_text()
    page.locator("button.n").first.click()
    assert page.evaluate("window.hit") is None
    assert page.locator("img, main script, dialog script").count() == 0
    assert opened.complaints == []
    assert len({url.partition("#")[0] for url in opened.requests} - {"data:,"}) == 1


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_system_chooses_colours_and_the_reader_may_too(open_page: Open, colours: Any) -> None:
    """The page follows the system; the switch goes the other way and is remembered."""
    page = open_page(color_scheme=colours).page
    ground = "getComputedStyle(document.body).backgroundColor"
    first = page.evaluate(ground)
    assert first == {"light": "rgb(251, 251, 250)", "dark": "rgb(18, 20, 23)"}[colours]
    other = "dark" if colours == "light" else "light"
    page.locator("input[name=theme][value=auto]").focus()
    page.keyboard.press("ArrowRight" if other == "light" else "ArrowLeft")
    assert page.evaluate("document.documentElement.dataset.theme") == other
    assert page.evaluate(ground) != first
    page.reload()
    page.wait_for_selector("main h1")
    assert page.evaluate("document.documentElement.dataset.theme") == other


@pytest.mark.parametrize("route", ["fleet", REPOSITORY])
def test_nothing_is_wider_than_a_telephone(open_page: Open, route: str) -> None:
    """Only tables scroll sideways, inside themselves."""
    page = open_page(route, width=390, height=844).page
    page.evaluate("document.querySelectorAll('summary').forEach((item) => item.click())")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.locator("main button.n").first.click()
    assert page.evaluate("document.querySelector('dialog').scrollWidth") <= 390


def test_paper_has_everything_unfolded(open_page: Open) -> None:
    """For print, charts stand with their tables, signals are unfolded, and the controls are gone."""
    page = open_page().page
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.locator(".issue-body").count() == 10
    assert page.locator("#section-decisions table").first.is_visible()
    assert not page.locator(".top").is_visible()
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == 0


def test_a_large_fleet(open_page: Open, tmp_path: Path) -> None:
    """A fleet of 600 repositories opens; long tables come in pieces; its last repository is found."""
    path = tmp_path / "large.html"
    path.write_bytes(documents.page(documents.large(600), evidence=documents.FEW))
    opened = open_page("fleet", path)
    page = opened.page
    table = page.locator("#section-repositories table").first
    assert table.locator("tbody tr").count() == 25
    page.get_by_role("button", name="Show 500 more").first.click()
    assert table.locator("tbody tr").count() == 525
    page.get_by_role("combobox").fill("0599")
    page.keyboard.press("Enter")
    shown(page, '#main[data-route$="0599"]')
    assert opened.complaints == []


@pytest.mark.skipif(not AXE.exists(), reason="needs axe-core: npm ci --ignore-scripts --prefix tools")
@pytest.mark.parametrize(("route", "colours"), [("fleet", "light"), (REPOSITORY, "dark")])
def test_axe_finds_nothing(open_page: Open, route: str, colours: Any) -> None:
    """The accessibility rules of axe-core (WCAG 2.2 A and AA, best practices) hold for views, tabs, signals and the panel."""
    page = open_page(route, color_scheme=colours).page
    page.evaluate("[...document.querySelectorAll('summary')].slice(0, 3).forEach((item) => item.click())")
    page.evaluate(
        "document.querySelectorAll('[role=tabpanel]').forEach((panel) => { panel.hidden = false; })"
    )
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert violations(page, "body") == []
    page.locator("main button.n:visible").first.click()
    assert violations(page, "dialog") == []


def violations(page: Page, part: str) -> list[str]:
    """Rules that do not hold in a part of the page, each with the first element."""
    found = page.evaluate("part => axe.run(part, { resultTypes: ['violations'] })", part)
    assert len(found["passes"]) > 5  # it looked
    return [f"{item['id']}: {item['nodes'][0]['html'][:200]}" for item in found["violations"]]
