"""Month ends: sealed opening balances per lot, from which figures can be recomputed.

When the last day of a month is sealed, what every lot and debt that the month moved came to is
written as the opening of the next month, hashed, chained to the month end before and to the seal
of the last day, and signed. The functions of ``sql/87_openings.sql`` do the writing and say what
the hash covers; what is signed is ``peyvand.month.v1``, the month and the head in hexadecimal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from network.database.connection import Database
from network.ledger.seal import NO_HEAD, Signer, Verifier
from network.ledger.tables import business_day, month_end, opening, seal

VERSION = 1
_TAG = b"peyvand.month.v1\n"
_WRITE = text("SELECT * FROM ledger.write_openings(CAST(:month AS date))")
_SEAL = text("SELECT * FROM ledger.seal_month(:month, :version, :head, :key_id, :signature, :now)")


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthFault:
    """A month end that does not hold: changed, unchained, unsealed (the day) or unsigned."""

    month: date
    what: str


def month_after(day: date) -> date:
    """Return the first day of the month that follows the month of ``day``."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def write_month_ends(
    database: Database, *, through: date, now: datetime, sign: Signer
) -> list[date]:
    """Write and sign the month ends that are missing up to the sealed day ``through``, in order.

    Returns the months that they open. Each is one transaction; nothing happens where no month has
    ended. Raises what the database raises where a month's last day is not sealed.
    """
    with database.reading() as session:
        months = _missing(session, through=through)
    for month in months:
        with database.unit_of_work() as session:
            session.execute(text("SET LOCAL statement_timeout = 0"))
            head = session.execute(_WRITE, {"month": month}).one().head
            key_id, signature = sign(signed_message(month=month, head=head))
            session.execute(
                _SEAL,
                {
                    "month": month,
                    "version": VERSION,
                    "head": head,
                    "key_id": key_id,
                    "signature": signature,
                    "now": now,
                },
            )
    return months


def verify_month_ends(session: Session, *, verify: Verifier | None = None) -> list[MonthFault]:
    """Recompute every month end's head from its openings and return what does not hold.

    Needs one snapshot. Without ``verify`` signatures are not looked at.
    """
    rows = session.execute(
        select(
            month_end,
            seal.c.head.label("sealed_head"),
            func.ledger.openings_head(
                month_end.c.month, month_end.c.seal_head, month_end.c.previous_head
            ).label("counted_head"),
            select(func.count())
            .select_from(opening)
            .where(opening.c.month == month_end.c.month)
            .scalar_subquery()
            .label("counted"),
        )
        .outerjoin(seal, seal.c.business_date == month_end.c.month - 1)
        .order_by(month_end.c.month)
    ).all()
    faults = []
    previous, expected = NO_HEAD, None
    for row in rows:
        message = signed_message(month=row.month, head=row.head)
        holds = {
            "unsealed": row.sealed_head == row.seal_head,
            "unchained": row.previous_head == previous and expected in {None, row.month},
            "changed": (row.counted_head, row.counted) == (row.head, row.openings),
            "unsigned": verify is None or verify(row.key_id, message, row.signature),
        }
        faults += [MonthFault(month=row.month, what=what) for what in holds if not holds[what]]
        previous, expected = row.head, month_after(row.month)
    known = {row.month for row in rows}
    missing = _missing(session, through=session.scalar(select(func.max(seal.c.business_date))))
    return faults + [
        MonthFault(month=month, what="unchained") for month in missing if month not in known
    ]


def signed_message(*, month: date, head: bytes) -> bytes:
    """Return the bytes that a month end's signature is made over."""
    return b"%s%s\n%s\n" % (_TAG, month.isoformat().encode(), head.hex().encode())


def _missing(session: Session, *, through: date | None) -> list[date]:
    """Return the months without a month end whose month before lies within days to ``through``."""
    first = session.scalar(select(func.min(business_day.c.business_date)))
    written = set(session.scalars(select(month_end.c.month)))
    months = []
    month = None if first is None or through is None else month_after(first)
    while month is not None and through is not None and month - timedelta(days=1) <= through:
        if month not in written:
            months.append(month)
        month = month_after(month)
    return months
