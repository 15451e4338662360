"""Who may see and do what: by role, by merchant, by session."""

from __future__ import annotations

from datetime import timedelta

import pytest

from network import ids
from network.clock import wall_now
from network.merchants import places, service
from network.merchants.models import Merchant
from network.operators import sessions
from network.operators.queries import acts as audit
from network.portal import queries
from tests.integration.portal.desk import PASSWORD, Clerk, Desk, code_of

TILL_PAGES = ("/till", "/till/day", "/till/place?change=yes")
BOOKS_PAGES = (
    "/statements",
    "/trade",
    "/transactions",
    "/reconciliation",
    "/reconciliation/breaks",
    "/reconciliation/disputes",
)
OFFICE_PAGES = ("/people", "/people/log", "/places", "/keys", "/webhooks")


@pytest.fixture(scope="module")
def people(desk: Desk) -> dict[str, Clerk]:
    """Return somebody of each role of one shop, and an administrator of another."""
    found = {role: desk.person(role) for role in ("cashier", "finance", "administrator")}
    return found | {"stranger": desk.person("administrator", shop="blue")}


@pytest.mark.parametrize(
    ("role", "opens"),
    [
        ("cashier", TILL_PAGES),
        ("finance", BOOKS_PAGES),
        ("administrator", TILL_PAGES + BOOKS_PAGES + OFFICE_PAGES),
    ],
)
def test_a_role_opens_its_pages_and_no_other(
    people: dict[str, Clerk], role: str, opens: tuple[str, ...]
) -> None:
    for path in (*TILL_PAGES, *BOOKS_PAGES, *OFFICE_PAGES):
        expected = 200 if path in opens else 403
        assert people[role].get(path).status == expected, path
    assert people[role].get("/account").status == 200


def test_nobody_gets_in_without_signing_in(desk: Desk) -> None:
    nobody = Clerk(desk=desk, login="nobody@green", secret=None)
    for path in (*TILL_PAGES, *BOOKS_PAGES, *OFFICE_PAGES, "/account", "/"):
        assert nobody.get(path).path.startswith("/sign-in"), path


def test_another_merchants_ids_are_not_there(desk: Desk, people: dict[str, Clerk]) -> None:
    person = desk.house.member()
    bought = desk.person("cashier").buy(person.phone, amount=50_000)
    stranger, owner = people["stranger"], people["administrator"]
    found = next(
        each
        for each in owner.get("/transactions").answer.text.split('"')
        if each.startswith("/transactions/ent_")
    )
    assert owner.get(found).status == 200
    key_id = desk.house.green.key_id
    user = owner.get("/people").answer.text.partition("/people/pus_")[2].partition("/")[0]
    token = stranger.get("/account").form("/account/language")["csrf_token"]
    fields = {"csrf_token": token, "key": "a-key-of-sixteen-letters"}
    assert stranger.get(found).status == 404
    assert stranger.get(f"/till/acts/{bought.key}").status == 404
    assert (
        "Nothing was booked"
        in stranger.get(f"/till/find?ref={bought.text.partition('Reference ')[2].split()[0]}").text
    )
    for path in (
        f"/till/acts/{bought.key}/undo",
        f"/till/acts/{bought.key}/preview",
        f"/till/acts/{bought.key}/refund",
        f"/keys/{key_id}/revoke",
        f"/people/pus_{user}/link",
        f"/people/pus_{user}/state",
    ):
        assert stranger.post(path, fields | {"amount": "1000"}).status == 404, path
    assert stranger.get(f"/statements/{ids.encode('win', ids.uuid7())}").status == 404
    assert key_id in owner.get("/keys").text


def test_a_form_without_its_token_is_refused(people: dict[str, Clerk]) -> None:
    for path in ("/till/check", "/till/earn", "/till/cancel"):
        page = people["cashier"].post(path, {"key": "a-key-of-sixteen-letters"})
        assert page.status == 400, path
        assert "form has expired" in page.text


def test_a_wrong_password_code_or_name_looks_the_same(desk: Desk) -> None:
    boss = desk.invited("administrator")
    assert boss.sign_in(password="wrong wrong wrong", code="").status == 401
    wrong_code = boss.sign_in(code="000000")
    stranger = Clerk(desk=desk, login="who@green", secret=None).sign_in()
    said = "Name, password or one-time code is wrong"
    assert said in wrong_code.text
    assert said in stranger.text
    # A mistyped password uses no code up; a sign-in does.
    code = code_of(boss.secret)
    assert boss.sign_in(password="wrong wrong wrong", code=code).status == 401
    assert boss.sign_in(code=code).path == "/till"
    assert Clerk(desk=desk, login=boss.login, secret=None).sign_in(code=code).status == 401


def test_sign_ins_are_slowed_down_by_name(desk: Desk) -> None:
    clerk = desk.invited("cashier")
    for _ in range(sessions.ATTEMPTS_PER_EMAIL):
        assert clerk.sign_in(password="wrong wrong wrong").status == 401
    assert clerk.sign_in().status == 429


