"""One till, several cashiers: PINs, who did what, what a PIN never opens; colleagues' codes."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import text

from config import jobs
from network.clock import wall_now
from network.messaging.service import BODY_PURPOSE
from network.operators.audit import verify
from network.operators.queries import acts as audit
from network.portal import acts, queries
from network.portal.queries import MOST_MISSES, TILL_IDLE
from network.tokens import token_digest
from tests.integration.portal.desk import PASSWORD, Clerk, Desk, Page

PIN, OTHER = "4821", "7390"


@pytest.fixture(scope="module")
def sara(desk: Desk) -> Clerk:
    """Return a cashier with a PIN."""
    return with_pin(desk.person("cashier", name="Sara"), PIN)


@pytest.fixture(scope="module")
def omid(desk: Desk) -> Clerk:
    """Return a colleague with another."""
    return with_pin(desk.person("cashier", name="Omid"), OTHER)


def with_pin(clerk: Clerk, pin: str) -> Clerk:
    page = clerk.get("/account").send("/account/pin", password=PASSWORD, pin=pin, repeated=pin)
    assert "Your PIN is set" in page.text
    return clerk


def shared(desk: Desk, opener: Clerk) -> Clerk:
    """Return a browser that somebody opened with a password, locked: a cashier's is another one."""
    browser = opener
    if opener.secret is None:
        browser = Clerk(desk=desk, login=opener.login, secret=None)
        browser.sign_in()
    page = browser.get("/till").send("/till/lock")
    assert (page.path, page.status) == ("/till/lock", 200)
    return browser


def enter(browser: Clerk, name: str, pin: str) -> Page:
    page = browser.get("/till/lock")
    found = re.search(
        rf'value="(pus_\w+)"[^>]*>\s*<label[^>]*>{name}', page.answer.text, flags=re.DOTALL
    )
    assert found is not None, page.text
    return page.send("/till/lock/open", person=found[1], pin=pin)


def age(desk: Desk, browser: Clerk, by: timedelta) -> None:
    """Have nobody have used a browser for a while."""
    token = next(each.value for each in browser.browser.cookies if "peyvand_portal" in each.name)
    with desk.house.services.database.unit_of_work() as session:
        session.execute(
            text(
                "UPDATE network.portal_session AS s SET seen_at = s.seen_at - :by "
                "FROM network.portal_session AS b WHERE b.token_digest = :digest "
                "AND b.session_id IN (s.session_id, s.base_id)"
            ),
            {"by": by, "digest": token_digest(str(token))},
        )


def test_two_cashiers_share_a_till_and_each_act_is_someones(
    desk: Desk, sara: Clerk, omid: Clerk
) -> None:
    browser = shared(desk, sara)
    assert browser.get("/till").path == "/till/lock", "a locked till opens nothing"
    assert enter(browser, "Sara", OTHER).status == 401
    assert enter(browser, "Sara", "۴۸۲۱").path == "/till"
    first = browser.buy(desk.house.member().phone, amount=11_000)
    browser.get("/till").send("/till/lock")
    assert enter(browser, "Omid", OTHER).path == "/till"
    second = browser.buy(desk.house.member().phone, amount=12_000)
    assert ("Sara" in first.text, "Omid" in second.text) == (True, True)
    with desk.house.services.database.reading() as session:
        green = desk.house.green.merchant_id
        names = queries.names(session, merchant_id=green)
        done = [acts.act(session, merchant_id=green, key=page.key) for page in (first, second)]
        assert [names[each.user_id] for each in done] == ["Sara", "Omid"]
        # The evidence names the sign-in of the one who did it, not that of the one who opened.
        for each, name in zip(done, ("Sara", "Omid"), strict=True):
            key_id = session.execute(
                text(
                    "SELECT key_id FROM ledger.evidence WHERE member_id = :member_id "
                    "AND sequence = :sequence"
                ),
                {"member_id": each.member_id, "sequence": each.sequence},
            ).scalar_one()
            found = queries.names_by_sign_in(session, merchant_id=green, wanted=[key_id])
            assert found == {key_id: name}
    # Closing the till ends the one who stands there, and the one who opened it.
    browser.get("/till/lock").send("/sign-out")
    assert browser.get("/till").path.startswith("/sign-in")


