"""What the bank says of payments: booked, sent back, or nothing that we know of.

Each line of its statements is taken once, by the bank's own reference. A statement is taken in two
steps: ``understand`` says what its lines mean and changes nothing, ``take_bank_lines`` writes it
down. Both go by sets: a few statements however many lines there are. A line that moved nothing when
it came, and would now, counts after all where two people want it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from functools import partial
from typing import cast
from uuid import UUID

from sqlalchemy import insert, text, update
from sqlalchemy.orm import Session

from network.clearing.parties import clearing_id
from network.money import queries
from network.money.counted import cover_bookings
from network.money.errors import BankLineAgainError, BankLineError
from network.money.facts import BankLine, Outcome, PaymentFact, PaymentState, Understood
from network.money.models import BankAnswer, BankAnswerAgain, Payment
from network.money.service import Entry, moved, payment_entry, post

_BOOKED: Mapping[PaymentState, Outcome] = {
    "prepared": "settled",
    "released": "settled",
    "cancelled": "late",
}
"""What a booking of the right amount means in each state of its payment."""
_LINE = tuple(BankLine.__dataclass_fields__)

_KNOWN = text("""
    SELECT b.* FROM network.bank_answer AS b
    JOIN unnest(CAST(:accounts AS text[]), CAST(:refs AS text[]), CAST(:places AS bigint[]))
        AS given (account, bank_ref, place) USING (account, bank_ref, place)
