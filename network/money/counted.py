"""What a booking of the bank counts as already: an answer to a payment, or what people entered.

One booking is one movement of money. References are kept with single spaces and compared without
regard to case. Whoever writes on such an answer holds the open business day
(``open_business_day``), so that two of them can't count one booking at once.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.orm import Session

LONGEST_BANK_REF = 71
"""A reference of the bank (Max35Text), or a statement's name, a stroke and a number in it."""

_COVER = text("""
    SELECT ref FROM unnest(CAST(:refs AS text[])) AS ref
    WHERE EXISTS (
        SELECT FROM network.proposal
        WHERE kind IN ('cover.move', 'default.recover') AND terms ->> 'act' <> 'drawn'
          AND approved IS NOT FALSE
          AND upper(terms ->> 'bank_ref') = upper(ref)
    )
""")
_PAYMENT = text("""
    SELECT EXISTS (
        SELECT FROM network.bank_answer AS a
        LEFT JOIN network.bank_answer_again AS g ON g.bank_answer_id = a.bank_answer_id
        WHERE upper(a.bank_ref) = upper(:ref)
          AND coalesce(g.outcome, a.outcome) IN ('settled', 'returned', 'late')
    )
""")


def one_spaced(reference: str) -> str:
    """Return a reference as it is kept and compared: with single spaces."""
    return " ".join(reference.split())


def cover_bookings(session: Session, *, bank_refs: Collection[str]) -> set[str]:
    """Return which references people entered, or wait to: for a deposit, a reserve, late pay."""
    return set(session.scalars(_COVER, {"refs": list(bank_refs)}))


def answered_payment(session: Session, *, bank_ref: str) -> bool:
    """Return whether a booking answered a payment, by the bank's reference of it."""
    found: bool = session.execute(_PAYMENT, {"ref": one_spaced(bank_ref)}).scalar_one()
    return found