def test_a_till_idles_out_to_the_pin_and_books_nothing_meanwhile(desk: Desk, sara: Clerk) -> None:
    browser = Clerk(desk=desk, login=sara.login, secret=None)
    browser.sign_in()
    page = browser.check(desk.house.member().phone, amount=9_000)
    refresh = f"{int(TILL_IDLE.total_seconds()) + 5}; url=/till/lock"
    assert page.answer.headers["Refresh"] == refresh
    age(desk, browser, TILL_IDLE + timedelta(seconds=1))
    sent = page.send("/till/earn")
    assert sent.path == "/till/lock"
    assert "was not booked" in sent.text
    assert "Refresh" not in sent.answer.headers
    assert enter(browser, "Sara", PIN).path == "/till"
    assert "9,000" not in browser.get("/till").text
    # To look at the page that asks is no use of the till; who has no PIN is not locked out.
    age(desk, browser, TILL_IDLE - timedelta(seconds=30))
    assert "Now: Sara." in browser.get("/till/lock").text
    age(desk, browser, timedelta(seconds=31))
    assert "Now: Sara." not in browser.get("/till/lock").text
    plain = desk.person("cashier")
    age(desk, plain, timedelta(hours=3))
    assert plain.get("/till").path == "/till"


def test_a_pin_opens_the_till_alone_and_only_where_a_password_did(desk: Desk, omid: Clerk) -> None:
    boss = with_pin(desk.person("administrator", name="Mina"), "9054")
    browser = shared(desk, boss)
    assert enter(browser, "Mina", "9054").path == "/till"
    for path in ("/people", "/keys", "/statements", "/transactions"):
        assert browser.get(path).path.startswith("/sign-in"), path
    token = browser.get("/account").form("/account/language")["csrf_token"]
    fields = {"csrf_token": token, "login": "spy", "name": "Spy", "role": "administrator"}
    assert browser.post("/people", fields).status == 403
    # A password opens the rest, in the place of what was open; the till stays where it stood.
    page = browser.get("/sign-in?password=yes")
    page.send("/sign-in", login=boss.login, password=PASSWORD, code="")
    assert browser.get("/people").path.startswith("/sign-in")
    # Elsewhere a PIN is worth nothing: another shop's browser has neither names nor way.
    stranger = with_pin(desk.person("cashier", shop="blue", name="Nobody"), PIN)
    elsewhere = shared(desk, stranger)
    page = elsewhere.get("/till/lock")
    assert "Mina" not in page.text
    with desk.house.services.database.reading() as session:
        people = queries.users(session, merchant_id=desk.house.green.merchant_id)
    mina = next(each.public_id for each in people if each.name == "Mina")
    assert page.send("/till/lock/open", person=mina, pin="9054").status == 401
    nobody = Clerk(desk=desk, login="x@green", secret=None)
    assert nobody.get("/till/lock").path.startswith("/sign-in")


