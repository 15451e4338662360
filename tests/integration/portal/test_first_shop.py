"""From an installation that has nothing to the first purchase of a shop that has no key at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction

import pytest
import redis
from flask import Flask

from config.preparation import prepare_installation
from config.web import furnish
from merchant_gateway.portal.app import create_app as create_portal
from merchant_gateway.terms import Terms
from network import ids
from network.clock import day_start, local_date, wall_now
from network.database.connection import Database
from network.ids import EntryIds
from network.ledger import queries as ledger
from network.merchants import applications, errors, service
from network.merchants import queries as merchants
from network.merchants.applications import Contact
from network.merchants.keys import LIVE
from network.operators.queries import acts
from network.programme import queries as programme
from network.programme.days import NOTICE, begun_day
from network.services import Services
from network.settings import PROGRAMME_ZONE, Settings
from network.vault import Vault
from settlement.console.app import create_app as create_console
from tests.conftest import MASTER_KEY
from tests.fixtures.cluster import Cluster
from tests.fixtures.serving import served
from tests.integration.gateway.house import House
from tests.integration.portal.desk import Clerk, Desk, Page
from tests.integration.portal.test_invited import operator, take

CODE = "bahar"


def today() -> str:
    """Return the programme's day as people type it."""
    return local_date(wall_now() + NOTICE, zone=PROGRAMME_ZONE).isoformat()


def tomorrow() -> str:
    """Return the first day that has not begun."""
    day = local_date(wall_now() + NOTICE, zone=PROGRAMME_ZONE) + timedelta(days=1)
    return day.isoformat()


@pytest.fixture(scope="module")
def bare(cluster: Cluster, redis_url: str, vault: Vault) -> Iterator[Services]:
    """Yield an installation as ``peyvand up`` leaves it: keys and a first day, nothing else."""
    with cluster.fresh_database() as name:
        settings = Settings(
            database_url=cluster.url("peyvand", database=name),
            redis_url=redis_url,
            master_key=MASTER_KEY,
        )
        database = Database(settings.database_url, pool_size=4, application_name="test-first")
        services = Services(
            settings=settings, database=database, vault=vault, entry_ids=EntryIds(vault)
        )
        prepare_installation(services, wall=wall_now())
        yield services
        database.dispose()


@pytest.fixture(scope="module")
def fronts(bare: Services, redis_url: str) -> Iterator[tuple[Desk, Desk]]:
    """Yield the console and the portal of it."""
    client = redis.Redis.from_url(redis_url)
    made: tuple[Flask, Flask] = (create_console(bare, redis=client), create_portal(bare, client))
    house = House(services=bare, url="http://127.0.0.1:1")
    with (
        served(furnish(made[0], services=bare)) as console,
        served(furnish(made[1], services=bare)) as portal,
    ):
        yield Desk(url=console, house=house), Desk(url=portal, house=house)
    client.close()


def decide(clerk: Clerk, *, kind: str = "approve") -> Page:
    """Answer the only proposal that waits."""
    page = clerk.get("/proposals")
    (action,) = {
        part.partition('"')[0]
        for part in page.answer.text.split('action="')[1:]
        if part.partition('"')[0].endswith(f"/{kind}")
    }
    return page.send(action)


