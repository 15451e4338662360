"""Agreements with merchants: in force by date, by the word of two, never backdated."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from network.database.connection import Database
from network.ids import uuid7
from network.merchants import queries
from network.merchants.errors import (
    AlreadyApprovedError,
    BackdatedAgreementError,
    MerchantDataError,
    SamePersonError,
    UnknownAgreementError,
)
from network.merchants.queries import NoAgreementError
from tests.integration.subjects.seating import (
    ANNA,
    BEHZAD,
    TODAY,
    TOMORROW,
    approve,
    propose,
    register,
)


def test_agreements_follow_each_other_by_date(database: Database) -> None:
    with database.unit_of_work() as session:
        merchant_id = register(session)
        first = propose(session, merchant_id, effective_from=TODAY)
        approve(session, first.agreement_id)
        second = propose(
            session, merchant_id, issue_price=Decimal("991.2345678901"), settlement_iban=None
        )
        with pytest.raises(NoAgreementError):
            queries.agreement_on(session, merchant_id=merchant_id, day=TODAY - timedelta(days=1))
        on_tomorrow = queries.agreement_on(session, merchant_id=merchant_id, day=TOMORROW)
        assert on_tomorrow.version == 1
        assert [view.version for view in queries.waiting_agreements(session)] == [2]
        approve(session, second.agreement_id)
    with database.reading() as session:
        assert queries.agreement_on(session, merchant_id=merchant_id, day=TODAY).version == 1
        later = queries.agreement_on(session, merchant_id=merchant_id, day=date(2027, 5, 1))
        assert (later.version, later.issue_price) == (2, Decimal("991.2345678901"))
        assert (later.proposed_by, later.approved_by) == (ANNA, BEHZAD)
        assert [v.version for v in queries.agreements(session, merchant_id=merchant_id)] == [2, 1]


def test_it_takes_two_people(database: Database) -> None:
    with database.unit_of_work() as session:
        proposed = propose(session, register(session))
        for one in (ANNA, None):
            with pytest.raises(SamePersonError):
                approve(session, proposed.agreement_id, by=one)
        approve(session, proposed.agreement_id)
        with pytest.raises(AlreadyApprovedError):
            approve(session, proposed.agreement_id)
        with pytest.raises(UnknownAgreementError):
            approve(session, uuid7())


def test_the_database_wants_two_people_too(database: Database, owner_database: Database) -> None:
    with database.unit_of_work() as session:
        proposed = propose(session, register(session))
    with pytest.raises(DBAPIError, match="two_people"), owner_database.unit_of_work() as session:
        session.execute(
            text("UPDATE network.agreement SET approved_at = now(), approved_by = proposed_by")
        )
    with database.unit_of_work() as session:
        approve(session, proposed.agreement_id)
    with (
        pytest.raises(DBAPIError, match="does not change"),
        owner_database.unit_of_work() as session,
    ):
        session.execute(text("UPDATE network.agreement SET issue_price = 1"))
    with pytest.raises(DBAPIError, match="permission denied"), database.unit_of_work() as session:
        session.execute(text("UPDATE network.agreement SET issue_price = 1"))


def test_prices_are_never_backdated_after_the_first(database: Database) -> None:
    with database.unit_of_work() as session:
        merchant_id = register(session)
        first = propose(session, merchant_id, effective_from=TODAY - timedelta(days=3))
        late = propose(session, merchant_id, effective_from=TOMORROW)
        approve(session, first.agreement_id)
        with pytest.raises(BackdatedAgreementError):
            propose(session, merchant_id, effective_from=TODAY)
        with pytest.raises(BackdatedAgreementError):
            approve(session, late.agreement_id, today=TOMORROW)


def test_one_approved_agreement_per_day(database: Database) -> None:
    with database.unit_of_work() as session:
        merchant_id = register(session)
        one, other = propose(session, merchant_id), propose(session, merchant_id)
        approve(session, one.agreement_id)
        with pytest.raises(AlreadyApprovedError):
            approve(session, other.agreement_id)
        found = queries.agreement_on(session, merchant_id=merchant_id, day=TOMORROW)
        assert found.agreement_id == one.agreement_id


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("issue_price", Decimal(0)),
        ("issue_price", Decimal(-1)),
        ("issue_price", Decimal("NaN")),
        ("issue_price", Decimal("Infinity")),
        ("issue_price", Decimal("1.00000000001")),
        ("issue_price", Decimal(10) ** 10),
        ("acceptance_fee", Decimal(1)),
        ("acceptance_fee", Decimal("-0.01")),
        ("settlement_iban", "IR00"),
    ],
)
def test_prices_out_of_range(database: Database, field: str, value: object) -> None:
    with database.unit_of_work() as session:
        merchant_id = register(session)
        with pytest.raises(MerchantDataError) as refused:
            propose(session, merchant_id, **{field: value})
        assert refused.value.field == field
        assert queries.agreements(session, merchant_id=merchant_id) == []


def test_a_holder_of_an_account_is_what_banks_take(database: Database) -> None:
    with database.unit_of_work() as session:
        shop = register(session)
        for wrong in ("x" * 71, "a\x00b"):
            with pytest.raises(MerchantDataError) as refused:
                propose(session, shop, account_holder=wrong)
            assert refused.value.field == "account_holder"
        made = [propose(session, shop, account_holder=each) for each in (" A  B ", " ", None)]
    assert [each.account_holder for each in made] == ["A B", None, None]
