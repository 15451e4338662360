"""What payees say of direct payments: that one arrived, or that it did not.

Nobody but the payee sees that money come in, and nobody else is worse off if it says so wrongly:
its word that a payment arrived ends it (``confirmed``), and moves nothing. That one did not arrive
would move both balances, so it is kept for two people of the network to act on; likewise that one
arrived which they had given up. Each word is kept with the signed request that it came with.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from network.errors import PeyvandError
from network.ids import uuid7
from network.ledger.values import Evidence
from network.money import direct
from network.money.facts import DirectView
from network.money.models import DirectPaymentRow, DirectReceiptRow
from network.money.today import open_business_day

PREFIX = "dpy"


class UnknownDirectPaymentError(PeyvandError):
    """No payment with this id was handed out to this merchant."""

    code = "unknown_direct_payment"


class NotPayeeError(PeyvandError):
    """Only whoever is paid can say whether a payment arrived."""

    code = "not_the_payee"


class DirectConfirmedError(PeyvandError):
    """It was written down that this payment arrived."""

    code = "direct_payment_confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a payee said of a payment last; ``said_by`` is its key, or a person's sign-in."""

    arrived: bool
    said_by: str
    said_at: datetime


def handed_out_to(
    session: Session,
    *,
    merchant_id: UUID,
    before: tuple[date, UUID] | None = None,
    limit: int,
) -> list[DirectView]:
    """Return the payments that a merchant pays or gets, the latest window first, once released.

    ``before`` is the window's first day and the id of the last one of the page before.
    """
    rows = session.scalars(
        text("""
            SELECT d.direct_payment_id FROM network.direct_payment AS d
            JOIN network.settlement_window AS w ON w.window_id = d.window_id
            WHERE d.state <> 'prepared' AND :merchant IN (d.payer_id, d.payee_id)
              AND (CAST(:day AS date) IS NULL
                   OR (w.first_day, d.direct_payment_id) < (:day, CAST(:last AS uuid)))
            ORDER BY w.first_day DESC, d.direct_payment_id DESC LIMIT :limit
        """),
        {
            "merchant": merchant_id,
            "day": None if before is None else before[0],
            "last": None if before is None else before[1],
            "limit": limit,
        },
    ).all()
    return direct.these(session, direct_payment_ids=rows)


def handed_out_one(session: Session, *, merchant_id: UUID, direct_payment_id: UUID) -> DirectView:
    """Return a payment that a merchant pays or gets; raise UnknownDirectPaymentError."""
    found = direct.these(session, direct_payment_ids=[direct_payment_id])
    if (
        not found
        or found[0].state == "prepared"
        or merchant_id not in {found[0].fact.payer_id, found[0].fact.payee_id}
    ):
        raise UnknownDirectPaymentError("this merchant has no such payment")
    return found[0]


def receipts(session: Session, *, direct_payment_ids: Collection[UUID]) -> dict[UUID, Receipt]:
    """Return what payees said of these payments last, by the payment's id."""
    rows = session.scalars(
        select(DirectReceiptRow)
        .where(DirectReceiptRow.direct_payment_id.in_(direct_payment_ids))
        .order_by(DirectReceiptRow.direct_receipt_id)
    )
    return {
        row.direct_payment_id: Receipt(
            arrived=row.arrived, said_by=row.said_by, said_at=row.said_at
        )
        for row in rows
    }


def say(
    session: Session,
    *,
    direct_payment_id: UUID,
    merchant_id: UUID,
    arrived: bool,
    said_by: str,
    evidence: Evidence,
    wall: datetime,
) -> None:
    """Keep what a payee says; one that it awaited and that arrived is confirmed with it.

    To say again what was said last changes nothing. Raises UnknownDirectPaymentError,
    NotPayeeError, DirectConfirmedError for what has arrived already and now has not, and
    DayClosingError.
    """
    found = handed_out_one(session, merchant_id=merchant_id, direct_payment_id=direct_payment_id)
    if found.fact.payee_id != merchant_id:
        raise NotPayeeError("only the payee sees whether it arrived")
    today = open_business_day(session)
    row = session.get_one(
        DirectPaymentRow, direct_payment_id, with_for_update=True, populate_existing=True
    )
    if row.state == "confirmed":
        if arrived:
            return
        raise DirectConfirmedError("it was written down that it arrived")
    last = receipts(session, direct_payment_ids=[direct_payment_id]).get(direct_payment_id)
    if last is not None and last.arrived == arrived:
        return
    session.add(
        DirectReceiptRow(
            direct_receipt_id=uuid7(),
            direct_payment_id=direct_payment_id,
            arrived=arrived,
            said_by=said_by,
            said_at=wall,
            signature_base=evidence.signature_base,
            signature=evidence.signature,
            body=evidence.body,
        )
    )
    if arrived and row.state == "released":
        row.state = "confirmed"
        row.answered_on = today
    session.flush()
