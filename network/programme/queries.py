"""Reads of the programme: terms and face value in force on a day."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from network.errors import PeyvandError
from network.programme.models import CategoryRate, EarningTermsRow, FaceValue
from network.programme.rules import EarningTerms


class NoEarningTermsError(PeyvandError):
    """A merchant has no earning terms in force on the day: nothing can be earned there."""

    code = "no_earning_terms"


class NoFaceValueError(PeyvandError):
    """The programme has no face value in force on the day."""

    code = "no_face_value"


def face_value_on(session: Session, *, day: date) -> Fraction:
    """Return minor units per point on ``day``; raise NoFaceValueError where none is in force."""
    found = session.execute(
        select(FaceValue.numerator, FaceValue.denominator)
        .where(FaceValue.effective_from <= day)
        .order_by(FaceValue.effective_from.desc())
        .limit(1)
    ).first()
    if found is None:
        raise NoFaceValueError("no face value is in force", facts={"day": day.isoformat()})
    return Fraction(found.numerator, found.denominator)


def face_values(session: Session) -> list[tuple[date, Fraction]]:
    """Return every face value with the day that it begins on, the newest first."""
    rows = session.scalars(select(FaceValue).order_by(FaceValue.effective_from.desc()))
    return [(row.effective_from, Fraction(row.numerator, row.denominator)) for row in rows]


def terms_on(session: Session, *, merchant_id: UUID, day: date) -> EarningTerms:
    """Return what purchases at a merchant earn on ``day``; raise NoEarningTermsError."""
    row = session.scalars(
        _terms_of(merchant_id).where(EarningTermsRow.effective_from <= day).limit(1)
    ).first()
    if row is None:
        raise NoEarningTermsError(
            "this merchant has no earning terms in force", facts={"day": day.isoformat()}
        )
    return _terms(session, [row])[0]


def all_terms(session: Session, *, merchant_id: UUID) -> list[EarningTerms]:
    """Return all earning terms of a merchant, the newest first, those of the future included."""
    return _terms(session, list(session.scalars(_terms_of(merchant_id))))


def terms_by_merchant(session: Session, *, day: date) -> dict[UUID, EarningTerms]:
    """Return the terms in force on ``day`` of every merchant that has some."""
    rows = session.scalars(
        select(EarningTermsRow)
        .where(EarningTermsRow.effective_from <= day)
        .ext(distinct_on(EarningTermsRow.merchant_id))
        .order_by(EarningTermsRow.merchant_id, EarningTermsRow.effective_from.desc())
    )
    return {terms.merchant_id: terms for terms in _terms(session, list(rows))}


def _terms_of(merchant_id: UUID) -> Select[EarningTermsRow]:
    return (
        select(EarningTermsRow)
        .where(EarningTermsRow.merchant_id == merchant_id)
        .order_by(EarningTermsRow.effective_from.desc())
    )


def _terms(session: Session, rows: list[EarningTermsRow]) -> list[EarningTerms]:
    rates: dict[UUID, dict[str, Fraction]] = {row.earning_terms_id: {} for row in rows}
    for rate in session.scalars(
        select(CategoryRate)
        .where(CategoryRate.earning_terms_id.in_(rates))
        .order_by(CategoryRate.category)
    ):
        exact = Fraction(rate.numerator, rate.denominator)
        rates[rate.earning_terms_id][rate.category] = exact
    return [
        EarningTerms(
            earning_terms_id=row.earning_terms_id,
            merchant_id=row.merchant_id,
            effective_from=row.effective_from,
            base_rate=Fraction(row.numerator, row.denominator),
            category_rates=rates[row.earning_terms_id],
            pending_days=row.pending_days,
            expiry_days=row.expiry_days,
            minimum_amount=row.minimum_amount,
        )
        for row in rows
    ]
