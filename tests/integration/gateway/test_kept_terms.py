"""What the gateway keeps of prices, campaigns and places: as new as the last commit."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from time import monotonic, sleep
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from merchant_gateway.errors import InvalidRequestError
from merchant_gateway.terms import BELIEVED_SECONDS, Terms
from network.campaigns import book as campaign_book
from network.campaigns import queries as campaigns
from network.campaigns import service as campaign_service
from network.campaigns.service import CampaignTerms
from network.clearing.parties import NETWORK_PARTY
from network.database.connection import Database
from network.database.editions import Editions, editions
from network.ledger.partitions import open_first_day
from network.merchants import agreements, places, service
from network.merchants import queries as merchants
from network.merchants.queries import NoAgreementError
from network.programme import price_book
from network.programme import queries as programme
from network.programme import service as programme_service
from network.programme.campaigns import WHOLE, Funder
from network.programme.queries import NoEarningTermsError, NoFaceValueError
from network.services import Services

TODAY = date(2026, 11, 22)
TOMORROW = TODAY + timedelta(days=1)
LONG_AGO = TODAY - timedelta(days=400)
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
_AGREEMENT = """
    (agreement_id, merchant_id, version, effective_from, issue_price, acceptance_fee, funding,
     currency, proposed_at)
    SELECT gen_random_uuid(), merchant_id, 9, '2027-01-01', 1, 0, 'on_issue', 'IRR', now()
    FROM network.merchant
