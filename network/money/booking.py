"""What the bank says of payments: booked, sent back, or nothing that we know of.

Each line of its statements is taken once, by the bank's own reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from functools import partial
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from network.clearing.parties import clearing_id
from network.money import queries
from network.money.counted import cover_has_booking
from network.money.errors import BankLineError
from network.money.facts import BankLine, Outcome, TakenLine
from network.money.models import BankAnswer, Payment
from network.money.service import moved, payment_entry, post

_BOOKED: Mapping[str, Outcome] = {"prepared": "settled", "released": "settled", "cancelled": "late"}
"""What a booking of the right amount means in each state of its payment."""
_MOVING = frozenset({"settled", "returned", "late"})


def take_bank_line(
    session: Session,
    *,
    line: BankLine,
    document_digest: bytes,
    by: UUID,
    now: datetime,
    business_date: date,
    proposal_id: UUID,
) -> TakenLine | None:
    """Take one line of the bank's statement; return what it meant, None where it was taken before.

    Raises BankLineError where the bank's reference stood for another booking before. A booking of
    the right amount settles its payment; a return brings the money back to the
    merchant's balance on ``business_date``, whose window must still be open. A booking of a payment
    that was cancelled meanwhile is the truth (``late``): it takes the cancellation back. Whatever
    else names a payment is kept as a finding and moves nothing, and so is a booking that two people
    entered as a deposit or a reserve, or are asked to: it counts once. ``proposal_id`` is what two
    people agreed on; it stands on whatever needs them.
    """
    answer_id = clearing_id("bank", line.account, line.bank_ref, line.place)
    payment = _payment_of(session, line)
    outcome = _outcome(payment, line)
    if outcome in _MOVING and cover_has_booking(session, bank_ref=line.bank_ref):
        outcome = "duplicate"
    added = session.execute(
        insert(BankAnswer)
        .values(
            bank_answer_id=answer_id,
            outcome=outcome,
            payment_id=None if payment is None else payment.payment_id,
            document_digest=document_digest,
            imported_by=by,
            imported_at=now,
            **asdict(line),
        )
        .on_conflict_do_nothing()
        .returning(BankAnswer.bank_answer_id)
    ).one_or_none()
    if added is None:
        _same_as_before(session, line)
        return None
    if payment is None or outcome not in _MOVING:
        return TakenLine(outcome=outcome, needs_two=False)
    needs_two = outcome != "settled" or payment.direction == "collection"
    _answer(
        session,
        payment,
        outcome=outcome,
        business_date=business_date,
        proposal_id=proposal_id if needs_two else None,
    )
    return TakenLine(outcome=outcome, needs_two=needs_two)


def _same_as_before(session: Session, line: BankLine) -> None:
    """Raise BankLineError where a reference that was seen before stands for something else now."""
    before = session.execute(
        select(BankAnswer).where(
            BankAnswer.account == line.account,
            BankAnswer.bank_ref == line.bank_ref,
            BankAnswer.place == line.place,
        )
    ).scalar_one()
    if any(getattr(before, name) != value for name, value in asdict(line).items()):
        raise BankLineError(
            "this reference of the bank stands for another booking",
            reason="reference_reused",
            field=line.bank_ref,
        )


def _payment_of(session: Session, line: BankLine) -> Payment | None:
    if line.end_to_end_id is None:
        return None
    row = session.execute(
        text("SELECT payment_id FROM network.payment WHERE end_to_end_id = :id FOR UPDATE"),
        {"id": line.end_to_end_id},
    ).scalar_one_or_none()
    return None if row is None else session.get_one(Payment, row, populate_existing=True)


def _outcome(payment: Payment | None, line: BankLine) -> Outcome:
    """Say what a bank's line means for the payment that it names."""
    if payment is None:
        return "unknown"
    if line.currency != payment.currency or line.amount != payment.amount:
        return "mismatched"
    inward = payment.direction == "collection"
    if line.returned:
        # A return runs against the payment and can follow only one that left the house.
        if line.credit == inward or payment.state == "prepared":
            return "mismatched"
        return "duplicate" if payment.state in {"returned", "cancelled"} else "returned"
    awaited = inward and payment.mandate_id is None
    if line.credit != inward or (payment.state == "prepared" and not awaited):
        # Money that moved although two people have not let it is for a person to look at.
        return "mismatched"
    return _BOOKED.get(payment.state, "duplicate")


def _answer(
    session: Session,
    payment: Payment,
    *,
    outcome: Outcome,
    business_date: date,
    proposal_id: UUID | None,
) -> None:
    fact = queries.payment_fact(payment)
    entry = partial(
        payment_entry, payment=fact, business_date=business_date, proposal_id=proposal_id
    )
    entries = []
    if outcome == "returned":
        # What the bank had booked comes back to clearing first, then to the merchant.
        booked = moved(fact, "bank", "clearing") if payment.state == "settled" else ()
        back = (*booked, *moved(fact, "clearing", "settlement"))
        entries.append(entry("return", lines=back))
    else:
        if outcome == "late":
            entries.append(entry("reinstatement", lines=moved(fact, "settlement", "clearing")))
        entries.append(entry("settlement", lines=moved(fact, "clearing", "bank")))
    post(session, entries=entries)
    payment.state = "returned" if outcome == "returned" else "settled"
    session.flush()
