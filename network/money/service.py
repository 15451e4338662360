"""Writes of money: what a window nets to, the payments it leads to, and the bank's answers.

Every entry's id follows from its facts, so a step that is run again adds nothing. What the money
ledger says of a party is the sum of its postings; nothing is stored beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import partial
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from network.clearing.facts import PositionView
from network.clearing.parties import NETWORK_PARTY, clearing_id
from network.money import queries
from network.money.errors import BankLineError, ReleaseError
from network.money.facts import BankLine, Outcome, PaymentFact, ReleaseTotals, TakenLine
from network.money.models import BankAnswer, Payment, PaymentRelease

_CHUNK = 1000
_BOOKED: Mapping[str, Outcome] = {"prepared": "settled", "released": "settled", "cancelled": "late"}
"""What a booking of the right amount means in each state of its payment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a money entry: above zero the house owes ``party_id``."""

    account: str
    party_id: UUID
    reason: str
    currency: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A money entry to be posted: the same kind and facts are the same entry.

    ``proposal_id`` or ``correction_id`` names what two people agreed on, where they had to.
    """

    kind: str
    facts: tuple[object, ...]
    business_date: date
    lines: Sequence[Line]
    window_id: UUID | None = None
    payment_id: UUID | None = None
    proposal_id: UUID | None = None
    correction_id: UUID | None = None

    @property
    def entry_id(self) -> UUID:
        """Return the entry's id, which follows from what it is about."""
        return clearing_id("money", self.kind, *self.facts)


def post(session: Session, *, entries: Sequence[Entry]) -> None:
    """Post the money entries that are not there yet, each with lines that sum to zero.

    Two statements however many they are; the trigger that sums an entry looks at one statement's
    rows, so all of an entry's lines travel together.
    """
    added = set(
        session.scalars(
            text("""
                INSERT INTO network.money_entry
                    (money_entry_id, kind, business_date, window_id, payment_id, proposal_id,
                     correction_id)
                SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:kinds AS text[]),
                    CAST(:days AS date[]), CAST(:windows AS uuid[]), CAST(:payments AS uuid[]),
                    CAST(:proposals AS uuid[]), CAST(:corrections AS uuid[]))
                ON CONFLICT (money_entry_id) DO NOTHING
                RETURNING money_entry_id
            """),
            {
                "ids": [each.entry_id for each in entries],
                "kinds": [each.kind for each in entries],
                "days": [each.business_date for each in entries],
                "windows": [each.window_id for each in entries],
                "payments": [each.payment_id for each in entries],
                "proposals": [each.proposal_id for each in entries],
                "corrections": [each.correction_id for each in entries],
            },
        )
    )
    lines = [
        (each.entry_id, place, line)
        for each in entries
        if each.entry_id in added
        for place, line in enumerate(each.lines, start=1)
        if line.amount
    ]
    if not lines:
        return
    session.execute(
        text("""
            INSERT INTO network.money_posting
                (money_entry_id, line, account, party_id, reason, currency, amount)
            SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:places AS bigint[]),
                CAST(:accounts AS text[]), CAST(:parties AS uuid[]), CAST(:reasons AS text[]),
                CAST(:currencies AS text[]), CAST(:amounts AS bigint[]))
        """),
        {
            "ids": [entry_id for entry_id, _, _ in lines],
            "places": [place for _, place, _ in lines],
            "accounts": [line.account for _, _, line in lines],
            "parties": [line.party_id for _, _, line in lines],
            "reasons": [line.reason for _, _, line in lines],
            "currencies": [line.currency for _, _, line in lines],
            "amounts": [line.amount for _, _, line in lines],
        },
    )


def post_netting(
    session: Session, *, window_id: UUID, positions: Iterable[PositionView], business_date: date
) -> None:
    """Post what a window nets to: each account's sums by reason."""
    lines = [
        Line(
            account=each.account,
            party_id=each.party.party_id,
            reason=reason,
            currency=each.currency,
            amount=amount,
        )
        for each in positions
        for reason, amount in [
            ("receivable", each.receivable),
            ("payable", -each.payable),
            ("fees", each.vat - each.fees),
            ("vat", -each.vat),
        ]
    ]
    entry = Entry(
        kind="netting",
        facts=(window_id,),
        business_date=business_date,
        window_id=window_id,
        lines=lines,
    )
    post(session, entries=[entry])


