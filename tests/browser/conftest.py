"""A real browser against real servers: fixtures that the tests of both web apps share.

A page that logs an error, throws, or breaks its content security policy fails its test.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import pytest
from flask import Flask
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)

from tests.browser.looks import NARROW, faults_at_a_glance
from tests.fixtures.browser import find_browser, launch_arguments
from tests.fixtures.serving import served

PHONE: ViewportSize = {"width": NARROW, "height": 740}
DESK: ViewportSize = {"width": 1200, "height": 800}
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
PATIENCE_MS = 20_000
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


class Serve(Protocol):
    """Serves an app on a free port and returns its address."""

    def __call__(self, app: Flask) -> str: ...


@dataclass(kw_only=True)
class Pages:
    """Opens pages and remembers what went wrong in any of them."""

    browser: Browser
    faults: list[str] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)

    def context(
        self,
        *,
        locale: str = "fa-IR",
        viewport: ViewportSize | None = None,
        scheme: Literal["light", "dark"] = "light",
        script: bool = True,
        state: Any = None,
    ) -> BrowserContext:
        """Return a browser context of its own: a phone that reads Persian unless told."""
        context = self.browser.new_context(
            locale=locale,
            viewport=viewport or PHONE,
            color_scheme=scheme,
            java_script_enabled=script,
            storage_state=state,
        )
        context.set_default_timeout(PATIENCE_MS)
        context.on("page", self._watch)
        self._contexts.append(context)
        return context

    def open(self, **options: Any) -> Page:
        """Return a page in a context of its own."""
        return self.context(**options).new_page()

    def close(self) -> None:
        """Close every context."""
        for context in self._contexts:
            context.close()

    def _watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))

    def _console(self, message: ConsoleMessage) -> None:
        # A page that was itself answered with 404 or 422 is no fault of the page.
        page = message.page
        own = page is not None and message.location.get("url") == page.url
        if message.text.startswith("Failed to load resource") and own:
            return
        if message.type in {"error", "warning"}:
            self.faults.append(f"{message.location.get('url')}: {message.text}")


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where a test leaves what the camera of the browser is to see (Y4M)."""
    return tmp_path_factory.mktemp("camera") / "film.y4m"


@pytest.fixture(scope="session")
def chromium(film: Path) -> Iterator[Browser]:
    """Yield one browser for all tests of this process; its camera shows ``film``."""
    path = find_browser()
    if path is None:
        pytest.fail("no Chromium was found: python -m tests.fixtures.browser says how to get one")
    expect.set_options(timeout=PATIENCE_MS)
    arguments = [
        *launch_arguments(),
        "--disable-gpu",
        "--disable-background-networking",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def pages(chromium: Browser) -> Iterator[Pages]:
    """Yield a way to open pages; fail the test where one of them had a fault."""
    pages = Pages(browser=chromium)
    yield pages
    pages.close()
    assert pages.faults == []


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Yield a way to serve apps on free ports for as long as the test lasts."""
    with ExitStack() as stack:

        def start(app: Flask) -> str:
            return stack.enter_context(served(app))

        yield start


def accessibility_faults(page: Page, *, rules: Sequence[str] = ()) -> list[str]:
    """Return what axe finds on a page, by all its rules or some: the rule and the elements."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    only = {"type": "rule", "values": list(rules)} if rules else AXE_TAGS
    found = page.evaluate(
        "only => axe.run(document, {runOnly: only, preload: false, resultTypes: ['violations']})",
        only,
    )
    return [
        f"{page.url}: {violation['id']}: {[node['html'][:160] for node in violation['nodes']]}"
        for violation in found["violations"]
    ]


def fits_both_ways(page: Page, *, in_both_languages: bool = False) -> None:
    """Hold a page that was opened narrow and light to what it owes there, then wide and dark.

    Width and colours are all that changes, so the second look asks axe about contrast alone. A page
    that is looked at in both languages is asked by axe once in each: narrow and light in Persian,
    wide and dark in English.
    """
    persian = page.locator("html").get_attribute("lang") == "fa"
    _look(page, width=PHONE["width"], scheme="light")
    assert overflow(page) == 0, page.url
    assert faults_at_a_glance(page) == []
    if persian or not in_both_languages:
        assert accessibility_faults(page) == []
    _look(page, width=1280, scheme="dark")
    assert overflow(page) == 0, page.url
    if not in_both_languages:
        assert accessibility_faults(page, rules=["color-contrast"]) == []
    elif not persian:
        assert accessibility_faults(page) == []


def _look(page: Page, *, width: int, scheme: Literal["light", "dark"]) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    # Colours fade from one scheme to the other; what is judged is where they end.
    page.evaluate("document.getAnimations().forEach(each => each.finish())")


def overflow(page: Page) -> int:
    """Return by how many pixels a page is wider than its window."""
    width = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return max(int(width), 0)
