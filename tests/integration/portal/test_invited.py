"""The first administrator of a shop: invited in the console or from the command line."""

from __future__ import annotations

import base64
import json

import pytest
from click.testing import CliRunner

from config.cli.merchant import merchant
from config.web import furnish
from network.clock import wall_now
from network.operators import service as operators
from network.operators import totp
from settlement.console.app import create_app
from tests.conftest import MASTER_KEY
from tests.integration.portal.desk import PASSWORD, Clerk, Desk, Page, code_of, listening


def open_link(desk: Desk, link: str, *, login: str) -> Page:
    """Set a password and a second factor by a link, then sign in with them."""
    path = "/welcome/" + link.partition("/welcome/")[2]
    visitor = Clerk(desk=desk, login=login, secret=None)
    page = visitor.get(path)
    visitor.secret = page.text.partition("Or type the secret: ")[2].split()[0]
    wrong = page.send(path, password=PASSWORD, repeated=PASSWORD, code="000000")
    assert wrong.status == 422
    page.send(path, password=PASSWORD, repeated=PASSWORD, code=code_of(visitor.secret))
    return visitor.sign_in()


def test_an_operator_invites_and_the_link_lets_in(desk: Desk) -> None:
    services = desk.house.services
    with services.database.unit_of_work() as session:
        added = operators.add_operator(
            session,
            vault=services.vault,
            now=wall_now(),
            email="op@example.org",
            name="Operator",
            role="operator",
            password=PASSWORD,
        )
    with listening(furnish(create_app(services), services=services)) as url:
        hands = Clerk(desk=Desk(url=url, house=desk.house), login="op@example.org", secret=None)
        code = totp.code_at(secret=added.totp_secret, step=totp.step_at(wall_now()))
        hands.get("/sign-in").send("/sign-in", email="op@example.org", password=PASSWORD, code=code)
        page = hands.get("/merchants/green/portal")
        assert "Nobody yet" in page.text
        refused = page.send("/merchants/green/portal", name="A", email="no address")
        assert "e-mail address" in refused.text
        made = page.send("/merchants/green/portal", name="Mina", email="mina@green.example")
        link = made.text.partition("/welcome/")[2].split()[0]
        assert "Mina" in hands.get("/merchants/green/portal").text
    entered = open_link(desk, f"/welcome/{link}", login="mina@green.example")
    assert entered.path == "/till"
    assert entered.clerk.get("/people").status == 200


def test_the_command_prints_a_link(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = desk.house.services.settings
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("REDIS_URL", settings.redis_url)
    monkeypatch.setenv("PEYVAND_MASTER_KEY", base64.b64encode(MASTER_KEY).decode())
    done = CliRunner().invoke(merchant, ["invite", "blue", "boss@blue.example", "--json"])
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert facts["role"] == "administrator"
    assert open_link(desk, facts["link"], login="boss@blue.example").path == "/till"
    again = CliRunner().invoke(merchant, ["invite", "blue", "boss@blue.example"])
    assert again.exit_code != 0