def test_from_nothing_to_the_first_purchase_without_a_key(
    bare: Services, fronts: tuple[Desk, Desk]
) -> None:
    console, portal = fronts
    anna = operator(console, "anna", role="operator")
    behnam = operator(console, "behnam", role="approver")
    with bare.database.unit_of_work() as session:
        applied = applications.apply(
            session,
            bare.vault,
            name_fa="نان بهار",
            name_en="Bahar Bakery",
            kind="grocer",
            contact=Contact(name="Sara", email="sara@bahar.example", phone="02188776655"),
            locale="fa",
            address="198.51.100.7",
            way=applications.BROWSER,
            now=wall_now(),
        )
    assert "1 application to join waits for a decision." in anna.get("/").text
    page = anna.get(f"/applications/{ids.encode('app', applied.application_id)}")
    assert "In the browser, without a program" in page.text
    approved = page.send(f"{page.path}/approve", code=CODE)
    assert approved.path == f"/merchants/{CODE}"
    assert "an approver lets it take part through the portal" in approved.text
    assert "then its live key is registered" in approved.text

    manage, admit = f"/merchants/{CODE}/manage", f"/merchants/{CODE}/portal-alone"
    assert admit not in anna.get(manage).answer.text, "an approver lets it, not an operator"
    assert "agreement in force first" in behnam.get(manage).send(admit).text
    page = anna.get(f"/merchants/{CODE}/agreements/new")
    page = page.send(
        f"/merchants/{CODE}/agreements",
        effective_from=today(),
        issue_price="1000",
        acceptance_fee="2",
    )
    (version,) = (
        part.partition('"')[0]
        for part in behnam.get(f"/merchants/{CODE}").answer.text.split('action="')
        if "/agreements/agr_" in part.partition('"')[0]
    )
    behnam.get(f"/merchants/{CODE}").send(version)

    assert "earning terms in force first" in behnam.get(manage).send(admit).text
    page = anna.get(f"/merchants/{CODE}/terms/new")
    wrong = page.send(
        f"/merchants/{CODE}/terms",
        effective_from=today(),
        base_rate="12.5",
        category_rates="bread",
        pending_days="0",
        expiry_days="0",
        reason="First terms",
    )
    assert wrong.status == 400
    assert "Give a category and its points" in wrong.text
    page = page.send(
        f"/merchants/{CODE}/terms",
        effective_from=today(),
        base_rate="12.5",
        category_rates="bread = ۲۵",
        pending_days="0",
        expiry_days="365",
        reason="First terms",
    )
    assert page.path.partition("#")[0] == f"/merchants/{CODE}"
    assert "What a purchase of 1,000,000 rials would earn" in page.text
    assert "bread — 250" in page.text
    assert decide(behnam).status == 200

    assert "needs a face value in force first" in behnam.get(manage).send(admit).text
    page = anna.get("/programme")
    assert "There is no face value yet" in page.text
    page.send("/programme/face-value", value="1000", effective_from=today(), reason="As agreed")
    assert "A colleague has to approve it" in anna.get("/programme").text
    decide(behnam)
    assert "takes part through the portal" in behnam.get(manage).send(admit).text

    place = f"/merchants/{CODE}/portal"
    invitation = anna.get(place).send(place, name="Sara", email="sara@bahar.example").invitation
    assert take(portal, invitation, login="sara@bahar.example").path == "/till"
    cashier = portal.person("cashier", shop=CODE)
    person = portal.house.member()
    receipt = cashier.buy(person.phone, amount=100_000)
    assert "125" in receipt.text
    with bare.database.reading() as session:
        shop = merchants.merchant(session, code=CODE)
        keys = merchants.keys(session, merchant_id=shop.merchant_id)
        done = {each.action for each in acts(session, limit=200)}
    assert shop.status == "active"
    assert keys == [], "who works in the browser has none"
    assert {
        "programme.face_value.proposed",
        "programme.face_value.approved",
        "programme.terms.approved",
        "merchant.portal_alone",
    } <= done

    with bare.database.unit_of_work() as session, pytest.raises(errors.TestCallMissingError):
        service.issue_key(
            session, bare.vault, merchant_id=shop.merchant_id, environment=LIVE, now=wall_now()
        )

    # Suspended and back again it still takes part, though it has no live key.
    with bare.database.unit_of_work() as session:
        service.suspend(session, merchant_id=shop.merchant_id)
    assert cashier.check(person.phone, amount=1000).status != 200
    with bare.database.unit_of_work() as session:
        service.resume(session, merchant_id=shop.merchant_id)
    assert cashier.check(person.phone, amount=1000).status == 200


