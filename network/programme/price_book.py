"""What all merchants' purchases earn and what their points cost, read at once and kept as text.

A process of the gateway has one such book and reads another when prices have another edition
(``network/database/editions.py``). A merchant's part is made into values where somebody asks.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlalchemy import text

from network.database.driver import Channel, rows_of
from network.merchants.queries import NoAgreementError
from network.programme.queries import NoEarningTermsError, NoFaceValueError
from network.programme.rules import EarningTerms

LONGEST_TERMS = 6_000
"""Characters of a merchant's terms in the book, so that its size is bounded: about a hundred rates.
Longer ones are left out, and are read by themselves."""

# What holds on the first day of the book and what begins later, the future included: so midnight
# changes nothing in a book. The first row has the face values.
_BOOK = text("""
    SELECT '' AS merchant,
           (SELECT CAST(json_agg(json_build_array(v.effective_from, v.numerator, v.denominator)
                                 ORDER BY v.effective_from DESC) AS text)
            FROM network.face_value AS v) AS terms,
           NULL AS agreements
    UNION ALL
    SELECT CAST(m.merchant_id AS text),
           CASE WHEN length(t.terms) > :longest THEN '' ELSE t.terms END,
           a.agreements
    FROM network.merchant AS m
    CROSS JOIN LATERAL (
        SELECT CAST(json_agg(json_build_array(
                   e.effective_from, e.earning_terms_id, e.numerator, e.denominator,
                   e.pending_days, e.expiry_days, e.minimum_amount,
                   (SELECT json_agg(json_build_array(c.category, c.numerator, c.denominator)
                                    ORDER BY c.category)
                    FROM network.category_rate AS c
                    WHERE c.earning_terms_id = e.earning_terms_id))
               ORDER BY e.effective_from DESC) AS text) AS terms
        FROM network.earning_terms AS e
        WHERE e.merchant_id = m.merchant_id
          AND e.effective_from >= coalesce(
              (SELECT max(b.effective_from) FROM network.earning_terms AS b
               WHERE b.merchant_id = m.merchant_id
                 AND b.effective_from <= CAST(:first_day AS date)), '-infinity')) AS t
    CROSS JOIN LATERAL (
        SELECT CAST(json_agg(json_build_array(
                   e.effective_from, e.agreement_id, CAST(e.issue_price AS text))
               ORDER BY e.effective_from DESC) AS text) AS agreements
        FROM network.agreement AS e
        WHERE e.merchant_id = m.merchant_id AND e.approved_at IS NOT NULL
          AND e.effective_from >= coalesce(
              (SELECT max(b.effective_from) FROM network.agreement AS b
               WHERE b.merchant_id = m.merchant_id AND b.approved_at IS NOT NULL
                 AND b.effective_from <= CAST(:first_day AS date)), '-infinity')) AS a
    WHERE t.terms IS NOT NULL OR a.agreements IS NOT NULL
""")


@dataclass(frozen=True, slots=True)
class Agreed:
    """By which agreement an issuer pays for its points, and minor units for each."""

    agreement_id: UUID
    issue_price: Decimal


class PriceBook:
    """Prices from a day on, as they stood at one moment; what was before is not in it."""

    def __init__(self, rows: list[Any], *, first_day: date) -> None:
        self.first_day = first_day
        self._texts = {merchant: (terms, agreements) for merchant, terms, agreements in rows}
        values, _ = self._texts.pop("", (None, None))
        self._face_values = [
            (date.fromisoformat(day), Fraction(numerator, denominator))
            for day, numerator, denominator in json.loads(values or "[]")
        ]

    def terms_on(self, *, merchant_id: UUID, day: date) -> EarningTerms | None:
        """Return what purchases at a merchant earn on ``day``; raises NoEarningTermsError.

        ``None`` where the book does not say and the tables must be asked.
        """
        if day < self.first_day:
            return None
        terms, _ = self._texts.get(str(merchant_id), (None, None))
        if terms == "":
            return None
        found = _in_force(terms, day)
        if found is None:
            raise NoEarningTermsError(
                "this merchant has no earning terms in force", facts={"day": day.isoformat()}
            )
        begins, terms_id, numerator, denominator, pending, expiry, minimum, rates = found
        return EarningTerms(
            earning_terms_id=UUID(terms_id),
            merchant_id=merchant_id,
            effective_from=date.fromisoformat(begins),
            base_rate=Fraction(numerator, denominator),
            category_rates={name: Fraction(above, below) for name, above, below in rates or ()},
            pending_days=pending,
            expiry_days=expiry,
            minimum_amount=minimum,
        )

    def agreement_on(self, *, merchant_id: UUID, day: date) -> Agreed | None:
        """Return the approved agreement in force on ``day``; raises NoAgreementError.

        ``None`` where the book does not say and the tables must be asked.
        """
        if day < self.first_day:
            return None
        _, agreements = self._texts.get(str(merchant_id), (None, None))
        found = _in_force(agreements, day)
        if found is None:
            raise NoAgreementError(
                "this merchant has no agreement in force", facts={"day": day.isoformat()}
            )
        _, agreement_id, price = found
        return Agreed(UUID(agreement_id), Decimal(price))

    def face_value_on(self, *, day: date) -> Fraction:
        """Return minor units per point on ``day``; raises NoFaceValueError."""
        for begins, value in self._face_values:
            if begins <= day:
                return value
        raise NoFaceValueError("no face value is in force", facts={"day": day.isoformat()})


def read_book(connection: Channel, *, first_day: date) -> PriceBook:
    """Return the book of all merchants' prices from ``first_day`` on, in one statement."""
    rows = rows_of(connection, _BOOK, {"first_day": first_day, "longest": LONGEST_TERMS})
    return PriceBook(rows, first_day=first_day)


def _in_force(written: str | None, day: date) -> list[Any] | None:
    """Return the newest of what is written that has begun on ``day``."""
    if written is None:
        return None
    latest = day.isoformat()
    return next((each for each in json.loads(written) if each[0] <= latest), None)