def test_wrong_pins_lock_it_until_its_owner_or_an_administrator_comes(desk: Desk) -> None:
    clerk = with_pin(desk.person("cashier", name="Lida"), PIN)
    browser = shared(desk, clerk)
    said = [enter(browser, "Lida", "0000").status for _ in range(MOST_MISSES)]
    assert said == [401] * (MOST_MISSES - 1) + [403]
    assert enter(browser, "Lida", PIN).status == 403, "also the right one"
    again = Clerk(desk=desk, login=clerk.login, secret=None)
    assert again.sign_in().path == "/till", "the password opens it again"
    assert enter(browser, "Lida", PIN).path == "/till"
    boss = desk.person("administrator", name="Boss")
    with desk.house.services.database.reading() as session:
        people = queries.users(session, merchant_id=desk.house.green.merchant_id)
    lida = next(each.public_id for each in people if each.name == "Lida")
    done = boss.get("/people").send(f"/people/{lida}/pin/reset")
    assert "Lida has no PIN now" in done.text
    assert browser.get("/till").path == "/till/lock", "out of the till that it had opened"
    assert clerk.get("/account").text.count("Set the PIN") == 1
    log = boss.get("/people/log").text
    for act in ("Reset somebody's PIN", "A PIN was locked", "Chose a PIN"):
        assert act in log, act


@pytest.mark.parametrize("pin", ["123", "1234", "9876", "1111", "123456789", "12a4", ""])
def test_what_everybody_tries_first_is_no_pin(sara: Clerk, pin: str) -> None:
    page = sara.get("/account").send("/account/pin", password=PASSWORD, pin=pin, repeated=pin)
    assert (page.status, "A PIN has 4 to 8 digits" in page.text) == (422, True)


def test_a_pin_takes_the_password_and_is_nowhere_to_be_read(desk: Desk, sara: Clerk) -> None:
    page = sara.get("/account")
    assert (
        page.send("/account/pin", password="wrong wrong wrong", pin="5937", repeated="5937").status
        == 422
    )
    assert page.send("/account/pin", password=PASSWORD, pin="5937", repeated="5938").status == 422
    with desk.house.services.database.reading() as session:
        kept = session.execute(
            text("SELECT pin_hash FROM network.portal_user WHERE login = :login"),
            {"login": sara.login},
        ).scalar_one()
        assert kept.startswith("$argon2id$")
        facts = str([each.facts for each in audit(session, subject="merchant:green", limit=500)])
    assert PIN not in facts


def test_a_code_for_a_colleague_is_told_to_both_and_stays_in_the_log(desk: Desk) -> None:
    services = desk.house.services
    boss = desk.person("administrator", name="Farid", login="farid@shop.example")
    clerk = desk.person("cashier", name="Nika")
    with services.database.reading() as session:
        people = queries.users(session, merchant_id=desk.house.green.merchant_id)
        nika = next(each for each in people if each.name == "Nika")
        farid = next(each for each in people if each.name == "Farid")
    page = boss.get("/people").send(f"/people/{nika.public_id}/code")
    assert "Nika is told" in page.text
    assert clerk.get("/till").path == "/till", "until it is used, everything stays as it was"
    assert "Code of Farid, not used yet" in boss.get("/people").text
    visitor = Clerk(desk=desk, login=clerk.login, secret=None)
    taken = visitor.enter(page.invitation).send(
        "/welcome/complete", password=PASSWORD, repeated=PASSWORD
    )
    assert taken.path == "/sign-in"
    assert clerk.get("/till").path.startswith("/sign-in")
    assert "with a code that Farid had made" in visitor.sign_in().text
    with services.database.reading() as session:
        stages = (
            session.execute(text("SELECT payload FROM network.outbox WHERE topic = 'portal.code'"))
            .scalars()
            .all()
        )
    for each in stages[-2:]:
        jobs.announce_code(services, **each)
        jobs.announce_code(services, **each)
    with services.database.reading() as session:
        bodies = [
            services.vault.open(each, purpose=BODY_PURPOSE).decode()
            for each in session.execute(
                text("SELECT sealed_body FROM network.message WHERE kind = 'portal_news'")
            ).scalars()
        ]
        assert len(bodies) == 2
        assert all("Nika" in each and "Farid" in each for each in bodies)
        done = audit(session, subject="merchant:green", limit=20)
        let_in = next(each for each in done if each.action == "portal_user.let_in")
        assert let_in.facts["code_by"] == farid.public_id
        assert verify(session).intact
    assert wall_now() > let_in.recorded_at
