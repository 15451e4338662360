"""Writes of money: what a window nets to, the payments it leads to, and their release.

Every entry's id follows from its facts, so a step that is run again adds nothing. What the money
ledger says of a party is the sum of its postings; nothing is stored beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from network.clearing.facts import PositionView
from network.clearing.parties import NETWORK_PARTY, clearing_id
from network.money import queries
from network.money.errors import ReleaseError
from network.money.facts import PaymentFact, ReleaseTotals
from network.money.models import DirectPaymentRow, Payment, PaymentRelease

_CHUNK = 1000


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
    if totals.count == 0:
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
    if any(getattr(release, name) != value for name, value in asdict(totals).items()):
        raise ReleaseError("the totals are not those of the window's payments", reason="totals")
    release.approved_by = by
    release.approved_at = now
    session.flush()
    session.execute(
        update(Payment)
        .where(Payment.window_id == window_id, Payment.state == "prepared")
        .values(state="released")
    )
    session.execute(
        update(DirectPaymentRow)
        .where(DirectPaymentRow.window_id == window_id, DirectPaymentRow.state == "prepared")
        .values(state="released")
    )


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