def test_a_change_begins_on_a_day_to_come_and_takes_two(
    bare: Services, fronts: tuple[Desk, Desk]
) -> None:
    console, _portal = fronts
    anna = operator(console, "carla", role="approver")
    behnam = operator(console, "dara", role="approver")
    page = anna.get("/programme")
    refused = page.send(
        "/programme/face-value", value="1100", effective_from=today(), reason="Too late"
    )
    assert "Give a day that has not begun" in refused.text
    page.send("/programme/face-value", value="1100", effective_from=tomorrow(), reason="New year")
    public = anna.get("/proposals").answer.text.partition("/proposals/ppl_")[2].partition("/")[0]
    # Her own page has no such button: she sends the form of another page.
    token = {"csrf_token": page.form("/programme/face-value")["csrf_token"]}
    own = anna.post(f"/proposals/ppl_{public}/approve", token)
    assert "ask a colleague" in own.text
    assert decide(behnam, kind="decline").status == 200
    page.send("/programme/face-value", value="1200", effective_from=tomorrow(), reason="New year")
    decide(behnam)
    taken = page.send(
        "/programme/face-value", value="1300", effective_from=tomorrow(), reason="Again"
    )
    assert "Something else begins on that day already" in taken.text
    page.send(
        "/programme/tiers", code="silver", rank="1", name_fa="نقره‌ای", name_en="Silver", reason="x"
    )
    decide(behnam)
    assert "Silver" in anna.get("/programme").text
    taken = page.send(
        "/programme/tiers", code="gold", rank="1", name_fa="طلایی", name_en="Gold", reason="x"
    )
    assert "a rank that no other has" in taken.text
    assert "enough up to 2,000 points" in taken.text
    wrong = page.send("/programme/tap-limit", points="1000000001", reason="No codes")
    assert "Give whole points" in wrong.text
    page.send("/programme/tap-limit", points="500", reason="Careful")
    assert "enough up to 2,000 points" in anna.get("/programme").text
    decide(behnam)
    assert "enough up to 500 points" in anna.get("/programme").text
    with bare.database.reading() as session:
        day = begun_day(session, wall=wall_now())
        assert programme.face_value_on(session, day=day) == Fraction(1000)
        assert programme.face_value_on(session, day=day + timedelta(days=1)) == Fraction(1200)


def test_a_gateway_that_has_priced_today_has_tomorrows_terms_tomorrow(
    bare: Services, fronts: tuple[Desk, Desk]
) -> None:
    console, _portal = fronts
    anna = operator(console, "elham", role="operator")
    behnam = operator(console, "farid", role="approver")
    with bare.database.reading() as session:
        shop = merchants.merchant(session, code=CODE).merchant_id
        day = begun_day(session, wall=wall_now())
    gateway = Terms(bare, asked_seconds=0)
    assert gateway.earning(merchant_id=shop, day=day).base_rate == Fraction(125, 1_000_000)
    page = anna.get(f"/merchants/{CODE}/terms/new")
    fields = {"base_rate": "20", "category_rates": "", "reason": "More"}
    begun = page.send(f"/merchants/{CODE}/terms", effective_from=today(), **fields)
    assert (begun.status, "Give a day that has not begun" in begun.text) == (400, True)
    page = page.send(f"/merchants/{CODE}/terms", effective_from=tomorrow(), **fields)
    assert "Base rate 125 200" in page.text
    assert "bread 250 200" in page.text
    decide(behnam)
    following = day + timedelta(days=1)
    assert gateway.earning(merchant_id=shop, day=day).base_rate == Fraction(125, 1_000_000)
    assert gateway.earning(merchant_id=shop, day=following).base_rate == Fraction(1, 5000)


def test_a_day_has_begun_when_the_calendar_reached_it_though_the_night_hangs(
    bare: Services,
) -> None:
    with bare.database.reading() as session:
        open_day = ledger.open_day(session)
        midnight = day_start(open_day + timedelta(days=3), zone=PROGRAMME_ZONE)
        assert begun_day(session, wall=midnight) == open_day + timedelta(days=3)
        assert begun_day(session, wall=midnight - NOTICE) == open_day + timedelta(days=3)
        before = midnight - NOTICE - timedelta(seconds=1)
        assert begun_day(session, wall=before) == open_day + timedelta(days=2)
        assert begun_day(session, wall=midnight - timedelta(days=30)) == open_day
