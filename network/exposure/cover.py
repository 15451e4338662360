"""Deposits and reserves: what the network holds of a merchant's money, and how it moves.

A deposit covers what an issuer owes; a reserve does so last, and stays while a leaving merchant's
points are out. Money comes in from the bank (``received``), goes back (``released``), or pays what
the merchant owes and has not paid (``drawn``), the deposit before the reserve. Each movement needs
two people and posts on the open business day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, get_args
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from network.clearing.parties import NETWORK_PARTY
from network.exposure import measuring, queries
from network.merchants.locking import locked_merchant
from network.money.counted import LONGEST_BANK_REF, answered_payment, cover_bookings
from network.money.errors import MoneyError
from network.money.service import Entry, Line, post
from network.money.today import require_published
from network.points import MOST_AGREED
from network.settings import CURRENCY

Account = Literal["deposit", "reserve"]
Act = Literal["received", "released", "drawn"]
ACCOUNTS: tuple[Account, ...] = get_args(Account)
ACTS: tuple[Act, ...] = get_args(Act)


class CoverError(MoneyError):
    """A deposit or a reserve can't be moved so."""

    code = "cover_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What is to be moved: ``amount`` minor units, above zero, on one of a merchant's accounts."""

    merchant_id: UUID
    account: Account
    act: Act
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the network holds of a merchant's money, and what the merchant owes unpaid."""

    deposit: int
    reserve: int
    owed: int


def held(session: Session, *, merchant_id: UUID) -> Held:
    """Return a merchant's deposit, reserve, and what its settlement account lacks."""
    rows = session.execute(
        text("""
            SELECT account, sum(amount)::bigint AS amount FROM network.money_posting
            WHERE account IN ('deposit', 'reserve', 'settlement') AND party_id = :merchant
              AND currency = :currency
            GROUP BY account
        """),
        {"merchant": merchant_id, "currency": CURRENCY},
    )
    found = {row.account: row.amount for row in rows}
    return Held(
        deposit=found.get("deposit", 0),
        reserve=found.get("reserve", 0),
        owed=max(0, -found.get("settlement", 0)),
    )


def check_movement(session: Session, *, movement: Movement) -> None:
    """Refuse what can't be moved now.

    Nothing goes back that covers what the merchant stands to owe, as last measured; nothing is
    drawn beyond what it owes, nor from the reserve while there is a deposit. Raises CoverError.
    """
    if not 0 < movement.amount < MOST_AGREED:
        raise CoverError("an amount is above zero", reason="amount", field="amount")
    if movement.account not in ACCOUNTS or movement.act not in ACTS:
        raise CoverError("there is no such movement", reason="unknown", field="act")
    if movement.act == "received":
        return
    now = held(session, merchant_id=movement.merchant_id)
    if movement.amount > getattr(now, movement.account):
        raise CoverError("there is not as much", reason="balance", field="amount")
    if movement.act == "drawn":
        if movement.account == "reserve" and now.deposit > 0:
            raise CoverError("the deposit pays first", reason="deposit_first", field="account")
        if movement.amount > now.owed:
            raise CoverError("it does not owe as much", reason="not_owed", field="amount")
        return
    seen = queries.exposure_of(session, merchant_id=movement.merchant_id)
    if seen is None or movement.amount > seen.found.releasable(leaving=seen.leaving):
        raise CoverError("this covers what it stands to owe", reason="covers", field="amount")


def check_bank_ref(session: Session, *, movement: Movement, bank_ref: str) -> None:
    """Refuse a movement from or to the bank without its reference, or with one that counts already.

    One booking is one movement: the database lets no second proposal have its reference unless the
    first was declined. A booking that answered a payment is none of these. Raises CoverError.
    """
    if movement.act == "drawn":
        return
    if not bank_ref:
        raise CoverError(
            "the bank's reference is needed", reason="bank_ref_missing", field="bank_ref"
        )
    if len(bank_ref) > LONGEST_BANK_REF:
        raise CoverError(
            "no reference of a bank is as long", reason="bank_ref_long", field="bank_ref"
        )
    if cover_bookings(session, bank_refs=[bank_ref]):
        raise CoverError(
            "the bank's reference is entered already", reason="bank_ref_entered", field="bank_ref"
        )
    _check_unanswered(session, movement=movement, bank_ref=bank_ref)


def _check_unanswered(session: Session, *, movement: Movement, bank_ref: str) -> None:
    """Refuse a movement whose booking answered a payment. Raises CoverError."""
    if movement.act != "drawn" and answered_payment(session, bank_ref=bank_ref):
        raise CoverError(
            "the bank's reference answered a payment", reason="bank_ref_answered", field="bank_ref"
        )


def move_cover(
    session: Session,
    *,
    movement: Movement,
    bank_ref: str,
    proposal_id: UUID,
    business_date: date,
    now: datetime,
) -> None:
    """Post a movement that two people agreed on; exposure is measured before and after.

    ``business_date`` is the open day, whose window must not have begun to close; holding it is what
    keeps the bank's files from answering a payment with ``bank_ref`` meanwhile. Raises CoverError,
    and UnpublishedError for a draw while a night before it is not published.
    """
    if movement.act == "drawn":
        require_published(session, today=business_date)
    _check_unanswered(session, movement=movement, bank_ref=bank_ref)
    locked_merchant(session, movement.merchant_id)
    measuring.measure_now(session, now=now)
    check_movement(session, movement=movement)
    source, target = {
        "received": ("bank", movement.account),
        "released": (movement.account, "bank"),
        "drawn": (movement.account, "settlement"),
    }[movement.act]
    lines = [
        Line(
            account=account,
            party_id=NETWORK_PARTY if account == "bank" else movement.merchant_id,
            reason=movement.act,
            currency=CURRENCY,
            amount=amount,
        )
        for account, amount in ((source, -movement.amount), (target, movement.amount))
    ]
    entry = Entry(
        kind="draw" if movement.act == "drawn" else "cover",
        facts=(proposal_id,),
        business_date=business_date,
        proposal_id=proposal_id,
        lines=lines,
    )
    post(session, entries=[entry])
    measuring.measure_now(session, now=now)