"""


@pytest.fixture
def shop(owner_database: Database, database: Database) -> UUID:
    """Return a merchant with a place, an agreement and terms, on an open day."""
    with owner_database.unit_of_work() as session:
        open_first_day(session, business_date=TODAY)
    with database.unit_of_work() as session:
        _set_value(session, LONG_AGO, 900)
        return _seat(session, "mahtab", since=LONG_AGO)


def _seat(session: Session, code: str, *, since: date) -> UUID:
    merchant_id = service.register_merchant(
        session, code=code, name_fa="مهتاب", name_en=code, kind="grocer", now=NOW
    )
    places.add_store(session, merchant_id=merchant_id, code="main", name_fa="مرکز", name_en="Main")
    _agree(session, merchant_id, since, "950.5")
    _set_terms(session, merchant_id, since, "1/10000")
    return merchant_id


def _set_value(session: Session, day: date, value: int) -> None:
    programme_service.set_face_value(
        session, effective_from=day, value=Fraction(value), today=LONG_AGO, now=NOW
    )


def _set_terms(session: Session, merchant_id: UUID, day: date, rate: str, **rates: str) -> None:
    programme_service.set_earning_terms(
        session,
        merchant_id=merchant_id,
        effective_from=day,
        base_rate=Fraction(rate),
        category_rates={name: Fraction(each) for name, each in rates.items()},
        pending_days=2,
        expiry_days=365,
        minimum_amount=500,
        today=LONG_AGO,
        now=NOW,
    )


def _agree(session: Session, merchant_id: UUID, day: date, price: str) -> None:
    proposed = agreements.propose_agreement(
        session,
        merchant_id=merchant_id,
        effective_from=day,
        issue_price=Decimal(price),
        acceptance_fee=Decimal("0.02"),
        today=LONG_AGO,
        now=NOW,
    )
    agreements.approve_agreement(
        session, agreement_id=proposed.agreement_id, today=LONG_AGO, now=NOW
    )


def _campaign(session: Session, code: str, **other: Any) -> UUID:
    facts: dict[str, Any] = {
        "code": code,
        "name_fa": "جشن",
        "name_en": code,
        "owner_id": NETWORK_PARTY,
        "kind": "bonus",
        "value": Fraction(5),
        "first_day": TODAY,
        "last_day": TODAY + timedelta(days=2),
        "funders": (Funder(party_id=NETWORK_PARTY, share=WHOLE),),
        "budget": 1_000,
        "merchants": (),
    }
    found = campaign_service.propose_campaign(
        session, terms=CampaignTerms(**facts | other), today=TODAY, now=NOW
    )
    campaign_service.approve_campaign(session, campaign_id=found, today=TODAY, now=NOW)
    return found


def _editions(database: Database) -> Editions:
    with database.direct() as connection:
        return editions(connection)


def test_whatever_changes_a_part_gives_it_another_edition_and_no_other_part(
    database: Database, owner_database: Database, shop: UUID
) -> None:
    with database.unit_of_work() as session:
        _campaign(session, "spring")
        _set_terms(session, shop, TOMORROW, "1/100", bread="1/50")
        places.add_terminal(session, merchant_id=shop, store="main", code="1", name="One", now=NOW)
    statements = {
        "prices": (
            "INSERT INTO network.face_value VALUES ('2027-01-01', 1, 1, 'IRR', NULL, now())",
            "UPDATE network.face_value SET numerator = 2 WHERE effective_from = '2027-01-01'",
            "TRUNCATE network.face_value",
            "UPDATE network.earning_terms SET minimum_amount = 7",
            "UPDATE network.category_rate SET numerator = 9",
            "DELETE FROM network.category_rate",
            f"INSERT INTO network.agreement {_AGREEMENT}",
        ),
        "campaigns": (
            "UPDATE network.campaign SET state = 'paused'",
            "UPDATE network.merchant SET issuing = 'limit'",
            "UPDATE network.merchant SET status = 'suspended'",
            "UPDATE network.merchant SET leaves_on = '2027-01-01'",
            "UPDATE network.campaign_funder SET place = 7",
        ),
        "places": (
            "UPDATE network.store SET closed_at = now()",
            "UPDATE network.terminal SET closed_at = now()",
            "DELETE FROM network.terminal",
        ),
    }
    before = _editions(database)
    for part, changes in statements.items():
        for change in changes:
            with owner_database.rehearsal() as session:
                session.execute(text(change))
                session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
            assert _editions(database) == before, change
            with owner_database.unit_of_work() as session:
                session.execute(text(change))
                assert _editions(database) == before, change
            after = _editions(database)
            assert getattr(after, part) != getattr(before, part), change
            assert after == before._replace(**{part: getattr(after, part)}), change
            before = after
    with owner_database.unit_of_work() as session:
        session.execute(text("UPDATE network.merchant SET name_en = 'Other'"))
    assert _editions(database) == before


def test_two_who_change_parts_in_another_order_do_not_wait_for_each_other(
    database: Database, shop: UUID
) -> None:
    with database.unit_of_work() as one:
        _set_terms(one, shop, TOMORROW, "1/100")
        with database.unit_of_work() as other:
            places.rename_store(
                other, merchant_id=shop, code="main", name_fa="دیگر", name_en="Other"
            )
            _set_value(other, TOMORROW, 7)
        places.add_store(one, merchant_id=shop, code="late", name_fa="دیر", name_en="Late")
    with database.reading() as session:
        assert programme.face_value_on(session, day=TOMORROW) == 7
        assert merchants.store_by_code(session, merchant_id=shop, code="late") is not None


def test_what_is_kept_says_what_the_tables_say_on_every_day(
    services: Services, database: Database, shop: UUID
) -> None:
    many = {f"category {number}": f"1/{number + 2}" for number in range(300)}
    with database.unit_of_work() as session:
        _set_terms(session, shop, TODAY - timedelta(days=90), "1/9000")
        _set_terms(session, shop, TODAY, "3/10000", bread="1/1000", چای="1/7")
        _set_terms(session, shop, TOMORROW, "1/20000")
        _agree(session, shop, TOMORROW, "0.0000000001")
        _set_value(session, TOMORROW, 1100)
        other = _seat(session, "long", since=TODAY)
        _set_terms(session, other, TOMORROW, "1/3", **many)
        _campaign(session, "here", merchants=(shop,), tiers=("member",), day_cap=9)
        _campaign(session, "everywhere", kind="multiplier", value=Fraction(3, 2))
        _campaign(session, "theirs", merchants=(other,), categories=("tea",))
        _campaign(session, "later", merchants=(shop,), first_day=TOMORROW)
    kept = Terms(services)
    days = [LONG_AGO - timedelta(days=1), LONG_AGO, TODAY - timedelta(days=80), TODAY, TOMORROW]
    for day in days:
        assert _said(kept.face_value, day=day) == _read(database, programme.face_value_on, day=day)
        for merchant_id in (shop, other):
            asked = {"merchant_id": merchant_id, "day": day}
            assert _said(kept.earning, **asked) == _read(database, programme.terms_on, **asked)
            mine, agreed = (
                _said(kept.agreement, **asked),
                _read(database, merchants.agreement_on, **asked),
            )
            assert getattr(mine, "agreement_id", mine) == getattr(agreed, "agreement_id", agreed)
            assert getattr(mine, "issue_price", mine) == getattr(agreed, "issue_price", agreed)
            found = _read(database, campaigns.running, **asked)
            here = kept.campaigns(merchant_id=merchant_id, day=day)
            assert {each.code: each for each in here} == {each.code: each for each in found}


def _said(ask: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    try:
        return ask(*arguments, **named)
    except (NoEarningTermsError, NoAgreementError, NoFaceValueError) as error:
        return type(error)


def _read(database: Database, ask: Callable[..., Any], **named: Any) -> Any:
    with database.reading() as session:
        return _said(ask, session, **named)


def test_a_change_is_seen_once_it_is_committed_and_keeps_nobody_waiting_before(
    services: Services, database: Database, shop: UUID
) -> None:
    kept = Terms(services, asked_seconds=0)
    assert kept.face_value(day=TOMORROW) == 900
    assert kept.campaigns(merchant_id=shop, day=TODAY) == ()
    main = kept.store(merchant_id=shop, code="main")
    kept.check_terminal(store_id=main, code="any")
    with database.unit_of_work() as session:
        _set_value(session, TOMORROW, 1200)
        _campaign(session, "spring", funders=(Funder(party_id=shop, share=WHOLE),))
        places.add_terminal(session, merchant_id=shop, store="main", code="1", name="One", now=NOW)
        session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))  # the edition's row is locked now
        assert kept.face_value(day=TOMORROW) == 900
        assert kept.campaigns(merchant_id=shop, day=TODAY) == ()
        kept.check_terminal(store_id=main, code="any")
    assert kept.face_value(day=TOMORROW) == 1200
    assert [each.code for each in kept.campaigns(merchant_id=shop, day=TODAY)] == ["spring"]
    kept.check_terminal(store_id=main, code="1")
    with pytest.raises(InvalidRequestError, match="unknown_terminal"):
        kept.check_terminal(store_id=main, code="any")
    with database.unit_of_work() as session:
        places.close_store(session, merchant_id=shop, code="main", now=NOW)
        session.execute(text("UPDATE network.merchant SET issuing = 'limit'"))
    assert kept.campaigns(merchant_id=shop, day=TODAY) == ()
    with pytest.raises(InvalidRequestError, match="closed_store"):
        kept.store(merchant_id=shop, code="main")
    with pytest.raises(InvalidRequestError, match="unknown_store"):
        kept.store(merchant_id=shop, code="other")


def test_face_values_of_earlier_days_are_said_from_memory(services: Services, shop: UUID) -> None:
    with services.database.unit_of_work() as session:
        _set_value(session, TODAY, 1200)
    kept = Terms(services, asked_seconds=0)
    values = kept.face_values(day=TODAY)
    with services.database.unit_of_work() as session:
        _set_value(session, TOMORROW, 1500)
    assert [values(day) for day in (LONG_AGO, TODAY, TOMORROW)] == [900, 1200, 1200]
    assert kept.face_values(day=TOMORROW)(TOMORROW) == 1500
    with pytest.raises(NoFaceValueError):
        kept.face_values(day=LONG_AGO - timedelta(days=1))


def test_a_funder_is_gone_from_campaigns_with_the_end_of_its_last_day(
    services: Services, owner_database: Database, database: Database, shop: UUID
) -> None:
    with database.unit_of_work() as session:
        _campaign(session, "spring", funders=(Funder(party_id=shop, share=WHOLE),))
        session.execute(
            text("UPDATE network.merchant SET leaves_on = :day, status = 'leaving'"),
            {"day": TOMORROW},
        )
    kept = Terms(services, asked_seconds=0)
    assert len(kept.campaigns(merchant_id=shop, day=TODAY)) == 1
    with owner_database.unit_of_work() as session:
        session.execute(
            text("UPDATE ledger.business_day SET business_date = :day"), {"day": TOMORROW}
        )
    assert kept.campaigns(merchant_id=shop, day=TODAY) == ()


def test_two_processes_see_a_change_with_the_first_request_after_a_second(
    services: Services, database: Database, shop: UUID
) -> None:
    processes = [Terms(services), Terms(services)]
    assert [each.face_value(day=TOMORROW) for each in processes] == [900, 900]
    with database.unit_of_work() as session:
        _set_value(session, TOMORROW, 1200)
    until = monotonic() + BELIEVED_SECONDS
    while monotonic() < until:
        assert processes[0].face_value(day=TOMORROW) in {900, 1200}
        sleep(0.01)
    assert [each.face_value(day=TOMORROW) for each in processes] == [1200, 1200]


def test_while_one_reads_the_others_go_on_with_what_there_is(
    services: Services, owner_database: Database, database: Database, shop: UUID
) -> None:
    kept = Terms(services, asked_seconds=0, believed_seconds=3600)
    assert kept.earning(merchant_id=shop, day=TODAY).base_rate == Fraction(1, 10_000)
    with database.unit_of_work() as session:
        _set_terms(session, shop, TODAY, "1/100")
    with ThreadPoolExecutor(1) as pool:
        with owner_database.unit_of_work() as session:
            session.execute(text("LOCK TABLE network.agreement IN ACCESS EXCLUSIVE MODE"))
            reader = pool.submit(lambda: kept.earning(merchant_id=shop, day=TODAY))
            _await_waiting(database)
            assert kept.earning(merchant_id=shop, day=TODAY).base_rate == Fraction(1, 10_000)
            assert not reader.done()
        assert reader.result(timeout=30).base_rate == Fraction(1, 100)
    assert kept.earning(merchant_id=shop, day=TODAY).base_rate == Fraction(1, 100)


def _await_waiting(database: Database) -> None:
    deadline = monotonic() + 30
    waiting = text(
        "SELECT count(*) FROM pg_catalog.pg_locks WHERE NOT granted"
        " AND relation = 'network.agreement'::pg_catalog.regclass"
    )
    while True:
        with database.reading() as session:
            if session.execute(waiting).scalar_one():
                return
        assert monotonic() < deadline


def test_a_change_between_the_edition_and_the_book_is_read_twice_and_never_missed(
    database: Database, shop: UUID
) -> None:
    told = _editions(database)
    with database.unit_of_work() as session:
        _set_value(session, TOMORROW, 1200)
    with database.direct() as connection:
        book = price_book.read_book(connection, first_day=TODAY)
    assert book.face_value_on(day=TOMORROW) == 1200
    assert _editions(database).prices != told.prices


def test_what_is_left_of_a_budget_is_read_without_another_edition(
    database: Database, owner_database: Database, shop: UUID
) -> None:
    with database.unit_of_work() as session:
        campaign_id = _campaign(session, "spring")
    before = _editions(database)
    with database.direct() as connection:
        book = campaign_book.read_book(connection, first_day=TODAY)
        assert [each.left for each in book.at(merchant_id=shop, day=TODAY)] == [1_000]
        assert book.renewed(connection) is book
        with owner_database.unit_of_work() as session:
            session.execute(
                text("UPDATE ledger.campaign_slice SET taken = 3 WHERE campaign_id = :id"),
                {"id": campaign_id},
            )
            slices = session.execute(
                text("SELECT count(*) FROM ledger.campaign_slice")
            ).scalar_one()
        renewed = book.renewed(connection)
    assert [each.left for each in renewed.at(merchant_id=shop, day=TODAY)] == [1_000 - 3 * slices]
    assert _editions(database) == before
