"""Who lets people in: for the first administrator one operator or the command line, then two."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from config import jobs
from config.cli.merchant import merchant
from config.web import furnish
from network.clock import wall_now
from network.merchants import queries as merchants
from network.merchants import service as registering
from network.messaging.service import BODY_PURPOSE, RECIPIENT_PURPOSE
from network.operators import service as operators
from network.operators.queries import acts
from network.portal import queries, ways_in
from network.portal.errors import SecondOperatorError
from settlement.console.app import create_app
from tests.conftest import MASTER_KEY
from tests.fixtures.serving import served
from tests.integration.portal.desk import PASSWORD, Clerk, Desk, Page, code_of

COMPLETE = "/welcome/complete"


@pytest.fixture(scope="module")
def console(desk: Desk) -> Iterator[Desk]:
    """Yield the console of the same coalition."""
    services = desk.house.services
    with served(furnish(create_app(services), services=services)) as url:
        yield Desk(url=url, house=desk.house)


@pytest.fixture(scope="module")
def anna(console: Desk) -> Clerk:
    """Return an operator at the console."""
    return operator(console, "anna", role="operator")


@pytest.fixture(scope="module")
def behnam(console: Desk) -> Clerk:
    """Return an approver at the console."""
    return operator(console, "behnam", role="approver")


def operator(console: Desk, name: str, *, role: str) -> Clerk:
    """Return an operator who is signed in."""
    services = console.house.services
    with services.database.unit_of_work() as session:
        added = operators.add_operator(
            session,
            vault=services.vault,
            now=wall_now(),
            email=f"{name}@example.org",
            name=name.title(),
            role=role,
            password=PASSWORD,
        )
    hands = Clerk(desk=console, login=f"{name}@example.org", secret=added.totp_secret)
    fields = {"email": hands.login, "password": PASSWORD, "code": code_of(added.totp_secret)}
    hands.get("/sign-in").send("/sign-in", **fields)
    return hands


def take(desk: Desk, code: str, *, login: str) -> Page:
    """Set a password and a second factor by a code, then sign in with them."""
    visitor = Clerk(desk=desk, login=login, secret=None)
    page = visitor.enter(code)
    assert page.status == 200, page.text
    assert code not in page.answer.url
    assert page.answer.headers["Referrer-Policy"] == "same-origin"
    secret = re.search(r'data-copy="([A-Z2-7]{32})"', page.answer.text)
    assert secret is not None
    visitor.secret = secret[1]
    assert 'href="otpauth://totp/' in page.answer.text, "for who holds the phone in hand"
    fours = [secret[1][start : start + 4] for start in range(0, 32, 4)]
    assert " ".join(fours) in page.text
    wrong = page.send(COMPLETE, password=PASSWORD, repeated=PASSWORD, code="000000")
    assert wrong.status == 422
    proof = code_of(visitor.secret)
    page.send(COMPLETE, password=PASSWORD, repeated=PASSWORD, code=proof)
    assert visitor.sign_in(code=proof).status == 401, "the code that proved the app is used up"
    return visitor.sign_in(code=code_of(visitor.secret, steps_later=1))


def shop(desk: Desk, code: str) -> str:
    """Register a merchant that nobody signs in for; return its page in the console."""
    with desk.house.services.database.unit_of_work() as session:
        registering.register_merchant(
            session, code=code, name_fa="دکان", name_en="Shop", kind="grocer", now=wall_now()
        )
    return f"/merchants/{code}/portal"


def letters(desk: Desk) -> list[tuple[str, str]]:
    """Have what operators did told, twice over; return who was written to, and what."""
    services = desk.house.services
    with services.database.unit_of_work() as session:
        events = session.execute(
            text("SELECT payload FROM network.outbox WHERE topic = :topic ORDER BY event_id"),
            {"topic": ways_in.WAY_IN},
        ).scalars()
        for payload in [*events] * 2:
            jobs.announce_way_in(services, **payload)
    with services.database.reading() as session:
        rows = session.execute(
            text(
                "SELECT sealed_recipient, sealed_body FROM network.message WHERE kind = :kind"
                " AND locale = 'fa' ORDER BY created_at, message_id"
            ),
            {"kind": ways_in.NEWS},
        ).all()
    opened = services.vault.open
    return [
        (
            opened(row.sealed_recipient, purpose=RECIPIENT_PURPOSE).decode(),
            opened(row.sealed_body, purpose=BODY_PURPOSE).decode(),
        )
        for row in rows
    ]


def test_one_operator_invites_the_first_and_again_until_they_sign_in(
    desk: Desk, anna: Clerk
) -> None:
    place = shop(desk, "first")
    page = anna.get(place)
    assert "Nobody yet" in page.text
    assert "e-mail address" in page.send(place, name="A", email="no address").text
    first = page.send(place, name="Mina", email="mina@first.example").invitation
    user = anna.get(place).answer.text.partition(f"{place}/")[2].partition("/")[0]
    again = anna.get(place).send(f"{place}/{user}/way-in").invitation
    assert "opens nothing" in Clerk(desk=desk, login="", secret=None).enter(first).text
    entered = take(desk, again, login="mina@first.example")
    assert entered.clerk.get("/people").status == 200


def test_a_new_way_in_for_an_administrator_takes_two_operators(
    desk: Desk, anna: Clerk, behnam: Clerk
) -> None:
    place = shop(desk, "second")
    code = anna.get(place).send(place, name="Mina", email="mina@second.example").invitation
    mina = take(desk, code, login="mina@second.example").clerk
    mina.get("/people").send("/people", name="Bita", login="bita@second.example", role="finance")
    with desk.house.services.database.unit_of_work() as session:
        second = merchants.merchant(session, code="second")
        everybody = queries.users(session, merchant_id=second.merchant_id)
        for each in everybody:
            with pytest.raises(SecondOperatorError):
                ways_in.invite_again(
                    session,
                    desk.house.services.vault,
                    merchant=second,
                    user_id=each.user_id,
                    by=each.user_id,
                    now=wall_now(),
                )
    user = next(each.public_id for each in everybody if each.name == "Mina")
    action = f"{place}/{user}/way-in"
    forged = anna.get(place).form(action)
    forged.pop("reason")
    assert "A second operator has to approve" in anna.post(action, forged).text
    assert "Say why" in anna.get(place).send(action).text
    made = anna.get(place).send(action, reason="Lost her phone")
    visitor = Clerk(desk=desk, login="", secret=None)
    assert "opens nothing" in visitor.enter(made.invitation).text
    assert "It waits for a second one" in mina.get("/people").text
    waiting = anna.get(place)
    assert "A colleague has to approve it" in waiting.text
    approve = behnam.get(place).answer.text.partition('action="/proposals/')[2].partition('"')[0]
    own = anna.post(f"/proposals/{approve}", waiting.form(f"{waiting.path}") | {"next": place})
    assert own.status == 403
    assert "opens nothing" in visitor.enter(made.invitation).text
    assert "Approved, and done" in behnam.get(place).send(f"/proposals/{approve}").text
    assert visitor.enter(made.invitation).status == 200
    assert mina.get("/people").status == 200, "what she has goes on working until the code is used"
    told = [body for to, body in letters(desk) if to == "mina@second.example"]
    assert len(told) == 2
    assert all("mina@second.example" in body and "/people" in body for body in told)
    with desk.house.services.database.reading() as session:
        done = [each.action for each in acts(session, subject="merchant:second", limit=20)]
    assert {"portal_user.way_in_proposed", "portal_user.way_in_approved"} <= set(done)
    log = mina.get("/people/log").text
    assert "The network proposed a way in" in log
    mina.get("/people").send(f"/people/{user}/code/end")
    assert "opens nothing" in visitor.enter(made.invitation).text


def test_of_two_codes_made_on_one_word_the_second_ends_when_an_administrator_signs_in(
    desk: Desk, anna: Clerk
) -> None:
    place = shop(desk, "twice")
    sara = anna.get(place).send(place, name="Sara", email="sara@twice.example").invitation
    eve = anna.get(place).send(place, name="Eve", email="eve@twice.example").invitation
    visitor = Clerk(desk=desk, login="", secret=None)
    assert "opens nothing" not in visitor.enter(eve).text
    take(desk, sara, login="sara@twice.example")
    assert "opens nothing" in visitor.enter(eve).text


def test_what_the_shop_ended_cannot_be_approved_and_a_second_administrator_takes_two(
    desk: Desk, anna: Clerk, behnam: Clerk
) -> None:
    place = shop(desk, "third")
    code = anna.get(place).send(place, name="Mina", email="mina@third.example").invitation
    mina = take(desk, code, login="mina@third.example").clerk
    fields = {"name": "Eve", "email": "eve@third.example", "reason": "They asked by phone"}
    made = anna.get(place).send(place, **fields)
    visitor = Clerk(desk=desk, login="", secret=None)
    assert "opens nothing" in visitor.enter(made.invitation).text
    people = mina.get("/people")
    ends = people.answer.text.partition('/code/end"')[0].rpartition('action="')[2] + "/code/end"
    assert "opens nothing any more" in people.send(ends).text
    approve = behnam.get(place).answer.text.partition('action="/proposals/')[2].partition('"')[0]
    refused = behnam.get(place).send(f"/proposals/{approve}")
    assert "The code was ended" in refused.text
    assert "opens nothing" in visitor.enter(made.invitation).text


def test_the_command_prints_a_code(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = desk.house.services.settings
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("REDIS_URL", settings.redis_url)
    monkeypatch.setenv("PEYVAND_MASTER_KEY", base64.b64encode(MASTER_KEY).decode())
    done = CliRunner().invoke(merchant, ["invite", "blue", "boss@blue.example", "--json"])
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert facts["role"] == "administrator"
    assert facts["address"].endswith("/welcome")
    assert take(desk, facts["code"], login="boss@blue.example").path == "/till"
    again = CliRunner().invoke(merchant, ["invite", "blue", "boss@blue.example"])
    assert again.exit_code != 0
