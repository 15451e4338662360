"""Takes the README's pictures from a running demo, signing in as a person would.

    python -m tests.browser.pictures DIRECTORY [PHONE]

Run it beside ``make demo``, with the same PEYVAND_HOME. PHONE is the member's number that the demo
printed. Every picture is taken in Persian and English, light; ``DIRECTORY/all`` also gets the dark
and the narrow or wide form of each page, to be looked at.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Literal

import pyotp
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from config.home import Home
from tests.fixtures.browser import find_browser, launch_arguments

PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1280, "height": 860}
COLOURS = 96
WALLET_PATHS = (
    *("", "code", "movements", "partners", "give", "pool", "requests", "notices", "contact"),
    *("profile", "profile/security", "profile/security/pin", "profile/security/passkeys/new"),
    *("profile/export", "profile/leave", "proof", "offline"),
)
CONSOLE_PATHS = ("", "settlement", "merchants", "audit", "questions", "claims", "jobs", "operators")
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


def main(directory: Path, phone: str) -> None:
    """Take every picture of the three apps."""
    home = Home.from_environment(os.environ)
    urls = home.addresses()
    everything = directory / "all"
    everything.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(find_browser()), args=launch_arguments()
        )
        wallet = _wallet_state(browser, urls["PEYVAND_WALLET_URL"], phone)
        console = _console_state(browser, urls["PEYVAND_CONSOLE_URL"], home.path)
        portal = _portal_state(browser, urls["PEYVAND_PORTAL_URL"], home.path)
        for language, scheme in product(("fa", "en"), SCHEMES):
            for name, page in _wallet_pages(
                browser, urls["PEYVAND_WALLET_URL"], wallet, language, scheme
            ):
                _keep(page, name, language, scheme, directory, everything)
            for name, page in _console_pages(
                browser, urls["PEYVAND_CONSOLE_URL"], console, language, scheme
            ):
                _keep(page, name, language, scheme, directory, everything)
            for name, page in _portal_pages(
                browser, urls["PEYVAND_PORTAL_URL"], portal, phone, language, scheme
            ):
                _keep(page, name, language, scheme, directory, everything)
        browser.close()


def _wallet_state(browser: Browser, url: str, phone: str) -> Path:
    context = browser.new_context(locale="en-US", viewport=PHONE)
    page = context.new_page()
    page.goto(f"{url}/sign-in?lang=en")
    page.get_by_label("Mobile number").fill(phone)
    page.get_by_label("Mobile number").press("Enter")
    page.wait_for_url("**/sign-in/code**")
    outbox = context.new_page()
    outbox.goto(f"{url}/outbox")
    found = re.search(r"#(\d{6})", outbox.inner_text("main"))
    if found is None:
        raise RuntimeError("the outbox shows no code")
    page.locator("input[name=code]").fill(found[1])
    page.locator("input[name=code]").press("Enter")
    page.wait_for_url(f"{url}/")
    return _state(context.storage_state(), "wallet")


def _console_state(browser: Browser, url: str, home: Path) -> Path:
    operator = json.loads((home / "sign-ins.json").read_text(encoding="utf-8"))[0]
    context = browser.new_context(locale="en-US", viewport=DESK)
    page = context.new_page()
    page.goto(f"{url}/sign-in?lang=en")
    page.locator("input[name=email]").fill(operator["email"])
    page.locator("input[name=password]").fill(operator["password"])
    page.locator("input[name=code]").fill(pyotp.TOTP(operator["secret"]).at(int(time.time())))
    page.locator("input[name=code]").press("Enter")
    page.wait_for_url(f"{url}/")
    return _state(context.storage_state(), "console")


def _portal_state(browser: Browser, url: str, home: Path) -> Path:
    owner = json.loads((home / "portal-sign-ins.json").read_text(encoding="utf-8"))[-1]
    context = browser.new_context(locale="en-US", viewport=PHONE)
    page = context.new_page()
    page.goto(f"{url}/sign-in?lang=en")
    page.locator("input[name=login]").fill(owner["email"])
    page.locator("input[name=password]").fill(owner["password"])
    page.locator("input[name=code]").fill(pyotp.TOTP(owner["secret"]).at(int(time.time())))
    page.locator("input[name=code]").press("Enter")
    page.wait_for_url(f"{url}/till**")
    if "/place" in page.url:
        page.locator("main form.places button").first.click()
        page.wait_for_url(f"{url}/till")
    return _state(context.storage_state(), "portal")


def _portal_pages(
    browser: Browser, url: str, state: Path, phone: str, language: str, scheme: Scheme
) -> Iterator[tuple[str, Page]]:
    for width, viewport in (("phone", PHONE), ("desk", DESK)):
        context = browser.new_context(storage_state=state, viewport=viewport, color_scheme=scheme)
        page = context.new_page()
        page.goto(f"{url}/till?lang={language}")
        page.locator("#member").fill(phone)
        page.locator("#amount").fill("250000")
        page.locator("#amount").press("Enter")
        page.locator(".amounts").wait_for()  # shown in the page, without going to another
        yield f"portal-check-{width}", page
        page.locator("form[action='/till/earn'] button").click()
        page.wait_for_url("**/till/acts/**")
        page.wait_for_load_state("networkidle")
        yield f"portal-receipt-{width}", page
        for path in ("till", "till/day", "transactions", "statements", "people", "places"):
            page.goto(f"{url}/{path}?lang={language}")
            yield f"portal-{path.replace('/', '-')}-{width}", page
        page.goto(f"{url}/statements?lang={language}")
        page.locator("tbody th a").first.click()
        page.wait_for_load_state("networkidle")
        yield f"portal-statement-{width}", page
        page.goto(f"{url}/transactions?lang={language}")
        page.locator("tbody th a").first.click()
        page.wait_for_load_state("networkidle")
        yield f"portal-entry-{width}", page
        for path in ("keys", "webhooks", "account"):
            page.goto(f"{url}/{path}?lang={language}")
            yield f"portal-{path}-{width}", page
        context.close()


def _state(state: object, name: str) -> Path:
    path = Path(tempfile.mkdtemp()) / f"{name}.json"
    path.write_text(json.dumps(state), encoding="utf-8")
    return path


def _wallet_pages(
    browser: Browser, url: str, state: Path, language: str, scheme: Scheme
) -> Iterator[tuple[str, Page]]:
    for width, viewport in (("phone", PHONE), ("desk", DESK)):
        context = browser.new_context(storage_state=state, viewport=viewport, color_scheme=scheme)
        page = context.new_page()
        for path in WALLET_PATHS:
            page.goto(f"{url}/{path}?lang={language}")
            yield f"wallet-{path.replace('/', '-') or 'home'}-{width}", page
        page.goto(f"{url}/movements?lang={language}&kind=earned")
        page.locator("main a[href*='/movements/']").first.click()
        page.wait_for_load_state("networkidle")
        yield f"wallet-movement-{width}", page
        context.close()


def _console_pages(
    browser: Browser, url: str, state: Path, language: str, scheme: Scheme
) -> Iterator[tuple[str, Page]]:
    for width, viewport in (("desk", DESK), ("phone", PHONE)):
        context = browser.new_context(storage_state=state, viewport=viewport, color_scheme=scheme)
        page = context.new_page()
        for path in CONSOLE_PATHS:
            page.goto(f"{url}/{path}?lang={language}")
            yield f"console-{path.replace('/', '-') or 'today'}-{width}", page
        page.goto(f"{url}/settlement?lang={language}")
        # The first row is the day that is still open.
        page.locator("main tbody tr").nth(1).locator("a[href*='/windows/']").first.click()
        page.wait_for_load_state("networkidle")
        yield f"console-window-{width}", page
        page.goto(f"{page.url.split('?')[0].rstrip('/')}/matrix?lang={language}")
        yield f"console-matrix-{width}", page
        page.locator("main td a").first.click()
        page.wait_for_load_state("networkidle")
        yield f"console-obligations-{width}", page
        page.goto(f"{url}/merchants?lang={language}")
        page.locator("main tbody th a").first.click()
        page.locator("a[href*='/statements/win_']:not([download])").first.click()
        page.wait_for_load_state("networkidle")
        yield f"console-statement-{width}", page
        context.close()


def _keep(
    page: Page, name: str, language: str, scheme: Scheme, directory: Path, everything: Path
) -> None:
    path = everything / f"{name}-{language}-{scheme}.png"
    page.screenshot(path=path)
    if scheme == "light" and name in {
        "wallet-home-phone",
        "wallet-code-phone",
        "wallet-movement-phone",
        "portal-till-phone",
        "portal-check-phone",
        "portal-receipt-phone",
        "console-today-desk",
        "console-window-desk",
        "console-matrix-desk",
        "console-statement-desk",
    }:
        with Image.open(path) as picture:
            # A page has few colours; with a table of them a picture is less than half as large.
            small = picture.convert("RGB").quantize(colors=COLOURS, dither=Image.Dither.NONE)
            small.save(directory / f"{name}-{language}.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
