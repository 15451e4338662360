"""The portal over real HTTP, and the people who use it, for the tests of this folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import unescape
from itertools import count
from typing import Any

import requests

from network.clock import wall_now
from network.merchants import queries as merchants
from network.operators import totp
from network.portal import service
from tests.integration.gateway.house import House

PASSWORD = "correct horse battery"
_FIELD = re.compile(r'<input[^>]* name="(?P<name>[^"]+)"[^>]*>')
_VALUE = re.compile(r' value="([^"]*)"')


@dataclass(kw_only=True)
class Desk:
    """The portal that listens, and the coalition behind it."""

    url: str
    house: House
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def person(self, role: str, *, shop: str = "green", name: str = "", login: str = "") -> Clerk:
        """Return somebody of a shop who is signed in with a browser of their own."""
        clerk = self.invited(role, shop=shop, name=name, login=login)
        clerk.sign_in()
        return clerk

    def invited(self, role: str, *, shop: str = "green", name: str = "", login: str = "") -> Clerk:
        """Return somebody who has set a password by the link, and not signed in."""
        number = next(self.numbers)
        services = self.house.services
        now = wall_now() - timedelta(minutes=2)  # the code that proves the app is used up by it
        with services.database.unit_of_work() as session:
            made = service.invite(
                session,
                services.vault,
                merchant=merchants.merchant(session, code=shop),
                login=login or f"{role}{number}",
                name=name or f"{role} {number}",
                role=role,
                actor="system",
                now=now,
            )
            secret = service.welcome(session, services.vault, token=made.token, now=now).totp_secret
            service.accept(
                session,
                services.vault,
                token=made.token,
                password=PASSWORD,
                code=code_of(secret, at=now),
                now=now,
            )
        return Clerk(desk=self, login=made.user.login, secret=secret)


@dataclass(kw_only=True)
class Clerk:
    """A person of a shop with a browser that keeps cookies."""

    desk: Desk
    login: str
    secret: str | None = field(repr=False)
    browser: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.browser.headers["Accept-Language"] = "en"

    def sign_in(self, *, password: str = PASSWORD, code: str | None = None) -> Page:
        """Fill the form of the sign-in page and send it."""
        page = self.get("/sign-in")
        return page.send(
            "/sign-in",
            login=self.login,
            password=password,
            code=code_of(self.secret) if code is None else code,
        )

    def enter(self, code: str) -> Page:
        """Type the code of an invitation."""
        return self.get("/welcome").send("/welcome", invitation=code)

    def get(self, path: str, *, follow: bool = True) -> Page:
        """Open a page."""
        answer = self.browser.get(f"{self.desk.url}{path}", allow_redirects=follow, timeout=20)
        return Page(clerk=self, answer=answer)

    def post(self, path: str, fields: dict[str, Any], *, follow: bool = True) -> Page:
        """Send a form as it is, without what a page would add."""
        answer = self.browser.post(
            f"{self.desk.url}{path}", data=fields, allow_redirects=follow, timeout=20
        )
        return Page(clerk=self, answer=answer)

    def check(self, member: str, *, amount: int) -> Page:
        """Fill the till with a customer and an amount (toman)."""
        return self.get("/till").send("/till/check", member=member, amount=str(amount))

    def buy(self, member: str, *, amount: int) -> Page:
        """Book a purchase from the beginning to its receipt."""
        return self.check(member, amount=amount).send("/till/earn")


@dataclass(kw_only=True)
class Page:
    """A page that came back."""

    clerk: Clerk
    answer: requests.Response

    @property
    def status(self) -> int:
        """Return the status of the answer."""
        return self.answer.status_code

    @property
    def path(self) -> str:
        """Return where the browser is now."""
        return self.answer.url.removeprefix(self.clerk.desk.url)

    @property
    def key(self) -> str:
        """Return the key of the act that a receipt shows."""
        return self.path.partition("/till/acts/")[2].partition("?")[0]

    @property
    def text(self) -> str:
        """Return what a reader sees, on one line."""
        bare = re.sub(r"<(script|style|svg).*?</\1>", " ", self.answer.text, flags=re.DOTALL)
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", bare)).split())

    @property
    def invitation(self) -> str:
        """Return the code that the page shows, eight groups of four."""
        found = re.search(r"[a-z2-7]{4}(?:-[a-z2-7]{4}){7}", self.answer.text)
        assert found is not None, self.text[:300]
        return found[0]

    def form(self, action: str) -> dict[str, str]:
        """Return the fields that a form of the page has, by its action."""
        found = re.search(
            rf'<form[^>]*action="{re.escape(action)}"[^>]*>(.*?)</form>',
            self.answer.text,
            flags=re.DOTALL,
        )
        assert found is not None, f"{action} is no form of {self.path}: {self.text[:300]}"
        fields = {}
        for match in _FIELD.finditer(found[1]):
            value = _VALUE.search(match[0])
            if 'type="checkbox"' not in match[0] and 'type="radio"' not in match[0]:
                fields[match["name"]] = unescape(value[1]) if value else ""
        return fields

    def send(self, action: str, **changes: str) -> Page:
        """Send a form of the page with some fields filled."""
        return self.clerk.post(action, self.form(action) | changes)


def code_of(secret: str | None, *, at: datetime | None = None, steps_later: int = 0) -> str:
    """Return the one-time code of a moment (now), nothing where there is no secret."""
    step = totp.step_at(at or wall_now()) + steps_later
    return "" if secret is None else totp.code_at(secret=secret, step=step)
