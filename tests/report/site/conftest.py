# SPDX-License-Identifier: Apache-2.0
"""A real browser without a window, and pages in it that record what they ask for and complain about."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.report.site import documents

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = (
    *("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
PATIENCE = 30_000
"""Milliseconds that a slow machine may take for one step."""


@dataclass
class Opened:
    """A page in the browser, and what happened there."""

    page: Page
    requests: list[str] = field(default_factory=list)
    """Addresses that the browser asked for."""
    complaints: list[str] = field(default_factory=list)
    """Errors and warnings on its console, violations of the content policy among them."""


Open = Callable[..., Opened]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of a worker."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    with sync_playwright() as driver:
        yield driver.chromium.launch(executable_path=CHROMIUM, args=[*QUIET])


@pytest.fixture(scope="session")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The golden fleet's page as a file."""
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_bytes(documents.page())
    return path


@pytest.fixture
def open_page(browser: Browser, golden: Path) -> Iterator[Open]:
    """Opens a page from its file: ``open_page(route, path=…, width=…, colours=…)``."""
    contexts = []

    def opened(route: str = "fleet", path: Path = golden, **settings: Any) -> Opened:
        width, height = settings.pop("width", 1280), settings.pop("height", 900)
        context = browser.new_context(
            viewport={"width": width, "height": height}, reduced_motion="reduce", **settings
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        found = Opened(context.new_page())
        found.page.on("request", lambda request: found.requests.append(request.url))
        found.page.on("console", lambda message: found.complaints.append(message.text))
        found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.page.goto(f"{path.as_uri()}#/{route}")
        found.page.wait_for_selector("main h1")
        return found

    yield opened
    for context in contexts:
        context.close()