def test_an_ended_sign_in_and_a_suspended_person_are_out_at_once(
    desk: Desk, people: dict[str, Clerk]
) -> None:
    boss, clerk = people["administrator"], desk.person("cashier", name="Leaving Soon")
    with desk.house.services.database.reading() as session:
        merchant_id = desk.house.green.merchant_id
        user = next(
            each
            for each in queries.users(session, merchant_id=merchant_id)
            if each.name == "Leaving Soon"
        )
        living = queries.sessions(
            session, merchant_id=merchant_id, wall=wall_now(), user_id=user.user_id
        )
    page = boss.get("/people")
    page.send(f"/account/sessions/{living[0].public_id}/end")
    assert clerk.get("/till").path.startswith("/sign-in")
    clerk.sign_in()
    assert clerk.get("/till").status == 200
    page.send(f"/people/{user.public_id}/state")
    assert clerk.get("/till").path.startswith("/sign-in")
    assert clerk.sign_in().status == 401
    with desk.house.services.database.reading() as session:
        done = [each.action for each in audit(session, subject="merchant:green", limit=200)]
    assert {"portal_user.suspended", "portal.ended", "portal.signed_in"} <= set(done)


def test_the_last_administrator_stays(desk: Desk) -> None:
    services, now = desk.house.services, wall_now()
    with services.database.unit_of_work() as session:
        merchant_id = service.register_merchant(
            session, code="lonely", name_fa="تنها", name_en="Lonely", kind="grocer", now=now
        )
        places.add_store(session, merchant_id=merchant_id, code="one", name_fa="یک", name_en="One")
    boss = desk.person("administrator", shop="lonely")
    page = boss.get("/people")
    own = page.answer.text.partition("/people/pus_")[2].partition("/")[0]
    assert "Nobody else is an administrator" in page.send(f"/people/pus_{own}/state").text
    assert boss.get("/people").status == 200


def test_a_code_lets_in_once_and_a_newer_one_ends_it(desk: Desk, people: dict[str, Clerk]) -> None:
    boss = people["administrator"]
    made = boss.get("/people").send("/people", name="تازه‌وارد", login="newcomer", role="cashier")
    assert "newcomer@green" in made.text
    first = made.invitation
    with desk.house.services.database.reading() as session:
        everybody = queries.users(session, merchant_id=desk.house.green.merchant_id)
    user = next(each.public_id for each in everybody if each.login == "newcomer@green")
    second = boss.get("/people").send(f"/people/{user}/code").invitation
    visitor = Clerk(desk=desk, login="newcomer@green", secret=None)
    assert "opens nothing" in visitor.enter(first).text
    page, done = visitor.enter(second.upper()), "/welcome/complete"
    assert page.send(done, password="short", repeated="short").status == 422
    assert page.send(done, password=PASSWORD, repeated="other").status == 422
    accepted = page.send(done, password=PASSWORD, repeated=PASSWORD)
    assert accepted.path == "/sign-in"
    assert "Sign in with it." in accepted.text, "a cashier has no app"
    assert visitor.enter(second).status == 422
    assert visitor.sign_in().path == "/till"


def test_a_suspended_shop_books_nothing_and_still_sees_its_books(
    desk: Desk, people: dict[str, Clerk]
) -> None:
    person = desk.house.member()
    boss, services = people["stranger"], desk.house.services
    checked = boss.check(person.phone, amount=50_000)
    with services.database.unit_of_work() as session:
        service.suspend(session, merchant_id=desk.house.blue.merchant_id)
    refused = checked.send("/till/earn")
    assert refused.status == 422
    assert "shop is suspended" in refused.text
    assert boss.get("/transactions").status == 200
    with services.database.unit_of_work() as session:
        service.resume(session, merchant_id=desk.house.blue.merchant_id)
    assert checked.send("/till/earn").path.startswith("/till/acts/")


def test_a_shop_at_its_limit_gives_no_points_at_the_till_either(
    desk: Desk, people: dict[str, Clerk]
) -> None:
    checked = people["stranger"].check(desk.house.member().phone, amount=50_000)
    with desk.house.services.database.unit_of_work() as session:
        shop = session.get_one(Merchant, desk.house.blue.merchant_id)
        shop.issuing = "limit"
    refused = checked.send("/till/earn")
    assert refused.status == 422
    with desk.house.services.database.unit_of_work() as session:
        session.get_one(Merchant, desk.house.blue.merchant_id).issuing = "open"
    assert checked.send("/till/earn").path.startswith("/till/acts/")


def test_an_office_session_ends_when_idle_and_a_till_goes_on(desk: Desk) -> None:
    services = desk.house.services
    for role, stays in (("finance", False), ("cashier", True)):
        clerk = desk.person(role)
        token = clerk.browser.cookies["peyvand_portal"]
        later = wall_now() + queries.IDLE + timedelta(minutes=2)
        with services.database.reading() as session:
            found = queries.by_session(session, token=token, wall=later)
        assert (found is not None) is stays