def post_calls(
    session: Session,
    *,
    window_id: UUID,
    called: Mapping[tuple[UUID, str], int],
    business_date: date,
) -> None:
    """Fill deposits that did not suffice from their owners' settlement accounts.

    ``called`` has amounts above zero by merchant and currency.
    """
    entries = [
        Entry(
            kind="call",
            facts=(window_id, merchant_id, currency),
            business_date=business_date,
            window_id=window_id,
            lines=[
                Line(
                    account=account,
                    party_id=merchant_id,
                    reason="call",
                    currency=currency,
                    amount=signed,
                )
                for account, signed in (("settlement", -amount), ("deposit", amount))
            ],
        )
        for (merchant_id, currency), amount in sorted(called.items())
    ]
    post(session, entries=entries)


def add_payments(session: Session, *, payments: Sequence[PaymentFact], business_date: date) -> None:
    """Prepare payments that are not there yet, each with its instruction in the money ledger."""
    for start in range(0, len(payments), _CHUNK):
        session.execute(
            insert(Payment).on_conflict_do_nothing(index_elements=["payment_id"]),
            [asdict(each) for each in payments[start : start + _CHUNK]],
        )
    post(
        session,
        entries=[
            Entry(
                kind="instruction",
                facts=(each.payment_id,),
                business_date=business_date,
                window_id=each.window_id,
                payment_id=each.payment_id,
                lines=moved(each, "settlement", "clearing"),
            )
            for each in payments
        ],
    )


def propose_release(
    session: Session, *, window_id: UUID, totals: ReleaseTotals, by: UUID, now: datetime
) -> None:
    """Write down that ``by`` wants a window's payments let out, with the totals it saw.

    Raises ReleaseError where there is nothing to pay, the totals have changed, or it was proposed.
    """
    if totals.payouts + totals.collections == 0:
        raise ReleaseError("this window has nothing to pay or to collect", reason="nothing")
    if totals != queries.release_totals(session, window_id=window_id):
        raise ReleaseError("the totals are not those of the window's payments", reason="totals")
    added = session.execute(
        insert(PaymentRelease)
        .values(window_id=window_id, proposed_by=by, proposed_at=now, **asdict(totals))
        .on_conflict_do_nothing(index_elements=["window_id"])
        .returning(PaymentRelease.window_id)
    ).one_or_none()
    if added is None:
        raise ReleaseError(
            "the release of these payments has been proposed already", reason="proposed"
        )


def approve_release(session: Session, *, window_id: UUID, by: UUID, now: datetime) -> None:
    """Let a window's payments out on a second person's word.

    Raises ReleaseError where nobody proposed it, it is approved, ``by`` is who proposed it, or the
    payments no longer come to the totals that were proposed.
    """
    release = session.get(PaymentRelease, window_id, with_for_update=True, populate_existing=True)
    if release is None:
        raise ReleaseError(
            "nobody has proposed the release of these payments", reason="not_proposed"
        )
    if release.approved_at is not None:
        raise ReleaseError("these payments are released already", reason="released")
    if release.proposed_by == by:
        raise ReleaseError("a second person has to approve the release", reason="same_person")
    totals = queries.release_totals(session, window_id=window_id)
    if (release.payouts, release.payout_total, release.collections, release.collection_total) != (
        totals.payouts,
        totals.payout_total,
        totals.collections,
        totals.collection_total,
    ):
        raise ReleaseError("the totals are not those of the window's payments", reason="totals")
    release.approved_by = by
    release.approved_at = now
    session.flush()
    session.execute(
        update(Payment)
        .where(Payment.window_id == window_id, Payment.state == "prepared")
        .values(state="released")
    )


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
    else names a payment is kept as a finding and moves nothing. ``proposal_id`` is what two people
    agreed on; it stands on whatever needs them.
    """
    answer_id = clearing_id("bank", line.account, line.bank_ref, line.place)
    payment = _payment_of(session, line)
    outcome = _outcome(payment, line)
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
    if payment is None or outcome not in {"settled", "returned", "late"}:
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


def payment_entry(
    kind: str,
    payment: PaymentFact,
    *,
    business_date: date,
    lines: Sequence[Line],
    proposal_id: UUID | None = None,
) -> Entry:
    """Return what happens to a payment as a money entry; each kind happens to it once."""
    return Entry(
        kind=kind,
        facts=(payment.payment_id,),
        business_date=business_date,
        payment_id=payment.payment_id,
        proposal_id=proposal_id,
        lines=lines,
    )


def moved(payment: PaymentFact, source: str, target: str) -> tuple[Line, ...]:
    """Return the two lines that move a payment's amount from one account to another."""

    def line(account: str, amount: int) -> Line:
        own = account == "settlement"
        return Line(
            account=account,
            party_id=payment.merchant_id if own else NETWORK_PARTY,
            reason=payment.direction,
            currency=payment.currency,
            amount=amount,
        )

    return line(source, -payment.signed_amount), line(target, payment.signed_amount)
