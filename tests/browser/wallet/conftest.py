"""The wallet on a fresh database with a small coalition in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
import redis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from playwright.sync_api import Page

from config.web import furnish
from network.clearing.days import keep_closed
from network.database.connection import Database
from network.ledger.day import close_day
from network.ledger.seal import seal_through
from network.members.enrolment import enrol
from network.proofs.queries import ProofView
from network.proofs.service import prove
from network.services import Services
from network.signing.queries import active_key
from network.signing.service import ensure_keys
from tests.browser.conftest import Pages, Serve
from tests.browser.wallet.seed import Coalition
from tests.fixtures.programme import Programme
from wallet.app import create_app

MEMBER_PHONE = "09121234567"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """The running wallet, and what stands behind it."""

    url: str
    app: Flask
    services: Services
    coalition: Coalition

    def enrol(self, phone: str = MEMBER_PHONE, *, name: str | None = "سارا محمدی") -> UUID:
        """Make somebody a member without the pages."""
        with self.services.database.unit_of_work() as session:
            return enrol(
                session,
                self.services.vault,
                phone=phone,
                consents=["membership"],
                locale="fa",
                now=self.coalition.now,
                name=name,
            )

    def prove_the_day(self) -> ProofView:
        """Close the open day, seal it, and publish the proof of its balances."""
        database, vault = self.services.database, self.services.vault
        with database.unit_of_work() as session:
            ensure_keys(session, vault, now=self.coalition.now)
            key = active_key(session, vault=vault, purpose="seals")
        private = Ed25519PrivateKey.from_private_bytes(key.private_key)
        night = self.coalition.now + timedelta(days=1)
        day = close_day(database, now=night)
        assert day is not None
        seal_through(
            database,
            business_date=day,
            now=night,
            sign=lambda message: (key.key_id, private.sign(message)),
        )
        with database.unit_of_work() as session:
            keep_closed(session, until=day)
        return prove(database, vault, business_date=day)

    def code_for(self, page: Page) -> str:
        """Read the newest one-time code from the outbox page."""
        text = page.context.request.get(f"{self.url}/outbox").text()
        found = re.search(r"#(\d{6})", text)
        assert found is not None
        return found[1]

    def sign_in(self, page: Page, phone: str = MEMBER_PHONE, *, lang: str = "fa") -> None:
        """Sign a member in through the pages; ends on the home page."""
        page.goto(f"{self.url}/sign-in?lang={lang}")
        page.fill("#phone", phone)
        page.click(".door form button")
        page.wait_for_url("**/sign-in/code")
        page.fill("#code", self.code_for(page))
        page.click(".door form button >> nth=0")
        page.wait_for_url(f"{self.url}/")

    def signed_in(self, pages: Pages, phone: str = MEMBER_PHONE, **options: object) -> Page:
        """Return a page of a member who is signed in, on the home page."""
        page = pages.open(**options)
        self.sign_in(page, phone)
        return page


@pytest.fixture
def coalition(database: Database, owner_database: Database, programme: Programme) -> Coalition:
    """Return three partners with terms, prices and stores, in a simulated installation."""
    return Coalition(database=database, owner=owner_database, now=programme.now())


@pytest.fixture
def app(services: Services, programme: Programme, redis_client: redis.Redis) -> Flask:
    """Return the furnished wallet."""
    app = furnish(create_app(services, clock=programme.clock), services=services)
    app.testing = True
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return app


@pytest.fixture
def wallet(app: Flask, services: Services, coalition: Coalition, serve: Serve) -> Wallet:
    """Return the wallet, served."""
    return Wallet(url=serve(app), app=app, services=services, coalition=coalition)
