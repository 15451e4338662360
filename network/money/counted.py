"""What a booking of the bank counts as already: an answer to a payment, or a deposit or reserve.

One booking is one movement of money. References are compared as people type them: without regard
to case, and with single spaces. Whoever writes on such an answer holds the open business day
(``open_business_day``), so that two of them can't count one booking at once.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

_SAME = "upper(btrim(regexp_replace({}, '\\s+', ' ', 'g')))"
_COVER = text(f"""
    SELECT EXISTS (
        SELECT FROM network.proposal
        WHERE kind = 'cover.move' AND terms ->> 'act' <> 'drawn' AND approved IS NOT FALSE
          AND upper(terms ->> 'bank_ref') = {_SAME.format("CAST(:ref AS text)")}
    )
""")
_PAYMENT = text(f"""
    SELECT EXISTS (
        SELECT FROM network.bank_answer
        WHERE {_SAME.format("bank_ref")} = {_SAME.format("CAST(:ref AS text)")}
          AND outcome IN ('settled', 'returned', 'late')
    )
""")


def cover_has_booking(session: Session, *, bank_ref: str) -> bool:
    """Return whether a booking stands for a deposit or a reserve, or waits to, by its reference."""
    found: bool = session.execute(_COVER, {"ref": bank_ref}).scalar_one()
    return found


def answered_payment(session: Session, *, bank_ref: str) -> bool:
    """Return whether a booking answered a payment, by the bank's reference of it."""
    found: bool = session.execute(_PAYMENT, {"ref": bank_ref}).scalar_one()
    return found
