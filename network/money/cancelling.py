"""Taking back a payment that the bank never answered.

The money goes the way of a return: from clearing to the merchant's balance, on the open business
day, so that it stands on the next statement; the closed window stays as it is. Should the bank book
the payment all the same, that undoes the cancellation (``network/money/booking``).
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from network.money import queries
from network.money.errors import MoneyError
from network.money.facts import PaymentFact, PaymentState
from network.money.models import Payment
from network.money.service import moved, payment_entry, post


class CancellationError(MoneyError):
    """This payment can't be cancelled: the bank has answered, or it has not gone out yet."""

    code = "payment_cancellation_refused"


def check_cancellable(fact: PaymentFact, *, state: PaymentState) -> None:
    """Refuse to cancel what the bank has answered, or what has not left the house.

    A collection without a mandate leaves no file: its merchant was asked by the statement, so it
    can be cancelled as soon as it is prepared. Raises CancellationError.
    """
    if state in {"settled", "returned"}:
        raise CancellationError("the bank has answered this payment", reason="answered")
    if state == "cancelled":
        raise CancellationError("this payment is cancelled already", reason="cancelled")
    if state == "prepared" and not fact.awaited:
        raise CancellationError("this payment has not left the house", reason="not_released")


def cancel_payment(
    session: Session, *, payment_id: UUID, proposal_id: UUID, business_date: date
) -> PaymentFact:
    """Bring a payment's amount back to its merchant's balance; return the payment.

    ``business_date`` is the open day, whose window must not have begun to close. ``proposal_id``
    is what two people agreed on. Raises CancellationError.
    """
    payment = session.get(Payment, payment_id, with_for_update=True, populate_existing=True)
    if payment is None:
        raise CancellationError("there is no such payment", reason="unknown")
    fact = queries.payment_fact(payment)
    check_cancellable(fact, state=queries.payment_state(payment))
    lines = moved(fact, "clearing", "settlement")
    post(
        session,
        entries=[
            payment_entry(
                "cancellation",
                fact,
                business_date=business_date,
                lines=lines,
                proposal_id=proposal_id,
            )
        ],
    )
    payment.state = "cancelled"
    session.flush()
    return fact
