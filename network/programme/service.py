"""Changes of the programme: what is in force never changes, a new value begins on a later day."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from fractions import Fraction
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from network.errors import PeyvandError
from network.ids import uuid7
from network.points import MAX_AMOUNT
from network.programme.models import CategoryRate, EarningTermsRow, FaceValue
from network.programme.rules import EarningTerms
from network.settings import CURRENCY

MAX_PENDING_DAYS = 366
MAX_EXPIRY_DAYS = 3660
MAX_CATEGORY_RATES = 500
MAX_CATEGORY_CHARACTERS = 120


class ProgrammeError(PeyvandError):
    """The programme can't be changed so."""

    code = "programme_refused"


class BackdatedError(ProgrammeError):
    """A change would begin on a day that has begun: points were already priced without it."""

    code = "backdated"


class DateTakenError(ProgrammeError):
    """Another value begins on that day already."""

    code = "date_taken"


class TermsOutOfRangeError(ProgrammeError):
    """A rate, a period or an amount is not one that terms can have; ``field`` names it."""

    code = "terms_out_of_range"


def set_face_value(
    session: Session,
    *,
    effective_from: date,
    value: Fraction,
    today: date,
    now: datetime,
    set_by: UUID | None = None,
) -> None:
    """Let one point be worth ``value`` minor units from ``effective_from`` on.

    ``today`` is the last day that has begun (``days.begun_day``). The first face value may begin on
    any day, later ones from the day after it on. Raises BackdatedError, DateTakenError or
    TermsOutOfRangeError.
    """
    check_face_value(session, value=value, effective_from=effective_from, today=today)
    row = FaceValue(
        effective_from=effective_from,
        numerator=value.numerator,
        denominator=value.denominator,
        currency=CURRENCY,
        set_by=set_by,
        set_at=now,
    )
    _insert(session, row)


def check_face_value(
    session: Session, *, value: Fraction, effective_from: date, today: date
) -> None:
    """Refuse a face value that could not be set: raises what ``set_face_value`` raises."""
    if value <= 0:
        raise TermsOutOfRangeError("a face value is positive", field="value")
    _check_fraction(value, field="value")
    days = set(session.scalars(select(FaceValue.effective_from)))
    _check_date(effective_from, today=today, taken=days)


def set_earning_terms(
    session: Session,
    *,
    merchant_id: UUID,
    effective_from: date,
    base_rate: Fraction,
    pending_days: int,
    expiry_days: int,
    today: date,
    now: datetime,
    category_rates: Mapping[str, Fraction] | None = None,
    minimum_amount: int = 0,
    set_by: UUID | None = None,
) -> EarningTerms:
    """Let purchases at a merchant earn by these terms from ``effective_from`` on.

    Rates are points per minor unit, exact. ``today`` is the last day that has begun
    (``days.begun_day``). A merchant's first terms may begin on any day, later ones from the day
    after it on. Raises BackdatedError, DateTakenError or TermsOutOfRangeError.
    """
    terms = EarningTerms(
        earning_terms_id=uuid7(),
        merchant_id=merchant_id,
        effective_from=effective_from,
        base_rate=base_rate,
        category_rates=dict(category_rates or {}),
        pending_days=pending_days,
        expiry_days=expiry_days,
        minimum_amount=minimum_amount,
    )
    check_earning_terms(session, terms=terms, today=today)
    row = EarningTermsRow(
        earning_terms_id=terms.earning_terms_id,
        merchant_id=merchant_id,
        effective_from=effective_from,
        numerator=base_rate.numerator,
        denominator=base_rate.denominator,
        pending_days=pending_days,
        expiry_days=expiry_days,
        minimum_amount=minimum_amount,
        set_by=set_by,
        set_at=now,
    )
    _insert(session, row)
    session.add_all(
        CategoryRate(
            earning_terms_id=terms.earning_terms_id,
            category=category,
            numerator=rate.numerator,
            denominator=rate.denominator,
        )
        for category, rate in terms.category_rates.items()
    )
    session.flush()
    return terms


def check_earning_terms(session: Session, *, terms: EarningTerms, today: date) -> None:
    """Refuse earning terms that could not be set: raises what ``set_earning_terms`` raises."""
    _check_terms(terms)
    days = session.scalars(
        select(EarningTermsRow.effective_from).where(
            EarningTermsRow.merchant_id == terms.merchant_id
        )
    )
    _check_date(terms.effective_from, today=today, taken=set(days))


def _insert(session: Session, row: FaceValue | EarningTermsRow) -> None:
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", None) != "23505":
            raise
        raise _taken() from error


def _check_terms(terms: EarningTerms) -> None:
    _check_rate(terms.base_rate, field="base_rate")
    if len(terms.category_rates) > MAX_CATEGORY_RATES:
        raise TermsOutOfRangeError(
            f"terms have at most {MAX_CATEGORY_RATES} category rates", field="category_rates"
        )
    for category, rate in terms.category_rates.items():
        if not category.strip() or len(category) > MAX_CATEGORY_CHARACTERS:
            raise TermsOutOfRangeError(
                f"a category has 1 to {MAX_CATEGORY_CHARACTERS} characters", field="category_rates"
            )
        _check_rate(rate, field="category_rates")
    if not 0 <= terms.pending_days <= MAX_PENDING_DAYS:
        raise TermsOutOfRangeError(
            f"points are pending for 0 to {MAX_PENDING_DAYS} days", field="pending_days"
        )
    if not 1 <= terms.expiry_days <= MAX_EXPIRY_DAYS:
        raise TermsOutOfRangeError(
            f"points are valid for 1 to {MAX_EXPIRY_DAYS} days", field="expiry_days"
        )
    if not 0 <= terms.minimum_amount <= MAX_AMOUNT:
        raise TermsOutOfRangeError("the minimum amount is out of range", field="minimum_amount")


def _check_rate(rate: Fraction, *, field: str) -> None:
    if rate < 0:
        raise TermsOutOfRangeError("a rate is not negative", field=field)
    _check_fraction(rate, field=field)


def _check_fraction(value: Fraction, *, field: str) -> None:
    if value.numerator > MAX_AMOUNT or value.denominator > MAX_AMOUNT:
        raise TermsOutOfRangeError("this fraction is too fine to keep exactly", field=field)


def _check_date(effective_from: date, *, today: date, taken: AbstractSet[date]) -> None:
    if taken and effective_from <= today:
        raise BackdatedError(
            "a change begins on a day to come",
            field="effective_from",
            facts={"today": today.isoformat()},
        )
    if effective_from in taken:
        raise _taken()


def _taken() -> DateTakenError:
    return DateTakenError("another value begins on that day already", field="effective_from")