""")
_PAYMENTS = "SELECT * FROM network.payment WHERE end_to_end_id = ANY(:ids) ORDER BY payment_id"


def understand(
    session: Session, *, lines: Sequence[BankLine], lock: bool = False
) -> list[Understood | None]:
    """Return what each line means in their order, None for one that was taken before.

    A booking of the right amount settles its payment; a return brings the money back to the
    merchant's balance. A booking of a payment that was cancelled meanwhile is the truth (``late``):
    it takes the cancellation back. Whatever else names a payment is a finding and moves nothing,
    and so is a booking that two people entered as a deposit or a reserve, or are asked to: it
    counts once. With ``lock`` the payments stay as they are until the unit of work ends, and the
    caller holds the open business day. Raises BankLineError where the bank's reference stood for
    another booking before.
    """
    known = _known(session, lines)
    payments = _payments(session, lines, lock=lock)
    covers = cover_bookings(session, bank_refs={each.bank_ref for each in lines})
    found: list[Understood | None] = []
    for line in lines:
        before = known.setdefault(_key(line), line)
        if before is not line:
            _same_as_before(before, line)
            found.append(None)
            continue
        payment, state = payments.get(line.end_to_end_id, (None, None))
        outcome = _outcome(payment, state, line)
        meant = Understood(line=line, outcome=outcome, payment=payment, before=state)
        if meant.moves and line.bank_ref in covers:
            meant = Understood(line=line, outcome="duplicate", payment=payment, before=state)
        if payment is not None and meant.after is not None:
            payments[payment.end_to_end_id] = (payment, meant.after)
        found.append(meant)
    return found


def take_bank_lines(
    session: Session,
    *,
    understood: Iterable[Understood],
    document_digest: bytes,
    by: UUID,
    now: datetime,
    business_date: date,
    proposal_id: UUID | None = None,
) -> None:
    """Write down what was understood under a lock, and move the money on ``business_date``.

    ``proposal_id`` is what two people agreed on; it stands on whatever needs them.
    """
    taken = list(understood)
    if not taken:
        return
    session.execute(
        insert(BankAnswer),
        [
            {
                "bank_answer_id": clearing_id("bank", *_key(each.line)),
                "outcome": each.outcome,
                "payment_id": None if each.payment is None else each.payment.payment_id,
                "document_digest": document_digest,
                "imported_by": by,
                "imported_at": now,
                **asdict(each.line),
            }
            for each in taken
        ],
    )
    post(
        session,
        entries=[
            entry
            for each in taken
            for entry in _entries(
                each,
                business_date=business_date,
                proposal_id=proposal_id if each.needs_two else None,
            )
        ],
    )
    _advance(session, taken)


def would_mean(session: Session, *, bank_answer_id: UUID, lock: bool = False) -> Understood:
    """Return what a line of the bank's that moved nothing would mean now.

    A deposit that was proposed with the booking is declined by then, or a payment let out that was
    not. With ``lock`` its payment stays as it is until the unit of work ends. Raises
    BankLineAgainError where the line moves nothing still, or has moved something.
    """
    row = session.get(BankAnswer, bank_answer_id)
    if row is None:
        raise BankLineAgainError("there is no such line", reason="unknown")
    line = queries.bank_line(row)
    was = Understood(line=line, outcome=cast("Outcome", row.outcome), payment=None, before=None)
    if was.moves or session.get(BankAnswerAgain, bank_answer_id) is not None:
        raise BankLineAgainError("this line has counted", reason="counted")
    if cover_bookings(session, bank_refs=[line.bank_ref]):
        raise BankLineAgainError("this booking is entered otherwise", reason="entered")
    payment, state = _payments(session, [line], lock=lock).get(line.end_to_end_id, (None, None))
    outcome = _outcome(payment, state, line)
    meant = Understood(line=line, outcome=outcome, payment=payment, before=state)
    if not meant.moves:
        raise BankLineAgainError("this line would move nothing", reason="nothing")
    return meant


def take_again(
    session: Session,
    *,
    bank_answer_id: UUID,
    outcome: str,
    now: datetime,
    business_date: date,
    proposal_id: UUID,
) -> None:
    """Let a line of the bank's count after all, as two people want it.

    ``outcome`` is what both saw that it would mean; ``business_date`` is the open day, held. Raises
    BankLineAgainError.
    """
    meant = would_mean(session, bank_answer_id=bank_answer_id, lock=True)
    if meant.outcome != outcome:
        raise BankLineAgainError("it would mean something else now", reason="changed")
    session.execute(
        insert(BankAnswerAgain).values(
            bank_answer_id=bank_answer_id, outcome=outcome, proposal_id=proposal_id, taken_at=now
        )
    )
    post(
        session,
        entries=_entries(meant, business_date=business_date, proposal_id=proposal_id),
    )
    _advance(session, [meant])


def _advance(session: Session, taken: Iterable[Understood]) -> None:
    """Write down how far the payments are now."""
    states = {each.payment.payment_id: each.after for each in taken if each.payment and each.after}
    for state in sorted(set(states.values())):
        session.execute(
            update(Payment)
            .where(Payment.payment_id.in_([key for key, each in states.items() if each == state]))
            .values(state=state)
        )


def _key(line: BankLine) -> tuple[str, str, int]:
    return (line.account, line.bank_ref, line.place)


def _known(session: Session, lines: Sequence[BankLine]) -> dict[tuple[str, str, int], BankLine]:
    rows = session.execute(
        _KNOWN,
        {
            "accounts": [each.account for each in lines],
            "refs": [each.bank_ref for each in lines],
            "places": [each.place for each in lines],
        },
    )
    before = (BankLine(**{name: getattr(row, name) for name in _LINE}) for row in rows)
    return {_key(each): each for each in before}


def _same_as_before(before: BankLine, line: BankLine) -> None:
    """Raise BankLineError where a reference that was seen before stands for something else now."""
    if before != line:
        raise BankLineError(
            "this reference of the bank stands for another booking",
            reason="reference_reused",
            field=line.bank_ref,
        )


def _payments(
    session: Session, lines: Sequence[BankLine], *, lock: bool
) -> dict[str | None, tuple[PaymentFact | None, PaymentState | None]]:
    """Return the payments that lines name and how far each is, by end-to-end id."""
    rows = session.execute(
        # In one order of payments, so that two files at once can't wait for each other.
        text(_PAYMENTS + (" FOR UPDATE" if lock else "")),
        {"ids": list({each.end_to_end_id for each in lines if each.end_to_end_id is not None})},
    )
    return {row.end_to_end_id: (queries.payment_fact(row), row.state) for row in rows}


def _outcome(payment: PaymentFact | None, state: PaymentState | None, line: BankLine) -> Outcome:
    """Say what a bank's line means for the payment that it names."""
    if payment is None or state is None:
        return "unknown"
    if line.currency != payment.currency or line.amount != payment.amount:
        return "mismatched"
    inward = payment.direction == "collection"
    if line.returned:
        # A return runs against the payment and can follow only one that left the house.
        if line.credit == inward or state == "prepared":
            return "mismatched"
        return "duplicate" if state in {"returned", "cancelled"} else "returned"
    if line.credit != inward or (state == "prepared" and not payment.awaited):
        # Money that moved although two people have not let it is for a person to look at.
        return "mismatched"
    return _BOOKED.get(state, "duplicate")


def _entries(taken: Understood, *, business_date: date, proposal_id: UUID | None) -> list[Entry]:
    """Return what a line that was taken does in the money ledger."""
    fact = taken.payment
    if fact is None or not taken.moves:
        return []
    entry = partial(
        payment_entry, payment=fact, business_date=business_date, proposal_id=proposal_id
    )
    if taken.outcome == "returned":
        # What the bank had booked comes back to clearing first, then to the merchant.
        booked = moved(fact, "bank", "clearing") if taken.before == "settled" else ()
        return [entry("return", lines=(*booked, *moved(fact, "clearing", "settlement")))]
    undone = (
        [entry("reinstatement", lines=moved(fact, "settlement", "clearing"))]
        if taken.outcome == "late"
        else []
    )
    return [*undone, entry("settlement", lines=moved(fact, "clearing", "bank"))]
