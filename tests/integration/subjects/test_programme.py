"""Dated face values and earning terms on the real database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from network.database.connection import Database
from network.merchants.service import register_merchant
from network.points import MAX_AMOUNT
from network.programme import queries, service
from network.programme.queries import NoEarningTermsError, NoFaceValueError
from network.programme.rules import EarningTerms
from network.programme.service import BackdatedError, DateTakenError, TermsOutOfRangeError

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
TODAY = date(2026, 11, 22)
TOMORROW = TODAY + timedelta(days=1)


def merchant(session: Session, code: str = "mahtab") -> UUID:
    return register_merchant(
        session, code=code, name_fa="مهتاب", name_en="Mahtab", kind="grocery", now=NOW
    )


def set_terms(session: Session, merchant_id: UUID, **changes: Any) -> EarningTerms:
    facts: dict[str, Any] = {
        "effective_from": TODAY,
        "base_rate": Fraction(1, 45_000),
        "pending_days": 3,
        "expiry_days": 270,
        "today": TODAY,
        "now": NOW,
    }
    return service.set_earning_terms(session, merchant_id=merchant_id, **facts | changes)


def set_value(session: Session, day: date, value: Fraction) -> None:
    service.set_face_value(session, effective_from=day, value=value, today=TODAY, now=NOW)


def test_the_face_value_of_a_day(database: Database) -> None:
    with database.unit_of_work() as session:
        set_value(session, TODAY, Fraction(1000))
        set_value(session, TOMORROW, Fraction(10_000, 7))
    with database.reading() as session:
        assert queries.face_value_on(session, day=TODAY) == 1000
        assert queries.face_value_on(session, day=date(2030, 1, 1)) == Fraction(10_000, 7)
        assert queries.face_values(session) == [
            (TOMORROW, Fraction(10_000, 7)),
            (TODAY, Fraction(1000)),
        ]
        with pytest.raises(NoFaceValueError):
            queries.face_value_on(session, day=TODAY - timedelta(days=1))


def test_face_values_are_not_changed_afterwards(database: Database) -> None:
    with database.unit_of_work() as session:
        set_value(session, TODAY, Fraction(1000))
        with pytest.raises(BackdatedError):
            set_value(session, TODAY, Fraction(2000))
        set_value(session, TOMORROW, Fraction(2000))
        with pytest.raises(DateTakenError):
            set_value(session, TOMORROW, Fraction(3000))
        for value in (Fraction(0), Fraction(-1), Fraction(1, MAX_AMOUNT + 1)):
            with pytest.raises(TermsOutOfRangeError):
                set_value(session, TOMORROW + timedelta(days=1), value)
    with pytest.raises(DBAPIError, match="permission denied"), database.unit_of_work() as session:
        session.execute(text("UPDATE network.face_value SET numerator = 1"))


def test_terms_of_a_day_come_back_exactly(database: Database) -> None:
    with database.unit_of_work() as session:
        merchant_id, other = merchant(session), merchant(session, code="sepand")
        first = set_terms(
            session,
            merchant_id,
            category_rates={"BABY FOODS": Fraction(1, 25_000), "CIGARETTES": Fraction(0)},
            minimum_amount=50_000,
        )
        second = set_terms(session, merchant_id, effective_from=TOMORROW, pending_days=0)
    with database.reading() as session:
        assert queries.terms_on(session, merchant_id=merchant_id, day=TODAY) == first
        assert queries.terms_on(session, merchant_id=merchant_id, day=TOMORROW) == second
        assert queries.all_terms(session, merchant_id=merchant_id) == [second, first]
        assert queries.terms_by_merchant(session, day=TOMORROW) == {merchant_id: second}
        with pytest.raises(NoEarningTermsError):
            queries.terms_on(session, merchant_id=other, day=TODAY)
        with pytest.raises(NoEarningTermsError):
            queries.terms_on(session, merchant_id=merchant_id, day=TODAY - timedelta(days=1))


def test_later_terms_begin_tomorrow_at_the_earliest(database: Database) -> None:
    with database.unit_of_work() as session:
        merchant_id = merchant(session)
        set_terms(session, merchant_id, effective_from=TODAY - timedelta(days=30))
        with pytest.raises(BackdatedError):
            set_terms(session, merchant_id, effective_from=TODAY)
        set_terms(session, merchant_id, effective_from=TOMORROW)
        with pytest.raises(DateTakenError):
            set_terms(session, merchant_id, effective_from=TOMORROW)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("base_rate", Fraction(-1, 1000)),
        ("base_rate", Fraction(1, MAX_AMOUNT + 1)),
        ("category_rates", {"": Fraction(1)}),
        ("category_rates", {"x" * 121: Fraction(1)}),
        ("category_rates", {"x": Fraction(-1)}),
        ("category_rates", {str(n): Fraction(1) for n in range(501)}),
        ("pending_days", -1),
        ("pending_days", 367),
        ("expiry_days", 0),
        ("minimum_amount", -1),
        ("minimum_amount", MAX_AMOUNT + 1),
    ],
)
def test_terms_out_of_range(database: Database, field: str, value: object) -> None:
    with database.unit_of_work() as session:
        merchant_id = merchant(session)
        with pytest.raises(TermsOutOfRangeError) as refused:
            set_terms(session, merchant_id, **{field: value})
        assert refused.value.field == field
        assert queries.all_terms(session, merchant_id=merchant_id) == []
